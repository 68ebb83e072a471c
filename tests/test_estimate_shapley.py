"""Shapley values of tokens against shap and brute force, and the command that estimates them."""

import json
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import shap
import torch
from commands import WORDS, assert_refuses, assert_runs, draw_texts, write_corpus
from polars.testing import assert_frame_equal
from tiny_encoder import build_encoder

from common.command import InputError
from common.contract import WEIGHTS
from common.encoders.encoder import Encoder
from common.memory import Budget, budget
from common.tables import read_table
from common.tokens.sentences import Sentence
from common.weights.coalitions import enumerate_coalitions
from common.weights.token_games import estimate_together, evaluate

TEXTS = ["a star saw the cake by sea", "the boat ran", "the moon held", "a wind made sea ran on"]
LONG = " ".join(WORDS[:16])


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_encoder(tmp_path_factory.mktemp("encoder") / "e", WORDS, checked=True)


def tokenized(model: Encoder, text: str, number: int = 0) -> Sentence:
    found = model.tokenizer(text, return_special_tokens_mask=True)
    special = [bool(flag) for flag in found["special_tokens_mask"]]
    return Sentence(number, text, found["input_ids"], special, False)


@pytest.mark.parametrize("absent", ["mask", "pad", "drop"])
def test_exact_equals_shap(encoder: Path, absent: str) -> None:
    model = Encoder(encoder, device="cpu")
    within = budget(4, model.modules, "cpu")
    sentence = tokenized(model, "the wind saw a boat ran by")
    ids = torch.tensor([sentence.ids])
    players = len(sentence.ids) - 2

    def value(coalitions: np.ndarray) -> np.ndarray:
        present = np.ones((len(coalitions), players + 2), dtype=bool)
        present[:, 1:-1] = coalitions.astype(bool)
        every = ids.repeat(len(coalitions), 1)
        return evaluate(model, every, torch.from_numpy(present), absent, within)

    masker = shap.maskers.Independent(np.zeros((1, players)))
    judge = shap.explainers.ExactExplainer(value, masker)(np.ones((1, players))).values[0]
    plan = enumerate_coalitions(players, 50)
    found = estimate_together(model, [sentence], [plan], absent, within)[0].shapley
    np.testing.assert_allclose(found, judge, atol=1e-5 * np.abs(judge).max())


def test_dropped_tokens_do_not_matter(encoder: Path) -> None:
    model = Encoder(encoder, device="cpu")
    ids = torch.tensor([tokenized(model, text).ids for text in ("the star ran", "the cake ran")])
    present = torch.tensor([[True, True, False, True, True]] * 2)
    one, other = evaluate(model, ids, present, "drop", budget(4, model.modules, "cpu"))
    np.testing.assert_allclose(one, other, atol=1e-6)
    whole = evaluate(model, ids, torch.ones_like(present), "drop", Budget(5000, 5000))
    expected = model.embed(model.embeddings(ids)).detach().numpy()
    np.testing.assert_allclose(whole, expected, atol=1e-5)


def test_sentences_of_one_length_may_differ_in_players(encoder: Path) -> None:
    model = Encoder(encoder, device="cpu")
    within = budget(4, model.modules, "cpu")
    sentences = [tokenized(model, text) for text in ("the star ran", "a cake saw")]
    sentences[1].special[2] = True
    plans = [enumerate_coalitions(s.special.count(False), 100) for s in sentences]
    together = estimate_together(model, sentences, plans, "mask", within)
    for sentence, one in zip(sentences, together, strict=True):
        plan = enumerate_coalitions(sentence.special.count(False), 3)
        alone = estimate_together(model, [sentence], [plan], "mask", within)[0]
        np.testing.assert_allclose(one.shapley, alone.shapley, atol=1e-6)


def test_embeddings_that_are_not_finite_name_the_encoder(encoder: Path) -> None:
    model = Encoder(encoder, device="cpu")
    model.word_embeddings.weight[model.token_id("mask")] = torch.nan
    plan = enumerate_coalitions(3, 100)
    with pytest.raises(InputError, match=f"{encoder}: gives embeddings that are not finite"):
        estimate_together(
            model, [tokenized(model, "the star ran")], [plan], "mask", Budget(10**9, 10**9)
        )


def options(**changed: object) -> list[object]:
    settings = {"absent": "mask", "exact_up_to": 5, "evaluations": 40, "seed": 1, **changed}
    return [part for k, v in settings.items() for part in (f"--{k.replace('_', '-')}", v)]


def weigh(encoder: Path, corpus: Path, **changed: object) -> tuple[pl.DataFrame, str]:
    output = corpus.with_name("w.parquet")
    arguments = (encoder, corpus, "--output-weights", output, *options(**changed))
    log = assert_runs("estimate_shapley", *arguments)
    return read_table(output, WEIGHTS), log


def test_command_weighs_every_token(encoder: Path, tmp_path: Path) -> None:
    found, log = weigh(encoder, write_corpus(tmp_path / "c.parquet", TEXTS))
    assert "2 sentences exact, 2 sampled" in log
    assert found.height == sum(len(text.split()) + 2 for text in TEXTS)
    assert found.filter("special")["weight"].to_list() == [0.0] * 8
    players = found.filter(~pl.col("special"))
    assert players["weight"].min() > 0
    assert players.filter(sentence_id=0)["error"].min() > 0
    assert players.filter(sentence_id=1)["error"].max() == 0
    assert players["completeness"].max() < 1e-5


@pytest.mark.parametrize(("engine", "most"), [("captum", 0.5), ("shap", 1.5)])
def test_other_engines_write_the_same_table(
    encoder: Path, tmp_path: Path, engine: str, most: float
) -> None:
    corpus = write_corpus(tmp_path / "c.parquet", TEXTS)
    own, _ = weigh(encoder, corpus, exact_up_to=10)
    other, log = weigh(encoder, corpus, engine=engine, evaluations=200)
    assert "4 sampled" in log
    assert_frame_equal(
        *(t.drop("weight", "word_weight", "error", "completeness") for t in (other, own))
    )
    assert other["completeness"].max() < 1e-5  # both are efficient
    assert other.filter(~pl.col("special"))["error"].is_null().all()
    difference = np.linalg.norm(other["weight"] - own["weight"]) / np.linalg.norm(own["weight"])
    assert difference < most


@pytest.mark.slow
def test_sampled_weights_are_as_near_the_exact_ones_as_said(encoder: Path, tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "c.parquet", draw_texts(20))
    exact, _ = weigh(encoder, corpus, exact_up_to=9)
    sampled, log = weigh(encoder, corpus, exact_up_to=0, evaluations=31)
    assert int(re.search(r"(\d+) sampled", log)[1]) > 10
    joined = exact.join(sampled, on=["sentence_id", "position"], suffix="_sampled")
    joined = joined.filter(~pl.col("special"), pl.col("error_sampled") > 1e-4)
    deviation = (joined["weight_sampled"] - joined["weight"]) / joined["error_sampled"]
    assert deviation.abs().max() < 5


@pytest.mark.slow
def test_command_does_not_depend_on_company_or_shards(encoder: Path, tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "c.parquet", TEXTS)
    whole, _ = weigh(encoder, corpus)
    shards = [weigh(encoder, corpus, shard=f"{k}-of-2", memory=2)[0] for k in (1, 2)]
    assert_frame_equal(pl.concat(shards).sort(WEIGHTS.keys), whole, check_exact=True)
    alone, _ = weigh(encoder, write_corpus(tmp_path / "c.parquet", TEXTS[:1]))
    expected = whole.filter(sentence_id=0)["weight"].to_numpy()
    assert alone["weight"].to_numpy() == pytest.approx(expected, rel=1e-4)


def test_command_stops_at_the_target_error(encoder: Path, tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "c.parquet", [LONG, LONG + " sea"])
    loose, log = weigh(encoder, corpus, target_error=0.5, evaluations=1000)
    assert "0 sentences exact, 2 sampled" in log
    assert "did not reach" not in log
    few, log = weigh(encoder, corpus, target_error=1e-9, evaluations=8)
    assert "2 sentences did not reach the target error of 1e-09" in log
    assert "2 sentences took more than 8 evaluations" in log
    assert_frame_equal(few, loose)


def test_command_refuses_to_drop_everything(tmp_path: Path) -> None:
    directory = build_encoder(tmp_path / "e", WORDS, checked=True)
    file = directory / "tokenizer.json"
    tokenizer = json.loads(file.read_text())
    tokenizer["post_processor"]["single"] = [{"Sequence": {"id": "A", "type_id": 0}}]
    file.write_text(json.dumps(tokenizer))
    corpus = write_corpus(tmp_path / "c.parquet", TEXTS[:1])
    arguments = (directory, corpus, "--output-weights", tmp_path / "w.parquet")
    line = assert_refuses("estimate_shapley", *arguments, *options(absent="drop"))
    assert "adds no special tokens" in line
    assert not (tmp_path / "w.parquet").exists()
