"""Regress the norms of encoders' input word embeddings on information."""

from pathlib import Path

import polars as pl

from common.arrays import Floats
from common.command import InputError, run
from common.contract import EMBEDDING_NORMS, INFORMATION
from common.encoders.encoder import Encoder
from common.tables import read_metadata, read_table, write_table
from common.theory.embedding_norms import euclidean_norm, metric_norm, regress_types


def main(
    encoders: list[Path],
    *,
    information: Path,
    comparison: str,
    quantities: list[str],
    minimum_count: int = 20,
    output_norms: Path,
) -> None:
    """Regress norms of encoders' input word embeddings on quantities (nats), over types.

    Norms are 1/2 |e - mean|^2 and the same under the covariance G of the embeddings; mean and
    covariance are under P, the types' probability.

    Example: python scripts/measure_embedding_norms.py masked_lm adjacent --information
    information.parquet --comparison adjacent --quantities information_gain_bayes
    --minimum-count 20 --output-norms embedding_norms.parquet

    Parameters
    ----------
    encoders
        Encoders of the comparison in their order, sentence-transformers directories.
    information
        Quantities of the encoders' token types.
    comparison
        Name of the comparison, for the table.
    quantities
        Columns of `information` that norms are regressed on.
    minimum_count
        Types seen fewer times are left out of regressions.
    output_norms
        Regressions of each encoder, norm and quantity (Parquet).
    """
    types, tokenizer = _types(information, quantities)
    often = types["count"] >= minimum_count
    rows = []
    for stage, directory in enumerate(encoders):
        encoder = Encoder(directory, device="cpu")
        if tokenizer not in (encoder.fingerprint, None):
            raise InputError(
                f"{directory} and {information}: different tokenizers ({encoder.fingerprint} and "
                f"{tokenizer}); estimate information with the encoder's own tokenizer"
            )
        norms = _norms(encoder.word_embeddings.weight.double().numpy(), types)
        rows += [
            {"comparison": comparison, "stage": stage, "encoder": directory.name}
            | {"norm": norm, "quantity": quantity}
            | regress_types(types[quantity].filter(often), norms[norm].filter(often))
            for norm in norms.columns
            for quantity in quantities
        ]
    frame = pl.DataFrame(rows, infer_schema_length=None).cast({"stage": pl.Int32})
    write_table(frame, output_norms, EMBEDDING_NORMS)


def _types(table: Path, quantities: list[str]) -> tuple[pl.DataFrame, str | None]:
    """The quantities of all types, and the tokenizer that they are of."""
    types = read_table(table, INFORMATION)
    for quantity in quantities:
        if quantity not in types.columns:
            raise InputError(f"{table}: no quantity {quantity!r}; leave it out of the quantities")
    return types, read_metadata(table).get("tokenizer")


def _norms(embeddings: Floats, types: pl.DataFrame) -> pl.DataFrame:
    """Norms of every type, by name, from input word embeddings [types, d]."""
    embedded = embeddings[types["token_id"].to_numpy()]
    probability = types["probability"].to_numpy()
    return pl.DataFrame(
        {
            "euclidean": euclidean_norm(embedded, probability),
            "metric": metric_norm(embedded, embedded, probability),
        }
    )


if __name__ == "__main__":
    run(main)
