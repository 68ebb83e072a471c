"""The whole workflow on a tiny config: every table of the contract, reruns, and bad input."""

import copy
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
from commands import ROOT
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from workflow import TINY, Workflow

from common.contract import STATISTICS, TABLES, Table
from common.tables import read_metadata, read_table

pytestmark = pytest.mark.slow

METHODS = ("integrated_gradients", "shapley")
EXPECTED = {
    "corpora/language.parquet": "corpus",
    "corpora/held_out.parquet": "corpus",
    "corpora/topical_pairs.parquet": "corpus",
    "corpora/topical_pairs.pairs.parquet": "corpus",
    "corpora/language.exact.parquet": "language",
    "counts/language/masked_lm/tokens.parquet": "token_counts",
    "counts/language/masked_lm/pairs.parquet": "pair_counts",
    "counts/language/masked_lm/lengths.parquet": "sentence_lengths",
    "information/language/masked_lm.parquet": "information",
    "surprisal/masked_lm/held_out.parquet": "surprisal",
    "training/masked_lm.parquet": "training",
    "training/adjacent.parquet": "training",
    "weights/integrated_gradients/masked_lm/held_out.parquet": "weights",
    "weights/integrated_gradients/adjacent/held_out.parquet": "weights",
    "weights/shapley/masked_lm/held_out.parquet": "weights",
    "weights/shapley/adjacent/held_out.parquet": "weights",
    "pairs/masked_lm/topical_pairs.parquet": "pairs",
    "pairs/adjacent/topical_pairs.parquet": "pairs",
    "tables/pair_shares.parquet": "pair_shares",
    "tables/pair_regression.parquet": "pair_regression",
    "tables/regression.parquet": "regression",
    "tables/change.parquet": "change",
    "tables/within_sentence.parquet": "within_sentence",
    "tables/partial.parquet": "partial",
    "tables/classes.parquet": "classes",
    "tables/data.parquet": "data",
    "tables/encoders.parquet": "encoders",
    "cooccurrences/language/masked_lm/tokens.parquet": "token_counts",
    "cooccurrences/language/masked_lm/adjacent.parquet": "adjacent_counts",
    "cooccurrences/language/masked_lm/sentence.parquet": "pair_counts",
    "theory/adjacent.exact.parquet": "static_vectors",
    "theory/adjacent.sampled.parquet": "static_vectors",
    "theory/sentence.exact.parquet": "static_vectors",
    "theory/sentence.sampled.parquet": "static_vectors",
    "tables/theory.parquet": "theory",
    "tables/theory_words.parquet": "theory_words",
    "tables/embedding_norms.parquet": "embedding_norms",
}


@pytest.fixture
def edited(done: Workflow) -> Iterator[Workflow]:
    """The finished workflow, whose config may be changed for a test."""
    yield done
    done.config = copy.deepcopy(TINY)


@pytest.mark.parametrize(("path", "name"), EXPECTED.items())
def test_tables_keep_the_contract(done: Workflow, path: str, name: str) -> None:
    table: Table = TABLES[name]
    file = done.results(path)
    frame = read_table(file, table)
    assert len(frame) > 0
    assert set(frame.columns) <= set(table.columns)
    assert frame.equals(frame.sort(table.keys))
    assert frame.select(table.keys).is_duplicated().sum() == 0
    metadata = read_metadata(file)
    assert set(json.loads(metadata["units"])) == set(frame.columns)
    assert metadata["command"].startswith("python scripts/")
    assert re.fullmatch("[0-9a-f]{64}", metadata["config_hash"])
    assert pq.ParquetFile(file).metadata.row_group(0).column(0).compression == "ZSTD"


def test_every_table_of_the_contract_is_made(done: Workflow) -> None:
    asked_for = {"vectors", "series", "similarities"}
    asked_for |= {"agreement", "ranking", "weighted_bags"}
    assert set(EXPECTED.values()) | asked_for == set(TABLES)
    made = {str(p.relative_to(done.results("."))) for p in done.results(".").rglob("*.parquet")}
    inner = ("correlations/", "evaluations/", "checkpoints/")
    others = {p for p in made if not p.startswith(inner) and not p.endswith(".exact.parquet")}
    assert others == {p for p in EXPECTED if not p.endswith(".exact.parquet")}


def test_regression_covers_stages_methods_and_quantities(done: Workflow) -> None:
    frame = read_table(done.results("tables/regression.parquet"), TABLES["regression"])
    quantities = TINY["analysis"]["quantities"]
    assert len(frame) == 2 * 2 * len(quantities)
    assert set(frame["encoder"]) == {"masked_lm", "adjacent"}
    for statistic in STATISTICS:
        inside = pl.col(statistic).is_between(
            pl.col(f"{statistic}_low") - 0.3, pl.col(f"{statistic}_high") + 0.3
        )
        assert frame.filter(~inside, pl.col("r_squared").is_not_null()).is_empty() or statistic in (
            "slope",
            "intercept",
        )


def test_weights_are_complete_and_efficient(done: Workflow) -> None:
    for encoder in ("masked_lm", "adjacent"):
        path = f"weights/integrated_gradients/{encoder}/held_out.parquet"
        frame = read_table(done.results(path), TABLES["weights"])
        assert frame["completeness"].max() <= TINY["weights"]["integrated_gradients"]["tolerance"]
        corpus = read_table(done.results("corpora/held_out.parquet"), TABLES["corpus"])
        assert set(frame["sentence_id"]) == set(corpus["sentence_id"])


def test_logs_and_benchmarks_of_every_job_are_not_empty(done: Workflow) -> None:
    rules = {path.name for path in done.results("logs").iterdir()}
    assert {path.name for path in done.results("benchmarks").iterdir()} == rules
    for rule in rules:
        assert (ROOT / "scripts" / f"{rule}.py").exists()
    for benchmark in done.results("benchmarks").rglob("*.tsv"):
        assert len(benchmark.read_text().splitlines()) == 2
    for log in done.results("logs").rglob("*.log"):
        assert not re.search("it/s|widget examples|Loading weights", log.read_text()), log


def test_figures_are_drawn(done: Workflow) -> None:
    figures = {path.name for path in done.results("figures").iterdir()}
    for name in (
        "changes",
        "partials",
        "classes.adjacent.held_out",
        "training",
        "theory",
        "pairs.adjacent.topical_pairs",
        "regressions.adjacent.held_out.shapley",
        "regressions.adjacent.held_out.integrated_gradients",
        "surprisal.masked_lm.held_out.language",
    ):
        assert {f"{name}.svg", f"{name}.pdf"} <= figures


def test_an_edited_page_is_built_again(edited: Workflow) -> None:
    style = edited.directory / "scripts/explorer/style.css"
    text = style.read_text()
    style.write_text(text + "\n")
    planned = edited.planned()
    style.write_text(text)
    assert planned == {"build_explorer"}


def test_the_explorer_shows_the_run(done: Workflow, browser: Chrome) -> None:
    browser.get(done.results("explorer.html").as_uri())
    options = [o.text for o in browser.find_elements(By.CSS_SELECTOR, "#method option")]
    assert options == ["Integrated Gradients", "Shapley values"]
    corpus = read_table(done.results("corpora/held_out.parquet"), TABLES["corpus"])
    assert browser.find_element(By.ID, "text").text == corpus["text"][0]
    assert browser.find_element(By.ID, "found").text == f"{len(corpus)} sentences"


def test_the_report_needs_no_network_and_opens(
    done: Workflow, browser: Chrome, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setitem(done.environment, name, "http://127.0.0.1:9")
    run = done.snakemake("--report", "report.html")
    assert run.returncode == 0, run.stderr
    browser.get((done.directory / "report.html").as_uri())
    results = browser.execute_script("return results")
    assert {Path(path).name for path in results} == {
        *("changes.svg", "training.svg", "surprisal.masked_lm.held_out.language.svg"),
        *(f"regressions.adjacent.held_out.{method}.svg" for method in METHODS),
        *("partials.svg", "classes.adjacent.held_out.svg", "summary.html", "explorer.html"),
        *(f"{name}.html" for name in ("regression", "change", "within_sentence", "partial")),
        *("classes.html", "encoders.html", "data.html", "theory.svg"),
        *(f"{name}.html" for name in ("theory", "theory_words", "embedding_norms")),
        *("pairs.adjacent.topical_pairs.svg", "pair_shares.html", "pair_regression.html"),
    }
    for path, result in results.items():
        assert len(result["caption"]) > 50, path
        assert "{{" not in result["caption"]
    (caption,) = (about["caption"] for path, about in results.items() if "data.html" in path)
    table = read_table(done.results("tables/data.parquet"), TABLES["data"])
    summary = done.results("summary.md").read_text()
    assert len(table["warnings"][0]) > 1
    for warning in table["warnings"][0]:
        assert f"- **Warning**, **adjacent** on held_out: {warning}\n" in summary
        assert warning in " ".join(caption.split())

    def press(*words: str) -> None:
        for word in words:
            path = f"//*[self::a or self::button][normalize-space()={word!r}]"
            browser.find_element(By.XPATH, path).click()

    assert "adjacent: masked_lm → adjacent" in browser.find_element(By.CLASS_NAME, "prose").text
    press("2. What does each token weigh?")
    browser.execute_script("document.querySelector('table [role=group] a').click()")
    browser.switch_to.frame(browser.find_element(By.TAG_NAME, "iframe"))
    assert browser.find_element(By.ID, "heading").text == "Sentence 0"
    browser.switch_to.default_content()


def test_tables_and_the_summary_are_pages(done: Workflow, browser: Chrome) -> None:
    for name in ("regression", "data"):
        browser.get(done.results(f"pages/{name}.html").as_uri())
        assert browser.find_element(By.TAG_NAME, "h1").text == name
        table = read_table(done.results(f"tables/{name}.parquet"), TABLES[name])
        assert len(browser.find_elements(By.CSS_SELECTOR, "tbody tr")) == len(table)
    browser.get(done.results("pages/summary.html").as_uri())
    assert browser.find_element(By.TAG_NAME, "h1").text == "Summary of the run tiny"
    assert len(browser.find_elements(By.TAG_NAME, "table")) > 0


def test_the_summary_is_of_this_run(done: Workflow) -> None:
    text = done.results("summary.md").read_text()
    assert text.startswith("# Summary of the run tiny\n")
    values = read_table(done.results("tables/regression.parquet"), TABLES["regression"])
    assert text.count("\n| adjacent |") == len(values)


def test_a_second_run_has_nothing_to_do(done: Workflow) -> None:
    run = done.snakemake("--cores", "2")
    assert run.returncode == 0
    assert "Nothing to be done" in run.stdout + run.stderr


def test_copied_results_are_up_to_date_after_a_touch(done: Workflow, tmp_path: Path) -> None:
    copied = Workflow(tmp_path)
    shutil.copytree(done.results("."), copied.results("."), copy_function=shutil.copyfile)
    touched = copied.snakemake("--touch", "--cores", "1")
    assert touched.returncode == 0, touched.stderr
    planned = copied.snakemake("-n")
    assert "Nothing to be done" in planned.stdout + planned.stderr


def test_tables_are_there_as_csv_and_latex(done: Workflow) -> None:
    tables = sorted(done.results("tables").glob("*.parquet"))
    assert len(tables) > 8
    for path in tables:
        frame = pl.read_parquet(path)
        text = pl.read_csv(path.with_suffix(".csv"), infer_schema_length=None)
        assert (text.columns, len(text)) == (frame.columns, len(frame))
    assert r"\toprule" in done.results("tables/regression.tex").read_text()
    assert done.results("codebook.md").exists()


def test_weights_tell_what_they_are_of(done: Workflow) -> None:
    for path in done.results("weights").rglob("*.parquet"):
        about = pl.read_parquet_metadata(path)
        method, encoder, corpus = path.relative_to(done.results("weights")).with_suffix("").parts
        assert (about["method"], about["encoder"], about["corpus"]) == (method, encoder, corpus)


def test_a_setting_reruns_only_what_depends_on_it(edited: Workflow) -> None:
    edited.config["weights"]["shapley"]["evaluations"] = 26
    assert edited.planned() == {
        "estimate_shapley",
        "select_pairs",
        "integrate_gradients_of_pairs",  # one table of pairs holds both methods
        "estimate_shapley_of_pairs",
        "attribute_pairs",
        "describe_pairs",
        "regress_pairs",
        "gather_pairs",
        "plot_pairs",
        "collect_pairs",
        "correlate_weights",
        "correlate_shares",
        "partition_variance",
        "average_weights",
        "gather_tables",
        "gather_weights",
        "collect_tokens",
        "plot_regressions",
        "plot_changes",
        "build_explorer",
        "plot_partials",
        "plot_classes",
        "summarize_run",
        "export_tables",
        "typeset_regression",
        "render_pages",
    }


def test_a_setting_of_the_analysis_leaves_weights_alone(edited: Workflow) -> None:
    edited.config["analysis"]["minimum_count"] = 3
    planned = edited.planned()
    assert "correlate_weights" in planned
    assert not planned & {"pretrain_encoder", "integrate_gradients", "estimate_information"}


def test_words_are_counted_anew_and_not_weighed_anew(edited: Workflow) -> None:
    edited.config["analysis"]["unit"] = "word"
    del edited.config["theory"], edited.config["pairs"]
    planned = edited.planned()
    assert {"count_tokens", "merge_counts", "estimate_information", "correlate_weights"} <= planned
    assert not planned & {"integrate_gradients", "estimate_shapley", "score_surprisal"}


def test_without_their_sections_there_are_no_theory_and_no_pairs(edited: Workflow) -> None:
    del edited.config["theory"], edited.config["pairs"]
    listed = edited.snakemake("--cores", "1", "--summary", "--rerun-triggers", "mtime")
    assert listed.returncode == 0, listed.stderr
    assert "tables/regression.parquet" in listed.stdout
    assert "tables/theory.parquet" not in listed.stdout
    assert "pair_shares" not in listed.stdout


def test_an_edited_script_reruns_its_rule(edited: Workflow) -> None:
    script = edited.directory / "scripts/evaluate_encoder.py"
    script.write_text(script.read_text() + "\n")
    planned = edited.planned()
    assert "evaluate_encoder" in planned
    assert not planned & {"pretrain_encoder", "finetune_encoder", "estimate_shapley"}


def test_a_misspelt_key_is_one_line(edited: Workflow) -> None:
    edited.config["corpora"]["language"]["sise"] = 3
    run = edited.snakemake("--cores", "1")
    assert run.returncode == 1
    assert run.stderr.strip() == (
        "tiny.yaml: corpora.language: unknown key 'sise'; did you mean 'size'? "
        "allowed: burstiness, form, sentences, size, source"
    )


def test_a_missing_file_is_one_line(edited: Workflow) -> None:
    edited.config["corpora"]["text"] = {"source": "file", "files": ["data/nothing.txt"]}
    run = edited.snakemake("--cores", "1")
    assert run.returncode == 1
    assert run.stderr.strip() == "tiny.yaml: corpora.text.files: no such file 'data/nothing.txt'"


def test_different_tokenizers_are_one_line(edited: Workflow) -> None:
    other = copy.deepcopy(TINY["encoders"]["masked_lm"])
    other["tokenizer"]["vocabulary"] = 100
    edited.config["encoders"]["other"] = other
    edited.config["comparisons"]["adjacent"]["encoders"][1] = "other"
    run = edited.snakemake("--cores", "1")
    assert run.returncode == 1
    assert len(run.stderr.strip().splitlines()) == 1
    assert "'masked_lm' and 'other' have different tokenizers" in run.stderr


def test_a_corpus_without_a_usable_sentence_stops_the_run(tmp_path: Path) -> None:
    config = copy.deepcopy(TINY)
    (tmp_path / "blank.txt").write_text("...\n---\n")
    config["corpora"]["held_out"] = {"source": "file", "files": ["blank.txt"]}
    workflow = Workflow(tmp_path, config)
    run = workflow.snakemake(
        "--cores", "1", str(workflow.results("corpora/held_out.parquet").relative_to(tmp_path))
    )
    assert run.returncode == 1
    log = workflow.results("logs/download_corpus/held_out.log").read_text()
    assert log.strip().splitlines()[-1].startswith("download_corpus.py: error: blank.txt: ")
    assert not workflow.results("corpora/held_out.parquet").exists()


def test_one_encoder_and_its_replicates_need_no_more_than_a_corpus(tmp_path: Path) -> None:
    """Counted on what is weighed, not evaluated, trained twice; with its course and layers."""
    config = (
        copy.deepcopy(TINY) | {"replicates": 2} | dict.fromkeys(["evaluation", "pairs", "theory"])
    )
    config["corpora"] = {"language": TINY["corpora"]["language"] | {"size": 20}}
    config["encoders"] = {"masked_lm": TINY["encoders"]["masked_lm"] | {"checkpoints": 2}}
    series = {"alone": ["masked_lm"]}
    series |= {kind: {f"{kind}_of": "masked_lm"} for kind in ("course", "layers")}
    config["comparisons"] = {
        name: {"encoders": encoders, "weighed": ["language"], "methods": ["occlusion"]}
        for name, encoders in series.items()
    }
    config["comparisons"]["layers"]["methods"].append("integrated_gradients")
    config["weights"] = {"occlusion": {}, "integrated_gradients": {"tolerance": 0.01}}
    config["analysis"]["quantities"] = ["self_information", "information_gain_exact"]
    alone = Workflow(tmp_path, config)
    done = alone.snakemake("--cores", "2")
    assert done.returncode == 0, done.stderr + done.stdout
    regression = read_table(alone.results("tables/regression.parquet"), TABLES["regression"])
    of_layers = regression.filter(method="integrated_gradients")
    assert set(of_layers["encoder"]) == {"masked_lm@layer0", "masked_lm"}
    assert of_layers["replicate"].max() == 2
    jobs = {path.name for path in alone.results("logs/integrate_layers").iterdir()}
    assert {name.partition(".language.")[0] for name in jobs} == {"masked_lm", "masked_lm.2"}
    assert not alone.results("logs/integrate_gradients").exists()
    regression = regression.filter(method="occlusion")
    of_one = regression.filter(comparison="alone")
    assert of_one["replicate"].to_list() == 2 * [None, 1, 2]
    assert set(of_one["stage"]) == {0}
    change = read_table(alone.results("tables/change.parquet"), TABLES["change"])
    assert set(change["comparison"]) == {"course", "layers"}
    listed = read_table(alone.results("tables/series.parquet"), TABLES["series"])
    steps = listed.filter(comparison="course")["steps"].to_list()
    assert len(steps) == 3
    assert steps == sorted(steps)
    assert listed.filter(comparison="layers").select("encoder", "layers").rows() == [
        ("masked_lm@layer0", 0),
        ("masked_lm", 1),
    ]
    # the last of each series is the encoder itself, and the only one of "alone"
    last = regression.filter(encoder="masked_lm").drop("comparison", "stage")
    for _, rows in last.group_by("quantity", "replicate"):
        assert rows["pearson"].n_unique() == 1
        assert len(rows) == 3
    for name in ("course", "layers"):
        assert alone.results(f"figures/series.{name}.language.svg").exists()
        assert not alone.results(f"figures/regressions.{name}.language.occlusion.svg").exists()
    assert not alone.results("tables/encoders.parquet").exists()
    summary = alone.results("summary.md").read_text()
    assert "**alone** on language, occlusion: by `masked_lm`, the" in summary
    assert "The 2 trainings" in summary
    assert "fewer than 100,000: estimates of information are poor." in summary
    assert "fine-tun" not in summary
    assert alone.results("explorer.html").exists()
    assert alone.planned() == set()
