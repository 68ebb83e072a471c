"""A file and an encoder, without a workflow: tables, the page, columns found by their names."""

import html
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from commands import WORDS, assert_refuses, assert_runs, draw_texts, run_script, write_corpus
from hub_server import Hub, serve
from polars.testing import assert_frame_equal
from tiny_encoder import build_encoder

import weigh_sentences
from common.contract import VECTORS, WEIGHTS
from common.corpora.reading import guess_columns
from common.corpora.sources import Form
from common.tables import read_table

TEXTS = draw_texts(6)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_encoder(tmp_path_factory.mktemp("encoder") / "tiny", WORDS, layers=1)


@pytest.fixture(scope="module")
def expected(encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """The weights of the texts by the script of the workflow, with the settings of the command."""
    folder = tmp_path_factory.mktemp("expected")
    corpus, weights = write_corpus(folder / "c.parquet", TEXTS), folder / "w.parquet"
    settings = ("--tolerance", 0.01, "--max-nodes", 1024, "--output-weights", weights)
    assert_runs("integrate_gradients", encoder, corpus, *settings)
    return read_table(weights, WEIGHTS)


@pytest.fixture
def outputs(tmp_path: Path) -> list[object]:
    names = {"weights": "w.parquet", "page": "p.html", "csv": "w.csv", "vectors": "v.parquet"}
    return [word for kind, name in names.items() for word in (f"--output-{kind}", tmp_path / name)]


def write_file(path: Path, texts: list[str]) -> Path:
    """Texts in a file of this kind, rows with names of their own where it has columns."""
    frame = pl.DataFrame({"ID": [f"row {k}" for k in range(len(texts))], "Sentence": texts})
    if path.suffix == ".txt":
        path.write_text("\n".join(texts))
    elif path.suffix == ".csv":
        frame.write_csv(path, separator=";")
    elif path.suffix == ".jsonl":
        frame.write_ndjson(path)
    elif path.suffix == ".json":
        path.write_text(json.dumps(frame.to_dicts()))
    else:
        frame.write_parquet(path)
    return path


@pytest.mark.parametrize("kind", ["txt", "csv", "jsonl", "json", "parquet"])
def test_weights_are_those_of_the_workflow(
    encoder: Path, expected: pl.DataFrame, tmp_path: Path, outputs: list[object], kind: str
) -> None:
    file = write_file(tmp_path / f"mine.{kind}", TEXTS)
    assert_runs("weigh_sentences", encoder, file, *outputs)
    found = read_table(tmp_path / "w.parquet", WEIGHTS)
    assert_frame_equal(found.select(expected.columns), expected)
    if kind == "txt":
        assert "id" not in found.columns
    else:
        assert found["id"].to_list() == [f"row {k}" for k in found["sentence_id"]]
    assert pl.read_csv(tmp_path / "w.csv")["weight"].to_list() == found["weight"].to_list()
    vectors = pq.read_table(tmp_path / "v.parquet")
    assert vectors.schema.field("vector").type.list_size == 32
    assert set(vectors.column_names) <= set(VECTORS.columns)
    norms = np.linalg.norm(np.array(vectors["vector"].to_pylist()), axis=1)
    np.testing.assert_allclose(norms, found["weight"], rtol=1e-5)


def test_the_page_shows_every_word_and_fetches_nothing(
    encoder: Path, tmp_path: Path, outputs: list[object]
) -> None:
    file = tmp_path / "a & b.txt"
    file.write_text("the boat ran\na star <b>made</b> the sea")
    assert_runs("weigh_sentences", encoder, file, *outputs, "--method", "shapley")
    page = (tmp_path / "p.html").read_text()
    shown = [html.unescape(t) for t in re.findall(r"<i[^>]*>([^<]*)</i>", page)]
    weights = read_table(tmp_path / "w.parquet", WEIGHTS)
    assert shown == weights["token"].to_list()
    assert "a &amp; b.txt" in page
    assert not re.search(r"(src|href)=\"(?!data:)|<script|@import|url\(", page)
    shades = [int(found) for found in re.findall(r"--w:(\d+)", page)]
    assert (min(shades), max(shades)) == (0, 65)


def test_a_stopped_job_goes_on(
    encoder: Path, tmp_path: Path, outputs: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_file(tmp_path / "mine.txt", TEXTS)
    kept = tmp_path / ".w.parquet.checkpoints"
    monkeypatch.setattr(np, "savez", _save_once(np.savez))
    stopped = run_script("weigh_sentences", encoder, file, *outputs)
    assert stopped.returncode == 1
    assert [*kept.rglob("*.npz")]
    monkeypatch.undo()
    assert "goes on: " in run_script("weigh_sentences", encoder, file, *outputs).stderr
    assert not kept.exists()


def _save_once(save: Callable[..., None]) -> Callable[..., None]:
    """Saves once, and finds the disk full from then on."""
    saved = []

    def saving(*arguments: object, **arrays: object) -> None:
        if saved:
            raise OSError("no space left")
        saved.append(1)
        save(*arguments, **arrays)

    return saving


def test_files_that_differ_in_their_suffix_have_outputs_of_their_own(
    encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names = ["a.csv", "a.txt", "a.b.txt"]
    for name in names:
        weigh_sentences.main(str(encoder), write_file(Path(name), TEXTS[:1]))
    written = {f"{name}.{kind}" for name in names for kind in ("weights.parquet", "html")}
    assert {file.name for file in tmp_path.iterdir()} == written | set(names)
    assert "a.csv" in (tmp_path / "a.csv.html").read_text()
    assert "id" in read_table(Path("a.csv.weights.parquet"), WEIGHTS).columns


PUBLISHED = ("sentence1", "sentence2", "score", "split")
COLUMNS = {
    "text": (["id", "text", "label"], ("text",), {"id": "id"}),
    "pairs": (PUBLISHED, ("sentence1", "sentence2"), {"score": "score"}),
    "nli": (
        ["premise", "hypothesis", "label", "idx"],
        ("premise", "hypothesis"),
        {"label": "label", "id": "idx"},
    ),
    "triplets": (["anchor", "positive", "negative"], ("anchor", "positive", "negative"), {}),
    "sick": (
        ["pair_ID", "sentence_A", "sentence_B", "relatedness_score"],
        ("sentence_A", "sentence_B"),
        {"score": "relatedness_score", "id": "pair_ID"},
    ),
}


@pytest.mark.parametrize("case", COLUMNS)
@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
def test_columns_are_found_by_their_usual_names(tmp_path: Path, case: str, kind: str) -> None:
    names, texts, extra = COLUMNS[case]
    frame = pl.DataFrame({name: ["1"] for name in names})
    file = tmp_path / f"a.{kind}"
    if kind == "parquet":
        frame.write_parquet(file)
    elif kind == "jsonl":
        frame.write_ndjson(file)
    else:
        frame.write_csv(file, separator="\t" if kind == "tsv" else ",")
    found = guess_columns(file, f".{kind}", Form())
    assert found.texts == texts
    assert found.extra == extra


def test_columns_that_have_other_names_are_asked_for(encoder: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text("review,stars\nthe boat,3\n")
    line = assert_refuses("weigh_sentences", encoder, file)
    assert f"{file}: which columns hold text? It has review, stars" in line
    outputs = ("--output-weights", tmp_path / "w.parquet", "--output-page", tmp_path / "p.html")
    assert_runs("weigh_sentences", encoder, file, "--text-columns", "review", *outputs)


REFUSED = {
    "no such encoder": ("nothing here", "a.txt", "no such directory, and no name on the hub"),
    "no such file": (None, "missing.txt", "missing.txt: no such file"),
    "empty": (None, "empty.txt", "empty: no text in it"),
    "unknown kind": (None, "a.docx", "unknown kind of file"),
    "no model": ("scripts", "a.txt", "scripts"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_weighed_is_one_line(encoder: Path, tmp_path: Path, case: str) -> None:
    named, file, told = REFUSED[case]
    for name, content in {"a.txt": "the boat", "empty.txt": "", "a.docx": "the boat"}.items():
        (tmp_path / name).write_text(content)
    outputs = ("--output-weights", tmp_path / "w.parquet", "--output-page", tmp_path / "p.html")
    line = assert_refuses("weigh_sentences", named or encoder, tmp_path / file, *outputs)
    assert told in line
    assert not (tmp_path / "w.parquet").exists()


@pytest.fixture(scope="module")
def hub(encoder: Path) -> Iterator[Hub]:
    with serve() as hub:
        hub.add("models", "tiny/after", encoder)
        yield hub


def test_an_encoder_of_the_hub_by_its_name(hub: Hub, tmp_path: Path, outputs: list[object]) -> None:
    file = write_file(tmp_path / "mine.txt", TEXTS)
    environment = hub.environment(tmp_path / "home")
    assert_runs("weigh_sentences", "tiny/after", file, *outputs, environment=environment)
    newest = pl.read_parquet(tmp_path / "w.parquet")
    commit = hub.repositories["models", "tiny/after"].commit
    assert_runs("weigh_sentences", f"tiny/after@{commit}", file, *outputs, environment=environment)
    assert newest.equals(pl.read_parquet(tmp_path / "w.parquet"))
    told = run_script("weigh_sentences", "tiny/none", file, *outputs, environment=environment)
    assert told.returncode == 1
    assert "tiny/none" in told.stderr.splitlines()[-1]
    assert "Traceback" not in told.stderr


def test_scripts_tell_what_to_run_before_them(encoder: Path, tmp_path: Path) -> None:
    file = write_file(tmp_path / "mine.txt", TEXTS)
    output = ("--output-weights", tmp_path / "w.parquet")
    line = assert_refuses("integrate_gradients", encoder, file, *output)
    assert f"python scripts/download_corpus.py {file} --output-corpus" in line
    corpus = write_corpus(tmp_path / "c.parquet", TEXTS)
    line = assert_refuses("integrate_gradients", "tiny/after", corpus, *output)
    assert "python scripts/download_snapshot.py tiny/after --output-snapshot" in line
