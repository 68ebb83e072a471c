"""Tokens are joined by their place in the sentence's own text, whatever prompt or length."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from commands import WORDS, assert_runs, call, draw_texts, write_corpus
from hypothesis import given
from hypothesis import strategies as st
from test_agreement import change
from test_correlate_weights import QUANTITIES, correlate, edit, options_of, write_inputs
from tiny_encoder import build_encoder, build_masked_lm

import correlate_weights
from common.contract import INFORMATION, REGRESSION, SURPRISAL, WEIGHTS
from common.correlations.same_tokens import pair_tokens
from common.correlations.weighed_tokens import read_tokens
from common.tables import read_table, write_table


def paired(
    first: list[int], second: list[int], *, prompts: tuple[int, int] = (0, 0), cut: bool = False
) -> tuple[list[int | None], list[bool | None]]:
    """What tokens of the second sentence those of the first are, from 0, and `alike`."""
    tables = []
    for ids, prompt in zip((first, second), prompts, strict=True):
        position = np.arange(1, len(ids) + 1) + prompt
        frame = pl.DataFrame({"position": position, "token_id": ids})
        tables.append(frame.with_columns(sentence_id=7))
    found = pair_tokens(tables[0].with_columns(truncated=cut), tables[1])
    assert found["token_id"].to_list() == first
    places = found["other_position"] - 1 - prompts[1]
    return places.to_list(), found["alike"].to_list()


PAIRS: dict[str, tuple[list[int], list[int], list[int | None]]] = {
    "the same": ([1, 2, 3], [1, 2, 3], [0, 1, 2]),
    "cut at the end": ([1, 2, 3], [1, 2], [0, 1, None]),
    "the other is longer": ([1, 2], [1, 2, 3], [0, 1]),
    "cut at the beginning": ([1, 2, 3], [2, 3], [None, 0, 1]),
    "may be either end": ([1, 1, 1], [1, 1], [None, None, None]),
    "neither end": ([1, 2, 3, 4], [1, 3, 4], [None, None, None, None]),
    "another first token": ([9, 2, 3], [1, 2, 3], [None, 1, 2]),
}


@pytest.mark.parametrize("case", PAIRS)
@pytest.mark.parametrize("prompts", [(0, 3), (3, 0), (2, 2)])
def test_places_of_the_same_token(case: str, prompts: tuple[int, int]) -> None:
    first, second, expected = PAIRS[case]
    places, alike = paired(first, second, prompts=prompts)
    assert places == expected
    assert set(alike) == {prompts == (2, 2) and len(first) == len(second)}


def test_texts_that_are_cut_at_other_ends_share_nothing() -> None:
    assert paired([1, 2, 3, 2], [2, 3, 2, 2], cut=True)[0] == [None] * 4
    assert paired([1, 2, 3, 2], [1, 2, 3, 2], cut=True)[0] == [0, 1, 2, 3]


@given(st.lists(st.integers(1, 3), min_size=1, max_size=12), st.booleans(), st.data())
def test_no_token_is_taken_for_another(
    text: list[int], from_end: bool, data: st.DataObject
) -> None:
    """Of a text that two encoders cut to any lengths, both at one end."""
    numbers = list(range(len(text)))
    sizes = [data.draw(st.integers(1, len(text))) for _ in range(2)]
    kept = [numbers[-size:] if from_end else numbers[:size] for size in sizes]
    first, second = ([text[k] for k in one] for one in kept)
    places, _ = paired(first, second, cut=len(first) < len(text))
    found = [(k, kept[1][p]) for k, p in zip(kept[0], places, strict=True) if p is not None]
    assert all(ours == theirs for ours, theirs in found)
    assert found or len(first) != len(second)


def behind_a_prompt(folder: Path, name: str, tokens: int) -> None:
    """Put special tokens behind the first one of every sentence of a table of weights."""
    weights = read_table(folder / f"{name}.parquet", WEIGHTS)
    shifted = weights.with_columns(
        position=pl.col("position") + pl.when(pl.col("position") > 0).then(tokens).otherwise(0)
    )
    prompt = weights.filter(position=0).join(
        pl.DataFrame({"of_prompt": range(1, tokens + 1)}, {"of_prompt": pl.Int32}), how="cross"
    )
    prompt = prompt.with_columns(position="of_prompt").select(weights.columns)
    write_table(shifted.vstack(prompt), folder / f"{name}.parquet", WEIGHTS, tokenizer="words")


@pytest.mark.parametrize("prompted", [["before", "after"], ["after"], ["before"]])
def test_prompts_change_no_regression(tmp_path: Path, prompted: list[str]) -> None:
    write_inputs(tmp_path)
    call(correlate_weights.main, **options_of(tmp_path, QUANTITIES, 20, True))
    expected = read_table(tmp_path / "regression.parquet", REGRESSION)
    for name in prompted:
        behind_a_prompt(tmp_path, name, 3)
    call(correlate_weights.main, **options_of(tmp_path, QUANTITIES, 20, True))
    assert read_table(tmp_path / "regression.parquet", REGRESSION).equals(expected)


def test_sentences_that_are_cut_elsewhere_are_compared_where_both_are(tmp_path: Path) -> None:
    write_inputs(tmp_path)
    for name, table, kept in (("after", WEIGHTS, 3), ("surprisal", SURPRISAL, 2)):
        whole = read_table(tmp_path / f"{name}.parquet", table)
        within = (pl.col("position") <= kept) | (pl.col("sentence_id") > 30)
        write_table(whole.filter(within), tmp_path / f"{name}.parquet", table, tokenizer="words")
    before = read_table(tmp_path / "before.parquet", WEIGHTS).filter(~pl.col("special"))
    cut = before.filter((pl.col("position") > 3) & (pl.col("sentence_id") <= 30))
    ran = correlate(tmp_path)
    assert ran.returncode == 0, ran.stderr
    told = f"left out {len(cut)} tokens of {cut['sentence_id'].n_unique()} sentences that not all"
    assert told in ran.stderr
    assert "surprisal.parquet: not of " in ran.stderr
    files = {"one": tmp_path / "before.parquet", "two": tmp_path / "after.parquet"}
    paths = (tmp_path / "information.parquet", tmp_path / "surprisal.parquet")
    tokens = read_tokens(files, *paths, minimum_count=0)
    assert len(tokens) == len(before) - len(cut)
    scored = read_table(paths[1], SURPRISAL).select("sentence_id", "position", "surprisal")
    by_hand = tokens.drop("surprisal").join(scored, ["sentence_id", "position"], how="left")
    assert tokens["surprisal"].equals(by_hand["surprisal"])


def test_words_that_one_encoder_cuts_are_left_out(tmp_path: Path) -> None:
    write_inputs(tmp_path)
    for name in ("before", "after"):  # the last two tokens of every sentence are one word
        last = pl.col("word").max().over("sentence_id")
        edit(
            tmp_path,
            name,
            WEIGHTS,
            word=pl.when(pl.col("word") == last).then(last - 1).otherwise("word"),
        )
    whole = read_table(tmp_path / "after.parquet", WEIGHTS)
    own = ~pl.col("special") & (pl.col("sentence_id") == 0)
    end = whole.filter(own)["position"].max()
    write_table(
        whole.filter(~own | (pl.col("position") < end)),
        *(tmp_path / "after.parquet", WEIGHTS),
        tokenizer="words",
    )
    information = read_table(tmp_path / "information.parquet", INFORMATION)
    write_table(
        information, tmp_path / "information.parquet", INFORMATION, tokenizer="words", unit="word"
    )
    files = {"one": tmp_path / "before.parquet", "two": tmp_path / "after.parquet"}
    words = read_tokens(files, tmp_path / "information.parquet", None, minimum_count=0)
    of_first = words.filter(sentence_id=0)
    assert of_first["position"].max() == end - 2
    assert words["one"].null_count() == words["two"].null_count() == 0


def test_weights_behind_a_prompt_have_the_surprisal_of_their_tokens(tmp_path: Path) -> None:
    words = [*WORDS, "query", ":"]
    masked_lm = build_masked_lm(tmp_path / "lm", words)
    encoder = build_encoder(tmp_path / "e", words, checked=True)
    change(
        encoder / "config_sentence_transformers.json",
        prompts={"query": "query: "},
        default_prompt_name="query",
    )
    corpus = write_corpus(tmp_path / "c.parquet", draw_texts(5))
    weights, scores = tmp_path / "w.parquet", tmp_path / "s.parquet"
    assert_runs(
        "integrate_gradients", encoder, corpus, "--output-weights", weights, "--device", "cpu"
    )
    assert_runs(
        *("score_surprisal", masked_lm, corpus, "--variant", "original", "--device", "cpu"),
        *("--output-surprisal", scores),
    )
    write_inputs(tmp_path)
    known = read_table(tmp_path / "information.parquet", INFORMATION)
    known = known.with_columns(token_id=pl.col("token_id") - 5)
    information = tmp_path / "i.parquet"
    write_table(known, information, INFORMATION)
    tokens = read_tokens({"one": weights}, information, scores, minimum_count=0)
    expected = read_table(scores, SURPRISAL).sort("sentence_id", "position")
    assert tokens["position"].equals(expected["position"] + 2)
    assert tokens["surprisal"].equals(expected["surprisal"])
