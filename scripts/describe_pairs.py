"""Describe which pairs of tokens make sentences similar, by each encoder of a comparison."""

import logging
from pathlib import Path

import numpy as np

from common.command import run
from common.contract import PAIR_SHARES
from common.correlations.comparison import frame_of
from common.correlations.resampling import LEAST_TYPES
from common.pairs.attributed_tokens import PairSeries, crossed, types_among
from common.pairs.groups import GROUPINGS, function_words, with_groups
from common.pairs.shares import SHARES, PairShares
from common.tables import write_table


def main(compared: PairSeries, *, exact: Path | None = None, output_shares: Path) -> None:
    """Describe what pairs of tokens of each kind add to the similarity of pairs of sentences.

    Pairs of tokens are grouped by the relation of both words (equal, of like meaning, other) and by
    their kind (punctuation, function words, content words); special tokens and what the baselines
    add stand aside. The groups of either make up the similarity. Intervals are of a bootstrap over
    pairs of sentences and types.

    Example: python scripts/describe_pairs.py --pairs before.parquet after.parquet
    --encoders before after --comparison mine --corpus sts --method shapley
    --draws 2000 --confidence 0.95 --seed 0 --output-shares shares.parquet

    Parameters
    ----------
    exact
        Exact values of the generated language, for its function words; those of English if it is
        not given.
    output_shares
        Table of every encoder, and of the changes from the first.
    """
    rows, attributions = compared.read()
    rows = with_groups(rows, function_words(exact))
    tokens = crossed(rows)
    found = [
        (grouping, group, (rows[grouping] == group).to_numpy())
        for grouping, groups in GROUPINGS.items()
        for group in groups
    ]
    found = [one for one in found if one[2].any()]
    both = (rows["position"].is_not_null() & rows["other_position"].is_not_null()).to_numpy()
    shares = PairShares(
        tokens,
        attributions,
        np.stack([members for *_, members in found]).astype(float),
        alone=(rows["relation"] == "baselines").to_numpy().astype(float),
        of_tokens=both.astype(float),
    )
    [(points, drawn)] = compared.resample([shares])
    lines = []
    for k, (grouping, group, members) in enumerate(found):
        types = types_among(tokens, members)
        one, many = points[:, k].copy(), drawn[:, k].copy()
        if not both[members].all():
            one[:, -1], many[:, -1] = np.nan, np.nan
        if 0 < types < LEAST_TYPES:
            many[:] = np.nan
        about = {"grouping": grouping, "group": group, "pairs": tokens.sentences}
        about |= {"n": int(members.sum()), "types": types}
        lines += compared.rows(PAIR_SHARES, SHARES, (one, many), about)
    for line in (line for line in lines if not line["reference"]):
        logging.info(
            "%s %s, %s: %+.3f of the similarity",
            *(line[name] for name in ("grouping", "group", "encoder", "attribution")),
        )
    write_table(frame_of(lines, PAIR_SHARES), output_shares, PAIR_SHARES)


if __name__ == "__main__":
    run(main)
