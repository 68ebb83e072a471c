"""Test the theory: norms of static encoders against information gain."""

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from common.command import InputError, run
from common.contract import (
    ADJACENT_COUNTS,
    ESTIMATES,
    INFORMATION,
    NORMS,
    STATIC_VECTORS,
    THEORY,
    THEORY_WORDS,
    TOKEN_COUNTS,
)
from common.corpora.grammar import divergence_from_marginal
from common.information.empirical_bayes import posterior_information_gain
from common.information.extrapolation import gains_of_parts, group_totals
from common.progress import progress
from common.tables import read_parts, read_table, shared_metadata, write_table
from common.theory.embedding_norms import (
    euclidean_norm,
    metric_norm,
    model_divergence,
    regress_types,
)
from common.theory.word_pairs import exact_pairs


def main(
    vectors: list[Path],
    *,
    information: Path,
    tokens: Path,
    adjacent: Path,
    minimum_count: int = 20,
    output_theory: Path,
    output_words: Path,
) -> None:
    """Regress norms of the word vectors of static encoders on information gain (nats), over types.

    Norms are 1/2 |u - mean|^2, the same under the covariance of the contexts, and the divergence
    of the encoder's own P(w'|w). The information gain is that of adjacent sentences and of one
    sentence: exact (if an encoder learnt from the exact distribution), plug-in and bayes.

    Example: python scripts/regress_norms.py adjacent.exact.parquet adjacent.sampled.parquet
    --information information.parquet --tokens tokens.parquet --adjacent adjacent.parquet
    --minimum-count 20 --output-theory theory.parquet --output-words theory_words.parquet

    Parameters
    ----------
    vectors
        Vectors of static encoders.
    information
        Quantities of the token types, from pairs in one sentence.
    tokens
        Occurrences of the same types in the corpus that static encoders learnt from.
    adjacent
        Counts of pairs of them there, in adjacent sentences.
    minimum_count
        Types seen fewer times are left out.
    output_theory
        Regressions of each encoder, norm and information gain (Parquet).
    output_words
        Norms and information gain of each encoder and word (Parquet).
    """
    encoders = pl.concat(read_table(path, STATIC_VECTORS) for path in vectors)
    exact = "exact" in encoders["source"]
    types = _gains(information, tokens, adjacent, exact).filter(pl.col("count") >= minimum_count)
    names = [name for name in STATIC_VECTORS.keys if name != "token"]
    groups = encoders.partition_by(names, as_dict=True)
    words, regressions = [], []
    with progress("regressing", len(groups), "encoders") as bar:
        for about, group in groups.items():
            found = _norms(group).join(types, "token", maintain_order="left")
            if len(found) < 3:
                raise InputError(
                    f"{information}: {len(found)} types of the encoders were seen {minimum_count} "
                    "times or more, at least 3 are needed; lower the minimum count"
                )
            words.append(found)
            regressions += [
                dict(zip(names, about, strict=True))
                | {"norm": norm, "gain_of": cooccurrence, "quantity": estimate}
                | regress_types(found[f"{cooccurrence}_{estimate}"], found[norm])
                for norm in NORMS
                for cooccurrence in ("adjacent", "sentence")
                for estimate in ESTIMATES
                if f"{cooccurrence}_{estimate}" in found.columns
            ]
            bar.update()
    write_table(pl.concat(words), output_words, THEORY_WORDS)
    fits = pl.DataFrame(regressions, infer_schema_length=None)
    write_table(fits.cast({"dimension": pl.Int32}), output_theory, THEORY)


def _gains(information: Path, tokens: Path, adjacent: Path, exact: bool) -> pl.DataFrame:
    """Token, count, and every estimate of the information gain of both kinds of pairs, nats."""
    types = read_table(information, INFORMATION)
    if exact and "information_gain_exact" not in types.columns:
        raise InputError(f"{information}: no exact values, but an encoder learnt from exact pairs")
    shared_metadata([information, tokens, adjacent], "tokenizer")
    number = read_table(tokens, TOKEN_COUNTS)["count"]
    logging.info("estimating information gain of pairs in adjacent sentences")

    def pairs() -> Iterator[pl.DataFrame]:
        return read_parts(adjacent, ADJACENT_COUNTS)

    totals = group_totals(pairs(), len(types))
    gains = gains_of_parts(pairs(), totals)
    found = types.sort("token_id").select(
        "token",
        "count",
        sentence_plug_in="information_gain",
        sentence_bayes="information_gain_bayes",
        adjacent_plug_in=gains[:, 0],
        adjacent_bayes=posterior_information_gain(pairs, gains, totals, int(number.sum())).mean,
        **({"sentence_exact": "information_gain_exact"} if exact else {}),
    )
    if exact:
        spelled, joint = exact_pairs("adjacent")
        gain = divergence_from_marginal(joint)
        known = pl.DataFrame({"token": spelled, "adjacent_exact": gain})
        found = found.join(known, "token", how="left", maintain_order="left")
    return found.fill_nan(None)


def _norms(encoder: pl.DataFrame) -> pl.DataFrame:
    """The encoder's rows, with `NORMS` of each word instead of its vectors."""
    words, contexts = (np.stack(encoder[name].to_list()) for name in ("word", "context"))
    probability = encoder["probability"].to_numpy()
    return encoder.drop("word", "context", "probability").with_columns(
        euclidean=euclidean_norm(words, probability),
        metric=metric_norm(words, contexts, probability),
        divergence=model_divergence(words, contexts, probability),
    )


if __name__ == "__main__":
    run(main)
