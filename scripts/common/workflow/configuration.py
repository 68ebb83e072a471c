"""The configuration of a run: validated, with defaults, and what follows from it."""

import copy
import difflib
import math
import re
import reprlib
import zlib
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import jsonschema
import yaml

SCHEMA = Path(__file__).parents[3] / "rules" / "schemas" / "config.schema.yaml"

LIMITS = re.compile("min|max|exclusive|pattern|unique")
"""Keys of a schema that bound its values."""
SHOWN = reprlib.Repr()
"""Values as errors show them: whole, unless they are long."""
SHOWN.maxstring = SHOWN.maxother = SHOWN.maxlong = 60

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
    if fault := next(_outdated(config), None):
        raise ConfigError(fault)
    error = jsonschema.exceptions.best_match(_validator().iter_errors(config))
    if error:
        raise ConfigError(_one_line(error))
    if fault := next(_reference_faults(config), None):
        raise ConfigError(fault)
    return config


def _outdated(config: Config) -> Iterator[str]:
    """Comparisons as version 0.1 had them."""
    comparisons = config.get("comparisons")
    for name, comparison in comparisons.items() if isinstance(comparisons, dict) else ():
        if isinstance(comparison, dict) and {"before", "after"} & {*comparison}:
            both = ", ".join(str(comparison.get(key, "...")) for key in ("before", "after"))
            yield (
                f"comparisons.{name}: before and after are now a series of one encoder or more; "
                f"write encoders: [{both}]"
            )


def refuse_repeated_keys(file: Path) -> None:
    """Refuse a YAML file that gives one key twice: all but the last would be lost in silence.

    Raises
    ------
    ConfigError
        The first key that stands twice, and where.
    """
    _refuse_repeated(yaml.compose(file.read_text()), "")


def _refuse_repeated(node: yaml.Node | None, path: str) -> None:
    if isinstance(node, yaml.SequenceNode):
        for place, inner in enumerate(node.value):
            _refuse_repeated(inner, f"{path}{place}.")
    if isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.value in lines:
                raise ConfigError(
                    f"{path}{key.value}: stands twice, in lines {lines[key.value]} and {line}; "
                    "keep one of them"
                )
            lines[key.value] = line
            _refuse_repeated(value, f"{path}{key.value}.")


def derive_seed(seed: int, *names: str) -> int:
    """A seed of its own for each named use, the same on every machine."""
    return zlib.crc32("/".join([str(seed), *names]).encode()) % (2**31)


def root_of(config: Config, encoder: str) -> str:
    """The encoder at the start of a chain of encoders made of others: its tokenizer is theirs."""
    while "base" in config["encoders"][encoder]:
        encoder = config["encoders"][encoder]["base"]
    return encoder


def replicate(config: Config, encoder: str, number: int) -> str:
    """The name of a training of an encoder, from 1; one that is made elsewhere has no other."""
    made_here = config["encoders"][encoder]["source"] in ("pretrained", "finetuned", "random")
    return f"{encoder}.{number}" if made_here and number > 1 else encoder


def add_replicates(config: Config) -> None:
    """Add the further trainings of each encoder, each with the like training of its base."""
    encoders = dict(config["encoders"])
    for number in range(2, config["replicates"] + 1):
        for name, encoder in encoders.items():
            base = {"base": replicate(config, encoder["base"], number)} if "base" in encoder else {}
            config["encoders"].setdefault(replicate(config, name, number), encoder | base)


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
    foreign = {}
    for name, comparison in config["comparisons"].items():
        encoders = [*comparison["encoders"], comparison["surprisal_by"]]
        roots = list(dict.fromkeys(root_of(config, encoder) for encoder in encoders if encoder))
        if len(roots) > 1 and config["encoders"][roots[0]]["source"] != "pretrained":
            foreign[name] = roots
    return foreign


@cache
def _validator() -> Any:
    """Of the schema; fills in its defaults, takes whole patterns and finite numbers only."""
    plain = jsonschema.Draft202012Validator

    def fill_and_check(self: Any, properties: Any, instance: Any, schema: Any) -> Iterator[Any]:
        if isinstance(instance, dict):
            for name, about in properties.items():
                if "default" in about:
                    instance.setdefault(name, copy.copy(about["default"]))
        yield from plain.VALIDATORS["properties"](self, properties, instance, schema)

    def match_whole(_: Any, pattern: str, instance: Any, __: Any) -> Iterator[Any]:
        # plain takes a line end after what the pattern's "$" stands for
        if isinstance(instance, str) and not re.fullmatch(pattern, instance):
            yield jsonschema.ValidationError("does not match")

    def is_integer(_: Any, value: Any) -> bool:
        return isinstance(value, int) and not isinstance(value, bool)

    def is_number(_: Any, value: Any) -> bool:
        return is_integer(_, value) or (isinstance(value, float) and math.isfinite(value))

    kinds = plain.TYPE_CHECKER.redefine_many({"integer": is_integer, "number": is_number})
    rules = {"properties": fill_and_check, "pattern": match_whole}
    extended = jsonschema.validators.extend(plain, rules, type_checker=kinds)
    return extended(yaml.safe_load(SCHEMA.read_text()))


def _one_line(error: jsonschema.ValidationError) -> str:
    path = ".".join(str(part) for part in error.absolute_path) or "the config"
    about = error.schema.get("properties", {})
    if error.validator == "additionalProperties":
        key = next(key for key in error.instance if key not in about)
        close = difflib.get_close_matches(str(key), about, 1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        return f"{path}: unknown key {SHOWN.repr(key)}; {hint}allowed: {', '.join(sorted(about))}"
    if error.validator == "required":
        key = next(key for key in error.validator_value if key not in error.instance)
        fault, meaning = f"key {key!r} is missing", about.get(key, {}).get("description")
    elif error.validator == "anyOf" and all(e.validator == "required" for e in error.context):
        keys = [key for e in error.context for key in e.validator_value]
        fault, meaning = f"one of the keys {', '.join(keys)} is needed", None
    else:
        enums = [inner.schema for inner in error.context if inner.validator == "enum"]
        fault = f"{SHOWN.repr(error.instance)}; allowed: {_allowed([*enums, error.schema][0])}"
        meaning = error.schema.get("description")
    return " ".join(f"{path}: {fault}{f' ({meaning})' if meaning else ''}".split())


def _allowed(about: dict[str, Any]) -> str:
    """What a schema takes: the values of its enum, or its type and limits."""
    if "enum" in about:
        return f"one of {', '.join(map(str, about['enum']))}"
    kinds = about["type"] if isinstance(about["type"], list) else [about["type"]]
    limits = [f"{key} {value}" for key, value in about.items() if LIMITS.match(key)]
    return ", ".join([" or ".join(kinds), *limits])


def _reference_faults(config: Config) -> Iterator[str]:
    yield from _corpus_faults(config)
    yield from _encoder_faults(config)
    if config["evaluation"] is not None:
        evaluated_on = config["evaluation"]["corpus"]
        yield from _known("evaluation.corpus", evaluated_on, config["corpora"])
        yield from _unscored("evaluation.corpus", evaluated_on, config["corpora"])
    for name, comparison in config["comparisons"].items():
        yield from _comparison_faults(config, f"comparisons.{name}", comparison)
    if config["theory"] is not None:
        yield from _theory_faults(config, config["theory"])


def _known(path: str, name: str, among: Config) -> Iterator[str]:
    if name not in among:
        yield f"{path}: nothing is named {name!r}; there are: {', '.join(sorted(among))}"


def _texts(corpus: Config) -> int:
    """Texts of a row of a corpus: 2 of pairs, 3 of triplets."""
    if corpus["source"] == "generated":
        return 2 if corpus["form"] == "scored_pairs" else 1
    return len(corpus.get("text_columns", [""]))


def _scored(corpus: Config) -> bool:
    return corpus.get("form") == "scored_pairs" or bool(corpus.get("score_column"))


def _unscored(path: str, name: str, among: Config) -> Iterator[str]:
    if _texts(among[name]) < 2 or not _scored(among[name]):
        fit = [n for n, corpus in among.items() if _texts(corpus) > 1 and _scored(corpus)]
        yield (
            f"{path}: {name!r} holds no scored pairs; allowed: {', '.join(sorted(fit)) or 'none'} "
            "(form scored_pairs, or two text_columns and a score_column)"
        )


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
        for key in ("score_column", "label_column"):
            if corpus.get(key) is not None and _texts(corpus) < 2:
                yield (
                    f"corpora.{name}.{key}: {corpus[key]!r} would be of a pair; name two "
                    "text_columns, or leave it out"
                )
        if corpus.get("segment") is not None and _texts(corpus) > 1:
            yield (
                f"corpora.{name}.segment: {corpus['segment']!r}, but the texts of a pair are not "
                "split; allowed: null, or one text column"
            )
    yield from _cycles("corpora", {n: c.get("corpora", []) for n, c in corpora.items()})


def _encoder_faults(config: Config) -> Iterator[str]:
    encoders = config["encoders"]
    for name, encoder in encoders.items():
        path = f"encoders.{name}"
        for key in ("corpus", "development"):
            if encoder.get(key) is not None:
                yield from _known(f"{path}.{key}", encoder[key], config["corpora"])
        if encoder.get("development") is not None:
            yield from _unscored(f"{path}.development", encoder["development"], config["corpora"])
        if encoder["source"] == "finetuned":
            yield from _positives_faults(config, path, encoder)
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


def _positives_faults(config: Config, path: str, encoder: Config) -> Iterator[str]:
    kind, name = encoder["positives"], encoder["corpus"]
    corpus = config["corpora"][name]
    needed = {"pairs": 2, "triplets": 3}.get(kind, 1)
    if _texts(corpus) < needed:
        yield (
            f"{path}.positives: {kind!r} need {needed} texts a row, but corpus {name!r} has "
            f"{_texts(corpus)}; allowed: adjacent, dropout, or another corpus"
        )
    if encoder["minimum_score"] is not None and (needed == 1 or not _scored(corpus)):
        yield (
            f"{path}.minimum_score: {encoder['minimum_score']}, but positives {kind!r} of corpus "
            f"{name!r} have no scores; allowed: null, or scored pairs"
        )


def _comparison_faults(config: Config, path: str, comparison: Config) -> Iterator[str]:
    quantities = config["analysis"]["quantities"]
    scorer = comparison["surprisal_by"]
    for name in comparison["encoders"]:
        yield from _known(f"{path}.encoders", name, config["encoders"])
    if scorer is not None:
        yield from _known(f"{path}.surprisal_by", scorer, config["encoders"])
    if scorer is not None and "base" in config["encoders"][scorer]:
        whole = sorted(n for n, e in config["encoders"].items() if "base" not in e)
        yield (
            f"{path}.surprisal_by: {scorer!r} has no masked language model any more; allowed: "
            f"{', '.join(whole)}"
        )
    for corpus in comparison["weighed"]:
        yield from _known(f"{path}.weighed", corpus, config["corpora"])
    if comparison["counted_on"] is not None:
        yield from _known(f"{path}.counted_on", comparison["counted_on"], config["corpora"])
    for method in comparison["methods"] or []:
        if method not in config["weights"]:
            yield f"{path}.methods: {method!r} is no section of weights; add one or leave it out"
    yield from _tokenizer_faults(config, path, comparison)
    if "surprisal" in quantities and comparison["surprisal_by"] is None:
        yield f"{path}.surprisal_by: missing, and analysis.quantities asks for surprisal"
    counted_on = [comparison["counted_on"]] if comparison["counted_on"] else comparison["weighed"]
    exact = all(has_exact(config, corpus, comparison["encoders"][0]) for corpus in counted_on)
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
    def tokenizer(name: str) -> Any:
        root = config["encoders"][root_of(config, name)]
        return (root["corpus"], root["tokenizer"]) if root["source"] == "pretrained" else None

    first, *others = comparison["encoders"]
    for other in (*others, comparison["surprisal_by"] or first):
        if tokenizer(other) != tokenizer(first):
            yield (
                f"{path}: encoders {first!r} and {other!r} have different tokenizers; a comparison "
                "needs one tokenizer for all"
            )


def _cycles(path: str, edges: dict[str, list[str]]) -> Iterator[str]:
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        cycle = error.args[1][::-1]
        yield f"{path}.{cycle[0]}: depends on itself through {' -> '.join(cycle)}"
