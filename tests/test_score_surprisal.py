"""Surprisal against the whole model on one masked sentence at a time."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from commands import WORDS, assert_runs, call, draw_texts, write_corpus
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from tiny_encoder import POSITIONS, build_masked_lm, build_tokenizer
from transformers import AutoModel, AutoModelForMaskedLM, AutoTokenizer

import score_surprisal
from common.command import InputError
from common.contract import SURPRISAL
from common.information.masked_surprisal import MaskedLM
from common.memory import Budget, peak_bytes
from common.tables import read_table
from common.tokens.sentences import read_sentences
from train_tokenizer import train

ARCHITECTURES = [
    *("bert", "roberta", "distilbert", "mpnet", "albert", "electra", "deberta-v2", "deberta"),
    *("modernbert", "xlm-roberta", "camembert", "convbert", "nomic_bert", "xlm", "flaubert"),
    *("megatron-bert", "rembert", "roformer", "nystromformer", "ernie", "fnet", "eurobert"),
]
VARIANTS = ["original", "within_word_l2r"]
PIECES = train([" ".join(WORDS[:6]), *WORDS], "wordpiece", 70, POSITIONS - 4)
"""A tokenizer that knows some of WORDS; the others come in pieces."""


def build(directory: Path, architecture: str = "bert") -> Path:
    return build_masked_lm(directory, [], architecture=architecture, tokenizer=PIECES)


def score(masked_lm: Path, texts: list[str], variant: str, **options: Any) -> pl.DataFrame:
    """What the script's `main` writes."""
    corpus = write_corpus(masked_lm.parent / "corpus.parquet", texts)
    output = masked_lm.parent / "surprisal.parquet"
    call(
        score_surprisal.main,
        masked_lm,
        corpus,
        output_surprisal=output,
        variant=variant,
        device="cpu",
        **options,
    )
    return read_table(output, SURPRISAL)


def brute_force(model: torch.nn.Module, tokenizer: Any, text: str, variant: str) -> list[float]:
    """One masked copy at a time, all logits; `##` says that a token goes on with a word."""
    ids = tokenizer(text, return_tensors="pt")["input_ids"]
    tokens = tokenizer.convert_ids_to_tokens(ids[0].tolist())
    values = []
    for position in range(1, len(tokens) - 1):
        masked = ids.clone()
        masked[0, position] = tokenizer.mask_token_id
        later = position + 1
        while variant == "within_word_l2r" and tokens[later].startswith("##"):
            masked[0, later] = tokenizer.mask_token_id
            later += 1
        with torch.no_grad():
            logits = model(input_ids=masked).logits[0, position].double()
        values.append(-logits.log_softmax(0)[ids[0, position]].item())
    return values


def judge(masked_lm: Path, texts: list[str], variant: str) -> np.ndarray:
    model = AutoModelForMaskedLM.from_pretrained(masked_lm, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(masked_lm)
    return np.concatenate([brute_force(model, tokenizer, text, variant) for text in texts])


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_token_is_masked_by_itself(tmp_path: Path, architecture: str, variant: str) -> None:
    masked_lm = build(tmp_path / "masked_lm", architecture)
    texts = draw_texts(6)
    found = score(masked_lm, texts, variant)
    assert found["surprisal"].to_numpy() == pytest.approx(judge(masked_lm, texts, variant), 1e-4)
    assert (found["surprisal"] >= 0).all()


def test_bfloat16_rounds_logits_to_8_bits(tmp_path: Path) -> None:
    masked_lm = build(tmp_path / "masked_lm", "bert")
    texts = draw_texts(6)
    exact, rounded = (
        score(masked_lm, texts, "original", dtype=dtype)["surprisal"].to_numpy()
        for dtype in ("float32", "bfloat16")
    )
    difference = np.abs(rounded - exact).max()
    assert 0 < difference < 0.02 * exact.max()


def test_the_output_layer_sees_one_token_a_copy(tmp_path: Path) -> None:
    for architecture in ARCHITECTURES:
        model = MaskedLM(build(tmp_path / architecture, architecture), device="cpu")
        seen = []
        head = model.model.get_output_embeddings()
        head.register_forward_hook(lambda _, given, __: seen.append(given[0].shape[:-1].numel()))  # noqa: B023
        model.logits(torch.full((3, 7), 5), torch.tensor([1, 2, 3]))
        assert seen == [3], architecture


@pytest.mark.parametrize("architecture", ["bert", "roberta", "mpnet", "electra", "distilbert"])
def test_what_follows_the_last_attention_sees_one_token_a_copy(
    tmp_path: Path, architecture: str
) -> None:
    """Where that changes nothing: DistilBERT adds what its attention was given outside of it."""
    model = MaskedLM(build(tmp_path / "masked_lm", architecture), device="cpu")
    seen = []
    for name, module in model.model.named_modules():
        if name.endswith(("intermediate", "ffn")):
            module.register_forward_hook(lambda _, given, __: seen.append(given[0].shape[:2]))
    model.logits(torch.full((3, 7), 5), torch.tensor([1, 2, 3]))
    assert seen == [(3, 7), (3, 7 if architecture == "distilbert" else 1)]


@pytest.mark.parametrize(
    "architecture", ["bert", "roberta", "distilbert", "modernbert", "albert", "fnet"]
)
def test_what_precedes_the_first_attention_sees_each_token_once(
    tmp_path: Path, architecture: str
) -> None:
    """In ALBERT and FNet that is what embeddings become as wide as layers by."""
    model = MaskedLM(build(tmp_path / "masked_lm", architecture), device="cpu")
    early = {"bert": 3, "roberta": 3, "distilbert": 3, "modernbert": 1, "albert": 1, "fnet": 1}
    assert len(model.early) == early[architecture]
    seen = []
    for layer in model.early:
        layer.register_forward_hook(lambda _, given, __: seen.append(given[0].shape[0]))
    ids = torch.tensor([[5, 6, 7, 8], [5, 9, 7, 8], [5, 6, 9, 8]])
    with torch.no_grad():
        model.logits(ids, torch.tensor([0, 1, 2]))
    assert seen == [6] * early[architecture]


def test_a_padding_token_in_a_text_moves_the_positions_of_roberta(tmp_path: Path) -> None:
    masked_lm = build(tmp_path / "masked_lm", "roberta")
    pad = AutoTokenizer.from_pretrained(masked_lm).pad_token
    texts = [f"{WORDS[0]} {one} {WORDS[1]} {WORDS[2]}" for one in (pad, WORDS[3])]
    found = score(masked_lm, texts, "original")
    judged = np.delete(judge(masked_lm, texts, "original"), 1)  # a padding token is not scored
    assert found["surprisal"].to_numpy() == pytest.approx(judged, 1e-4)


def test_variants_differ_within_words_only(tmp_path: Path) -> None:
    masked_lm = build(tmp_path / "masked_lm")
    texts = draw_texts(12)
    one, other = (score(masked_lm, texts, variant) for variant in VARIANTS)
    goes_on = one["token"].str.starts_with("##").shift(-1, fill_value=False).to_numpy()
    assert 0 < goes_on.sum() < len(goes_on)
    same = np.isclose(one["surprisal"], other["surprisal"], rtol=1e-6)
    assert (same == ~goes_on).all()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("surprisal")
    build(folder / "masked_lm")
    return folder


@pytest.mark.parametrize("variant", VARIANTS)
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    texts=st.lists(
        st.lists(st.sampled_from([*WORDS, "?", "saw-oven", "'s"]), min_size=1, max_size=9).map(
            " ".join
        ),
        min_size=1,
        max_size=5,
    )
)
def test_any_text_is_scored_as_by_hand(folder: Path, variant: str, texts: list[str]) -> None:
    found = score(folder / "masked_lm", texts, variant)
    expected = judge(folder / "masked_lm", texts, variant)
    assert found["surprisal"].to_numpy() == pytest.approx(expected, 1e-4)


def test_runs_as_a_command(tmp_path: Path) -> None:
    masked_lm = build_masked_lm(tmp_path / "masked_lm", WORDS)
    texts = draw_texts(12)
    corpus = write_corpus(tmp_path / "corpus.parquet", texts)
    output = tmp_path / "surprisal.parquet"
    options = ("--output-surprisal", output, "--variant", "original", "--device", "cpu")
    assert_runs("score_surprisal", masked_lm, corpus, *options)
    found = read_table(output, SURPRISAL)
    assert found["token"].to_list() == [word for text in texts for word in text.split()]
    assert found["surprisal"].to_numpy() == pytest.approx(judge(masked_lm, texts, "original"), 1e-4)


@pytest.mark.parametrize("count", [3, 30])
def test_shards_together_are_the_whole(folder: Path, count: int) -> None:
    texts = draw_texts(40)
    whole = score(folder / "masked_lm", texts, "within_word_l2r")
    shards = [
        score(folder / "masked_lm", texts, "within_word_l2r", shard=f"{k}-of-{count}")
        for k in range(1, count + 1)
    ]
    assert min(map(len, shards)) < len(whole)
    assert pl.concat(shards).sort("sentence_id", "position").equals(whole)


def test_memory_bounds_the_passes_and_changes_nothing(folder: Path) -> None:
    model = MaskedLM(folder / "masked_lm", device="cpu")
    corpus = write_corpus(folder / "corpus.parquet", ["the sea saw a sail"] * 40)
    sentences = read_sentences(corpus, model.tokenizer, model.longest)
    bound = 2**19
    found = {}

    def run(size: int) -> None:
        found[size] = np.concatenate(
            model.surprisal(sentences, "original", Budget(most=size, efficient=size))
        )

    assert peak_bytes(lambda: run(bound)) < 1.1 * bound
    assert peak_bytes(lambda: run(2**33)) > 2 * bound
    run(1)
    assert found[1] == pytest.approx(found[2**33], 1e-5)
    assert found[bound] == pytest.approx(found[2**33], 1e-5)


def test_an_output_layer_that_mixes_tokens_runs_at_all_of_them(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    load = AutoModelForMaskedLM.from_pretrained

    class Mixing(torch.nn.Module):
        def __init__(self, head: torch.nn.Module) -> None:
            super().__init__()
            self.head = head

        def forward(self, hidden: torch.Tensor) -> torch.Tensor:
            return self.head(hidden + hidden.mean(1, keepdim=True))

    def load_mixing(*args: Any, **options: Any) -> Any:
        model, *loaded = load(*args, **{**options, "output_loading_info": True})
        model.cls = Mixing(model.cls)
        return (model, *loaded) if options.get("output_loading_info") else model

    monkeypatch.setattr(AutoModelForMaskedLM, "from_pretrained", load_mixing)
    texts = draw_texts(4)
    with caplog.at_level(logging.INFO):
        found = score(folder / "masked_lm", texts, "original")
    assert "output layer has to run at every token" in caplog.text
    expected = judge(folder / "masked_lm", texts, "original")
    assert found["surprisal"].to_numpy() == pytest.approx(expected, 1e-4)


def test_half_precision_weights_are_scored_in_single(tmp_path: Path) -> None:
    masked_lm = build(tmp_path / "masked_lm")
    AutoModelForMaskedLM.from_pretrained(masked_lm).half().save_pretrained(masked_lm)
    texts = draw_texts(4)
    found = score(masked_lm, texts, "original")
    expected = judge(masked_lm, texts, "original")
    assert found["surprisal"].to_numpy() == pytest.approx(expected, 1e-4)


@pytest.mark.parametrize(("architecture", "longest"), [("bert", 40), ("roberta", 39)])
def test_long_sentences_are_cut_to_the_positions_there_are(
    tmp_path: Path, architecture: str, longest: int, caplog: pytest.LogCaptureFixture
) -> None:
    tokenizer = build_tokenizer(WORDS)
    tokenizer.model_max_length = 10**30
    masked_lm = build_masked_lm(
        tmp_path / "masked_lm", [], architecture=architecture, tokenizer=tokenizer
    )
    with caplog.at_level(logging.INFO):
        found = score(masked_lm, ["the sea " * 40, "a boat"], "within_word_l2r")
    assert f"1 sentences truncated to {longest} tokens" in caplog.text
    assert found.group_by("sentence_id", maintain_order=True).len()["len"].to_list() == [
        longest - 2,
        2,
    ]


def without_mask(masked_lm: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(masked_lm)
    tokenizer.mask_token = None
    tokenizer.save_pretrained(masked_lm)


def without_head(masked_lm: Path) -> None:
    AutoModel.from_pretrained(masked_lm).save_pretrained(masked_lm)


def with_nan(masked_lm: Path) -> None:
    weights = load_file(masked_lm / "model.safetensors")
    weights["bert.encoder.layer.1.output.dense.bias"][3] = float("nan")
    save_file(weights, masked_lm / "model.safetensors", {"format": "pt"})


def without_model(masked_lm: Path) -> None:
    (masked_lm / "model.safetensors").unlink()


def without_room(masked_lm: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(masked_lm)
    tokenizer.model_max_length = 2
    tokenizer.save_pretrained(masked_lm)


REFUSED = {
    "no room": (without_room, "takes 2 tokens .*, but a word needs 3 with special tokens"),
    "no mask token": (without_mask, "its tokenizer has no mask token"),
    "no output layer": (without_head, "lacks parameter cls.predictions"),
    "not a number": (with_nan, "parameter bert.encoder.layer.1.output.dense.bias holds values"),
    "no model": (without_model, "cannot be loaded as a masked LM"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refuses_what_gives_no_surprisal(tmp_path: Path, case: str) -> None:
    spoil, message = REFUSED[case]
    masked_lm = build(tmp_path / "masked_lm")
    spoil(masked_lm)
    with pytest.raises(InputError, match=message):
        score(masked_lm, ["the sea"], "original")
    assert not (tmp_path / "surprisal.parquet").exists()


def test_a_tokenizer_that_does_not_tell_words_serves_the_original_only(folder: Path) -> None:
    model = MaskedLM(folder / "masked_lm", device="cpu")
    corpus = write_corpus(folder / "corpus.parquet", ["the sea"])
    sentences = read_sentences(corpus, model.tokenizer, model.longest)
    sentences[0].words = None
    within = Budget(2**24, 2**24)
    assert len(model.surprisal(sentences, "original", within)) == 1
    with pytest.raises(InputError, match="does not tell words"):
        model.surprisal(sentences, "within_word_l2r", within)
