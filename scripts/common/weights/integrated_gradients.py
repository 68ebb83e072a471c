"""Integrated Gradients as a method that weighs sentences: its settings, and what they do."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Annotated, ClassVar, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from common.command import InputError
from common.tokens.sentences import Sentence
from common.weights.integration import by_library, describe_miss, integrate, log_costs, path_of
from common.weights.library_engines import captum_gradients, shap_gradients
from common.weights.path_integral import choose_path
from common.weights.quadrature import Parametrisation
from common.weights.weighing import Opened

BATCH = 32
TRIAL_SENTENCES = 4


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class IntegratedGradients:
    """How gradients are integrated.

    Parameters
    ----------
    baseline
        Input word embeddings at the start of the path: zero, or those of the mask or pad token.
    tolerance
        Largest error of a token, over the mean weight of its sentence, at which a sentence is done;
        its relative completeness error is within it, too.
    max_nodes
        Quadrature nodes at most; captum and shap spend them on every sentence.
    engine
        own integrates all dimensions at once; captum does one dimension at a time; shap takes
        random nodes (expected gradients with one baseline).
    on_missed
        What a sentence above the tolerance does: its rows are kept with their errors, or own stops.
    """

    name: ClassVar[str] = "integrated_gradients"

    baseline: Literal["zero", "mask", "pad"] = "zero"
    tolerance: Annotated[float, Parameter(validator=Number(gt=0))] = 0.001
    max_nodes: Annotated[int, Parameter(validator=Number(gte=1))] = 256
    engine: Literal["own", "captum", "shap"] = "own"
    on_missed: Literal["flag", "stop"] = "flag"

    @property
    def nothing(self) -> str:
        """What the path starts from."""
        return self.baseline

    def batches_of(self, sentences: list[Sentence]) -> int:
        """Sentences of one length that are weighed together at most."""
        return BATCH

    def start(self, opened: Opened) -> Callable[[list[Sentence]], Iterator[list[Sentence]]]:
        """A function that weighs a batch and gives its sentences as they are done."""
        model, within = opened.encoder, opened.within
        if self.engine != "own":
            libraries: dict[str, Callable] = {
                "captum": captum_gradients,
                "shap": partial(shap_gradients, seed=opened.seed),
            }
            explain = partial(by_library, libraries[self.engine], model)

            def weigh_by_library(batch: list[Sentence]) -> Iterator[list[Sentence]]:
                along = path_of(model, batch, self.baseline, within)
                yield explain(batch, along, nodes=self.max_nodes, tolerance=self.tolerance)

            return weigh_by_library

        path = self.choose_path(opened)

        def weigh(batch: list[Sentence]) -> Iterator[list[Sentence]]:
            along = path_of(model, batch, self.baseline, within)
            in_turn = integrate(
                model, batch, along, path, tolerance=self.tolerance, max_nodes=self.max_nodes
            )
            for done in in_turn:
                yield done
                if self.on_missed == "stop":
                    self._refuse_missed(opened, done)

        return weigh

    def choose_path(self, opened: Opened) -> Parametrisation:
        """How the nodes of all sentences are spaced: as is best for a few of middle length."""
        lengths = sorted(len(s.ids) for s in opened.sentences)
        middle = [s for s in opened.sentences if len(s.ids) == lengths[len(lengths) // 2]]
        trial = path_of(opened.encoder, middle[:TRIAL_SENTENCES], self.baseline, opened.within)
        path = choose_path(trial)
        logging.info("%s", path)
        return path

    def conclude(self, opened: Opened, weighed: list[Sentence]) -> None:
        """Say what the sentences took, and which of them missed the tolerance.

        Raises
        ------
        InputError
            One missed it, and own is to stop.
        """
        if self.engine == "own" and self.on_missed == "stop":
            self._refuse_missed(opened, weighed)
        log_costs(weighed)
        if missed := [s for s in weighed if s.cost["wanted"]]:
            text = "%d sentences did not reach the tolerance of %g"
            logging.info(text, len(missed), self.tolerance)
            logging.info("as %s", self._describe(opened, missed[0]))

    def _refuse_missed(self, opened: Opened, weighed: list[Sentence]) -> None:
        if missed := next((s for s in weighed if s.cost["wanted"]), None):
            raise InputError(f"{opened.corpus}: {self._describe(opened, missed)}")

    def _describe(self, opened: Opened, sentence: Sentence) -> str:
        return describe_miss(
            opened.encoder,
            sentence,
            tolerance=self.tolerance,
            baseline=self.baseline,
            within=opened.within,
        )
