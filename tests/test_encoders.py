"""Encoders read from a directory: architectures, modules, truncation, and what cannot be used."""

import logging
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer
from tiny_encoder import build_encoder

from common.command import InputError
from common.encoders import Encoder
from common.path_integral import completeness, contributions_at
from common.quadrature import STRAIGHT

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
    return encoder.embeddings(torch.tensor(encoder.tokenize([text])[0]))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_forward_mode_agrees_with_reverse_mode(tmp_path: Path, architecture: str) -> None:
    directory = build_encoder(tmp_path / "e", WORDS, architecture=architecture)
    encoder = load(directory)
    end = embeddings_of(encoder, TEXT)
    points, step = 0.6 * end, end.flip(1)
    found = contributions_at(encoder.embed, points, step, 4096)[0]
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
    error = completeness(
        encoder.embed, 0.3 * end, end, path=STRAIGHT, nodes=[32], batch_tokens=4096
    )
    assert float(error) < (0.1 if pooling == "max" else 1e-3)  # max has kinks


def test_normalisation_is_skipped_unless_asked_for(tmp_path: Path) -> None:
    directory = build_encoder(tmp_path / "e", WORDS, dense=16, normalize=True)
    plain, normalized = load(directory), load(directory, normalize=True)
    a, b = (e.embed(embeddings_of(e, TEXT))[0] for e in (plain, normalized))
    assert a.shape == (16,)
    assert float(b.norm()) == pytest.approx(1)
    assert float(a.norm()) != pytest.approx(1, abs=1e-3)
    torch.testing.assert_close(a / a.norm(), b)


def test_long_sentences_are_truncated_and_counted(tmp_path: Path) -> None:
    encoder = load(build_encoder(tmp_path / "e", WORDS))
    ids, special, truncated = encoder.tokenize(["cat " * 100, "the cat"])
    assert truncated == 1
    assert [len(x) for x in ids] == [encoder.longest, 4]
    assert special[1] == [True, False, False, True]
    assert special[0][-1]


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
