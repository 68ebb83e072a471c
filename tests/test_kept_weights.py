"""A weighing job that is stopped goes on from what it has done, to the same bytes."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest
from commands import (
    WORDS,
    assert_runs,
    draw_texts,
    kill_script,
    run_script,
    start_script,
    write_corpus,
)
from tiny_encoder import build_encoder

from common.command import InputError
from common.tokens.sentences import Sentence
from common.weights.integrated_gradients import IntegratedGradients
from common.weights.shapley_values import ShapleyValues
from common.weights.weighing import Opened, Weighing

METHODS = {
    "integrate_gradients": ("--max-nodes", 64),
    "estimate_shapley": ("--evaluations", 128, "--exact-up-to", 3),
}


class Interrupted(Exception):
    """Stands for whatever ends a job between two batches."""


class Stopping:
    """A method that stops after so many sentences, and counts those that it weighed."""

    def __init__(self, method: IntegratedGradients | ShapleyValues, after: int) -> None:
        self.method, self.after, self.count = method, after, 0
        self.conclude, self.name, self.nothing = method.conclude, method.name, method.nothing

    def batches_of(self, sentences: list[Sentence]) -> int:
        return 3

    def start(self, opened: Opened) -> Callable[[list[Sentence]], Iterator[list[Sentence]]]:
        weigh = self.method.start(opened)

        def counted(batch: list[Sentence]) -> Iterator[list[Sentence]]:
            for done in weigh(batch):
                self.count += len(done)
                yield done
                if self.count >= self.after:
                    raise Interrupted

        return counted


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_encoder(tmp_path_factory.mktemp("encoder") / "e", WORDS, layers=1, checked=True)


@pytest.mark.parametrize(
    ("method", "vectors"), [(IntegratedGradients(), True), (ShapleyValues(exact_up_to=3), False)]
)
def test_goes_on_after_any_batch_to_the_same_bytes(
    encoder: Path, tmp_path: Path, method: IntegratedGradients | ShapleyValues, vectors: bool
) -> None:
    corpus = write_corpus(tmp_path / "c.parquet", draw_texts(12))
    tables = [tmp_path / "vectors.parquet"] * vectors

    def weigh(stopping: Stopping, checkpoints: Path | None) -> None:
        weighing = Weighing(output_checkpoints=checkpoints, output_vectors=(*tables, None)[0])
        weighing.weigh(encoder, corpus, stopping, tmp_path / "w.parquet")

    def written() -> list[bytes]:
        return [path.read_bytes() for path in (tmp_path / "w.parquet", *tables)]

    weigh(Stopping(method, 99), None)
    expected = written()
    checkpoints = tmp_path / "checkpoints"
    total = 0
    for after in (1, 4):
        stopping = Stopping(method, after)
        with pytest.raises(Interrupted):
            weigh(stopping, checkpoints)
        total += stopping.count
    assert total < 12
    last = Stopping(method, 99)
    (tmp_path / "w.parquet").unlink()
    weigh(last, checkpoints)
    assert total + last.count == 12
    assert written() == expected
    assert not checkpoints.exists()


def test_what_other_settings_have_done_is_not_taken(
    encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = write_corpus(tmp_path / "c.parquet", draw_texts(12))
    weighing = Weighing(output_checkpoints=tmp_path / "k")
    settings = {"config_hash": "one"}
    monkeypatch.setattr("common.weights.kept_weights.provenance", lambda: settings)
    with pytest.raises(Interrupted):
        weighing.weigh(encoder, corpus, Stopping(IntegratedGradients(), 5), tmp_path / "w.parquet")
    settings["config_hash"] = "another"
    last = Stopping(IntegratedGradients(), 99)
    weighing.weigh(encoder, corpus, last, tmp_path / "w.parquet")
    assert last.count == 12


def test_files_that_are_cut_are_weighed_anew(encoder: Path, tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "c.parquet", draw_texts(12))
    weighing = Weighing(output_checkpoints=tmp_path / "k")
    output = tmp_path / "w.parquet"
    with pytest.raises(Interrupted):
        weighing.weigh(encoder, corpus, Stopping(IntegratedGradients(), 5), output)
    files = sorted((tmp_path / "k").rglob("*.npz"))
    for file in files:
        file.write_bytes(file.read_bytes()[:100])
    last = Stopping(IntegratedGradients(), 99)
    weighing.weigh(encoder, corpus, last, output)
    assert last.count == 12


def test_a_missed_sentence_stops_the_job_when_it_goes_on_too(encoder: Path, tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "c.parquet", draw_texts(2))
    strict = IntegratedGradients(tolerance=1e-12, max_nodes=8, on_missed="stop")
    weighing = Weighing(output_checkpoints=tmp_path / "k")
    for _ in range(2):
        with pytest.raises(InputError, match="above the tolerance"):
            weighing.weigh(encoder, corpus, strict, tmp_path / "w.parquet")


@pytest.mark.slow
@pytest.mark.parametrize("script", METHODS)
def test_three_kills(encoder: Path, tmp_path: Path, script: str) -> None:
    corpus = write_corpus(tmp_path / "c.parquet", draw_texts(300))
    output, kept = tmp_path / "w.parquet", tmp_path / "k"
    options = ("--output-weights", output, *METHODS[script])
    assert_runs(script, encoder, corpus, *options, "--output-checkpoints", kept)
    expected = pl.read_parquet(output)
    expected_bytes = output.read_bytes()
    output.unlink()
    words = (encoder, corpus, *options, "--output-checkpoints", kept)
    for more in (1, 2, 1):
        job = start_script(script, *words)
        enough = len([*kept.rglob("*.npz")]) + more
        while job.poll() is None and len([*kept.rglob("*.npz")]) < enough:
            time.sleep(0.01)
        kill_script(job)
        assert not output.exists(), "it ended before it was killed"
        assert [*kept.rglob("*.npz")]
    assert run_script(script, *words).returncode == 0
    assert output.read_bytes() == expected_bytes, pl.read_parquet(output).equals(expected)
