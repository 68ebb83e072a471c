"""Static encoders and the norms of their vectors: optima, metric and commands."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_grammar import enumerated, tiny_grammar

from common.embedding_norms import covariance, euclidean_norm, metric_norm, model_divergence
from common.grammar import divergence_from_marginal
from common.information import count_adjacent_pairs
from common.static_encoder import PopulationLoss, Vectors, canonical, choose_penalty, fit


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
    counted = count_adjacent_pairs(ids, lengths, np.array([0, 1, 2]), 3)
    np.testing.assert_array_equal(counted.toarray(), wanted)


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
    np.testing.assert_allclose(model_divergence(*_pair(found), p), gain, atol=2e-3)
    assert PopulationLoss(joint).of(found) == pytest.approx(-p @ gain, abs=1e-5)
    centred = pmi - p @ pmi
    variance = centred**2 @ p - (centred @ p) ** 2
    np.testing.assert_allclose(metric_norm(*_pair(found), p), variance / 2, rtol=0.05)


def test_tied_vectors_reach_a_distribution_that_they_can_express() -> None:
    """Scores u u' with their own marginal: P(w, w') = a_w a_w' exp(u_w u_w'), symmetric."""
    vectors = np.random.default_rng(1).normal(size=(8, 2))
    joint = np.exp(vectors @ vectors.T)
    joint /= joint.sum()
    p = joint.sum(axis=1)
    found = fit(joint, 3, tied=True)
    assert found.words is found.contexts
    gain = divergence_from_marginal(joint)
    np.testing.assert_allclose(model_divergence(*_pair(found), p), gain, atol=5e-3)


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


def _pair(vectors: Vectors) -> tuple[np.ndarray, np.ndarray]:
    return vectors.words, vectors.contexts
