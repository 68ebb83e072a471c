"""Shares, nested models and group means against scipy, statsmodels and literal resampling."""

import numpy as np
import polars as pl
import pytest
import scipy.stats
import statsmodels.api
from commands import assert_refuses, assert_runs
from test_correlate_weights import QUANTITIES, edit, options_of, sample, write_inputs

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
from common.correlations.nested_models import NESTED, JointModel
from common.correlations.statistics import (
    Ratios,
    bootstrap,
    draw_sentences,
    in_sample,
    percentile_interval,
)
from common.correlations.within_sentences import WITHIN, WithinSentences, sentence_spearman
from common.tables import read_table, write_table
from partition_variance import models_of


def resampled(sentence, drawn):
    """Rows of the tokens of a draw, and the number of the drawn sentence that each is of."""
    picked = [s for s in range(len(drawn)) for _ in range(int(drawn[s]))]
    rows = [np.flatnonzero(sentence == s) for s in picked]
    return np.concatenate(rows), np.repeat(np.arange(len(picked)), [len(one) for one in rows])


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


def several(seed, ties=True):
    """Sentences, three quantities that hang together, and two weights of their tokens."""
    generator = np.random.default_rng(seed)
    sentence, quantity, weight = sample(seed, ties=ties)
    other = 0.5 * quantity + generator.normal(size=len(sentence))
    terms = np.stack([quantity, other, np.arange(len(sentence)) % 5.0])
    return sentence, terms, np.stack([weight, weight - 2 * other + 1e3])


@pytest.mark.parametrize("seed", range(3))
def test_nested_models_equal_statsmodels_in_any_draw(seed):
    sentence, terms, weights = several(seed)
    model = JointModel(sentence, terms, weights, 30)
    drawn = draw_sentences(30, 1, np.random.default_rng(seed))
    rows, _ = resampled(sentence, drawn[:, 0])
    for found, chosen in (
        (in_sample(model, 30), slice(None)),
        (model.statistics(drawn)[..., 0], rows),
    ):
        for j, weight in enumerate(weights):
            expected = judged_terms(terms[:, chosen], weight[chosen])
            assert found[j] == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_a_term_alone_has_its_r_squared_and_correlation():
    sentence, quantity, weight = sample(1)
    found = in_sample(JointModel(sentence, quantity[None], weight[None], 30), 30)[0, 0]
    rho = scipy.stats.pearsonr(quantity, weight)[0]
    assert found == pytest.approx([rho, 0, rho**2, rho**2])


def test_constant_and_collinear_terms_leave_their_draws_undefined():
    sentence = np.repeat(np.arange(4), 3)
    generator = np.random.default_rng(0)
    terms = generator.normal(size=(2, 12))
    terms[1, 3:] = 2 * terms[0, 3:] + 1
    terms[0, 9:] = 7
    weight = generator.normal(size=(1, 12))
    draws = np.array([[1, 1, 1, 1], [0, 1, 1, 0], [0, 0, 0, 4], [0, 0, 0, 0]], float).T
    found = JointModel(sentence, terms, weight, 4).statistics(draws)
    assert np.isfinite(found[..., 0]).all()
    assert np.isnan(found[..., 1:]).all()
    flat = JointModel(sentence, generator.normal(size=(2, 12)), np.full((1, 12), 0.1), 4)
    assert np.isnan(in_sample(flat, 4)).all()


@pytest.mark.parametrize("ties", [True, False])
def test_rho_within_sentences_equals_scipy(ties):
    sentence, quantity, weight = sample(3, ties=ties)
    found = sentence_spearman(sentence, quantity, weight, 30)
    expected = judged_rho(sentence, quantity, weight)
    assert found[np.isfinite(found)] == pytest.approx(expected, abs=1e-12)
    assert len(expected) < 30  # sentences of one token are among them


def test_rho_of_the_shortest_and_of_constant_sentences():
    sentence = np.array([0, 1, 1, 2, 2, 3, 3, 3, 5, 5, 5])
    quantity = np.array([1.0, 1, 2, 2, 1, 4, 4, 4, 1, 2, 2])
    weight = np.array([1.0, 3, 5, 3, 5, 1, 2, 3, 1, 1, 3])
    found = sentence_spearman(sentence, quantity, weight, 6)
    expected = [np.nan, 1, -1, np.nan, np.nan, 0.5]
    assert found == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("seed", range(3))
def test_a_draw_of_shares_equals_scipy_on_the_sentences_repeated(seed):
    sentence, terms, weights = several(seed)
    shares = weights / np.stack([np.bincount(sentence, row) for row in weights])[:, sentence]
    within = WithinSentences(sentence, terms, shares, 30)
    drawn = draw_sentences(30, 1, np.random.default_rng(seed))
    rows, copies = resampled(sentence, drawn[:, 0])
    found = within.statistics(drawn)[..., 0]
    for i, term in enumerate(terms[:, rows]):
        for j, share in enumerate(shares[:, rows]):
            fit = statsmodels.api.OLS(share, statsmodels.api.add_constant(term)).fit()
            rho = scipy.stats.spearmanr(term, share)[0]
            mean = np.mean(judged_rho(copies, term, share))
            expected = [fit.rsquared, fit.params[1], fit.params[0], rho, mean]
            assert found[i, j] == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_the_bootstrap_equals_a_loop_over_its_draws():
    sentence, terms, weights = several(4)
    samples = [
        WithinSentences(sentence, terms, weights, 30),
        JointModel(sentence, terms, weights, 30),
        Ratios(np.ones((1, 30)), np.arange(30.0)[None]),
    ]
    together = bootstrap(samples, 30, 40, seed=5)
    drawn = draw_sentences(30, 40, np.random.default_rng(5))
    for one, found in zip(samples, together, strict=True):
        loop = np.stack([one.statistics(drawn[:, [k]])[..., 0] for k in range(40)], axis=-1)
        assert found == pytest.approx(loop, rel=1e-12, abs=1e-12)
    rows = [resampled(sentence, column)[0] for column in drawn.T]
    naive = [
        [scipy.stats.spearmanr(term[r], weight[r])[0] for r in rows]
        for term in terms
        for weight in weights
    ]
    assert together[0][:, :, 3].reshape(6, 40) == pytest.approx(np.array(naive), abs=1e-12)


@pytest.mark.slow
def test_intervals_of_shares_and_nested_models_cover_the_truth():
    generator = np.random.default_rng(20231206)
    sentences, length, draws, trials = 200, 4, 500, 600
    sentence = np.repeat(np.arange(sentences), length)

    def simulated(sentences):
        shape = (sentences, length)
        first = 0.6 * generator.normal(size=(sentences, 1)) + 0.8 * generator.normal(size=shape)
        second = 0.5 * first + generator.normal(size=shape)
        weight = 0.5 * first + 0.4 * second + 0.5 * generator.normal(size=(sentences, 1))
        return first.ravel(), second.ravel(), (weight + generator.normal(size=shape)).ravel()

    first, second, weight = simulated(200_000)
    many = np.repeat(np.arange(200_000), length)
    nested = in_sample(JointModel(many, np.stack([first, second]), weight[None], 200_000), 200_000)
    rho = np.nanmean(sentence_spearman(many, first, weight, 200_000))
    truth = np.append(nested[0].ravel(), rho)
    covered = np.zeros(len(truth))
    for _ in range(trials):
        first, second, weight = simulated(sentences)
        drawn = draw_sentences(sentences, draws, generator)
        model = JointModel(sentence, np.stack([first, second]), weight[None], sentences)
        each = sentence_spearman(sentence, first, weight, sentences)
        mean = Ratios(np.nan_to_num(each), np.isfinite(each).astype(float))
        found = np.vstack([model.statistics(drawn)[0].reshape(8, -1), mean.statistics(drawn)])
        low, high = percentile_interval(found, 0.95)
        covered += (low <= truth) & (truth <= high)
    assert np.all((covered / trials > 0.93) & (covered / trials < 0.97)), covered / trials


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
    tokens = read_table(folder / f"{stage}.parquet", WEIGHTS).filter(~pl.col("special"))
    share = pl.col("weight") / pl.col("weight").sum().over("sentence_id")
    information = read_table(folder / "information.parquet", INFORMATION)
    surprisal = read_table(folder / "surprisal.parquet", SURPRISAL)
    return (
        tokens.with_columns(share=share)
        .join(information, "token_id")
        .join(surprisal, ["sentence_id", "position"], suffix="_scored")
        .filter(pl.col("count") >= 20)
    )


@pytest.mark.parametrize("stage", ["before", "after"])
@pytest.mark.parametrize("quantity", QUANTITIES)
def test_shares_are_of_all_tokens_of_a_sentence(folder, stage, quantity):
    tokens = joined(folder, stage).drop_nulls(quantity)
    assert tokens["share"].sum() < tokens["sentence_id"].n_unique()  # rare types have theirs too
    sentence, x, y = (tokens[name].to_numpy() for name in ("sentence_id", quantity, "share"))
    row = read_table(folder / "within_sentence.parquet", WITHIN_SENTENCE).row(
        by_predicate=(pl.col("quantity") == quantity) & (pl.col("stage") == stage), named=True
    )
    fit = statsmodels.api.OLS(y, statsmodels.api.add_constant(x)).fit()
    rhos = judged_rho(sentence, x, y)
    expected = [fit.rsquared, fit.params[1], fit.params[0], scipy.stats.spearmanr(x, y)[0]]
    assert [row[name] for name in WITHIN] == pytest.approx([*expected, np.mean(rhos)], 1e-9)
    assert (row["n"], row["sentences"]) == (len(tokens), len(rhos))
    assert all(row[f"{name}_low"] < row[name] < row[f"{name}_high"] for name in WITHIN)
    assert row["encoder"] == {"before": "base", "after": "contrastive"}[stage]


@pytest.mark.parametrize("stage", ["before", "after"])
def test_partial_r_squared_is_of_nested_models(folder, stage):
    table = read_table(folder / "partial.parquet", PARTIAL)
    assert set(table["model"]) == {"information_gain_bayes"}
    terms = ["position", "self_information", "surprisal", "information_gain_bayes"]
    tokens = joined(folder, stage).drop_nulls(terms)
    expected = judged_terms(tokens.select(terms).to_numpy().T, tokens["weight"].to_numpy())
    rows = {row["term"]: row for row in table.filter(stage=stage).iter_rows(named=True)}
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
    before, after, change = (frame.filter(stage=s).sort(key) for s in ("before", "after", "change"))
    for statistic in NESTED if name == "partial" else WITHIN:
        assert change[statistic].to_numpy() == pytest.approx(
            (after[statistic] - before[statistic]).to_numpy()
        )
        assert (change[f"{statistic}_low"] <= change[statistic]).all()
    assert change["encoder"].null_count() == len(change)


def test_models_hold_one_information_gain_each():
    assert models_of(["surprisal", "self_information"]) == {
        "self_information": ["position", "surprisal", "self_information"]
    }
    both = models_of(["information_gain", "self_information", "information_gain_exact"])
    assert both == {
        gain: ["position", "self_information", gain]
        for gain in ("information_gain", "information_gain_exact")
    }


def test_a_sentence_without_weight_has_no_shares(tmp_path):
    write_inputs(tmp_path)
    nothing = pl.when(pl.col("sentence_id") == 6).then(0.0).otherwise("weight")
    edit(tmp_path, "before", WEIGHTS, weight=nothing)
    log = assert_runs("correlate_shares", *arguments(tmp_path, "within_sentence"))
    assert "tokens of sentences without weight" in log
    found = read_table(tmp_path / "within_sentence.parquet", WITHIN_SENTENCE)
    assert found["n"].max() < len(joined(tmp_path, "before"))


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
    without = ("--surprisal", "--quantities", "--minimum-count")
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
    for stage in ("before", "after"):
        tokens = read_table(tmp_path / f"{stage}.parquet", WEIGHTS).filter(~pl.col("special"))
        tokens = tokens.join(information, "token_id").join(
            exact.select("word_class", token="word"), "token"
        )
        zipf = (9 + pl.col("probability").log10()).floor().cast(int)
        tokens = tokens.with_columns(zipf_band=pl.format("{}–{}", zipf, zipf + 1))
        overall = tokens["weight"].mean()
        for row in found.filter(stage=stage).iter_rows(named=True):
            own = tokens.filter(pl.col(row["grouping"]) == row["group"])
            assert (row["n"], row["types"]) == (len(own), own["token_id"].n_unique())
            assert row["weight"] == pytest.approx(own["weight"].mean())
            assert row["relative_weight"] == pytest.approx(own["weight"].mean() / overall)
            assert (
                row["relative_weight_low"] <= row["relative_weight"] <= row["relative_weight_high"]
            )
    sums = found.filter(stage="after").group_by("grouping").agg(pl.col("n").sum())
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
