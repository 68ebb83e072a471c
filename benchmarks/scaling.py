"""How time and memory of counting and estimating grow with sentences, vocabulary and shards.

PYTHONPATH=scripts:tests .venv/bin/python benchmarks/scaling.py
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
from cyclopts import run
from information import PIECE, measure
from tqdm import tqdm

from common.contract import CORPUS
from common.tables import write_table
from train_tokenizer import train

TOPICS = 50
DOCUMENT = 10
"""Sentences of a document, which has one topic."""
KINDS = ("tokens", "pairs", "lengths")
WIKIPEDIA = {"7.9 million sentences": 7.9e6, "the whole, 180 million sentences": 1.8e8}
HOUR = 3600


def write_words(types: int, sentences: int, length: int, path: Path) -> Path:
    """Sentences of made-up words: Zipfian, half of each topic's from a 50th of the words."""
    generator = np.random.default_rng(0)
    rank = generator.permutation(types)
    share = 1 / (rank + 10.0)
    topical = share * (np.arange(types) % TOPICS == np.arange(TOPICS)[:, None])
    ladder = (share / share.sum() + topical / topical.sum(axis=1, keepdims=True)).cumsum(axis=1) / 2
    ladder = (ladder / ladder[:, -1:] + np.arange(TOPICS)[:, None]).ravel()
    words = np.array([f"w{k}" for k in range(types)], dtype=object)
    parts = []
    for start in range(0, sentences, PIECE):
        number = np.arange(start, min(start + PIECE, sentences))
        document = number // DOCUMENT
        topic = generator.integers(TOPICS, size=document[-1] + 1 - document[0])
        of = topic[document - document[0], None]
        place = np.searchsorted(ladder, of + generator.random((len(number), length)))
        texts = [" ".join(row) for row in words[np.minimum(place - of * types, types - 1)]]
        parts.append(pl.DataFrame({"document_id": document, "sentence_id": number, "text": texts}))
    write_table(pl.concat(parts), path, CORPUS)
    return path


def outputs(place: Path, name: str) -> list[object]:
    """Options that name the three tables of counts."""
    return [word for kind in KINDS for word in (f"--output-{kind}", place / f"{name}-{kind}")]


def cost(types: int, sentences: int, shards: int, length: int, threads: int) -> dict[str, float]:
    """Processor seconds and peak GiB of each step: seconds of all shards, GiB of the largest."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        words = [" ".join(f"w{k}" for k in range(types))]
        train(words, "word", types + 5, 512).save_pretrained(place / "tokenizer")
        given = (write_words(types, sentences, length, place / "corpus"), place / "tokenizer")
        counts = []
        for k in range(1, shards + 1):
            part = (*outputs(place, f"{k}"), "--shard", f"{k}-of-{shards}")
            counts.append(measure(["scripts/count_tokens.py", *given, *part], threads))
        merged = [
            word
            for kind in KINDS
            for word in (f"--{kind}", *(place / f"{k}-{kind}" for k in range(1, shards + 1)))
        ]
        merge = measure(["scripts/merge_counts.py", *merged, *outputs(place, "all")], threads)
        tables = [place / f"all-{kind}" for kind in KINDS]
        output = ("--output-information", place / "information")
        estimate = measure(["scripts/estimate_information.py", *tables, *output], threads)
        cells = pq.read_metadata(tables[1]).num_rows
    return {
        "types": types,
        "sentences": sentences,
        "shards": shards,
        "million_cells": cells / 1e6,
        "count_s": sum(one["processor"] for one in counts),
        "count_gib": max(one["gibibytes"] for one in counts),
        "merge_s": merge["processor"],
        "merge_gib": merge["gibibytes"],
        "estimate_s": estimate["processor"],
        "estimate_gib": estimate["gibibytes"],
    }


def line(x: pl.Series, y: pl.Series) -> np.poly1d:
    """Least squares line."""
    return np.poly1d(np.polyfit(x, y, 1))


def main(
    *,
    sentences: tuple[int, ...] = (25_000, 50_000, 100_000, 200_000),
    types: tuple[int, ...] = (1_000, 3_000, 10_000),
    shards: tuple[int, ...] = (1, 4),
    length: int = 25,
    threads: int = 2,
    output_table: Path = Path("results/benchmarks/scaling.parquet"),
) -> None:
    """Vary one at a time from the last types, the last but one of sentences, and one shard.

    Wikipedia's cells follow a power of the sentences, at most the square of the types; counting
    follows the sentences, and all memory the cells, in straight lines: an extrapolation.
    """
    most, middle = types[-1], sentences[-2]
    cases = [(most, n, 1) for n in sentences] + [(v, middle, 1) for v in types[:-1]]
    cases += [(most, middle, k) for k in shards[1:]]
    frame = pl.DataFrame([cost(*case, length, threads) for case in tqdm(cases)])
    output_table.parent.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(output_table)
    grown = frame.filter(types=most, shards=1)
    power = line(grown["sentences"].log(), grown["million_cells"].log())
    with pl.Config(
        tbl_formatting="MARKDOWN", tbl_hide_dataframe_shape=True, tbl_cols=-1, tbl_width_chars=-1
    ):
        sys.stdout.write(f"{frame.with_columns(pl.col(pl.Float64).round(2))}\n")
    for name, many in WIKIPEDIA.items():
        cells = min(np.exp(power(np.log(many))), most**2 / 1e6)
        hours, gib = line(grown["sentences"], grown["count_s"])(many) / HOUR, 0.0
        for step in ("merge", "estimate"):
            hours += line(grown["million_cells"], grown[f"{step}_s"])(cells) / HOUR
            gib = max(gib, line(grown["million_cells"], grown[f"{step}_gib"])(cells))
        sys.stdout.write(
            f"English Wikipedia, {name} of {length} tokens, {most} types: "
            f"{cells:.0f} million cells, {hours:.1f} core hours, {gib:.0f} GiB\n"
        )


if __name__ == "__main__":
    run(main)
