"""What a comparison stands on: counted here by plain counting, warned of at the thresholds."""

from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from commands import assert_refuses, assert_runs
from docutils.core import publish_parts
from tiny_encoder import build_tokenizer

from common.command import InputError
from common.contract import DATA, INFORMATION, SENTENCE_LENGTHS, WEIGHTS
from common.correlations.weighed_tokens import inexact, of_quantity
from common.reports.data_block import Thresholds, on_data, stands_on, warnings_of
from common.tables import read_metadata, read_table, write_table
from common.tokens.vocabulary import fingerprint

WORDS = ["sea", "sail", "##ing", "boat", "wind", "oven"]
COUNTED = {"[UNK]": 30, "sea": 40, "sail": 19, "##ing": 20, "boat": 5, "wind": 6, "oven": 0}
LENGTHS = {2: 30, 3: 20}
SENTENCES = [
    ["sea", "[UNK]", "boat"],
    ["sail", "##ing", "sail", "oven"],
    ["boat", "boat", "wind", "[UNK]", "[UNK]"],
    ["sea", "##ing"],
]
CUT = {2}
WORD_COUNTS = {"[UNK]": 25, "sea": 60, "sailing": 15}
THRESHOLDS = {
    "unknown_share": 0.05,
    "rare_share": 0.3,
    "cut_share": 0.01,
    "inexact_share": 0.01,
    "tokens_counted": 100_000,
    "sentences": 50,
    "types": 100,
}


def write_types(path: Path, counts: dict[str, int], **metadata: str) -> None:
    """An information table of these counts; what else it holds does not matter here."""
    count = pl.Series(counts.values())
    types = pl.DataFrame(
        {"token": counts.keys(), "count": count, "probability": count / count.sum()}
    )
    numbers = [name for name in INFORMATION.columns if name.startswith(("self", "information"))]
    types = types.with_row_index("token_id").with_columns(
        pl.col("token_id").cast(pl.Int32) + 5,
        *(pl.lit(None, pl.Float64).alias(name) for name in numbers),
    )
    write_table(types, path, INFORMATION, **metadata)


def write_inputs(folder: Path, counts: dict[str, int], lengths: dict[int, int], unit: str) -> None:
    """A tokenizer and the tables of `SENTENCES`."""
    tokenizer = build_tokenizer(WORDS)
    tokenizer.save_pretrained(folder / "tokenizer")
    about = {"tokenizer": fingerprint(tokenizer)}
    write_types(folder / "information.parquet", counts, unit=unit, **about)
    table = pl.DataFrame({"length": lengths.keys(), "sentences": lengths.values()})
    write_table(table, folder / "lengths.parquet", SENTENCE_LENGTHS, unit=unit, **about)
    rows = []
    for number, sentence in enumerate(SENTENCES):
        word, words = -1, " ".join(sentence).replace(" ##", "").split()
        for position, token in enumerate(["[CLS]", *sentence, "[SEP]"]):
            special = token in ("[CLS]", "[SEP]")
            word += not special and not token.startswith("##")
            ends = number in CUT and word == len(words) - 1
            text = None if special or ends else words[word]
            of_word = (None if special else word, text)
            token_id = list(COUNTED).index(token) + 5 if not special else 2
            rows.append((number, position, token_id, token, special, number in CUT, *of_word))
    names = ("sentence_id", "position", "token_id", "token", "special", "truncated", "word")
    weights = pl.DataFrame(rows, [*names, "word_text"], orient="row").with_columns(
        weight=1.0,
        error=0.0,
        completeness=0.0,
        word_weight=pl.when(pl.col("word_text").is_not_null()).then(1.0),
    )
    write_table(weights, folder / "weights.parquet", WEIGHTS, **about)


def command(folder: Path, **changes: Any) -> list[object]:
    options = {
        **{name: folder / f"{name}.parquet" for name in ("information", "lengths")},
        "tokenizer": folder / "tokenizer",
        **{
            "comparison": "adjacent",
            "corpus": "held_out",
            "minimum_count": 20,
            "largest_error": 0.05,
        },
        **THRESHOLDS,
        **changes,
    }
    words = [w for k, v in options.items() for w in (f"--{k.replace('_', '-')}", v)]
    return [folder / "weights.parquet", *words, "--output-data", folder / "data.parquet"]


def judged(sentences: list[list[str]], counts: dict[str, int], unknown: str) -> dict[str, Any]:
    """The numbers of the weighed sentences, with types counted fewer than 20 times left out."""
    tokens = [token for sentence in sentences for token in sentence]
    left = [[t for t in sentence if counts.get(t, 0) >= 20] for sentence in sentences]
    rare = Counter(t for t in tokens if counts.get(t, 0) < 20)
    regressed = [token for sentence in left for token in sentence]
    return {
        "tokens_counted": sum(counts.values()),
        "types_counted": sum(count > 0 for count in counts.values()),
        "share_unknown_counted": counts[unknown] / sum(counts.values()),
        "sentences_weighed": len(sentences),
        "tokens_weighed": len(tokens),
        "share_unknown": tokens.count(unknown) / len(tokens),
        "share_cut": len(CUT) / len(sentences),
        "minimum_count": 20,
        "share_rare": rare.total() / len(tokens),
        "rare_examples": ", ".join(f"'{token}' {n}" for token, n in rare.most_common()),
        "largest_error": 0.05,
        "share_inexact": None,
        "sentences_regressed": sum(map(bool, left)),
        "tokens_regressed": len(regressed),
        "types_regressed": len(set(regressed)),
    }


def test_tokens_are_described_as_plain_counting_has_them(tmp_path: Path) -> None:
    write_inputs(tmp_path, COUNTED, LENGTHS, "token")
    log = assert_runs("describe_data", *command(tmp_path))
    row = read_table(tmp_path / "data.parquet", DATA).row(0, named=True)
    warnings = row.pop("warnings")
    assert row == {
        "comparison": "adjacent",
        "corpus": "held_out",
        "unit": "token",
        "sentences_counted": 50,
    } | judged(SENTENCES, COUNTED, "[UNK]")
    assert row["rare_examples"] == "'boat' 3, 'sail' 2, 'oven' 1, 'wind' 1"
    assert len(warnings) == 6
    for warning in warnings:
        assert warning in log
    assert warnings[0].startswith("21.4 % of the tokens weighed and 25.0 % of those counted are")
    assert stands_on(row) in log
    again = command(tmp_path, minimum_count=1, rare_share=0.1, types=6)
    log = assert_runs("describe_data", *again)
    assert "7.1 % counted fewer than 1 times and left out" in log
    assert "left out, as" not in log
    assert "are in the regressions, fewer than 50" in log
    assert "types are in" not in log


def test_words_are_described_too(tmp_path: Path) -> None:
    """Of the cut sentence the last word is none, and one that was not counted is too rare."""
    write_inputs(tmp_path, WORD_COUNTS, {2: 50}, "word")
    log = assert_runs("describe_data", *command(tmp_path))
    table = read_table(tmp_path / "data.parquet", DATA)
    words = [
        ["sea", "[UNK]", "boat"],
        ["sailing", "sail", "oven"],
        ["boat", "boat", "wind", "[UNK]"],
        ["seaing"],
    ]
    others = ("warnings", "comparison", "corpus", "unit", "sentences_counted")
    row = table.drop(others).row(0, named=True)
    assert row == judged(words, WORD_COUNTS, "[UNK]") | {"rare_examples": row["rare_examples"]}
    assert row["rare_examples"].startswith("'boat' 3, 'oven' 1, 'sail' 1, 'sailing' 1")
    assert "100 words of 3 types counted in 50 sentences; 11 words weighed" in log
    assert read_metadata(tmp_path / "data.parquet")["unit"] == "word"


def test_a_tokenizer_without_an_unknown_token_knows_all(tmp_path: Path) -> None:
    write_inputs(tmp_path, COUNTED, LENGTHS, "token")
    tokenizer = build_tokenizer(WORDS)
    tokenizer.unk_token = None
    tokenizer.save_pretrained(tmp_path / "tokenizer")
    log = assert_runs("describe_data", *command(tmp_path))
    assert "unknown to the tokenizer" not in log
    table = read_table(tmp_path / "data.parquet", DATA)
    assert table.select("share_unknown", "share_unknown_counted").row(0) == (0, 0)


def test_tables_of_other_corpora_and_tokenizers_are_refused(tmp_path: Path) -> None:
    write_inputs(tmp_path, COUNTED, {2: 30}, "token")
    line = assert_refuses("describe_data", *command(tmp_path))
    assert "lengths.parquet: 60 tokens, but" in line
    write_inputs(tmp_path, COUNTED, LENGTHS, "token")
    build_tokenizer(WORDS[1:]).save_pretrained(tmp_path / "tokenizer")
    line = assert_refuses("describe_data", *command(tmp_path))
    assert "weights.parquet: its tokens are not those of" in line
    write_inputs(tmp_path, {"[UNK]": 120}, LENGTHS, "token")
    assert "some that" in assert_refuses("describe_data", *command(tmp_path))
    assert not (tmp_path / "data.parquet").exists()


def test_sentences_with_large_errors_are_counted_over_all_encoders(tmp_path: Path) -> None:
    """One for what it misses before, one for a token's error after: half of the four."""
    write_inputs(tmp_path, COUNTED, LENGTHS, "token")
    for name, column, sentence in (("before", "completeness", 0), ("after", "error", 2)):
        table = read_table(tmp_path / "weights.parquet", WEIGHTS)
        here = pl.col("sentence_id") == sentence
        worse = table.with_columns(pl.when(here).then(0.06).otherwise(column).alias(column))
        about = read_metadata(tmp_path / "weights.parquet")
        write_table(worse, tmp_path / f"{name}.parquet", WEIGHTS, tokenizer=about["tokenizer"])
        assert inexact(worse, 0.05).to_list() == [sentence]
        assert inexact(worse, 0.07).to_list() == []
    tables = [f"--integrated={tmp_path / name}.parquet" for name in ("before", "after")]
    log = assert_runs("describe_data", *command(tmp_path), *tables)
    assert "50.0 % with errors above 5 % left out by Integrated Gradients" in log
    assert "50.0 % of the sentences weighed have errors of Integrated Gradients" in log


AT_THE_EDGE: dict[str, Any] = {
    "share_unknown": 0.05,
    "share_unknown_counted": 0.05,
    "share_rare": 0.3,
    "share_cut": 0.01,
    "share_inexact": 0.01,
    "tokens_counted": 100_000,
    "sentences_regressed": 50,
    "types_regressed": 100,
}


@pytest.mark.parametrize("name", AT_THE_EDGE)
def test_what_is_beyond_a_threshold_is_warned_of_and_what_is_at_it_is_not(name: str) -> None:
    row = AT_THE_EDGE | {"unit": "token", "minimum_count": 20, "largest_error": 0.05}
    thresholds = Thresholds(**THRESHOLDS)
    assert list(warnings_of(row, thresholds)) == []
    value = row[name]
    row[name] = value + 1e-9 if name.startswith("share") else value - 1
    (sentence,) = warnings_of(row, thresholds)
    assert sentence.endswith(".")
    shown = f"{100 * value:g} %" if name.startswith("share") else f"{value:,}"
    assert f"than {shown}:" in sentence


def test_where_one_type_is_left_the_error_names_it() -> None:
    left = {
        "token": "[UNK]",
        "probability": 0.644,
        "self_information": 0.44,
        "surprisal": [1, 2, 3],
    }
    tokens = pl.DataFrame(left).with_columns(pl.col("surprisal").cast(pl.Float64))
    with pytest.raises(InputError) as refusal:
        of_quantity(tokens, "self_information", "weights")
    assert str(refusal.value).startswith(
        "weights: all 3 tokens left are '[UNK]', 64.4 % of the tokens counted; no other type"
    )
    assert of_quantity(tokens, "surprisal", "weights").equals(tokens)
    several = tokens.with_columns(token=pl.Series(["[UNK]", "sea", "sea"]))
    with pytest.raises(InputError, match=r"self_information is 0\.44 for all 3 tokens left"):
        of_quantity(several, "self_information", "weights")


def test_the_summary_tells_comparisons_of_the_same_data_once(tmp_path: Path) -> None:
    write_inputs(tmp_path, COUNTED, LENGTHS, "token")
    assert_runs("describe_data", *command(tmp_path))
    table = read_table(tmp_path / "data.parquet", DATA)
    other = table.with_columns(comparison=pl.lit("dropout"))
    third = table.with_columns(comparison=pl.lit("mine"), rare_examples=pl.lit("'##ing_' 3, '*' 2"))
    lines = list(on_data(pl.concat([table, other, third])))
    assert len(lines) == 2 * 7
    assert lines[0].startswith("- **adjacent and dropout** on held_out: 120 tokens of 6 types")
    assert lines[1].startswith("- **Warning**, **adjacent and dropout** on held_out: 21.4 %")
    shown = publish_parts("\n".join(lines), writer="html")["body"]
    assert "system-message" not in shown
    assert shown.count("<li>") == len(lines)
    assert "'##ing_' 3, '*' 2" in " ".join(shown.replace("</span>", "").split()).replace(
        '<span class="pre">', ""
    )
