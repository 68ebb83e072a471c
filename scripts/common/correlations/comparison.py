"""A comparison of two encoders by the weights of the same tokens: its arguments, draws and rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cyclopts
import polars as pl

from common.arrays import Floats
from common.correlations.statistics import Sample, bootstrap, in_sample, with_intervals
from common.correlations.weighed_tokens import read_tokens, unit_of
from common.tables import Table, write_table


@cyclopts.Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What the scripts that hold weights before and after against each other have in common.

    Parameters
    ----------
    before
        Weights by the encoder before fine-tuning.
    after
        Weights of the same tokens by the encoder after fine-tuning.
    information
        Quantities of the token types.
    comparison
        Name of the comparison, for the tables.
    before_encoder
        Name of the encoder before, for the tables.
    after_encoder
        Name of the encoder after, for the tables.
    corpus
        Name of the corpus that was weighed, for the tables.
    method
        Name of the method that weighed, for the tables.
    draws
        Draws of the bootstrap.
    confidence
        Share of the draws within an interval.
    seed
        Seed of the draws.
    """

    before: Path
    after: Path
    information: Path
    comparison: str
    before_encoder: str
    after_encoder: str
    corpus: str
    method: str
    draws: int
    confidence: float
    seed: int

    def read(self, surprisal: Path | None = None, minimum_count: int = 1) -> pl.DataFrame:
        """The tokens that both encoders weighed; as `read_tokens`."""
        return read_tokens(self.before, self.after, self.information, surprisal, minimum_count)

    def resample(self, samples: Sequence[Sample], sentences: int) -> list[tuple[Floats, Floats]]:
        """Statistics of each sample (...) and of draws (..., draws), the same for all samples."""
        drawn = bootstrap(samples, sentences, self.draws, self.seed)
        return [(in_sample(one, sentences), many) for one, many in zip(samples, drawn, strict=True)]

    def rows(
        self, statistics: Sequence[str], points: Floats, drawn: Floats, about: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """Rows of a table before, after and of the change, with intervals.

        Parameters
        ----------
        statistics
            Names of the k statistics.
        points
            Before and after in the sample, (2, k).
        drawn
            The same in each draw, (2, k, draws).
        about
            What else the rows say.
        """
        stages = {
            "before": (self.before_encoder, (points[0], drawn[0])),
            "after": (self.after_encoder, (points[1], drawn[1])),
            "change": (None, (points[1] - points[0], drawn[1] - drawn[0])),
        }
        named = {"comparison": self.comparison, "corpus": self.corpus, "method": self.method}
        return [
            {**named, **about, "stage": stage, "encoder": encoder}
            | with_intervals(statistics, *values, self.confidence)
            for stage, (encoder, values) in stages.items()
        ]

    def write(self, rows: list[dict[str, Any]], path: Path, table: Table) -> None:
        """Write rows as a table that says what its tokens are; undefined statistics are null."""
        frame = pl.DataFrame(rows, infer_schema_length=None).fill_nan(None)
        write_table(frame, path, table, unit=unit_of(self.information))


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
    """

    surprisal: Path | None = None
    quantities: list[str]
    minimum_count: int

    @property
    def files(self) -> str:
        """The files that quantities and weights are from, for messages."""
        return f"{self.before} with {self.information}"

    def read_counted(self) -> pl.DataFrame:
        """The tokens whose types were counted often enough."""
        return self.read(self.surprisal, self.minimum_count)
