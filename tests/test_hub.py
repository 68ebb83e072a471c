"""Encoders and datasets of a hub: fetched whole or not at all, by the real client libraries."""

import io
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import polars as pl
import pytest
import torch
import yaml
from commands import ROOT, WORDS, assert_refuses, assert_runs, draw_texts, write_corpus
from hub_server import Hub, Repository, serve
from huggingface_hub.errors import HfHubHTTPError
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer
from tiny_encoder import build_encoder, build_masked_lm
from transformers import BertTokenizer
from workflow import Workflow

import common.corpora.hub
from common.command import InputError
from common.contract import TABLES
from common.corpora.hub import from_hub
from common.tables import read_table

UNKNOWN = "0" * 40


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub with a masked LM, a sentence encoder trained from it, and a dataset of scored pairs."""
    directory = tmp_path_factory.mktemp("published")
    before = build_masked_lm(directory / "before", WORDS)
    after = build_encoder(directory / "after", WORDS, pooling="cls", dense=16, seed=1)
    texts = draw_texts(120, seed=3)
    pairs = pl.DataFrame({"a": texts[:60], "b": texts[60:], "score": np.linspace(0, 1, 60)})
    content = io.BytesIO()
    pairs.write_parquet(content)
    card = b"---\nconfigs: [{config_name: scored, data_files: [{split: test, path: s/*}]}]\n---\n"
    with serve() as hub:
        weights = load_file(before / "model.safetensors")
        pickled = io.BytesIO()
        torch.save(weights, pickled)
        files = {p.name: p.read_bytes() for p in before.iterdir() if p.suffix == ".json"}
        hub.add("models", "tiny/safe", before)
        hub.add("models", "tiny/pickled", files | {"pytorch_model.bin": pickled.getvalue()})
        hub.add("models", "tiny/after", after)
        hub.add("datasets", "tiny/pairs", {"s/test.parquet": content.getvalue(), "README.md": card})
        hub.add("datasets", "tiny/lines", {"a.txt": b"One.\nTwo.\n", "b.csv": b"x\n1\n"})
        yield hub


@pytest.fixture
def home(hub: Hub, tmp_path: Path) -> Iterator[Path]:
    """A cache without anything in it; afterwards the hub is in order again."""
    del hub.asked[:]
    yield tmp_path / "home"
    hub.out_of_order = hub.cut = 0


def published(hub: Hub, name: str, kind: str = "models") -> Repository:
    return hub.repositories[kind, name]


def snapshot(name: str, output: Path, revision: str) -> list[object]:
    return ["download_snapshot", name, "--revision", revision, "--output-snapshot", output]


def dataset(name: str, output: Path, revision: str, *more: object) -> list[object]:
    rest = more or ("--subset", "scored", "--splits", "test", "--columns", "a", "score")
    return ["download_dataset", name, "--revision", revision, "--output-rows", output, *rest]


def test_pickled_tensors_are_kept_as_safetensors(hub: Hub, home: Path, tmp_path: Path) -> None:
    output, encoder = tmp_path / "snapshot", tmp_path / "encoder"
    revision = published(hub, "tiny/pickled").commit
    assert_runs(*snapshot("tiny/pickled", output, revision), environment=hub.environment(home))
    names = {path.name for path in output.iterdir()}
    assert "model.safetensors" in names
    assert not any(name.endswith(".bin") for name in names)
    assert_runs("import_encoder", output, "--output-encoder", encoder, "--pooling", "max")
    assert SentenceTransformer(str(encoder), device="cpu")[1].pooling_mode == "max"
    safe = tmp_path / "safe"
    revision = published(hub, "tiny/safe").commit
    assert_runs(*snapshot("tiny/safe", safe, revision), environment=hub.environment(home))
    ours, theirs = (load_file(path / "model.safetensors") for path in (output, safe))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_only_what_is_needed_is_fetched(hub: Hub, home: Path, tmp_path: Path) -> None:
    repository = published(hub, "tiny/after")
    more = {"pytorch_model.bin": b"x", "tf_model.h5": b"x", "onnx/model.onnx": b"x", "a.py": b"x"}
    wide = hub.add("models", "tiny/wide", repository.files | more)
    output = tmp_path / "snapshot"
    assert_runs(*snapshot("tiny/wide", output, wide.commit), environment=hub.environment(home))
    fetched = {path.rpartition("/resolve/")[2][41:] for path in hub.asked if "GET /tiny" in path}
    assert not fetched & more.keys()
    assert "2_Dense/model.safetensors" in fetched
    theirs = SentenceTransformer(str(output), device="cpu").encode(["a boat"])
    assert theirs.shape == (1, 16)


def test_rows_streamed_or_through_the_cache(hub: Hub, home: Path, tmp_path: Path) -> None:
    revision = published(hub, "tiny/pairs", "datasets").commit
    everything, first, again = (tmp_path / f"{name}.parquet" for name in "abc")
    online = hub.environment(home)
    assert_runs(*dataset("tiny/pairs", everything, revision), environment=online)
    assert_runs(*dataset("tiny/pairs", first, revision), "--rows", 7, environment=online)
    found = pl.read_parquet(everything)
    assert (found.columns, found.height) == (["a", "score"], 60)
    assert pl.read_parquet(first).equals(found[:7])
    del hub.asked[:]
    offline = online | {"HF_HUB_OFFLINE": "1"}
    assert_runs(*dataset("tiny/pairs", again, revision), environment=offline)
    assert pl.read_parquet(again).equals(found)
    assert hub.asked == []


@pytest.mark.slow
def test_a_stream_that_is_left_half_read_ends_well(hub: Hub, home: Path, tmp_path: Path) -> None:
    """Threads that read on at the end of Python would abort it in some runs of many."""
    content = io.BytesIO()
    frame = pl.DataFrame({"a": [f"sentence {k} " * 40 for k in range(20_000)], "b": 1})
    frame.write_parquet(content, row_group_size=100)
    files = {f"data/train-{k}.parquet": content.getvalue() for k in range(2)}
    revision = hub.add("datasets", "tiny/many", files).commit
    more = ("--splits", "train", "--columns", "a", "--rows")
    for k in range(6):
        rows = 20_010 if k == 0 else 7
        output = tmp_path / f"{k}.parquet"
        made = dataset("tiny/many", output, revision, *more, rows)
        assert_runs(*made, environment=hub.environment(home))
        expected = pl.concat([frame, frame])["a"][:rows]
        assert pl.read_parquet(output)["a"].equals(expected)


def test_files_of_a_repository_without_subsets(hub: Hub, home: Path, tmp_path: Path) -> None:
    revision = published(hub, "tiny/lines", "datasets").commit
    more = ("--data-files", "a.txt", "--splits", "train", "--columns", "text")
    output = tmp_path / "rows.parquet"
    made = dataset("tiny/lines", output, revision, *more)
    assert_runs(*made, environment=hub.environment(home))
    assert pl.read_parquet(output)["text"].to_list() == ["One.", "Two."]


def test_an_encoder_from_the_cache_needs_no_network(hub: Hub, home: Path, tmp_path: Path) -> None:
    revision = published(hub, "tiny/safe").commit
    online = hub.environment(home)
    offline = online | {"HF_HUB_OFFLINE": "1"}
    output = tmp_path / "snapshot"
    line = assert_refuses(*snapshot("tiny/safe", output, revision), environment=offline)
    assert f"tiny/safe@{revision}: not in the cache, and HF_HUB_OFFLINE is set" in line
    assert_runs(*snapshot("tiny/safe", output, revision), environment=online)
    del hub.asked[:]
    assert_runs(*snapshot("tiny/safe", output, revision), environment=offline)
    assert hub.asked == []


REFUSALS: dict[str, tuple[int | None, str | None, list[str]]] = {
    "repository": (401, "RepoNotFound", ["no such repository at http", "HF_TOKEN"]),
    "gated": (401, "GatedRepo", ["gated; ", "ask for access", "HF_TOKEN"]),
    "forbidden": (403, "GatedRepo", ["gated; ", "HF_TOKEN"]),
    "no access": (403, None, ["access refused (403)", "HF_TOKEN"]),
    "revision": (None, None, ["no such revision", "scripts/pin_revisions.py"]),
}


@pytest.mark.parametrize("fault", REFUSALS)
@pytest.mark.parametrize("kind", ["models", "datasets"])
def test_refusals_are_one_line(hub: Hub, home: Path, tmp_path: Path, kind: str, fault: str) -> None:
    status, code, said = REFUSALS[fault]
    source = published(hub, "tiny/safe" if kind == "models" else "tiny/pairs", kind)
    hub.repositories[kind, "tiny/closed"] = closed = Repository(source.files, status, code)
    revision = UNKNOWN if fault == "revision" else closed.commit
    fetch = snapshot if kind == "models" else dataset
    output = tmp_path / "output"
    line = assert_refuses(
        *fetch("tiny/closed", output, revision), environment=hub.environment(home)
    )
    assert f"tiny/closed@{revision}: " in line
    assert all(part in line for part in said), line
    assert [path.name for path in tmp_path.iterdir() if path != home] == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["models", "datasets"])
def test_no_network_is_one_line_and_a_rerun_completes(
    hub: Hub, home: Path, tmp_path: Path, kind: str
) -> None:
    name = "tiny/safe" if kind == "models" else "tiny/pairs"
    fetch = snapshot if kind == "models" else dataset
    arguments = fetch(name, tmp_path / "output", published(hub, name, kind).commit)
    nowhere = hub.environment(home) | {"HF_ENDPOINT": "http://127.0.0.1:9"}
    line = assert_refuses(*arguments, environment=nowhere)
    assert "http://127.0.0.1:9 cannot be reached; run again with a network" in line
    assert not (tmp_path / "output").exists()
    assert_runs(*arguments, environment=hub.environment(home))


@pytest.mark.parametrize("kind", ["models", "datasets"])
def test_a_busy_hub_is_asked_again(hub: Hub, home: Path, tmp_path: Path, kind: str) -> None:
    name = "tiny/safe" if kind == "models" else "tiny/pairs"
    fetch = snapshot if kind == "models" else dataset
    hub.out_of_order = 2
    arguments = fetch(name, tmp_path / "output", published(hub, name, kind).commit)
    assert_runs(*arguments, environment=hub.environment(home))
    assert hub.out_of_order == 0


def test_a_cut_file_is_fetched_to_its_end(hub: Hub, home: Path, tmp_path: Path) -> None:
    hub.cut = 2
    output, repository = tmp_path / "snapshot", published(hub, "tiny/safe")
    log = assert_runs(
        *snapshot("tiny/safe", output, repository.commit), environment=hub.environment(home)
    )
    assert "resume" in log
    assert (output / "model.safetensors").read_bytes() == repository.files["model.safetensors"]


def test_a_file_that_stays_cut_leaves_nothing_and_a_rerun_goes_on(
    hub: Hub, home: Path, tmp_path: Path
) -> None:
    output, repository = tmp_path / "snapshot", published(hub, "tiny/safe")
    hub.repositories["models", "tiny/short"] = short = Repository(repository.files)
    short.missing = 100
    arguments = snapshot("tiny/short", output, short.commit)
    line = assert_refuses(*arguments, environment=hub.environment(home))
    assert "a file arrives truncated; run again" in line
    assert not output.exists()
    short.missing = 0
    assert_runs(*arguments, environment=hub.environment(home))
    assert (output / "model.safetensors").read_bytes() == repository.files["model.safetensors"]


def test_a_hub_that_stays_out_of_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(common.corpora.hub, "ATTEMPTS", 2)
    monkeypatch.setattr(common.corpora.hub, "LONGEST_WAIT", 0)
    asked = []

    def fail() -> None:
        asked.append(1)
        request = httpx2.Request("GET", "http://hub")
        raise HfHubHTTPError("no", response=httpx2.Response(503, request=request))

    with pytest.raises(InputError, match=r"a/b: the hub is out of order \(503\); run again later"):
        from_hub("a/b", fail)
    assert len(asked) == 2


def test_the_users_token_is_told_to_nobody(hub: Hub, home: Path, tmp_path: Path) -> None:
    secret = "hf_secretsecretsecret"
    environment = hub.environment(home) | {"HF_TOKEN": secret, "HF_DEBUG": "1"}
    repository = published(hub, "tiny/safe")
    hub.repositories["models", "tiny/gated"] = gated = Repository(
        repository.files, 403, "GatedRepo"
    )
    log = assert_runs(
        *snapshot("tiny/safe", tmp_path / "made", repository.commit), environment=environment
    )
    log += assert_refuses(
        *snapshot("tiny/gated", tmp_path / "no", gated.commit), environment=environment
    )
    written = [path.read_bytes() for path in (tmp_path / "made").rglob("*") if path.is_file()]
    assert secret not in log
    assert not any(secret.encode() in content for content in written)


class Harm:
    """Unpickled, it makes a file."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch harmed",)


def settings_of(repository: Repository) -> dict[str, bytes]:
    return {path: content for path, content in repository.files.items() if path.endswith(".json")}


def torch_bytes(value: object) -> bytes:
    content = io.BytesIO()
    torch.save(value, content)
    return content.getvalue()


def test_a_pickle_that_would_run_code_is_refused(hub: Hub, home: Path, tmp_path: Path) -> None:
    settings = settings_of(published(hub, "tiny/safe"))
    for value, said in (({"a": Harm()}, "would run code"), ({"a": 3}, "a is a int, not a tensor")):
        files = settings | {"pytorch_model.bin": torch_bytes(value)}
        revision = hub.add("models", "tiny/harm", files).commit
        line = assert_refuses(
            *snapshot("tiny/harm", tmp_path / "s", revision), environment=hub.environment(home)
        )
        assert f"tiny/harm@{revision}: pytorch_model.bin" in line
        assert said in line
        assert not (tmp_path / "s").exists()
    assert not (ROOT / "harmed").exists()


def test_code_of_the_repository_is_refused(hub: Hub, home: Path, tmp_path: Path) -> None:
    files = published(hub, "tiny/safe").files
    asks = files["config.json"].replace(b"{", b'{"auto_map": {"AutoModel": "own.Model"},', 1)
    modules = b'[{"idx": 0, "name": "0", "path": "", "type": "own.Module"}]'
    for more, said in (
        ({"config.json": asks}, "config.json asks for code of the repository (auto_map)"),
        ({"modules.json": modules}, "modules.json asks for code of the repository (own.Module)"),
    ):
        revision = hub.add("models", "tiny/own", files | more).commit
        line = assert_refuses(
            *snapshot("tiny/own", tmp_path / "s", revision), environment=hub.environment(home)
        )
        assert said in line
        assert not any(".safetensors" in path for path in hub.asked)


def test_a_repository_without_an_encoder(hub: Hub, home: Path, tmp_path: Path) -> None:
    settings = settings_of(published(hub, "tiny/safe"))
    for files, said in (({"README.md": b"#"}, "no encoder"), (settings, "nothing to load")):
        revision = hub.add("models", "tiny/empty", files).commit
        line = assert_refuses(
            *snapshot("tiny/empty", tmp_path / "s", revision), environment=hub.environment(home)
        )
        assert said in line


def test_missing_columns_and_splits_are_named(hub: Hub, home: Path, tmp_path: Path) -> None:
    revision = published(hub, "tiny/pairs", "datasets").commit
    for more, said in (
        (("--splits", "test", "--columns", "x"), "no column 'x'; found a, b, score"),
        (("--splits", "dev", "--columns", "a"), "dev"),
    ):
        arguments = dataset("tiny/pairs", tmp_path / "r", revision, "--subset", "scored", *more)
        assert said in assert_refuses(*arguments, environment=hub.environment(home))
        assert not (tmp_path / "r").exists()


def test_an_old_checkpoint_without_tokenizer_settings_and_with_other_heads(tmp_path: Path) -> None:
    """As DiffCSE's: vocab.txt alone, and parameters of what it was trained with."""
    source = build_masked_lm(tmp_path / "source", WORDS)
    spelled = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    for path in source.glob("tokenizer*"):
        path.unlink()
    (source / "vocab.txt").write_text("\n".join(spelled))
    tensors = load_file(source / "model.safetensors") | {"discriminator.x": torch.ones(3)}
    (source / "model.safetensors").unlink()
    torch.save(tensors, source / "pytorch_model.bin")
    output = tmp_path / "encoder"
    assert_runs("import_encoder", source, "--output-encoder", output, "--pooling", "cls")
    encoder = SentenceTransformer(str(output), device="cpu")
    assert encoder.tokenizer.get_vocab() == BertTokenizer(str(source / "vocab.txt")).get_vocab()
    assert encoder.tokenizer("A boat")["input_ids"] == [2, spelled.index("a"), 7, 3]
    key = "bert.embeddings.word_embeddings.weight"
    found = encoder[0].model.get_input_embeddings().weight
    assert torch.equal(found.detach(), tensors[key])


def test_a_checkpoint_of_another_architecture_is_refused(tmp_path: Path) -> None:
    source = build_masked_lm(tmp_path / "source", WORDS)
    tensors = load_file(source / "model.safetensors")
    (source / "model.safetensors").unlink()
    torch.save({f"other.{k}": v for k, v in tensors.items()}, source / "pytorch_model.bin")
    line = assert_refuses(
        *("import_encoder", source, "--output-encoder", tmp_path / "e", "--pooling", "cls")
    )
    assert re.search(r"lacks parameter \S+ and \d+ more", line)
    assert not (tmp_path / "e").exists()


def test_tokenizers_are_compared(tmp_path: Path) -> None:
    one, same = (build_encoder(tmp_path / n, WORDS, seed=k) for k, n in enumerate(("a", "b")))
    other = build_encoder(tmp_path / "c", [*WORDS, "extra"])
    cased = build_encoder(tmp_path / "d", WORDS)
    settings = (cased / "tokenizer.json").read_text()
    (cased / "tokenizer.json").write_text(
        re.sub(r'"normalizer": \{[^}]*\}', '"normalizer": null', settings)
    )
    corpus = write_corpus(tmp_path / "c.parquet", ["A boat", "the sea"])
    output = tmp_path / "same.txt"
    rest = ("--corpora", corpus, "--output-comparison", output)
    for wrong, said in ((other, "'extra' is number None in the first"), (cased, "'A boat' is")):
        line = assert_refuses("compare_tokenizers", one, same, wrong, *rest)
        assert f"{one} and {wrong}: different tokenizers" in line
        assert said in line
        assert not output.exists()
    assert_runs("compare_tokenizers", one, same, *rest)
    assert "the same tokens of 2 sentences" in output.read_text()


CONFIG = """\
run: hub           # kept
corpora:
  pairs: {source: hub, repository: tiny/pairs, revision: null, subset: scored,   # kept too
          splits: [test], text_columns: [a, b], score_column: score}
  weighed: {source: selection, corpora: [pairs], sentences: 10}
encoders:
  before:
    source: hub
    repository: tiny/pickled
    revision: null   # and this
    pooling: cls
  after: {source: hub, repository: tiny/after, revision: main}
comparisons:
  tiny: {encoders: [before, after], weighed: [weighed], counted_on: pairs, surprisal_by: before}
weights: {integrated_gradients: {tolerance: 0.01}}
evaluation: {corpus: pairs, positive_score: 0.8}
analysis: {quantities: [self_information, surprisal], minimum_count: 2, bootstrap_draws: 100}
"""


def test_revisions_are_pinned_and_nothing_else_changes(
    hub: Hub, home: Path, tmp_path: Path
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG)
    assert_runs("pin_revisions", config, environment=hub.environment(home))
    commits = [
        published(hub, "tiny/pairs", "datasets").commit,
        published(hub, "tiny/pickled").commit,
        published(hub, "tiny/after").commit,
    ]
    expected = CONFIG
    for old, commit in zip(("null", "null", "main"), commits, strict=True):
        expected = expected.replace(f"revision: {old}", f"revision: {commit}", 1)
    assert config.read_text() == expected
    del hub.asked[:]
    assert_runs("pin_revisions", config, environment=hub.environment(home))
    assert hub.asked == []
    wrong = CONFIG.replace("tiny/pickled", "tiny/nothing")
    config.write_text(wrong)
    line = assert_refuses("pin_revisions", config, environment=hub.environment(home))
    assert "model tiny/nothing@main: no such repository" in line
    assert config.read_text() == wrong


@pytest.mark.slow
def test_from_the_hub_to_the_tables_and_again_without_it(hub: Hub, tmp_path: Path) -> None:
    config = yaml.safe_load(CONFIG)
    workflow = Workflow(tmp_path, config)
    workflow.environment = hub.environment(tmp_path / "home")
    config["encoders"]["after"]["revision"] = None
    workflow.config = config
    assert "download_snapshot" in workflow.planned()
    stopped = workflow.snakemake("--cores", "1")
    assert stopped.returncode == 1
    assert stopped.stderr.splitlines()[-1] == (
        "tiny.yaml: corpora.pairs, encoders.after, encoders.before: no commit yet; run once, "
        "online: python scripts/pin_revisions.py tiny.yaml"
    )
    assert not (tmp_path / "results").exists()
    config["corpora"]["pairs"]["revision"] = published(hub, "tiny/pairs", "datasets").commit
    config["encoders"]["before"]["revision"] = published(hub, "tiny/pickled").commit
    config["encoders"]["after"]["revision"] = published(hub, "tiny/after").commit
    done = workflow.snakemake("--cores", "2")
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-8000:]
    regression = read_table(workflow.results("tables/regression.parquet"), TABLES["regression"])
    assert set(regression["encoder"]) == {"before", "after"}
    assert set(regression["quantity"]) == {"self_information", "surprisal"}
    assert regression["r_squared"].is_not_null().all()
    for path in ("datasets", "snapshots", "encoders", "evaluations"):
        shutil.rmtree(workflow.results(path))
    hub.asked.clear()
    workflow.environment["HF_HUB_OFFLINE"] = "1"
    offline = workflow.snakemake("--cores", "2")
    assert offline.returncode == 0, offline.stderr[-8000:]
    assert hub.asked == []


PAPER = {
    "download_dataset": 6,
    "download_corpus": 6,
    "select_sentences": 3,
    "download_snapshot": 12,
    "import_encoder": 12,
    "finetune_encoder": 4,
    "randomize_encoder": 1,
    "evaluate_encoder": 17,
    "compare_tokenizers": 7,
    "count_tokens": 5 * 16,
    "merge_counts": 5,
    "estimate_information": 5,
    "integrate_gradients": 17 * 3 * 4,
    "estimate_shapley": 14 * 3 * 4,
    "score_surprisal": 4 * 3 * 4,
    "correlate_weights": (9 * 2 + 2) * 3,
    "correlate_shares": (9 * 2 + 2) * 3,
    "partition_variance": (9 * 2 + 2) * 3,
    "average_weights": (9 * 2 + 2) * 3,
    "describe_data": (9 + 2) * 3,
    "collect_tokens": (9 * 2 + 2) * 3,
    "gather_weights": (17 + 14) * 3,
    "gather_surprisal": 4 * 3,
    "gather_encoders": 1,
    "gather_data": 1,
    "gather_tables": 5,
    "export_tables": 1,
    "typeset_regression": 1,
    "render_pages": 1,
    "write_codebook": 1,
    "plot_regressions": (9 * 2 + 2) * 3,
    "plot_surprisal": 4 * 3,
    "plot_changes": 1,
    "plot_partials": 1,
    "plot_classes": (9 + 2) * 3,
    "plot_training": 1,
    "build_explorer": 1,
    "summarize_run": 1,
}


@pytest.mark.slow
def test_the_papers_config_is_planned_without_network(tmp_path: Path) -> None:
    config = yaml.safe_load((ROOT / "experiments/paper.yaml").read_text())
    workflow = Workflow(tmp_path, config)
    workflow.environment |= {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path / "home")}
    done = workflow.snakemake("--dry-run", "--cores", "8")
    assert done.returncode == 0, done.stderr
    told = done.stdout + done.stderr
    assert {rule: len(re.findall(rf"^rule {rule}:$", told, re.M)) for rule in PAPER} == PAPER
    assert re.search(rf"^total +{sum(PAPER.values()) + 1}$", told, re.M)
    for job in re.findall(r"^rule (\w+):\n((?:    .*\n)+)", told, re.M):
        rule, about = job
        if rule == "all":
            continue
        asked = dict(re.findall(r"(\w+)=(\d+)", about.partition("resources:")[2]))
        assert int(asked["mem_mb"]) >= 2000, rule
        assert int(asked["runtime"]) >= 10, rule
        computes = rule in ("integrate_gradients", "estimate_shapley", "score_surprisal")
        computes |= rule in ("finetune_encoder", "evaluate_encoder")
        assert asked.get("gpu", "0") == ("1" if computes else "0"), rule
