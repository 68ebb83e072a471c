"""Shapley values against brute force, shap, and the axioms."""

import itertools
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import shap
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_encoder import build_encoder

from common.coalitions import Exact, Sampled, plan_coalitions
from common.contract import CORPUS, WEIGHTS
from common.encoders import Encoder
from common.tables import read_table, write_table
from estimate_shapley import evaluate

WORDS = ["the", "a", "cat", "dog", "river", "bank", "sat", "ran", "on", "by", "quick", "old"]
TEXTS = ["the cat sat", "a dog ran by the old river", "the dog sat", "a quick cat ran on a"]


def exact(players: int) -> Exact:
    plan = plan_coalitions(
        players, exact_up_to=16, evaluations=8, generator=np.random.default_rng(0)
    )
    assert isinstance(plan, Exact)
    return plan


def sampled(players: int, evaluations: int, seed: int) -> Sampled:
    generator = np.random.default_rng(seed)
    plan = plan_coalitions(players, exact_up_to=0, evaluations=evaluations, generator=generator)
    assert isinstance(plan, Sampled)
    return plan


def random_game(players: int, seed: int) -> np.ndarray:
    """Values [2^n, 3] of coalitions by their number."""
    return np.random.default_rng(seed).normal(size=(2**players, 3))


def values_of(game: np.ndarray, coalitions: np.ndarray) -> np.ndarray:
    return game[coalitions @ (1 << np.arange(coalitions.shape[1]))]


def by_permutations(game: np.ndarray, players: int) -> np.ndarray:
    orders = list(itertools.permutations(range(players)))
    found = np.zeros((players, game.shape[1]))
    for order in orders:
        number = 0
        for player in order:
            found[player] += game[number | 1 << player] - game[number]
            number |= 1 << player
    return found / len(orders)


@pytest.mark.parametrize("players", [1, 2, 4, 5])
def test_exact_equals_all_permutations(players: int) -> None:
    game = random_game(players, players)
    plan = exact(players)
    found, error = plan.solve(values_of(game, plan.coalitions))
    np.testing.assert_allclose(found, by_permutations(game, players), atol=1e-12)
    assert error.max() < 1e-12


@given(st.integers(2, 6), st.integers(0, 1000))
@settings(deadline=None, max_examples=25)
def test_axioms(players: int, seed: int) -> None:
    for plan in (exact(players), sampled(players, 60, seed)):
        one, two = random_game(players, seed), random_game(players, seed + 1)
        a, b = (plan.solve(values_of(g, plan.coalitions))[0] for g in (one, two))
        both = plan.solve(values_of(2 * one - two, plan.coalitions))[0]
        np.testing.assert_allclose(both, 2 * a - b, atol=1e-9)
        np.testing.assert_allclose(a.sum(0), one[-1] - one[0], atol=1e-9)
        without_first = one[np.arange(2**players) & ~1]
        dummy = plan.solve(values_of(without_first, plan.coalitions))[0]
        np.testing.assert_allclose(dummy[0], 0, atol=1e-12)


def test_players_that_are_alike_get_the_same() -> None:
    plan = exact(5)
    sizes = plan.coalitions[:, :2].sum(1) * 3.0 + plan.coalitions[:, 2:] @ np.array([1.0, 4.0, 9.0])
    found, _ = plan.solve(np.stack([sizes**2, np.sin(sizes)], axis=1))
    np.testing.assert_allclose(found[0], found[1])


def test_sampling_is_unbiased_and_knows_its_error() -> None:
    players = 5
    game = random_game(players, 3)
    truth = by_permutations(game, players)
    runs = [sampled(players, 60, seed) for seed in range(600)]
    found, errors = zip(*(r.solve(values_of(game, r.coalitions)) for r in runs), strict=True)
    misses = np.stack(found) - truth
    spread = np.sqrt((misses**2).sum(-1).mean(0))
    assert (np.linalg.norm(misses.mean(0), axis=1) < 4 * spread / np.sqrt(len(runs))).all()
    claimed = np.sqrt((np.stack(errors) ** 2).mean(0))
    np.testing.assert_allclose(claimed, spread, rtol=0.2)


def test_additive_games_need_no_luck() -> None:
    plan = sampled(12, 60, 0)
    found, error = plan.solve(plan.coalitions @ np.diag(np.arange(12.0)))
    np.testing.assert_allclose(found, np.diag(np.arange(12.0)), atol=1e-12)
    assert error.max() < 1e-12


@given(st.integers(2, 40), st.integers(8, 400), st.integers(0, 99))
@settings(deadline=None, max_examples=30)
def test_evaluations_are_distinct_and_within_the_budget(
    players: int, evaluations: int, seed: int
) -> None:
    plan = sampled(players, evaluations, seed)
    assert len(np.unique(plan.coalitions, axis=0)) == len(plan.coalitions)
    assert len(plan.coalitions) <= max(evaluations, 4 * (players - 1) + 2)
    assert plan.coalitions.any(1).sum() == len(plan.coalitions) - 1
    assert plan.coalitions.all(1).sum() == 1


@pytest.mark.parametrize("absent", ["mask", "pad"])
def test_exact_equals_shap(tmp_path: Path, absent: str) -> None:
    model = Encoder(build_encoder(tmp_path / "e", WORDS), device="cpu", normalize=False)
    ids = np.array(model.tokenize(["the old dog ran by a river"])[0][0])

    def value(coalitions: np.ndarray) -> np.ndarray:
        present = np.ones((len(coalitions), len(ids)), dtype=bool)
        present[:, 1:-1] = coalitions.astype(bool)
        return evaluate(model, np.broadcast_to(ids, present.shape), present, absent, 4096)

    players = len(ids) - 2
    masker = shap.maskers.Independent(np.zeros((1, players)))
    judge = shap.explainers.ExactExplainer(value, masker)(np.ones((1, players))).values[0]
    plan = exact(players)
    found, _ = plan.solve(value(plan.coalitions))
    np.testing.assert_allclose(found, judge, atol=1e-5 * np.abs(judge).max())


def test_dropped_tokens_do_not_matter(tmp_path: Path) -> None:
    model = Encoder(build_encoder(tmp_path / "e", WORDS), device="cpu", normalize=False)
    ids = np.array(model.tokenize(["the cat sat", "the dog sat"])[0])
    present = np.array([[True, True, False, True, True]] * 2)
    one, other = evaluate(model, ids, present, "drop", 4096)
    np.testing.assert_allclose(one, other, atol=1e-6)
    whole = evaluate(model, ids, np.ones_like(present), "drop", 5)
    expected = model.embed(model.embeddings(torch.from_numpy(ids))).numpy()
    np.testing.assert_allclose(whole, expected, atol=1e-5)


def weigh(
    directory: Path, texts: dict[int, str], *, absent: str = "mask", batch_tokens: str = "9000"
) -> tuple[subprocess.CompletedProcess[str], Path]:
    corpus, output = directory / "c.parquet", directory / "w.parquet"
    frame = pl.DataFrame(
        {"document_id": list(texts), "sentence_id": list(texts), "text": list(texts.values())}
    )
    write_table(frame, corpus, CORPUS)
    command = ["scripts/estimate_shapley.py", str(directory / "e"), str(corpus)]
    options = ["--exact-up-to", "5", "--evaluations", "40", "--seed", "1"]
    options += ["--absent", absent, "--batch-tokens", batch_tokens]
    outcome = subprocess.run(
        [sys.executable, *command, "--output-weights", str(output), *options],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[1],
    )
    return outcome, output


def test_command_does_not_depend_on_batches_or_company(tmp_path: Path) -> None:
    build_encoder(tmp_path / "e", WORDS)
    outcome, output = weigh(tmp_path, dict(enumerate(TEXTS)))
    assert outcome.returncode == 0, outcome.stderr
    assert "2 sentences exact, 2 sampled" in outcome.stderr
    together = read_table(output, WEIGHTS)
    special = together.filter("special")
    assert special.height == 8
    assert special["weight"].to_list() == [0.0] * 8
    assert together.filter(sentence_id=0)["error"].max() < 1e-5
    assert together.filter(~pl.col("special"), sentence_id=1)["error"].max() > 0
    outcome, output = weigh(tmp_path, {1: TEXTS[1]}, batch_tokens="20")
    assert outcome.returncode == 0, outcome.stderr
    alone = read_table(output, WEIGHTS)["weight"].to_numpy()
    assert together.filter(sentence_id=1)["weight"].to_numpy() == pytest.approx(alone, rel=1e-4)


def test_command_refuses_to_drop_everything(tmp_path: Path) -> None:
    directory = build_encoder(tmp_path / "e", WORDS)
    file = directory / "tokenizer.json"
    tokenizer = json.loads(file.read_text())
    tokenizer["post_processor"]["single"] = [{"Sequence": {"id": "A", "type_id": 0}}]
    file.write_text(json.dumps(tokenizer))
    outcome, output = weigh(tmp_path, {0: "the cat sat"}, absent="drop")
    assert outcome.returncode == 1
    assert "adds no special tokens" in outcome.stderr
    assert not output.exists()
