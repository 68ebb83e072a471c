"""Local encoders are taken in as they are, or with pooling added; or refused at the start."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from commands import WORDS, assert_refuses, assert_runs
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Router, Transformer
from sentence_transformers.sentence_transformer.modules import (
    LSTM,
    BoW,
    Pooling,
    StaticEmbedding,
    WordEmbeddings,
)
from sentence_transformers.sentence_transformer.modules.tokenizer import WhitespaceTokenizer
from tiny_encoder import build_encoder, build_masked_lm, build_tokenizer
from transformers import AddedToken, AutoTokenizer, BartConfig, BartModel

from common.corpora.files import fault_of, pointer_in


def test_a_sentence_encoder_keeps_its_modules(tmp_path: Path) -> None:
    source = build_encoder(tmp_path / "source", WORDS, pooling="cls", dense=8, normalize=True)
    output = tmp_path / "encoder"
    assert_runs("import_encoder", source, "--output-encoder", output)
    ours, theirs = (SentenceTransformer(str(p), device="cpu") for p in (output, source))
    assert np.allclose(ours.encode(["a boat"]), theirs.encode(["a boat"]))
    assert "config_hash" in json.loads((output / "provenance.json").read_text())
    assert list(output.glob("*.bin")) == []


def test_a_plain_checkpoint_gets_the_pooling_asked_for(tmp_path: Path) -> None:
    source = build_masked_lm(tmp_path / "source", WORDS)
    output = tmp_path / "encoder"
    assert_runs("import_encoder", source, "--output-encoder", output, "--pooling", "max")
    encoder = SentenceTransformer(str(output), device="cpu")
    assert encoder[1].pooling_mode == "max"
    tokens = encoder.encode(["a boat"], output_value="token_embeddings")[0]
    assert np.allclose(encoder.encode(["a boat"])[0], tokens.max(dim=0).values, atol=1e-6)


def test_a_directory_without_a_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    line = assert_refuses(
        *("import_encoder", tmp_path / "empty", "--output-encoder", tmp_path / "encoder"),
        *("--pooling", "mean"),
    )
    assert "empty: no encoder" in line
    assert not (tmp_path / "encoder").exists()


def refused(source: Path, *options: object) -> str:
    """The line with which a source is not taken in; nothing is left."""
    output = source.parent / "refused"
    line = assert_refuses("import_encoder", source, "--output-encoder", output, *options)
    assert not output.exists()
    assert str(source) in line
    return line


def test_no_pooling_beside_its_own(tmp_path: Path) -> None:
    source = build_encoder(tmp_path / "s", WORDS, pooling="cls")
    assert "(pooling cls); leave pooling out" in refused(source, "--pooling", "mean")


def test_a_checkpoint_without_its_tokenizer(tmp_path: Path) -> None:
    source = build_masked_lm(tmp_path / "s", WORDS)
    for file in source.glob("tokenizer*"):
        file.unlink()
    assert "no files of a tokenizer in it" in refused(source)


def test_a_token_without_an_embedding(tmp_path: Path) -> None:
    source = build_encoder(tmp_path / "s", WORDS)
    tokenizer = AutoTokenizer.from_pretrained(str(source))
    tokenizer.add_tokens([AddedToken("TOK1", normalized=False)])
    tokenizer.save_pretrained(source)
    rows = len(WORDS) + 5
    assert f"token 'TOK1' has id {rows}, the encoder has {rows} embeddings" in refused(source)


@pytest.mark.parametrize(
    "activation", ["my_package.MyAct", "torch.tanh", "os.system", "torch.nn.NoSuch", "torchx.Tanh"]
)
def test_an_activation_of_others(tmp_path: Path, activation: str) -> None:
    source = build_encoder(tmp_path / "s", WORDS, dense=8)
    file = source / "2_Dense" / "config.json"
    settings = json.loads(file.read_text()) | {"activation_function": activation}
    file.write_text(json.dumps(settings))
    assert f"code of others (activation_function {activation})" in refused(source)


def test_an_adapter_alone(tmp_path: Path) -> None:
    source = build_masked_lm(tmp_path / "s", WORDS)
    (source / "model.safetensors").unlink()
    adapter = {"peft_type": "LORA", "base_model_name_or_path": "google-bert/bert-base-uncased"}
    (source / "adapter_config.json").write_text(json.dumps(adapter))
    save_file({"lora_A": torch.ones(2, 2)}, source / "adapter_model.safetensors")
    line = refused(source)
    assert "a PEFT adapter of google-bert/bert-base-uncased" in line
    assert "merge_and_unload" in line


def _bart(directory: Path) -> None:
    small = dict.fromkeys(("encoder_layers", "decoder_layers", "encoder_attention_heads"), 1)
    config = BartConfig(
        **small,
        d_model=16,
        decoder_attention_heads=1,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        vocab_size=len(WORDS) + 5,
        max_position_embeddings=40,
    )
    BartModel(config).save_pretrained(directory)
    build_tokenizer(WORDS).save_pretrained(directory)


def test_an_encoder_with_a_decoder(tmp_path: Path) -> None:
    _bart(tmp_path / "s")
    assert "BartModel has a decoder" in refused(tmp_path / "s")


def _static(_: Path) -> list[torch.nn.Module]:
    return [StaticEmbedding(build_tokenizer(WORDS).backend_tokenizer, embedding_dim=8)]


def _bag_of_words(_: Path) -> list[torch.nn.Module]:
    return [BoW(vocab=WORDS)]


def _word_vectors(_: Path) -> list[torch.nn.Module]:
    vectors = WordEmbeddings(WhitespaceTokenizer(WORDS), np.ones((len(WORDS), 8), np.float32))
    return [vectors, LSTM(8, 4), Pooling(8)]


def _router(folder: Path) -> list[torch.nn.Module]:
    transformer = Transformer(str(build_encoder(folder / "inner", WORDS)))
    routes: dict[str, Any] = {"query": [transformer, Pooling(32)], "document": [Pooling(32)]}
    return [Router(routes, default_route="query")]


def _recurrent(folder: Path) -> list[torch.nn.Module]:
    return [Transformer(str(build_encoder(folder / "inner", WORDS))), LSTM(32, 4), Pooling(8)]


@pytest.mark.parametrize(
    ("build", "module"),
    [
        (_static, "module 0 is a StaticEmbedding"),
        (_bag_of_words, "module 0 is a BoW"),
        (_word_vectors, "module 0 is a WordEmbeddings"),
        (_router, "module 0 is a Router"),
        (_recurrent, "module 1 is a LSTM"),
    ],
)
def test_modules_that_cannot_be_weighed(
    tmp_path: Path, build: Callable[[Path], list[torch.nn.Module]], module: str
) -> None:
    encoder = SentenceTransformer(modules=build(tmp_path), device="cpu")
    encoder.save(str(tmp_path / "s"), create_model_card=False)
    assert module in refused(tmp_path / "s")


def test_a_prompt_of_a_chat_is_not_weighed(tmp_path: Path) -> None:
    source = build_encoder(tmp_path / "s", WORDS)
    file = source / "sentence_bert_config.json"
    settings = json.loads(file.read_text())
    settings["modality_config"]["message"] = settings["modality_config"]["text"]
    file.write_text(json.dumps(settings))
    assert "chat template" in refused(source)


def test_parameters_that_are_not_finite(tmp_path: Path) -> None:
    source = build_encoder(tmp_path / "s", WORDS)
    encoder = SentenceTransformer(str(source), device="cpu")
    with torch.no_grad():
        encoder[0].model.get_input_embeddings().weight[3] = float("nan")
    encoder.save(str(source), create_model_card=False)
    assert "not finite" in refused(source)


def edit(file: Path, **settings: object) -> None:
    """Change settings in a JSON file."""
    file.write_text(json.dumps(json.loads(file.read_text()) | settings))


LENGTHS: dict[object, str] = {
    0: "its length is 0",
    -1: "its length is -1",
    2.5: "its length is 2.5",
    "12": "its length is '12'",
    1: "takes 1 tokens",
    2: "takes 2 tokens (max_seq_length, model_max_length), but a word needs 3",
}


@pytest.mark.parametrize("length", LENGTHS)
def test_a_length_without_room_for_text(tmp_path: Path, length: object) -> None:
    source = build_encoder(tmp_path / "s", WORDS)
    edit(source / "sentence_bert_config.json", max_seq_length=length)
    assert LENGTHS[length] in refused(source)


def test_a_prompt_without_room_for_text(tmp_path: Path) -> None:
    source = build_encoder(tmp_path / "s", [*WORDS, "query"])
    settings = source / "config_sentence_transformers.json"
    edit(source / "sentence_bert_config.json", max_seq_length=5)
    edit(settings, prompts={"long": "query query query "}, default_prompt_name="long")
    assert "takes 5 tokens" in refused(source)
    assert "behind the prompt 'query query query ' needs 6" in refused(source, "--prompt", "long")
    output = tmp_path / "encoder"
    assert_runs("import_encoder", source, "--output-encoder", output, "--prompt", "none")
    edit(settings, prompts={"long": "query query "})
    assert_runs("import_encoder", source, "--output-encoder", output)


POOLING = "sentence_transformers.sentence_transformer.modules.pooling.Pooling"
LISTS: dict[str, tuple[Any, str]] = {
    "an object": ({"0": ""}, "no list of modules"),
    "nothing": (None, "no list of modules"),
    "empty": ([], "no list of modules"),
    "names": (["0"], "no list of modules"),
    "no type": ([{"name": "0", "path": ""}], "no list of modules"),
    "a number": ([{"name": "0", "path": 1, "type": POOLING}], "no list of modules"),
    "outside": ([{"name": "0", "path": "../s/1_Pooling", "type": POOLING}], "outside of it"),
    "absolute": ([{"name": "0", "path": "/tmp", "type": POOLING}], "/tmp, which is outside of it"),
    "missing": ([{"name": "0", "path": "7_Dense", "type": POOLING}], "lacks the folder 7_Dense"),
}


@pytest.mark.parametrize("case", LISTS)
def test_a_list_of_modules_that_cannot_be(tmp_path: Path, case: str) -> None:
    source = build_encoder(tmp_path / "s", WORDS)
    content, told = LISTS[case]
    (source / "modules.json").write_text(json.dumps(content))
    assert told in refused(source)


def test_a_normalisation_needs_no_folder(tmp_path: Path) -> None:
    """As the hub keeps none that is empty."""
    source = build_encoder(tmp_path / "s", WORDS, normalize=True)
    shutil.rmtree(source / "2_Normalize")
    assert_runs("import_encoder", source, "--output-encoder", tmp_path / "encoder")
    encoder = SentenceTransformer(str(tmp_path / "encoder"), device="cpu")
    assert np.linalg.norm(encoder.encode("the boat")) == pytest.approx(1)


def files_of(folder: Path) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


OUTPUTS = {
    "s": "is read, so write elsewhere",
    "s/inside": "is read, so write elsewhere",
    ".": "is read, so write elsewhere",
    "link": "is read, so write elsewhere",
    "others": "holds thesis.txt, which no script here wrote",
    "others/thesis.txt": "a file is there",
}


@pytest.mark.parametrize("output", OUTPUTS)
def test_no_files_of_others_are_replaced(tmp_path: Path, output: str) -> None:
    source = build_encoder(tmp_path / "s", WORDS)
    (tmp_path / "link").symlink_to(source)
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "thesis.txt").write_text("all my work")
    before = files_of(tmp_path)
    for name, options in (("import_encoder", ()), ("randomize_encoder", ("--seed", 0))):
        line = assert_refuses(name, source, "--output-encoder", tmp_path / output, *options)
        assert OUTPUTS[output] in line
        assert f"--output-encoder {tmp_path / output}" in line
        assert files_of(tmp_path) == before


def test_an_encoder_of_ours_and_an_empty_folder_are_replaced(tmp_path: Path) -> None:
    source, output = build_encoder(tmp_path / "s", WORDS), tmp_path / "encoder"
    output.mkdir()
    for seed in (0, 1):
        assert_runs("randomize_encoder", source, "--output-encoder", output, "--seed", seed)


def test_a_name_that_is_not_utf8(tmp_path: Path) -> None:
    source = build_encoder(tmp_path / "s", WORDS).rename(tmp_path / os.fsdecode(b"caf\xe9"))
    line = assert_refuses("import_encoder", source, "--output-encoder", tmp_path / "encoder")
    assert "this name is not UTF-8" in line
    file = tmp_path / os.fsdecode(b"na\xefve.txt")
    file.write_text("the boat")
    line = assert_refuses("download_corpus", file, "--output-corpus", tmp_path / "c.parquet")
    assert "this name is not UTF-8" in line
    assert "its name is not UTF-8" in (fault_of(file) or "")


def test_pointers_of_git_lfs_are_told_as_such(tmp_path: Path) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 438000000\n"
    output = tmp_path / "encoder"
    for name in ("model.safetensors", "tokenizer.json", "config.json", "1_Pooling/config.json"):
        source = build_encoder(tmp_path / name.replace("/", "-"), WORDS)
        (source / name).write_text(pointer)
        line = assert_refuses(
            *("import_encoder", source, "--output-encoder", output, "--pooling", "mean")
        )
        assert f"{source / name}: a pointer of git-lfs" in line
        assert "git lfs pull" in line
        assert not output.exists()
    for name in ("onnx/model.onnx", "tf_model.h5", "pytorch_model.bin", "training_args.bin"):
        (source / name).parent.mkdir(exist_ok=True)
        (source / name).write_text(pointer)
    assert pointer_in(source) == source / "1_Pooling/config.json"
    (source / "1_Pooling/config.json").unlink()
    assert pointer_in(source) is None  # what nothing reads may stay one
    (source / "model.safetensors").unlink()
    assert pointer_in(source) == source / "pytorch_model.bin"
