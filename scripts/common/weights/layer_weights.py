"""Weights by an encoder and by those that it was cut to, from passes of the whole one."""

import copy
import logging
from dataclasses import replace
from pathlib import Path

import torch

from common.encoders.layered import Layered
from common.memory import Budget, parameter_bytes
from common.progress import progress
from common.tokens.sentences import Sentence, batches
from common.weights.integrated_gradients import IntegratedGradients
from common.weights.integration import by_rules, path_of, refine_alone, refined
from common.weights.intervals import NODES
from common.weights.kept_weights import KeptWeights
from common.weights.path_integral import PathIntegral
from common.weights.quadrature import Parametrisation
from common.weights.weighing import Opened, Weighing


def weigh_layers(
    weighing: Weighing,
    gradients: IntegratedGradients,
    encoders: list[Path],
    corpus: Path,
    outputs: list[Path],
) -> None:
    """Weigh the sentences of the shard by encoders, and write a table of each.

    The derivatives of an encoder pass through all its layers, so those of what it was cut to are
    read off on the way. Where one pass cannot serve all, each encoder weighs alone.

    Parameters
    ----------
    encoders
        Cut encoders, in any order, and the whole one last.
    outputs
        A table for each.

    Raises
    ------
    InputError
        An encoder or the corpus cannot be used.
    """
    if not _weigh_at_once(weighing, gradients, encoders, corpus, outputs):
        logging.info("each encoder weighs alone")
        for encoder, output in zip(encoders, outputs, strict=True):
            weighing.weigh(encoder, corpus, gradients, output)


def _weigh_at_once(
    weighing: Weighing,
    gradients: IntegratedGradients,
    encoders: list[Path],
    corpus: Path,
    outputs: list[Path],
) -> bool:
    """Weigh by all encoders at once if that can be; whether it could."""
    opened = weighing.open(encoders[-1], corpus)
    longest = max(opened.sentences, key=lambda sentence: len(sentence.ids))  # beyond windows
    layered = Layered(opened.encoder, longest.ids)
    kept = _read_off(weighing, opened, layered, encoders[:-1])
    if kept is None:
        return False
    every = opened.sentences
    of_shard = batches(every, gradients.batches_of(every), weighing.shard)
    of_encoders = [[[copy.copy(s) for s in batch] for batch in of_shard] for _ in encoders]
    within = opened.within.beside(0)  # what passes of all encoders hold is another matter
    path = gradients.choose_path(opened)
    weigh_together(gradients, opened, layered, of_encoders, kept, path=path, within=within)
    for encoder, own, keeper, output in zip(encoders, of_encoders, kept, outputs, strict=True):
        alone = opened if encoder == encoders[-1] else _alone(weighing, opened, encoder)
        weighed = [sentence for batch in own for sentence in batch]
        logging.info("by %s:", encoder.name)
        _refine_left(gradients, alone, weighed, keeper)
        weighing.finish(alone, weighed, gradients, output)
    for keeper in kept:
        keeper.forget()
    return True


def _read_off(
    weighing: Weighing, opened: Opened, layered: Layered, cut: list[Path]
) -> list[KeptWeights] | None:
    """Put cut encoders before the whole, and find what is kept of each; None if one does not fit.

    They are loaded one after the other.
    """
    kept = []
    for path in cut:
        encoder = weighing.load(path)
        if not layered.add(encoder) or not opened.encoder.forward_mode:
            logging.info("%s: cannot be read off %s", path, opened.encoder.directory)
            return None
        kept.append(KeptWeights(weighing.output_checkpoints, encoder, False))
    return [*kept, KeptWeights(weighing.output_checkpoints, opened.encoder, False)]


def _alone(weighing: Weighing, opened: Opened, path: Path) -> Opened:
    """The same sentences for a cut encoder, in the memory that is left beside it."""
    encoder = weighing.load(path)
    within = opened.within.beside(parameter_bytes(encoder.modules))
    return replace(opened, encoder=encoder, within=within)


def weigh_together(
    gradients: IntegratedGradients,
    opened: Opened,
    layered: Layered,
    of_encoders: list[list[list[Sentence]]],
    kept: list[KeptWeights],
    *,
    path: Parametrisation,
    within: Budget,
) -> None:
    """Give weights to the batches of each encoder, but for sentences that one is to refine alone.

    Passes for all encoders keep `within` the budget, one of their own.
    """
    sentences = [[s for batch in batches for s in batch] for batches in of_encoders]
    if before := sum(keeper.load(own) for keeper, own in zip(kept, sentences, strict=True)):
        logging.info("goes on: %d sentences of all encoders were weighed before", before)
    what = f"{opened.encoder.directory.name} and {len(kept) - 1} cut from it weigh"
    with progress(what, len(sentences[0]), "sentences") as bar:
        for of_batch in zip(*of_encoders, strict=True):
            if any(sentence.weight is None for batch in of_batch for sentence in batch):
                along = path_of(opened.encoder, of_batch[-1], gradients.baseline, within)
                along = replace(along, embed=layered.embed, widths=layered.widths)
                done = by_rules(
                    [*of_batch],
                    *(along, path),
                    tolerance=gradients.tolerance,
                    max_nodes=gradients.max_nodes,
                )
                for keeper, easy in zip(kept, done, strict=True):
                    keeper.save(easy)
                for k, of_sentence in enumerate(zip(*of_batch, strict=True)):
                    _refine_together(gradients, layered, along.of(k), of_sentence, kept)
            bar.update(len(of_batch[0]))


def _refine_together(
    gradients: IntegratedGradients,
    layered: Layered,
    along: PathIntegral,
    of_sentence: tuple[Sentence, ...],
    kept: list[KeptWeights],
) -> None:
    """Give weights to a sentence by all encoders for which no rule integrates it, if several.

    Unless what is held of its intervals for all of them would make passes smaller.
    """
    chosen = [n for n, s in enumerate(of_sentence) if s.weight is None or s.cost["refined"]]
    if len(chosen) < 2 or all(of_sentence[one].weight is not None for one in chosen):
        return
    widths = tuple(layered.widths[one] for one in chosen)
    intervals = len(chosen) * gradients.max_nodes // NODES
    held = intervals * len(of_sentence[0].ids) * sum(widths) * torch.float64.itemsize
    beside = along.beside(layered.encoder.double_bytes + held)
    if beside.within.most < along.within.efficient:
        return
    found = refined(
        layered.only(chosen, layered.embed_double),
        replace(beside, embed=layered.only(chosen, layered.embed), widths=widths),
        tolerance=gradients.tolerance,
        max_nodes=gradients.max_nodes,
    )
    for one, attribution in zip(chosen, found, strict=True):
        attribution.give(of_sentence[one])
        kept[one].save([of_sentence[one]])


def _refine_left(
    gradients: IntegratedGradients, alone: Opened, weighed: list[Sentence], kept: KeptWeights
) -> None:
    left = [sentence for sentence in weighed if sentence.weight is None]
    if not left:
        return
    encoder = alone.encoder
    with progress(f"{encoder.directory.name} refines", len(left), "sentences") as bar:
        for sentence in left:
            along = path_of(encoder, [sentence], gradients.baseline, alone.within)
            refine_alone(
                encoder,
                sentence,
                along,
                tolerance=gradients.tolerance,
                max_nodes=gradients.max_nodes,
            )
            kept.save([sentence])
            bar.update(1)
