"""Seconds and errors of Shapley values: ours and those of shap's default explainer."""

import time
from pathlib import Path

import numpy as np
import shap
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Normalize
from shapes import draw_sentence

from common.encoders.encoder import Encoder
from common.memory import Budget
from common.tokens.sentences import Sentence
from common.weights.coalitions import Estimate, plan_coalitions
from common.weights.token_games import estimate_together

EVERYTHING = 20
SPECIAL = 2
"""Special tokens of a sentence."""


def choose_texts(encoder: Encoder, sentences: Path | None, players: int, count: int) -> list[str]:
    """So many sentences of so many tokens, from a file or random ones."""
    if sentences is None:
        return [draw_sentence(players + SPECIAL, seed) for seed in range(count)]
    texts = dict.fromkeys(sentences.read_text().splitlines())
    ids = encoder.tokenizer(list(texts))["input_ids"]
    fit = [text for text, one in zip(texts, ids, strict=True) if len(one) == players + SPECIAL]
    return fit[:count]


def time_shapley(
    encoder: Encoder, texts: list[str], within: Budget, evaluations: tuple[int, ...]
) -> list[dict[str, float]]:
    """A row a sentence and budget: seconds, evaluations, relative errors against exact values.

    shap explains text by its default explainer and settings, with the function that a user of
    sentence-transformers has, `encode`. All texts are of one length, and the first, by which shap
    compiles and passes of the encoder are measured, is not counted.
    """
    modules = [module for module in encoder.modules if not isinstance(module, Normalize)]
    model = SentenceTransformer(modules=modules, device=encoder.device)
    spent = 0

    def embed(strings: np.ndarray) -> np.ndarray:
        nonlocal spent
        spent += len(strings)
        return model.encode(list(strings), show_progress_bar=False)

    explainer = shap.Explainer(embed, shap.maskers.Text(encoder.tokenizer))
    rows = []
    for number, text in enumerate(texts):
        ids = encoder.tokenizer(text)["input_ids"]
        players = len(ids) - SPECIAL
        special = [True, *[False] * players, True]
        sentence = Sentence(number, text, ids, special, truncated=False)

        def ours(
            exact_up_to: int, budget: int, sentence: Sentence = sentence, players: int = players
        ) -> tuple[float, Estimate]:
            began = time.perf_counter()
            plan = plan_coalitions(
                players,
                exact_up_to=exact_up_to,
                evaluations=budget,
                target_error=None,
                generator=np.random.default_rng(0),
            )
            found = estimate_together(encoder, [sentence], [plan], "mask", within)[0]
            return time.perf_counter() - began, found

        exact = ours(EVERYTHING, 0)[1].shapley
        spent = 0
        began = time.perf_counter()
        theirs = explainer([text], silent=True).values[0][1:-1]
        their_seconds = time.perf_counter() - began
        for budget in evaluations:
            our_seconds, found = ours(0, budget)
            rows.append(
                {
                    "sentence": number,
                    "players": players,
                    "ours": our_seconds,
                    "shap": their_seconds,
                    "our_evaluations": found.evaluations,
                    "shap_evaluations": spent,
                    "our_error": _error(found.shapley, exact),
                    "shap_error": _error(theirs, exact),
                }
            )
    return [row for row in rows if row["sentence"]]


def _error(found: np.ndarray, exact: np.ndarray) -> float:
    return float(np.linalg.norm(found - exact) / np.linalg.norm(exact))
