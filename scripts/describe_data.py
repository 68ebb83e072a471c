"""Describe the data that a comparison on a corpus stands on, and warn where they are thin."""

import logging
from pathlib import Path

import polars as pl

from common.command import InputError, run
from common.contract import DATA, INFORMATION, SENTENCE_LENGTHS, WEIGHTS
from common.correlations.weighed_tokens import (
    check_words,
    inexact,
    join_types,
    segmenter_of,
    unit_of,
)
from common.reports.data_block import (
    Thresholds,
    is_unknown,
    most_frequent,
    stands_on,
    warnings_of,
)
from common.tables import read_metadata, read_table, read_whole, shared_metadata, write_table
from common.tokens.vocabulary import fingerprint, load_tokenizer


def main(
    weights: Path,
    thresholds: Thresholds,
    *,
    information: Path,
    lengths: Path,
    tokenizer: Path,
    comparison: str,
    corpus: str,
    minimum_count: int,
    integrated: list[Path] | None = None,
    largest_error: float,
    output_data: Path,
) -> None:
    """Describe the data that a comparison on a corpus stands on, and warn where they are thin.

    Of tokens, or of words if the quantities are those of words. Special tokens are left out.

    Example: python scripts/describe_data.py weights.parquet --information information.parquet
    --lengths lengths.parquet --tokenizer encoder --comparison adjacent --corpus held_out
    --minimum-count 20 --largest-error 0.05 --unknown-share 0.05 --rare-share 0.3 --cut-share 0.01
    --inexact-share 0.01 --tokens-counted 100000 --sentences 50 --types 100
    --output-data data.parquet

    Parameters
    ----------
    weights
        Weights of the corpus by one of the comparison's encoders, by any method.
    information
        Quantities of the token types.
    lengths
        Lengths of the sentences that these were counted on.
    tokenizer
        Directory of the tokenizer, or of an encoder.
    comparison
        Name of the comparison, for the table.
    corpus
        Name of the corpus that was weighed, for the table.
    minimum_count
        Types counted fewer times are left out of regressions.
    integrated
        Weights by Integrated Gradients, of all encoders of the comparison.
    largest_error
        Sentences with larger errors are left out of regressions of these.
    output_data
        A row with these numbers and the warnings.
    """
    shared_metadata([weights, information, lengths], "tokenizer")
    check_words([weights], information)
    unit = unit_of(information)
    loaded = load_tokenizer(tokenizer)
    if read_metadata(weights).get("tokenizer") not in (fingerprint(loaded), None):
        raise InputError(f"{weights}: its tokens are not those of {tokenizer}; give its tokenizer")
    types = read_table(information, INFORMATION)
    sentences = read_table(lengths, SENTENCE_LENGTHS)
    counted = int(types["count"].sum())
    in_sentences = int((sentences["length"] * sentences["sentences"]).sum())
    if counted != in_sentences:
        raise InputError(
            f"{lengths}: {in_sentences} {unit}s, but {information} is of {counted}; they are not "
            "of one corpus"
        )
    rows = read_whole(weights, WEIGHTS)
    tokens = join_types(rows.filter(~pl.col("special")), information)
    if tokens.is_empty() or tokens["count"].null_count():
        raise InputError(
            f"{weights}: no {unit}s, or some that {information} lacks; estimate information with "
            "the encoder's own tokenizer"
        )
    unknown = is_unknown(loaded.unk_token, unit)
    rare = tokens.filter(pl.col("count") < minimum_count)
    left = tokens.filter(pl.col("count") >= minimum_count)
    weighed = rows["sentence_id"].n_unique()
    odd = [inexact(read_whole(path, WEIGHTS), largest_error) for path in integrated or []]
    row = {
        "comparison": comparison,
        "corpus": corpus,
        "unit": unit,
        "sentences_counted": sentences["sentences"].sum(),
        "tokens_counted": counted,
        "types_counted": (types["count"] > 0).sum(),
        "share_unknown_counted": int(types.filter(unknown)["count"].sum()) / max(counted, 1),
        "sentences_weighed": weighed,
        "tokens_weighed": len(tokens),
        "share_unknown": len(unknown_of(rows, tokens, unknown, information)) / len(tokens),
        "share_cut": rows.filter("truncated")["sentence_id"].n_unique() / weighed,
        "minimum_count": minimum_count,
        "share_rare": len(rare) / len(tokens),
        "rare_examples": most_frequent(rare["token"]),
        "largest_error": largest_error,
        "share_inexact": pl.concat(odd).n_unique() / weighed if odd else None,
        "sentences_regressed": left["sentence_id"].n_unique(),
        "tokens_regressed": len(left),
        "types_regressed": left["token"].n_unique(),
    }
    warnings = list(warnings_of(row, thresholds))
    logging.info("%s", stands_on(row))
    for warning in warnings:
        logging.warning("%s", warning)
    frame = pl.DataFrame([row]).with_columns(
        pl.col("share_inexact").cast(pl.Float64),
        warnings=pl.Series([warnings], dtype=pl.List(pl.String)),
    )
    write_table(frame, output_data, DATA, unit=unit)


def unknown_of(
    rows: pl.DataFrame, tokens: pl.DataFrame, unknown: pl.Expr, information: Path
) -> pl.DataFrame:
    """The tokens that are unknown, or the words: of a segmenter's, those with an unknown token."""
    if segmenter_of(information) is None:
        return tokens.filter(unknown)
    return rows.filter(unknown, pl.col("word_text").is_not_null()).unique(["sentence_id", "word"])


if __name__ == "__main__":
    run(main)
