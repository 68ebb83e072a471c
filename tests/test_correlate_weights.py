"""Regressions of a comparison against statsmodels and scipy; the command."""

import subprocess
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.stats
import statsmodels.api
from commands import call, run_script

import correlate_weights
from common.command import InputError
from common.contract import (
    CHANGE,
    INFORMATION,
    REGRESSION,
    RELATIONS,
    STATISTICS,
    SURPRISAL,
    WEIGHTS,
)
from common.tables import read_table, write_table

FILES = ("before", "after")
ENCODERS = ("base", "contrastive")
"""Of the comparison, and the tables of their weights."""
QUANTITIES = ["self_information", "information_gain_bayes", "surprisal"]


def judged(quantity, weight):
    """The four statistics by statsmodels and scipy."""
    fit = statsmodels.api.OLS(weight, statsmodels.api.add_constant(quantity)).fit()
    return [fit.rsquared, fit.params[1], fit.params[0], scipy.stats.spearmanr(quantity, weight)[0]]


def write_inputs(folder: Path) -> None:
    """Weights of 40 sentences before and after, quantities of 30 types and surprisal.

    Words of the sentences are of one token each.
    """
    generator = np.random.default_rng(0)
    types = 30
    count = np.arange(types, 0, -1) * 10
    gain = generator.gamma(2, 1, types).round(2)
    probability = count / count.sum()
    columns = {
        "token_id": np.arange(types) + 10,
        "token": [f"word{i}" for i in range(types)],
        "count": count,
        "probability": probability,
        "self_information": -np.log(probability),
    }
    columns |= {name: gain for name in INFORMATION.columns if name.startswith("information_gain")}
    information = pl.DataFrame(columns).drop("information_gain_exact")
    # The last type of all is rare, the first has no posterior mean.
    information[0, "information_gain_bayes"] = None
    write_table(information, folder / "information.parquet", INFORMATION, tokenizer="words")
    rows = []
    for sentence in range(40):
        chosen = generator.integers(0, types, generator.integers(2, 6))
        ids = [2, *(chosen + 10).tolist(), 3]
        for position, token_id in enumerate(ids):
            special = token_id < 10
            token = "[CLS]" if special else f"word{token_id - 10}"
            rows.append((3 * sentence, position, token_id, token, special))
    tokens = pl.DataFrame(rows, list(WEIGHTS.columns)[:5], orient="row")
    word = pl.when(~pl.col("special"))
    words = {"word": word.then("position"), "word_text": word.then("token")}
    ids = tokens["token_id"].to_numpy()
    gains = np.where(ids >= 10, gain[ids - 10], 5)
    for stage, slope in (("before", -0.1), ("after", 0.4)):
        weight = 2 + slope * gains + generator.normal(0, 0.1, len(tokens))
        weights = tokens.with_columns(
            **words,
            truncated=False,
            weight=pl.Series(np.abs(weight)),
            word_weight=word.then(pl.Series(np.abs(weight))),
            error=pl.lit(1e-4),
            completeness=pl.lit(1e-4),
        )
        write_table(weights, folder / f"{stage}.parquet", WEIGHTS, tokenizer="words")
    scored = tokens.with_columns(**words).filter(~pl.col("special")).drop("special")
    scored = scored.with_columns(surprisal=pl.Series(generator.gamma(2, 2, len(scored))))
    write_table(scored, folder / "surprisal.parquet", SURPRISAL, tokenizer="words")


def options_of(folder: Path, quantities: list[str], minimum_count: int, surprisal: bool) -> dict:
    """Arguments of the script on the tables of `folder`."""
    return {
        "weights": [folder / f"{name}.parquet" for name in FILES],
        "encoders": list(ENCODERS),
        "information": folder / "information.parquet",
        **({"surprisal": folder / "surprisal.parquet"} if surprisal else {}),
        **{f"output_{name}": folder / f"{name}.parquet" for name in ("regression", "change")},
        "comparison": "tuned",
        **{"corpus": "stsb", "method": "shapley", "quantities": quantities},
        **{"minimum_count": minimum_count, "draws": 200, "confidence": 0.9, "seed": 7},
        "permutations": 99,
    }


def correlate(folder: Path, minimum_count: int = 20) -> subprocess.CompletedProcess[str]:
    """The script as a command on the tables of `folder`."""
    words = []
    for name, value in options_of(folder, QUANTITIES, minimum_count, True).items():
        values = value if isinstance(value, list) else [value]
        words += [f"--{name.replace('_', '-')}", *map(str, values)]
    return run_script("correlate_weights", *words)


def test_script_writes_both_tables(tmp_path):
    write_inputs(tmp_path)
    ran = correlate(tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "left out 80 special" in ran.stderr
    regression = read_table(tmp_path / "regression.parquet", REGRESSION)
    change = read_table(tmp_path / "change.parquet", CHANGE)
    assert len(regression) == 6
    assert len(change) == 3
    information = read_table(tmp_path / "information.parquet", INFORMATION)
    surprisal = read_table(tmp_path / "surprisal.parquet", SURPRISAL)
    for row in regression.iter_rows(named=True):
        tokens = read_table(tmp_path / f"{FILES[row['stage']]}.parquet", WEIGHTS)
        tokens = (
            tokens.filter(~pl.col("special"))
            .join(information, "token_id")
            .join(surprisal, ["sentence_id", "position"], suffix="_scored")
            .filter(pl.col("count") >= 20)
            .drop_nulls(row["quantity"])
        )
        assert row["n"] == len(tokens)
        expected = judged(tokens[row["quantity"]].to_numpy(), tokens["weight"].to_numpy())
        assert [row[name] for name in STATISTICS] == pytest.approx(expected, 1e-9)
        assert all(row[f"{name}_low"] < row[name] < row[f"{name}_high"] for name in STATISTICS)
        assert row["encoder"] == ENCODERS[row["stage"]]
    by_stage = [
        regression.filter(stage=stage, quantity="information_gain_bayes").row(0, named=True)
        for stage in (0, 1)
    ]
    of_bayes = change.filter(quantity="information_gain_bayes").row(0, named=True)
    for name in STATISTICS:
        difference = by_stage[1][name] - by_stage[0][name]
        assert of_bayes[f"{name}_change"] == pytest.approx(difference)
        assert of_bayes[f"{name}_change_low"] < difference < of_bayes[f"{name}_change_high"]
    first = [(tmp_path / f"{name}.parquet").read_bytes() for name in ("regression", "change")]
    assert correlate(tmp_path).returncode == 0
    assert [(tmp_path / f"{n}.parquet").read_bytes() for n in ("regression", "change")] == first


def test_change_of_equal_encoders_is_zero_with_an_interval_of_zero(tmp_path):
    write_inputs(tmp_path)
    (tmp_path / "after.parquet").write_bytes((tmp_path / "before.parquet").read_bytes())
    assert correlate(tmp_path).returncode == 0
    change = read_table(tmp_path / "change.parquet", CHANGE)
    moved = change.select(pl.col("^.*_change(_low|_high)?$") == 0)
    assert moved.to_numpy().all()
    assert (change.select(pl.col("^.*_change_p$")).drop_nulls() == 1).to_numpy().all()
    for name in RELATIONS:
        assert change[name].equals(change[f"{name}_reference"])


def edit(folder, name, table, tokenizer="words", **columns):
    path = folder / f"{name}.parquet"
    frame = read_table(path, table).with_columns(**columns)
    write_table(frame, path, table, tokenizer=tokenizer)


def nan_weights(path):
    """As no script of ours writes them."""
    table = pq.read_table(path)
    place = table.column_names.index("weight")
    spoilt = pa.array(np.full(len(table), np.nan))
    pq.write_table(table.set_column(place, table.field("weight"), spoilt), path)


def constant_weight(folder):
    edit(folder, "before", WEIGHTS, weight=pl.lit(0.1))


def test_tokens_that_surprisal_lacks_are_left_out_of_its_regression_only(tmp_path):
    write_inputs(tmp_path)
    path = tmp_path / "surprisal.parquet"
    write_table(read_table(path, SURPRISAL).filter(pl.col("sentence_id") > 30), path, SURPRISAL)
    quantities = ["surprisal", "self_information"]
    call(correlate_weights.main, **options_of(tmp_path, quantities, 20, True))
    n = dict(read_table(tmp_path / "change.parquet", CHANGE).select("quantity", "n").iter_rows())
    assert 3 < n["surprisal"] < n["self_information"]


def test_constant_weight_leaves_statistics_null(tmp_path):
    write_inputs(tmp_path)
    constant_weight(tmp_path)
    ran = correlate(tmp_path)
    assert ran.returncode == 0, ran.stderr
    before = read_table(tmp_path / "regression.parquet", REGRESSION).filter(stage=0)
    assert before["r_squared"].null_count() == before["spearman_low"].null_count() == 3
    assert before["slope"].to_numpy() == pytest.approx(0, abs=1e-9)


REFUSALS = {
    "other tokenizer": (
        lambda folder: edit(folder, "after", WEIGHTS, tokenizer="pieces"),
        {},
        ["before.parquet and", "after.parquet: different tokenizers (words and pieces)"],
    ),
    "information of another tokenizer": (
        lambda folder: edit(folder, "information", INFORMATION, tokenizer="pieces"),
        {},
        ["information.parquet: different tokenizers"],
    ),
    "surprisal of another tokenizer": (
        lambda folder: edit(folder, "surprisal", SURPRISAL, tokenizer="pieces"),
        {},
        ["surprisal.parquet: different tokenizers"],
    ),
    "other tokens after": (
        lambda folder: edit(
            *(folder, "after", WEIGHTS),
            token_id=pl.when(pl.col("sentence_id") == 6)
            .then(11)
            .otherwise("token_id")
            .cast(pl.Int32),
        ),
        {},
        ["before.parquet and", "after.parquet", "(6, "],
    ),
    "other tokens scored": (
        lambda folder: edit(folder, "surprisal", SURPRISAL, token_id=pl.col("token_id") + 1),
        {},
        ["surprisal.parquet: sentence 0, position 1 is another token"],
    ),
    "types never counted": (
        lambda folder: edit(folder, "information", INFORMATION, token_id=pl.col("token_id") + 1),
        {},
        ["information.parquet: 1 token types", "first token_id 10"],
    ),
    "weights not finite": (
        lambda folder: nan_weights(folder / "after.parquet"),
        {},
        ["after.parquet: sentence_id 0, position 0: weight is nan"],
    ),
    "all types rare": (lambda _: None, {"minimum_count": 1000}, ["0 tokens left", "lower the"]),
    "constant quantity": (
        lambda folder: edit(folder, "information", INFORMATION, self_information=pl.lit(1.5)),
        {},
        ["self_information is 1.5 for all"],
    ),
    "surprisal not given": (lambda _: None, {"surprisal": False}, ["no quantity 'surprisal'"]),
    "quantity not estimated": (
        lambda _: None,
        {"quantities": ["information_gain_exact"]},
        ["no quantity 'information_gain_exact'"],
    ),
}


@pytest.mark.parametrize(("spoil", "options", "said"), REFUSALS.values(), ids=REFUSALS)
def test_refusals_say_what_is_wrong_and_leave_no_table(tmp_path, spoil, options, said):
    write_inputs(tmp_path)
    spoil(tmp_path)
    given_options = {"quantities": QUANTITIES, "minimum_count": 20, "surprisal": True} | options
    with pytest.raises(InputError) as refusal:
        call(correlate_weights.main, **options_of(tmp_path, **given_options))
    assert all(part in str(refusal.value) for part in said), refusal.value
    assert not (tmp_path / "regression.parquet").exists()
    assert not (tmp_path / "change.parquet").exists()


def test_a_refused_command_says_one_line(tmp_path):
    write_inputs(tmp_path)
    ran = correlate(tmp_path, minimum_count=1000)
    assert ran.returncode == 1
    assert ran.stderr.splitlines()[-1].startswith("correlate_weights.py: error: ")
    assert "Traceback" not in ran.stderr


def test_two_trainings_have_a_row_each_and_one_of_their_mean(tmp_path):
    write_inputs(tmp_path)
    other = read_table(tmp_path / "after.parquet", WEIGHTS).with_columns(pl.col("weight") ** 2)
    write_table(other, tmp_path / "after_2.parquet", WEIGHTS, tokenizer="words")
    names = ("before", "after", "before", "after_2")
    trainings = {"weights": [tmp_path / f"{name}.parquet" for name in names]}
    options = options_of(tmp_path, ["information_gain_bayes"], 20, True)
    call(correlate_weights.main, **options | trainings)
    change = read_table(tmp_path / "change.parquet", CHANGE)
    regression = read_table(tmp_path / "regression.parquet", REGRESSION)
    assert regression["replicate"].to_list() == [None, None, 1, 1, 2, 2]
    mean, *each = change.sort("replicate").iter_rows(named=True)
    assert mean["replicate"] is None
    for name in RELATIONS:
        values = [row[f"{name}_change"] for row in each]
        assert mean[f"{name}_change"] == pytest.approx(np.mean(values))
    spread = abs(each[0]["slope_change"] - each[1]["slope_change"])
    assert mean["slope_change_high"] - mean["slope_change_low"] > spread > 0
    assert 0 < mean["pearson_change_p"] < 1
    call(correlate_weights.main, **options)
    alone = read_table(tmp_path / "change.parquet", CHANGE).row(0, named=True)
    for name, value in alone.items():
        assert each[0][name] == (pytest.approx(value) if isinstance(value, float) else value)
    with pytest.raises(InputError, match="--weights has 3 tables for 2 --encoders"):
        call(correlate_weights.main, **options | {"weights": trainings["weights"][:3]})


def assert_alike(found, expected):
    """The same but for rounding: a matrix product rounds by the number of its rows."""
    assert found.columns == expected.columns
    for name in expected.columns:
        kind = pytest.approx if expected.schema[name].is_float() else list
        assert found[name].to_list() == kind(expected[name].to_list())


def test_one_encoder_has_relations_and_no_change(tmp_path):
    write_inputs(tmp_path)
    options = options_of(tmp_path, QUANTITIES, 20, True)
    call(correlate_weights.main, **options)
    both = read_table(tmp_path / "regression.parquet", REGRESSION).filter(stage=0)
    one = {"weights": options["weights"][:1], "encoders": options["encoders"][:1]}
    call(correlate_weights.main, **options | one)
    assert read_table(tmp_path / "change.parquet", CHANGE).is_empty()
    assert_alike(read_table(tmp_path / "regression.parquet", REGRESSION), both)


def test_all_others_are_held_against_the_first(tmp_path):
    write_inputs(tmp_path)
    options = options_of(tmp_path, QUANTITIES, 20, True)
    call(correlate_weights.main, **options)
    two = read_table(tmp_path / "change.parquet", CHANGE)
    third = {"weights": [*options["weights"], options["weights"][0]]}
    third["encoders"] = [*options["encoders"], "base_again"]
    call(correlate_weights.main, **options | third)
    change = read_table(tmp_path / "change.parquet", CHANGE)
    assert_alike(change.filter(stage=1), two)
    again = change.filter(stage=2)
    assert set(again["encoder"]) == {"base_again"}
    assert set(again["reference"]) == {"base"}
    assert (again.select(pl.col("^.*_change(_low|_high)?$")) == 0).to_numpy().all()


def test_sentences_with_large_errors_before_or_after_are_left_out(tmp_path):
    """Their weights are far off: with them the slope after would be another."""
    write_inputs(tmp_path)
    options = options_of(tmp_path, ["information_gain"], 20, False)
    call(correlate_weights.main, **options)
    clean = read_table(tmp_path / "regression.parquet", REGRESSION)
    for stage, column, sentences in (("before", "completeness", [3]), ("after", "error", [0, 6])):
        path = tmp_path / f"{stage}.parquet"
        odd = pl.col("sentence_id").is_in(sentences)
        worse = read_table(path, WEIGHTS).with_columns(
            pl.when(odd).then(99.0).otherwise("weight").alias("weight"),
            pl.when(odd).then(60.0).otherwise(column).alias(column),
        )
        write_table(worse, path, WEIGHTS, tokenizer="words")
    call(correlate_weights.main, **options)
    spoilt = read_table(tmp_path / "regression.parquet", REGRESSION)
    call(correlate_weights.main, **options, largest_error=0.5)
    left = read_table(tmp_path / "regression.parquet", REGRESSION)
    assert left["sentences"].to_list() == [37, 37]
    error = (left["slope"] - clean["slope"]).abs()
    assert error.max() < 0.05
    assert (spoilt["slope"] - clean["slope"]).abs().max() > 10 * error.max()
    with pytest.raises(InputError, match=r"all 40 sentences have errors above 1e-05"):
        call(correlate_weights.main, **options, largest_error=1e-5)
