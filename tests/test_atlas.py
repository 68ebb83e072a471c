"""Encoders of other tokenizers side by side: an atlas of four, and its tables by scipy."""

import copy
import re
from itertools import combinations
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import scipy.stats
from commands import WORDS, assert_refuses
from evidence_tables import write_evidence
from test_configuration import fault, valid
from test_words import TOKENIZERS
from tiny_encoder import build_encoder
from workflow import TINY, Workflow

from common.contract import (
    AGREEMENT,
    CORPUS,
    DATA,
    INFORMATION,
    RANKING,
    REGRESSION,
    TABLES,
    WEIGHTS,
)
from common.reports.side_by_side import on_atlases
from common.tables import read_metadata, read_table
from common.tokens.segmenters import segment
from common.workflow.configuration import counted_in, foreign_tokenizers, is_atlas, validated
from rank_encoders import rank_correlation

pytest.importorskip("icu4py")

FOREIGN = ("wordpiece", "bytes", "sentencepiece")
ENCODERS = ["masked_lm", *FOREIGN]


@pytest.fixture(scope="module")
def atlas(tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """The finished run of four encoders of three kinds of tokenizers, beside one of tokens."""
    config = copy.deepcopy(TINY) | {"run": "atlas", "theory": None, "pairs": None}
    workflow = Workflow(tmp_path_factory.mktemp("atlas"), config)
    del config["encoders"]["adjacent"], config["encoders"]["random"]
    config["encoders"]["masked_lm"]["tokenizer"] = {"model": "wordpiece", "vocabulary": 300}
    for name in FOREIGN:
        build_encoder(workflow.directory / name, WORDS, tokenizer=TOKENIZERS[name])
        config["encoders"][name] = {"source": "path", "path": name}
    common = {"weighed": ["held_out"], "counted_on": "language", "surprisal_by": "masked_lm"}
    config["comparisons"] = {
        "atlas": {"encoders": ENCODERS, "unit": "word", **common},
        "tokens": {"encoders": ["masked_lm"], **common},
    }
    config["weights"] = {"shards": 1, "occlusion": {}}
    config["information"] = {"shards": 1}
    config["analysis"] |= {"segmenter": "icu", "bootstrap_draws": 100, "permutations": 99}
    config["analysis"]["quantities"] = ["self_information", "information_gain_bayes", "surprisal"]
    workflow.config = config
    wanted = [f"tables/{name}.parquet" for name in ("agreement", "ranking", "data", "regression")]
    wanted.append("figures/atlas.atlas.held_out.occlusion.svg")
    done = workflow.snakemake("--cores", "1", *(f"results/atlas/{path}" for path in wanted))
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    return workflow


def words_of_all(atlas: Workflow) -> pl.DataFrame:
    """The words that all encoders have whole, with their weights by each."""
    words = None
    for name in ENCODERS:
        table = read_table(atlas.results(f"weights/occlusion/{name}/held_out.parquet"), WEIGHTS)
        whole = table.filter(pl.col("word_text").is_not_null())
        own = whole.group_by("sentence_id", "word", "word_text")
        one = own.agg(pl.col("word_weight").first().alias(name))
        words = one if words is None else words.join(one, ["sentence_id", "word", "word_text"])
    assert words is not None
    return words


@pytest.mark.slow
def test_an_atlas_weighs_the_same_words_by_all_encoders(atlas: Workflow) -> None:
    corpus = read_table(atlas.results("corpora/held_out.parquet"), CORPUS)
    words = [text[a:b].lower() for text in corpus["text"] for a, b in segment(text)]
    data = read_table(atlas.results("tables/data.parquet"), DATA)
    rows = {row["comparison"]: row for row in data.iter_rows(named=True)}
    assert [rows[name]["unit"] for name in ("atlas", "tokens")] == ["word", "token"]
    assert rows["atlas"]["tokens_weighed"] == len(words)
    assert rows["tokens"]["tokens_weighed"] > len(words)
    regression = read_table(atlas.results("tables/regression.parquet"), REGRESSION)
    of_atlas = regression.filter(comparison="atlas", quantity="self_information")
    assert of_atlas["encoder"].to_list() == ENCODERS
    types = read_table(atlas.results("information/language/icu@words.parquet"), INFORMATION)
    known = set(types.filter(pl.col("count") >= 2)["token"])
    common = words_of_all(atlas)
    assert set(of_atlas["n"]) == {sum(word in known for word in common["word_text"])}
    assert len(common) < len(words)
    counted = atlas.results("counts/language")
    assert sorted(path.name for path in counted.iterdir()) == ["icu@words", "masked_lm"]
    assert read_metadata(atlas.results("tables/regression.parquet"))["unit"] == "token and word"


@pytest.mark.slow
def test_agreement_is_the_mean_of_spearman_within_sentences(atlas: Workflow) -> None:
    words = words_of_all(atlas)
    agreement = read_table(atlas.results("tables/agreement.parquet"), AGREEMENT)
    assert agreement.select("encoder", "other").rows() == [*combinations(ENCODERS, 2)]
    for row in agreement.iter_rows(named=True):
        rhos = [
            scipy.stats.spearmanr(group[row["encoder"]], group[row["other"]]).statistic
            for _, group in words.group_by("sentence_id")
        ]
        assert row["sentence_spearman"] == pytest.approx(np.mean(rhos), abs=1e-9)
        assert row["sentences"] == len(rhos)
        assert row["sentence_spearman_low"] < row["sentence_spearman"]
        assert row["sentence_spearman"] < row["sentence_spearman_high"]


@pytest.mark.slow
def test_the_ranking_is_over_encoders(atlas: Workflow) -> None:
    ranking = read_table(atlas.results("tables/ranking.parquet"), RANKING)
    assert set(ranking["encoders"]) == {4}
    regression = read_table(atlas.results("tables/regression.parquet"), REGRESSION)
    stated = pl.read_parquet(atlas.results("tables/encoders.parquet"))
    joined = regression.filter(comparison="atlas").join(stated, "encoder")
    for row in ranking.filter(statistic="pearson").iter_rows(named=True):
        of_quantity = joined.filter(quantity=row["quantity"])
        rho = scipy.stats.spearmanr(of_quantity["pearson"], of_quantity["sts_spearman"])
        assert row["spearman"] == pytest.approx(rho.statistic)


@pytest.mark.parametrize("ties", [False, True])
def test_p_of_a_ranking_counts_permutations(ties: bool) -> None:
    x = np.array([0.3, 0.1, 0.2, 0.5, 0.1 if ties else 0.4])
    y = np.array([3.0, 1.0, 2.0, 4.0, 5.0])
    rho, p = rank_correlation(x, y)
    exact = scipy.stats.permutation_test(
        (x,), lambda one: scipy.stats.spearmanr(one, y).statistic, permutation_type="pairings"
    )
    assert rho == pytest.approx(exact.statistic)
    assert p == pytest.approx(exact.pvalue)
    assert rank_correlation(x[:2], y[:2]) == (None, None)
    assert rank_correlation(np.ones(4), y[:4]) == (None, None)


@pytest.mark.slow
def test_the_summary_and_the_figure_name_all_encoders(atlas: Workflow) -> None:
    tables = [
        read_table(atlas.results(f"tables/{name}.parquet"), TABLES[name])
        for name in ("regression", "agreement", "ranking")
    ]
    (line,) = on_atlases(*tables, "information_gain_bayes")
    assert line.startswith("- **atlas** on held_out, occlusion: from the highest correlation")
    for name in ENCODERS:
        assert f"`{name}`" in line
    assert "Over 4 encoders, Spearman's rho with their STS is" in line
    figure = atlas.results("figures/atlas.atlas.held_out.occlusion.svg").read_text()
    told = {text.strip() for text in re.findall("<!--(.*?)-->", figure, re.DOTALL)}
    assert {*ENCODERS, "STS Spearman", "surprisal"} <= told


def test_one_encoder_agrees_with_none(tmp_path: Path) -> None:
    write_evidence(tmp_path)
    line = assert_refuses(
        "compare_encoders",
        *("--weights", tmp_path / "before.parquet", "--encoders", "base"),
        *("--information", tmp_path / "information.parquet", "--comparison", "c"),
        *("--corpus", "c", "--method", "shapley", "--draws", "100", "--confidence", "0.95"),
        *("--seed", "0", "--output-agreement", tmp_path / "agreement.parquet"),
    )
    assert "--encoders base: one encoder has none to agree with; give two" in line


def test_a_comparison_chooses_its_unit() -> None:
    config = valid(theory=None)
    other = copy.deepcopy(config["encoders"]["masked_lm"])
    other["tokenizer"]["vocabulary"] = 99
    config["encoders"]["other"] = other
    config["comparisons"]["atlas"] = {
        **config["comparisons"]["adjacent"],
        "encoders": ["masked_lm", "other"],
    }
    assert "have different tokenizers" in fault(copy.deepcopy(config))
    config["comparisons"]["atlas"]["unit"] = "word"
    told = fault(copy.deepcopy(config))
    assert told.endswith("one tokenizer for all, or unit word by analysis.segmenter icu")
    config["analysis"]["segmenter"] = "icu"
    filled = validated(config)
    comparisons = filled["comparisons"]
    assert counted_in(filled, comparisons["atlas"]) == "icu@words"
    assert counted_in(filled, comparisons["adjacent"]) == "masked_lm"
    assert foreign_tokenizers(filled) == {}
    assert [name for name in comparisons if is_atlas(comparisons[name])] == ["atlas"]
    comparisons["adjacent"]["encoders"].append("other")
    assert is_atlas(comparisons["adjacent"])
    assert not is_atlas(comparisons["adjacent"] | {"series": ("layers", "other")})
