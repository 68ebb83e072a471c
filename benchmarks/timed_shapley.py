"""Seconds and errors of Shapley values: ours and those of shap's default explainer."""

import time

import numpy as np
import shap
from sentence_transformers import SentenceTransformer
from shapes import draw_sentence

from common.coalitions import Estimate, plan_coalitions
from common.encoders import Encoder
from common.memory import Budget
from common.sentences import Sentence
from common.token_games import estimate_together

EVERYTHING = 20


def time_shapley(
    encoder: Encoder, players: int, sentences: int, within: Budget, evaluations: int
) -> list[dict[str, float]]:
    """A row a sentence: seconds, evaluations, and relative errors against exact values.

    shap explains text by its default explainer and settings, with the function that a user of
    sentence-transformers has, `encode`. Its first sentence, which compiles, is not counted.
    """
    texts = [draw_sentence(players + 2, seed) for seed in range(sentences + 1)]
    model = SentenceTransformer(str(encoder.directory), device=encoder.device)
    spent = 0

    def embed(strings: np.ndarray) -> np.ndarray:
        nonlocal spent
        spent += len(strings)
        return model.encode(list(strings), show_progress_bar=False)

    explainer = shap.Explainer(embed, shap.maskers.Text(encoder.tokenizer))
    rows = []
    for number, text in enumerate(texts):
        ids = encoder.tokenizer(text)["input_ids"]
        special = [True, *[False] * players, True]
        sentence = Sentence(number, text, ids, special, truncated=False)

        def ours(exact_up_to: int, sentence: Sentence = sentence) -> Estimate:
            plan = plan_coalitions(
                players,
                exact_up_to=exact_up_to,
                evaluations=evaluations,
                target_error=None,
                generator=np.random.default_rng(0),
            )
            return estimate_together(encoder, [sentence], [plan], "mask", within)[0]

        exact = ours(EVERYTHING).shapley
        began = time.perf_counter()
        found = ours(0)
        our_seconds = time.perf_counter() - began
        spent = 0
        began = time.perf_counter()
        theirs = explainer([text], silent=True).values[0][1:-1]
        their_seconds = time.perf_counter() - began
        rows.append(
            {
                "players": players,
                "ours": our_seconds,
                "shap": their_seconds,
                "our_evaluations": found.evaluations,
                "shap_evaluations": spent,
                "our_error": _error(found.shapley, exact),
                "shap_error": _error(theirs, exact),
            }
        )
    return rows[1:]


def _error(found: np.ndarray, exact: np.ndarray) -> float:
    return float(np.linalg.norm(found - exact) / np.linalg.norm(exact))
