"""Static encoders and the norms of their vectors: optima, metric and commands."""

from collections import Counter
from itertools import permutations, product
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from commands import WORDS, assert_refuses, assert_runs, draw_texts, write_corpus
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from scipy.stats import linregress, spearmanr
from test_grammar import enumerated, tiny_grammar
from test_plots import plot
from tiny_encoder import build_encoder

from common.contract import (
    ADJACENT_COUNTS,
    EMBEDDING_NORMS,
    INFORMATION,
    NORMS,
    PAIR_COUNTS,
    STATIC_VECTORS,
    THEORY,
    THEORY_WORDS,
    TOKEN_COUNTS,
)
from common.corpora.grammar import divergence_from_marginal
from common.tables import read_metadata, read_table, write_table
from common.theory.embedding_norms import covariance, euclidean_norm, metric_norm, model_divergence
from common.theory.static_encoder import PopulationLoss, Vectors, canonical, choose_penalty, fit
from common.tokens.pair_counts import GROUPS, count_grouped_adjacent_pairs


def random_joint(types: int, seed: int = 0) -> np.ndarray:
    """A symmetric joint distribution without zeros."""
    drawn = np.random.default_rng(seed).gamma(1.0, size=(types, types)) + 0.1
    return (drawn + drawn.T) / (drawn + drawn.T).sum()


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 2**31))
def test_the_exact_pairs_of_adjacent_sentences_are_those_of_enumeration(seed: int) -> None:
    grammar = tiny_grammar(seed)
    sums = np.zeros((2, 3))
    for words, topic, chance in enumerated(grammar):
        for word in words:
            sums[topic, word] += 2 * chance
    joint = sum(np.outer(one, one) for one in sums)
    np.testing.assert_allclose(
        grammar.adjacent_pair_probabilities(), joint / joint.sum(), rtol=1e-12, atol=1e-15
    )
    marginal = grammar.adjacent_pair_probabilities().sum(axis=1)
    np.testing.assert_allclose(marginal, grammar.probabilities(), rtol=1e-12)


def test_pairs_of_adjacent_sentences_are_counted_in_both_orders() -> None:
    sentences = [[0, 1], [2, 2, 1], [], [0]]
    ids = np.array([word for sentence in sentences for word in sentence])
    lengths = np.array([len(sentence) for sentence in sentences])
    wanted = np.zeros((3, 3), int)
    for place in (0, 1, 2):
        for word in sentences[place]:
            for other in sentences[place + 1]:
                wanted[word, other] += 1
                wanted[other, word] += 1
    first, groups = np.array([0, 1, 2]), np.array([0, 3, 0])
    counted = count_grouped_adjacent_pairs(ids, lengths, first, groups, 3)
    of_groups = counted.toarray().reshape(3, 3, GROUPS)
    np.testing.assert_array_equal(of_groups.sum(axis=2), wanted)
    np.testing.assert_array_equal(of_groups, of_groups.transpose(1, 0, 2))
    lone = count_grouped_adjacent_pairs(ids, lengths, first[1:2], groups[1:2], 3)
    np.testing.assert_array_equal(lone.toarray().reshape(3, 3, GROUPS)[:, :, 3], of_groups[:, :, 3])


def test_gradients_are_those_of_autograd() -> None:
    joint, generator = random_joint(7), torch.Generator().manual_seed(0)
    words, contexts = (torch.randn(7, 3, generator=generator).requires_grad_() for _ in "12")
    p = torch.tensor(joint.sum(axis=1), dtype=torch.float32)
    scores = words @ contexts.T
    normaliser = (p * scores.exp()).sum(dim=1).log()
    loss = -(torch.tensor(joint, dtype=torch.float32) * (scores - normaliser[:, None])).sum()
    loss.backward()
    value, by_words, by_contexts = PopulationLoss(joint).gradients(
        words.detach(), contexts.detach()
    )
    assert value == pytest.approx(loss.item(), abs=1e-5)
    torch.testing.assert_close(by_words, words.grad, atol=1e-6, rtol=1e-4)
    torch.testing.assert_close(by_contexts, contexts.grad, atol=1e-6, rtol=1e-4)


def test_the_optimum_at_full_dimension_is_pointwise_mutual_information() -> None:
    joint = random_joint(6)
    p = joint.sum(axis=1)
    found = fit(joint, 6, tied=False)
    pmi = np.log(joint / np.outer(p, p))
    scores = found.words @ found.contexts.T
    np.testing.assert_allclose(
        scores - scores.mean(axis=1, keepdims=True),
        pmi - pmi.mean(axis=1, keepdims=True),
        atol=0.02,
    )
    gain = divergence_from_marginal(joint)
    np.testing.assert_allclose(model_divergence(found.words, found.contexts, p), gain, atol=2e-3)
    assert PopulationLoss(joint).of(found) == pytest.approx(-p @ gain, abs=1e-5)
    centred = pmi - p @ pmi
    variance = centred**2 @ p - (centred @ p) ** 2
    np.testing.assert_allclose(metric_norm(found.words, found.contexts, p), variance / 2, rtol=0.05)


def test_tied_vectors_reach_a_distribution_that_they_can_express() -> None:
    """Scores u u' with their own marginal: P(w, w') = a_w a_w' exp(u_w u_w'), symmetric."""
    vectors = np.random.default_rng(1).normal(size=(8, 2))
    joint = np.exp(vectors @ vectors.T)
    joint /= joint.sum()
    p = joint.sum(axis=1)
    found = fit(joint, 3, tied=True)
    assert found.words is found.contexts
    gain = divergence_from_marginal(joint)
    np.testing.assert_allclose(model_divergence(found.words, found.contexts, p), gain, atol=5e-3)


def test_a_penalty_shortens_and_noise_asks_for_one() -> None:
    joint = random_joint(20)
    free, bound = (fit(joint, 4, tied=False, penalty=penalty) for penalty in (0, 1e-3))
    assert np.linalg.norm(bound.words) < np.linalg.norm(free.words)
    generator = np.random.default_rng(0)
    few, many = (
        tuple(generator.multinomial(n, joint.ravel()).reshape(20, 20) + 1e-9 for _ in "12")
        for n in (2_000, 2_000_000)
    )
    penalties = [choose_penalty(halves, 1000, 4, tied=False) for halves in (few, many)]
    assert penalties[0] > penalties[1]


def test_canonical_vectors_do_not_depend_on_coordinates() -> None:
    generator = np.random.default_rng(0)
    words, contexts = generator.normal(size=(2, 9, 3))
    p, mixing = generator.dirichlet(np.ones(9)), generator.normal(size=(3, 3))
    other = Vectors(words @ mixing, contexts @ np.linalg.inv(mixing).T + 1)
    first, second = canonical(Vectors(words, contexts), p), canonical(other, p)
    np.testing.assert_allclose(abs(first.words), abs(second.words), atol=1e-9)
    scores = [one.words @ one.contexts.T for one in (Vectors(words, contexts), first, second)]
    for found in scores[1:]:
        shift = found - scores[0]
        np.testing.assert_allclose(shift - shift[:, :1], 0, atol=1e-9)
    of_words, of_contexts = (
        first.words.T @ (p[:, None] * first.words),
        covariance(first.contexts, p),
    )
    np.testing.assert_allclose(of_words, of_contexts, atol=1e-9)
    np.testing.assert_allclose(of_words, np.diag(np.diag(of_words)), atol=1e-9)


def test_norms_against_their_definitions() -> None:
    generator = np.random.default_rng(0)
    words, contexts = generator.normal(size=(2, 8, 3))
    p = generator.dirichlet(np.ones(8))
    mean = sum(p[k] * words[k] for k in range(8))
    metric = np.cov(contexts.T, aweights=p, ddof=0)
    wanted = [0.5 * (u - mean) @ metric @ (u - mean) for u in words]
    np.testing.assert_allclose(metric_norm(words, contexts, p), wanted)
    np.testing.assert_allclose(
        euclidean_norm(words, p), [0.5 * sum((u - mean) ** 2) for u in words]
    )


def test_the_norm_is_the_second_order_of_the_divergence() -> None:
    generator = np.random.default_rng(0)
    words, contexts = generator.normal(size=(2, 8, 3))
    p = generator.dirichlet(np.ones(8))
    words -= p @ words
    errors = []
    for size in (1e-1, 1e-2, 1e-3):
        ratio = metric_norm(size * words, contexts, p) / model_divergence(size * words, contexts, p)
        errors.append(abs(ratio - 1).max())
    assert errors[2] < 1e-2
    assert errors[1] == pytest.approx(10 * errors[2], rel=0.2)
    assert errors[0] > 5 * errors[1]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two encoders, counts of a corpus, static encoders of it, and the tables of the theory."""
    folder = tmp_path_factory.mktemp("theory")
    build_encoder(folder / "bert", WORDS, layers=1, width=8)
    build_encoder(folder / "albert", WORDS, layers=1, width=8, architecture="albert", seed=1)
    write_corpus(folder / "corpus.parquet", draw_texts(300))
    counts = [folder / f"{name}.parquet" for name in ("tokens", "adjacent", "sentence")]
    assert_runs(
        *("count_cooccurrences", folder / "corpus.parquet", folder / "bert", "--block", 70),
        *("--output-tokens", counts[0], "--output-adjacent", counts[1]),
        *("--output-sentence", counts[2]),
    )
    write_information(folder)
    log = train(folder)
    assert log.count("held-out loss") >= 2
    assert_runs(
        *(
            "regress_norms",
            folder / "vectors.parquet",
            "--information",
            folder / "information.parquet",
        ),
        *("--tokens", counts[0], "--adjacent", counts[1], "--minimum-count", 20),
        *("--output-theory", folder / "theory.parquet", "--output-words", folder / "words.parquet"),
    )
    return folder


def write_information(folder: Path) -> None:
    """Quantities of the counted types: some number each."""
    counted = read_table(folder / "tokens.parquet", TOKEN_COUNTS)
    some = pl.when(pl.col("count") > 0).then((pl.col("token_id") * 7 % 11) / 10)
    quantities = [name for name, column in INFORMATION.columns.items() if column.unit == "nat"]
    frame = counted.with_columns(
        (pl.col("count") / pl.col("count").sum()).alias("probability"),
        *(some.alias(name) for name in quantities if name != "information_gain_exact"),
    )
    tokenizer = read_metadata(folder / "tokens.parquet")["tokenizer"]
    write_table(frame, folder / "information.parquet", INFORMATION, tokenizer=tokenizer)


def train(folder: Path, *, dimensions: tuple[int, ...] = (2, 4), corpus: str = "adjacent") -> str:
    return assert_runs(
        *("train_static_encoder", "--cooccurrence", corpus, "--tokens", folder / "tokens.parquet"),
        *("--pairs", folder / f"{corpus}.parquet", "--vectors", "tied", "untied"),
        *("--dimensions", *dimensions, "--output-vectors", folder / "vectors.parquet"),
    )


def test_cooccurrences_are_those_of_the_corpus_whatever_the_block(made: Path) -> None:
    texts = [text.split() for text in draw_texts(300)]
    tokens = read_table(made / "tokens.parquet", TOKEN_COUNTS)
    spelled = dict(tokens.select("token_id", "token").iter_rows())
    adjacent: Counter[tuple[str, str]] = Counter()
    within: Counter[tuple[str, str]] = Counter()
    for place, words in enumerate(texts):
        within.update(permutations(words, 2))
        if place % 4 < 3:
            pairs = list(product(words, texts[place + 1]))
            adjacent.update(pairs + [(other, word) for word, other in pairs])
    for name, table, wanted in (
        ("adjacent", ADJACENT_COUNTS, adjacent),
        ("sentence", PAIR_COUNTS, within),
    ):
        pairs = read_table(made / f"{name}.parquet", table)
        found = {(spelled[a], spelled[b]): n for a, b, n, *_ in pairs.iter_rows()}
        assert found == wanted
        groups = pairs.select("^group_.*$")
        assert (groups.sum_horizontal() == pairs["count"]).all()
        shares = groups.sum().row(0)
        assert 0.7 < min(shares) / (sum(shares) / 8) < max(shares) / (sum(shares) / 8) < 1.3
    assert dict(tokens.filter(pl.col("count") > 0).select("token", "count").iter_rows()) == Counter(
        word for words in texts for word in words
    )


def test_vectors_of_every_encoder_are_written(made: Path) -> None:
    vectors = read_table(made / "vectors.parquet", STATIC_VECTORS)
    assert set(vectors["source"]) == {"sampled"}
    for (tying, dimension), group in vectors.group_by("vectors", "dimension"):
        assert set(group["token"]) == set(WORDS)
        assert set(group["word"].list.len()) == {dimension}
        assert group["word"].equals(group["context"], null_equal=True) == (tying == "tied")
        assert group["probability"].sum() == pytest.approx(1)


def test_the_theory_table_is_of_the_words_table(made: Path) -> None:
    words = read_table(made / "words.parquet", THEORY_WORDS)
    theory = read_table(made / "theory.parquet", THEORY)
    assert len(theory) == 4 * len(NORMS) * 2 * 2
    assert words["count"].min() >= 20
    for row in theory.iter_rows(named=True):
        group = words.filter(vectors=row["vectors"], dimension=row["dimension"])
        known = group.drop_nulls(f"{row['gain_of']}_{row['quantity']}")
        assert row["n"] == len(known)
        x, y = known[f"{row['gain_of']}_{row['quantity']}"], known[row["norm"]]
        if x.n_unique() == 1:  # words drawn at random hold no information, and bayes may find so
            assert row["quantity"] == "bayes"
            assert row["r_squared"] is None
        elif row["n"] >= 3:
            found = linregress(x, y)
            assert row["r_squared"] == pytest.approx(found.rvalue**2, abs=1e-9)
            assert row["slope"] == pytest.approx(found.slope, abs=1e-9)
            assert row["intercept"] == pytest.approx(found.intercept, abs=1e-9)
            assert row["spearman"] == pytest.approx(spearmanr(x, y).statistic, abs=1e-9)


def test_norms_of_input_embeddings_of_all_encoders(made: Path) -> None:
    output = made / "embedding_norms.parquet"
    assert_runs(
        *("measure_embedding_norms", made / "bert", made / "albert", "--comparison", "one"),
        *("--information", made / "information.parquet"),
        *("--quantities", "self_information", "--minimum-count", 1, "--output-norms", output),
    )
    rows = read_table(output, EMBEDDING_NORMS)
    assert rows["encoder"].to_list() == ["bert", "bert", "albert", "albert"]
    types = read_table(made / "information.parquet", INFORMATION)
    weights = load_file(made / "bert/model.safetensors")
    vectors = weights["embeddings.word_embeddings.weight"].double().numpy()
    norms = metric_norm(vectors, vectors, types["probability"].to_numpy())
    seen = (types["count"] > 0).to_numpy()
    found = linregress(types["self_information"].to_numpy()[seen], norms[seen])
    row = rows.row(by_predicate=(pl.col("stage") == 0) & (pl.col("norm") == "metric"), named=True)
    assert row["n"] == seen.sum()
    assert row["slope"] == pytest.approx(found.slope, rel=1e-6)
    assert row["r_squared"] == pytest.approx(found.rvalue**2, rel=1e-6)


def test_the_figure_prints_the_numbers_of_the_table(made: Path) -> None:
    texts = plot(
        *("plot_theory", made, "--theory", made / "theory.parquet"),
        *("--words", made / "words.parquet"),
        times=2,
    )
    theory = read_table(made / "theory.parquet", THEORY).filter(
        vectors="untied", gain_of="adjacent", quantity="bayes"
    )
    for row in theory.filter(pl.col("norm") != "euclidean").iter_rows(named=True):
        r_squared, spearman = (
            "undefined" if row[name] is None else f"{row[name]:.2f}"
            for name in ("r_squared", "spearman")
        )
        numbers = f"R² = {r_squared}, ρ = {spearman}"
        assert numbers.replace("-", "−") in [text.replace("-", "−") for text in texts]


def test_bad_input_is_one_line(made: Path, tmp_path: Path) -> None:
    tokens, pairs = made / "tokens.parquet", made / "adjacent.parquet"
    output = tmp_path / "vectors.parquet"
    options = ("--cooccurrence", "adjacent", "--vectors", "tied", "--output-vectors", output)
    line = assert_refuses("train_static_encoder", *options, "--tokens", tokens, "--dimensions", 2)
    assert "--tokens and --pairs: give both" in line
    line = assert_refuses(
        *("train_static_encoder", *options, "--tokens", tokens, "--pairs", pairs),
        *("--dimensions", 99),
    )
    assert "--dimensions 99: more than the 18 types" in line
    write_corpus(tmp_path / "single.parquet", draw_texts(3), sentences=1)
    line = assert_refuses(
        *("count_cooccurrences", tmp_path / "single.parquet", made / "bert"),
        *("--output-tokens", output, "--output-adjacent", output, "--output-sentence", output),
    )
    assert "single.parquet: no document has two sentences" in line
    line = assert_refuses(
        *("regress_norms", made / "vectors.parquet", "--information", made / "information.parquet"),
        *("--tokens", tokens, "--adjacent", pairs, "--minimum-count", 10**6),
        *("--output-theory", output, "--output-words", output),
    )
    assert "0 types of the encoders were seen 1000000 times" in line
    build_encoder(tmp_path / "other", WORDS[::-1], layers=1, width=8)
    line = assert_refuses(
        *("measure_embedding_norms", tmp_path / "other", made / "bert", "--comparison", "one"),
        *("--information", made / "information.parquet"),
        *("--quantities", "self_information", "--output-norms", output),
    )
    assert "different tokenizers" in line
    assert not output.exists()
