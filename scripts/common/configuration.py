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
    """Fill `config` with the schema's defaults and check it, references between its entries included.

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
    """The encoder at the start of a chain of fine-tunings: its tokenizer is the chain's."""
    while config["encoders"][encoder]["source"] == "finetuned":
        encoder = config["encoders"][encoder]["base"]
    return encoder


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
    corpora, encoders = config["corpora"], config["encoders"]

    def known(path: str, name: str, among: Config, what: str) -> Iterator[str]:
        if name not in among:
            yield f"{path}: no {what} named {name!r}; there are: {', '.join(sorted(among))}"

    for name, corpus in corpora.items():
        for file in corpus.get("files", []):
            if not Path(file).is_file():
                yield f"corpora.{name}.files: no such file {file!r}"
        for other in corpus.get("corpora", []):
            yield from known(f"corpora.{name}.corpora", other, corpora, "corpus")
        if corpus["source"] == "generated" and corpus["sentences"][0] > corpus["sentences"][1]:
            yield f"corpora.{name}.sentences: fewest is above most in {corpus['sentences']}"
    yield from _cycles("corpora", {n: c.get("corpora", []) for n, c in corpora.items()})
    for name, encoder in encoders.items():
        if "corpus" in encoder:
            yield from known(f"encoders.{name}.corpus", encoder["corpus"], corpora, "corpus")
        if "base" in encoder:
            yield from known(f"encoders.{name}.base", encoder["base"], encoders, "encoder")
        if "path" in encoder and not Path(encoder["path"]).is_dir():
            yield f"encoders.{name}.path: no such directory {encoder['path']!r}"
        shape = encoder.get("architecture")
        if shape and shape["width"] % shape["heads"]:
            yield f"encoders.{name}.architecture: width {shape['width']} is no multiple of heads {shape['heads']}"
    yield from _cycles(
        "encoders", {n: [e["base"]] if "base" in e else [] for n, e in encoders.items()}
    )
    yield from known("evaluation.corpus", config["evaluation"]["corpus"], corpora, "corpus")
    for name, comparison in config["comparisons"].items():
        path = f"comparisons.{name}"
        for key in ("before", "after", "surprisal_by"):
            if comparison[key] is not None:
                yield from known(f"{path}.{key}", comparison[key], encoders, "encoder")
        for corpus in [*comparison["weighed"], comparison["counted_on"]]:
            yield from known(path, corpus, corpora, "corpus")
        yield from _tokenizer_faults(config, path, comparison)
        if "surprisal" in config["analysis"]["quantities"] and comparison["surprisal_by"] is None:
            yield f"{path}.surprisal_by: missing, and analysis.quantities asks for surprisal"
        exact = "information_gain_exact" in config["analysis"]["quantities"]
        if exact and not has_exact(config, comparison["counted_on"], comparison["before"]):
            yield (
                f"{path}.counted_on: information_gain_exact needs a generated corpus and a "
                "tokenizer of model word; leave it out of analysis.quantities"
            )


def has_exact(config: Config, corpus: str, encoder: str) -> bool:
    """Whether the grammar gives exact values for the encoder's tokens on this corpus."""
    root = config["encoders"][root_of(config, encoder)]
    return (
        config["corpora"][corpus]["source"] == "generated"
        and root.get("tokenizer", {}).get("model") == "word"
    )


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
    for start in edges:
        seen, ahead = [start], list(edges[start])
        while ahead:
            name = ahead.pop()
            if name == start:
                yield f"{path}.{start}: depends on itself through {' -> '.join([*seen, start])}"
                return
            if name not in seen:
                seen.append(name)
                ahead += edges.get(name, [])
