"""The generated corpora: their form, their topics and their exact table."""

import re
import subprocess
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from commands import run_script
from scipy.stats import chisquare

import generate_corpus
from common.contract import CORPUS, LANGUAGE
from common.corpora.grammar import Grammar, load_grammar
from common.tables import read_table
from generate_corpus import generate_documents, generate_scored_pairs


def run(directory: Path, **settings: object) -> subprocess.CompletedProcess[str]:
    given = {"form": "documents", "size": 20, "sentences": (2, 5), "seed": 1, **settings}
    words = ["--output-corpus", directory / "corpus.parquet"]
    words += ["--output-exact", directory / "exact.parquet"]
    for name, value in given.items():
        values = value if isinstance(value, tuple) else (value,)
        words += [f"--{name}", *values]
    return run_script("generate_corpus", *words)


@pytest.fixture(scope="module")
def language() -> Grammar:
    return load_grammar()


class TopicsRecorded:
    """A grammar whose sentences are the numbers of their topics."""

    def __init__(self, grammar: Grammar) -> None:
        self.fields = grammar.fields

    def sample(
        self, topics: np.ndarray, generator: np.random.Generator, documents: np.ndarray
    ) -> list[str]:
        return [str(topic) for topic in topics]


def test_documents_as_a_command(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert done.returncode == 0, done.stderr
    corpus = read_table(tmp_path / "corpus.parquet", CORPUS)
    assert corpus.columns == ["document_id", "sentence_id", "text"]
    assert corpus["sentence_id"].to_list() == list(range(corpus.height))
    lengths = corpus.group_by("document_id").len()
    assert sorted(lengths["document_id"]) == list(range(20))
    assert set(lengths["len"]) == {2, 3, 4, 5}
    exact = read_table(tmp_path / "exact.parquet", LANGUAGE)
    words = {w for text in corpus["text"] for w in re.findall(r"[a-z]+|[.,]", text.lower())}
    assert words <= set(exact["word"])
    assert exact["probability"].sum() == pytest.approx(1)
    assert (exact["information_gain"] >= 0).all()
    assert set(exact.filter(word="the")["topics"]) == {""}
    assert (
        exact.filter(word_class="name", topics="sailing")["word"].is_in(["drake", "nelson"]).any()
    )


def test_a_seed_gives_one_corpus(language: Grammar) -> None:
    one, again, other = (
        generate_documents(language, 50, (2, 3), np.random.default_rng(seed)) for seed in (3, 3, 4)
    )
    assert one.equals(again)
    assert not one.equals(other)


def test_scored_pairs_as_a_command(tmp_path: Path) -> None:
    done = run(tmp_path, form="scored_pairs", size=9)
    assert done.returncode == 0, done.stderr
    corpus = read_table(tmp_path / "corpus.parquet", CORPUS)
    assert corpus["pair_id"].to_list() == [pair for pair in range(9) for _ in range(2)]
    assert corpus["document_id"].equals(corpus["pair_id"], check_names=False)
    assert corpus["side"].to_list() == [0, 1] * 9
    assert sorted(corpus.filter(side=0)["score"]) == [0.0] * 3 + [2.5] * 3 + [5.0] * 3
    assert corpus.filter(side=0)["score"].equals(corpus.filter(side=1)["score"])


def test_scores_say_what_topics_share_and_topics_stay_uniform(
    language: Grammar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate_corpus, "BLOCK", 1000)
    recorded = TopicsRecorded(language)
    pairs = generate_scored_pairs(recorded, 30_000, np.random.default_rng(0))  # type: ignore[arg-type]
    topics = pairs["text"].cast(pl.Int64).to_numpy().reshape(-1, 2)
    score = pairs["score"].to_numpy()[::2]
    fields = language.fields[topics]
    same = np.array(topics[:, 0] == topics[:, 1], float) + (fields[:, 0] == fields[:, 1])
    np.testing.assert_array_equal(score, 2.5 * same)
    assert np.unique(score, return_counts=True)[1].tolist() == [10_000] * 3
    assert (np.diff(score[:100]) != 0).any()
    for kind in (0.0, 2.5, 5.0):
        for side in (0, 1):
            counts = np.bincount(topics[score == kind, side], minlength=len(language.fields))
            assert chisquare(counts).pvalue > 1e-4


def test_documents_have_one_topic_each_drawn_uniformly(
    language: Grammar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate_corpus, "BLOCK", 999)
    recorded = TopicsRecorded(language)
    corpus = generate_documents(recorded, 6000, (4, 9), np.random.default_rng(0))  # type: ignore[arg-type]
    documents = corpus.group_by("document_id").agg(pl.col("text").unique(), pl.len())
    assert (documents["text"].list.len() == 1).all()
    topics = np.bincount(documents["text"].list.first().cast(pl.Int64).to_numpy())
    assert chisquare(topics).pvalue > 1e-4
    lengths = np.bincount(documents["len"].to_numpy())[4:]
    assert len(lengths) == 6
    assert chisquare(lengths).pvalue > 1e-4
    assert corpus["document_id"].is_sorted()


@pytest.mark.parametrize("settings", [{"sentences": (5, 2)}, {"sentences": (0, 2)}, {"size": 0}])
def test_impossible_sizes_are_one_line(tmp_path: Path, settings: dict[str, object]) -> None:
    done = run(tmp_path, **settings)
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert "fewest" in done.stderr
    assert not list(tmp_path.iterdir())
