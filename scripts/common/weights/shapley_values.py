"""Shapley values as a method that weighs sentences: its settings, and what they do."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Annotated, ClassVar, Literal

import numpy as np
from cyclopts import Parameter
from cyclopts.validators import Number

from common.tokens.sentences import Sentence
from common.weights.coalitions import Plan, most_evaluations, plan_coalitions
from common.weights.library_engines import captum_shapley, estimate_by_library, shap_shapley
from common.weights.token_games import estimate_together, refuse_to_drop_all
from common.weights.weighing import Opened

BATCH_COALITIONS = 16_384


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ShapleyValues:
    """How Shapley values are estimated.

    Parameters
    ----------
    absent
        What stands for an absent token: the mask or pad token, or nothing (attention mask).
    exact_up_to
        Tokens up to which all coalitions are evaluated; of longer sentences a sample, unless it
        would be as large.
    evaluations
        Coalitions of a sampled sentence at most, but 4,096 at most and three a token at least.
    target_error
        Standard error at which a sampled sentence is done with fewer, relative to the norm of what
        all its tokens make of the embedding.
    engine
        own; captum takes random orders of the tokens; shap takes its default explainer of text,
        which gives Owen values. These two sample every sentence and give no standard error.
    """

    name: ClassVar[str] = "shapley"

    absent: Literal["mask", "pad", "drop"] = "mask"
    exact_up_to: Annotated[int, Parameter(validator=Number(gte=0))] = 8
    evaluations: Annotated[int, Parameter(validator=Number(gte=1))] = 256
    target_error: float | None = None
    engine: Literal["own", "captum", "shap"] = "own"

    @property
    def nothing(self) -> str:
        """What stands for tokens that are not there."""
        return self.absent

    def batches_of(self, sentences: list[Sentence]) -> int:
        """Sentences of one length that are weighed together at most."""
        players = max(s.special.count(False) for s in sentences)
        return max(1, BATCH_COALITIONS // most_evaluations(players, self.evaluations))

    def start(self, opened: Opened) -> Callable[[list[Sentence]], Iterator[list[Sentence]]]:
        """A function that weighs a batch and gives its sentences, all at once.

        Raises
        ------
        InputError
            All tokens of a sentence would be dropped.
        """
        model, within = opened.encoder, opened.within
        if self.absent == "drop":
            refuse_to_drop_all(model, opened.sentences)
        libraries = {"captum": captum_shapley, "shap": shap_shapley}

        def weigh(batch: list[Sentence]) -> Iterator[list[Sentence]]:
            if self.engine == "own":
                plans = [self._plan(s, opened.seed, BATCH_COALITIONS // len(batch)) for s in batch]
                estimates = estimate_together(model, batch, plans, self.absent, within)
            else:
                estimate = partial(
                    estimate_by_library,
                    *(libraries[self.engine], model),
                    evaluations=self.evaluations,
                    seed=opened.seed,
                    within=within,
                )
                estimates = [estimate(s, self.absent) for s in batch]
            for sentence, found in zip(batch, estimates, strict=True):
                player = ~np.array(sentence.special)
                contributions = np.zeros((len(player), found.shapley.shape[1]))
                error = np.zeros(len(player))
                contributions[player], error[player] = found.shapley, found.error
                cost = {
                    "evaluations": found.evaluations,
                    "exact": found.exact,
                    "relative_error": found.relative_error,
                }
                sentence.weigh(contributions, error, found.completeness, cost)
            yield batch

        return weigh

    def conclude(self, opened: Opened, weighed: list[Sentence]) -> None:
        """Say how many sentences were sampled, and what they took."""
        sampled = [s for s in weighed if not s.cost["exact"]]
        logging.info("%d sentences exact, %d sampled", len(weighed) - len(sampled), len(sampled))
        if over := sum(s.cost["evaluations"] > self.evaluations for s in sampled):
            logging.info("%d sentences took more than %d evaluations", over, self.evaluations)
        target = self.target_error or np.inf
        if missed := sum(s.cost["relative_error"] > target for s in sampled):
            logging.info("%d sentences did not reach the target error of %g", missed, target)

    def _plan(self, sentence: Sentence, seed: int, at_once: int) -> Plan:
        return plan_coalitions(
            sentence.special.count(False),
            exact_up_to=self.exact_up_to,
            evaluations=self.evaluations,
            target_error=self.target_error,
            generator=np.random.default_rng([seed, sentence.number]),
            at_once=at_once,
        )
