"""How near Integrated Gradients of an encoder come to the truth, and at what cost."""

import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
import torch
from captum.attr import IntegratedGradients
from commands import write_corpus
from cyclopts import run
from halved_paths import integrate_by_halving
from tqdm import tqdm

from common.encoders.encoder import Encoder
from common.memory import Budget, budget
from common.tokens.sentences import Sentence, read_sentences
from common.weights.integration import integrate, path_of, relative_error
from common.weights.library_engines import TOKENS_IN_A_PASS
from common.weights.path_integral import PathIntegral, choose_path
from common.weights.quadrature import STRAIGHT

FEWEST, MOST = 5, 30
MOST_NODES = 1024
"""That captum is given; a rule that needs more has failed."""


def read_texts(file: Path, column: str) -> list[str]:
    """Sentences of a table (csv, parquet), or of a text file, a line each."""
    if file.suffix == ".txt":
        return [line for line in file.read_text().splitlines() if line.strip()]
    return (pl.read_csv if file.suffix == ".csv" else pl.read_parquet)(file)[column].to_list()


def choose_sentences(encoder: Encoder, texts: list[str], count: int, most: int) -> list[Sentence]:
    """`count` sentences of FEWEST to `most` tokens, spread evenly over the file."""
    with tempfile.TemporaryDirectory() as place:
        corpus = write_corpus(Path(place) / "corpus.parquet", texts)
        sentences = read_sentences(corpus, encoder.tokenizer, encoder.longest)
    kept = [s for s in sentences if FEWEST <= s.special.count(False) <= most]
    return [kept[k] for k in np.linspace(0, len(kept) - 1, count).astype(int)]


def compare(
    encoder: Encoder, path: PathIntegral, ours: Sentence, within: Budget, tolerance: float
) -> dict[str, float]:
    """The largest error of a token, and of its weight, over the mean weight, by halving alone."""
    double = PathIntegral(encoder.embed_double, path.start.double(), path.end.double(), within)
    reference, nodes = integrate_by_halving(double, tolerance)
    reference = reference.cpu()
    weights = reference.norm(dim=1)
    error = (torch.from_numpy(ours.vectors) - reference).norm(dim=1)
    of_weight = (torch.from_numpy(ours.weight) - weights).abs()
    return {
        "true_error": float(error.max() / weights.mean()),
        "true_weight_error": float(of_weight.max() / weights.mean()),
        "covered": float((of_weight <= torch.from_numpy(ours.error)).double().mean()),
        "reference_nodes": nodes,
    }


def by_captum(encoder: Encoder, path: PathIntegral, tolerance: float) -> dict[str, float]:
    """Nodes that captum needs for the completeness, or MOST_NODES, and its seconds in all.

    It takes the dimensions of the embedding one by one: the first is timed, times their number.
    """
    (nodes,), (gap,) = path.choose_nodes(STRAIGHT, tolerance, MOST_NODES)
    if gap > tolerance:
        nodes, gap = MOST_NODES, float(path.completeness(STRAIGHT, [MOST_NODES]))
    began = time.perf_counter()
    IntegratedGradients(encoder.embed).attribute(
        path.end,
        baselines=path.start,
        target=0,
        n_steps=nodes,
        method="gausslegendre",
        internal_batch_size=max(1, TOKENS_IN_A_PASS // path.end.shape[1]),
    ).cpu()
    seconds = (time.perf_counter() - began) * path.total.shape[1]
    return {"captum_nodes": nodes, "captum_completeness": gap, "captum_seconds": seconds}


def main(
    encoder: Path,
    texts: Path,
    *,
    output: Path,
    column: str = "sentence1",
    baselines: tuple[str, ...] = ("zero", "mask"),
    sentences: int = 40,
    longest: int = MOST,
    references: int = 0,
    reference_tolerance: float = 1e-4,
    captum: int = 0,
    plain_nodes: tuple[int, ...] = (50, 256),
    tolerance: float = 0.01,
    max_nodes: int = 1024,
    memory: float = 4.0,
    threads: int = 1,
    device: Literal["auto", "cpu", "cuda"] = "cpu",
) -> None:
    """Weigh sentences one by one; a row each goes to a table, as it comes.

    Parameters
    ----------
    encoder
        Directory of a sentence-transformers encoder.
    texts
        File of sentences: csv, parquet or txt.
    output
        Table of all sentences (Parquet).
    column
        Of the sentences in a table.
    baselines
        Of zero, mask and pad.
    sentences
        How many, of 5 tokens to `longest`.
    longest
        Most tokens of a sentence, special ones not counted.
    references
        Sentences, the first of each baseline, that are integrated by halving too, in float64.
    reference_tolerance
        What every interval of the reference may miss of the total.
    captum
        Sentences, the first of each baseline, that captum is timed on, at the same tolerance.
    plain_nodes
        Nodes of one Gauss-Legendre rule, captum's, whose completeness is told beside ours.
    tolerance
        As of scripts/integrate_gradients.py.
    max_nodes
        Likewise.
    memory
        GiB for the passes.
    threads
        Threads of the processor.
    device
        auto, cpu or cuda.
    """
    torch.set_num_threads(threads)
    model = Encoder(encoder, device=device)
    within = budget(memory, model.modules, model.device)
    chosen = choose_sentences(model, read_texts(texts, column), sentences, longest)
    output.parent.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, float | str]] = []
    for baseline in baselines:
        even = choose_path(path_of(model, chosen[:1], baseline, within))
        for number, each in enumerate(tqdm(chosen, desc=baseline)):
            sentence = replace(each)
            path = path_of(model, [sentence], baseline, within)
            began = time.perf_counter()
            list(integrate(model, [sentence], path, even, tolerance=tolerance, max_nodes=max_nodes))
            row: dict[str, float | str] = {
                "baseline": baseline,
                "text": sentence.text,
                "tokens": len(sentence.ids),
                "refined": float(sentence.cost["refined"]),
                "nodes": sentence.cost["nodes"],
                "slopes": sentence.cost["slopes"],
                "passes": sentence.cost["values"],
                "seconds": time.perf_counter() - began,
                "completeness": sentence.completeness or 0.0,
                "error": relative_error(sentence),
            }
            for nodes in plain_nodes:
                row[f"plain_{nodes}"] = float(path.completeness(STRAIGHT, [nodes]))
            if number < captum:
                row |= by_captum(model, path, tolerance)
            if number < references:
                row |= compare(model, path, sentence, within, reference_tolerance)
            rows.append(row)
            pl.DataFrame(rows, infer_schema_length=None).write_parquet(output)
    frame = pl.DataFrame(rows, infer_schema_length=None)
    measured = [c for c in frame.columns if c not in ("baseline", "text")]
    with pl.Config(tbl_cols=-1, tbl_rows=-1, tbl_width_chars=200):
        print(
            frame.group_by("baseline").agg(pl.len(), within=(pl.col("error") <= tolerance).mean())
        )
        print(frame.group_by("baseline").agg(pl.col(measured).mean()))
        print(frame.group_by("baseline").agg(pl.col(measured).max()))


if __name__ == "__main__":
    run(main)
