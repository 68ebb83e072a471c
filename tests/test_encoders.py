"""Encoders read from a directory: architectures, modules, truncation, and what cannot be used."""

import logging
from pathlib import Path

import pytest
import torch
from commands import write_corpus
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer
from tiny_encoder import build_encoder

from common.command import InputError
from common.encoders.encoder import Encoder
from common.memory import Budget
from common.tokens.sentences import read_sentences
from common.weights.path_integral import PathIntegral, derivatives
from common.weights.quadrature import STRAIGHT

WORDS = ["the", "a", "cat", "dog", "river", "bank", "sat", "ran", "on", "by", "quick", "old"]
TEXT = "the old cat sat on a river bank"
ARCHITECTURES = [
    "bert",
    "roberta",
    "distilbert",
    "mpnet",
    "albert",
    "electra",
    "modernbert",
    "deberta-v2",
    "xlm-roberta",
    "camembert",
    "nomic_bert",
    "convbert",
    "t5",
    "gpt2",
    "qwen2",
    "llama",
]


def load(directory: Path, *, normalize: bool = False) -> Encoder:
    return Encoder(directory, device="cpu", normalize=normalize)


def embeddings_of(encoder: Encoder, text: str) -> torch.Tensor:
    return encoder.embeddings(torch.tensor([encoder.tokenizer(text)["input_ids"]]))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_forward_mode_agrees_with_reverse_mode(tmp_path: Path, architecture: str) -> None:
    directory = build_encoder(tmp_path / "e", WORDS, architecture=architecture)
    encoder = load(directory)
    end = embeddings_of(encoder, TEXT)
    points, step = 0.6 * end, end.flip(1)
    found = derivatives(encoder.embed, points, step, 32, chunk=4)[0]
    jacobian = torch.autograd.functional.jacobian(lambda x: encoder.embed(x)[0], points)[:, 0]
    expected = (jacobian * step).sum(-1).T
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max()))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_embeds_as_sentence_transformers_does(tmp_path: Path, architecture: str) -> None:
    directory = build_encoder(tmp_path / "e", WORDS, architecture=architecture)
    expected = SentenceTransformer(str(directory), device="cpu").encode(TEXT)
    encoder = load(directory)
    found = encoder.embed(embeddings_of(encoder, TEXT))[0].numpy()
    assert found == pytest.approx(expected, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("pooling", ["mean", "cls", "max", "lasttoken", "weightedmean"])
def test_poolings_have_forward_mode(tmp_path: Path, pooling: str) -> None:
    encoder = load(build_encoder(tmp_path / "e", WORDS, pooling=pooling))
    end = embeddings_of(encoder, TEXT)
    integral = PathIntegral(encoder.embed, 0.3 * end, end, Budget(10**9, 10**9))
    error = integral.completeness(STRAIGHT, [32])
    assert float(error) < (0.1 if pooling == "max" else 1e-3)  # max has kinks


def test_normalisation_is_skipped_unless_asked_for(tmp_path: Path) -> None:
    directory = build_encoder(tmp_path / "e", WORDS, dense=16, normalize=True)
    plain, normalized = load(directory), load(directory, normalize=True)
    a, b = (e.embed(embeddings_of(e, TEXT))[0] for e in (plain, normalized))
    assert a.shape == (16,)
    assert float(b.norm()) == pytest.approx(1)
    assert float(a.norm()) != pytest.approx(1, abs=1e-3)
    torch.testing.assert_close(a / a.norm(), b)


def test_long_sentences_are_truncated_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    encoder = load(build_encoder(tmp_path / "e", WORDS))
    corpus = write_corpus(tmp_path / "c.parquet", ["cat " * 100, "the cat"])
    caplog.set_level(logging.INFO)
    long, short = read_sentences(corpus, encoder.tokenizer, encoder.longest)
    assert f"1 sentences truncated to {encoder.longest} tokens" in caplog.text
    assert (long.truncated, short.truncated) == (True, False)
    assert (len(long.ids), len(short.ids)) == (encoder.longest, 4)
    assert short.special == [True, False, False, True]
    assert long.special[-1]


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_numbers_are_of_the_dtype_asked_for(tmp_path: Path, dtype: str) -> None:
    directory = build_encoder(tmp_path / "e", WORDS, dense=16, normalize=True)
    encoder = Encoder(directory, device="cpu", dtype=dtype, normalize=True)  # type: ignore[arg-type]
    found = encoder.embed(embeddings_of(encoder, TEXT))
    assert found.dtype == getattr(torch, dtype)
    exact = Encoder(directory, device="cpu", dtype="float64", normalize=True)
    expected = exact.embed(embeddings_of(exact, TEXT))
    tolerance = {"float32": 1e-5, "float64": 0, "bfloat16": 0.1}[dtype]
    assert float((found - expected).norm()) <= tolerance


def test_left_out_tokens_do_not_matter(tmp_path: Path) -> None:
    encoder = load(build_encoder(tmp_path / "e", WORDS))
    a, b = embeddings_of(encoder, "the cat sat"), embeddings_of(encoder, "the dog sat")
    mask = torch.tensor([[1, 1, 0, 1, 1]])
    torch.testing.assert_close(encoder.embed(a, mask), encoder.embed(b, mask))


def test_no_encoder_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no sentence-transformers directory"):
        load(tmp_path / "nothing")


def test_broken_encoder_is_named(tmp_path: Path) -> None:
    directory = build_encoder(tmp_path / "e", WORDS)
    file = directory / "model.safetensors"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(InputError, match=str(directory)):
        load(directory)


def test_parameters_that_are_not_finite(tmp_path: Path) -> None:
    directory = build_encoder(tmp_path / "e", WORDS)
    file = directory / "model.safetensors"
    parameters = load_file(file)
    next(iter(parameters.values())).fill_(float("nan"))
    save_file(parameters, file, metadata={"format": "pt"})
    logging.getLogger("transformers").setLevel(logging.ERROR)
    with pytest.raises(InputError, match="not finite"):
        load(directory)


def test_architecture_without_input_embeddings(tmp_path: Path) -> None:
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tiny_encoder import build_tokenizer

    tokenizer = build_tokenizer(WORDS).backend_tokenizer
    static = SentenceTransformer(
        modules=[StaticEmbedding(tokenizer, embedding_dim=8)], device="cpu"
    )
    static.save(str(tmp_path / "e"), create_model_card=False)
    with pytest.raises(InputError, match="takes no input embeddings"):
        load(tmp_path / "e")
