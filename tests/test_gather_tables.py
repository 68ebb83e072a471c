"""Tables of one kind joined by the command."""

import polars as pl
import pytest
from commands import run_script

from common.contract import ENCODERS, INFORMATION, SURPRISAL
from common.tables import read_metadata, read_table, write_table


def gather(tables, output, kind):
    return run_script("gather_tables", *tables, "--output-table", output, "--table", kind)


def surprisal(path, sentences, **metadata):
    rows = [(s, p, 5, "word", float(s + p), p, "word") for s in sentences for p in (1, 2)]
    frame = pl.DataFrame(rows, list(SURPRISAL.columns), orient="row")
    write_table(frame, path, SURPRISAL, **metadata)
    return frame


def test_rows_of_all_tables_are_sorted_and_the_tokenizer_is_kept(tmp_path):
    first, second, both = (tmp_path / f"{name}.parquet" for name in ("a", "b", "both"))
    frames = [
        surprisal(first, [4, 2], tokenizer="words"),
        surprisal(second, [3], tokenizer="words"),
    ]
    ran = gather([first, second], both, "surprisal")
    assert ran.returncode == 0, ran.stderr
    expected = pl.concat(frames).sort("sentence_id", "position")
    assert read_table(both, SURPRISAL).equals(expected.cast(read_table(both, SURPRISAL).schema))
    assert read_metadata(both)["tokenizer"] == "words"
    assert "gather_tables.py" in read_metadata(both)["command"]


def test_one_table_without_tokenizer(tmp_path):
    surprisal(tmp_path / "a.parquet", [1])
    ran = gather([tmp_path / "a.parquet"], tmp_path / "all.parquet", "surprisal")
    assert ran.returncode == 0, ran.stderr
    assert "tokenizer" not in read_metadata(tmp_path / "all.parquet")


def refused(ran, output, *said):
    assert ran.returncode == 1
    assert "Traceback" not in ran.stderr
    assert len(ran.stderr.strip().splitlines()) == 1
    assert all(part in ran.stderr for part in said), ran.stderr
    assert not output.exists()


def test_a_key_in_two_tables_is_named(tmp_path):
    tables = [tmp_path / f"{name}.parquet" for name in "abc"]
    for table, sentences in zip(tables, ([1], [2], [3, 2]), strict=True):
        surprisal(table, sentences)
    output = tmp_path / "all.parquet"
    said = ("b.parquet and", "c.parquet: sentence_id 2, position 1 is there more than once")
    refused(gather(tables, output, "surprisal"), output, *said)


@pytest.mark.parametrize("other", [{"tokenizer": "pieces"}, {}])
def test_other_tokenizers_are_refused(tmp_path, other):
    surprisal(tmp_path / "a.parquet", [1], tokenizer="words")
    surprisal(tmp_path / "b.parquet", [2], **other)
    output = tmp_path / "all.parquet"
    ran = gather([tmp_path / "a.parquet", tmp_path / "b.parquet"], output, "surprisal")
    refused(ran, output, "a.parquet and", "b.parquet: different tokenizers")


def test_other_kinds_and_columns_are_refused(tmp_path):
    output = tmp_path / "all.parquet"
    surprisal(tmp_path / "a.parquet", [1])
    refused(gather([tmp_path / "a.parquet"], output, "weights"), output, "a.parquet: no column")
    refused(gather([tmp_path / "a.parquet"], output, "surprise"), output, "there are corpus")
    refused(gather([tmp_path / "c.parquet"], output, "weights"), output, "c.parquet: no such file")
    plain = {"token_id": [1], "token": ["a"], "count": [3], "probability": [1.0]}
    plain |= {name: [0.5] for name in list(INFORMATION.columns)[4:-1]}
    write_table(pl.DataFrame(plain), tmp_path / "i.parquet", INFORMATION)
    exact = pl.DataFrame(plain | {"token_id": [2], "information_gain_exact": [0.1]})
    write_table(exact, tmp_path / "j.parquet", INFORMATION)
    ran = gather([tmp_path / "i.parquet", tmp_path / "j.parquet"], output, "information")
    refused(ran, output, "'information_gain_exact' is in one of them only")


def test_encoders_with_nulls(tmp_path):
    for name in ("b", "a"):
        row = {"encoder": name, "corpus": "pairs", "pairs": 3, "sts_spearman": None}
        row |= {"alignment": 0.5, "uniformity": -2.0, "mean_cosine": 0.5}
        write_table(pl.DataFrame([row]), tmp_path / f"{name}.parquet", ENCODERS)
    output = tmp_path / "all.parquet"
    assert (
        gather([tmp_path / "b.parquet", tmp_path / "a.parquet"], output, "encoders").returncode == 0
    )
    assert read_table(output, ENCODERS)["encoder"].to_list() == ["a", "b"]
