"""captum and shap against our own integral, brute force, and what a game must satisfy."""

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from commands import write_corpus
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_encoder import build_encoder
from torch import Tensor

from common.command import InputError
from common.encoders.encoder import Encoder
from common.memory import budget
from common.tokens.sentences import Sentence, read_sentences
from common.weights import library_engines
from common.weights.library_engines import (
    captum_gradients,
    captum_shapley,
    sentence_seed,
    shap_gradients,
    shap_shapley,
)
from common.weights.path_integral import PathIntegral
from common.weights.quadrature import STRAIGHT

WORDS = ["the", "a", "cat", "dog", "river", "bank", "sat", "ran", "on", "by", "quick", "old"]
TEXT = "the old dog ran by a river"
SHAPLEY = [captum_shapley, shap_shapley]
Shapley = Callable[[Encoder, Sentence, str, int, int], np.ndarray]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    directory = tmp_path_factory.mktemp("encoder")
    return Encoder(build_encoder(directory, WORDS, dense=4), device="cpu")


def read(directory: Path, encoder: Encoder, text: str, longest: int | None = None) -> Sentence:
    return read_sentences(
        write_corpus(directory / "c.parquet", [text]), encoder.tokenizer, longest
    )[0]


def tokenized(encoder: Encoder, text: str) -> Sentence:
    found = encoder.tokenizer(text, return_special_tokens_mask=True)
    special = [bool(flag) for flag in found["special_tokens_mask"]]
    return Sentence(7, text, found["input_ids"], special, False)


def start_and_end(encoder: Encoder, ids: list[int], kind: str) -> tuple[Tensor, Tensor]:
    end = encoder.embeddings(torch.tensor([ids]))
    if kind == "zero":
        return torch.zeros_like(end), end
    return encoder.embeddings(torch.tensor(encoder.token_id(kind))).expand_as(end), end


def integral(encoder: Encoder, start: Tensor, end: Tensor, nodes: int) -> np.ndarray:
    path = PathIntegral(encoder.embed, start, end, budget(4, encoder.modules, "cpu"))
    return path.contributions(STRAIGHT, [nodes])[0].numpy()


def game(encoder: Encoder, sentence: Sentence, absent: str) -> dict[frozenset[int], np.ndarray]:
    """The embedding of a sentence of which only a set of positions is there, for every set."""
    players = [k for k, special in enumerate(sentence.special) if not special]
    values = {}
    for size in range(len(players) + 1):
        for here in itertools.combinations(players, size):
            gone = set(players) - set(here)
            ids = [encoder.token_id(absent) if k in gone else i for k, i in enumerate(sentence.ids)]
            embedding = encoder.embed(encoder.embeddings(torch.tensor([ids])))
            values[frozenset(here)] = embedding[0].double().numpy()
    return values


def over_orders(values: dict[frozenset[int], np.ndarray], orders: list, length: int) -> np.ndarray:
    found = np.zeros((length, len(values[frozenset()])))
    for order in orders:
        for k, player in enumerate(order):
            before = frozenset(order[:k])
            found[player] += values[before | {player}] - values[before]
    return found / len(orders)


def exact(encoder: Encoder, sentence: Sentence, absent: str) -> np.ndarray:
    values = game(encoder, sentence, absent)
    orders = list(itertools.permutations(max(values, key=len)))
    return over_orders(values, orders, len(sentence.ids))


@pytest.mark.parametrize("baseline", ["zero", "mask"])
def test_captum_gradients_equal_the_path_integral(encoder: Encoder, baseline: str) -> None:
    ids = tokenized(encoder, TEXT).ids
    start, end = start_and_end(encoder, ids, baseline)
    expected = integral(encoder, start, end, 24)
    found = captum_gradients(encoder, ids, start, 24)
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("baseline", ["zero", "mask"])
def test_shap_gradients_scatter_around_the_path_integral(encoder: Encoder, baseline: str) -> None:
    ids = tokenized(encoder, "the dog sat").ids
    start, end = start_and_end(encoder, ids, baseline)
    truth = integral(encoder, start, end, 256)
    spreads = []
    for nodes in (16, 256):
        runs = np.stack([shap_gradients(encoder, ids, start, nodes, seed) for seed in range(8)])
        spread = runs.std(0, ddof=1)
        assert (np.abs(runs.mean(0) - truth) < 5 * spread / np.sqrt(len(runs))).all()
        spreads.append(np.linalg.norm(spread))
    assert spreads[1] == pytest.approx(spreads[0] / 4, rel=0.5)


@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
def test_gradients_in_other_precisions(tmp_path: Path, dtype: str) -> None:
    model = Encoder(build_encoder(tmp_path, WORDS, dense=2), device="cpu", dtype=dtype)
    ids = tokenized(model, "the dog sat").ids
    start, end = start_and_end(model, ids, "zero")
    expected = integral(model, start, end, 64)
    size = np.abs(expected).max()
    tolerance = {"float64": 1e-6, "bfloat16": 0.02}[dtype] * size
    np.testing.assert_allclose(captum_gradients(model, ids, start, 64), expected, atol=tolerance)
    sampled = shap_gradients(model, ids, start, 2000, 0)
    np.testing.assert_allclose(sampled, expected, atol=0.1 * size)


@given(
    words=st.lists(st.sampled_from(WORDS), min_size=1, max_size=8),
    evaluations=st.integers(2, 80),
    absent=st.sampled_from(["mask", "pad"]),
    engine=st.sampled_from(SHAPLEY),
)
@settings(deadline=None, max_examples=15)
def test_shapley_is_efficient(
    encoder: Encoder, words: list[str], evaluations: int, absent: str, engine: Shapley
) -> None:
    sentence = tokenized(encoder, " ".join(words))
    found = engine(encoder, sentence, absent, evaluations, 0)
    ids = np.where(sentence.special, sentence.ids, encoder.token_id(absent))
    both = torch.from_numpy(np.stack([sentence.ids, ids]))
    there, gone = encoder.embed(encoder.embeddings(both)).double().numpy()
    np.testing.assert_allclose(found.sum(0), there - gone, atol=2e-6)
    assert not found[sentence.special].any()


def test_captum_shapley_scatters_around_exact_values(encoder: Encoder) -> None:
    sentence = tokenized(encoder, "the old dog sat")
    truth = exact(encoder, sentence, "pad")
    players = ~np.array(sentence.special)
    errors = []
    for evaluations in (9, 129):
        runs = np.stack(
            [captum_shapley(encoder, sentence, "pad", evaluations, seed) for seed in range(24)]
        )[:, players]
        misses = runs - truth[players]
        standard_error = runs.std(0, ddof=1) / np.sqrt(len(runs))
        assert (np.abs(misses.mean(0)) < 5 * standard_error).all()
        errors.append(np.sqrt((misses**2).mean()))
    assert errors[1] == pytest.approx(errors[0] / 4, rel=0.5)


@pytest.mark.parametrize("absent", ["mask", "pad"])
def test_shap_shapley_of_two_tokens_is_exact(encoder: Encoder, absent: str) -> None:
    sentence = tokenized(encoder, "dog ran")
    truth = exact(encoder, sentence, absent)
    found = shap_shapley(encoder, sentence, absent, 100, 0)
    np.testing.assert_allclose(found, truth, atol=1e-6 * np.abs(truth).max())


def test_shap_shapley_is_the_owen_value_of_its_tree(encoder: Encoder) -> None:
    sentence = tokenized(encoder, "dog ran by")
    orders = [(1, 2, 3), (2, 1, 3), (3, 1, 2), (3, 2, 1)]
    owen = over_orders(game(encoder, sentence, "mask"), orders, 5)
    found = shap_shapley(encoder, sentence, "mask", 100, 0)
    np.testing.assert_allclose(found, owen, atol=1e-6 * np.abs(owen).max())
    assert np.abs(found - exact(encoder, sentence, "mask")).max() > 1e-3 * np.abs(owen).max()


@pytest.mark.parametrize("engine", SHAPLEY)
def test_tokens_that_only_add_up_need_no_luck(tmp_path: Path, engine: Shapley) -> None:
    additive = Encoder(build_encoder(tmp_path, WORDS, layers=0), device="cpu")
    sentence = tokenized(additive, TEXT)
    truth = exact(additive, sentence, "mask")
    found = engine(additive, sentence, "mask", 200, 0)
    np.testing.assert_allclose(found, truth, atol=1e-6 * np.abs(truth).max())


@pytest.mark.parametrize("engine", SHAPLEY)
def test_truncated_sentences_are_what_is_left_of_them(
    tmp_path: Path, encoder: Encoder, engine: Shapley
) -> None:
    cut = read(tmp_path, encoder, TEXT, longest=5)
    assert cut.truncated
    whole = read(tmp_path, encoder, "the old dog")
    found = [engine(encoder, sentence, "mask", 40, 0) for sentence in (cut, whole)]
    np.testing.assert_array_equal(*found)


def test_seeds(encoder: Encoder) -> None:
    sentence = tokenized(encoder, TEXT)
    start, _ = start_and_end(encoder, sentence.ids, "zero")

    def draw(seed: int) -> list[np.ndarray]:
        return [
            shap_gradients(encoder, sentence.ids, start, 4, seed),
            captum_shapley(encoder, sentence, "mask", 20, seed),
        ]

    one, other = sentence_seed(0, 1), sentence_seed(1, 0)
    for first, again, different in zip(draw(one), draw(one), draw(other), strict=True):
        np.testing.assert_array_equal(first, again)
        assert not np.array_equal(first, different)
    owen = [shap_shapley(encoder, sentence, "mask", 20, one) for _ in range(2)]
    np.testing.assert_array_equal(*owen)


def test_passes_are_small_and_silent(
    encoder: Encoder, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    sentence = tokenized(encoder, TEXT)
    start, _ = start_and_end(encoder, sentence.ids, "zero")

    def all_engines() -> list[np.ndarray]:
        return [
            captum_gradients(encoder, sentence.ids, start, 12),
            shap_gradients(encoder, sentence.ids, start, 12, 0),
            captum_shapley(encoder, sentence, "mask", 40, 0),
            shap_shapley(encoder, sentence, "mask", 40, 0),
        ]

    expected = all_engines()
    rows, embed = [], encoder.embed

    def count(embeddings: Tensor) -> Tensor:
        rows.append(len(embeddings))
        return embed(embeddings)

    monkeypatch.setattr(encoder, "embed", count)
    monkeypatch.setattr(library_engines, "TOKENS_IN_A_PASS", 5 * len(sentence.ids))
    for found, once in zip(all_engines(), expected, strict=True):
        np.testing.assert_allclose(found, once, atol=1e-6)
    assert max(rows) <= 6
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("engine", SHAPLEY)
def test_dropping_is_refused(encoder: Encoder, engine: Shapley) -> None:
    with pytest.raises(InputError, match=r"engine \w+: absent drop is only in engine own"):
        engine(encoder, tokenized(encoder, TEXT), "drop", 40, 0)


def test_shap_refuses_tokens_that_are_not_in_the_text(encoder: Encoder) -> None:
    sentence = tokenized(encoder, TEXT)
    sentence.text = "a cat sat on a bank by the river"
    with pytest.raises(InputError, match="sentence_id 7"):
        shap_shapley(encoder, sentence, "mask", 40, 0)
