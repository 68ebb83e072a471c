"""Checkpoints of a training and layers of an encoder, each an encoder of its own."""

from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
import torch
from architectures import build_checkpoint
from commands import WORDS, draw_texts, write_corpus
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize
from tiny_encoder import build_encoder
from transformers import AutoModel

import describe_series
import finetune_encoder
import import_encoder
import integrate_gradients
import take_checkpoint
import truncate_encoder
from common.command import InputError
from common.contract import SERIES, WEIGHTS
from common.encoders.course import log_spaced, steps_of
from common.encoders.layers import truncated
from common.tables import read_table
from common.weights.weighing import Weighing

CUT = ("albert", "bert", "distilbert", "electra", "mpnet", "roberta", "xlm-roberta")
"""Architectures without a norm after their last layer: what is cut is a hidden state."""
NORMED = {"gpt2": "ln_f", "modernbert": "final_norm", "qwen2": "norm", "t5": "final_layer_norm"}


@given(st.integers(2, 100_000), st.integers(1, 100))
def test_steps_are_as_many_as_asked_for_and_as_even(steps: int, count: int) -> None:
    if count >= steps:
        with pytest.raises(InputError, match=f"keep {steps - 1} at most"):
            log_spaced(steps, count)
        return
    chosen = log_spaced(steps, count)
    assert len(chosen) == count
    assert all(a < b for a, b in zip(chosen, [*chosen[1:], steps], strict=True))
    assert all(
        abs(step - steps ** (place / (count + 1))) <= 0.5 or step <= place
        for place, step in enumerate(chosen, 1)
        if step > chosen[max(place - 2, 0)] + 1
    )


def test_steps_of_a_power_of_two() -> None:
    assert log_spaced(512, 8) == [2, 4, 8, 16, 32, 64, 128, 256]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_encoder(tmp_path_factory.mktemp("base"), WORDS, layers=2, width=16)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, base: Path) -> Path:
    """A folder with the training of an encoder that keeps no checkpoints, and of one with three."""
    folder = tmp_path_factory.mktemp("trained")
    corpus = write_corpus(folder / "corpus.parquet", draw_texts(120))
    for checkpoints in (0, 3):
        finetune_encoder.main(
            base,
            corpus,
            output_encoder=folder / f"{checkpoints}",
            output_training=folder / f"{checkpoints}.parquet",
            output_checkpoints=folder / "checkpoints",
            positives="dropout",
            epochs=1,
            batch_size=8,
            learning_rate=0.01,
            temperature=0.1,
            seed=1,
            head="training",
            checkpoints=checkpoints,
            device="cpu",
        )
    return folder


def test_kept_checkpoints_change_nothing_of_the_training(trained: Path) -> None:
    one, two = (trained / name / "model.safetensors" for name in ("0", "3"))
    assert one.read_bytes() == two.read_bytes()
    assert not (trained / "0" / "course").exists()
    assert not (trained / "checkpoints").exists()


def test_checkpoints_lie_between_the_base_and_the_end(
    tmp_path: Path, trained: Path, base: Path
) -> None:
    for place in (1, 2, 3):
        take_checkpoint.main(trained / "3", place=place, output_encoder=tmp_path / str(place))
    folders = [base, *(tmp_path / str(place) for place in (1, 2, 3)), trained / "3"]
    encoders = [SentenceTransformer(str(folder), device="cpu") for folder in folders]
    weights = [one[0].model.get_input_embeddings().weight.detach() for one in encoders]
    moved = [float((one - weights[0]).norm()) for one in weights]
    assert moved[0] == 0
    assert all(a < b for a, b in pairwise(moved))
    with pytest.raises(InputError, match=r"keeps 3 checkpoints of its training, none of place 4"):
        take_checkpoint.main(trained / "3", place=4, output_encoder=tmp_path / "4")


def test_a_course_tells_its_steps(tmp_path: Path, trained: Path) -> None:
    steps = steps_of(trained / "3")
    assert steps == [*log_spaced(steps[-1], 3), steps[-1]]
    names = ["base", *(f"it@checkpoint{place}" for place in (1, 2, 3)), "it"]
    for first in (0, 1):
        describe_series.main(
            trained / "3",
            output_series=tmp_path / "series.parquet",
            comparison="course",
            kind="course",
            encoders=names[first:],
        )
        found = read_table(tmp_path / "series.parquet", SERIES)
        assert found["encoder"].to_list() == names[first:]
        assert found["steps"].to_list() == [0, *steps][first:]
        assert found["layers"].null_count() == len(found)


@pytest.mark.parametrize("architecture", [*CUT, *NORMED])
def test_cut_models_give_the_hidden_states_of_the_whole(tmp_path: Path, architecture: str) -> None:
    folder = build_checkpoint(architecture, tmp_path)
    assert folder is not None
    model = AutoModel.from_pretrained(folder, dtype="float32", attn_implementation="eager").eval()
    if model.config.is_encoder_decoder:
        model = model.get_encoder()
    ids = torch.tensor([[0, 5, 7, 9, 2]])
    norm = getattr(model, NORMED.get(architecture, ""), torch.nn.Identity())
    with torch.no_grad():
        found = model(input_ids=ids, output_hidden_states=True)
        depth = model.config.num_hidden_layers
        states = [norm(state) for state in found.hidden_states[:depth]]
        for layers, expected in enumerate([*states, found.last_hidden_state]):
            cut = truncated(model, layers)
            assert cut.config.num_hidden_layers == layers
            torch.testing.assert_close(cut(input_ids=ids).last_hidden_state, expected)


def test_the_last_layer_weighs_as_the_encoder(tmp_path: Path, base: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus.parquet", draw_texts(6))
    truncate_encoder.main(base, layers=2, output_encoder=tmp_path / "last")
    truncate_encoder.main(base, layers=0, output_encoder=tmp_path / "first")
    weights = {}
    for encoder in (base, tmp_path / "last", tmp_path / "first"):
        path = tmp_path / f"{encoder.name}.parquet"
        integrate_gradients.main(
            encoder, corpus, weighing=Weighing(device="cpu"), output_weights=path
        )
        weights[encoder.name] = read_table(path, WEIGHTS)
    assert_frame_equal(weights[base.name], weights["last"], abs_tol=1e-6)
    # nothing reaches a token from another before the first layer: it weighs the same anywhere
    again = weights["first"].group_by("position", "token_id", pl.len().over("sentence_id"))
    spread = again.agg(pl.len().alias("n"), (pl.col("weight").max() - pl.col("weight").min()))
    assert spread.filter(pl.col("n") > 1).height > 3
    assert spread["weight"].max() < 1e-5


def test_what_follows_the_pooling_is_left_out_and_depths_are_checked(
    tmp_path: Path, base: Path
) -> None:
    encoder = SentenceTransformer(str(base), device="cpu")
    SentenceTransformer(modules=[*encoder, Normalize()]).save(str(tmp_path / "scaled"))
    truncate_encoder.main(tmp_path / "scaled", layers=1, output_encoder=tmp_path / "cut")
    cut = SentenceTransformer(str(tmp_path / "cut"), device="cpu")
    assert [type(module).__name__ for module in cut] == ["Transformer", "Pooling"]
    assert cut[0].model.config.num_hidden_layers == 1
    with pytest.raises(InputError, match="has 2 layers; --layers 3 is none from 0 to that"):
        truncate_encoder.main(base, layers=3, output_encoder=tmp_path / "no")


@pytest.mark.parametrize(
    ("architecture", "kind"), [("deberta-v2", "DebertaV2Model"), ("modernbert", "ModernBertModel")]
)
def test_an_architecture_that_needs_a_layer_is_refused_without_one(
    tmp_path: Path, architecture: str, kind: str
) -> None:
    source = build_checkpoint(architecture, tmp_path / "source")
    import_encoder.main(source, output_encoder=tmp_path / "encoder")
    truncate_encoder.main(tmp_path / "encoder", layers=1, output_encoder=tmp_path / "cut")
    with pytest.raises(InputError, match=f"{kind} does not run with 0 layers"):
        truncate_encoder.main(tmp_path / "encoder", layers=0, output_encoder=tmp_path / "none")


def test_layers_tell_their_depth(tmp_path: Path, base: Path) -> None:
    describe_series.main(
        base,
        output_series=tmp_path / "series.parquet",
        comparison="layers",
        kind="layers",
        encoders=["it@layer1", "it"],
        layers=[1],
    )
    assert read_table(tmp_path / "series.parquet", SERIES)["layers"].to_list() == [1, 2]
