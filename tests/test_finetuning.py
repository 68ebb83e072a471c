"""Recipes of contrastive fine-tuning and their controls: what each setting does, and resuming."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from commands import WORDS, assert_runs, draw_texts, stopped_after, write_corpus
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense, Normalize, Transformer
from sentence_transformers.sentence_transformer.modules import (
    Dropout,
    LayerNorm,
    Pooling,
    WeightedLayerPooling,
)
from tiny_encoder import build_encoder

import evaluate_encoder
import finetune_encoder
import randomize_encoder
from common.command import InputError
from common.contract import CORPUS, TRAINING
from common.encoders import training
from common.encoders.contrastive import cut_at, info_nce, load_base, with_head
from common.encoders.positives import draw_positives, find_positives, shuffle_positives
from common.tables import read_table

TRIPLETS = pl.DataFrame(
    {
        "document_id": np.repeat(np.arange(20), 3),
        "sentence_id": np.arange(60),
        "text": [f"{side}{row}" for row in range(20) for side in "apn"],
        "pair_id": np.repeat(np.arange(20), 3),
        "side": pl.Series([0, 1, 2] * 20, dtype=pl.Int8),
    }
)
RECIPE: dict[str, Any] = {
    "positives": "triplets",
    "epochs": 2,
    "batch_size": 16,
    "learning_rate": 0.01,
    "temperature": 0.05,
    "seed": 3,
    "device": "cpu",
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_encoder(tmp_path_factory.mktemp("base"), WORDS, layers=1, width=16)


@pytest.fixture(scope="module")
def triplets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = np.repeat(np.arange(80), 3).tolist()
    path = tmp_path_factory.mktemp("corpora") / "triplets.parquet"
    return write_corpus(path, draw_texts(240), pair_id=rows, side=[0, 1, 2] * 80)


def score(path: Path, scores: np.ndarray) -> Path:
    pairs = len(scores)
    columns = {"pair_id": np.repeat(np.arange(pairs), 2), "side": [0, 1] * pairs}
    texts = draw_texts(2 * pairs, seed=5)
    return write_corpus(path, texts, **columns, score=np.repeat(scores, 2).tolist())


def finetune(directory: Path, base: Path, corpus: Path, **settings: Any) -> SentenceTransformer:
    finetune_encoder.main(
        base,
        corpus,
        output_encoder=directory / "encoder",
        output_training=directory / "training.parquet",
        output_checkpoints=directory / "checkpoints",
        **(RECIPE | settings),
    )
    return SentenceTransformer(str(directory / "encoder"), device="cpu")


def test_a_triplet_is_anchor_positive_and_hard_negative() -> None:
    found = find_positives(TRIPLETS, "triplets", None)
    assert found.columns == ["anchor", "positive", "negative"]
    assert found.rows() == [(f"a{i}", f"p{i}", f"n{i}") for i in range(20)]
    assert find_positives(TRIPLETS, "pairs", None).rows() == [(f"a{i}", f"p{i}") for i in range(20)]
    with pytest.raises(InputError, match="3 texts a row"):
        find_positives(TRIPLETS.filter(pl.col("side") < 2), "triplets", None)


def test_three_text_columns_of_a_file_are_triplets(tmp_path: Path) -> None:
    file, corpus = tmp_path / "nli.csv", tmp_path / "nli.parquet"
    file.write_text("sent0,sent1,hard_neg\nA boat sails.,A boat moves.,No boat.\nB,...,C\n")
    assert_runs(
        *("download_corpus", file, "--output-corpus", corpus, "--documents", "line"),
        *("--text-columns", "sent0", "sent1", "hard_neg"),
    )
    found = find_positives(read_table(corpus, CORPUS), "triplets", None)
    assert found.rows() == [("A boat sails.", "A boat moves.", "No boat.")]


def test_shuffled_positives_are_those_of_other_anchors() -> None:
    found = find_positives(TRIPLETS, "triplets", None)
    shuffled = shuffle_positives(found, 1)
    assert shuffled.columns == found.columns
    assert shuffled["anchor"].equals(found["anchor"])
    assert sorted(shuffled["positive"]) == sorted(found["positive"])
    assert not (shuffled["positive"] == found["positive"]).any()
    assert (shuffled["positive"].str.slice(1) == shuffled["negative"].str.slice(1)).all()
    assert shuffled.equals(shuffle_positives(found, 1))
    assert not shuffled.equals(shuffle_positives(found, 2))


def test_shuffling_is_asked_for(triplets: Path) -> None:
    settings: dict[str, Any] = {"minimum_score": None, "examples": None, "seed": 1}
    plain = draw_positives(triplets, "triplets", shuffle=False, **settings)
    shuffled = draw_positives(triplets, "triplets", shuffle=True, **settings)
    assert shuffled.equals(shuffle_positives(plain, 1))


def losses(base: Path, columns: int, mini_batch_size: int | None) -> tuple[float, torch.Tensor]:
    encoder = load_base(base, None, "cpu").eval()
    texts = [draw_texts(6, seed=column) for column in range(columns)]
    features = [encoder.preprocess(part) for part in texts]
    loss = info_nce(encoder, 0.1, mini_batch_size)(features, torch.zeros(6))
    loss.backward()
    gradient = torch.cat([p.grad.flatten() for p in encoder.parameters() if p.grad is not None])
    return loss.item(), gradient


@pytest.mark.parametrize("columns", [2, 3])
def test_the_loss_is_info_nce_over_positives_and_hard_negatives(base: Path, columns: int) -> None:
    encoder = load_base(base, None, "cpu")
    vectors = [encoder.encode(draw_texts(6, seed=c), normalize_embeddings=True) for c in range(3)]
    logits = vectors[0] @ np.concatenate(vectors[1:columns]).T / 0.1
    expected = np.mean(np.log(np.exp(logits).sum(axis=1)) - logits.diagonal())
    assert losses(base, columns, None)[0] == pytest.approx(expected, rel=1e-4)


def test_gradient_caching_gives_the_loss_and_gradient_of_the_batch(base: Path) -> None:
    whole, cached = losses(base, 3, None), losses(base, 3, 2)
    assert cached[0] == pytest.approx(whole[0], rel=1e-5)
    torch.testing.assert_close(cached[1], whole[1], rtol=1e-3, atol=1e-5)


def test_the_head_is_trained_and_dropped(tmp_path: Path, base: Path, triplets: Path) -> None:
    dropped = finetune(tmp_path / "dropped", base, triplets, head="training", pooling="cls")
    kept = finetune(tmp_path / "kept", base, triplets, head="kept", pooling="cls")
    without = finetune(tmp_path / "without", base, triplets, pooling="cls")
    assert [type(module).__name__ for module in dropped] == ["Transformer", "Pooling"]
    assert dropped[1].pooling_mode == "cls"
    assert isinstance(kept[2], Dense)
    ours, theirs = dropped[0].state_dict(), kept[0].state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    other = without[0].state_dict()
    assert not all(torch.equal(ours[name], other[name]) for name in ours)
    torch.manual_seed(3)
    assert not torch.allclose(kept[2].linear.weight, with_head(dropped)[2].linear.weight)


def test_hard_negatives_change_what_is_learnt(tmp_path: Path, base: Path, triplets: Path) -> None:
    found = find_positives(read_table(triplets, CORPUS), "triplets", None)
    near = {}
    for kind in ("triplets", "pairs"):
        encoder = finetune(tmp_path / kind, base, triplets, positives=kind, epochs=20)
        anchors, negatives = (
            encoder.encode(found[column].to_list(), normalize_embeddings=True)
            for column in ("anchor", "negative")
        )
        near[kind] = (anchors * negatives).sum(axis=1).mean()
    assert near["triplets"] < near["pairs"] - 0.05


@pytest.mark.parametrize("head", ["training", "kept"])
def test_the_development_set_picks_the_checkpoint(
    tmp_path: Path, base: Path, triplets: Path, head: str
) -> None:
    """Scores are the base's own cosines: training can only lose them, so the last is not best."""
    encoder = load_base(base, None, "cpu")
    vectors = encoder.encode(draw_texts(60, seed=5), normalize_embeddings=True)
    pairs = score(tmp_path / "dev.parquet", (vectors[::2] * vectors[1::2]).sum(axis=1))
    settings = {"development": pairs, "evaluations": 5, "head": head}
    picked = finetune(tmp_path / "picked", base, triplets, **settings)
    course = read_table(tmp_path / "picked/training.parquet", TRAINING)
    found = course["development_spearman"].drop_nulls()
    assert len(found) == 5
    assert found[-1] < found.max()
    output = tmp_path / "evaluation.parquet"
    evaluate_encoder.main(
        *(tmp_path / "picked/encoder", pairs),
        output_evaluation=output,
        name="e",
        corpus_name="dev",
        positive_score=0,
        device="cpu",
    )
    assert pl.read_parquet(output)["sts_spearman"].item() == pytest.approx(found.max(), abs=1e-9)
    last = finetune(tmp_path / "last", base, triplets, head=head)
    assert not np.allclose(picked.encode(["a boat"]), last.encode(["a boat"]))


def test_a_development_set_must_be_scored(tmp_path: Path, base: Path, triplets: Path) -> None:
    with pytest.raises(InputError, match=r"triplets\.parquet: a development set needs scored"):
        finetune(tmp_path, base, triplets, development=triplets)
    assert not (tmp_path / "encoder").exists()


def test_sentences_are_cut_in_training_alone(tmp_path: Path, base: Path, triplets: Path) -> None:
    encoder = load_base(base, None, "cpu")
    longest = encoder.max_seq_length
    with cut_at(encoder, 4):
        assert encoder.preprocess(["the " * 20])["input_ids"].shape == (1, 4)
    assert encoder.preprocess(["the " * 50])["input_ids"].shape == (1, longest)
    with cut_at(encoder, 1000):
        assert encoder.max_seq_length == longest
    assert finetune(tmp_path, base, triplets, max_tokens=4).max_seq_length == longest


def test_without_warmup_the_learning_rate_only_falls(
    tmp_path: Path, base: Path, triplets: Path
) -> None:
    for warmup, first in ((0.0, True), (0.5, False)):
        finetune(tmp_path, base, triplets, warmup=warmup)
        rates = read_table(tmp_path / "training.parquet", TRAINING)["learning_rate"].drop_nulls()
        assert (rates[0] == rates.max()) is first


def test_a_default_prompt_is_trained_with_and_kept(tmp_path: Path, base: Path) -> None:
    """The prompt changes what is learnt, and comes before every sentence afterwards."""
    corpus = write_corpus(tmp_path / "c.parquet", draw_texts(60))
    found = []
    for prompt in ("", "the boat "):
        encoder = SentenceTransformer(str(base), device="cpu")
        encoder.prompts, encoder.default_prompt_name = {"ours": prompt}, "ours"
        folder = tmp_path / f"with {prompt}".strip()
        encoder.save(str(folder / "base"))
        tuned = finetune(folder, folder / "base", corpus, positives="dropout")
        assert tuned.default_prompt_name == "ours"
        assert tuned.prompts["ours"] == prompt
        found.append(tuned.encode(["sea"], prompt=""))
    assert not np.array_equal(*found)


def test_another_pooling_needs_a_pooling_module(tmp_path: Path, base: Path) -> None:
    bare = SentenceTransformer(modules=[SentenceTransformer(str(base), device="cpu")[0]])
    bare.save(str(tmp_path), create_model_card=False)
    with pytest.raises(InputError, match="no pooling module"):
        load_base(tmp_path, "cls", "cpu")


@pytest.mark.parametrize(
    ("device", "bfloat", "expected"),
    [("cpu", True, (False, False)), ("cuda", True, (True, False)), ("cuda", False, (False, True))],
)
def test_precision_is_mixed_on_a_gpu_alone(
    monkeypatch: pytest.MonkeyPatch, device: str, bfloat: bool, expected: tuple[bool, bool]
) -> None:
    monkeypatch.setattr(training, "choose_device", lambda _: device)
    monkeypatch.setattr(training, "is_torch_bf16_gpu_available", lambda: bfloat)
    found = training.arguments(Path("checkpoints"), 8, "auto")
    assert (found["bf16"], found["fp16"]) == expected
    assert found["use_cpu"] is (device == "cpu")


def test_a_random_encoder_keeps_all_but_the_parameters(tmp_path: Path) -> None:
    trained = build_encoder(tmp_path / "trained", WORDS, pooling="cls", dense=8)
    for name, seed in (("one", 1), ("again", 1), ("two", 2)):
        randomize_encoder.main(trained, output_encoder=tmp_path / name, seed=seed)
    before, one, again, two = (
        SentenceTransformer(str(tmp_path / name), device="cpu")
        for name in ("trained", "one", "again", "two")
    )
    assert one.tokenizer.get_vocab() == before.tokenizer.get_vocab()
    ours, theirs = (encoder[0].model.config.to_dict() for encoder in (one, before))
    assert ours | {"_name_or_path": ""} == theirs | {"_name_or_path": ""}
    assert one[1].pooling_mode == "cls"
    drawn = one[0].model.config.initializer_range
    for (name, ours), old, same, other in zip(
        one.named_parameters(),
        *(encoder.parameters() for encoder in (before, again, two)),
        strict=True,
    ):
        assert torch.equal(ours, same), name
        if ours.dim() > 1:
            assert not torch.equal(ours, old), name
            assert not torch.equal(ours, other), name
            if "word_embeddings" in name:
                assert float(ours[1:].detach().std()) == pytest.approx(drawn, rel=0.2)


def test_a_random_encoder_keeps_its_modules_and_nothing_trained(tmp_path: Path) -> None:
    directory = build_encoder(tmp_path / "trained", WORDS)
    transformer = Transformer(str(directory), config_kwargs={"output_hidden_states": True})
    later = [WeightedLayerPooling(32, num_hidden_layers=2, layer_start=1), Pooling(32)]
    later += [Dense(32, 8), LayerNorm(8), Dropout(0.1), Normalize()]
    with torch.no_grad():
        for parameter in (p for module in later for p in module.parameters()):
            parameter.add_(1.5)
    trained = SentenceTransformer(modules=[transformer, *later], truncate_dim=6, device="cpu")
    trained.max_seq_length = 11
    trained.save(str(directory), create_model_card=False)
    randomize_encoder.main(directory, output_encoder=tmp_path / "random", seed=1)
    drawn = SentenceTransformer(str(tmp_path / "random"), device="cpu")
    assert [type(module) for module in drawn] == [type(module) for module in trained]
    assert (drawn.truncate_dim, drawn.max_seq_length) == (6, 11)
    kept = zip(list(trained)[1:], list(drawn)[1:], strict=True)
    for before, after in kept:
        assert before.get_config_dict() == after.get_config_dict()
        for ours, theirs in zip(after.parameters(), before.parameters(), strict=True):
            assert not torch.equal(ours, theirs), type(after)
    assert torch.equal(drawn[1].layer_weights, torch.ones(2))


def test_an_encoder_without_transformer_is_not_randomized(tmp_path: Path) -> None:
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tiny_encoder import build_tokenizer

    static = StaticEmbedding(build_tokenizer(WORDS).backend_tokenizer, embedding_dim=8)
    SentenceTransformer(modules=[static], device="cpu").save(str(tmp_path / "static"))
    with pytest.raises(InputError, match="module 0 is a StaticEmbedding"):
        randomize_encoder.main(tmp_path / "static", output_encoder=tmp_path / "random", seed=0)


def test_a_checkpoint_cut_short_is_not_gone_on_from(tmp_path: Path) -> None:
    for step, state in ((5, "{}"), (10, '{"epoch": 1.'), (15, "")):
        directory = tmp_path / f"checkpoint-{step}"
        directory.mkdir()
        (directory / "trainer_state.json").write_text(state)
    (tmp_path / "checkpoint-20").mkdir()
    assert training.last_checkpoint(tmp_path) == tmp_path / "checkpoint-5"


@pytest.mark.parametrize("stop", [8, 20])
def test_a_stopped_fine_tuning_ends_as_an_uninterrupted_one(
    tmp_path: Path, base: Path, triplets: Path, caplog: pytest.LogCaptureFixture, stop: int
) -> None:
    """With everything that holds state: dropout, a head, cached gradients and a best checkpoint."""
    dev = score(tmp_path / "dev.parquet", np.random.default_rng(0).uniform(0, 5, 30))
    settings = {"head": "training", "mini_batch_size": 4, "development": dev, "epochs": 4}
    finetune(tmp_path / "whole", base, triplets, **settings)
    with stopped_after(stop):
        finetune(tmp_path / "stopped", base, triplets, **settings)
    assert not (tmp_path / "stopped/encoder").exists()
    with caplog.at_level("INFO"):
        finetune(tmp_path / "stopped", base, triplets, **settings)
    assert f"checkpoint-{stop}" in caplog.text
    assert not (tmp_path / "stopped/checkpoints").exists()
    one, two = (tmp_path / run / "encoder/model.safetensors" for run in ("whole", "stopped"))
    assert one.read_bytes() == two.read_bytes()
    courses = [
        read_table(tmp_path / run / "training.parquet", TRAINING) for run in ("whole", "stopped")
    ]
    whole, stopped = (course.drop("seconds") for course in courses)
    assert whole["step"].max() == 20
    assert whole.equals(stopped)
    assert courses[1]["seconds"].is_sorted()
