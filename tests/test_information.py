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
from scipy.stats import norm
from tiny_encoder import build_tokenizer

from common.contract import INFORMATION, TOKEN_COUNTS
from common.information import extrapolation, word_coordinates
from common.information.empirical_bayes import posterior_information_gain
from common.information.extrapolation import Estimate
from common.information.plug_in import (
    ExpectedCells,
    independent_information_gain,
    information_gain,
    shuffled_information_gain,
)
from common.tables import read_metadata, read_table
from common.tokens import pair_counts

TYPES = 6
sentences_of_ids = st.lists(
    st.lists(st.integers(0, TYPES - 1), min_size=1, max_size=7), min_size=1, max_size=12
).filter(lambda sentences: any(len(s) > 1 for s in sentences))


def counted(sentences: list[list[int]]) -> csr_array:
    ids = np.array([token for sentence in sentences for token in sentence])
    return pair_counts.count_pairs(ids, np.array([len(s) for s in sentences]), TYPES)


def grouped(sentences: list[list[int]], groups: list[int] | np.ndarray) -> csr_array:
    ids = np.array([token for sentence in sentences for token in sentence])
    lengths = np.array([len(s) for s in sentences])
    return pair_counts.count_grouped_pairs(ids, lengths, np.array(groups), TYPES)


def by_group(pairs: csr_array) -> np.ndarray:
    """C of each group, shape (types, types, groups)."""
    return pairs.toarray().reshape(pairs.shape[0], -1, pair_counts.GROUPS)


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


@given(sentences_of_ids, st.data())
@settings(deadline=None)
def test_groups_add_up_to_all_pairs(sentences: list[list[int]], data: st.DataObject) -> None:
    groups = data.draw(
        st.lists(st.integers(0, 7), min_size=len(sentences), max_size=len(sentences))
    )
    pairs = grouped(sentences, groups)
    dense = by_group(pairs)
    assert np.array_equal(dense.sum(axis=2), counted(sentences).toarray())
    for group in set(groups):
        of_group = [s for s, g in zip(sentences, groups, strict=True) if g == group]
        assert np.array_equal(dense[:, :, group], counted(of_group).toarray())
    table = pair_counts.pair_table(pairs)
    assert (table["count"] > 0).all()
    assert table.equals(table.sort("token_id", "other_id"))
    parts = [table[:7], table[7:]]
    assert np.array_equal(dense, by_group(pair_counts.grouped_pairs(parts, TYPES)))
    even, odd = pair_counts.pair_halves(parts, TYPES)
    for half, start in ((even, 0), (odd, 1)):
        whole = dense[:, :, start::2].sum(axis=2)
        assert np.array_equal(half.among(np.arange(TYPES)), whole)
        assert np.array_equal(half @ np.eye(TYPES), whole)
        assert np.array_equal(half.rows, whole.sum(axis=1))


@given(st.lists(st.tuples(st.integers(0, 7), sentences_of_ids), max_size=9), st.integers(1, 80))
@settings(deadline=None)
def test_pairs_that_are_set_down_add_up_to_those_held_in_memory(
    parts: list[tuple[int, list[list[int]]]], held: int
) -> None:
    """New types come with later parts, as new words do."""
    some, all_at_once = pair_counts.PairSum(held), pair_counts.PairSum()
    expected = np.zeros((TYPES, TYPES, pair_counts.GROUPS), np.int64)
    met = 1
    for group, sentences in parts:
        pairs = grouped(sentences, [group] * len(sentences))
        met = max(met, int(pairs.indices.max(initial=0)) // pair_counts.GROUPS + 1)
        for total in (some, all_at_once):
            total.add(pairs[:met, : met * pair_counts.GROUPS])
        expected += by_group(pairs)
    table = pl.concat(some.tables(TYPES))
    assert table.equals(pl.concat(all_at_once.tables(TYPES)))
    assert table.equals(table.sort("token_id", "other_id"))
    assert np.array_equal(expected, by_group(pair_counts.grouped_pairs([table], TYPES)))


def test_no_more_pairs_than_told_are_in_memory() -> None:
    generator = np.random.default_rng(0)
    types, held, sentences = 300, 2000, 40
    total = pair_counts.PairSum(held)
    for _ in range(50):
        ids = generator.integers(types, size=10 * sentences)
        groups = generator.integers(8, size=sentences)
        lengths = np.full(sentences, 10)
        total.add(pair_counts.count_grouped_pairs(ids, lengths, groups, types))
        assert len(total.sum) <= held
    assert len(total.set_down) > 10
    tables = [len(table) for table in total.tables(types)]
    assert sum(tables) > 10 * held
    assert max(tables) < held


def test_sums_that_32_bits_do_not_hold() -> None:
    cells = np.zeros((1, 8), np.int32)
    cells[0, 3] = 2**31 - 2
    running = pair_counts.RunningSum()
    running.add(csr_array(cells))
    running.add(csr_array(cells))
    table = pair_counts.pair_table(running.take())
    assert table["count"].to_list() == table["group_4"].to_list() == [2**32 - 4]


def test_a_sentence_whose_pairs_32_bits_do_not_hold() -> None:
    pairs = pair_counts.count_pairs(np.zeros(50_000, np.int64), np.array([50_000]), 1)
    assert pairs.toarray().tolist() == [[50_000 * 49_999]]


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


def test_expectation_of_independent_pairs_is_that_of_shuffled_tokens() -> None:
    """Sentences of one length: each pair of a type is then a draw from the types' shares."""
    counts = np.round(60_000 / (np.arange(500) + 3)).astype(int)
    pairs = np.stack([counts * 9, counts // 3 * 9], axis=1).astype(float)
    found = independent_information_gain(pairs)
    for part, size in zip(found.T, (counts, counts // 3), strict=True):
        sentences = np.array([size.sum() // 10])
        expected = shuffled_information_gain(size, np.array([10]), sentences)
        assert np.allclose(part, expected, rtol=0.01)


def test_expectation_of_draws_from_a_row_is_their_mean() -> None:
    generator = np.random.default_rng(0)
    smooth = generator.dirichlet(np.full(300, 0.3), 2).astype(np.float32)
    found = ExpectedCells().gain(smooth, np.array([40, 2000]))
    for row, size, expected in zip(smooth, (40, 2000), found, strict=True):
        drawn = generator.poisson(row.astype(float) * size, (4000, 300))
        held = np.where(drawn > 0, drawn, 1)
        mean = row.astype(float) * size
        excess = (drawn * np.log(held)).mean(axis=0) - mean * np.log(np.maximum(mean, 1e-300))
        assert expected == pytest.approx(((1 - row) * excess).sum() / size, rel=0.02)


@given(sentences_of_ids, st.data())
@settings(deadline=None)
def test_gains_of_parts_are_those_of_their_pairs(
    sentences: list[list[int]], data: st.DataObject
) -> None:
    groups = data.draw(
        st.lists(st.integers(0, 7), min_size=len(sentences), max_size=len(sentences))
    )
    pairs = grouped(sentences, groups)
    table = pair_counts.pair_table(pairs)
    parts = [table[:5], table[5:9], table[9:]]
    totals = extrapolation.group_totals(parts, TYPES)
    assert np.array_equal(totals, by_group(pairs).sum(axis=1))
    gains = extrapolation.gains_of_parts(parts, totals)
    for member, gain in zip(extrapolation.MEMBERS, gains.T, strict=True):
        held = by_group(pairs) @ member
        if held.any():
            expected = information_gain(csr_array(held))
            assert np.allclose(gain, expected, atol=1e-12, equal_nan=True)
        else:
            assert np.isnan(gain).all()


def test_ways_to_halve_the_groups_are_orthogonal() -> None:
    signs = 2.0 * extrapolation.SPLITS - 1
    assert np.array_equal(signs @ signs.T, 8 * np.eye(7))
    assert np.array_equal(signs.sum(axis=1), np.zeros(7))
    assert (extrapolation.MEMBERS[1:8] + extrapolation.MEMBERS[8:] == 1).all()


def test_extrapolation_takes_off_a_bias_that_falls_by_its_power() -> None:
    """Noise of the groups is averaged by the whole, and its variance is found."""
    generator = np.random.default_rng(0)
    words = 4000
    of_group = generator.normal(0.5, 0.2, (words, 8))
    pairs = np.tile(100 * extrapolation.MEMBERS.sum(axis=1), (words, 1))
    means = of_group @ extrapolation.MEMBERS.T / extrapolation.MEMBERS.sum(axis=1)
    power = np.log2(1 + 1 / extrapolation.STEP)
    bias = 0.3 * (pairs / 800) ** -power
    mean, fall, variance = extrapolation.extrapolate(means + bias, pairs)
    assert np.allclose(mean, of_group.mean(axis=1))
    assert np.allclose(fall, 0.3 / extrapolation.STEP)
    assert variance.mean() == pytest.approx(0.2**2 / 8, rel=0.05)


def test_a_mean_over_words_of_like_frequency_is_a_running_mean() -> None:
    generator = np.random.default_rng(0)
    rows, values = generator.permutation(200).astype(float), generator.normal(size=200)
    values[::3] = np.nan
    found = extrapolation.by_frequency(rows, values)
    order = np.argsort(rows)
    known = [k for k in order if np.isfinite(values[k]) and rows[k] > 0]
    for rank, word in enumerate(known):
        near = known[max(rank - 25, 0) : rank + 26]
        assert found[word] == pytest.approx(values[near].mean())


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


def topical_pairs(topics: int, sentences: int, repeats: int = 1) -> tuple[csr_array, np.ndarray]:
    """C of each group where a sentence is 8 words of one topic, and the exact KL(w).

    Each sentence is there so many times, in one group: a document that repeats itself.
    """
    generator = np.random.default_rng(1)
    shares = generator.dirichlet(np.full(120, 0.5), topics) + 1e-4
    shares /= shares.sum(axis=1, keepdims=True)
    topic = np.repeat(generator.integers(topics, size=sentences), 8)
    ladder = (shares.cumsum(axis=1) + np.arange(topics)[:, None]).ravel()
    place = np.searchsorted(ladder, topic + generator.random(len(topic)))
    ids = np.minimum(place - topic * 120, 119).reshape(sentences, 8)
    groups = np.repeat(np.arange(sentences) % 8, repeats)
    ids = np.repeat(ids, repeats, axis=0).ravel()
    lengths = np.full(len(groups), 8)
    joint = shares.T @ shares / topics
    marginal = joint.sum(axis=1)
    exact = (joint / marginal[:, None] * np.log(joint / np.outer(marginal, marginal))).sum(axis=1)
    return pair_counts.count_grouped_pairs(ids, lengths, groups, 120), exact


def estimated(pairs: csr_array) -> tuple[np.ndarray, Estimate, Estimate]:
    """Plug-in gain, extrapolated and posterior of C of each group."""
    table = [pair_counts.pair_table(pairs)]
    totals = extrapolation.group_totals(table, pairs.shape[0])
    gains = extrapolation.gains_of_parts(table, totals)
    tokens = int(totals.sum()) // 7
    posterior = posterior_information_gain(lambda: table, gains, totals, tokens)
    return gains[:, 0], extrapolation.extrapolated_information_gain(gains, totals), posterior


def test_posterior_finds_the_information_of_a_topical_language() -> None:
    pairs, exact = topical_pairs(4, 4000)
    plug_in, _, found = estimated(pairs)
    known = np.isfinite(found.mean)
    assert known.mean() > 0.8
    error, before = ((gain / exact - 1)[known] for gain in (found.mean, plug_in))
    assert abs(error.mean()) < 0.1
    assert np.sqrt((error**2).mean()) < np.sqrt((before**2).mean()) / 2
    inside = ((found.low <= exact) & (exact <= found.high))[known]
    assert inside.mean() > 0.85


@pytest.mark.parametrize("repeats", [1, 6])
def test_estimates_find_nothing_where_there_is_nothing(repeats: int) -> None:
    """Also in sentences that are there six times, whose pairs are no independent draws."""
    pairs, exact = topical_pairs(1, 8000 // repeats, repeats)
    assert np.allclose(exact, 0)
    plug_in, extrapolated, found = estimated(pairs)
    known = np.isfinite(found.mean)
    corrected = plug_in - independent_information_gain(np.asarray(pairs.sum(axis=1))[:, None])[:, 0]
    bias = {1: 0.1 * plug_in, 6: 0.5 * corrected}[repeats][known].mean()
    assert found.mean[known].mean() < bias
    assert extrapolated.mean[known].mean() < bias
    assert (found.low[known] == 0).mean() > 0.9


def test_halves_may_change_places() -> None:
    pairs, _ = topical_pairs(4, 1000)
    dense = by_group(pairs)[:, :, [1, 0, 3, 2, 5, 4, 7, 6]]
    _, of_one, one = estimated(pairs)
    _, of_other, other = estimated(csr_array(dense.reshape(pairs.shape)))
    assert np.allclose(of_one.mean, of_other.mean, rtol=1e-9, equal_nan=True)
    assert np.allclose(one.mean, other.mean, rtol=1e-3, equal_nan=True)
    assert np.allclose(one.high, other.high, rtol=1e-3, equal_nan=True)


def test_a_corpus_of_one_group_has_no_posterior() -> None:
    dense = by_group(topical_pairs(2, 500)[0])
    dense[:, :, 1:] = 0
    _, _, found = estimated(csr_array(dense.reshape(len(dense), -1)))
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
    names = (f"information_gain_extrapolated{end}" for end in ("_low", "", "_high"))
    low, mean, high = (seen[name] for name in names)
    assert ((low >= 0) & (low <= mean) & (mean <= high)).all()
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


ALIKE = {
    "different words": (["the old cat sat"], np.log(4 / 3)),
    "one word": (["cat cat cat"], 0.0),
    "two words": (["cat sat"], np.log(2)),
    "two sentences": (["the old cat", "a boat sat"], np.log(3)),
}


@pytest.mark.parametrize("case", ALIKE)
@pytest.mark.parametrize("repeats", [30, 1000])
def test_sentences_all_alike_have_the_information_of_their_only_row(
    tmp_path: Path, case: str, repeats: int
) -> None:
    """Halves of the corpus do not differ: what is noise cannot be measured, and is 0.

    Groups of documents are as large as each other only if there are many: with fewer, what is
    extrapolated over them is not told exactly, or not at all.
    """
    sentences, expected = ALIKE[case]
    texts = sentences * repeats
    corpus = write_corpus(tmp_path / "corpus.parquet", texts, sentences=1)
    tokenizer = tmp_path / "tokenizer"
    build_tokenizer(sorted({*" ".join(texts).split()})).save_pretrained(tokenizer)
    tables = count(corpus, tokenizer, "alike")
    output = tmp_path / "information.parquet"
    assert_runs("estimate_information", *tables.values(), "--output-information", output)
    found = read_table(output, INFORMATION).filter(pl.col("count") > 0)
    over_groups = ("_extrapolated", "_bayes") if repeats == 1000 else ()
    for quantity in ("", "_corrected", *over_groups):
        values = found[f"information_gain{quantity}"].to_numpy()
        assert np.abs(values - expected).max() < 2 / repeats, quantity
