"""Same numbers whatever the budget of memory; library threads as many as a rule's."""

import json
from pathlib import Path

import numpy as np
import pytest
from commands import WORDS, call, draw_texts, write_corpus
from polars.testing import assert_frame_equal
from tiny_encoder import build_encoder
from workflow import Workflow

import common.memory
import estimate_shapley
import integrate_gradients
from common.contract import WEIGHTS
from common.tables import read_table

PROBE = "import json, os\nfrom pathlib import Path\n"
PROBE += "Path('probe.json').write_text(json.dumps(dict(os.environ)))\n"
METHODS = {
    "integrated_gradients": (
        integrate_gradients.main,
        {"baseline": "zero", "tolerance": 1e-3, "max_nodes": 64},
    ),
    "shapley": (
        estimate_shapley.main,
        {"absent": "mask", "exact_up_to": 4, "evaluations": 32},
    ),
}


@pytest.mark.parametrize("method", METHODS)
def test_memory_changes_weights_by_rounding_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """Products of other shapes round otherwise in float32: to 1e-5 of the sentence's weights."""
    encoder = build_encoder(tmp_path / "e", WORDS, checked=True)
    corpus = write_corpus(tmp_path / "c.parquet", draw_texts(12))
    main, settings = METHODS[method]
    found = []
    for bytes_of_a_pass in (2**27, 2**18):
        monkeypatch.setattr(common.memory, "CPU_PASS", bytes_of_a_pass)
        output = tmp_path / f"{bytes_of_a_pass}.parquet"
        call(main, encoder, corpus, output_weights=output, seed=0, device="cpu", **settings)
        found.append(read_table(output, WEIGHTS))
    ample, scarce = found
    numbers = ("weight", "word_weight", "error", "completeness")
    assert_frame_equal(ample.drop(numbers), scarce.drop(numbers))
    norm = float(np.linalg.norm(ample["weight"]))
    np.testing.assert_allclose(scarce["weight"], ample["weight"], rtol=0, atol=1e-5 * norm)


@pytest.mark.slow
def test_libraries_take_the_threads_of_the_rule(tmp_path: Path) -> None:
    workflow = Workflow(tmp_path)
    (tmp_path / "scripts/generate_corpus.py").write_text(PROBE)
    workflow.snakemake("--cores", "2", "results/tiny/corpora/language.parquet")
    environment = json.loads((tmp_path / "probe.json").read_text())
    for library in ("OMP", "MKL", "OPENBLAS", "NUMEXPR", "RAYON"):
        assert environment[f"{library}_NUM_THREADS"] == "1"
    assert environment["POLARS_MAX_THREADS"] == "1"
    assert environment["HF_HUB_OFFLINE"] == "1"
