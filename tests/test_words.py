"""Words: how they read, what they weigh and how often they occur, by hand and by plain counting."""

import json
import re
from collections import Counter
from itertools import chain, permutations
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
import torch
from commands import WORDS, call, draw_texts, write_corpus
from hypothesis import given
from hypothesis import strategies as st
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Transformer
from sentence_transformers.sentence_transformer.modules import Pooling
from test_correlate_weights import judged, options_of
from tiny_encoder import SPECIAL, build_masked_lm
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast
from workflow import TINY

import correlate_weights
import count_tokens
import estimate_information
import estimate_shapley
import gather_tables
import generate_corpus
import integrate_gradients
import merge_counts
import plot_regressions
import plot_surprisal
import score_surprisal
import train_tokenizer
from common.command import InputError
from common.contract import (
    INFORMATION,
    LANGUAGE,
    PAIR_COUNTS,
    REGRESSION,
    SENTENCE_LENGTHS,
    SURPRISAL,
    TOKEN_COUNTS,
    WEIGHTS,
)
from common.encoders.encoder import Encoder
from common.memory import budget
from common.tables import read_metadata, read_table
from common.tokens.sentences import Sentence, read_sentences
from common.weights.path_integral import PathIntegral
from common.weights.quadrature import STRAIGHT
from common.workflow.configuration import counted_in, has_exact, validated

TABLES = {"tokens": TOKEN_COUNTS, "pairs": PAIR_COUNTS, "lengths": SENTENCE_LENGTHS}
VOCABULARY = [*WORDS, "Café", "naïve", "sailors'", "(moon)", "re-made"]
TRAINED_ON = ["the sea, the sun. (a) b-c x'", *WORDS[:6], "abcdefghijklmnopqrstuvwxyz Cïé()-'"]


def train(
    model: Any, trainer: Any, pre_tokenizer: Any, decoder: Any, normalizer: Any = None
) -> Any:
    """A fast tokenizer with few pieces."""
    backend = Tokenizer(model)
    backend.pre_tokenizer, backend.decoder = pre_tokenizer, decoder
    if normalizer:
        backend.normalizer = normalizer
    backend.train_from_iterator(TRAINED_ON, trainer)
    names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, model_max_length=36, **dict(zip(names, SPECIAL, strict=True))
    )


OPTIONS: dict[str, Any] = {"special_tokens": SPECIAL, "show_progress": False}
BYTES = pre_tokenizers.ByteLevel(add_prefix_space=False)
TOKENIZERS = {
    "wordpiece": train(
        models.WordPiece(unk_token="[UNK]"),
        trainers.WordPieceTrainer(vocab_size=90, **OPTIONS),
        pre_tokenizers.BertPreTokenizer(),
        decoders.WordPiece(),
        normalizers.BertNormalizer(),
    ),
    "wordpiece without decoder": train_tokenizer.train(TRAINED_ON, "wordpiece", 90, 36),
    "bytes": train(
        models.BPE(),
        trainers.BpeTrainer(
            vocab_size=270, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), **OPTIONS
        ),
        BYTES,
        decoders.ByteLevel(),
    ),
    "sentencepiece": train(
        models.Unigram(),
        trainers.UnigramTrainer(vocab_size=60, unk_token="[UNK]", **OPTIONS),
        pre_tokenizers.Metaspace(),
        decoders.Metaspace(),
    ),
}
PIECES = TOKENIZERS["wordpiece without decoder"]
UNSPLIT = train(
    models.Unigram(),
    trainers.UnigramTrainer(vocab_size=60, unk_token="[UNK]", **OPTIONS),
    pre_tokenizers.Metaspace(split=False),
    decoders.Metaspace(),
)


def words_of(kind: str, text: str) -> list[str]:
    """The words of a text as a person finds them, with no tokenizer."""
    if kind == "sentencepiece":
        return text.split()
    plain = text.lower() if "piece" in kind else text
    if kind == "wordpiece":  # ours keep accents
        plain = plain.replace("é", "e").replace("ï", "i")
    return re.findall(r"\w+|[^\w\s]+" if kind == "bytes" else r"\w+|[^\w\s]", plain)


def texts_of(count: int, seed: int = 0) -> list[str]:
    generator = np.random.default_rng(seed)
    return [" ".join(generator.choice(VOCABULARY, generator.integers(1, 8))) for _ in range(count)]


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_words_read_as_in_the_text(kind: str, tmp_path: Path) -> None:
    texts = texts_of(50)
    corpus = write_corpus(tmp_path / "c.parquet", texts)
    sentences = read_sentences(corpus, TOKENIZERS[kind], None)
    several = 0
    for text, sentence in zip(texts, sentences, strict=True):
        assert sentence.words is not None
        read = dict(zip(sentence.words, sentence.spelled, strict=True))
        assert [read[k] for k in sorted(k for k in read if k is not None)] == words_of(kind, text)
        assert read.get(None) is None
        several += len(sentence.ids) - sentence.special.count(True) > len(words_of(kind, text))
    assert several > 30


def test_a_cut_word_is_none(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "c.parquet", ["sea oven sugar", "sea"])
    whole = read_sentences(corpus, PIECES, None)[0]
    last = PIECES.convert_ids_to_tokens(whole.ids).index("[SEP]") - 1
    assert whole.spelled[last - 1 : last + 1] == ["sugar", "sugar"]
    cut, short = read_sentences(corpus, PIECES, last + 1)
    assert cut.truncated
    assert cut.words[:-1] == whole.words[:last]
    assert set(cut.spelled) == {None, "sea", "oven"}
    assert set(short.spelled) == {None, "sea"}


def test_tokenizers_that_split_nothing_tell_no_words(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "c.parquet", ["sea oven", "sea"])
    for sentence in read_sentences(corpus, UNSPLIT, None):
        assert sentence.words is None
        assert set(sentence.spelled) == {None}
        sentence.weigh(np.ones((len(sentence.ids), 2)), 0, 0, {})
        assert np.isnan(sentence.word_weight).all()
    UNSPLIT.save_pretrained(tmp_path / "tokenizer")
    with pytest.raises(InputError, match="tokenizer: its tokenizer does not tell words"):
        count(tmp_path, tmp_path / "c.parquet", tmp_path / "tokenizer", "none")


@given(st.lists(st.sampled_from([None, 0, 1, 2, 5]), min_size=1, max_size=9), st.integers(0, 99))
def test_a_word_weighs_the_norm_of_the_sum(words: list[int | None], seed: int) -> None:
    vectors = np.random.default_rng(seed).normal(size=(len(words), 3))
    spelled = [None if word is None or word == 5 else f"word{word}" for word in words]
    special = [word is None for word in words]
    sentence = Sentence(0, "", [7] * len(words), special, False, words, spelled)
    sentence.weigh(vectors, 0.5, 0, {})
    assert sentence.error.tolist() == [0.5] * len(words)
    for k, (word, text) in enumerate(zip(words, spelled, strict=True)):
        assert sentence.weight[k] == np.sqrt((vectors[k] ** 2).sum())
        total = sum(vectors[i] for i in range(len(words)) if words[i] == word)
        if text is None:
            assert np.isnan(sentence.word_weight[k])
        elif words.count(word) == 1:
            assert sentence.word_weight[k] == sentence.weight[k]
        else:
            assert sentence.word_weight[k] == pytest.approx(np.sqrt((total**2).sum()), 1e-12)


def count(
    folder: Path, corpus: Path, tokenizer: Path, name: str, unit: Any = "word", **more: Any
) -> dict[str, Path]:
    """Counts of a corpus, written to `folder`."""
    made = {kind: folder / f"{name}-{kind}" for kind in TABLES}
    outputs = {f"output_{kind}": path for kind, path in made.items()}
    count_tokens.main(corpus, tokenizer, unit=unit, **outputs, **more)
    return made


def merge(folder: Path, parts: list[dict[str, Path]], name: str = "merged") -> dict[str, Path]:
    made = {kind: folder / f"{name}-{kind}" for kind in TABLES}
    outputs = {f"output_{kind}": path for kind, path in made.items()}
    merge_counts.main(**{kind: [part[kind] for part in parts] for kind in TABLES}, **outputs)
    return made


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_counts_are_those_of_plain_python_in_any_shards(kind: str, tmp_path: Path) -> None:
    texts = texts_of(211)
    corpus = write_corpus(tmp_path / "c.parquet", texts, sentences=7)
    TOKENIZERS[kind].save_pretrained(tmp_path / "t")
    whole = merge(tmp_path, [count(tmp_path, corpus, tmp_path / "t", "counted")], "whole")
    tokens, cells, lengths = (read_table(whole[k], table) for k, table in TABLES.items())
    sentences = [words_of(kind, text) for text in texts]
    assert dict(tokens.select("token", "count").rows()) == Counter(chain.from_iterable(sentences))
    assert tokens["token"].to_list() == sorted({word for one in sentences for word in one})
    assert tokens["token_id"].to_list() == list(range(len(tokens)))
    pairs = Counter(pair for one in sentences for pair in permutations(one, 2))
    held = [one for k, one in enumerate(sentences) if k * 128 // 211 % 8 == 0]
    first = Counter(pair for one in held for pair in permutations(one, 2))
    word = tokens["token"].to_list()
    assert {(word[a], word[b]): n for a, b, n, *_ in cells.rows()} == pairs
    of_first = cells.select("token_id", "other_id", "group_1").rows()
    assert {(word[a], word[b]): n for a, b, n in of_first if n} == first
    assert dict(lengths.rows()) == Counter(map(len, sentences))
    for shards in (1, 4, 300):
        parts = [
            count(tmp_path, corpus, tmp_path / "t", f"{k}-of-{shards}", block=9, shard=shard)
            for k in (range(1, shards + 1) if shards < 10 else (7, 107, 300, 2))
            if (shard := f"{k}-of-{shards}")
        ]
        if shards == 300:  # some of its shards are empty
            assert 0 in [len(read_table(part["tokens"], TOKEN_COUNTS)) for part in parts]
            one, other = merge(tmp_path, parts), merge(tmp_path, parts[::-1], "turned")
        else:
            one, other = merge(tmp_path, parts[::-1]), whole
        for name in TABLES:
            assert pq.read_table(one[name]).equals(pq.read_table(other[name]))
            assert read_metadata(one[name])["words"] == read_metadata(other[name])["words"]
            assert read_metadata(one[name])["unit"] == "word"


def test_counts_of_two_units_or_in_two_orders_are_refused(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "c.parquet", texts_of(30))
    PIECES.save_pretrained(tmp_path / "t")
    first, second = (
        count(tmp_path, corpus, tmp_path / "t", str(k), shard=f"{k}-of-2") for k in (1, 2)
    )
    tokens = count(tmp_path, corpus, tmp_path / "t", "tokens", "token")
    with pytest.raises(InputError, match="counts of different units"):
        merge(tmp_path, [first, tokens])
    mixed = [{**first, "pairs": second["pairs"]}, {**second, "pairs": first["pairs"]}]
    with pytest.raises(InputError, match="give the same shards in the same order"):
        merge(tmp_path, mixed)
    for k, made in enumerate((first, tokens)):
        estimate_information.main(**made, output_information=tmp_path / f"i{k}")
    with pytest.raises(InputError, match=r"different units \(word and token\)"):
        gather_tables.main(
            [tmp_path / "i0", tmp_path / "i1"], output_table=tmp_path / "i", table="information"
        )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two encoders whose tokenizer makes several tokens of a word, with all their tables."""
    place = tmp_path_factory.mktemp("words")
    corpus = write_corpus(place / "corpus.parquet", draw_texts(40, seed=1))
    weighed = write_corpus(place / "weighed.parquet", [*draw_texts(9), "zebra boat", "oven " * 40])
    for seed, name in enumerate(("before", "after")):
        directory = build_masked_lm(place / name, [], seed=seed, tokenizer=PIECES)
        modules = [Transformer(str(directory)), Pooling(32)]
        SentenceTransformer(modules=modules, device="cpu").save(str(directory))
        call(
            integrate_gradients.main,
            *(directory, weighed),
            output_weights=place / f"{name}.parquet",
            **{"baseline": "zero", "tolerance": 1e-3, "max_nodes": 64, "seed": 0, "device": "cpu"},
        )
    lm = build_masked_lm(place / "lm", [], tokenizer=PIECES)
    call(
        score_surprisal.main,
        *(lm, weighed),
        output_surprisal=place / "surprisal.parquet",
        variant="original",
    )
    for unit in ("token", "word"):
        counts = count(place, corpus, lm, unit, unit)
        estimate_information.main(**counts, output_information=place / f"{unit}.parquet")
    return place


def test_words_of_integrated_gradients(folder: Path) -> None:
    model = Encoder(folder / "before", device="cpu")
    table = read_table(folder / "before.parquet", WEIGHTS).filter(sentence_id=2)
    end = model.embeddings(torch.tensor([table["token_id"].to_list()]))
    alone = PathIntegral(model.embed, torch.zeros_like(end), end, budget(4, model.modules, "cpu"))
    vectors = alone.contributions(STRAIGHT, [64])[0]
    tokens = table["token"].to_list()
    starts = [k for k in range(1, len(tokens) - 1) if not tokens[k].startswith("##")]
    assert len(starts) < len(tokens) - 2
    for start, stop in zip(starts, [*starts[1:], len(tokens) - 1], strict=True):
        part = table[start:stop]
        assert set(part["word_text"]) == {"".join(tokens[start:stop]).replace("##", "")}
        assert part["word"].n_unique() == part["word_weight"].n_unique() == 1
        norm = vectors[start:stop].sum(0).norm().item()
        assert part["word_weight"][0] == pytest.approx(norm, rel=5e-3)
    assert table.filter("special").select("word", "word_text", "word_weight").row(0) == (None,) * 3


def test_words_of_shapley_values(folder: Path, tmp_path: Path) -> None:
    """Of two tokens, the values add up to what both make of the embedding."""
    corpus = write_corpus(tmp_path / "c.parquet", ["sa sail", "sails"])
    call(
        estimate_shapley.main,
        *(folder / "before", corpus),
        output_weights=tmp_path / "w.parquet",
        **{"absent": "mask", "exact_up_to": 10, "evaluations": 40, "seed": 0, "device": "cpu"},
    )
    table = read_table(tmp_path / "w.parquet", WEIGHTS)
    model = Encoder(folder / "before", device="cpu")
    whole = table.filter(sentence_id=1)
    ids = torch.tensor([whole["token_id"].to_list()])
    assert len(whole) > 3
    absent = ids.clone()
    absent[:, 1:-1] = model.token_id("mask")
    ends = [model.embed(model.embeddings(one)).double() for one in (ids, absent)]
    weight = (ends[0] - ends[1]).norm().item()
    assert whole["word_weight"].to_list()[1:-1] == pytest.approx([weight] * (len(whole) - 2), 1e-5)
    assert whole["word_weight"][0] is whole["word_weight"][-1] is None


def test_truncation_leaves_the_cut_word_out(folder: Path) -> None:
    table = read_table(folder / "before.parquet", WEIGHTS).filter(sentence_id=10)
    assert table["truncated"].all()
    cut = table.filter(~pl.col("special"), pl.col("word_text").is_null())
    assert cut["word_weight"].null_count() == len(cut)
    assert cut["word"].unique().to_list() == [table["word"].max()]
    assert table["word_text"].drop_nulls().unique().to_list() == ["oven"]


@pytest.mark.parametrize("unit", ["word", "token"])
def test_the_relation_is_a_join_by_hand(folder: Path, tmp_path: Path, unit: str) -> None:
    for name in ("before", "after", "surprisal"):
        (tmp_path / f"{name}.parquet").symlink_to(folder / f"{name}.parquet")
    (tmp_path / "information.parquet").symlink_to(folder / f"{unit}.parquet")
    quantities = ["self_information", "information_gain", "surprisal"]
    call(correlate_weights.main, **options_of(tmp_path, quantities, 3, surprisal=True))
    types = read_table(folder / f"{unit}.parquet", INFORMATION)
    known = {row["token"]: row for row in types.iter_rows(named=True) if row["count"] >= 3}
    scored = read_table(folder / "surprisal.parquet", SURPRISAL)
    surprisal = {(row[0], row[1]): row[4] for row in scored.rows()}
    for number, stage in enumerate(("before", "after")):
        found: dict[tuple[int, int], list[Any]] = {}
        for row in read_table(folder / f"{stage}.parquet", WEIGHTS).iter_rows(named=True):
            place = (row["sentence_id"], row["position"])
            text = row["word_text"] if unit == "word" else row["token"]
            if row["special"] or text not in known:
                continue
            key = (row["sentence_id"], row["word"]) if unit == "word" else place
            weight = row["word_weight"] if unit == "word" else row["weight"]
            found.setdefault(key, [text, weight, 0.0])[2] += surprisal[place]
        weights = np.array([weight for _, weight, _ in found.values()])
        table = read_table(tmp_path / "regression.parquet", REGRESSION).filter(stage=number)
        for row in table.iter_rows(named=True):
            name = row["quantity"]
            x = [s if name == "surprisal" else known[text][name] for text, _, s in found.values()]
            assert row["n"] == len(x) > 20
            expected = judged(np.array(x), weights)
            named = [row[key] for key in ("r_squared", "slope", "intercept", "spearman")]
            assert named == pytest.approx(expected, 1e-9)
    assert read_metadata(tmp_path / "regression.parquet")["unit"] == unit
    assert "zebra" not in types["token"]


def test_the_grammar_knows_the_words_of_pieces(tmp_path: Path) -> None:
    corpus, exact = tmp_path / "corpus.parquet", tmp_path / "exact.parquet"
    generate_corpus.main(
        output_corpus=corpus,
        output_exact=exact,
        form="documents",
        size=40,
        sentences=[4, 9],
        seed=0,
    )
    texts = read_table(corpus, train_tokenizer.CORPUS)["text"].to_list()
    train_tokenizer.train(texts, "wordpiece", 300, 64).save_pretrained(tmp_path / "t")
    counts = count(tmp_path, corpus, tmp_path / "t", "words")
    estimate_information.main(**counts, output_information=tmp_path / "i.parquet", exact=exact)
    found = read_table(tmp_path / "i.parquet", INFORMATION)
    known = dict(read_table(exact, LANGUAGE).select("word", "information_gain").rows())
    assert len(found) > 300
    for word, gain in found.select("token", "information_gain_exact").rows():
        assert gain == known[word]


@pytest.mark.parametrize(
    ("unit", "model", "known"),
    [("token", "word", True), ("token", "wordpiece", False), ("word", "wordpiece", True)],
)
def test_exact_values_are_of_words(unit: str, model: str, known: bool) -> None:
    config = json.loads(json.dumps(TINY))
    config["analysis"] = {"unit": unit}
    config["theory"] = config["pairs"] = None
    config["encoders"]["masked_lm"]["tokenizer"]["model"] = model
    filled = validated(config)
    types = counted_in(filled, filled["comparisons"]["adjacent"])
    assert has_exact(filled, "language", types) is known


def test_figures_speak_of_words(folder: Path, tmp_path: Path) -> None:
    tables = {name: folder / f"{name}.parquet" for name in ("before", "after", "surprisal")}
    tables["information"] = folder / "word.parquet"
    options = options_of(tmp_path, ["surprisal"], 3, surprisal=True)
    options["weights"] = [tables.pop(name) for name in ("before", "after")]
    options["information"] = tables["information"]
    options["surprisal"] = tables["surprisal"]
    call(correlate_weights.main, **options)
    files = {f"output_{kind}": tmp_path / f"figure.{kind}" for kind in ("svg", "pdf")}
    kept = {"comparison", "encoders", "corpus", "method", "quantities", "minimum_count"}
    kept |= {"weights", *tables}
    plot_regressions.main(
        **{name: value for name, value in options.items() if name in kept},
        **files,
        regression=tmp_path / "regression.parquet",
    )
    assert "words in a hexagon" in files["output_svg"].read_text()
    plot_surprisal.main(surprisal=tables["surprisal"], information=tables["information"], **files)
    words = read_table(tables["surprisal"], SURPRISAL).drop_nulls("word_text")
    sums: dict[tuple[int, int, str], float] = {}
    for row in words.iter_rows(named=True):
        key = (row["sentence_id"], row["word"], row["word_text"])
        sums[key] = sums.get(key, 0.0) + row["surprisal"]
    known = dict(read_table(tables["information"], INFORMATION)["token", "self_information"].rows())
    pairs = [(known[text], value) for (_, _, text), value in sums.items() if text in known]
    without, with_context = np.mean(pairs, axis=0)
    told = f"context saves {without - with_context:.2f} of {without:.2f} nats a word"
    assert told.replace("-", "−") in files["output_svg"].read_text().replace("-", "−")
