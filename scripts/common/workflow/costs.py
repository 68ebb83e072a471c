"""What weighing and training will take, as far as it can be told before the first job."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from common.corpora.files import at_home, compression_of, find_files, kind_of
from common.workflow.configuration import Config, root_of
from common.workflow.series import DEPTHS

OPERATIONS = 35e9
"""Of float32 a second, of one core: weighing and training here reach 30 to 50."""
CHARACTERS = 4.5
"""Of a token of English."""
GENERATED = 7.7
"""Tokens of a sentence of the generated language."""
SPECIAL = 2
SHALLOW = 8
"""Layers up to which one rule of NODES is enough; deeper paths are refined."""
NODES, REFINED_NODES = 16, 200
GRADIENT = 3
"""Passes that a step of training takes, in passes forward."""
WIDTHS = ("hidden_size", "dim", "n_embd", "d_model")


@dataclass(frozen=True)
class Size:
    """Sentences of a corpus, and tokens of one."""

    sentences: float
    tokens: float


@dataclass(frozen=True)
class Shape:
    """Layers of an encoder and the width of its token vectors."""

    layers: int
    width: int

    def passes(self, tokens: float) -> float:
        """Operations of one pass through so many tokens."""
        return 24 * self.layers * self.width**2 * tokens


def lines_of(config: Config, folder: Path, tables: list[tuple[str, str, str]]) -> Iterator[str]:
    """A line for each training and each table of weights that is not there, and one for all.

    Parameters
    ----------
    folder
        Where the results of the run lie.
    tables
        Method, encoder and corpus of each table of weights.
    """
    minutes = []
    # a corpus is in many tables, and to know its size may be to read it
    size_of_corpus = cache(partial(size_of, config, folder))
    shape_of_encoder = cache(partial(shape_of, config, folder))
    for name, encoder in config["encoders"].items():
        if "training" in encoder and not (folder / "encoders" / name).exists():
            size, shape = size_of_corpus(encoder["corpus"]), shape_of_encoder(name)
            settings = encoder["training"]
            what = f"train {name}"
            if size is None or shape is None:
                yield f"{what}: size not known yet"
                continue
            texts = 1 if encoder["source"] == "pretrained" else 2
            examples = min(settings.get("examples") or size.sentences, size.sentences)
            seen = texts * examples * settings["epochs"]
            minutes.append(GRADIENT * shape.passes(seen * size.tokens) / OPERATIONS / 60)
            yield f"{what}: {seen:,.0f} sentences, {_told(minutes[-1])}"
    for method, name, corpus in tables:
        if (folder / "weights" / method / name / f"{corpus}.parquet").exists():
            continue
        size, shape = size_of_corpus(corpus), shape_of_encoder(name)
        what = f"weigh {corpus} by {name}, {method}"
        if size is None or shape is None:
            lacking = f"size of {corpus}" if size is None else f"shape of {name}"
            yield f"{what}: {lacking} not known yet"
            continue
        passes = passes_of(config["weights"][method], method, shape, size.tokens)
        operations = size.sentences * passes * shape.passes(size.tokens)
        minutes.append(operations / OPERATIONS / 60)
        yield (
            f"{what}: {size.sentences:,.0f} sentences of {size.tokens:.0f} tokens, "
            f"{passes:,.0f} passes each, {_told(minutes[-1])}"
        )
    if minutes:
        yield f"{_told(sum(minutes))} of one core in all, as a rule of thumb; less on a GPU"


def passes_of(settings: dict[str, Any], method: str, shape: Shape, tokens: float) -> float:
    """Passes through the encoder that a sentence takes; a derivative is one of each token."""
    if method == "occlusion":
        return tokens - SPECIAL + 2
    if method == "shapley":
        players = tokens - SPECIAL
        exact = 2 ** min(players, 40)
        return exact if players <= settings["exact_up_to"] else settings["evaluations"]
    nodes = NODES if shape.layers <= SHALLOW else min(REFINED_NODES, settings["max_nodes"])
    return nodes * (tokens + 1)


def size_of(config: Config, folder: Path, name: str) -> Size | None:
    """The size of a corpus: of its table, if there is one, else by its settings and files."""
    corpus, table = config["corpora"][name], folder / "corpora" / f"{name}.parquet"
    if table.exists():
        return _of_text(*_of_parquet(table, "text"))
    if corpus["source"] == "generated":
        each = sum(corpus["sentences"]) / 2 if corpus["form"] == "documents" else 2
        return Size(corpus["size"] * each, GENERATED + SPECIAL)
    if corpus["source"] == "selection":
        joined = [size_of(config, folder, other) for other in corpus["corpora"]]
        known = [size for size in joined if size is not None]
        if len(known) < len(joined):
            return None
        sentences = sum(size.sentences for size in known)
        tokens = sum(size.sentences * size.tokens for size in known) / max(sentences, 1)
        return Size(corpus["sentences"] or sentences, tokens)
    files = [file for one in corpus.get("files", []) for file in find_files(one)]
    if not files or any(compression_of(file) for file in files):
        return None
    counted = [
        _of_parquet(file, None) if kind_of(file) == ".parquet" else _of_lines(file)
        for file in files
    ]
    return _of_text(*(sum(numbers) for numbers in zip(*counted, strict=True)))


def shape_of(config: Config, folder: Path, name: str) -> Shape | None:
    """The shape of an encoder, or None where nothing tells it yet."""
    if config["encoders"][name]["source"] == "layer":
        cut = config["encoders"][name]
        shape = shape_of(config, folder, cut["base"])
        return shape and replace(shape, layers=max(cut["layers"], 1))
    root = config["encoders"][root_of(config, name)]
    if "architecture" in root:
        return Shape(root["architecture"]["layers"], root["architecture"]["width"])
    places = [folder / "encoders" / name, folder / "snapshots" / root_of(config, name)]
    places += [at_home(root["path"])] if "path" in root else []
    for place in places:
        for file in (place / "config.json", place / "0_Transformer" / "config.json"):
            try:
                about = json.loads(file.read_text())
                layers, width = (
                    next(about[key] for key in keys if key in about) for keys in (DEPTHS, WIDTHS)
                )
            except (OSError, ValueError, StopIteration, RuntimeError):
                continue
            return Shape(layers, width)
    return None


def _of_text(sentences: float, characters: float) -> Size:
    return Size(sentences, characters / max(sentences, 1) / CHARACTERS + SPECIAL)


def _of_lines(file: Path) -> tuple[float, float]:
    with file.open("rb") as stream:
        lines = sum(1 for line in stream if line.strip())
    return lines, file.stat().st_size


def _of_parquet(file: Path, column: str | None) -> tuple[float, float]:
    """Rows, and bytes of a column or of all."""
    about = pq.read_metadata(file)
    groups = [about.row_group(k) for k in range(about.num_row_groups)]
    chunks = [group.column(k) for group in groups for k in range(group.num_columns)]
    wanted = [chunk for chunk in chunks if column in (None, chunk.path_in_schema)]
    return about.num_rows, sum(chunk.total_uncompressed_size for chunk in wanted)


def _told(minutes: float) -> str:
    """A time as a person says it."""
    if minutes < 1:
        return "less than a minute"
    return f"about {minutes:.0f} min" if minutes < 120 else f"about {minutes / 60:.0f} h"
