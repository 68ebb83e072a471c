"""Pairs of tokens with their attributions by the encoders of a comparison; how they are drawn."""

import logging
from dataclasses import dataclass
from pathlib import Path

import cyclopts
import numpy as np
import polars as pl
from numpy.typing import NDArray

from common.command import InputError
from common.contract import PAIRS
from common.correlations.comparison import EncoderSeries
from common.correlations.resampling import Tokens
from common.tables import read_table

PLACE = ["pair_id", "position", "other_position"]
Booleans = NDArray[np.bool_]


@cyclopts.Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class PairSeries(EncoderSeries):
    """Attributions of the similarity of the same pairs by the encoders of a comparison.

    Parameters
    ----------
    pairs
        Attributions by each of `encoders` in turn; of several trainings, by all encoders of the
        first, then of the next.
    largest_error
        Pairs that miss more of their similarity, by any encoder, are left out; all are kept if it
        is not given.
    """

    pairs: list[Path]
    largest_error: float | None = None

    def read(self) -> tuple[pl.DataFrame, np.ndarray]:
        """The rows of the pairs, those of baselines too, and their attributions.

        Likeness is that by the last encoder, so that the same words are alike for all.

        Returns
        -------
        Columns of PAIRS and `pair` (from 0 without gaps), and (trainings x encoders, n).

        Raises
        ------
        InputError
            The tables are not about the same tokens, or all pairs are left out.
        """
        self.check_tables("--pairs", self.pairs)
        tables = [read_table(path, PAIRS).filter(method=self.method) for path in self.pairs]
        same = [*PLACE, "token", "other_token"]
        for path, table in zip(self.pairs, tables, strict=True):
            if table.is_empty():
                raise InputError(f"{path}: no pair by {self.method}; attribute pairs by it first")
            if not table.select(same).equals(tables[0].select(same)):
                raise InputError(
                    f"{self.pairs[0]} and {path}: different pairs or tokens; compare encoders of "
                    "one tokenizer and no prompts on the same pairs"
                )
        missed = np.max([table["completeness"].to_numpy() for table in tables], axis=0)
        limit = np.inf if self.largest_error is None else self.largest_error
        kept = pl.Series(missed <= limit)
        alike = tables[len(self.encoders) - 1]["likeness"]
        rows = tables[0].with_columns(alike).filter(kept)
        whole, left = (table["pair_id"].n_unique() for table in (tables[0], rows))
        if rows.is_empty():
            raise InputError(
                f"{self.pairs[0]}: all {whole} pairs miss more than {limit:g} of their similarity; "
                "take a smaller tolerance or another method"
            )
        if left < whole:
            logging.info("left out %d of %d pairs with errors above %g", whole - left, whole, limit)
        pair = (pl.col("pair_id").rank("dense") - 1).cast(pl.Int64)
        attributions = np.stack([table.filter(kept)["attribution"].to_numpy() for table in tables])
        return rows.with_columns(pair=pair), attributions


def crossed(rows: pl.DataFrame, known: Booleans | None = None) -> Tokens:
    """Pair of sentences and both types of each row, or of those `known`, numbered as in all.

    A baseline or a special token is of no type: it is in every sentence. Two tokens of one type
    are there as often as the type is, not its square.
    """
    spelled = [
        pl.when(~pl.col(f"{side}special")).then(pl.col(f"{side}token")).alias(side or "token")
        for side in ("", "other_")
    ]
    both = rows.select(spelled)
    types = pl.concat([both.to_series(0), both.to_series(1).rename("token")])
    types = types.drop_nulls().unique().sort()
    first, second = (
        types.search_sorted(column.fill_null("")).to_numpy().astype(np.intp) for column in both
    )
    none = len(types)
    for numbers, column in zip((first, second), both, strict=True):
        numbers[column.is_null().to_numpy()] = none
    second[first == second] = none
    pairs = int(rows["pair"].n_unique())
    some = np.ones(len(rows), bool) if known is None else known
    pair = rows["pair"].to_numpy()
    return Tokens(pair[some], first[some], pairs, none, other_type=second[some])


def types_among(tokens: Tokens, members: Booleans) -> int:
    """Different types of the members (n,)."""
    assert tokens.other_type is not None
    found = np.union1d(tokens.type[members], tokens.other_type[members])
    return int((found < tokens.types).sum())
