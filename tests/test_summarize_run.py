"""The summary says what the tables hold, and warns of encoders that have collapsed."""

import polars as pl
import pytest
from commands import assert_refuses, assert_runs
from evidence_tables import write_evidence

from common.contract import CHANGE, NORMS, REGRESSION, TABLES
from common.reports.summary import (
    conclusion,
    on_encoders,
    on_rivals,
    on_tests,
    on_trainings,
    relation,
)
from common.reports.wording import listed, markdown_table, number, p_value, with_interval
from common.tables import read_table, write_table

KINDS = ("regression", "change", "within_sentence", "partial", "classes", "encoders", "data")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    write_evidence(folder)
    return folder


def arguments(folder, output):
    tables = [(f"--{kind.replace('_', '-')}", folder / f"{kind}.parquet") for kind in KINDS]
    options = [word for pair in tables for word in pair]
    return [*options, "--output-summary", output, "--name", "tiny", "--confidence", "0.9"]


def test_the_summary_holds_the_numbers_of_the_tables(folder, tmp_path):
    assert_runs("summarize_run", *arguments(folder, tmp_path / "summary.md"))
    text = (tmp_path / "summary.md").read_text()
    assert text.startswith("# Summary of the run tiny\n")
    assert "Brackets hold 90% intervals" in text
    assert "- **tuned**: `base` → `contrastive`; weighed on stsb" in text
    rows = [line for line in text.splitlines() if line.startswith("| tuned | stsb | Shapley")]
    changes = read_table(folder / "change.parquet", CHANGE)
    values = read_table(folder / "regression.parquet", REGRESSION)
    assert len(rows) == len(values) == 2 * len(changes) == 6
    of_change = iter(changes.iter_rows(named=True))
    for line, row in zip(rows, values.iter_rows(named=True), strict=True):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert cells[4] == row["encoder"]
        assert cells[5] == with_interval(row, "pearson", signed=True)
        if row["stage"] == 0:
            assert cells[9:] == ["", ""]
            continue
        change = next(of_change)
        numbers = (change[f"pearson_change{end}"] for end in ("", "_low", "_high"))
        moved, low, high = (f"{value:+.2f}".replace("-", "−") for value in numbers)
        assert cells[9] == f"{moved} [{low}, {high}]"
        p = change["pearson_change_p"]
        assert cells[10] == ("no test" if p is None else f"{p:.3f}")
    main = changes.filter(quantity="information_gain_bayes").row(0, named=True)
    assert (
        "from `base` to `contrastive`, the correlation of weight with information gain (Bayes) "
        "went from −0.76 to +0.98, a "
        f"change of {with_interval(main, 'pearson_change', signed=True)} (p = "
        f"{main['pearson_change_p']:.3f})." in text
    )
    assert "The relation turned from negative to positive." in text
    assert "One training says nothing of others. R² went from 0.58 to 0.96." in text
    assert "excludes 0" not in text
    assert "Of what position, length, self-information and surprisal leave unexplained" in text
    collapsed = [line for line in text.splitlines() if "collapsed" in line]
    assert len(collapsed) == 1
    assert collapsed[0].startswith("- `contrastive`: Spearman's rho undefined")
    assert "is 0.999" in collapsed[0]


def test_the_summary_tells_what_the_comparison_stands_on(folder, tmp_path):
    assert_runs("summarize_run", *arguments(folder, tmp_path / "summary.md"))
    text = (tmp_path / "summary.md").read_text()
    line, *warned = text.partition("## Data\n\n")[2].partition("\n\n")[0].splitlines()
    assert line == (
        "- **tuned** on stsb: 790,123 tokens of 1,700 types counted in 104,000 sentences; "
        "140 tokens weighed in 40 sentences: 0.0 % of them unknown, 2.5 % of the sentences cut, "
        "2.5 % with errors above 5 % left out by Integrated Gradients, "
        "12.5 % counted fewer than 20 times and left out; 120 tokens of 101 types "
        "in 40 sentences regressed (``'zoo' 12, '`' 3``)."
    )
    told = ("Some were cut.", "40 sentences are few.")
    assert warned == [f"- **Warning**, **tuned** on stsb: {sentence}" for sentence in told]


def test_one_encoder_is_told_without_a_change(folder, tmp_path):
    for kind in KINDS:
        frame = read_table(folder / f"{kind}.parquet", TABLES[kind])
        if "stage" in frame.columns:
            frame = frame.filter(stage=0)
        write_table(frame, tmp_path / f"{kind}.parquet", TABLES[kind])
    options = arguments(tmp_path, tmp_path / "summary.md")
    place = options.index("--encoders")
    assert_runs("summarize_run", *options[:place], *options[place + 2 :])
    text = (tmp_path / "summary.md").read_text()
    values = read_table(folder / "regression.parquet", REGRESSION).filter(stage=0)
    main = values.filter(quantity="information_gain_bayes").row(0, named=True)
    assert (
        "- **tuned** on stsb, Shapley values: by `base`, the correlation of weight with "
        f"information gain (Bayes) is {with_interval(main, 'pearson', signed=True)} "
        f"({p_value(main['pearson_p'])}). Weights fall with it. One training" in text
    )
    assert "R² is 0.58." in text
    assert "change" not in text.replace("or its change", "")
    assert "after" not in text
    assert "## Encoders" not in text


def test_undefined_statistics_are_said_to_be(folder, tmp_path):
    whole = ("encoders", "data")
    for kind in KINDS:
        table = TABLES[kind]
        frame = read_table(folder / f"{kind}.parquet", table)
        lost = [n for n in frame.columns if frame.schema[n] == pl.Float64 and kind not in whole]
        frame = frame.with_columns(pl.lit(None, pl.Float64).alias(name) for name in lost)
        write_table(frame, tmp_path / f"{kind}.parquet", table)
    assert_runs("summarize_run", *arguments(tmp_path, tmp_path / "summary.md"))
    text = (tmp_path / "summary.md").read_text()
    assert "0 of 0 changes of the correlation have p below 0.05" in text
    assert "went from undefined to undefined, a change of undefined (no test)" in text
    assert "Nothing can be concluded" in text


def test_empty_tables_are_refused(folder, tmp_path):
    for kind in KINDS:
        frame = read_table(folder / f"{kind}.parquet", TABLES[kind])
        write_table(frame.clear(), tmp_path / f"{kind}.parquet", TABLES[kind])
    said = assert_refuses("summarize_run", *arguments(tmp_path, tmp_path / "summary.md"))
    assert "regression.parquet: no rows" in said
    assert not (tmp_path / "summary.md").exists()


def test_an_encoder_that_is_well_is_not_warned_of(folder):
    encoders = read_table(folder / "encoders.parquet", TABLES["encoders"])
    base, contrastive = on_encoders(encoders)
    assert "collapsed" not in base
    assert "collapsed" in contrastive
    unknown = encoders.with_columns(mean_cosine=pl.lit(None, pl.Float64))
    assert not any("collapsed" in line for line in on_encoders(unknown))


def test_fine_tunings_of_one_encoder_are_set_side_by_side(folder):
    tables = {kind: read_table(folder / f"{kind}.parquet", TABLES[kind]) for kind in KINDS}
    assert not list(on_rivals(tables, "surprisal"))
    for kind, table in (("regression", REGRESSION), ("change", CHANGE)):
        other = tables[kind].with_columns(comparison=pl.lit("control"))
        if table is CHANGE:
            moved = pl.col("^pearson_change.*$") - 5
            other = other.with_columns(moved, encoder=pl.lit("control"))
        tables[kind] = pl.concat([tables[kind], other])
    (line,) = on_rivals(tables, "information_gain_bayes")
    assert line.startswith("- From `base`, on stsb by Shapley values")
    assert 0 < line.index("`contrastive` +1.") < line.index("`control` −3.")


def test_the_theory_is_told_of_pairs_in_adjacent_sentences(folder, tmp_path):
    about = {"vectors": "untied", "dimension": 8, "n": 1900, "slope": 1.0, "intercept": 0.0}
    rows = [
        {"cooccurrence": kind, "source": "sampled", "gain_of": gain, "quantity": quantity}
        | {"norm": norm, "r_squared": r_squared, "spearman": None}
        | about
        for kind, gain, r_squared in (("adjacent", "adjacent", 0.91), ("sentence", "adjacent", 0.1))
        for quantity in ("plug_in", "bayes")
        for norm in NORMS
    ]
    table = pl.DataFrame(rows).cast({"dimension": pl.Int32, "spearman": pl.Float64})
    write_table(table, tmp_path / "theory.parquet", TABLES["theory"])
    given = ["--theory", tmp_path / "theory.parquet"]
    assert_runs("summarize_run", *arguments(folder, tmp_path / "summary.md"), *given)
    text = (tmp_path / "summary.md").read_text()
    (line,) = text.partition("## Theory\n\n")[2].splitlines()
    assert "untied vectors of 8 dimensions" in line
    assert "from sampled sentences: R² on the Bayes estimate of information gain" in line
    assert line.endswith(
        "over 1,900 words is 0.91 (rho undefined) for the divergence of its own P, 0.91 (rho "
        "undefined) for the euclidean norm and 0.91 (rho undefined) for the metric norm."
    )


def test_what_may_be_concluded_depends_on_p_and_sign():
    row = {"pearson_change": 0.5, "pearson_change_p": 0.01}
    row |= {"pearson_change_low": 0.1, "pearson_change_high": 0.9}
    row |= {"pearson_reference": 0.2, "pearson": 0.7}
    assert conclusion(row) == "The relation became stronger."
    wide = row | {"pearson_change_low": -0.1}
    assert conclusion(wide).endswith("this shows no direction.")
    assert conclusion(wide | {"pearson_change_low": None}) == conclusion(wide)
    unclear = wide | {"pearson_change_p": 0.05}
    assert conclusion(unclear).endswith(
        "does not show that the relation changed; nor that it did not."
    )
    assert "The interval excludes 0, but" in conclusion(unclear | {"pearson_change_low": 0.1})
    assert "nor" in conclusion(unclear | {"pearson_change_low": None, "pearson_change_high": None})
    turned = row | {"pearson_reference": -0.2, "pearson": 0.3}
    assert conclusion(turned) == "The relation turned from negative to positive."
    weaker = row | {"pearson_reference": -0.7, "pearson": -0.2}
    assert conclusion(weaker) == "The relation became weaker."
    assert "Nothing can be concluded" in conclusion(row | {"pearson_change_p": None})


def test_a_correlation_whose_interval_holds_0_has_no_direction():
    row = {"pearson": 0.1, "pearson_low": 0.02, "pearson_high": 0.2, "pearson_p": 0.01}
    assert relation(row) == "Weights rise with it."
    assert relation(row | {"pearson_low": -0.02}).endswith("this shows no direction.")


def test_trainings_agree_or_not(folder):
    one = read_table(folder / "change.parquet", CHANGE).filter(quantity="information_gain_bayes")

    def several(*changes):
        numbers = zip([None, 1, 2, 3], [0.0, *changes], strict=True)
        return pl.concat(
            one.with_columns(
                replicate=pl.lit(number, pl.Int32), pearson_change=pl.lit(change, pl.Float64)
            )
            for number, change in numbers
        )

    def told(rows):
        return on_trainings(rows, "pearson_change")

    assert told(one) == "One training says nothing of others."
    assert told(several(0.3, 0.1, 0.2)) == "The 3 trainings agree on its sign: from +0.10 to +0.30."
    assert "do not agree on its sign: from −0.10 to" in told(several(0.3, -0.1, 0.2))


def test_tests_are_counted_beside_what_chance_would_give(folder):
    changes = read_table(folder / "change.parquet", CHANGE)
    p = pl.Series("pearson_change_p", [0.01, 0.2, None])
    tables = {"change": changes.with_columns(p), "regression": changes}
    without = "without any relation, about 0.1 would."
    said = f"1 of 2 changes of the correlation have p below 0.05; {without}"
    assert on_tests(tables) == said
    alone = {"change": changes.clear(), "regression": pl.DataFrame([p.rename("pearson_p")])}
    alone["regression"] = alone["regression"].with_columns(replicate=1)
    assert on_tests(alone) == f"1 of 2 correlations have p below 0.05; {without}"


def test_words():
    row = {"a": -0.5, "a_low": -0.75, "a_high": 0.25, "b": None, "b_low": None, "b_high": None}
    assert (number(-0.123), number(1.0, signed=True), number(None)) == (
        "−0.12",
        "+1.00",
        "undefined",
    )
    assert with_interval(row, "a") == "−0.50 [−0.75, 0.25]"
    assert with_interval(row, "b") == "undefined"
    assert with_interval(row | {"a_low": None, "a_high": None}, "a") == "−0.50"
    assert [p_value(p) for p in (None, 0.0001, 0.04)] == ["no test", "p < 0.001", "p = 0.040"]
    assert (listed(["x"]), listed(["x", "y", "z"])) == ("x", "x, y and z")
    assert markdown_table(["h"], [["a|b"]]) == ["| h |", "| --- |", "| a\\|b |"]
