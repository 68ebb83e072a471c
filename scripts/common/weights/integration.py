"""Integrated Gradients of sentences of one length: by one rule, or refined where it fails."""

import logging
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from common.encoders.encoder import Encoder
from common.memory import Budget
from common.tokens.sentences import Sentence
from common.weights.path_integral import Embed, PathIntegral, relative
from common.weights.quadrature import STRAIGHT, Parametrisation
from common.weights.refinement import LEAST_NODES, refine
from common.weights.steep_paths import Line

BASELINES = ("zero", "mask", "pad")
TRIAL_NODES = 64
"""By which baselines are compared for a sentence that misses the tolerance."""
MARGIN = 0.3
"""Of the tolerance, that the tokens' sum has to keep for most tokens to keep the whole."""
GROWTH = 1.5
"""Of nodes, where a token's error is above the tolerance."""


@dataclass(frozen=True)
class Attribution:
    """Contributions [n, d], the error [n] of each, NaN if unknown, and what they took.

    `completeness` is what they miss of the whole, relative to it; `wanted` are nodes that would be
    the next to try, 0 where the tolerance was reached.
    """

    contributions: np.ndarray
    error: np.ndarray
    completeness: float
    nodes: int
    wanted: int = 0
    refined: bool = False
    slopes: int = 0
    values: int = 0

    @property
    def relative_error(self) -> float:
        """The largest error of a token over the mean weight."""
        return _relative(self.error, np.linalg.norm(self.contributions, axis=1))

    def give(self, sentence: Sentence) -> None:
        """Make it the weights of a sentence."""
        cost: dict[str, float] = {
            "nodes": self.nodes,
            "wanted": self.wanted,
            "refined": self.refined,
            "slopes": self.slopes,
            "values": self.values,
        }
        sentence.weigh(self.contributions, self.error, self.completeness, cost)


def path_of(
    encoder: Encoder, sentences: list[Sentence], baseline: str, within: Budget
) -> PathIntegral:
    """The path of sentences of one length from a baseline: zero, mask or pad."""
    end = encoder.embeddings(torch.tensor([s.ids for s in sentences]))
    start = torch.zeros_like(end)
    if baseline != "zero":
        start = encoder.embeddings(torch.full(end.shape[:2], encoder.token_id(baseline)))
    return PathIntegral(encoder.embed, start, end, within, encoder.forward_mode)


def integrate(
    encoder: Encoder,
    sentences: list[Sentence],
    integral: PathIntegral,
    path: Parametrisation,
    *,
    tolerance: float,
    max_nodes: int,
) -> Iterator[list[Sentence]]:
    """Weigh `sentences`, those of `integral`, but for what has weights; gives those that are done.

    Sentences whose completeness one rule does not bring within `tolerance` are refined each by
    itself, in passes of its own, so what it gets depends on no other. The others are done first,
    all at once, until the error of each token is within `tolerance` of the mean weight.
    """
    (easy,) = by_rules([sentences], integral, path, tolerance=tolerance, max_nodes=max_nodes)
    if easy:
        yield easy
    for k, sentence in enumerate(sentences):
        if sentence.weight is None:
            alone = integral.of(k)
            refine_alone(encoder, sentence, alone, tolerance=tolerance, max_nodes=max_nodes)
            yield [sentence]


def by_rules(
    of_encoders: list[list[Sentence]],
    integral: PathIntegral,
    path: Parametrisation,
    *,
    tolerance: float,
    max_nodes: int,
) -> list[list[Sentence]]:
    """Weigh the sentences of `integral`, a list of them for each of its encoders, by one rule.

    Gives those of each encoder that a rule can weigh, all of which have weights then, or none if
    they had them before. What it cannot weigh by the last, it weighs by none.
    """
    refining = max_nodes >= LEAST_NODES
    settings = (path, MARGIN * tolerance, max_nodes, tolerance if refining else math.inf)
    chosen = {
        (k, one): count
        for k, each in enumerate(integral.choose_all_nodes(*settings))
        for one, (count, gap) in enumerate(each)
        if not refining or max(gap, each[-1][1]) <= tolerance
    }
    if all(of_encoders[one][k].weight is not None for k, one in chosen):
        return [[] for _ in of_encoders]
    for (k, one), found in _by_rules(integral, path, chosen, tolerance, max_nodes).items():
        found.give(of_encoders[one][k])
    return [
        [sentence for k, sentence in enumerate(sentences) if (k, one) in chosen]
        for one, sentences in enumerate(of_encoders)
    ]


def _by_rules(
    integral: PathIntegral,
    path: Parametrisation,
    chosen: dict[tuple[int, int], int],
    tolerance: float,
    max_nodes: int,
) -> dict[tuple[int, int], Attribution]:
    """Attributions of sentences by encoders from their nodes, more where a token needs more.

    Nodes grow as long as the largest error of a token falls, which rounding ends, and up to
    `max_nodes` in all. A pass serves all encoders, with the nodes of the last that needs one: what
    it gives the others they take if it is within the tolerance already, or as many as they need.
    """
    found: dict[tuple[int, int], Attribution] = {}
    waiting = dict(chosen)
    while waiting:
        of_last = {k: waiting[k, one] for k, one in sorted(waiting)}
        counts = [of_last.get(k, 0) for k in range(len(integral.start))]
        results = integral.with_errors(*integral.both_rules(path, counts))
        for (k, one), asked in list(waiting.items()):
            contributions, error, gap = (part[k] for part in results[one])
            now = Attribution(contributions.numpy(), error.numpy(), float(gap), counts[k])
            beyond = max(now.completeness, now.relative_error) > tolerance
            if beyond and counts[k] < asked:
                continue
            del waiting[k, one]
            if before := found.get((k, one)):
                spent = before.nodes + counts[k]
                if now.relative_error >= before.relative_error:
                    found[k, one] = replace(before, nodes=spent)
                    continue
                now = replace(now, nodes=spent)
            if beyond:
                more = math.ceil(GROWTH * counts[k])
                if now.nodes + more <= max_nodes:
                    waiting[k, one] = more
                else:
                    now = replace(now, wanted=max(LEAST_NODES, now.nodes + more))
            found[k, one] = now
    return found


def refine_alone(
    encoder: Encoder,
    sentence: Sentence,
    integral: PathIntegral,
    *,
    tolerance: float,
    max_nodes: int,
) -> None:
    """Weigh the only sentence of `integral` by the encoder alone."""
    beside = integral.beside(encoder.double_bytes)
    (found,) = refined(encoder.embed_double, beside, tolerance=tolerance, max_nodes=max_nodes)
    found.give(sentence)


def refined(
    embed_double: Embed, integral: PathIntegral, *, tolerance: float, max_nodes: int
) -> list[Attribution]:
    """Attributions of the only sentence of `integral`, by each of its encoders."""
    ends = integral.start.double(), integral.end.double()
    double = replace(integral, embed=embed_double, start=ends[0], end=ends[1])
    line = Line(integral if integral.start.dtype == torch.float32 else double, double)
    found = refine(line, tolerance, max_nodes)
    return [
        Attribution(
            part.contributions.numpy(),
            part.error.numpy(),
            float(relative((part.contributions.sum(0) - total).norm(dim=1), total)),
            part.nodes,
            part.wanted,
            refined=True,
            slopes=line.slopes,
            values=len(line.known),
        )
        for part, total in zip(found, double.side_by_side(double.total), strict=True)
    ]


def by_library(
    explain: Callable[[Encoder, list[int], Tensor, int], np.ndarray],
    encoder: Encoder,
    sentences: list[Sentence],
    integral: PathIntegral,
    *,
    nodes: int,
    tolerance: float,
) -> list[Sentence]:
    """Weigh `sentences`, those of `integral`, by captum or shap, which tell no error."""
    found = [explain(encoder, s.ids, integral.start[:1], nodes) for s in sentences]
    gaps = integral.missing(torch.from_numpy(np.stack(found)).sum(1)).tolist()
    for sentence, c, gap in zip(sentences, found, gaps, strict=True):
        wanted = nodes + 1 if gap > tolerance else 0
        Attribution(c, np.full(len(c), np.nan), gap, nodes, wanted).give(sentence)
    return sentences


def relative_error(sentence: Sentence) -> float:
    """The largest error of a weighed sentence's tokens over their mean weight."""
    assert sentence.error is not None
    assert sentence.weight is not None
    return _relative(sentence.error, sentence.weight)


def _relative(error: np.ndarray, weight: np.ndarray) -> float:
    return float(error.max() / max(weight.mean(), 1e-30))


def log_costs(sentences: list[Sentence]) -> None:
    """Say how many passes sentences took."""
    refined = [s for s in sentences if s.cost["refined"]]
    nodes = sum(s.cost["nodes"] for s in sentences)
    logging.info("%.1f nodes a sentence", nodes / max(len(sentences), 1))
    if refined:
        slopes, values = (sum(s.cost[n] for s in refined) for n in ("slopes", "values"))
        logging.info(
            "%d sentences refined where their paths are steep, by %.0f slopes and %.0f plain "
            "passes each besides",
            *(len(refined), slopes / len(refined), values / len(refined)),
        )


def describe_miss(
    encoder: Encoder,
    sentence: Sentence,
    *,
    tolerance: float,
    baseline: str,
    within: Budget,
) -> str:
    """What a sentence above the tolerance lacks, and which nodes or baseline may help."""
    refined, nodes, wanted = (sentence.cost[name] for name in ("refined", "nodes", "wanted"))
    of_sum = sentence.completeness or 0.0
    kind, error = "error of a token", relative_error(sentence)
    if not refined and of_sum > tolerance:
        kind, error = "completeness error", of_sum
    gaps = {
        name: float(
            path_of(encoder, [sentence], name, within).completeness(STRAIGHT, [TRIAL_NODES])
        )
        for name in BASELINES
        if name == "zero" or getattr(encoder.tokenizer, f"{name}_token_id") is not None
    }
    best = min(gaps, key=lambda name: gaps[name])
    told = ", ".join(f"{name} {100 * gap:.2g} %" for name, gap in gaps.items())
    return (
        f"sentence_id {sentence.number}: {kind} {error:.2g} after {nodes:.0f} nodes is above the "
        f"tolerance of {tolerance:g}; raise max_nodes to {wanted:.0f} at least, or "
        f"tolerance, or {'keep' if best == baseline else 'take'} baseline {best} ("
        f"{TRIAL_NODES} even nodes miss {told})"
    )
