"""The configuration of a run: validated, with defaults, and what follows from it."""

import difflib
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import yaml

SCHEMA = Path(__file__).parents[2] / "rules" / "schemas" / "config.schema.yaml"

Config = dict[str, Any]


class ConfigError(Exception):
    """One line: the key's path, its value and what is allowed."""


def validated(config: Config) -> Config:
    """Fill `config` with the schema's defaults and check it, with the references in it.

    Raises
    ------
    ConfigError
        The first fault found.
    """
    schema = yaml.safe_load(SCHEMA.read_text())
    validator = _with_defaults(jsonschema.Draft202012Validator)(schema)
    error = jsonschema.exceptions.best_match(validator.iter_errors(config))
    if error:
        raise ConfigError(_one_line(error))
    for fault in _reference_faults(config):
        raise ConfigError(fault)
    return config


def derive_seed(seed: int, *names: str) -> int:
    """A seed of its own for each named use, the same on every machine."""
    return zlib.crc32("/".join([str(seed), *names]).encode()) % (2**31)


def root_of(config: Config, encoder: str) -> str:
    """The encoder at the start of a chain of encoders made of others: its tokenizer is theirs."""
    while "base" in config["encoders"][encoder]:
        encoder = config["encoders"][encoder]["base"]
    return encoder


def unpinned(config: Config) -> list[str]:
    """Entries from the hub whose commit is not known yet."""
    return [
        f"{section}.{name}"
        for section in ("corpora", "encoders")
        for name, entry in config[section].items()
        if entry["source"] == "hub" and entry["revision"] is None
    ]


def foreign_tokenizers(config: Config) -> dict[str, list[str]]:
    """Encoders made elsewhere that must share a tokenizer, by the comparison that asks for it."""
    roots = {
        name: list(
            dict.fromkeys(
                root_of(config, comparison[key])
                for key in ("before", "after", "surprisal_by")
                if comparison[key] is not None
            )
        )
        for name, comparison in config["comparisons"].items()
    }
    made_here = [n for n, e in config["encoders"].items() if e["source"] == "pretrained"]
    return {
        name: found for name, found in roots.items() if len(found) > 1 and found[0] not in made_here
    }


def _with_defaults(validator: Any) -> Any:
    check = validator.VALIDATORS["properties"]

    def fill_and_check(self: Any, properties: Any, instance: Any, schema: Any) -> Iterator[Any]:
        if isinstance(instance, dict):
            for name, about in properties.items():
                if "default" in about:
                    default = about["default"]
                    instance.setdefault(
                        name, default.copy() if hasattr(default, "copy") else default
                    )
        yield from check(self, properties, instance, schema)

    return jsonschema.validators.extend(validator, {"properties": fill_and_check})


def _one_line(error: jsonschema.ValidationError) -> str:
    path = ".".join(str(part) for part in error.absolute_path) or "the config"
    if error.validator == "additionalProperties" and isinstance(error.instance, dict):
        allowed = sorted(error.schema.get("properties", {}))
        key = next(key for key in error.instance if key not in allowed)
        close = difflib.get_close_matches(str(key), allowed, 1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        return f"{path}: unknown key {key!r}; {hint}allowed: {', '.join(allowed)}"
    about = error.schema.get("description", "") if isinstance(error.schema, dict) else ""
    return " ".join(f"{path}: {error.message}{f' ({about})' if about else ''}".split())


def _reference_faults(config: Config) -> Iterator[str]:
    yield from _corpus_faults(config)
    yield from _encoder_faults(config)
    yield from _known("evaluation.corpus", config["evaluation"]["corpus"], config["corpora"])
    for name, comparison in config["comparisons"].items():
        yield from _comparison_faults(config, f"comparisons.{name}", comparison)
    if config["theory"] is not None:
        yield from _theory_faults(config, config["theory"])


def _known(path: str, name: str, among: Config) -> Iterator[str]:
    if name not in among:
        yield f"{path}: nothing is named {name!r}; there are: {', '.join(sorted(among))}"


def _corpus_faults(config: Config) -> Iterator[str]:
    corpora = config["corpora"]
    for name, corpus in corpora.items():
        for file in corpus.get("files", []):
            if not Path(file).is_file():
                yield f"corpora.{name}.files: no such file {file!r}"
        for other in corpus.get("corpora", []):
            yield from _known(f"corpora.{name}.corpora", other, corpora)
        if corpus["source"] == "generated" and corpus["sentences"][0] > corpus["sentences"][1]:
            yield f"corpora.{name}.sentences: fewest is above most in {corpus['sentences']}"
    yield from _cycles("corpora", {n: c.get("corpora", []) for n, c in corpora.items()})


def _encoder_faults(config: Config) -> Iterator[str]:
    encoders = config["encoders"]
    for name, encoder in encoders.items():
        path = f"encoders.{name}"
        for key in ("corpus", "development"):
            if encoder.get(key) is not None:
                yield from _known(f"{path}.{key}", encoder[key], config["corpora"])
        if "base" in encoder:
            yield from _known(f"{path}.base", encoder["base"], encoders)
        if "path" in encoder and not Path(encoder["path"]).is_dir():
            yield f"{path}.path: no such directory {encoder['path']!r}"
        shape = encoder.get("architecture")
        if shape and shape["width"] % shape["heads"]:
            width, heads = shape["width"], shape["heads"]
            yield f"{path}.architecture.width: {width} is no multiple of {heads} heads"
    yield from _cycles(
        "encoders", {n: [e["base"]] if "base" in e else [] for n, e in encoders.items()}
    )


def _comparison_faults(config: Config, path: str, comparison: Config) -> Iterator[str]:
    quantities = config["analysis"]["quantities"]
    for key in ("before", "after", "surprisal_by"):
        if comparison[key] is not None:
            yield from _known(f"{path}.{key}", comparison[key], config["encoders"])
    for corpus in comparison["weighed"]:
        yield from _known(f"{path}.weighed", corpus, config["corpora"])
    yield from _known(f"{path}.counted_on", comparison["counted_on"], config["corpora"])
    for method in comparison["methods"] or []:
        if method not in config["weights"]:
            yield f"{path}.methods: {method!r} is no section of weights; add one or leave it out"
    yield from _tokenizer_faults(config, path, comparison)
    if "surprisal" in quantities and comparison["surprisal_by"] is None:
        yield f"{path}.surprisal_by: missing, and analysis.quantities asks for surprisal"
    exact = has_exact(config, comparison["counted_on"], comparison["before"])
    if "information_gain_exact" in quantities and not exact:
        yield (
            f"{path}.counted_on: information_gain_exact needs a generated corpus and a tokenizer "
            "of model word (or, trained here too, analysis.unit word); leave it out of "
            "analysis.quantities"
        )


def _theory_faults(config: Config, theory: Config) -> Iterator[str]:
    for key in ("corpus", "counted_on"):
        yield from _known(f"theory.{key}", theory[key], config["corpora"])
    yield from _known("theory.tokenizer", theory["tokenizer"], config["encoders"])
    if config["analysis"]["unit"] == "word":
        yield "theory: embeddings are those of tokens; leave it out or set analysis.unit to token"


def has_exact(config: Config, corpus: str, encoder: str) -> bool:
    """Whether the grammar gives exact values for the encoder's tokens, or words, on this corpus."""
    model = config["encoders"][root_of(config, encoder)].get("tokenizer", {}).get("model")
    whole = model == "word" or (model == "wordpiece" and config["analysis"]["unit"] == "word")
    return config["corpora"][corpus]["source"] == "generated" and whole


def _tokenizer_faults(config: Config, path: str, comparison: Config) -> Iterator[str]:
    encoders = config["encoders"]

    def tokenizer(name: str) -> Any:
        root = root_of(config, name)
        if encoders[root]["source"] == "pretrained":
            return encoders[root]["corpus"], encoders[root]["tokenizer"]
        return None

    for key in ("after", "surprisal_by"):
        if comparison[key] is None:
            continue
        ours, theirs = tokenizer(comparison["before"]), tokenizer(comparison[key])
        if ours != theirs:
            yield (
                f"{path}: encoders {comparison['before']!r} and {comparison[key]!r} have different "
                "tokenizers; a comparison needs one tokenizer for both"
            )


def _cycles(path: str, edges: dict[str, list[str]]) -> Iterator[str]:
    for start, targets in edges.items():
        seen, ahead = [start], list(targets)
        while ahead:
            name = ahead.pop()
            if name == start:
                yield f"{path}.{start}: depends on itself through {' -> '.join([*seen, start])}"
                return
            if name not in seen:
                seen.append(name)
                ahead += edges.get(name, [])
