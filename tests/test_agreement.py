"""What is weighed is what encode() returns, for encoders as they are published."""

import json
import logging
import re
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from commands import WORDS, assert_refuses, assert_runs, write_corpus
from scipy.stats import spearmanr
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense, Normalize
from tiny_encoder import build_encoder, build_masked_lm
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast, XLNetConfig, XLNetModel
from transformers.models.bert.modeling_bert import BertEncoder

import import_encoder
from common.command import InputError
from common.encoders.encoder import Encoder
from common.tokens.sentences import make_sentences
from common.weights.path_integral import derivatives, reverse_derivatives

TEXTS = ["the boat ran", "A Star held the moon and the planet", "sea"]


def take_in(source: Path, **settings: Any) -> Path:
    """The encoder that import_encoder makes of `source`."""
    output = source.parent / "taken"
    import_encoder.main(source, output_encoder=output, **settings)
    return output


def change(file: Path, **settings: Any) -> None:
    """Change settings in a JSON file."""
    file.write_text(json.dumps(json.loads(file.read_text()) | settings))


def weighed(directory: Path, *, normalize: bool = True) -> np.ndarray:
    """What the weights of each of the texts explain, [texts, d]."""
    encoder = Encoder(directory, device="cpu", normalize=normalize)
    sentences = make_sentences(TEXTS, encoder.tokenizer, encoder.longest, encoder.prompt)
    found = [encoder.embed(encoder.embeddings(torch.tensor([s.ids])))[0] for s in sentences]
    return torch.stack(found).numpy()


def encoded(directory: Path) -> np.ndarray:
    return SentenceTransformer(str(directory), device="cpu").encode(TEXTS)


def build(directory: Path, *modules: torch.nn.Module, pooling: str = "mean") -> Path:
    """An encoder of 32 dimensions with more modules behind its pooling."""
    build_encoder(directory, WORDS, pooling=pooling)
    all_modules = [*SentenceTransformer(str(directory), device="cpu"), *modules]
    encoder = SentenceTransformer(modules=all_modules, device="cpu")
    encoder.save(str(directory), create_model_card=False)
    return directory


@pytest.mark.parametrize("include", [True, False])
@pytest.mark.parametrize("pooling", ["mean", "weightedmean", "cls"])
def test_default_prompts(tmp_path: Path, pooling: str, include: bool) -> None:
    source = build_encoder(tmp_path / "s", [*WORDS, "query", ":"], pooling=pooling)
    prompts = {"query": "query: ", "passage": ""}
    change(
        source / "config_sentence_transformers.json", prompts=prompts, default_prompt_name="query"
    )
    change(source / "1_Pooling" / "config.json", include_prompt=include)
    output = take_in(source)
    np.testing.assert_allclose(weighed(output), encoded(output), rtol=1e-4, atol=1e-5)
    encoder = Encoder(output, device="cpu")
    (sentence,) = make_sentences(TEXTS[:1], encoder.tokenizer, encoder.longest, encoder.prompt)
    tokens = encoder.tokenizer.convert_ids_to_tokens(sentence.ids)
    assert tokens == ["[CLS]", "query", ":", "the", "boat", "ran", "[SEP]"]
    assert sentence.special == [True, True, True, False, False, False, True]
    assert sentence.spelled == [None, None, None, "the", "boat", "ran", None]


def test_a_prompt_is_chosen_or_left_out(tmp_path: Path) -> None:
    source = build_encoder(tmp_path / "s", [*WORDS, "query", ":"])
    prompts = {"query": "query: ", "passage": "saw: "}
    change(
        source / "config_sentence_transformers.json", prompts=prompts, default_prompt_name="query"
    )
    assert Encoder(take_in(source, prompt="passage"), device="cpu").prompt == "saw: "
    without = take_in(source, prompt="none")
    assert Encoder(without, device="cpu").prompt == ""
    plain = SentenceTransformer(str(source), device="cpu").encode(TEXTS, prompt="")
    np.testing.assert_allclose(weighed(without), plain, rtol=1e-4, atol=1e-5)
    with pytest.raises(InputError, match="no prompt 'poem'; it has query, document, passage"):
        take_in(source, prompt="poem")


def test_embeddings_are_cut_as_encode_cuts_them(tmp_path: Path) -> None:
    source = build_encoder(tmp_path / "s", WORDS, normalize=True)
    change(source / "config_sentence_transformers.json", truncate_dim=8)
    output = take_in(source)
    assert weighed(output).shape == (3, 8)
    np.testing.assert_allclose(weighed(output), encoded(output), rtol=1e-4, atol=1e-5)


def test_only_the_last_normalisation_is_left_out(tmp_path: Path) -> None:
    source = build(tmp_path / "s", Normalize(), Dense(32, 8))
    output = take_in(source)
    np.testing.assert_allclose(
        weighed(output, normalize=False), encoded(output), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize(
    "activation",
    [
        *(torch.nn.Identity, torch.nn.ReLU, torch.nn.GELU, torch.nn.SiLU, torch.nn.Mish),
        *(torch.nn.Softplus, torch.nn.Hardtanh, torch.nn.ELU, torch.nn.PReLU, torch.nn.LogSigmoid),
        *(torch.nn.Hardswish, torch.nn.Softsign, torch.nn.CELU, torch.nn.Tanhshrink),
    ],
)
def test_dense_with_any_activation_of_torch(tmp_path: Path, activation: type) -> None:
    output = take_in(build(tmp_path / "s", Dense(32, 8, activation_function=activation())))
    np.testing.assert_allclose(weighed(output), encoded(output), rtol=1e-4, atol=1e-5)
    encoder = Encoder(output, device="cpu")
    end = encoder.embeddings(torch.tensor([encoder.tokenizer(TEXTS[0])["input_ids"]]))
    jacobian = torch.autograd.functional.jacobian(lambda x: encoder.embed(x)[0], end)[:, 0]
    expected = (jacobian * end).sum(-1).T
    found = derivatives(encoder.embed, end, end, 8, chunk=2)[0]
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-5)


def test_token_types_of_xlnet(tmp_path: Path) -> None:
    words = ["<pad>", "<unk>", "<cls>", "<sep>", "<mask>", *WORDS]
    backend = Tokenizer(models.WordLevel({w: k for k, w in enumerate(words)}, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    backend.post_processor = processors.TemplateProcessing(
        single="$A:0 <sep>:0 <cls>:2", special_tokens=[("<sep>", 3), ("<cls>", 2)]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
        **{f"{w[1:-1]}_token": w for w in words[:5]},
    )
    torch.manual_seed(0)
    config = XLNetConfig(vocab_size=len(words), d_model=32, n_layer=2, n_head=2, d_inner=64)
    model = XLNetModel(config)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    model.save_pretrained(tmp_path / "s")
    tokenizer.save_pretrained(tmp_path / "s")
    output = take_in(tmp_path / "s")
    np.testing.assert_allclose(weighed(output), encoded(output), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_evaluated_in_float32(tmp_path: Path, dtype: torch.dtype) -> None:
    source = build_encoder(tmp_path / "s", WORDS)
    encoder = SentenceTransformer(str(source), device="cpu").to(dtype)
    encoder.save(str(source), create_model_card=False)
    output = take_in(source)
    single = SentenceTransformer(str(output), device="cpu", model_kwargs={"dtype": "float32"})
    np.testing.assert_allclose(weighed(output), single.encode(TEXTS), rtol=1e-3, atol=1e-4)
    assert spearman_of(output) == pytest.approx(cosine_rho(single.encode), abs=1e-6)


def pairs(folder: Path) -> Path:
    """A corpus of scored pairs."""
    texts = [text for pair in zip(PAIRS[0], PAIRS[1], strict=True) for text in pair]
    return write_corpus(
        folder / "pairs.parquet",
        texts,
        pair_id=np.repeat(np.arange(4), 2).tolist(),
        side=[0, 1] * 4,
        score=np.repeat(SCORES, 2).tolist(),
    )


PAIRS = (
    ["the boat ran", "cake", "star held the moon", "sea"],
    ["a sail ran", "the oven made flour and sugar", "a planet", "wind sea sea boat"],
)
SCORES = [4.0, 3.0, 1.0, 2.5]


def cosine_rho(encode: Any) -> float:
    a, b = (encode(side) for side in PAIRS)
    cosine = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    return float(spearmanr(cosine, SCORES)[0])


def spearman_of(directory: Path) -> float:
    """What evaluate_encoder finds."""
    output = directory.parent / "evaluation.parquet"
    assert_runs(
        *("evaluate_encoder", directory, pairs(directory.parent), "--output-evaluation", output),
        *("--name", "x", "--corpus-name", "p", "--positive-score", 3, "--device", "cpu"),
    )
    return float(pl.read_parquet(output)["sts_spearman"][0])


@pytest.mark.parametrize("similarity", ["dot", "euclidean", "manhattan"])
def test_rho_is_of_the_cosine_for_every_encoder(tmp_path: Path, similarity: str) -> None:
    source = build_encoder(tmp_path / "s", WORDS, dense=4, seed=3)
    change(source / "config_sentence_transformers.json", similarity_fn_name=similarity)
    expected = cosine_rho(SentenceTransformer(str(source), device="cpu").encode)
    assert spearman_of(source) == pytest.approx(expected, abs=1e-6)


def without_pad(source: Path) -> Path:
    """The same encoder, whose tokenizer has no token to pad with."""
    file = source / "tokenizer_config.json"
    settings = json.loads(file.read_text())
    del settings["pad_token"]
    file.write_text(json.dumps(settings | {"eos_token": "[SEP]"}))
    return source


def test_without_a_pad_token_the_last_one_pads(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = without_pad(
        build_encoder(tmp_path / "s", WORDS, architecture="gpt2", pooling="lasttoken")
    )
    caplog.set_level(logging.INFO)
    output = take_in(source)
    assert "no pad token; [SEP] pads" in caplog.text
    np.testing.assert_allclose(weighed(output), encoded(output), rtol=1e-4, atol=1e-5)
    alone = SentenceTransformer(str(output), device="cpu")
    assert spearman_of(output) == pytest.approx(
        cosine_rho(lambda side: np.concatenate([alone.encode([text]) for text in side]))
    )


@pytest.mark.parametrize("architecture", ["roberta", "camembert", "xlm-roberta", "bert", "gpt2"])
def test_positions_cap_the_length(tmp_path: Path, architecture: str) -> None:
    source = build_masked_lm(tmp_path / "s", WORDS) if architecture == "bert" else None
    source = source or build_encoder(tmp_path / "s", WORDS, architecture=architecture)
    file = source / "tokenizer_config.json"
    settings = json.loads(file.read_text())
    del settings["model_max_length"]
    file.write_text(json.dumps(settings))
    output = take_in(source)
    encoder = Encoder(output, device="cpu")
    usable = 39 if architecture in ("roberta", "camembert", "xlm-roberta") else 40
    assert encoder.longest == usable  # of 40, less those up to the pad token's, 0
    (sentence,) = make_sentences(["boat " * 99], encoder.tokenizer, encoder.longest)
    assert (len(sentence.ids), sentence.truncated) == (usable, True)
    found = encoder.embed(encoder.embeddings(torch.tensor([sentence.ids])))[0]
    expected = SentenceTransformer(str(output), device="cpu").encode("boat " * 99)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-4, atol=1e-5)


def test_lower_casing_by_a_setting_of_the_library(tmp_path: Path) -> None:
    source = build_encoder(tmp_path / "s", WORDS)
    tokenizer = json.loads((source / "tokenizer.json").read_text())
    (source / "tokenizer.json").write_text(json.dumps(tokenizer | {"normalizer": None}))
    change(source / "sentence_bert_config.json", do_lower_case=True)
    output = take_in(source)
    np.testing.assert_allclose(weighed(output), encoded(output), rtol=1e-4, atol=1e-5)
    corpus = write_corpus(tmp_path / "c.parquet", ["Boat BOAT boat"])
    counted = [tmp_path / f"{kind}.parquet" for kind in ("tokens", "pairs", "lengths")]
    kinds = zip(("--output-tokens", "--output-pairs", "--output-lengths"), counted, strict=True)
    assert_runs("count_tokens", corpus, output, *[word for pair in kinds for word in pair])
    counts = pl.read_parquet(counted[0]).filter(pl.col("count") > 0)
    assert counts.select("token", "count").rows() == [("boat", 3)]


def test_an_encoder_that_differs_names_the_module(tmp_path: Path) -> None:
    source = build_encoder(tmp_path / "s", WORDS, architecture="esm")
    with pytest.raises(InputError, match=r"module 0 \(EsmModel\) does not make what encode"):
        take_in(source)


def test_derivatives_that_are_not_those_of_the_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = BertEncoder.forward

    def cut(self: BertEncoder, hidden: torch.Tensor, *more: Any, **settings: Any) -> Any:
        return whole(self, hidden / 2 + hidden.detach() / 2, *more, **settings)

    source = build_encoder(tmp_path / "s", WORDS)
    monkeypatch.setattr(BertEncoder, "forward", cut)
    with pytest.raises(InputError, match=r"derivatives of module 0 \(BertModel\)"):
        take_in(source)
    assert not (tmp_path / "taken").exists()


def test_padding_that_changes_embeddings_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = build_encoder(tmp_path / "s", WORDS, architecture="gpt2")
    change(source / "tokenizer_config.json", padding_side="left")  # which moves all positions
    output = take_in(source)
    assert re.search("padded in a batch.*padding_side left", caplog.text)
    encoder = SentenceTransformer(str(output), device="cpu")
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    np.testing.assert_allclose(weighed(output), alone, rtol=1e-4, atol=1e-5)


def test_a_pad_token_in_a_text_that_moves_positions(tmp_path: Path) -> None:
    output = take_in(build_encoder(tmp_path / "s", WORDS, architecture="roberta"))
    corpus = write_corpus(tmp_path / "c.parquet", ["the boat", "the [PAD] boat ran"])
    line = assert_refuses(
        *("integrate_gradients", output, corpus, "--baseline", "zero", "--tolerance", 0.01),
        *("--max-nodes", 64, "--seed", 0, "--output-weights", tmp_path / "w.parquet"),
    )
    assert "sentence_id 1 spells out [PAD]" in line


def test_an_encoder_of_others_is_checked_where_it_is_opened(tmp_path: Path) -> None:
    source = build_encoder(tmp_path / "s", WORDS, architecture="esm")
    corpus = write_corpus(tmp_path / "c.parquet", TEXTS)
    line = assert_refuses(
        *("integrate_gradients", source, corpus, "--baseline", "zero", "--tolerance", 0.01),
        *("--max-nodes", 64, "--seed", 0, "--output-weights", tmp_path / "w.parquet"),
    )
    assert "module 0 (EsmModel)" in line


@pytest.mark.parametrize("architecture", ["bert", "gpt2"])
def test_reverse_mode_agrees_with_forward_mode(tmp_path: Path, architecture: str) -> None:
    encoder = Encoder(build_encoder(tmp_path / "e", WORDS, architecture=architecture), device="cpu")
    end = encoder.embeddings(torch.tensor([encoder.tokenizer(t)["input_ids"] for t in TEXTS[:1]]))
    points = torch.cat([0.3 * end, end])
    step = end.expand_as(points)
    forward = derivatives(encoder.embed, points, step, 32, chunk=4)
    reverse = reverse_derivatives(encoder.embed, points, step)
    torch.testing.assert_close(reverse, forward, rtol=1e-3, atol=1e-5)


def test_architectures_without_forward_mode(tmp_path: Path) -> None:
    source = build_encoder(tmp_path / "s", WORDS, architecture="bloom")
    output = take_in(source)
    encoder = Encoder(output, device="cpu")
    assert not encoder.forward_mode
    corpus = write_corpus(tmp_path / "c.parquet", TEXTS)
    weights = tmp_path / "w.parquet"
    assert_runs(
        *("integrate_gradients", output, corpus, "--baseline", "mask", "--tolerance", 1e-3),
        *("--max-nodes", 256, "--seed", 0, "--output-weights", weights, "--device", "cpu"),
    )
    table = pl.read_parquet(weights)
    assert (table["completeness"] < 2e-2).all()
