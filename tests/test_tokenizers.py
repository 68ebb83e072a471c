"""Tokenizers as they are published: ids with holes, in plain Python, of sentencepiece alone."""

import json
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
import sentencepiece
from commands import WORDS, assert_refuses, assert_runs, write_corpus
from tiny_encoder import build_encoder, build_tokenizer
from transformers import AutoTokenizer, DebertaV2Config, DebertaV2Model

TEXTS = ["the boat ran", "The sea held a boat", "sea"]


def count(corpus: Path, tokenizer: Path, *options: object) -> pl.DataFrame:
    """The tokens that count_tokens counts."""
    files = [corpus.parent / f"{name}.parquet" for name in ("tokens", "pairs", "lengths")]
    kinds = ("--output-tokens", "--output-pairs", "--output-lengths")
    outputs = [word for pair in zip(kinds, files, strict=True) for word in pair]
    assert_runs("count_tokens", corpus, tokenizer, *outputs, *options)
    return pl.read_parquet(files[0])


def test_ids_with_holes(tmp_path: Path) -> None:
    source = build_tokenizer(WORDS)
    parts = json.loads(source.backend_tokenizer.to_str())
    vocabulary = {w: k if k < 8 else k + 30 for w, k in source.get_vocab().items()}
    parts["model"]["vocab"] = vocabulary
    source.save_pretrained(tmp_path / "t")
    (tmp_path / "t" / "tokenizer.json").write_text(json.dumps(parts))
    corpus = write_corpus(tmp_path / "c.parquet", TEXTS)
    counted = count(corpus, tmp_path / "t")
    assert counted["token_id"].to_list() == list(range(max(vocabulary.values()) + 1))
    assert counted["token"].n_unique() == len(counted)
    spelled = dict(counted.select("token", "token_id").rows())
    assert {word: spelled[word] for word in vocabulary} == vocabulary
    seen = counted.filter(pl.col("count") > 0).select("token", "count").rows()
    assert dict(seen) == Counter(" ".join(TEXTS).lower().split())


def plain_python(folder: Path) -> Path:
    """A tokenizer that transformers has in Python alone: BERTweet's, without merges of letters."""
    folder.mkdir()
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "BertweetTokenizer"}')
    (folder / "bpe.codes").write_text("\n")
    letters = sorted(set("".join(WORDS + TEXTS)) - {" "})
    pieces = [*letters, *(f"{letter}@@" for letter in letters)]
    (folder / "vocab.txt").write_text("".join(f"{piece} 9\n" for piece in pieces))
    return folder


def test_tokenizers_in_plain_python(tmp_path: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(str(plain_python(tmp_path / "t")))
    assert not tokenizer.is_fast
    corpus = write_corpus(tmp_path / "c.parquet", [*TEXTS, "the <mask> boat </s>"])
    counted = count(corpus, tmp_path / "t")
    expected = Counter(t for text in [*TEXTS, "the boat"] for t in tokenizer.tokenize(text))
    seen = counted.filter(pl.col("count") > 0).select("token", "count").rows()
    assert dict(seen) == expected
    line = assert_refuses(
        *("count_tokens", corpus, tmp_path / "t", "--output-tokens", tmp_path / "a"),
        *("--output-pairs", tmp_path / "b", "--output-lengths", tmp_path / "l", "--unit", "word"),
    )
    assert "does not tell words; use the unit token" in line


def test_sentencepiece_alone(tmp_path: Path) -> None:
    """As DeBERTa-v3 is published: spm.model, and no tokenizer.json."""
    text = tmp_path / "text.txt"
    text.write_text("\n".join([*TEXTS, *WORDS] * 20))
    sentencepiece.SentencePieceTrainer.train(
        input=str(text),
        model_prefix=str(tmp_path / "spm"),
        vocab_size=50,
        hard_vocab_limit=False,
        pad_id=0,
        bos_id=1,
        eos_id=2,
        unk_id=3,
        pad_piece="[PAD]",
        bos_piece="[CLS]",
        eos_piece="[SEP]",
        unk_piece="[UNK]",
        minloglevel=2,
    )
    source = tmp_path / "s"
    config = DebertaV2Config(
        vocab_size=64,
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        relative_attention=True,
        pos_att_type=["p2c", "c2p"],
    )
    DebertaV2Model(config).save_pretrained(source)
    (tmp_path / "spm.model").rename(source / "spm.model")
    settings = {
        "do_lower_case": False,
        "vocab_type": "spm",
        "tokenizer_class": "DebertaV2Tokenizer",
    }
    (source / "tokenizer_config.json").write_text(json.dumps(settings))
    corpus = write_corpus(tmp_path / "c.parquet", TEXTS)
    assert_runs("import_encoder", source, "--output-encoder", tmp_path / "e")
    output = tmp_path / "w.parquet"
    assert_runs(
        *("integrate_gradients", tmp_path / "e", corpus, "--baseline", "mask", "--seed", 0),
        *("--tolerance", 0.01, "--max-nodes", 64, "--output-weights", output, "--device", "cpu"),
    )
    weighed = pl.read_parquet(output).filter(~pl.col("special"))["token"]
    processor = sentencepiece.SentencePieceProcessor(model_file=str(source / "spm.model"))
    assert weighed.to_list() == [
        piece for t in TEXTS for piece in processor.encode(t, out_type=str)
    ]
    counted = count(corpus, tmp_path / "e").filter(pl.col("count") > 0)
    assert dict(counted.select("token", "count").rows()) == Counter(weighed.to_list())


@pytest.mark.parametrize("model", ["word", "wordpiece"])
def test_trained_tokenizers_keep_accents_unless_told_otherwise(tmp_path: Path, model: str) -> None:
    corpus = write_corpus(tmp_path / "c.parquet", ["résumé resume Über uber"] * 30)
    options = ("--model", model, "--vocabulary", 100, "--positions", 32)
    kept, stripped = tmp_path / "kept", tmp_path / "stripped"
    assert_runs("train_tokenizer", corpus, "--output-tokenizer", kept, *options)
    assert_runs(
        *("train_tokenizer", corpus, "--output-tokenizer", stripped, *options, "--strip-accents")
    )
    text = "Résumé über"
    told = [AutoTokenizer.from_pretrained(str(t)).tokenize(text) for t in (kept, stripped)]
    assert told == [["résumé", "über"], ["resume", "uber"]]


def test_an_encoder_directory_counts_too(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "c.parquet", TEXTS)
    counted = count(corpus, build_encoder(tmp_path / "e", WORDS))
    assert counted["count"].sum() == sum(len(text.split()) for text in TEXTS)
