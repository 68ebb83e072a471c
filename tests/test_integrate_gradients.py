"""Integrated Gradients against captum, reverse mode, closed forms and completeness."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from captum.attr import IntegratedGradients
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_encoder import build_encoder

from common import path_integral
from common.contract import CORPUS, WEIGHTS
from common.encoders import Encoder
from common.path_integral import choose_path, completeness, contributions_at, integrate_path
from common.quadrature import PATHS, STRAIGHT, quadrature
from common.tables import read_metadata, read_table, write_table

WORDS = ["the", "a", "cat", "dog", "river", "bank", "sat", "ran", "on", "by", "quick", "old"]
TEXTS = ["the cat sat", "a dog ran by the old river", "the dog sat", "a quick cat ran on"]


def write_corpus(path: Path, texts: list[str]) -> Path:
    numbers = list(range(len(texts)))
    frame = pl.DataFrame({"document_id": numbers, "sentence_id": numbers, "text": texts})
    write_table(frame, path, CORPUS)
    return path


def weigh(
    encoder: Path, corpus: Path, output: Path, *, baseline: str = "zero", precise: bool = False
) -> subprocess.CompletedProcess[str]:
    tolerance, nodes = ("1e-9", "8") if precise else ("1e-3", "256")
    options = ["--baseline", baseline, "--tolerance", tolerance, "--max-nodes", nodes]
    command = ["scripts/integrate_gradients.py", str(encoder), str(corpus)]
    return subprocess.run(
        [sys.executable, *command, "--output-weights", str(output), *options],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[1],
    )


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    directory = build_encoder(tmp_path_factory.mktemp("ig") / "e", WORDS, width=16)
    return Encoder(directory, device="cpu", normalize=False)


def ends(encoder: Encoder, text: str) -> tuple[torch.Tensor, torch.Tensor]:
    end = encoder.embeddings(torch.tensor(encoder.tokenize([text])[0]))
    return torch.zeros_like(end), end


def test_equals_captum_dimension_by_dimension(
    encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, end = ends(encoder, TEXTS[1])
    monkeypatch.setattr(path_integral, "FEWEST_NODES", 12)
    found, error, nodes = integrate_path(
        encoder.embed, start, end, path=STRAIGHT, tolerance=1.0, max_nodes=12, batch_tokens=4096
    )
    assert nodes == [12]
    captum = IntegratedGradients(encoder.embed)
    expected = torch.stack(
        [
            captum.attribute(end, start, target=k, n_steps=12, method="gausslegendre").sum(-1)[0]
            for k in range(found.shape[2])
        ],
        dim=1,
    )
    assert float((found[0] - expected).norm() / expected.norm()) < 1e-5
    total = (encoder.embed(end) - encoder.embed(start)).double()
    assert float((expected.sum(0) - total).norm() / total.norm()) == pytest.approx(
        float(error), abs=1e-5
    )


@given(
    st.integers(1, 7), st.integers(1, 6), st.integers(1, 4), st.integers(1, 200), st.integers(0, 99)
)
@settings(deadline=None, max_examples=30)
def test_linear_encoder_has_its_closed_form(
    length: int, width: int, dimensions: int, batch_tokens: int, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    start, end = torch.randn(2, 3, length, width, generator=generator)
    matrix = torch.randn(length, width, dimensions, generator=generator)
    found, error, nodes = integrate_path(
        lambda x: torch.einsum("bnh,nhd->bd", x, matrix) + 1,
        start,
        end,
        path=PATHS[-1],
        tolerance=1e-3,
        max_nodes=64,
        batch_tokens=batch_tokens,
    )
    expected = torch.einsum("bnh,nhd->bnd", end - start, matrix).double()
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)
    assert max(nodes) <= 64
    assert error.shape == (3,)


def test_forward_and_reverse_mode_agree(encoder: Encoder) -> None:
    _, end = ends(encoder, TEXTS[1])
    points = end * torch.tensor([0.2, 0.9])[:, None, None]
    step = end.expand_as(points)
    forward = contributions_at(encoder.embed, points, step, 10_000)
    narrow = contributions_at(lambda x: encoder.embed(x)[:, :3], points, step, 40)
    torch.testing.assert_close(forward[..., :3], narrow, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("path", PATHS)
def test_quadrature_is_exact_for_smooth_functions(path: object) -> None:
    places, weights = quadrature(path, 64)  # type: ignore[arg-type]
    assert weights.sum() == pytest.approx(1, rel=1e-6)
    assert weights @ np.exp(places) == pytest.approx(np.e - 1, rel=1e-6)


def test_every_path_leads_to_the_same_contributions(encoder: Encoder) -> None:
    start, end = ends(encoder, TEXTS[0])
    results = [
        integrate_path(
            encoder.embed, start, end, path=p, tolerance=1e-5, max_nodes=256, batch_tokens=9999
        )[0]
        for p in (STRAIGHT, PATHS[6])
    ]
    assert float((results[0] - results[1]).norm() / results[0].norm()) < 1e-3


def test_path_crowds_nodes_where_the_gradient_peaks() -> None:
    start, end = torch.zeros(2, 3, 1), torch.ones(2, 3, 1)

    def peaked(x: torch.Tensor) -> torch.Tensor:
        return torch.atan((x.mean(1) - 0.2) / 0.02)

    path = choose_path(peaked, start, end, 4096)
    assert path.centre == 0.2
    options = {"nodes": [12, 12], "batch_tokens": 4096}
    errors = [completeness(peaked, start, end, path=p, **options) for p in (path, STRAIGHT)]
    assert float(errors[0].max()) < 0.05 * float(errors[1].min())


def test_tokens_without_effect_get_nothing_and_equals_get_the_same() -> None:
    start = torch.zeros(1, 3, 2)
    end = torch.tensor([[[1.0, 2.0], [1.0, 2.0], [5.0, 6.0]]])

    def embed(x: torch.Tensor) -> torch.Tensor:
        return torch.tanh(x[:, 0] * x[:, 1])

    found, error, _ = integrate_path(
        embed, start, end, path=STRAIGHT, tolerance=1e-4, max_nodes=256, batch_tokens=1000
    )
    torch.testing.assert_close(found[0, 0], found[0, 1])
    assert float(found[0, 2].abs().max()) == 0
    assert float(error) <= 1e-4


def test_command_weighs_every_token_the_same_alone_and_in_a_batch(tmp_path: Path) -> None:
    encoder = build_encoder(tmp_path / "e", WORDS)
    outcome = weigh(encoder, write_corpus(tmp_path / "c.parquet", TEXTS), tmp_path / "w.parquet")
    assert outcome.returncode == 0, outcome.stderr
    together = read_table(tmp_path / "w.parquet", WEIGHTS)
    model = Encoder(encoder, device="cpu", normalize=False)
    assert together.height == sum(map(len, model.tokenize(TEXTS)[0]))
    assert together["error"].max() <= 1e-3
    assert read_metadata(tmp_path / "w.parquet")["tokenizer"] == model.fingerprint
    first = together.filter(sentence_id=0)
    assert first["special"].to_list() == [True, False, False, False, True]
    assert first["token"].to_list() == ["[CLS]", "the", "cat", "sat", "[SEP]"]
    start, end = ends(model, TEXTS[0])
    alone, _, _ = integrate_path(
        model.embed, start, end, path=STRAIGHT, tolerance=1e-5, max_nodes=256, batch_tokens=30
    )
    assert first["weight"].to_numpy() == pytest.approx(alone[0].norm(dim=1).numpy(), rel=5e-3)


def test_command_says_how_many_missed_the_tolerance(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "c.parquet", TEXTS)
    encoder = build_encoder(tmp_path / "e", WORDS)
    outcome = weigh(encoder, corpus, tmp_path / "w.parquet", baseline="mask", precise=True)
    assert "4 sentences did not reach the tolerance" in outcome.stderr


def test_sentence_without_tokens_is_named(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "c.parquet", ["the cat", "  "])
    outcome = weigh(build_encoder(tmp_path / "e", WORDS), corpus, tmp_path / "w.parquet")
    assert outcome.returncode == 1
    assert f"{corpus}: sentence_id 1" in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert not (tmp_path / "w.parquet").exists()
