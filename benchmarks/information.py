"""Counting against tokenising alone and against plain Python, on generated sentences.

PYTHONPATH=scripts:tests .venv/bin/python benchmarks/information.py 1 2 4 8
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from cyclopts import run
from tqdm import tqdm

from common.corpora.grammar import Grammar, load_grammar
from common.reports.style import FIRST, LAST, NEUTRAL, PAGE
from train_tokenizer import train

MILLION = 1_000_000
PIECE = 25_000
TIMES = ("seconds", "processor")
SPAN = (pl.Expr.min, pl.Expr.median, pl.Expr.max)
DOCUMENT = 6
"""Sentences of a document."""
READ = """
import sys
from collections import Counter
from itertools import permutations
from pathlib import Path
from common.tokens.corpus_blocks import CorpusFile
from common.tokens.vocabulary import load_tokenizer
corpus, tokenizer, rows, block = Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:])
encode = load_tokenizer(tokenizer).backend_tokenizer.encode_batch_fast
tokens, pairs = Counter(), Counter()
for part in CorpusFile(corpus).blocks(range(rows), block):
    for sentence in encode(part["text"].to_list(), add_special_tokens=False):
"""
TOKENISE = READ + "        pass\n"
PLAIN = READ + "        tokens.update(sentence.ids); pairs.update(permutations(sentence.ids, 2))\n"
"""The count of ordered pairs of distinct positions, as one writes it without libraries."""


def write_sentences(grammar: Grammar, count: int, path: Path) -> Path:
    """Write a corpus of so many generated sentences, piece by piece."""
    generator = np.random.default_rng(0)
    types = {"document_id": pa.int64(), "sentence_id": pa.int64(), "text": pa.string()}
    schema = pa.schema(types.items())
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for start in tqdm(range(0, count, PIECE), desc=path.name):
            number = np.arange(start, min(start + PIECE, count))
            document = number // DOCUMENT
            topics = generator.integers(len(grammar.fields), size=PIECE)[document - document[0]]
            texts = list(grammar.sample(topics, generator))
            writer.write_table(pa.table([document, number, texts], schema=schema))
    return path


def measure(command: list[object], threads: int) -> dict[str, float]:
    """Seconds by the clock and of the processor, and peak GiB, of a process."""
    held = {"RAYON_NUM_THREADS": threads, "OMP_NUM_THREADS": 1, "TOKENIZERS_PARALLELISM": "true"}
    environment = os.environ | {name: str(value) for name, value in held.items()}
    began = time.perf_counter()
    with subprocess.Popen([sys.executable, *map(str, command)], env=environment) as process:
        _, process.returncode, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    assert not process.returncode, command
    processor = usage.ru_utime + usage.ru_stime
    return {"seconds": seconds, "processor": processor, "gibibytes": usage.ru_maxrss / 2**20}


def draw(frame: pl.DataFrame, output: Path) -> None:
    """Time and peak memory against sentences."""
    figure = plt.figure(figsize=(PAGE, 2.2), layout="constrained")
    middle = frame.group_by("millions", maintain_order=True).median()
    panels = {"seconds": "seconds", "gibibytes": "peak memory, GiB"}
    for axes, (name, label) in zip(figure.subplots(1, 2), panels.items(), strict=True):
        for work, color in {"count": LAST, "tokenise": FIRST, "plain": NEUTRAL}.items():
            if (work, name) != ("plain", "gibibytes"):
                values = middle[f"{work}_{name}"]
                axes.plot(middle["millions"], values, "o-", ms=3, label=work, color=color)
        axes.set_xscale("log", base=2)
        axes.set(xlabel="million sentences", ylabel=label)
    figure.axes[0].set_yscale("log")
    figure.axes[1].set_ylim(bottom=0)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside right center")
    figure.savefig(output, metadata={"Date": None})


def main(
    *millions: int,
    plain: float = 0.2,
    repeats: int = 3,
    threads: int = 2,
    output_table: Path = Path("results/benchmarks/information.parquet"),
    output_svg: Path = Path("results/benchmarks/information.svg"),
) -> None:
    """Time whole processes, which start Python and read the corpus, one after the other.

    Parameters
    ----------
    millions
        Million sentences; each divides the last, of whose corpus it is the first shard.
    plain
        Million sentences for plain Python: its time is scaled to the others, its memory is not.
    """
    rows = []
    with tempfile.TemporaryDirectory() as place:
        grammar, tokenizer = load_grammar(), Path(place) / "tokenizer"
        train([" ".join(grammar.words)], "word", 4000, 512).save_pretrained(tokenizer)
        corpus = write_sentences(grammar, millions[-1] * MILLION, Path(place) / "corpus.parquet")
        given = (corpus, tokenizer)
        outputs = [f"--output-{kind}={place}/{kind}" for kind in ("tokens", "pairs", "lengths")]
        for _ in range(repeats):
            some = measure(["-c", PLAIN, *given, round(plain * MILLION), PIECE], threads)
            for size in millions:
                shard = ("--block", PIECE, "--shard", f"1-of-{millions[-1] // size}")
                tokenise = ["-c", TOKENISE, *given, size * MILLION, PIECE]
                found = {
                    "tokenise": measure(tokenise, threads),
                    "count": measure(
                        ["scripts/count_tokens.py", *given, *outputs, *shard], threads
                    ),
                    "plain": some | {name: some[name] * size / plain for name in TIMES},
                }
                row = {f"{w}_{name}": x for w, cost in found.items() for name, x in cost.items()}
                rows.append({"millions": size, **row})
    frame = pl.DataFrame(rows)
    output_table.parent.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(output_table)
    draw(frame, output_svg)

    ratios = {
        f"{top}_by_{bottom}": pl.col(f"{top}_seconds") / pl.col(f"{bottom}_seconds")
        for top, bottom in (("count", "tokenise"), ("plain", "count"))
    }
    shown = frame.group_by("millions", maintain_order=True).agg(
        pl.col("^(count|tokenise)_.*$", "plain_seconds").median().round(2),
        **{n: pl.format("{} - {} - {}", *(f(x).round(2) for f in SPAN)) for n, x in ratios.items()},
    )
    with pl.Config(
        tbl_formatting="MARKDOWN", tbl_hide_dataframe_shape=True, tbl_cols=-1, tbl_width_chars=-1
    ):
        memory = f"{plain} million sentences, {frame['plain_gibibytes'].median():.2f} GiB"
        sys.stdout.write(f"{threads} threads; plain Python on {memory}, scaled\n{shown}\n")


if __name__ == "__main__":
    run(main)
