"""Tables of shares, nested models and group means against scipy and statsmodels."""

import numpy as np
import polars as pl
import pytest
import scipy.stats
import statsmodels.api
from commands import assert_refuses, assert_runs
from test_correlate_weights import ENCODERS, FILES, QUANTITIES, edit, options_of, write_inputs

import average_weights
from common.contract import (
    CLASSES,
    INFORMATION,
    LANGUAGE,
    PARTIAL,
    SURPRISAL,
    WEIGHTS,
    WITHIN_SENTENCE,
)
from common.correlations.nested_models import NESTED
from common.correlations.within_sentences import WITHIN
from common.tables import read_table, write_table
from partition_variance import models_of

OWN = pl.col("reference").is_null()
"""Rows of an encoder's own values, not of a change."""


def judged_terms(terms, weight):
    """Coefficient, R squared without and with, partial R squared of each term by statsmodels."""
    standard = np.stack([scipy.stats.zscore(term) for term in terms])
    fit = statsmodels.api.OLS(scipy.stats.zscore(weight), standard.T).fit()
    found = []
    for i in range(len(terms)):
        rest = statsmodels.api.add_constant(np.delete(terms, i, axis=0).T)
        without = statsmodels.api.OLS(weight, rest).fit()
        whole = statsmodels.api.OLS(weight, statsmodels.api.add_constant(terms.T)).fit()
        partial = (without.ssr - whole.ssr) / without.ssr
        found.append([fit.params[i], without.rsquared, whole.rsquared, partial])
    return np.array(found)


def judged_rho(sentence, quantity, weight):
    """Spearman's rho within each sentence by scipy, those without one left out."""
    rhos = []
    for one in np.unique(sentence):
        x, y = quantity[sentence == one], weight[sentence == one]
        if len(x) > 1 and np.ptp(x) and np.ptp(y):
            rhos.append(scipy.stats.spearmanr(x, y)[0])
    return rhos


def arguments(folder, output, **changed):
    """Options of a script on the tables of `folder`, with one table of output."""
    settings = options_of(folder, QUANTITIES, 20, True) | changed
    settings = {k: v for k, v in settings.items() if not k.startswith("output")}
    settings[f"output_{output}"] = folder / f"{output}.parquet"
    return [
        word
        for name, value in settings.items()
        for word in (
            f"--{name.replace('_', '-')}",
            *(value if isinstance(value, list) else [value]),
        )
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Tables of a comparison, and those that the scripts make of them."""
    folder = tmp_path_factory.mktemp("evidence")
    write_inputs(folder)
    assert_runs("correlate_shares", *arguments(folder, "within_sentence"))
    assert_runs("partition_variance", *arguments(folder, "partial"))
    return folder


def joined(folder, stage):
    """Tokens that are not special with weights, shares of their sentence, and quantities."""
    tokens = read_table(folder / f"{FILES[stage]}.parquet", WEIGHTS).filter(~pl.col("special"))
    share = pl.col("weight") / pl.col("weight").sum().over("sentence_id")
    information = read_table(folder / "information.parquet", INFORMATION)
    surprisal = read_table(folder / "surprisal.parquet", SURPRISAL)
    return (
        tokens.with_columns(share=share, length=pl.len().over("sentence_id"))
        .join(information, "token_id")
        .join(surprisal, ["sentence_id", "position"], suffix="_scored")
        .filter(pl.col("count") >= 20)
    )


@pytest.mark.parametrize("stage", [0, 1])
@pytest.mark.parametrize("quantity", QUANTITIES)
def test_shares_are_of_all_tokens_of_a_sentence(folder, stage, quantity):
    tokens = joined(folder, stage).drop_nulls(quantity)
    assert tokens["share"].sum() < tokens["sentence_id"].n_unique()  # rare types have theirs too
    sentence, x, y = (tokens[name].to_numpy() for name in ("sentence_id", quantity, "share"))
    row = read_table(folder / "within_sentence.parquet", WITHIN_SENTENCE).row(
        by_predicate=(pl.col("quantity") == quantity) & (pl.col("stage") == stage) & OWN,
        named=True,
    )
    fit = statsmodels.api.OLS(y, statsmodels.api.add_constant(x)).fit()
    rhos = judged_rho(sentence, x, y)
    expected = [fit.rsquared, fit.params[1], fit.params[0], scipy.stats.spearmanr(x, y)[0]]
    assert [row[name] for name in WITHIN] == pytest.approx([*expected, np.mean(rhos)], 1e-9)
    assert (row["n"], row["sentences"]) == (len(tokens), len(rhos))
    assert all(row[f"{name}_low"] < row[name] < row[f"{name}_high"] for name in WITHIN)
    assert row["encoder"] == ENCODERS[stage]


@pytest.mark.parametrize("stage", [0, 1])
def test_partial_r_squared_is_of_nested_models(folder, stage):
    table = read_table(folder / "partial.parquet", PARTIAL)
    assert set(table["model"]) == {"information_gain_bayes"}
    terms = ["position", "length", "self_information", "surprisal", "information_gain_bayes"]
    tokens = joined(folder, stage).drop_nulls(terms)
    expected = judged_terms(tokens.select(terms).to_numpy().T, tokens["weight"].to_numpy())
    rows = {row["term"]: row for row in table.filter(OWN, stage=stage).iter_rows(named=True)}
    for term, judged in zip(terms, expected, strict=True):
        assert [rows[term][name] for name in NESTED] == pytest.approx(judged, 1e-8)
        assert rows[term]["controls"] == " + ".join(other for other in terms if other != term)
        assert rows[term]["n"] == len(tokens)


@pytest.mark.parametrize(
    ("name", "table", "key"),
    [("within_sentence", WITHIN_SENTENCE, "quantity"), ("partial", PARTIAL, "term")],
)
def test_change_is_after_minus_before(folder, name, table, key):
    frame = read_table(folder / f"{name}.parquet", table)
    before, after, change = (
        frame.filter(own, stage=stage).sort(key) for own, stage in ((OWN, 0), (OWN, 1), (~OWN, 1))
    )
    for statistic in NESTED if name == "partial" else WITHIN:
        assert change[statistic].to_numpy() == pytest.approx(
            (after[statistic] - before[statistic]).to_numpy()
        )
        assert (change[f"{statistic}_low"] <= change[statistic]).all()
    assert set(change["encoder"]) == {"contrastive"}
    assert set(change["reference"]) == {"base"}


def test_models_hold_one_information_gain_each():
    assert models_of(["surprisal", "self_information"]) == {
        "self_information": ["position", "length", "surprisal", "self_information"]
    }
    both = models_of(["information_gain", "self_information", "information_gain_exact"])
    assert both == {
        gain: ["position", "length", "self_information", gain]
        for gain in ("information_gain", "information_gain_exact")
    }


def test_a_sentence_without_weight_has_no_shares(tmp_path):
    write_inputs(tmp_path)
    nothing = pl.when(pl.col("sentence_id") == 6).then(0.0).otherwise("weight")
    edit(tmp_path, "before", WEIGHTS, weight=nothing)
    log = assert_runs("correlate_shares", *arguments(tmp_path, "within_sentence"))
    assert "tokens of sentences without weight" in log
    found = read_table(tmp_path / "within_sentence.parquet", WITHIN_SENTENCE)
    assert found["n"].max() < len(joined(tmp_path, 0))


@pytest.mark.parametrize(
    ("script", "output"),
    [("correlate_shares", "within_sentence"), ("partition_variance", "partial")],
)
def test_bad_input_is_one_line_and_no_table(tmp_path, script, output):
    write_inputs(tmp_path)
    said = assert_refuses(script, *arguments(tmp_path, output, minimum_count=1000))
    assert "0 tokens left to regress on self_information" in said
    assert not (tmp_path / f"{output}.parquet").exists()


def average(folder, **more):
    """The script on the tables of `folder`; its table."""
    settings = arguments(folder, "classes", **more)
    without = ("--surprisal", "--quantities", "--minimum-count", "--permutations")
    kept, skip = [], False
    for word in settings:
        if str(word).startswith("--"):
            skip = word in without
        if not skip:
            kept.append(word)
    assert_runs("average_weights", *kept)
    return read_table(folder / "classes.parquet", CLASSES)


def test_means_of_classes_and_bands_are_those_of_their_tokens(tmp_path):
    write_inputs(tmp_path)
    words = pl.DataFrame({"word": [f"word{i}" for i in range(30)]})
    classes = pl.Series(["noun", "verb"] * 14 + ["noun", "adverb"])
    exact = words.with_columns(word_class=classes, topics=pl.lit(""), probability=1 / pl.len())
    exact = exact.with_columns(information_gain=pl.lit(1.0))
    write_table(exact, tmp_path / "exact.parquet", LANGUAGE)
    found = average(tmp_path, exact=tmp_path / "exact.parquet")
    assert set(found["grouping"]) == {"word_class", "zipf_band"}
    information = read_table(tmp_path / "information.parquet", INFORMATION)
    for stage, name in enumerate(FILES):
        tokens = read_table(tmp_path / f"{name}.parquet", WEIGHTS).filter(~pl.col("special"))
        tokens = tokens.join(information, "token_id").join(
            exact.select("word_class", token="word"), "token"
        )
        zipf = (9 + pl.col("probability").log10()).floor().cast(int)
        tokens = tokens.with_columns(zipf_band=pl.format("{}–{}", zipf, zipf + 1))
        overall = tokens["weight"].mean()
        for row in found.filter(OWN, stage=stage).iter_rows(named=True):
            own = tokens.filter(pl.col(row["grouping"]) == row["group"])
            assert (row["n"], row["types"]) == (len(own), own["token_id"].n_unique())
            assert row["weight"] == pytest.approx(own["weight"].mean())
            assert row["relative_weight"] == pytest.approx(own["weight"].mean() / overall)
            ends = [row["relative_weight_low"], row["relative_weight_high"]]
            if row["types"] < average_weights.LEAST_TYPES:
                assert ends == [None, None]
            else:
                assert ends[0] <= row["relative_weight"] <= ends[1]
    sums = found.filter(OWN, stage=1).group_by("grouping").agg(pl.col("n").sum())
    assert set(sums["n"]) == {len(tokens)}


def test_without_exact_values_there_are_bands_alone(tmp_path):
    write_inputs(tmp_path)
    assert set(average(tmp_path)["grouping"]) == {"zipf_band"}


def test_words_without_a_class_are_in_none(tmp_path):
    write_inputs(tmp_path)
    exact = {"word": ["word0"], "word_class": ["noun"], "topics": [""]}
    exact |= {"probability": [1.0], "information_gain": [1.0]}
    write_table(pl.DataFrame(exact), tmp_path / "exact.parquet", LANGUAGE)
    tokens = pl.DataFrame({"token": ["word0", "word1"], "probability": [2e-3, 2e-4]})
    grouped = average_weights.with_groups(tokens, tmp_path / "exact.parquet")
    assert grouped["word_class"].to_list() == ["noun", None]
    assert grouped["zipf_band"].to_list() == ["6–7", "5–6"]
