"""Local encoders are taken in as they are, or with pooling added."""

import json
from pathlib import Path

import numpy as np
from commands import WORDS, assert_refuses, assert_runs
from sentence_transformers import SentenceTransformer
from tiny_encoder import build_encoder, build_masked_lm

from common.corpora.files import pointer_in


def test_a_sentence_encoder_keeps_its_modules(tmp_path: Path) -> None:
    source = build_encoder(tmp_path / "source", WORDS, pooling="cls", dense=8, normalize=True)
    output = tmp_path / "encoder"
    assert_runs("import_encoder", source, "--output-encoder", output, "--pooling", "mean")
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
