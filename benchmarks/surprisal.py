"""Time surprisal against minicons, side by side on equal sentences, and compare the values."""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
import torch
from cyclopts import run
from ratios import spread
from shapes import SHAPES, Shape
from tqdm import tqdm
from transformers import BertConfig, BertForMaskedLM

from common.contract import CORPUS
from common.information.masked_surprisal import MaskedLM, Variant
from common.memory import budget
from common.tables import write_table
from common.tokens.sentences import batches, read_sentences
from score_surprisal import BATCH
from train_tokenizer import train

VOCABULARY = 30_522
PIECES = 600
MINICONS = """
import json, sys, time, torch
from minicons.scorer import MaskedLMScorer
directory, texts, variant, batch, threads, output = sys.argv[1:]
torch.set_num_threads(int(threads))
scorer = MaskedLMScorer(directory, "cpu")
texts = json.load(open(texts))
scorer.token_score(texts[:1], PLL_metric=variant)
began = time.perf_counter()
scores = []
for k in range(0, len(texts), int(batch)):
    scores += scorer.token_score(texts[k : k + int(batch)], surprisal=True, PLL_metric=variant)
seconds = time.perf_counter() - began
json.dump([seconds, [value for sentence in scores for _, value in sentence]], open(output, "w"))
"""


def draw_texts(count: int, longest: int) -> list[str]:
    """Random sentences of 4 to `longest` made-up words, of 1 to 4 syllables each."""
    generator = np.random.default_rng(0)
    syllables = [c + v for c in "bdfgklmnprstvz" for v in "aeiou"]
    words = ["".join(generator.choice(syllables, generator.integers(1, 5))) for _ in range(2000)]
    lengths = generator.integers(4, longest + 1, count)
    return [" ".join(generator.choice(words, length)) + "." for length in lengths]


def save_masked_lm(shape: Shape, texts: list[str], directory: Path) -> Path:
    """Save a random BERT of this shape, with the output layer of bert-base-uncased's size."""
    tokenizer = train(texts, "wordpiece", PIECES, 512)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=VOCABULARY,
        num_hidden_layers=shape.layers,
        hidden_size=shape.width,
        num_attention_heads=shape.heads,
        intermediate_size=4 * shape.width,
        initializer_range=0.1,
    )
    BertForMaskedLM(config).save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    settings = directory / "tokenizer_config.json"  # minicons needs transformers 4, and its names
    named = json.loads(settings.read_text()) | {"tokenizer_class": "PreTrainedTokenizerFast"}
    settings.write_text(json.dumps(named))
    return directory


def score_ours(directory: Path, texts: list[str], variant: Variant) -> tuple[float, np.ndarray]:
    """Seconds from text to values, and the values in the order of the sentences."""
    number = np.arange(len(texts))
    corpus = directory / "corpus.parquet"
    frame = pl.DataFrame({"document_id": number, "sentence_id": number, "text": texts})
    write_table(frame, corpus, CORPUS)
    model = MaskedLM(directory, device="cpu")
    within = budget(8, [model.model], "cpu")
    began = time.perf_counter()
    made = batches(read_sentences(corpus, model.tokenizer, model.longest), BATCH, "1-of-1")
    values = {}
    for batch in made:
        found = model.surprisal(batch, variant, within)
        values |= {s.number: value for s, value in zip(batch, found, strict=True)}
    seconds = time.perf_counter() - began
    return seconds, np.concatenate([values[k] for k in range(len(texts))])


def main(
    minicons_python: Path,
    *,
    output_table: Path = Path("results/benchmarks/surprisal.parquet"),
    shape: Literal["MiniLM", "BERT-base"] = "MiniLM",
    sentences: int = 32,
    longest: int = 24,
    batches_of_minicons: tuple[int, ...] = (1, 32),
    repeats: int = 3,
    threads: int = 2,
) -> None:
    """Time surprisal against minicons on a BERT with random weights, at equal threads.

    minicons is given the same sentences in the same order, so many at once; `minicons_python` is
    the interpreter of an environment with minicons 0.3.39, torch and transformers < 5.
    """
    torch.set_num_threads(threads)
    texts = draw_texts(sentences, longest)
    rows = []
    with tempfile.TemporaryDirectory() as place:
        directory = save_masked_lm(SHAPES[shape], texts, Path(place) / "masked_lm")
        given, told = Path(place) / "texts.json", Path(place) / "scores.json"
        given.write_text(json.dumps(texts))
        variants: tuple[Variant, ...] = ("original", "within_word_l2r")
        work = [(v, b) for _ in range(repeats) for v in variants for b in batches_of_minicons]
        for variant, batch in tqdm(work):
            ours, values = score_ours(directory, texts, variant)
            arguments = [directory, given, variant, batch, threads, told]
            command = [minicons_python, "-W", "ignore", "-c", MINICONS, *arguments]
            subprocess.run([str(part) for part in command], check=True)
            theirs, judged = json.loads(told.read_text())
            difference = float(np.abs(values - np.array(judged)).max())
            rows.append([variant, batch, len(values), ours, theirs, theirs / ours, difference])
    names = ["variant", "batch_of_minicons", "tokens", "ours", "minicons", "ratio", "difference"]
    frame = pl.DataFrame(rows, names, orient="row").with_columns(pl.lit(shape).alias("shape"))
    output_table.parent.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(output_table)
    shown = frame.group_by("variant", "batch_of_minicons", maintain_order=True).agg(
        ours_s=pl.col("ours").median().round(1),
        minicons_s=pl.col("minicons").median().round(1),
        minicons_by_ours=spread(pl.col("ratio")),
        difference=pl.col("difference").max(),
    )
    with pl.Config(tbl_formatting="MARKDOWN", tbl_hide_dataframe_shape=True, tbl_cols=-1):
        sys.stdout.write(f"{shape}, {threads} threads, {sentences} sentences\n{shown}\n")


if __name__ == "__main__":
    run(main)
