"""Figures as commands: well-formed, with the numbers of the tables, the same bytes twice."""

import re
from xml.etree import ElementTree

import polars as pl
import pytest
from commands import assert_refuses, run_script
from evidence_tables import write_evidence
from test_correlate_weights import QUANTITIES, correlate, write_inputs

from common.contract import (
    CHANGE,
    CLASSES,
    INFORMATION,
    PARTIAL,
    REGRESSION,
    SURPRISAL,
    TRAINING,
)
from common.tables import read_table, write_table


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """Weights, quantities, and the tables of a comparison by two methods."""
    folder = tmp_path_factory.mktemp("tables")
    write_inputs(folder)
    ran = correlate(folder)
    assert ran.returncode == 0, ran.stderr
    for name, table in (("regression", REGRESSION), ("change", CHANGE)):
        frame = read_table(folder / f"{name}.parquet", table)
        other = frame.with_columns(method=pl.lit("integrated_gradients"))
        write_table(pl.concat([frame, other]), folder / f"{name}.parquet", table)
    return folder


@pytest.fixture(scope="module")
def evidence(tmp_path_factory):
    """The tables of one comparison that all figures but regressions are drawn from."""
    folder = tmp_path_factory.mktemp("evidence")
    write_evidence(folder)
    return folder


def plot(script, folder, *options, times=1):
    """Run a script, compare its figures, and give the lines of text of the SVG as drawn."""
    made = []
    for name in range(times):
        outputs = [folder / f"{name}.svg", folder / f"{name}.pdf"]
        ran = run_script(
            *(script, *options, "--output-svg", outputs[0], "--output-pdf", outputs[1])
        )
        assert ran.returncode == 0, ran.stderr
        made.append([path.read_bytes() for path in outputs])
    assert all(one == made[0] for one in made)
    svg, pdf = made[0]
    assert pdf.startswith(b"%PDF")
    assert ElementTree.fromstring(svg).tag == "{http://www.w3.org/2000/svg}svg"
    # Glyphs are drawn as paths, each line's own words in a comment before them.
    return [text.strip() for text in re.findall("<!--(.*?)-->", svg.decode(), re.DOTALL)]


def options_of_regressions(tables, *quantities):
    return [
        *("--weights", str(tables / "before.parquet"), str(tables / "after.parquet")),
        *("--encoders", "base", "contrastive"),
        *("--information", str(tables / "information.parquet")),
        *("--surprisal", str(tables / "surprisal.parquet")),
        *("--regression", str(tables / "regression.parquet"), "--comparison", "tuned"),
        *("--corpus", "stsb", "--method", "shapley", "--minimum-count", "20"),
        *("--quantities", *quantities),
    ]


def test_regressions_print_the_numbers_of_the_table(tables, tmp_path):
    texts = plot(
        "plot_regressions", tmp_path, *options_of_regressions(tables, *QUANTITIES), times=2
    )
    rows = read_table(tables / "regression.parquet", REGRESSION).filter(method="shapley")
    for row in rows.iter_rows(named=True):
        number = f"R² = {row['r_squared']:.2f}"
        interval = f"[{row['r_squared_low']:.2f}, {row['r_squared_high']:.2f}]"
        panels = [texts[i + 2] for i in range(len(texts)) if texts[i : i + 2] == [number, interval]]
        slopes = [float(text.removeprefix("slope ").replace("−", "-")) for text in panels]
        assert any(slope == pytest.approx(row["slope"], rel=0.06) for slope in slopes)
    assert sum(text.startswith("R² =") for text in texts) == 2 * len(QUANTITIES)
    title = " ".join(" ".join(texts).split())
    assert "tuned: base → contrastive, weighed on stsb by Shapley values" in title
    assert "surprisal (nats)" in texts


def test_regressions_refuse_a_table_of_other_tokens(tables, tmp_path):
    outputs = ["--output-svg", str(tmp_path / "a.svg"), "--output-pdf", str(tmp_path / "a.pdf")]
    for old, new, said in (("20", "50", "other tokens"), ("stsb", "wiki", "no row")):
        options = [
            new if option == old else option
            for option in options_of_regressions(tables, "self_information")
        ]
        ran = run_script("plot_regressions", *options, *outputs)
        assert ran.returncode == 1
        assert f"regression.parquet: {said} for tuned" in ran.stderr
        assert not list(tmp_path.iterdir())


def test_undefined_statistics_are_drawn_as_such(tables, tmp_path):
    for name, table in (("regression", REGRESSION), ("change", CHANGE)):
        frame = read_table(tables / f"{name}.parquet", table)
        nullable = [name for name in frame.columns if table.columns[name].nullable]
        lost = [name for name in nullable if name != "replicate"]
        write_table(
            frame.with_columns(pl.lit(None, pl.Float64).alias(column) for column in lost),
            *(tmp_path / f"{name}.parquet", table),
        )
    options = options_of_regressions(tables, "surprisal")
    options[options.index("--regression") + 1] = str(tmp_path / "regression.parquet")
    assert plot("plot_regressions", tmp_path, *options).count("R² undefined") == 2
    options = ["--regression", str(tmp_path / "regression.parquet")]
    options += ["--change", str(tmp_path / "change.parquet")]
    assert plot("plot_changes", tmp_path, *options).count("undefined") == 2 * len(QUANTITIES)


def test_changes_print_the_numbers_of_the_table(tables, tmp_path):
    texts = plot(
        *("plot_changes", tmp_path, "--regression", str(tables / "regression.parquet")),
        *("--change", str(tables / "change.parquet")),
        times=2,
    )
    changes = read_table(tables / "change.parquet", CHANGE)
    for row in changes.iter_rows(named=True):
        numbers = [row[f"pearson_change{end}"] for end in ("", "_low", "_high")]
        change, low, high = (f"{number:+.2f}".replace("-", "−") for number in numbers)
        assert texts.count(f"{change} [{low}, {high}]") >= 2
    assert {"Integrated Gradients", "Shapley values", "tuned, stsb: base → contrastive"} <= set(
        texts
    )
    assert "information gain, Bayes" in texts


def write_training(path, evaluated):
    steps = list(range(10, 110, 10))
    course = {"step": steps, "epoch": [step / 100 for step in steps]}
    course |= {"loss": [5 - step / 50 for step in steps], "learning_rate": [0.1] * 10}
    held_out = [4 - step / 50 if evaluated and step % 50 == 0 else None for step in steps]
    frame = pl.DataFrame(course | {"seconds": [float(step) for step in steps]})
    series = pl.Series("evaluation_loss", held_out, pl.Float64)
    write_table(frame.with_columns(series), path, TRAINING)
    return str(path)


def test_training_names_every_encoder(tmp_path):
    names = [f"encoder{i}" for i in range(4)]
    paths = [write_training(tmp_path / f"{name}.parquet", i % 2) for i, name in enumerate(names)]
    texts = plot("plot_training", tmp_path, *paths, "--names", *names, times=2)
    assert {*names, "loss (nats)", "optimiser steps", "training", "held-out"} <= set(texts)


def test_training_refuses_names_that_do_not_match(tmp_path):
    path = write_training(tmp_path / "a.parquet", True)
    outputs = ["--output-svg", tmp_path / "a.svg", "--output-pdf", tmp_path / "a.pdf"]
    ran = run_script("plot_training", path, "--names", "a", "b", *outputs)
    assert ran.returncode == 1
    assert "2 names for 1 trainings" in ran.stderr


def test_surprisal_prints_what_context_saves(tables, tmp_path):
    texts = plot(
        *("plot_surprisal", tmp_path, "--surprisal", str(tables / "surprisal.parquet")),
        *("--information", str(tables / "information.parquet")),
        times=2,
    )
    tokens = read_table(tables / "surprisal.parquet", SURPRISAL).join(
        read_table(tables / "information.parquet", INFORMATION), "token_id"
    )
    without, with_context = tokens["self_information"].mean(), tokens["surprisal"].mean()
    saved = f"{without - with_context:.2f}"
    assert f"context saves {saved} of {without:.2f} nats a token" in texts
    assert "surprisal in context (nats)" in texts


def test_partials_print_the_numbers_of_the_table(evidence, tmp_path):
    texts = plot("plot_partials", tmp_path, str(evidence / "partial.parquet"), times=2)
    changes = read_table(evidence / "partial.parquet", PARTIAL).drop_nulls("reference")
    for row in changes.iter_rows(named=True):
        assert change_text(row, "partial_r_squared") in texts
    assert {
        "Shapley values",
        "tuned, stsb: base → contrastive",
        "position in the sentence",
        "surprisal",
    } <= set(texts)


def test_partials_draw_the_best_known_model(evidence, tmp_path):
    table = read_table(evidence / "partial.parquet", PARTIAL)
    other = table.with_columns(
        model=pl.lit("information_gain"),
        term=pl.col("term").replace("information_gain_bayes", "information_gain"),
    )
    write_table(pl.concat([table, other]), tmp_path / "partial.parquet", PARTIAL)
    texts = plot("plot_partials", tmp_path, str(tmp_path / "partial.parquet"))
    assert "information gain, Bayes" in texts
    assert "information gain" not in texts


def test_classes_print_the_numbers_of_the_table(evidence, tmp_path):
    options = [str(evidence / "classes.parquet"), "--comparison", "tuned", "--corpus", "stsb"]
    texts = plot("plot_classes", tmp_path, *options, times=2)
    changes = read_table(evidence / "classes.parquet", CLASSES).drop_nulls("reference")
    for row in changes.iter_rows(named=True):
        assert {change_text(row, "relative_weight"), row["group"]} <= set(texts)
    assert "tuned: base → contrastive, weighed on stsb" in texts


def test_what_is_not_there_is_not_drawn(evidence, tmp_path):
    outputs = ["--output-svg", tmp_path / "a.svg", "--output-pdf", tmp_path / "a.pdf"]
    options = ["--comparison", "other", "--corpus", "stsb", *outputs]
    said = assert_refuses("plot_classes", evidence / "classes.parquet", *options)
    assert "classes.parquet: no row for other, stsb" in said
    empty = read_table(evidence / "partial.parquet", PARTIAL).clear()
    write_table(empty, tmp_path / "partial.parquet", PARTIAL)
    said = assert_refuses("plot_partials", tmp_path / "partial.parquet", *outputs)
    assert "no rows, nothing to draw" in said


def change_text(row, name):
    """A change with its interval, as figures print it."""
    if row[f"{name}_low"] is None:
        return f"{row[name]:+.2f}".replace("-", "−")
    change, low, high = (f"{row[f'{name}{end}']:+.2f}" for end in ("", "_low", "_high"))
    return f"{change} [{low}, {high}]".replace("-", "−")


def test_each_training_is_a_dot_beside_the_mean(tables, tmp_path):
    for name, table in (("regression", REGRESSION), ("change", CHANGE)):
        frame = read_table(tables / f"{name}.parquet", table)
        numbers = pl.lit(1, pl.Int32), pl.lit(2, pl.Int32), pl.lit(None, pl.Int32)
        several = pl.concat(frame.with_columns(replicate=number) for number in numbers)
        write_table(several, tmp_path / f"{name}.parquet", table)
    options = [f"--{n}={tmp_path / f'{n}.parquet'}" for n in ("regression", "change")]
    assert "one training" in plot("plot_changes", tmp_path, *options)
    options = [f"--{n}={tables / f'{n}.parquet'}" for n in ("regression", "change")]
    assert "one training" not in plot("plot_changes", tmp_path, *options)
