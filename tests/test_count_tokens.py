"""Counts of a corpus as a command: against a count in plain Python, in shards, on bad input."""

import shutil
from collections import Counter
from itertools import permutations
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from commands import assert_refuses, assert_runs, draw_texts, write_corpus
from tiny_encoder import build_tokenizer
from tokenizers import Tokenizer

from common import tables
from common.contract import CORPUS, PAIR_COUNTS, SENTENCE_LENGTHS, TOKEN_COUNTS
from common.tables import read_metadata, read_parts, read_table, write_parts, write_table
from common.tokens.corpus_blocks import CorpusFile

TABLES = {"tokens": TOKEN_COUNTS, "pairs": PAIR_COUNTS, "lengths": SENTENCE_LENGTHS}


def outputs(folder: Path, name: str) -> list[object]:
    return [word for kind in TABLES for word in (f"--output-{kind}", folder / f"{name}-{kind}")]


def read_counts(folder: Path, name: str) -> dict[str, pl.DataFrame]:
    return {kind: read_table(folder / f"{name}-{kind}", table) for kind, table in TABLES.items()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of 301 sentences, in row groups of 90, and its tokenizer."""
    place = tmp_path_factory.mktemp("counts")
    texts = [*draw_texts(300), "boat"]
    corpus = write_corpus(place / "corpus.parquet", texts, sentences=7)
    pq.write_table(pq.read_table(corpus), corpus, row_group_size=90)
    words = sorted({word for text in texts for word in text.split()})
    build_tokenizer(words).save_pretrained(place / "tokenizer")
    arguments = (corpus, place / "tokenizer", *outputs(place, "whole"))
    assert_runs("count_tokens", *arguments)
    return place


def test_counts_equal_those_of_plain_python(folder: Path) -> None:
    corpus = read_table(folder / "corpus.parquet", CORPUS)
    found = read_counts(folder, "whole")
    flat = Counter(word for text in corpus["text"] for word in text.split())
    seen = found["tokens"].filter(pl.col("count") > 0)
    assert dict(seen.select("token", "count").rows()) == flat
    spelled = found["tokens"]["token"].to_list()
    pairs: Counter[tuple[str, str]] = Counter()
    third: Counter[tuple[str, str]] = Counter()
    for number, text in corpus.select("sentence_id", "text").rows():
        for pair in permutations(text.split(), 2):
            pairs[pair] += 1
            third[pair] += number * 128 // 301 % 8 == 2
    cells = found["pairs"]
    assert {(spelled[a], spelled[b]): n for a, b, n, *_ in cells.rows()} == pairs
    of_third = cells.select("token_id", "other_id", "group_3").rows()
    assert {(spelled[a], spelled[b]): n for a, b, n in of_third} == third
    assert (cells["count"] == cells.select("^group_.*$").sum_horizontal()).all()
    lengths = Counter(len(text.split()) for text in corpus["text"])
    assert dict(found["lengths"].rows()) == lengths


def test_groups_are_of_whole_documents_that_follow_each_other(tmp_path: Path) -> None:
    corpus = CorpusFile(write_corpus(tmp_path / "corpus.parquet", ["a b"] * 3000, sentences=3))
    (block,) = corpus.blocks(range(3000), 3000)
    groups = corpus.groups(8)(block)
    documents = groups.reshape(1000, 3)
    assert (documents == documents[:, :1]).all()
    assert np.count_nonzero(np.diff(groups)) == 127
    assert np.abs(np.bincount(groups) - 375).max() <= 24
    some = block[1200:1210]
    assert np.array_equal(corpus.groups(8)(some), groups[1200:1210])


@pytest.mark.parametrize("unit", ["token", "word"])
def test_a_tokenizer_that_pads_and_cuts_by_itself_counts_the_same(
    folder: Path, tmp_path: Path, unit: str
) -> None:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer/tokenizer.json"))
    tokenizer.enable_padding(length=128)
    tokenizer.enable_truncation(3)
    shutil.copytree(folder / "tokenizer", tmp_path / "tokenizer")
    tokenizer.save(str(tmp_path / "tokenizer/tokenizer.json"))
    corpus = folder / "corpus.parquet"
    for name, place in (("plain", folder), ("padded", tmp_path)):
        given = (corpus, place / "tokenizer", *outputs(tmp_path, name), "--unit", unit)
        assert_runs("count_tokens", *given)
    plain, padded = read_counts(tmp_path, "plain"), read_counts(tmp_path, "padded")
    for kind in TABLES:
        assert padded[kind].equals(plain[kind])


@pytest.mark.parametrize("shards", [1, 3])
def test_merged_shards_are_the_whole_in_any_order(folder: Path, shards: int) -> None:
    corpus = (folder / "corpus.parquet", folder / "tokenizer")
    for k in range(1, shards + 1):
        part = (*outputs(folder, f"{k}-of-{shards}"), "--block", 13)
        assert_runs("count_tokens", *corpus, *part, "--shard", f"{k}-of-{shards}")
    parts = [
        word
        for kind in TABLES
        for word in (
            f"--{kind}",
            *(folder / f"{k}-of-{shards}-{kind}" for k in range(shards, 0, -1)),
        )
    ]
    assert_runs("merge_counts", *parts, *outputs(folder, "merged"))
    for kind in TABLES:
        whole, merged = (pq.read_table(folder / f"{name}-{kind}") for name in ("whole", "merged"))
        assert merged.equals(whole)
        of_whole, of_merged = (
            read_metadata(folder / f"{name}-{kind}") for name in ("whole", "merged")
        )
        assert of_whole["tokenizer"] == of_merged["tokenizer"]


def test_few_pairs_in_memory_and_small_row_groups_are_the_same(
    folder: Path, tmp_path: Path
) -> None:
    corpus = (folder / "corpus.parquet", folder / "tokenizer")
    few = ("--pairs-in-memory", 40)
    for k in (1, 2):
        part = (*outputs(tmp_path, f"{k}"), "--block", 13, "--shard", f"{k}-of-2")
        assert_runs("count_tokens", *corpus, *part, *few)
        pairs = tmp_path / f"{k}-pairs"
        pq.write_table(pq.read_table(pairs), pairs, row_group_size=17)
    parts = [
        word
        for kind in TABLES
        for word in (f"--{kind}", *(tmp_path / f"{k}-{kind}" for k in (1, 2)))
    ]
    assert_runs("merge_counts", *parts, *outputs(tmp_path, "merged"), *few)
    for kind in TABLES:
        whole, merged = pq.read_table(folder / f"whole-{kind}"), tmp_path / f"merged-{kind}"
        assert pq.read_table(merged).equals(whole)
    assert pq.read_metadata(tmp_path / "merged-pairs").num_row_groups == 1


@pytest.mark.parametrize("rows", [1, 10, 25, 1000])
def test_a_table_in_parts_is_the_same_file(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    monkeypatch.setattr(tables, "ROWS", rows)
    frame = read_counts(folder, "whole")["lengths"]
    frame = pl.concat([frame.with_columns(length=pl.col("length") + 9 * k) for k in range(4)])
    frame = frame.unique("length").sort("length")
    write_table(frame, tmp_path / "whole", SENTENCE_LENGTHS)
    expected = (tmp_path / "whole").read_bytes()
    for size in (1, 3, 10, 24):
        parts = tmp_path / "parts"
        write_parts(frame.iter_slices(size), parts, SENTENCE_LENGTHS)
        assert parts.read_bytes() == expected
    assert pl.concat(read_parts(parts, SENTENCE_LENGTHS)).equals(frame)
    assert pq.read_metadata(parts).num_row_groups == -(-len(frame) // rows)


def test_counts_of_two_tokenizers_do_not_merge(folder: Path, tmp_path: Path) -> None:
    build_tokenizer(["other"]).save_pretrained(tmp_path / "tokenizer")
    arguments = (folder / "corpus.parquet", tmp_path / "tokenizer", *outputs(tmp_path, "other"))
    assert "fits the corpus badly" in assert_runs("count_tokens", *arguments)
    parts = [
        word
        for kind in TABLES
        for word in (f"--{kind}", folder / f"whole-{kind}", tmp_path / f"other-{kind}")
    ]
    line = assert_refuses("merge_counts", *parts, *outputs(tmp_path, "merged"))
    assert "different tokenizers" in line
    assert not (tmp_path / "merged-tokens").exists()


@pytest.mark.parametrize("rows", [range(0, 301), range(0, 1), range(89, 181), range(7, 7)])
@pytest.mark.parametrize("size", [1, 40, 1000])
def test_blocks_are_the_rows(folder: Path, rows: range, size: int) -> None:
    blocks = list(CorpusFile(folder / "corpus.parquet").blocks(rows, size))
    assert all(0 < len(block) <= size for block in blocks)
    assert [n for block in blocks for n in block["sentence_id"]] == list(rows)


def test_blank_sentences_are_told_and_hold_nothing(folder: Path, tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus.parquet", ["boat sea", "", "  "])
    arguments = (corpus, folder / "tokenizer", *outputs(tmp_path, "blank"))
    assert "2 sentences without tokens" in assert_runs("count_tokens", *arguments)
    assert read_counts(tmp_path, "blank")["tokens"]["count"].sum() == 2


def without_text(table: pa.Table) -> pa.Table:
    return table.drop_columns("text")


def null_text(table: pa.Table) -> pa.Table:
    return table.set_column(2, "text", pa.array(["boat", None]))


def text_of_bytes(table: pa.Table) -> pa.Table:
    return table.set_column(2, "text", pa.array([b"boat", b"\xe9"]))


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (without_text, "no column 'text'"),
        (null_text, "text of sentence_id 1 is null"),
        (text_of_bytes, "column 'text' is binary"),
    ],
)
def test_bad_text_stops_with_one_line(
    folder: Path, tmp_path: Path, edit: object, words: str
) -> None:
    assert callable(edit)
    corpus = write_corpus(tmp_path / "corpus.parquet", ["boat", "sea"])
    pq.write_table(edit(pq.read_table(corpus)), corpus)
    arguments = (corpus, folder / "tokenizer", *outputs(tmp_path, "bad"))
    line = assert_refuses("count_tokens", *arguments)
    assert words in line
    assert "corpus.parquet" in line
    assert not (tmp_path / "bad-tokens").exists()


def test_text_that_is_not_unicode_stops_with_one_line(folder: Path, tmp_path: Path) -> None:
    """Another tool may leave bytes of Latin-1 in a column of strings."""
    latin = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(np.array([0, 4], np.int32)), pa.py_buffer(b"caf\xe9")]
    )
    ids = pa.array([0], pa.int64())
    corpus = tmp_path / "corpus.parquet"
    pq.write_table(pa.table({"document_id": ids, "sentence_id": ids, "text": latin}), corpus)
    arguments = (corpus, folder / "tokenizer", *outputs(tmp_path, "bad"))
    line = assert_refuses("count_tokens", *arguments)
    assert "corpus.parquet" in line
    assert "UTF-8" in line
