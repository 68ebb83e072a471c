"""Counts and estimates against brute force, sampling and the identities of their definitions."""

from itertools import permutations
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from commands import assert_refuses, assert_runs, draw_texts, write_corpus
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.stats import dirichlet_multinomial, norm
from tiny_encoder import build_tokenizer

from common.contract import INFORMATION, TOKEN_COUNTS
from common.information import empirical_bayes as estimates
from common.information import word_coordinates
from common.information.plug_in import information_gain, shuffled_information_gain
from common.tables import read_metadata, read_table
from common.tokens import pair_counts

TYPES = 6
sentences_of_ids = st.lists(
    st.lists(st.integers(0, TYPES - 1), min_size=1, max_size=7), min_size=1, max_size=12
).filter(lambda sentences: any(len(s) > 1 for s in sentences))


def counted(sentences: list[list[int]]) -> csr_array:
    ids = np.array([token for sentence in sentences for token in sentence])
    return pair_counts.count_pairs(ids, np.array([len(s) for s in sentences]), TYPES)


@given(sentences_of_ids)
@settings(deadline=None)
def test_pairs_equal_a_count_over_all_ordered_pairs(sentences: list[list[int]]) -> None:
    expected = np.zeros((TYPES, TYPES), int)
    for sentence in sentences:
        for first, second in permutations(sentence, 2):
            expected[first, second] += 1
    assert np.array_equal(counted(sentences).toarray(), expected)


@given(sentences_of_ids)
@settings(deadline=None)
def test_information_gain_is_not_negative_and_averages_to_mutual_information(
    sentences: list[list[int]],
) -> None:
    pairs = counted(sentences)
    gain = information_gain(pairs)
    joint = pairs.toarray() / pairs.sum()
    marginal = joint.sum(axis=1)
    held = joint > 0
    mutual = (joint[held] * np.log(joint[held] / np.outer(marginal, marginal)[held])).sum()
    assert np.allclose(joint.sum(axis=0), marginal)
    assert (gain[marginal > 0] >= 0).all()
    assert np.isnan(gain[marginal == 0]).all()
    assert np.nansum(marginal * gain) == pytest.approx(mutual, abs=1e-12)


@given(sentences_of_ids, st.integers(1, 11))
@settings(deadline=None)
def test_parts_add_up_to_the_whole(sentences: list[list[int]], cut: int) -> None:
    parts = [part for part in (sentences[:cut], sentences[cut:]) if part]
    added = sum(counted(part).toarray() for part in parts)
    assert np.array_equal(added, counted(sentences).toarray())


@given(st.lists(sentences_of_ids, min_size=1, max_size=9))
@settings(deadline=None)
def test_a_running_sum_is_the_sum(parts: list[list[list[int]]]) -> None:
    running = pair_counts.RunningSum()
    for part in parts:
        running.add(counted(part))
    expected = sum(counted(part).toarray() for part in parts)
    assert np.array_equal(running.take().toarray(), expected)


@given(st.lists(st.tuples(st.booleans(), sentences_of_ids), max_size=9), st.integers(1, 80))
@settings(deadline=None)
def test_pairs_that_are_set_down_add_up_to_those_held_in_memory(
    parts: list[tuple[bool, list[list[int]]]], held: int
) -> None:
    """New types come with later parts, as new words do."""
    some, all_at_once = pair_counts.PairSum(held), pair_counts.PairSum()
    expected = np.zeros((2, TYPES, TYPES), np.int64)
    met = 1
    for half, sentences in parts:
        pairs = counted(sentences)
        met = max(met, int(pairs.indices.max(initial=0)) + 1)
        for total in (some, all_at_once):
            total.add(int(half), pairs[:met, :met])
        expected[int(half)] += pairs.toarray()
    tables = list(some.tables(TYPES))
    table = pl.concat(tables)
    assert table.equals(pl.concat(all_at_once.tables(TYPES)))
    assert table.equals(table.sort("token_id", "other_id"))
    for half, back in zip(
        expected, pair_counts.pair_halves([table[:7], table[7:]], TYPES), strict=True
    ):
        assert np.array_equal(half, back.toarray())


def test_no_more_pairs_than_told_are_in_memory() -> None:
    generator = np.random.default_rng(0)
    types, held, sentences = 300, 2000, 40
    total = pair_counts.PairSum(held)
    for _ in range(50):
        ids = generator.integers(types, size=10 * sentences)
        pairs = pair_counts.count_pairs(ids, np.full(sentences, 10), types)
        total.add(int(generator.integers(2)), pairs)
        assert sum(map(len, total.sums)) <= held
    assert len(total.set_down[0]) > 10
    tables = [len(table) for table in total.tables(types)]
    assert sum(tables) > 10 * held
    assert max(tables) < held


def test_sums_that_32_bits_do_not_hold() -> None:
    half = csr_array(np.array([[0, 2**31 - 2], [2**31 - 2, 1]], np.int32))
    running = pair_counts.RunningSum()
    running.add(half)
    running.add(half)
    total = running.take()
    assert total.toarray().tolist() == [[0, 2**32 - 4], [2**32 - 4, 2]]
    table = pair_counts.pair_table(total, half)
    assert table["count"].to_list() == [3 * 2**31 - 6, 3 * 2**31 - 6, 3]
    assert table["half_count"].to_list() == [2**32 - 4, 2**32 - 4, 2]


def test_a_sentence_whose_pairs_32_bits_do_not_hold() -> None:
    pairs = pair_counts.count_pairs(np.zeros(50_000, np.int64), np.array([50_000]), 1)
    assert pairs.toarray().tolist() == [[50_000 * 49_999]]


@given(sentences_of_ids, sentences_of_ids)
@settings(deadline=None)
def test_halves_come_back_from_their_table(first: list[list[int]], second: list[list[int]]) -> None:
    halves = counted(first), counted(second)
    table = pair_counts.pair_table(*halves)
    assert (table["count"] > 0).all()
    assert table.equals(table.sort("token_id", "other_id"))
    for half, back in zip(
        halves, pair_counts.pair_halves([table[:7], table[7:]], TYPES), strict=True
    ):
        assert np.array_equal(half.toarray(), back.toarray())


def test_expected_bias_is_the_mean_over_shuffles() -> None:
    """Zipfian types in sentences of uneven length, shuffled forty times for real."""
    generator = np.random.default_rng(0)
    types, shuffles = 200, 40
    lengths = generator.integers(1, 15, 3000)
    shares = 1 / (np.arange(types) + 2)
    ids = generator.choice(types, lengths.sum(), p=shares / shares.sum())
    counts = np.bincount(ids, minlength=types)
    gains = []
    for _ in range(shuffles):
        generator.shuffle(ids)
        gains.append(information_gain(pair_counts.count_pairs(ids, lengths, types)))
    mean, error = np.mean(gains, axis=0), np.std(gains, axis=0) / np.sqrt(shuffles - 1)
    each, many = np.unique(lengths, return_counts=True)
    expected = shuffled_information_gain(counts, each, many)
    off = (expected - mean) / error
    assert off.std() < 1.3
    assert expected.mean() == pytest.approx(mean.mean(), rel=0.01)
    assert np.allclose(expected, mean, rtol=0.06)


def test_types_that_do_not_occur_have_no_bias() -> None:
    counts = np.array([0, 3, 3])
    found = shuffled_information_gain(counts, np.array([3]), np.array([2]))
    assert np.isnan(found[0])
    assert (found[1:] > 0).all()


def test_likelihood_of_a_row_is_scipys() -> None:
    generator = np.random.default_rng(0)
    mean = generator.dirichlet(np.ones(TYPES))
    rows = generator.integers(1, 9, (2, TYPES))
    found = estimates._polya_likelihood(csr_array(rows), np.tile(mean, (2, 1)))
    for row, likelihood in zip(rows, found, strict=True):
        expected = [
            dirichlet_multinomial.logpmf(row, a * mean, row.sum()) for a in estimates.CONCENTRATIONS
        ]
        assert np.allclose(likelihood - likelihood[0], np.array(expected) - expected[0], atol=1e-6)


def test_posterior_mean_of_a_row_equals_draws_from_the_posterior() -> None:
    generator = np.random.default_rng(0)
    prior, marginal = generator.dirichlet(np.ones(TYPES), 2)
    halves = generator.multinomial(40, prior, 1), generator.multinomial(50, marginal, 1)
    counts, concentration = halves[0] + halves[1], 30.0
    drawn = generator.dirichlet(counts[0] + concentration * prior, 400_000)
    divergence = (drawn * np.log(drawn / prior)).sum(axis=1)
    toward = counts[0] / 90 @ np.log(prior / marginal)
    rows = csr_array(counts)
    gain = estimates._row_gain(rows, marginal, prior[None], np.array([[concentration]]))[0]
    assert gain[0] == pytest.approx(toward + divergence.mean(), abs=5 * divergence.std() / 630)


def test_coordinates_are_means_of_a_posterior_by_quadrature(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Three words, one function, a prior about the first two of them, never about a word's own."""
    monkeypatch.setattr(word_coordinates, "CENTRE_SCALES", (0.5,))
    seen, noise = np.array([[0.3], [-0.4], [0.1]]), np.array([[0.02], [0.05], [0.3]])
    signal, centre = np.array([0.2]), np.array([[0.25], [-0.3]])
    found = word_coordinates._toward_centres(seen, noise, signal, centre, np.array([0, 1]))
    grid = np.linspace(-6, 6, 200_001)
    for word, others in enumerate(([1], [0], [0, 1])):
        prior = sum(norm.pdf(grid, centre[k, 0], np.sqrt(0.1)) for k in others)
        weight = prior * norm.pdf(seen[word, 0], grid, np.sqrt(noise[word, 0]))
        mean = np.average(grid, weights=weight)
        variance = np.average((grid - mean) ** 2, weights=weight)
        assert found[0][word, 0] == pytest.approx(mean, abs=1e-8)
        assert found[1][word, 0] == pytest.approx(variance, abs=1e-8)


def topical_halves(topics: int, sentences: int) -> tuple[tuple[csr_array, csr_array], np.ndarray]:
    """C of both halves where a sentence is 8 words of one topic, and the exact KL(w)."""
    generator = np.random.default_rng(1)
    shares = generator.dirichlet(np.full(120, 0.5), topics) + 1e-4
    shares /= shares.sum(axis=1, keepdims=True)
    halves = []
    for _ in range(2):
        topic = np.repeat(generator.integers(topics, size=sentences // 2), 8)
        ladder = (shares.cumsum(axis=1) + np.arange(topics)[:, None]).ravel()
        place = np.searchsorted(ladder, topic + generator.random(len(topic)))
        ids = np.minimum(place - topic * 120, 119)
        halves.append(pair_counts.count_pairs(ids, np.full(sentences // 2, 8), 120))
    joint = shares.T @ shares / topics
    marginal = joint.sum(axis=1)
    exact = (joint / marginal[:, None] * np.log(joint / np.outer(marginal, marginal))).sum(axis=1)
    return (halves[0], halves[1]), exact


def test_posterior_finds_the_information_of_a_topical_language() -> None:
    halves, exact = topical_halves(4, 4000)
    found = estimates.posterior_information_gain(halves, 32_000)
    plug_in = information_gain(halves[0] + halves[1])
    known = np.isfinite(found.mean)
    assert known.mean() > 0.8
    error, before = ((gain / exact - 1)[known] for gain in (found.mean, plug_in))
    assert abs(error.mean()) < 0.1
    assert np.sqrt((error**2).mean()) < np.sqrt((before**2).mean()) / 2
    inside = ((found.low <= exact) & (exact <= found.high))[known]
    assert inside.mean() > 0.85


def test_posterior_finds_nothing_where_there_is_nothing() -> None:
    halves, exact = topical_halves(1, 4000)
    assert np.allclose(exact, 0)
    found = estimates.posterior_information_gain(halves, 32_000)
    plug_in = information_gain(halves[0] + halves[1])
    known = np.isfinite(found.mean)
    assert found.mean[known].mean() < 0.1 * plug_in[known].mean()


def test_halves_may_change_places() -> None:
    (first, second), _ = topical_halves(4, 1000)
    one = estimates.posterior_information_gain((first, second), 8000)
    other = estimates.posterior_information_gain((second, first), 8000)
    assert np.allclose(one.mean, other.mean, rtol=1e-6, equal_nan=True)
    assert np.allclose(one.high, other.high, rtol=1e-6, equal_nan=True)


def test_a_corpus_of_one_half_has_no_posterior() -> None:
    (first, _), _ = topical_halves(2, 500)
    found = estimates.posterior_information_gain((first, csr_array(first.shape)), 2000)
    assert np.isnan(found.mean).all()


def count(corpus: Path, tokenizer: Path, name: str, *options: object) -> dict[str, Path]:
    """Run count_tokens; its three tables."""
    kinds = ("tokens", "pairs", "lengths")
    outputs = {kind: corpus.with_name(f"{name}-{kind}.parquet") for kind in kinds}
    words = [word for kind, path in outputs.items() for word in (f"--output-{kind}", path)]
    assert_runs("count_tokens", corpus, tokenizer, *words, *options)
    return outputs


def test_estimates_of_a_counted_corpus(tmp_path: Path) -> None:
    texts = draw_texts(400)
    corpus = write_corpus(tmp_path / "corpus.parquet", texts)
    build_tokenizer(sorted(set(" ".join(texts).split()))).save_pretrained(tmp_path / "tokenizer")
    tables = count(corpus, tmp_path / "tokenizer", "whole")
    output = tmp_path / "information.parquet"
    log = assert_runs("estimate_information", *tables.values(), "--output-information", output)
    assert "18 types seen, 0 of them too rare" in log
    found = read_table(output, INFORMATION)
    seen = found.filter(pl.col("count") > 0)
    assert found["probability"].sum() == pytest.approx(1)
    assert np.allclose(seen["self_information"], -np.log(seen["probability"]))
    assert np.allclose(
        seen["information_gain_corrected"],
        seen["information_gain"] - seen["information_gain_shuffled"],
    )
    low, mean, high = (seen[f"information_gain_{end}"] for end in ("low", "bayes", "high"))
    assert ((low >= 0) & (low <= mean) & (mean <= high)).all()
    assert (mean < seen["information_gain"]).all()
    unseen = found.filter(pl.col("count") == 0)
    assert len(unseen) == 5
    assert all(unseen[name].null_count() == 5 for name in found.columns if "gain" in name)
    identity = read_metadata(tables["tokens"])["tokenizer"]
    assert read_metadata(output)["tokenizer"] == identity
    assert '"information_gain": "nat"' in read_metadata(output)["units"]


def test_a_type_with_few_pairs_has_no_posterior(tmp_path: Path) -> None:
    texts = [*draw_texts(400), "rare the sea"]
    corpus = write_corpus(tmp_path / "corpus.parquet", texts)
    build_tokenizer(sorted(set(" ".join(texts).split()))).save_pretrained(tmp_path / "tokenizer")
    tables = count(corpus, tmp_path / "tokenizer", "whole")
    output = tmp_path / "information.parquet"
    assert_runs("estimate_information", *tables.values(), "--output-information", output)
    rare = read_table(output, INFORMATION).row(by_predicate=pl.col("token") == "rare", named=True)
    assert rare["information_gain"] > 0
    assert rare["information_gain_bayes"] is None
    assert rare["information_gain_low"] is None


def test_counts_of_two_corpora_do_not_mix(tmp_path: Path) -> None:
    build_tokenizer(["a", "b"]).save_pretrained(tmp_path / "tokenizer")
    one, two = (
        count(write_corpus(tmp_path / f"{name}.parquet", texts), tmp_path / "tokenizer", name)
        for name, texts in (("one", ["a b", "b a b"]), ("two", ["a b"]))
    )
    output = tmp_path / "out.parquet"
    line = assert_refuses(
        *("estimate_information", one["tokens"], one["pairs"], two["lengths"]),
        *("--output-information", output),
    )
    assert "two-lengths.parquet" in line
    assert not output.exists()


def test_sentences_of_one_token_hold_no_pair(tmp_path: Path) -> None:
    build_tokenizer(["a"]).save_pretrained(tmp_path / "tokenizer")
    corpus = write_corpus(tmp_path / "corpus.parquet", ["a", "a"])
    tables = count(corpus, tmp_path / "tokenizer", "whole")
    assert read_table(tables["tokens"], TOKEN_COUNTS)["count"].sum() == 2
    line = assert_refuses(
        "estimate_information", *tables.values(), "--output-information", tmp_path / "out.parquet"
    )
    assert "whole-pairs.parquet" in line
    assert "no sentence has two tokens" in line
