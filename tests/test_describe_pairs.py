"""What pairs of tokens add to similarities: groups, shares, regression, figure and sentences."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
from commands import WORDS, assert_refuses, assert_runs
from test_plots import change_text, plot

from common.contract import INFORMATION, LANGUAGE, PAIR_REGRESSION, PAIR_SHARES, PAIRS
from common.correlations.resampling import Draws
from common.pairs.attributed_tokens import PairSeries, crossed
from common.pairs.groups import GROUPINGS, function_words, with_groups
from common.pairs.shares import PairShares
from common.reports.pairs_told import on_pairs
from common.tables import read_table, write_table

VOCABULARY = [*WORDS, "."]
ENCODERS = ["before", "after"]
ABOUT = {"comparison": "tuned", "corpus": "pairs", "method": "shapley"}


def write_pairs(path: Path, seed: int, pairs: int = 12) -> None:
    """Random attributions of random pairs of sentences of the same words for every seed."""
    words, numbers = np.random.default_rng(9), np.random.default_rng(seed)
    frames = []
    for pair in range(pairs):
        sides = [
            [None, "[CLS]", *words.choice(VOCABULARY, words.integers(3, 6)), "."] for _ in range(2)
        ]
        rows = [
            (k - 1 if k else None, j - 1 if j else None, one, other)
            for k, one in enumerate(sides[0])
            for j, other in enumerate(sides[1])
        ]
        names = ["position", "other_position", "token", "other_token"]
        frame = pl.DataFrame(rows, names, orient="row")
        found = numbers.normal(0.05, 0.1, len(frame))
        frames.append(
            frame.with_columns(
                special=pl.col("token") == "[CLS]",
                other_special=pl.col("other_token") == "[CLS]",
                attribution=pl.Series(found),
                similarity=found.sum(),
                pair_id=pl.lit(2 * pair, pl.Int64),
                completeness=pl.lit(0.9 if pair == 3 and seed == 2 else 0.0),
            )
        )
    table = pl.concat(frames).with_columns(method=pl.lit("shapley"), error=pl.lit(0.0))
    known = pl.col("token").is_not_null() & pl.col("other_token").is_not_null()
    likeness = pl.Series(numbers.uniform(0.9, 1, len(table)))
    write_table(table.with_columns(likeness=pl.when(known).then(likeness)), path, PAIRS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Attributions by two encoders, quantities, and the tables that are made of them."""
    folder = tmp_path_factory.mktemp("pairs")
    for seed, name in enumerate(ENCODERS):
        write_pairs(folder / f"{name}.parquet", seed)
    n = len(VOCABULARY)
    types = pl.DataFrame(
        {"token_id": range(n), "token": VOCABULARY, "count": range(100, 100 - n, -1)}
    )
    types = types.with_columns(probability=pl.col("count") / pl.col("count").sum())
    generator = np.random.default_rng(0)
    types = types.with_columns(
        pl.Series(name, generator.gamma(2, 1, n)) for name in [*INFORMATION.columns][4:]
    )
    write_table(types, folder / "information.parquet", INFORMATION)
    assert_runs("describe_pairs", *options(folder), "--output-shares", folder / "shares.parquet")
    more = ("--quantities", "self_information", "information_gain_bayes", "--minimum-count", 85)
    output = ("--output-regression", folder / "regression.parquet")
    counted = ("--information", folder / "information.parquet")
    assert_runs("regress_pairs", *options(folder), *counted, *more, *output)
    return folder


def options(folder: Path, *others: str) -> list[object]:
    names = [name for pair in ABOUT.items() for name in (f"--{pair[0]}", pair[1])]
    paths = [folder / f"{name}.parquet" for name in (*ENCODERS, *others)]
    return [
        *("--pairs", *paths, "--encoders", *ENCODERS, *others, *names),
        *("--draws", 200, "--confidence", 0.95, "--seed", 0),
    ]


def series(folder: Path, **changes: object) -> PairSeries:
    settings = ABOUT | {"draws": 100, "confidence": 0.95, "seed": 0} | changes
    paths = [folder / f"{name}.parquet" for name in ENCODERS]
    return PairSeries(pairs=paths, encoders=ENCODERS, **settings)


def test_groups_make_up_the_similarity(folder: Path) -> None:
    shares = read_table(folder / "shares.parquet", PAIR_SHARES)
    for stage, name in enumerate(ENCODERS):
        rows = read_table(folder / f"{name}.parquet", PAIRS)
        mean = rows.group_by("pair_id").agg(pl.col("similarity").first())["similarity"].mean()
        for grouping in GROUPINGS:
            own = shares.filter(pl.col("reference").is_null(), stage=stage, grouping=grouping)
            assert own["attribution"].sum() == pytest.approx(mean)
            assert own["share"].sum() == pytest.approx(1)
            assert own["token_share"].sum() == pytest.approx(1)
            assert own["n"].sum() == len(rows)
    changes = shares.filter(reference="before", group="equal_words")
    by_stage = shares.filter(pl.col("reference").is_null(), group="equal_words").sort("stage")
    assert changes["share"][0] == pytest.approx(by_stage["share"][1] - by_stage["share"][0])


def test_groups_are_what_they_say(folder: Path) -> None:
    rows, _ = series(folder).read()
    last = read_table(folder / "after.parquet", PAIRS)
    found = with_groups(rows, function_words(None))
    shares = read_table(folder / "shares.parquet", PAIR_SHARES)
    counts = dict.fromkeys([group for groups in GROUPINGS.values() for group in groups], 0)
    for row, likeness in zip(found.iter_rows(named=True), last["likeness"], strict=True):
        both = (row["token"], row["other_token"])
        if None in both:
            groups = ["baselines" if both == (None, None) else "token_and_baseline"] * 2
        elif "[CLS]" in both:
            groups = ["special_tokens"] * 2
        else:
            like = "like_words" if likeness > 0.99 else "other_words"
            kind = "function_words" if {"the", "a"} & {*both} else "content_words"
            groups = ["equal_words" if both[0] == both[1] else like]
            groups += ["punctuation" if "." in both else kind]
        assert [row["relation"], row["kind"]] == groups
        for group in dict.fromkeys(groups):
            counts[group] += 1
    for row in shares.iter_rows(named=True):
        assert row["n"] == counts[row["group"]]


def test_function_words_of_the_generated_language_are_those_of_its_closed_classes(
    tmp_path: Path,
) -> None:
    classes = {"the": "determiner", "boat": "noun", "of": "of", "quickly": "adverb"}
    table = pl.DataFrame({"word": [*classes], "word_class": [*classes.values()]})
    table = table.with_columns(topics=pl.lit(""), probability=0.25, information_gain=0.0)
    write_table(table, tmp_path / "exact.parquet", LANGUAGE)
    found = function_words(tmp_path / "exact.parquet")
    assert sorted(found) == ["of", "the"]


def test_draws_are_those_of_pairs_and_both_types(folder: Path) -> None:
    rows, attributions = series(folder).read()
    tokens = crossed(rows)
    generator = np.random.default_rng(3)
    draws = Draws(
        *(generator.integers(0, 3, (n, 5)) * 1.0 for n in (tokens.sentences, tokens.types))
    )
    types = sorted({t for t in [*rows["token"], *rows["other_token"]] if t not in (None, "[CLS]")})
    times = np.empty((len(rows), 5))
    for k, row in enumerate(rows.iter_rows(named=True)):
        named = {row["token"], row["other_token"]} - {None, "[CLS]"}
        times[k] = draws.sentences[row["pair_id"] // 2]
        for name in named:
            times[k] *= draws.types[types.index(name)]
    np.testing.assert_array_equal(draws.of_tokens(tokens), times)
    alone = (rows["token"].is_null() & rows["other_token"].is_null()).to_numpy() * 1.0
    both = (rows["token"].is_not_null() & rows["other_token"].is_not_null()).to_numpy() * 1.0
    equal = (rows["token"] == rows["other_token"]).fill_null(False).to_numpy() * 1.0
    found = PairShares(tokens, attributions, equal[None], alone=alone, of_tokens=both)
    for k, values in enumerate(attributions):
        summed = (values * equal) @ times
        expected = [summed / (alone @ times), summed / (values @ times)]
        expected.append(summed / ((values * both) @ times))
        np.testing.assert_allclose(found.statistics(draws)[k, 0], expected)


def test_regression_is_ordinary_least_squares(folder: Path) -> None:
    table = read_table(folder / "regression.parquet", PAIR_REGRESSION)
    types = read_table(folder / "information.parquet", INFORMATION).filter(pl.col("count") >= 85)
    known = dict(types.select("token", "information_gain_bayes").rows())
    rows = read_table(folder / "after.parquet", PAIRS)
    rows = rows.filter(pl.col("token").is_in([*known]) & pl.col("other_token").is_in([*known]))
    terms = {
        "information": [known[token] for token in rows["token"]],
        "other_information": [known[token] for token in rows["other_token"]],
        "equal": (rows["token"] == rows["other_token"]).to_numpy() * 1.0,
    }
    x = np.stack([*terms.values()], axis=1)
    y = rows["attribution"].to_numpy()
    scaled = (x - x.mean(0)) / x.std(0)
    fit = sm.OLS((y - y.mean()) / y.std(), sm.add_constant(scaled)).fit()
    for k, term in enumerate(terms):
        about = {"quantity": "information_gain_bayes", "stage": 1, "term": term}
        [row] = table.filter(pl.col("reference").is_null(), **about).iter_rows(named=True)
        assert row["n"] == len(rows)
        assert row["coefficient"] == pytest.approx(fit.params[k + 1])
        assert row["r_squared"] == pytest.approx(fit.rsquared)
        without = sm.OLS(y, sm.add_constant(np.delete(x, k, axis=1))).fit().rsquared
        assert row["r_squared_without"] == pytest.approx(without)
        assert row["coefficient_low"] < row["coefficient_high"]


def test_pairs_that_miss_too_much_are_left_out(folder: Path, tmp_path: Path) -> None:
    write_pairs(folder / "inexact.parquet", 2)
    more = ("--largest-error", 0.05, "--output-shares", tmp_path / "shares.parquet")
    log = assert_runs("describe_pairs", *options(folder, "inexact"), *more)
    assert "left out 1 of 12 pairs with errors above 0.05" in log
    assert set(read_table(tmp_path / "shares.parquet", PAIR_SHARES)["pairs"]) == {11}


def test_what_cannot_be_compared_is_refused(folder: Path, tmp_path: Path) -> None:
    write_pairs(folder / "fewer.parquet", 0, pairs=11)
    output = ("--output-shares", tmp_path / "shares.parquet")
    line = assert_refuses("describe_pairs", *options(folder, "fewer"), *output)
    assert "fewer.parquet: different pairs or tokens" in line
    given = ["occlusion" if option == "shapley" else option for option in options(folder)]
    line = assert_refuses("describe_pairs", *given, *output)
    assert "before.parquet: no pair by occlusion" in line
    more = ("--output-regression", tmp_path / "r.parquet", "--quantities", "information_gain_bayes")
    more = (*more, "--information", folder / "information.parquet", "--minimum-count", 100)
    line = assert_refuses("regress_pairs", *options(folder), *more)
    assert "pairs of tokens with information_gain_bayes; lower the minimum count" in line


def test_the_figure_prints_the_numbers_of_the_table(folder: Path, tmp_path: Path) -> None:
    about = ("--comparison", "tuned", "--corpus", "pairs")
    texts = plot("plot_pairs", tmp_path, folder / "shares.parquet", *about, times=2)
    changes = read_table(folder / "shares.parquet", PAIR_SHARES).filter(reference="before")
    for row in changes.drop_nulls("token_share").iter_rows(named=True):
        assert {change_text(row, "token_share"), row["group"].replace("_", " ")} <= set(texts)
    outputs = ("--output-svg", tmp_path / "a.svg", "--output-pdf", tmp_path / "a.pdf")
    other = ("--comparison", "other", "--corpus", "pairs")
    line = assert_refuses("plot_pairs", folder / "shares.parquet", *other, *outputs)
    assert "no row for other, pairs" in line


def test_the_summary_tells_shares_and_changes(folder: Path) -> None:
    shares = read_table(folder / "shares.parquet", PAIR_SHARES)
    regression = read_table(folder / "regression.parquet", PAIR_REGRESSION)
    [line] = on_pairs(shares, regression)
    assert line.startswith("- **tuned** on 12 pairs of pairs, Shapley values: ")
    assert "information gain (Bayes)" in line
    [row] = shares.filter(pl.col("reference").is_null(), stage=1, group="equal_words").rows(
        named=True
    )
    assert f"equal words {row['token_share']:.2f}".replace("-", "−") in line
    [alone] = on_pairs(shares.filter(stage=0), regression.filter(stage=0))
    assert "changes" not in alone
