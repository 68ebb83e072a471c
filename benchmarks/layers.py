"""Integrated Gradients to all layers of an encoder: by one pass, against the last, against each."""

import copy
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl
import torch
from cyclopts import run
from ratios import spread
from shapes import SHAPES, Shape, draw_sentence, save_encoder
from tqdm import tqdm

import truncate_encoder
from common.contract import CORPUS
from common.encoders.layered import Layered
from common.tables import write_table
from common.tokens.sentences import Sentence, batches
from common.weights.integrated_gradients import BATCH, IntegratedGradients
from common.weights.integration import integrate, path_of
from common.weights.kept_weights import KeptWeights
from common.weights.layer_weights import weigh_together
from common.weights.quadrature import Parametrisation
from common.weights.weighing import Opened, Weighing

TIMED = {
    "small": Shape(3, 128, 4),
    "MiniLM": SHAPES["MiniLM"],
    "steep": Shape(12, 128, 4, deviation=0.4),
}
SETTINGS = {"steep": IntegratedGradients(tolerance=0.01, max_nodes=1024)}
"""For which all sentences have to be refined; others take the defaults."""
LENGTHS = range(8, 17)


def save_series(shape: Shape, folder: Path, sentences: int) -> tuple[list[Path], Path]:
    """The encoder cut after each of its layers, itself last, and a corpus of random sentences."""
    whole = save_encoder(shape, folder / "whole")
    cut = [folder / f"layer{layers}" for layers in range(shape.layers)]
    for layers, output in enumerate(cut):
        truncate_encoder.main(whole, layers=layers, output_encoder=output)
    number = np.arange(sentences)
    texts = [draw_sentence(LENGTHS[k % len(LENGTHS)], k) for k in number]
    frame = pl.DataFrame({"document_id": number, "sentence_id": number, "text": texts})
    write_table(frame, folder / "corpus.parquet", CORPUS)
    return [*cut, whole], folder / "corpus.parquet"


def batched(opened: Opened) -> list[list[Sentence]]:
    """The sentences, none of which has weights."""
    return batches([copy.copy(s) for s in opened.sentences], BATCH, "1-of-1")


def alone(gradients: IntegratedGradients, opened: Opened, path: Parametrisation) -> float:
    """Seconds in which an encoder weighs all sentences."""
    began = time.process_time()
    settings = {"tolerance": gradients.tolerance, "max_nodes": gradients.max_nodes}
    for batch in batched(opened):
        along = path_of(opened.encoder, batch, gradients.baseline, opened.within)
        for _ in integrate(opened.encoder, batch, along, path, **settings):
            pass
    return time.process_time() - began


def main(
    *,
    shapes: tuple[str, ...] = ("small", "MiniLM"),
    sentences: int = 16,
    repeats: int = 5,
    threads: int = 1,
    output_table: Path = Path("results/benchmarks/layers.parquet"),
) -> None:
    """Time all layers at once, and each alone, in turn, a row a repeat.

    Seconds are of the processor. Loading and the choice of a path, once a job, are left out.

    Parameters
    ----------
    shapes
        Of small (3 layers of 128 dimensions), MiniLM (6 of 384) and steep (12 of 128).
    sentences
        Of 8 to 16 tokens.
    repeats
        Times that all are timed.
    threads
        Threads of the processor.
    output_table
        Seconds of every repeat, and sentences that one encoder would refine alone (Parquet).
    """
    torch.set_num_threads(threads)
    rows = []
    for shape in shapes:
        gradients = SETTINGS.get(shape, IntegratedGradients())
        with tempfile.TemporaryDirectory() as place:
            encoders, corpus = save_series(TIMED[shape], Path(place), sentences)
            series = [Weighing(device="cpu").open(encoder, corpus) for encoder in encoders]
        whole = series[-1]
        layered = Layered(whole.encoder, whole.sentences[0].ids)
        assert all(layered.add(one.encoder) for one in series[:-1])
        within = whole.within.beside(0)
        kept = [KeptWeights(None, one.encoder, False) for one in series]
        paths = [gradients.choose_path(one) for one in series]
        for repeat in tqdm(range(-1, repeats), desc=shape):
            seconds = [alone(gradients, *both) for both in zip(series, paths, strict=True)]
            of_encoders = [batched(one) for one in series]
            began = time.process_time()
            weigh_together(
                *(gradients, whole, layered, of_encoders, kept), path=paths[-1], within=within
            )
            together = time.process_time() - began
            left = sum(s.weight is None for own in of_encoders for batch in own for s in batch)
            if repeat >= 0:  # the first measures what passes hold
                rows.append([shape, repeat, together, seconds[-1], sum(seconds), left])
    names = ["shape", "repeat", "together", "last", "each", "left"]
    frame = pl.DataFrame(rows, names, orient="row")
    output_table.parent.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(output_table)
    shown = frame.group_by("shape", maintain_order=True).agg(
        spread(pl.col("together") / pl.col("last")).alias("together / last"),
        spread(pl.col("each") / pl.col("last")).alias("each alone / last"),
        pl.col("last").median().round(2).alias("last s"),
        pl.col("left").max().alias("left to one"),
    )
    with pl.Config(tbl_formatting="MARKDOWN", tbl_hide_dataframe_shape=True, tbl_cols=-1):
        sys.stdout.write(f"{threads} threads, {sentences} sentences, {repeats} repeats\n{shown}\n")


if __name__ == "__main__":
    run(main)
