"""All tables of a run of one comparison, made from random weights by the scripts themselves."""

from pathlib import Path

import polars as pl
from commands import call
from test_correlate_weights import QUANTITIES, options_of, write_inputs

import average_weights
import correlate_shares
import correlate_weights
import partition_variance
from common.contract import DATA, ENCODERS
from common.tables import write_table

STANDS_ON = {
    "unit": "token",
    **{"sentences_counted": 104_000, "tokens_counted": 790_123, "types_counted": 1_700},
    **{"share_unknown_counted": 0.0, "sentences_weighed": 40, "tokens_weighed": 140},
    **{"share_unknown": 0.0, "share_cut": 0.025, "minimum_count": 20, "share_rare": 0.125},
    **{"rare_examples": "'zoo' 12, '`' 3", "sentences_regressed": 40, "tokens_regressed": 120},
    **{"largest_error": 0.05, "share_inexact": 0.025},
    **{"types_regressed": 101, "warnings": ["Some were cut.", "40 sentences are few."]},
}
"""A row of the data table, but for its keys."""
OUTPUTS = {
    correlate_shares: "within_sentence",
    partition_variance: "partial",
    average_weights: "classes",
}


def write_evidence(folder: Path) -> None:
    """Tables of the comparison tuned of base and contrastive, which has collapsed."""
    write_inputs(folder)
    options = options_of(folder, QUANTITIES, 20, True)
    call(correlate_weights.main, **options)
    options = {name: value for name, value in options.items() if not name.startswith("output")}
    for script, table in OUTPUTS.items():
        given = dict(options)
        if script is average_weights:
            others = ("quantities", "minimum_count", "permutations", "surprisal")
            given = {name: given[name] for name in given if name not in others}
        call(script.main, **given, **{f"output_{table}": folder / f"{table}.parquet"})
    about = {"corpus": "pairs", "pairs": 1200, "alignment": 0.5}
    rows = [
        {"encoder": "base", "sts_spearman": 0.3, "uniformity": -1.2, "mean_cosine": 0.7, **about},
        {
            "encoder": "contrastive",
            "sts_spearman": None,
            "uniformity": -0.004,
            "mean_cosine": 0.999,
            **about,
        },
    ]
    write_table(pl.DataFrame(rows), folder / "encoders.parquet", ENCODERS)
    row = {"comparison": "tuned", "corpus": "stsb"} | STANDS_ON
    write_table(pl.DataFrame([row]), folder / "data.parquet", DATA)
