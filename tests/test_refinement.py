"""Refined Integrated Gradients against closed forms, quadrature by scipy, and halving alone."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from commands import WORDS
from halved_paths import integrate_by_halving
from scipy.integrate import quad
from tiny_encoder import build_encoder
from torch import Tensor

from common.encoders.encoder import Encoder
from common.memory import Budget
from common.tokens.sentences import Sentence
from common.weights.integration import integrate, path_of
from common.weights.intervals import FIRST, NODES, Interval, even_intervals
from common.weights.path_integral import Embed, PathIntegral
from common.weights.quadrature import STRAIGHT, quadrature
from common.weights.refinement import refine
from common.weights.steep_paths import Line

AMPLE = Budget(10**9, 10**9)
TOKENS, WIDTH = 5, 3
STEEPER = 12
"""So many times larger matrices make a deep encoder's path too steep for any one rule."""


def line_of(embed: Embed, start: Tensor, end: Tensor) -> Line:
    double = PathIntegral(embed, start, end, AMPLE)
    return Line(double, double)


def draw(*shape: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(*shape, generator=generator, dtype=torch.float64) + 0.1


def relative(difference: Tensor, truth: Tensor) -> Tensor:
    """Norms of differences [n] over the mean weight."""
    return difference.norm(dim=1) / truth.norm(dim=1).mean()


def test_rule_has_the_degrees_of_gauss_and_kronrod() -> None:
    places, both, gauss = Interval(0.2, 0.7).rule()
    for degree in range(12):
        exact = (0.7 ** (degree + 1) - 0.2 ** (degree + 1)) / (degree + 1)
        assert both @ places**degree == pytest.approx(exact, rel=1e-13)
        assert (gauss @ places**degree == pytest.approx(exact, rel=1e-13)) == (degree < 6)


@pytest.mark.parametrize("pole", [0.2 - 1e-9, 0.7 + 1e-9])
def test_nodes_that_crowd_towards_a_pole_integrate_its_inverse(pole: float) -> None:
    places, both, _ = Interval(0.2, 0.7, pole).rule()
    assert np.all(np.diff(places) > 0)
    exact = abs(np.log(abs(0.7 - pole) / abs(0.2 - pole)))
    assert both @ (1 / np.abs(places - pole)) == pytest.approx(exact, rel=1e-6)


def test_whatever_an_interval_is_cut_into_covers_it() -> None:
    interval = Interval(0.25, 0.5)
    for parts in (interval.halves(), interval.around(0.3), interval.around(0.25)):
        edges = sorted((part.low, part.high) for part in parts)
        assert (edges[0][0], edges[-1][1]) == (0.25, 0.5)
        assert all(one[1] == other[0] for one, other in pairwise(edges))
        for part in parts:
            if not part.shared:
                halves = part.halves()
                assert (halves[0].low, halves[1].high) == (part.low, part.high)
                assert part.low < halves[0].high == halves[1].low < part.high


@pytest.mark.parametrize("width", [1e-2, 1e-5, 1e-9])
def test_steep_steps_have_their_closed_form(width: float) -> None:
    """Two scalars cross, each by other tokens' doing, on top of what is smooth."""
    start, end = torch.zeros(1, TOKENS, WIDTH, dtype=torch.float64), draw(1, TOKENS, WIDTH, seed=0)
    by_token, directions = draw(2, TOKENS, WIDTH, seed=1), draw(3, 7, seed=2)
    places = (0.0834, 0.613)

    def embed(x: Tensor) -> Tensor:
        scalars = torch.einsum("bnh,snh->bs", x, by_token)
        wholes = torch.einsum("nh,snh->s", end[0], by_token)
        crossed = torch.atan((scalars / wholes - torch.tensor(places).double()) / width)
        smooth = x.square().sum((1, 2))
        return torch.cat([crossed, smooth[:, None]], dim=1) @ directions

    moved = torch.einsum("nh,snh->sn", end[0], by_token)
    shares = moved / moved.sum(1, keepdim=True)
    steps = torch.tensor([np.arctan((1 - c) / width) + np.arctan(c / width) for c in places])
    parts = torch.cat([shares * steps[:, None], end[0].square().sum(1)[None]])
    truth = parts.T @ directions
    line = line_of(embed, start, end)
    (found,) = refine(line, 1e-3, 512)
    assert found.wanted == 0
    assert line.nodes <= 512
    true = (found.contributions - truth).norm(dim=1)
    assert float((true - found.error).max()) < 2e-4 * float(truth.norm(dim=1).mean())
    assert float(relative(found.contributions - truth, truth).max()) < 2e-3


def test_encoders_side_by_side_are_refined_by_the_nodes_of_the_last() -> None:
    """The first crosses where the last does, the second elsewhere; neither is as steep."""
    start, end = torch.zeros(1, TOKENS, WIDTH, dtype=torch.float64), draw(1, TOKENS, WIDTH, seed=0)
    by_token, directions = draw(TOKENS, WIDTH, seed=1), draw(1, 4, seed=2)
    steps = [(0.613, 1e-3), (0.0834, 1e-4), (0.613, 1e-6)]
    widths = (4, 4, 4)
    moved = torch.einsum("nh,nh->n", end[0], by_token)

    def embed(x: Tensor) -> Tensor:
        along = torch.einsum("bnh,nh->b", x, by_token) / moved.sum()
        smooth = x.square().sum((1, 2))[:, None]
        crossed = [torch.atan((along[:, None] - place) / width) for place, width in steps]
        return torch.cat([(each + smooth) * directions for each in crossed], dim=1)

    double = PathIntegral(embed, start, end, AMPLE, widths=widths)
    line = Line(double, double)
    found = refine(line, 1e-3, 512)
    alone = line_of(lambda x: embed(x)[:, -4:], start, end)
    (last,) = refine(alone, 1e-3, 512)
    torch.testing.assert_close(found[-1].contributions, last.contributions)
    torch.testing.assert_close(found[-1].error, last.error)
    assert (found[-1].nodes, found[-1].wanted) == (last.nodes, last.wanted)
    each = [line_of(lambda x, k=k: embed(x)[:, 4 * k : 4 * k + 4], start, end) for k in range(2)]
    taken = [refine(one, 1e-3, 512)[0].nodes for one in each]
    assert line.nodes < alone.nodes + sum(taken)
    for one, (place, width) in zip(found, steps, strict=True):
        step = np.arctan((1 - place) / width) + np.arctan(place / width)
        truth = (moved / moved.sum() * step + end[0].square().sum(1))[:, None] * directions
        assert one.wanted == 0
        assert float(relative(one.contributions - truth, truth).max()) < 2e-3


@pytest.mark.parametrize("distance", [1e-3, 1e-5, 1e-7])
def test_normalised_vector_that_passes_near_zero(distance: float) -> None:
    """What tokens add at right angles to the path sums up to nothing: completeness sees none."""
    place = 0.1379
    tokens = draw(TOKENS, 2, seed=3) - torch.tensor([0.0, 0.6])
    tokens[:, 1] -= tokens[:, 1].mean()
    across = torch.tensor([0.0, distance])

    def embed(x: Tensor) -> Tensor:
        hidden = x.sum(1) - place * tokens.sum(0) + across
        return torch.cat([hidden / hidden.norm(dim=1, keepdim=True), hidden], dim=1)

    def integrand(a: float, token: int, dimension: int) -> float:
        hidden = ((a - place) * tokens.sum(0) + across).numpy()
        step, size = tokens[token].numpy(), np.linalg.norm(hidden)
        return (step[dimension] - hidden[dimension] * (hidden @ step) / size**2) / size

    points = sorted({place, *(place + s * 10.0**-k for k in range(1, 10) for s in (-1, 1))})
    points = [p for p in points if 0 < p < 1]
    steep = [
        [quad(integrand, 0, 1, (i, j), points=points, limit=2000)[0] for j in range(2)]
        for i in range(TOKENS)
    ]
    truth = torch.cat([torch.tensor(steep), tokens], dim=1)
    start = torch.zeros(1, TOKENS, 2, dtype=torch.float64)
    (found,) = refine(line_of(embed, start, start + tokens), 1e-3, 1024)
    assert found.wanted == 0
    true = (found.contributions - truth).norm(dim=1)
    mean = float(truth.norm(dim=1).mean())
    assert float((true - found.error).max()) < 1e-3 * mean
    assert float(true.max()) < 2e-3 * mean


def test_what_a_node_on_a_pole_draws_is_dropped() -> None:
    place = Interval(0.25, 0.375).rule()[0][2]
    start = torch.zeros(1, TOKENS, 1, dtype=torch.float64)

    def embed(x: Tensor) -> Tensor:
        return torch.atan((x.mean(1) - place) / 1e-7)

    (found,) = refine(line_of(embed, start, start + 1), 1e-3, FIRST * NODES)
    torch.testing.assert_close(
        found.contributions, torch.full((TOKENS, 1), torch.pi / TOKENS).double(), rtol=1e-3, atol=0
    )
    assert float(found.error.min()) > 1
    assert found.wanted > FIRST * NODES


def test_even_intervals_cover_the_path() -> None:
    edges = [(i.low, i.high) for i in even_intervals()]
    assert edges[0][0] == 0
    assert edges[-1][1] == 1
    assert all(one[1] == other[0] for one, other in pairwise(edges))


@pytest.mark.parametrize("nodes", [2, 3, 8, 31, 256])
def test_embedded_rule_takes_every_other_node(nodes: int) -> None:
    places, weights = quadrature(STRAIGHT, nodes)
    assert not weights[::2, 1].any()
    half = nodes // 2
    tolerance = 1e-6 / STRAIGHT.width + 1e-6
    for degree in range(min(half, 20)):
        assert weights[:, 1] @ places**degree == pytest.approx(1 / (degree + 1), abs=tolerance)
    assert np.abs(weights[:, 1]).sum() < 4


@pytest.fixture(scope="module")
def deep(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    directory = build_encoder(
        tmp_path_factory.mktemp("deep") / "e", WORDS, checked=True, layers=12, width=16
    )
    encoder = Encoder(directory, device="cpu")
    for name, parameter in encoder.modules[0].named_parameters():
        if parameter.dim() > 1 and "embeddings" not in name:
            parameter.mul_(STEEPER)
    return encoder


def sentences_of(encoder: Encoder, texts: list[str]) -> list[Sentence]:
    ids = [encoder.tokenizer(text)["input_ids"] for text in texts]
    return [
        Sentence(k, t, i, [False] * len(i), False)
        for k, (t, i) in enumerate(zip(texts, ids, strict=True))
    ]


@pytest.mark.slow
def test_a_deep_encoder_that_no_rule_integrates(deep: Encoder) -> None:
    [sentence] = sentences_of(deep, ["the boat ran by a star"])
    path = path_of(deep, [sentence], "zero", AMPLE)
    assert float(path.completeness(STRAIGHT, [256])) > 0.02
    [[ours]] = integrate(deep, [sentence], path, STRAIGHT, tolerance=0.02, max_nodes=512)
    assert ours is sentence
    assert ours.cost["refined"]
    assert ours.cost["wanted"] == 0
    double = PathIntegral(deep.embed_double, path.start.double(), path.end.double(), AMPLE)
    truth, nodes = integrate_by_halving(double, 1e-3)
    true = (torch.tensor(ours.vectors) - truth).norm(dim=1)
    mean = float(truth.norm(dim=1).mean())
    assert float(true.max()) < 0.02 * mean
    assert float((true - torch.tensor(ours.error)).max()) < 0.01 * mean
    assert ours.cost["nodes"] < nodes


@pytest.mark.slow
def test_a_refined_sentence_gets_the_same_bytes_in_any_company(deep: Encoder) -> None:
    sentences = sentences_of(deep, ["the star ran by a boat", "the boat ran by a star"])
    assert len({len(s.ids) for s in sentences}) == 1
    [alone] = sentences_of(deep, ["the boat ran by a star"])
    for batch in (sentences, [alone]):
        path = path_of(deep, batch, "zero", AMPLE)
        list(integrate(deep, batch, path, STRAIGHT, tolerance=0.05, max_nodes=128))
    together = sentences[-1]
    assert together.cost["refined"]
    assert alone.cost["refined"]
    np.testing.assert_array_equal(together.vectors, alone.vectors)
    np.testing.assert_array_equal(together.error, alone.error)
