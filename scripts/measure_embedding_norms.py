"""Regress the norms of encoders' input word embeddings on information."""

from functools import cache
from pathlib import Path

import polars as pl

from common.arrays import Floats
from common.command import InputError, run
from common.contract import EMBEDDING_NORMS, INFORMATION
from common.encoders.encoder import Encoder
from common.progress import progress
from common.tables import read_metadata, read_table, write_table
from common.theory.embedding_norms import euclidean_norm, metric_norm, regress_types

STAGES = ("before", "after")


def main(
    *,
    comparisons: list[str],
    before: list[Path],
    after: list[Path],
    information: list[Path],
    quantities: list[str],
    minimum_count: int = 20,
    output_norms: Path,
) -> None:
    """Regress norms of input word embeddings, before and after, on quantities (nats), over types.

    Norms are 1/2 |e - mean|^2 and the same under the covariance G of the embeddings; mean and
    covariance are under P, the types' probability.

    Example: python scripts/measure_embedding_norms.py --comparisons adjacent --before masked_lm
    --after adjacent --information information.parquet --quantities information_gain_bayes
    --minimum-count 20 --output-norms embedding_norms.parquet

    Parameters
    ----------
    comparisons
        Names of comparisons.
    before
        Encoder before fine-tuning of each, a sentence-transformers directory.
    after
        Encoder after fine-tuning of each.
    information
        Quantities of the encoders' token types, a table for each comparison.
    quantities
        Columns of these tables that norms are regressed on.
    minimum_count
        Types seen fewer times are left out of regressions.
    output_norms
        Regressions of each comparison, stage, norm and quantity (Parquet).
    """
    for option, values in (("before", before), ("after", after), ("information", information)):
        if len(values) != len(comparisons):
            raise InputError(
                f"--{option}: {len(values)} given for {len(comparisons)} comparisons; give one each"
            )
    rows = []
    with progress("measuring", 2 * len(comparisons), "encoders") as bar:
        for name, *pair, table in zip(comparisons, before, after, information, strict=True):
            types, tokenizer = _types(table, quantities)
            often = types["count"] >= minimum_count
            for stage, directory in zip(STAGES, pair, strict=True):
                embeddings, own = _embeddings(directory)
                if tokenizer not in (own, None):
                    raise InputError(
                        f"{directory} and {table}: different tokenizers ({own} and {tokenizer}); "
                        "estimate information with the encoder's own tokenizer"
                    )
                norms = _norms(embeddings, types)
                rows += [
                    {"comparison": name, "stage": stage, "encoder": directory.name}
                    | {"norm": norm, "quantity": quantity}
                    | regress_types(types[quantity].filter(often), norms[norm].filter(often))
                    for norm in norms.columns
                    for quantity in quantities
                ]
                bar.update()
    write_table(pl.DataFrame(rows, infer_schema_length=None), output_norms, EMBEDDING_NORMS)


def _types(table: Path, quantities: list[str]) -> tuple[pl.DataFrame, str | None]:
    """The quantities of all types, and the tokenizer that they are of."""
    types = read_table(table, INFORMATION)
    for quantity in quantities:
        if quantity not in types.columns:
            raise InputError(f"{table}: no quantity {quantity!r}; leave it out of the quantities")
    return types, read_metadata(table).get("tokenizer")


@cache
def _embeddings(directory: Path) -> tuple[Floats, str]:
    """Input word embeddings of an encoder [types, d], and its tokenizer."""
    encoder = Encoder(directory, device="cpu")
    return encoder.word_embeddings.weight.double().numpy(), encoder.fingerprint


def _norms(embeddings: Floats, types: pl.DataFrame) -> pl.DataFrame:
    """Norms of every type, by name."""
    held = embeddings[types["token_id"].to_numpy()]
    probability = types["probability"].to_numpy()
    return pl.DataFrame(
        {
            "euclidean": euclidean_norm(held, probability),
            "metric": metric_norm(held, held, probability),
        }
    )


if __name__ == "__main__":
    run(main)
