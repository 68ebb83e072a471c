"""Text, tables and files that are wrong, odd or another run's: handled as told, or refused."""

import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from commands import assert_refuses, draw_texts, write_corpus
from tiny_encoder import build_tokenizer

import download_corpus
from common.command import InputError
from common.contract import CORPUS, INFORMATION, LANGUAGE, SURPRISAL, WEIGHTS, Table
from common.corpora.sources import Form, read_rows
from common.tables import read_table, read_whole, write_table
from common.tokens.corpus_blocks import CorpusFile
from common.tokens.sentences import read_sentences
from train_tokenizer import train

ODD = {
    "emoji": "so \N{PILE OF POO}\N{EMOJI MODIFIER FITZPATRICK TYPE-4} happy \N{FAMILY}",
    "right to left": "\N{RIGHT-TO-LEFT MARK}שלום עולם \N{RIGHT-TO-LEFT OVERRIDE}abc",
    "zero width": "zero\N{ZERO WIDTH SPACE}width\N{ZERO WIDTH JOINER} and\N{WORD JOINER}joined",
    "combining": "a" + "\N{COMBINING ACUTE ACCENT}" * 200 + " stack",
    "control": "bell\a escape\x1b[31m backspace\b delete\x7f vertical\vtab",
    "formats": "100 %s %d %(name)s {0} {name} {} ${HOME} $(touch harm) `touch harm`",
    "markup": "<script>alert(1)</script> &amp; <b>bold</b>",
    "paths": "../../etc/passwd C:\\con /dev/null ~/.ssh",
    "private use": "private \ue000 and unassigned \U000e0fff letters",
}
NOTHING = ["\a\x1b", "\N{ZERO WIDTH SPACE}\N{ZERO WIDTH JOINER}", "\N{PILE OF POO}", " \t "]


def bring(directory: Path, content: bytes, name: str = "a.txt", **settings: Any) -> pl.DataFrame:
    file = directory / name
    file.write_bytes(content)
    output = directory / "corpus.parquet"
    download_corpus.main([file], output_corpus=output, documents="line", **settings)
    return read_table(output, CORPUS)


def test_odd_text_is_kept_as_it_is_and_what_says_nothing_is_left_out(tmp_path: Path) -> None:
    lines = [*ODD.values(), *NOTHING]
    texts = bring(tmp_path, "\n".join(lines).encode())["text"].to_list()
    assert texts == [" ".join(text.split()) for text in ODD.values()]
    tokenizer = train(draw_texts(50) + texts, "wordpiece", 300, 40)
    sentences = read_sentences(tmp_path / "corpus.parquet", tokenizer, 32)
    assert [s.text for s in sentences] == texts
    assert all(3 <= len(s.ids) <= 32 for s in sentences)


def test_whatever_is_a_letter_or_digit_becomes_a_token(tmp_path: Path) -> None:
    """So no sentence that a corpus keeps is empty later, when it is weighed."""
    characters = [chr(c) for c in range(sys.maxunicode + 1)]
    usable = [c for c in characters if unicodedata.category(c)[0] in "LN"]
    tokenizer = train(draw_texts(50), "wordpiece", 300, 40)
    encoded = tokenizer.backend_tokenizer.encode_batch_fast(usable, add_special_tokens=False)
    assert len(usable) > 130_000
    assert [c for c, one in zip(usable, encoded, strict=True) if not one.ids] == []


def test_a_line_of_ten_megabytes(tmp_path: Path) -> None:
    line = " ".join([word * 20 for text in draw_texts(400) for word in text.split()] * 60)
    assert len(line) > 10_000_000
    corpus = bring(tmp_path, f"short\n{line}\n".encode())
    assert corpus["text"].to_list() == ["short", line]
    tokenizer = build_tokenizer(["short", *set(line.split())])
    sentences = read_sentences(tmp_path / "corpus.parquet", tokenizer, 32)
    assert [(len(s.ids), s.truncated) for s in sentences] == [(3, False), (32, True)]


FAULTS: dict[str, tuple[str, bytes, dict[str, Any], list[str]]] = {
    "empty": ("a.txt", b"", {}, ["no text"]),
    "byte order mark alone": ("a.txt", b"\xef\xbb\xbf", {}, ["no text"]),
    "UTF-16": ("a.txt", "two\nlines".encode("utf-16"), {}, ["byte-order mark of UTF-16"]),
    "mixed encodings": (
        "a.txt",
        "caf\N{LATIN SMALL LETTER E WITH ACUTE}\n".encode() * 3 + b"na\xefve\n",
        {},
        ["line 4", "0xef", "UTF-8"],
    ),
    "lone surrogate": (
        "a.jsonl",
        b'{"a": "x"}\n{"a": "\\ud800"}',
        {"text_columns": ["a"]},
        ["line 2"],
    ),
    "number that Python does not read": (
        "a.jsonl",
        b'{"a": "x"}\n{"a": 1' + b"0" * 5000 + b"}",
        {"text_columns": ["a"]},
        ["line 2: not JSON"],
    ),
    "too deep": ("a.jsonl", b'{"a": ' + b"[" * 200_000, {"text_columns": ["a"]}, ["line 1"]),
    "lists of lists": (
        *("a.jsonl", b'{"a": [["x"]]}', {"text_columns": ["a"]}),
        ["line 1: column 'a' holds lists of lists"],
    ),
    "only blanks": ("a.csv", b'a\n" "\n"\t"\n', {"text_columns": ["a"]}, ["no sentence"]),
    "cut gzip": ("a.txt.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\x03KL", {}, ["a.txt.gz"]),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_bad_files_are_one_line_that_names_the_place(tmp_path: Path, fault: str) -> None:
    name, content, settings, said = FAULTS[fault]
    with pytest.raises(InputError) as raised:
        bring(tmp_path, content, name, **settings)
    message = str(raised.value)
    assert str(tmp_path / name) in message
    assert all(part in message for part in said), message
    assert not (tmp_path / "corpus.parquet").exists()


def test_parquet_cut_at_every_kilobyte_is_refused(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "whole.parquet", draw_texts(8000))
    whole = corpus.read_bytes()
    cuts = range(0, len(whole), 1024)
    assert len(cuts) > 50
    readers: list[Callable[[Path], object]] = [
        lambda path: read_table(path, CORPUS),
        CorpusFile,
        lambda path: read_rows(path, ".parquet", Form(("text",))),
    ]
    cut = tmp_path / "cut.parquet"
    for size in cuts:
        cut.write_bytes(whole[:size])
        for read in readers:
            with pytest.raises(InputError, match=r"cut\.parquet: not a readable"):
                read(cut)
    line = assert_refuses("select_sentences", cut, "--output-corpus", tmp_path / "o", "--seed", 0)
    assert f"{cut}: not a readable Parquet file" in line


def test_a_changed_byte_in_every_kilobyte_is_found(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "whole.parquet", draw_texts(8000))
    whole, frame = corpus.read_bytes(), read_table(corpus, CORPUS)
    changed = tmp_path / "changed.parquet"
    found = 0
    for place in range(512, len(whole), 1024):
        content = bytearray(whole)
        content[place] ^= 0x55
        changed.write_bytes(content)
        told = "changed.parquet"
        try:
            same = read_table(changed, CORPUS).equals(frame)
        except InputError as error:
            same, told = False, str(error)
            found += 1
        assert same or ("changed.parquet" in told and told != "changed.parquet")
    assert found > 40


CORPUS_ROWS = {"document_id": [0, 0], "sentence_id": [0, 1], "text": ["a boat", "the sea"]}
TABLE_FAULTS: dict[str, tuple[dict[str, list[Any]], str]] = {
    "repeated ids": ({"sentence_id": [1, 1]}, "sentence_id 1 is there more than once"),
    "ids as text": ({"sentence_id": ["0", "1"]}, "column 'sentence_id' is large_string, not int64"),
    "ids with fractions": ({"sentence_id": [0.0, 1.0]}, "column 'sentence_id' is double"),
    "numbers for texts": ({"text": [1, 2]}, "column 'text' is int64, not string"),
    "a null": ({"text": ["a boat", None]}, "row 2: text is null"),
    "no texts": ({"text": []}, "no column 'text'"),
    "score of text": (
        {"score": ["1", "2"]},
        "column 'score' is large_string, not double",
    ),
}


@pytest.mark.parametrize("fault", TABLE_FAULTS)
def test_corpora_that_break_the_contract_are_refused(tmp_path: Path, fault: str) -> None:
    columns, said = TABLE_FAULTS[fault]
    rows = {name: values for name, values in (CORPUS_ROWS | columns).items() if values}
    path = tmp_path / "corpus.parquet"
    pl.DataFrame(rows).write_parquet(path)
    with pytest.raises(InputError, match=rf"corpus\.parquet: {said}"):
        read_sentences(path, build_tokenizer(["a"]), 32)


TOKENS = {"sentence_id": [3, 3], "position": [1, 2], "token_id": [5, 6], "token": ["a", "b"]}
TOKENS |= {"word": [0, 1], "word_text": ["a", "b"]}
WEIGHED = TOKENS | {
    "special": [False] * 2,
    "truncated": [False] * 2,
    "error": [0.0] * 2,
    "completeness": [0.0] * 2,
}
LIES: dict[str, tuple[Table, dict[str, list[Any]], str]] = {
    "weight that is no number": (
        WEIGHTS,
        WEIGHED | {"weight": [1.0, float("nan")], "word_weight": [1.0, 1.0]},
        "sentence_id 3, position 2: weight is nan",
    ),
    "negative weight": (
        WEIGHTS,
        WEIGHED | {"weight": [1.0, -0.1], "word_weight": [1.0, 1.0]},
        "sentence_id 3, position 2: weight is -0.1, not from 0 to inf",
    ),
    "negative surprisal": (
        SURPRISAL,
        TOKENS | {"surprisal": [-0.5, 2.0]},
        "sentence_id 3, position 1: surprisal is -0.5, not from 0",
    ),
    "infinite surprisal that is no number": (
        SURPRISAL,
        TOKENS | {"surprisal": [0.5, float("nan")]},
        "sentence_id 3, position 2: surprisal is nan",
    ),
    "probabilities that lack some": (
        LANGUAGE,
        {
            "word": ["a", "b"],
            "word_class": ["noun"] * 2,
            "topics": [""] * 2,
            "probability": [0.5, 0.4],
            "information_gain": [0.1, 0.2],
        },
        "probability sums to 0.9, not to 1",
    ),
    "probability above 1": (
        INFORMATION,
        {
            "token_id": [0, 1],
            "token": ["a", "b"],
            "count": [3, 1],
            "probability": [1.5, -0.5],
            **{name: [0.1, 0.1] for name in list(INFORMATION.columns)[4:-1]},
        },
        "token_id 0: probability is 1.5, not from 0 to 1",
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_numbers_that_cannot_be_are_neither_written_nor_read(tmp_path: Path, lie: str) -> None:
    table, rows, said = LIES[lie]
    path = tmp_path / "table.parquet"
    frame = pl.DataFrame(rows)
    with pytest.raises(InputError, match=said):
        write_table(frame, path, table)
    assert not path.exists()
    schema = pa.schema([(name, table.columns[name].type) for name in frame.columns])
    pq.write_table(frame.to_arrow().cast(schema), path)
    with pytest.raises(InputError, match=said):
        read_table(path, table)


def test_a_table_that_lacks_tokens_of_its_corpus_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "surprisal.parquet"
    frame = pl.DataFrame(TOKENS | {"surprisal": [0.5, 2.0]})
    write_table(frame, path, SURPRISAL, rows="2")
    assert len(read_whole(path, SURPRISAL)) == 2
    write_table(frame.head(1), path, SURPRISAL, rows="2")
    with pytest.raises(InputError, match=r"surprisal\.parquet: 1 rows, but the corpus has 2"):
        read_whole(path, SURPRISAL)
    line = assert_refuses(
        *("gather_tables", path, "--output-table", tmp_path / "o.parquet", "--table", "surprisal")
    )
    assert "1 rows, but the corpus has 2 such tokens" in line
