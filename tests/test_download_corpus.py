"""Public text brought into the form of a corpus."""

import bz2
import gzip
import json
import lzma
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from commands import run_script
from hypothesis import given, settings
from hypothesis import strategies as st

from common.command import InputError
from common.contract import CORPUS
from common.corpora.reading import to_corpus
from common.corpora.sources import Form, pair_up, read_lines, read_rows
from common.corpora.text import detokenize, split_sentences
from common.tables import read_table
from download_corpus import main

WIKITEXT = """ \n = Lobster = \n \n The lobster , also known as " <unk> " , is blue . It 's \
60 @-@ 70 cm ( 24 @.@ 5 in ) long . \n \n = = Size = = \n \n It weighs 1 @,@ 000 g . \n , . \n"""


def zstandard(raw: bytes) -> bytes:
    return pa.Codec("zstd").compress(raw, asbytes=True)


COMPRESSIONS: dict[str, Callable[[bytes], bytes]]
COMPRESSIONS = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
COMPRESSIONS |= {".zst": zstandard}


def run(output: Path, files: list[Path], **settings: object) -> subprocess.CompletedProcess[str]:
    given = {"documents": "line", **settings}
    words = [*files, "--output-corpus", output]
    for name, value in given.items():
        values = value if isinstance(value, list) else [value]
        words += [f"--{name.replace('_', '-')}", *values]
    return run_script("download_corpus", *words)


def written(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize("suffix", COMPRESSIONS)
def test_wikitext_plain_and_compressed(
    tmp_path: Path, suffix: str, caplog: pytest.LogCaptureFixture
) -> None:
    file = written(tmp_path / f"wiki.txt{suffix}", COMPRESSIONS[suffix](WIKITEXT.encode()))
    output = tmp_path / "corpus.parquet"
    caplog.set_level("INFO")
    main([file], output_corpus=output, documents="title", segment="en", detokenize="en")
    assert read_table(output, CORPUS).rows() == [
        (0, 0, 'The lobster, also known as "<unk>", is blue.'),
        (0, 1, "It's 60-70 cm (24.5 in) long."),
        (1, 2, "It weighs 1,000 g."),
    ]
    assert "3 texts in, 3 sentences out, 1 left out" in caplog.text


def test_lines_and_blank_lines_separate_documents(tmp_path: Path) -> None:
    file = written(tmp_path / "a.txt", "\ufeffOne. Two\r\nruns on.\n\n\nThree.\n")
    other = written(tmp_path / "b.txt", "Four.")

    def corpus(documents: str, segment: str) -> list[tuple[int, str]]:
        passages = read_lines([file, other], documents, join=segment != "none")
        return to_corpus(passages, segment, "none").rows()

    assert corpus("line", "none") == [(0, "One. Two"), (1, "runs on."), (2, "Three."), (3, "Four.")]
    assert corpus("line", "en")[:3] == [(0, "One."), (0, "Two"), (1, "runs on.")]
    assert corpus("blank", "none") == [
        (0, "One. Two"),
        (0, "runs on."),
        (1, "Three."),
        (2, "Four."),
    ]
    assert corpus("blank", "en") == [(0, "One."), (0, "Two runs on."), (1, "Three."), (2, "Four.")]


ROWS = [
    ("A cat sat.", "It sat, the cat.", "4.5", "x"),
    ("A dog.", "?", "1", "y"),
    ("Où?", "C", "0", "x"),
]
COLUMNS = ["first", "second", "score", "label"]


def table_file(directory: Path, kind: str) -> Path:
    frame = pl.DataFrame(ROWS, COLUMNS, orient="row")
    numbered = frame.with_columns(pl.col("score").cast(pl.Float64))
    path = directory / f"pairs{kind}"
    if kind == ".parquet":
        numbered.write_parquet(path)
    elif kind == ".jsonl":
        written(path, "\n".join(json.dumps(row) for row in numbered.to_dicts()))
    else:
        frame.write_csv(path)
    return path


@pytest.mark.parametrize("kind", [".csv", ".jsonl", ".parquet"])
def test_pairs_with_scores_and_labels(tmp_path: Path, kind: str) -> None:
    columns = {"text_columns": COLUMNS[:2], "score_column": "score", "label_column": "label"}
    done = run(tmp_path / "out.parquet", [table_file(tmp_path, kind)], **columns)
    assert done.returncode == 0, done.stderr
    corpus = read_table(tmp_path / "out.parquet", CORPUS)
    assert corpus.select("text", "pair_id", "side", "score", "label").rows() == [
        ("A cat sat.", 0, 0, 4.5, "x"),
        ("It sat, the cat.", 0, 1, 4.5, "x"),
        ("Où?", 2, 0, 0.0, "x"),
        ("C", 2, 1, 0.0, "x"),
    ]
    assert corpus["sentence_id"].to_list() == [0, 1, 2, 3]
    assert "6 texts in, 4 sentences out, 2 left out" in done.stderr


def test_rows_of_one_text_are_documents_and_gaps_are_left_out(tmp_path: Path) -> None:
    file = written(tmp_path / "a.csv", 'text,n\n"One, a\nlong. Two.",1\n,2\nThree.,3\n')
    rows = [read_rows(file, ".csv", Form(("text",)))] * 2
    corpus = to_corpus(pair_up(rows, 1), "en", "none")
    assert corpus.columns == ["document_id", "text"]
    assert corpus.rows()[:3] == [(0, "One, a long."), (0, "Two."), (1, "Three.")]
    assert corpus["document_id"].to_list() == [0, 0, 1, 2, 2, 3]


SENTENCES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=30)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(SENTENCES, SENTENCES), min_size=1, max_size=8))
def test_csv_and_jsonl_give_the_same_pairs(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[str, str]]
) -> None:
    directory = tmp_path_factory.mktemp("same")
    pairs = [*pairs, ("yes", "no")]
    frame = pl.DataFrame(pairs, ["a", "b"], orient="row")
    frame.write_csv(directory / "x.csv", quote_style="always")
    written(directory / "x.jsonl", "\n".join(json.dumps(row) for row in frame.to_dicts()))
    found = [
        to_corpus(pair_up([read_rows(file, file.suffix, Form(("a", "b")))], 2), "none", "none")
        for file in (directory / "x.csv", directory / "x.jsonl")
    ]
    assert found[0].equals(found[1])
    usable = [p for p in pairs if all(any(c.isalpha() or c.isnumeric() for c in t) for t in p)]
    assert found[0]["text"].to_list() == [" ".join(text.split()) for p in usable for text in p]


PAIRED: dict[str, Any] = {"text_columns": ["a", "b"]}
SCORED = PAIRED | {"score_column": "s"}
LONE = {"text_columns": ["a"]}
FAULTS: dict[str, tuple[str, str | bytes, dict[str, Any], list[str]]] = {
    "column": ("a.csv", "a,c\nx,y\n", PAIRED, ["no column 'b'", "a, c"]),
    "score": (
        "a.csv",
        "a,b,s\nx,y,1\nx,y,n/a\n",
        SCORED,
        ["row 2", "'n/a'"],
    ),
    "infinite": ("a.csv", "a,b,s\nx,y,inf\n", SCORED, ["row 1", "'inf'"]),
    "ragged": ("a.csv", "a,b\nx,y,z\n", PAIRED, ["row 1 (line 2)", "3 fields", "header 2"]),
    "short": ("a.csv", "a,b\nx,y\nz\n", PAIRED, ["row 2 (line 3)", "1 fields", "header 2"]),
    "header": ("a.csv", "a,b\n", PAIRED, ["no rows"]),
    "encoding": ("a.txt", b"fine\ncaf\xe9\n", {}, ["line 2", "0xe9", "UTF-8"]),
    "empty": ("a.txt", "", {}, ["no text"]),
    "empty table": ("a.csv", "", PAIRED, ["no text"]),
    "empty jsonl": ("a.jsonl", "\n", PAIRED, ["no rows"]),
    "marks": ("a.txt", "...\n?!\n", {}, ["no sentence with a letter or digit"]),
    "json": ("a.jsonl", '{"a": "x"}\n{"a": \n', LONE, ["line 2", "not JSON"]),
    "object": ("a.jsonl", "[1]\n", LONE, ["line 1", "not a JSON object"]),
    "nested": ("a.jsonl", '{"a": [["x"]]}\n', LONE, ["line 1", "column 'a'", "not text"]),
    "parquet": ("a.parquet", "PAR1, not", LONE, ["not a readable parquet"]),
    "gzip": ("a.txt.gz", "plain", {}, ["cannot be read"]),
    "xz": ("a.txt.xz", "plain", {}, ["cannot be read"]),
    "kind": ("a.pdf", "x", {}, ["unknown kind", ".jsonl"]),
    "unnamed": ("a.csv", "body\nx\n", {}, ["which columns hold text? It has body"]),
    "text pair": ("a.txt", "x\n", PAIRED, ["no columns"]),
    "split pair": ("a.csv", "a,b\nx,y\n", PAIRED | {"segment": "en"}, ["not split"]),
    "lone score": (
        "a.csv",
        "a,s\nx,1\n",
        LONE | {"score_column": "s"},
        ["of a pair"],
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_one_line_that_names_the_file(tmp_path: Path, fault: str) -> None:
    name, content, settings, said = FAULTS[fault]
    file, output = written(tmp_path / name, content), tmp_path / "out.parquet"
    with pytest.raises(InputError) as raised:
        main([file], output_corpus=output, documents="line", **settings)
    message = str(raised.value)
    assert "\n" not in message
    assert all(part in message for part in said), message
    assert str(file) in message or fault in ("split pair", "lone score")
    assert not output.exists()


def test_files_of_two_kinds_are_one_line_of_the_command(tmp_path: Path) -> None:
    files = [written(tmp_path / "a.txt", "x"), written(tmp_path / "b.csv", "text\nx\n")]
    done = run(tmp_path / "out.parquet", files)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert f"{files[0]} and {files[1]}: files must be of one kind" in done.stderr
    assert not (tmp_path / "out.parquet").exists()


@pytest.mark.parametrize(
    ("tokenised", "plain"),
    [
        (
            'He said " no " , and left ( in 1 @,@ 000 BC ) .',
            'He said "no", and left (in 1,000 BC).',
        ),
        ("`` Noah '' is n't it .", '"Noah" isn\'t it.'),
        (
            "the band 's two @-@ year $ 4 @.@ 5 million tour",
            "the band's two-year $4.5 million tour",
        ),
        ("a 3 – 2 win at 19 : 45 , 60 ° F , 80 km / h", "a 3–2 win at 19:45, 60° F, 80 km/h"),
        ("He ’ s “ here . ” She left .", "He’s “here.” She left."),
        ("1 ⁄ 2 of <unk> 's M ‑ 35", "1⁄2 of <unk>'s M‑35"),
        ("the Jones ' house [ sic ] ; ranked # 1 !", "the Jones' house [sic]; ranked #1!"),
    ],
)
def test_marks_of_tokenisation_are_undone(tokenised: str, plain: str) -> None:
    assert detokenize(tokenised, "en") == plain
    assert detokenize(plain, "en") == plain


@pytest.mark.parametrize(
    "sentences",
    [
        ["Dr. Smith of the U.S. Army left at 3 a.m. on Monday.", "No. 5 cost $4.5 million."],
        ["They told <unk>'s men.", "The guests fled.", "The hosts' dog stayed."],
        ['He said "come here. Now."', "She went."],
    ],
)
def test_sentences_are_split_at_their_ends(sentences: list[str]) -> None:
    assert split_sentences(" ".join(sentences), "en") == sentences
