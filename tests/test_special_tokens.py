"""Special tokens that a person typed are special: weighed, but in no regression and no count."""

from collections import Counter
from itertools import permutations
from pathlib import Path

import polars as pl
import pytest
from commands import WORDS, assert_runs, write_corpus
from tiny_encoder import build_encoder, build_masked_lm

from common.tokens.vocabulary import load_tokenizer, special_ids

TEXTS = ["the [MASK] ran", "boat [SEP] sea [PAD] [CLS]", "the odd boat"]
PLAIN = ["the ran", "boat sea", "the [UNK] boat"]


def test_they_are_flagged_in_weights_and_not_scored(tmp_path: Path) -> None:
    source = build_masked_lm(tmp_path / "lm", WORDS)
    corpus = write_corpus(tmp_path / "c.parquet", TEXTS)
    assert_runs("import_encoder", source, "--output-encoder", tmp_path / "e")
    output = tmp_path / "w.parquet"
    log = assert_runs(
        *("integrate_gradients", tmp_path / "e", corpus, "--baseline", "zero", "--seed", 0),
        *("--tolerance", 0.01, "--max-nodes", 64, "--output-weights", output, "--device", "cpu"),
    )
    assert "4 special tokens spelled out in the text, flagged as special" in log
    weights = pl.read_parquet(output)
    assert weights.filter(~pl.col("special"))["token"].to_list() == " ".join(PLAIN).split()
    assert weights.filter("special")["word_text"].is_null().all()
    scores = tmp_path / "s.parquet"
    assert_runs(
        *("score_surprisal", source, corpus, "--variant", "original", "--device", "cpu"),
        *("--output-surprisal", scores),
    )
    assert pl.read_parquet(scores)["token"].to_list() == " ".join(PLAIN).split()


def test_shapley_values_have_them_for_no_players(tmp_path: Path) -> None:
    encoder = build_encoder(tmp_path / "e", WORDS)
    corpus = write_corpus(tmp_path / "c.parquet", TEXTS)
    output = tmp_path / "w.parquet"
    assert_runs(
        *("estimate_shapley", encoder, corpus, "--absent", "mask", "--exact-up-to", 8),
        *("--evaluations", 64, "--seed", 0, "--output-weights", output, "--device", "cpu"),
    )
    weights = pl.read_parquet(output)
    assert (weights.filter("special")["weight"] == 0).all()
    assert weights.filter(~pl.col("special"))["token"].to_list() == " ".join(PLAIN).split()


@pytest.mark.parametrize("unit", ["token", "word"])
def test_they_are_counted_nowhere(tmp_path: Path, unit: str) -> None:
    encoder = build_encoder(tmp_path / "e", WORDS)
    corpus = write_corpus(tmp_path / "c.parquet", TEXTS)
    files = [tmp_path / f"{name}.parquet" for name in ("tokens", "pairs", "lengths")]
    kinds = ("--output-tokens", "--output-pairs", "--output-lengths")
    outputs = [word for pair in zip(kinds, files, strict=True) for word in pair]
    log = assert_runs("count_tokens", corpus, encoder, *outputs, "--unit", unit)
    assert "4 special tokens spelled out in the text left out" in log
    counted = pl.read_parquet(files[0])
    seen = counted.filter(pl.col("count") > 0)
    assert dict(seen.select("token", "count").rows()) == Counter(" ".join(PLAIN).split())
    spelled = dict(counted.select("token_id", "token").rows())
    pairs = {
        (spelled[a], spelled[b]): n
        for a, b, n in pl.read_parquet(files[1]).select("token_id", "other_id", "count").rows()
    }
    assert pairs == Counter(pair for text in PLAIN for pair in permutations(text.split(), 2))
    lengths = dict(pl.read_parquet(files[2]).select("length", "sentences").rows())
    assert lengths == Counter(len(text.split()) for text in PLAIN)


def test_the_unknown_token_is_a_word_that_is_not_known(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(build_encoder(tmp_path / "e", WORDS))
    assert special_ids(tokenizer) == {0, 2, 3, 4}
    tokenizer.eos_token = "[UNK]"  # as GPT-2 has it
    assert special_ids(tokenizer) == {0, 1, 2, 3, 4}
    tokenizer.add_special_tokens({"additional_special_tokens": ["<extra>"]})
    assert len(tokenizer) - 1 in special_ids(tokenizer)
