"""Counts and estimates against brute force, sampling and the identities of their definitions."""

from itertools import permutations
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from commands import assert_refuses, assert_runs, draw_texts, write_corpus
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.sparse import csr_array
from scipy.special import gammaln
from tiny_encoder import build_tokenizer

from common import information
from common.contract import INFORMATION, PAIR_COUNTS, SENTENCE_LENGTHS, TOKEN_COUNTS
from common.tables import read_metadata, read_table

TYPES = 6
sentences_of_ids = st.lists(
    st.lists(st.integers(0, TYPES - 1), min_size=1, max_size=7), min_size=1, max_size=12
).filter(lambda sentences: any(len(s) > 1 for s in sentences))


def counted(sentences: list[list[int]]) -> csr_array:
    ids = np.array([token for sentence in sentences for token in sentence])
    return information.count_pairs(ids, np.array([len(s) for s in sentences]), TYPES)


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
    gain = information.information_gain(pairs)
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


def test_shuffling_keeps_counts_and_measures_bias() -> None:
    """Independent tokens carry no information: what the plug-in finds there is its bias."""
    types = 60
    ids = np.random.default_rng(0).integers(0, types, 16_000)
    lengths = np.full(2000, 8)
    counts = np.bincount(ids, minlength=types)
    plug_in = information.information_gain(information.count_pairs(ids, lengths, types))
    shuffled = information.shuffled_information_gain(counts, lengths, 20, seed=1)
    assert (shuffled > 0).all()
    assert plug_in.mean() == pytest.approx(shuffled.mean(), rel=0.05)
    again = information.shuffled_information_gain(counts, lengths, 20, seed=1)
    assert np.array_equal(shuffled, again)


def test_posterior_mean_equals_draws_from_the_posterior() -> None:
    """The concentration by scipy's search over the Polya likelihood, the mean by sampling."""
    generator = np.random.default_rng(0)
    sentences = [
        list(generator.choice(TYPES, 5, p=[0.4, 0.2, 0.2, 0.1, 0.05, 0.05])) for _ in range(60)
    ]
    sentences += [[0, 1, 0, 1], [4, 5, 4, 5, 4, 5]] * 6
    pairs = counted(sentences)
    table = pairs.toarray()
    marginal = table.sum(axis=1) / table.sum()
    estimate = information.bayes_information_gain(pairs)
    for w, row in enumerate(table):

        def surprise(log_a: float, row: np.ndarray = row) -> float:
            a = np.exp(log_a) * marginal
            return (
                -(gammaln(row + a) - gammaln(a)).sum()
                + gammaln(row.sum() + a.sum())
                - gammaln(a.sum())
            )

        a = np.exp(minimize_scalar(surprise, bounds=np.log([1e-3, 1e9]), method="bounded").x)
        drawn = generator.dirichlet(row + a * marginal, 200_000)
        gain = (drawn * np.log(np.maximum(drawn, 1e-300) / marginal)).sum(axis=1)
        assert estimate[w] == pytest.approx(gain.mean(), rel=0.02, abs=5 * gain.std() / 400)


def test_scripts_count_and_estimate(tmp_path: Path) -> None:
    texts = draw_texts(400)
    corpus = write_corpus(tmp_path / "corpus.parquet", texts)
    words = sorted({word for text in texts for word in text.split()})
    build_tokenizer(words).save_pretrained(tmp_path / "tokenizer")
    names = {name: tmp_path / f"{name}.parquet" for name in ("tokens", "pairs", "lengths", "found")}
    assert_runs(
        *("count_tokens", corpus, tmp_path / "tokenizer"),
        *("--output-tokens", names["tokens"], "--output-pairs", names["pairs"]),
        *("--output-lengths", names["lengths"]),
    )
    tokens = read_table(names["tokens"], TOKEN_COUNTS)
    flat = [word for text in texts for word in text.split()]
    assert dict(tokens.filter(pl.col("count") > 0).select("token", "count").rows()) == {
        word: flat.count(word) for word in words
    }
    cells = read_table(names["pairs"], PAIR_COUNTS)
    expected: dict[tuple[str, str], int] = {}
    for text in texts:
        for pair in permutations(text.split(), 2):
            expected[pair] = expected.get(pair, 0) + 1
    spelled = tokens["token"].to_list()
    assert {(spelled[a], spelled[b]): n for a, b, n in cells.rows()} == expected
    lengths = read_table(names["lengths"], SENTENCE_LENGTHS)
    assert (lengths["length"] * lengths["sentences"]).sum() == len(flat)
    arguments = (names["tokens"], names["pairs"], names["lengths"], "--shuffles", 2, "--seed", 0)
    assert_runs("estimate_information", *arguments, "--output-information", names["found"])
    found = read_table(names["found"], INFORMATION)
    seen = found.filter(pl.col("count") > 0)
    assert found["probability"].sum() == pytest.approx(1)
    assert np.allclose(seen["self_information"], -np.log(seen["probability"]))
    assert np.allclose(
        seen["information_gain_corrected"],
        seen["information_gain"] - seen["information_gain_shuffled"],
    )
    assert found.filter(pl.col("count") == 0)["information_gain"].null_count() == 5
    assert read_metadata(names["found"])["tokenizer"] == read_metadata(names["tokens"])["tokenizer"]
    assert '"information_gain": "nat"' in read_metadata(names["found"])["units"]


def test_counts_of_two_corpora_do_not_mix(tmp_path: Path) -> None:
    build_tokenizer(["a", "b"]).save_pretrained(tmp_path / "tokenizer")
    for name, texts in {"one": ["a b", "b a b"], "two": ["a b"]}.items():
        corpus = write_corpus(tmp_path / f"{name}.parquet", texts)
        outputs = {k: tmp_path / f"{name}-{k}.parquet" for k in ("tokens", "pairs", "lengths")}
        options = [word for k, path in outputs.items() for word in (f"--output-{k}", path)]
        assert_runs("count_tokens", corpus, tmp_path / "tokenizer", *options)
    line = assert_refuses(
        "estimate_information",
        *(tmp_path / "one-tokens.parquet", tmp_path / "one-pairs.parquet"),
        *(tmp_path / "two-lengths.parquet", "--shuffles", 1, "--seed", 0),
        *("--output-information", tmp_path / "out.parquet"),
    )
    assert "two-lengths.parquet" in line
    assert not (tmp_path / "out.parquet").exists()


def test_sentences_of_one_token_hold_no_pair(tmp_path: Path) -> None:
    build_tokenizer(["a"]).save_pretrained(tmp_path / "tokenizer")
    corpus = write_corpus(tmp_path / "corpus.parquet", ["a", "a"])
    line = assert_refuses(
        *(
            "count_tokens",
            corpus,
            tmp_path / "tokenizer",
            "--output-tokens",
            tmp_path / "t.parquet",
        ),
        *("--output-pairs", tmp_path / "p.parquet", "--output-lengths", tmp_path / "l.parquet"),
    )
    assert "corpus.parquet" in line
