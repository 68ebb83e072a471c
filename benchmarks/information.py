"""Counting against tokenising alone and against plain Python, on generated sentences.

PYTHONPATH=scripts:tests .venv/bin/python benchmarks/information.py 1 2 4 8
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from cyclopts import run
from tqdm import tqdm

from common.grammar import Grammar, load_grammar
from train_tokenizer import train

MILLION = 1_000_000
PIECE = 25_000
DOCUMENT = 6
"""Sentences of a document."""
READ = """
import sys
from collections import Counter
from itertools import permutations
from pathlib import Path
from common.corpus_blocks import CorpusFile
from common.vocabulary import load_tokenizer
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
    names = ("document_id", "sentence_id", "text")
    schema = pa.schema([(names[0], pa.int64()), (names[1], pa.int64()), (names[2], pa.string())])
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
    if process.returncode:
        raise SystemExit(f"{command}: exit code {process.returncode}")
    processor = usage.ru_utime + usage.ru_stime
    return {"seconds": seconds, "processor": processor, "gibibytes": usage.ru_maxrss / 2**20}
