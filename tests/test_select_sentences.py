"""Corpora joined and selected from."""

import subprocess
from pathlib import Path

import polars as pl
import pytest
from commands import run_script
from hypothesis import given, settings
from hypothesis import strategies as st

from common.command import InputError
from common.contract import CORPUS
from common.tables import read_table, write_table
from select_sentences import draw_different, join_corpora


def corpus(texts: list[str], documents: list[int], paired: bool = False) -> pl.DataFrame:
    frame = pl.DataFrame({"document_id": documents, "text": texts}).with_row_index("sentence_id")
    if paired:
        half = pl.int_range(pl.len()) // 2
        side = (pl.int_range(pl.len()) % 2).cast(pl.Int8)
        return frame.with_columns(half.alias("pair_id"), side.alias("side"), score=pl.lit(1.0))
    return frame


@pytest.fixture
def two(tmp_path: Path) -> list[Path]:
    first = corpus(["One is here.", "Two.", "Three is a long one."], [0, 0, 7])
    second = corpus(
        ["Two.", "Four is here.", "Five.", "Six is a longer one still."], [0, 0, 1, 1], True
    )
    paths = [tmp_path / "b.parquet", tmp_path / "a.parquet"]
    for frame, path in zip((first, second), paths, strict=True):
        write_table(frame, path, CORPUS)
    return paths


def run(paths: list[Path], output: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_script(
        *("select_sentences", *paths, "--output-corpus", output, "--seed", 0, *arguments)
    )


def test_join_keeps_order_and_documents_apart(two: list[Path], tmp_path: Path) -> None:
    done = run(two, tmp_path / "out.parquet")
    assert done.returncode == 0, done.stderr
    joined = read_table(tmp_path / "out.parquet", CORPUS)
    assert joined.columns == ["document_id", "sentence_id", "text"]
    assert joined["sentence_id"].to_list() == list(range(7))
    assert joined["document_id"].to_list() == [0, 0, 1, 2, 2, 3, 3]
    assert joined["text"].to_list()[2:4] == ["Three is a long one.", "Two."]


def test_the_users_names_of_rows_are_kept(tmp_path: Path) -> None:
    frames = [corpus(["One.", "Two."], [0, 1]).with_columns(id=pl.Series(["a", "b"]))]
    frames.append(corpus(["Three."], [0]))
    paths = [tmp_path / f"{place}.parquet" for place in range(2)]
    for frame, path in zip(frames, paths, strict=True):
        write_table(frame, path, CORPUS)
    assert run(paths, tmp_path / "out.parquet").returncode == 0
    assert read_table(tmp_path / "out.parquet", CORPUS)["id"].to_list() == ["a", "b", None]


def test_long_sentences_are_left_out_before_the_draw(two: list[Path], tmp_path: Path) -> None:
    done = run(two, tmp_path / "out.parquet", "--max-words", "3", "--sentences", "4")
    assert done.returncode == 0, done.stderr
    drawn = read_table(tmp_path / "out.parquet", CORPUS)
    assert drawn["text"].to_list() == ["One is here.", "Two.", "Four is here.", "Five."]
    assert drawn["document_id"].to_list() == [0, 0, 1, 2]
    assert drawn["sentence_id"].to_list() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [(("--sentences", "7"), ("7", "6")), (("--max-words", "0"), ("7", "0"))],
)
def test_too_few_sentences_are_one_line_with_both_numbers(
    two: list[Path], tmp_path: Path, arguments: tuple[str, ...], named: tuple[str, ...]
) -> None:
    done = run(two, tmp_path / "out.parquet", *arguments)
    assert done.returncode == 1
    assert len([line for line in done.stderr.splitlines() if "error" in line]) == 1
    assert "Traceback" not in done.stderr
    assert all(number in done.stderr for number in named)
    assert not (tmp_path / "out.parquet").exists()


def test_a_file_that_is_no_corpus_is_named(tmp_path: Path) -> None:
    path = tmp_path / "other.parquet"
    pl.DataFrame({"text": ["a"]}).write_parquet(path)
    done = run([path], tmp_path / "out.parquet")
    assert done.returncode == 1
    assert str(path) in done.stderr
    assert "document_id" in done.stderr


TEXTS = st.lists(st.sampled_from(["a", "b b", "c c c", "d", "e"]), min_size=1, max_size=12)


@settings(deadline=None, max_examples=50)
@given(st.lists(TEXTS, min_size=1, max_size=3), st.integers(1, 6), st.integers(0, 9))
def test_draws_are_of_different_texts_in_order(
    corpora: list[list[str]], sentences: int, seed: int
) -> None:
    joined = join_corpora([corpus(texts, list(range(len(texts)))) for texts in corpora])
    different = list(dict.fromkeys(joined["text"]))
    if sentences > len(different):
        with pytest.raises(InputError, match=f"{sentences} .* {len(different)} "):
            draw_different(joined, sentences, seed)
        return
    drawn = draw_different(joined, sentences, seed)["text"].to_list()
    assert len(set(drawn)) == len(drawn) == sentences
    assert drawn == [text for text in different if text in drawn]
    assert drawn == draw_different(joined, sentences, seed)["text"].to_list()
