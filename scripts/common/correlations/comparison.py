"""A comparison of encoders by the weights of the same tokens: its arguments, draws and rows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cyclopts
import numpy as np
import polars as pl

from common.arrays import Floats
from common.command import InputError
from common.correlations.permutations import (
    Permutable,
    change_p_values,
    frequency_bands,
    p_values,
    permute,
    spread,
)
from common.correlations.replicates import columns_of_replicates
from common.correlations.resampling import Sample, bootstrap, in_sample
from common.correlations.weighed_tokens import read_tokens, type_counts, unit_of
from common.tables import Table, write_table

WIDENED = ("slope", "pearson", "spearman", "sentence_spearman")
"""Statistics whose intervals are at least as wide as their permutations: draws alone are narrow."""
ROUNDING = 1e-12
"""Share of a statistic that is no change: a matrix product may round equal rows differently."""


@cyclopts.Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class EncoderSeries:
    """What is told of the encoders of a comparison: rows of each, and of its change from the first.

    Parameters
    ----------
    encoders
        Names of the encoders, for the tables; the others are held against the first.
    comparison
        Name of the comparison, for the tables.
    corpus
        Name of the corpus that was weighed, for the tables.
    method
        Name of the method that weighed, for the tables.
    draws
        Draws of the bootstrap.
    confidence
        Share of the draws within an interval.
    seed
        Seed of the draws, and of permutations.
    """

    encoders: list[str]
    comparison: str
    corpus: str
    method: str
    draws: int
    confidence: float
    seed: int

    def check_tables(self, option: str, paths: Sequence[Path]) -> None:
        """Make sure that the tables of an option are as many for each encoder.

        Raises
        ------
        InputError
            They are not.
        """
        if not self.encoders or len(paths) % len(self.encoders):
            raise InputError(
                f"{option} has {len(paths)} tables for {len(self.encoders)} --encoders; give one "
                "of each encoder for each training"
            )

    def resample(self, samples: Sequence[Sample]) -> list[tuple[Floats, Floats]]:
        """Statistics of each sample (...) and of draws (..., draws), the same for all samples."""
        drawn = bootstrap(samples, self.draws, self.seed)
        return [(in_sample(one), many) for one, many in zip(samples, drawn, strict=True)]

    def rows(
        self,
        table: Table,
        statistics: Sequence[str],
        values: tuple[Floats, Floats],
        about: dict[str, Any],
        permuted: Floats | None = None,
    ) -> list[dict[str, Any]]:
        """Rows of a table for each encoder and, after the first, its change from that.

        With intervals and p; a row for each training and, of several, one of their mean besides,
        without a number.

        Parameters
        ----------
        table
            It says which statistics have a p.
        statistics
            Names of the k statistics.
        values
            In the sample, by all encoders of the first training, then of the next,
            (trainings x encoders, k), and in each draw,
            (trainings x encoders, k, draws).
        about
            What else the rows say.
        permuted
            The same in the sample and in permutations over types, correlations in place of their
            squares, (trainings x encoders, k, 1 + permutations); None: no test.
        """
        named = {"comparison": self.comparison, "corpus": self.corpus, "method": self.method}
        of_sample, of_draws = map(self._with_changes, values)
        p = moved = np.empty(0)
        if permuted is not None:
            p = _p_values(self._by_training(permuted), statistics)
            moved = spread(_and_mean(self._with_changes(permuted)), self.confidence)
        rows = []
        for s, place in enumerate(self._places):
            columns = columns_of_replicates(
                statistics, of_sample[:, s], of_draws[:, s], self.confidence
            )
            for number, each in enumerate(columns):
                row = {**named, **about, **place, **each}
                if permuted is not None:
                    of_stage = zip(statistics, p[number, s], moved[number, s], strict=True)
                    row |= _tested(row, table, of_stage)
                rows.append(row if place["reference"] else row | within_bounds(row, statistics))
        return rows

    @property
    def _places(self) -> list[dict[str, Any]]:
        """Stage, encoder and reference of the values of all encoders, and then of the changes."""
        stages = [{"stage": k, "encoder": name} for k, name in enumerate(self.encoders)]
        return [
            *({**stage, "reference": None} for stage in stages),
            *({**stage, "reference": self.encoders[0]} for stage in stages[1:]),
        ]

    def _by_training(self, values: Floats) -> Floats:
        """(trainings x encoders, ...) as (trainings, encoders, ...)."""
        return values.reshape(-1, len(self.encoders), *values.shape[1:])

    def _with_changes(self, values: Floats) -> Floats:
        """Values of each training and its changes, in the order of `_places`, in its second axis.

        Parameters
        ----------
        values
            (trainings x encoders, ...).
        """
        each = self._by_training(values)
        change = each[:, 1:] - each[:, :1]
        size = np.maximum(np.abs(each[:, 1:]), np.abs(each[:, :1]))
        change[np.abs(change) <= ROUNDING * size] = 0
        return np.concatenate([each, change], axis=1)


@cyclopts.Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Comparison(EncoderSeries):
    """What the scripts that hold weights by several encoders against each other have in common.

    Parameters
    ----------
    weights
        Weights of the same tokens by each of `encoders` in turn; of several trainings, by all
        encoders of the first, then of the next.
    information
        Quantities of the token types.
    largest_error
        Sentences that miss more of the whole, or with an error of a token above this share of
        their mean weight, are left out; all are kept if it is not given.
    """

    weights: list[Path]
    information: Path
    largest_error: float | None = None

    @property
    def tables(self) -> dict[str, Path]:
        """Tables of weights by the names that their columns get.

        Raises
        ------
        InputError
            There are not as many for each encoder.
        """
        self.check_tables("--weights", self.weights)
        return {f"weight_{number}": path for number, path in enumerate(self.weights)}

    @property
    def files(self) -> str:
        """The files that quantities and weights are from, for messages."""
        return f"{self.weights[0]} with {self.information}"

    def read(self, surprisal: Path | None = None, minimum_count: int = 1) -> pl.DataFrame:
        """The tokens that all encoders weighed; as `read_tokens`."""
        return read_tokens(
            self.tables, self.information, surprisal, minimum_count, self.largest_error
        )

    def write(self, rows: list[dict[str, Any]], path: Path, table: Table) -> None:
        """Write rows as a table that says what its tokens are; undefined statistics are null."""
        write_table(frame_of(rows, table), path, table, unit=unit_of(self.information))


def frame_of(rows: list[dict[str, Any]], table: Table) -> pl.DataFrame:
    """Rows as a table has them; undefined statistics are null."""
    columns = None if rows else dict.fromkeys(table.columns, pl.Float64)
    frame = pl.DataFrame(rows, columns, infer_schema_length=None).fill_nan(None)
    return frame.with_columns(pl.col("^(replicate|stage|other_stage)$").cast(pl.Int32))


@cyclopts.Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class QuantityComparison(Comparison):
    """A comparison that explains weights by quantities.

    Parameters
    ----------
    surprisal
        Surprisal of the same tokens; needed for the quantity surprisal.
    quantities
        What weights are explained by.
    minimum_count
        Types counted fewer times are left out.
    permutations
        Permutations of each quantity over types of like frequency.
    """

    surprisal: Path | None = None
    quantities: list[str]
    minimum_count: int
    permutations: int

    def read_counted(self) -> pl.DataFrame:
        """The tokens whose types were counted often enough."""
        return self.read(self.surprisal, self.minimum_count)

    def permute(self, sample: Permutable, i: int, quantity: str, tokens: pl.DataFrame) -> Floats:
        """A sample and permutations of its quantity i over types; as `permutations.permute`.

        Within frequency bands; self-information, a function of frequency, over all types.
        """
        bands = frequency_bands(type_counts(tokens))
        if quantity == "self_information":
            bands = np.zeros_like(bands)
        return permute(sample, i, bands, self.permutations, self.seed)


def _tested(
    row: dict[str, Any], table: Table, statistics: Iterable[tuple[str, float, float]]
) -> dict[str, float]:
    """Columns of p, and the ends of intervals that are `WIDENED`.

    Parameters
    ----------
    statistics
        Name of each, its p and the distance that permutations move it; NaN if it has no test.
    """
    columns = {}
    for name, p, moved in statistics:
        if f"{name}_p" in table.columns:
            columns[f"{name}_p"] = p
        if name in WIDENED:
            columns[f"{name}_low"] = np.fmin(row[f"{name}_low"], row[name] - moved)
            columns[f"{name}_high"] = np.fmax(row[f"{name}_high"], row[name] + moved)
    return columns


def _and_mean(trainings: Floats) -> Floats:
    """Values of trainings (trainings, ...), and as one more their mean if there are several."""
    if len(trainings) == 1:
        return trainings
    return np.concatenate([trainings, trainings.mean(axis=0, keepdims=True)])


def within_bounds(row: dict[str, Any], statistics: Sequence[str]) -> dict[str, float]:
    """Ends of intervals within what the statistic can be, of which a t interval knows nothing."""
    return {
        name: np.clip(row[name], -1 if "squared" not in statistic else 0, 1)
        for statistic in statistics
        if statistic.endswith(("squared", "squared_without", "spearman", "pearson"))
        for name in (f"{statistic}_low", f"{statistic}_high")
    }


def _p_values(permuted: Floats, statistics: Sequence[str]) -> Floats:
    """p of the encoders' values and then of the changes, of each training and of their mean.

    Parameters
    ----------
    permuted
        (trainings, encoders, k, 1 + permutations); all trainings share the permutations.

    Returns
    -------
    (trainings, 2 x encoders - 1, k), with one training more, the mean, if there are several.
    """
    squared = tuple(k for k, name in enumerate(statistics) if "r_squared" in name)
    tested = _and_mean(permuted)
    return np.stack(
        [np.concatenate([p_values(one), change_p_values(one, squared)]) for one in tested]
    )
