"""Collect what the explorer shows of pairs of sentences: tokens of both, and attributions."""

import json
from pathlib import Path

from common.command import InputError, run
from common.reports.pair_views import pair_view_of
from common.tables import whole


def main(
    *,
    texts: Path,
    pairs: list[Path],
    encoders: list[str],
    comparison: str,
    corpus: str,
    method: str,
    output_pairs: Path,
) -> None:
    """Collect what the explorer shows of the pairs of one comparison, corpus and method, in JSON.

    Example: python scripts/collect_pairs.py --texts topical_pairs.pairs.parquet
    --pairs masked_lm.parquet adjacent.parquet --encoders masked_lm adjacent
    --comparison adjacent --corpus topical_pairs --method shapley --output-pairs pairs.json

    Parameters
    ----------
    texts
        The pairs whose similarity was attributed.
    pairs
        Attributions by each of the encoders in turn.
    encoders
        Names of the encoders.
    comparison
        Name of the comparison.
    corpus
        Name of the corpus.
    method
        Method of the attributions.
    output_pairs
        A piece of the page, for build_explorer.
    """
    if len(pairs) != len(encoders):
        raise InputError(f"--pairs has {len(pairs)} tables for {len(encoders)} --encoders")
    entry = {"comparison": comparison, "corpus": corpus, "method": method, "encoders": encoders}
    piece = {"entry": entry, "view": pair_view_of(texts, pairs, method)}
    with whole(output_pairs) as partial:
        partial.write_text(json.dumps(piece))


if __name__ == "__main__":
    run(main)
