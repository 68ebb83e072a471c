"""The default configs are valid and complete, and a fault is named in one line."""

import copy
import errno
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from commands import ROOT

from common.contract import QUANTITIES
from common.workflow import configuration
from common.workflow.configuration import (
    SCHEMA,
    ConfigError,
    add_replicates,
    derive_seed,
    replicate,
    root_of,
    validated,
)

SHIPPED = [ROOT / "config.yaml", *sorted((ROOT / "experiments").glob("*.yaml"))]
RECIPES = ROOT / "docs/recipes.md"
METHODS = ("integrated_gradients", "shapley", "occlusion")
DEFAULT = yaml.safe_load((ROOT / "config.yaml").read_text())


def valid(**changes: Any) -> dict[str, Any]:
    return copy.deepcopy(DEFAULT) | changes


def controls(**changes: Any) -> dict[str, Any]:
    """A config whose encoders have all their controls."""
    evidence = ROOT / "experiments" / "evidence.yaml"
    return yaml.safe_load(evidence.read_text()) | changes


def fault(config: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as caught:
        validated(config)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_shipped_configs_are_valid(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = yaml.safe_load(path.read_text())
    monkeypatch.chdir(tmp_path)
    if "encoder" in config:
        config |= {"encoder": "tiny/after", "text": "own.txt"}
        Path("own.txt").write_text("text")
    for corpus in config.get("corpora", {}).values():
        for file in corpus.get("files", []):
            Path(file).parent.mkdir(exist_ok=True)
            Path(file).write_text("text")
    validated(config)


def test_every_key_of_the_schema_has_type_description_and_default_or_is_required() -> None:
    def check(path: str, about: dict[str, Any]) -> None:
        required = about.get("required", [])
        for name, inner in about.get("properties", {}).items():
            here = f"{path}.{name}"
            assert "description" in inner, here
            if name == "source":
                continue
            assert {"type", "enum", "$ref"} & set(inner), here
            optional = name in METHODS or path == "comparison.encoders"
            assert name in required or "default" in inner or optional, here
            check(here, inner)
        if "properties" in about and path.rsplit(".", maxsplit=1)[-1] not in ("corpus", "encoder"):
            assert about.get("additionalProperties") is False, path

    schema = yaml.safe_load(SCHEMA.read_text())
    check("config", schema)
    for name, about in schema["$defs"].items():
        check(name, about)


def test_the_schema_allows_the_quantities_of_the_contract() -> None:
    analysis = yaml.safe_load(SCHEMA.read_text())["properties"]["analysis"]["properties"]
    assert analysis["quantities"]["items"]["enum"] == list(QUANTITIES)


def test_default_config_spells_out_what_it_uses() -> None:
    """A reader of config.yaml sees every setting of the methods and the analysis with its value."""
    schema = yaml.safe_load(SCHEMA.read_text())["properties"]
    for section in ("information", "evaluation", "analysis", "weights", "pairs", "theory"):
        unused = {"occlusion"} if section == "weights" else set()
        assert set(DEFAULT[section]) == set(schema[section]["properties"]) - unused, section
    thresholds = schema["analysis"]["properties"]["warnings"]["properties"]
    assert DEFAULT["analysis"]["warnings"] == {k: v["default"] for k, v in thresholds.items()}
    for method in ("integrated_gradients", "shapley"):
        assert set(DEFAULT["weights"][method]) == set(
            schema["weights"]["properties"][method]["properties"]
        )


def test_a_misspelt_key_is_named() -> None:
    config = valid()
    config["corpora"]["language"]["sentnces"] = [1, 2]
    assert fault(config).startswith(
        "corpora.language: unknown key 'sentnces'; did you mean 'sentences'?"
    )
    assert "'sed'" in fault(valid(sed=1))


def test_wrong_values_are_named() -> None:
    config = valid()
    config["corpora"]["language"]["size"] = -3
    assert "corpora.language.size: -3" in fault(config)
    assert "device: 'gpu'" in fault(valid(device="gpu"))
    assert "run: 'a b'" in fault(valid(run="a b"))


def test_references_must_exist() -> None:
    config = valid()
    config["encoders"]["adjacent"]["base"] = "nobody"
    assert "encoders.adjacent.base: nothing is named 'nobody'" in fault(config)
    config = valid()
    config["comparisons"]["adjacent"]["weighed"] = ["nothing"]
    assert "comparisons.adjacent.weighed: nothing is named 'nothing'" in fault(config)
    config = valid()
    config["corpora"]["text"] = {"source": "file", "files": ["data/missing.txt"]}
    assert "corpora.text.files: no such file 'data/missing.txt'" in fault(config)


LOCKED: dict[str, tuple[str, dict[str, Any]]] = {
    "find_files": ("corpora", {"source": "file", "files": ["locked/a.txt"]}),
    "at_home": ("encoders", {"source": "path", "path": "locked/a.txt"}),
}


@pytest.mark.parametrize("looks", LOCKED)
def test_a_folder_that_may_not_be_looked_into_is_a_fault(
    monkeypatch: pytest.MonkeyPatch, looks: str
) -> None:
    def refused(name: str) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", name)

    monkeypatch.setattr(configuration, looks, refused)
    section, entry = LOCKED[looks]
    config = valid()
    config[section]["mine"] = entry
    assert "locked/a.txt: cannot be read (Permission denied); see who may" in fault(config)


def test_settings_of_recipes_are_checked() -> None:
    for change, told in (
        ({"shufle_positives": True}, "unknown key 'shufle_positives'; did you mean 'shuffle_"),
        ({"head": "mlp"}, "encoders.adjacent.head: 'mlp'"),
        ({"pooling": "average"}, "encoders.adjacent.pooling: 'average'"),
        ({"development": "sts"}, "encoders.adjacent.development: nothing is named 'sts'"),
        ({"training": {"batch": 64}}, "encoders.adjacent.training: unknown key 'batch'"),
        ({"training": {"warmup": 1}}, "encoders.adjacent.training.warmup: 1"),
    ):
        config = valid()
        config["encoders"]["adjacent"] |= change
        assert told in fault(config)
    config = controls()
    config["encoders"]["random"]["base"] = "nobody"
    assert "encoders.random.base: nothing is named 'nobody'" in fault(config)


def test_methods_of_a_comparison_need_their_section() -> None:
    config = valid()
    config["comparisons"]["adjacent"]["methods"] = ["shapley"]
    validated(copy.deepcopy(config))
    del config["weights"]["shapley"]
    config["comparisons"]["shuffled"]["methods"] = None
    assert "comparisons.adjacent.methods: 'shapley'" in fault(config)


def test_pairs_need_a_corpus_of_them_and_a_method_that_sums_up() -> None:
    for change, told in (
        ({"corpora": ["nothing"]}, "pairs.corpora: nothing is named 'nothing'"),
        ({"corpora": ["language"]}, "pairs.corpora: 'language' holds no pairs"),
        ({"comparisons": ["nothing"]}, "pairs.comparisons: nothing is named 'nothing'"),
        ({"methods": ["occlusion"]}, "pairs.methods.0: 'occlusion'; allowed: one of integrated"),
        ({"pears": 3}, "pairs: unknown key 'pears'; did you mean 'pairs'?"),
    ):
        config = valid()
        config["pairs"] |= change
        assert told in fault(config)
    config = valid()
    del config["weights"]["shapley"]
    config["pairs"]["methods"] = ["shapley"]
    assert "pairs.methods: 'shapley' is no section of weights" in fault(config)
    config = valid()
    config["weights"]["occlusion"] = {}
    config["pairs"]["methods"] = None
    config["comparisons"]["adjacent"]["methods"] = ["occlusion"]
    assert "pairs.comparisons: 'adjacent' has no method whose" in fault(config)
    config = valid(theory=None)
    config["analysis"]["unit"] = "word"
    assert "pairs: attributions are of tokens" in fault(config)
    del config["pairs"]
    assert validated(config)["pairs"] is None


def test_the_theory_needs_known_corpora_and_tokens() -> None:
    for change, told in (
        ({"corpus": "nothing"}, "theory.corpus: nothing is named 'nothing'"),
        ({"tokenizer": "nobody"}, "theory.tokenizer: nothing is named 'nobody'"),
        ({"dimension": 3}, "theory: unknown key 'dimension'; did you mean 'dimensions'?"),
    ):
        config = valid()
        config["theory"] |= change
        assert told in fault(config)
    config = valid(pairs=None)
    config["analysis"]["unit"] = "word"
    assert "theory: embeddings are those of tokens" in fault(config)
    del config["theory"]
    assert validated(config)["theory"] is None


def test_the_published_recipes_are_valid() -> None:
    """Filled with the schema's defaults they hold the published settings."""
    found = re.search(r"```yaml\n(.*?)```", RECIPES.read_text(), re.S)
    assert found
    recipes = yaml.safe_load(found[1])["encoders"]
    config = valid()
    triplets = {"text_columns": ["a", "b", "c"], "score_column": "score"}
    sources = {"source": "hub", "repository": "a/b", "revision": None, **triplets}
    for recipe in recipes.values():
        config["encoders"][recipe["base"]] = {"source": "random", "base": "masked_lm"}
        for key in ("corpus", "development"):
            config["corpora"][recipe[key]] = dict(sources)
    config["encoders"] |= recipes
    filled = validated(config)["encoders"]
    published = {
        "simcse_unsupervised": ("training", 64, 3e-5, 1, 0.0),
        "simcse_supervised": ("kept", 512, 5e-5, 3, 0.0),
        "sbert": ("none", 128, 2e-5, 1, 0.1),
    }
    assert {
        name: (
            filled[name]["head"],
            *(filled[name]["training"][k] for k in ("batch_size", "learning_rate", "epochs")),
            filled[name]["training"]["warmup"],
        )
        for name in recipes
    } == published
    assert {filled[name]["training"]["temperature"] for name in recipes} == {0.05}


def test_controls_are_trained_as_what_they_control() -> None:
    default, encoders = (validated(config)["encoders"] for config in (valid(), controls()))
    for name, encoder in copy.deepcopy(default).items():
        same = copy.deepcopy(encoders[name])
        for each in (encoder, same):
            each["training"].pop("examples", None)
        assert encoder == same
    adjacent, shuffled, random = (encoders[n] for n in ("adjacent", "shuffled", "random_adjacent"))
    assert shuffled == adjacent | {"shuffle_positives": True}
    assert random == adjacent | {"base": "random"}
    assert encoders["random"] == {"source": "random", "base": adjacent["base"]}


def test_cycles_are_named() -> None:
    config = controls()
    config["encoders"]["dropout"]["base"] = "adjacent"
    config["encoders"]["adjacent"]["base"] = "dropout"
    assert "depends on itself" in fault(config)
    config = controls()
    config["encoders"]["random"]["base"] = "random_adjacent"
    assert "depends on itself" in fault(config)


def test_a_comparison_needs_one_tokenizer() -> None:
    config = valid()
    other = copy.deepcopy(config["encoders"]["masked_lm"])
    other["tokenizer"]["vocabulary"] = 500
    config["encoders"]["other"] = other
    config["comparisons"]["adjacent"]["encoders"][1] = "other"
    line = fault(config)
    assert "comparisons.adjacent" in line
    assert "'masked_lm' and 'other' have different tokenizers" in line


def test_the_root_of_a_chain_and_the_seeds() -> None:
    assert root_of(controls(), "adjacent") == root_of(controls(), "random_adjacent") == "masked_lm"
    assert derive_seed(0, "corpus", "language") == derive_seed(0, "corpus", "language")
    assert len({derive_seed(s, "corpus", n) for s in range(3) for n in ("a", "b")}) == 6


def test_replicates_are_trained_from_the_like_training_of_their_base() -> None:
    config = validated(controls(replicates=3))
    config["encoders"]["foreign"] = {"source": "path", "path": "."}
    config["encoders"]["tuned"] = {"source": "finetuned", "base": "foreign"}
    once = dict(config["encoders"])
    add_replicates(config)
    encoders = config["encoders"]
    assert list(encoders)[: len(once)] == list(once)
    assert encoders["adjacent.3"] == encoders["adjacent"] | {"base": "masked_lm.3"}
    assert encoders["random_adjacent.2"]["base"] == "random.2"
    assert encoders["random.2"]["base"] == "masked_lm.2"
    assert encoders["tuned.2"]["base"] == "foreign"  # made elsewhere: there is but one
    assert len(encoders) == 3 * len(once) - 2
    assert replicate(config, "adjacent", 1) == "adjacent"
    assert root_of(config, "adjacent.3") == "masked_lm.3"
