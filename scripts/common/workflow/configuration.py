"""The configuration of a run: validated, with defaults, and what follows from it."""

import copy
import datetime
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
from jsonschema.exceptions import best_match

from common.corpora.files import (
    POINTED_AT,
    at_home,
    fault_of_files,
    find_files,
    kind_of,
    known_encoding,
    pointer_in,
)
from common.workflow import short_way
from common.workflow.series import add_series

SCHEMA = Path(__file__).parents[3] / "rules" / "schemas" / "config.schema.yaml"

PATTERN = re.compile(r"[*?\[]")
BRACES = re.compile(r"[{}\n\r]")
"""What Snakemake would fill in, or is no name of one line."""
LIMITS = re.compile("min|max|exclusive|pattern|unique")
"""Keys of a schema that bound its values."""
OF_WORDS = "@words"
"""Behind the name of who tells words apart, where they are counted; no encoder has such a name."""
EXPONENT = re.compile(r"([-+]?\d+\.?\d*)[eE]([-+]?\d{1,3})")
NUMBER = re.compile(r"[-+]?\d+(\.\d+)?")
"""Numbers with an exponent, of which YAML 1.1 knows but those like 5.0e-2, and without."""
SHOWN = reprlib.Repr()
"""Values as errors show them: whole, unless they are long."""
SHOWN.maxstring = SHOWN.maxother = SHOWN.maxlong = 60

SUMMING = ("integrated_gradients", "shapley")
"""Methods whose contributions sum to what they explain."""

Config = dict[str, Any]


class ConfigError(Exception):
    """A line for each fault: the key's path, its value and what is allowed."""

    def __init__(self, *faults: str) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


def validated(config: Config, overrides: Config | None = None) -> Config:
    """Fill `config` with the schema's defaults and check it, with references and files in it.

    Parameters
    ----------
    overrides
        The part of `config` that was given on the command line, whose inner values are all strings.

    Raises
    ------
    ConfigError
        All faults.
    """
    if first := [*_outdated(config), *short_way.faults_of(config)]:
        raise ConfigError(*first)
    if all(short_way.is_given(config.get(key)) for key in short_way.KEYS):
        short_way.fill_in(config)
    errors = [*_validator().iter_errors(config)]
    if overrides and _read_overrides(config, overrides, errors):
        errors = [*_validator().iter_errors(config)]
    told = _by_place(errors)
    faults = [line for error in told for line in _lines(error)]
    of_series = [*add_series(config)]
    faults += [line for _, line in of_series]
    broken = {tuple(error.absolute_path) for error in told} | {path for path, _ in of_series}
    faults += _reference_faults(config, broken)
    if faults:
        raise ConfigError(*dict.fromkeys(faults))
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


def _by_place(errors: list[Any]) -> list[Any]:
    """The error that says most of each value; of keys that are unknown or missing, all."""
    places: dict[Any, list[Any]] = {}
    for error in errors:
        of_keys = error.validator in {"required", "additionalProperties"}
        places.setdefault(id(error) if of_keys else tuple(error.absolute_path), []).append(error)
    return [best_match(iter(group)) for group in places.values()]


def _read_overrides(config: Config, overrides: Config, errors: list[Any]) -> bool:
    """Read strings of the command line as YAML where they are no valid values; whether any is."""
    read = False
    for error in map(best_match, ([error] for error in errors)):
        *path, key = error.absolute_path or [None]
        inner, given = config, overrides
        try:
            for part in path:
                inner, given = inner[part], given[part]
            if isinstance(given[key], str) and inner[key] == given[key]:
                inner[key] = yaml.safe_load(given[key])
                read = read or inner[key] != given[key]
        except (LookupError, TypeError, yaml.YAMLError):
            continue
    return read


def check_yaml(file: Path) -> None:
    """Refuse a file that is no YAML, or gives one key twice: all but the last would be lost.

    Raises
    ------
    ConfigError
        The line of the fault.
    """
    try:
        root = yaml.compose(file.read_text(encoding="utf-8"))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        told = " ".join(filter(None, (error.context, error.problem)))
        raise ConfigError(f"{line}not YAML ({told}); see to blanks, colons and quotes") from error
    except (yaml.YAMLError, ValueError) as error:
        told = " ".join(str(error).split())
        raise ConfigError(f"not YAML ({told}); see to its characters") from error
    if not isinstance(root, yaml.MappingNode):
        raise ConfigError("no settings, each a key and its value, in it")
    _refuse_repeated(root, "")


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
    seen = set()
    while "base" in config["encoders"][encoder]:
        if encoder in seen:
            raise LookupError(f"{encoder} depends on itself")
        seen.add(encoder)
        encoder = config["encoders"][encoder]["base"]
    return encoder


def counted_in(config: Config, comparison: Config) -> str:
    """What the types of a comparison are called where they are counted: of a tokenizer, or words.

    Words of a segmenter are the same for all encoders.
    """
    root = root_of(config, comparison["encoders"][0])
    if unit_of(config, comparison) == "token":
        return root
    return segmented(config) or root + OF_WORDS


def segmented(config: Config) -> str | None:
    """What the words of the segmenter are called; None: each tokenizer tells its own."""
    segmenter = config["analysis"]["segmenter"]
    return None if segmenter == "tokenizer" else segmenter + OF_WORDS


def unit_of(config: Config, comparison: Config) -> str:
    """What a comparison weighs, token or word."""
    return str(comparison["unit"] or config["analysis"]["unit"])


def in_common_words(config: Config, comparison: Config) -> bool:
    """Whether encoders of any tokenizers may be compared: in words that none of them tells."""
    return unit_of(config, comparison) == "word" and segmented(config) is not None


def is_atlas(comparison: Config) -> bool:
    """Whether every two of its encoders are compared: there are many, or it asks for words itself.

    Those of a series come of one encoder.
    """
    many = 2 if comparison["unit"] == "word" else 3
    return len(comparison["encoders"]) >= many and "series" not in comparison


def replicate(config: Config, encoder: str, number: int) -> str:
    """The name of a training of an encoder, from 1; one that is made elsewhere has no other."""
    about = config["encoders"][encoder]
    if about["source"] == "layer":
        about = config["encoders"][about["base"]]
    made_here = about["source"] in ("pretrained", "finetuned", "random", "checkpoint")
    return f"{encoder}.{number}" if made_here and number > 1 else encoder


def add_replicates(config: Config) -> None:
    """Add the further trainings of each encoder, each with the like training of its base."""
    encoders = dict(config["encoders"])
    for number in range(2, config["replicates"] + 1):
        for name, encoder in encoders.items():
            base = {"base": replicate(config, encoder["base"], number)} if "base" in encoder else {}
            config["encoders"].setdefault(replicate(config, name, number), encoder | base)


def unpinned(config: Config) -> list[str]:
    """Entries from the hub whose commit is not known yet; the short way takes the newest."""
    return [
        f"{section}.{name}"
        for section in (("corpora", "encoders") if config["encoder"] is None else ())
        for name, entry in config[section].items()
        if entry["source"] == "hub" and entry["revision"] is None
    ]


def foreign_tokenizers(config: Config) -> dict[str, list[str]]:
    """Encoders made elsewhere that must share a tokenizer, by the comparison that asks for it."""
    foreign = {}
    for name, comparison in config["comparisons"].items():
        if in_common_words(config, comparison):
            continue
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


def _lines(error: jsonschema.ValidationError) -> Iterator[str]:
    """A line for each key that is unknown or missing, or for the value."""
    path = ".".join(str(part) for part in error.absolute_path) or "the config"
    about = error.schema.get("properties", {})
    if error.validator == "additionalProperties":
        for key in error.instance.keys() - about.keys():
            close = difflib.get_close_matches(str(key), about, 1)
            hint = f"did you mean {close[0]!r}? " if close else ""
            allowed = ", ".join(sorted(about))
            yield f"{path}: unknown key {SHOWN.repr(key)}; {hint}allowed: {allowed}"
    elif error.validator == "required":
        for key in error.validator_value:
            if key not in error.instance:
                meaning = about.get(key, {}).get("description")
                yield f"{path}: key {key!r} is missing{f' ({meaning})' if meaning else ''}"
    else:
        yield _of_value(path, error)


def _of_value(path: str, error: jsonschema.ValidationError) -> str:
    if error.validator == "anyOf" and all(e.validator == "required" for e in error.context):
        keys = [key for e in error.context for key in e.validator_value]
        fault, meaning = f"one of the keys {', '.join(keys)} is needed", None
    else:
        enums = [inner.schema for inner in error.context if inner.validator == "enum"]
        about = [*enums, error.schema][0]
        fault = f"{SHOWN.repr(error.instance)}; allowed: {_allowed(about)}"
        fault += _as_yaml(error.instance, about)
        meaning = error.schema.get("description")
    return " ".join(f"{path}: {fault}{f' ({meaning})' if meaning else ''}".split())


def _as_yaml(value: Any, about: dict[str, Any]) -> str:
    """How YAML is to be told that a text is no number, or a number no text."""
    kinds = about.get("type", "string")
    if "string" in kinds and isinstance(value, bool | int | float | datetime.date):
        return "; YAML takes it for no text: write it in quotes"
    if isinstance(value, str) and ("number" in kinds or "integer" in kinds):
        if found := EXPONENT.fullmatch(value):
            digits, exponent = found[1], int(found[2])
            number = f"{digits if '.' in digits else f'{digits}.0'}e{exponent:+d}"
            number = number if "number" in kinds else f"{float(number):.0f}"
            return f"; YAML takes it for text: write {number}"
        if NUMBER.fullmatch(value):
            return "; it is text: write it without quotes"
    return ""


def _allowed(about: dict[str, Any]) -> str:
    """What a schema takes: the values of its enum, or its type and limits."""
    if "enum" in about:
        return f"one of {', '.join(map(str, about['enum']))}"
    kinds = about["type"] if isinstance(about["type"], list) else [about["type"]]
    limits = [f"{key} {value}" for key, value in about.items() if LIMITS.match(key)]
    return ", ".join([" or ".join(kinds), *limits])


def _reference_faults(config: Config, broken: set[tuple[str | int, ...]]) -> list[str]:
    """Faults of what names something else, each part as far as the rest of the config allows.

    Parameters
    ----------
    broken
        Paths of what is wrong by itself: nothing is said of what depends on it.
    """
    sound: Config = {name: _sound(config.get(name), (name,), broken) for name in SECTIONS}
    parts = [_cycle_faults(sound)]
    for section, checks in CHECKED.items():
        for name in sound[section] or {}:
            odd = {path[2] for path in broken if path[:2] == (section, name) and len(path) > 2}
            entry = config[section][name]
            if isinstance(entry, dict):
                entry = {key: value for key, value in entry.items() if key not in odd}
            parts += [check(sound, name, entry) for check in checks]
    parts += [_evaluation_faults(sound), _pair_faults(sound), _theory_faults(sound)]
    faults: list[str] = []
    for part in parts:
        try:
            for fault in part:
                faults.append(fault)
        except OSError as error:
            faults.append(f"{error.filename}: cannot be read ({error.strerror}); see who may")
        except (LookupError, TypeError, AttributeError):
            if not (broken or faults):
                raise
    return faults


def _sound(section: Any, path: tuple[str, ...], broken: set[tuple[str | int, ...]]) -> Any:
    """A section with None for the entries that are broken, or for the whole of it."""
    if section is None or path in broken:
        return None
    if path[0] not in CHECKED:
        return {} if any(one[:1] == path for one in broken) else section
    odd = {one[1] for one in broken if one[:1] == path}
    return {name: None if name in odd else entry for name, entry in section.items()}


def _known(path: str, name: str, among: Config) -> Iterator[str]:
    if among is not None and name not in among:
        there = ", ".join(sorted(map(str, among)))
        yield f"{path}: nothing is named {name!r}; there are: {there}"


def _evaluation_faults(config: Config) -> Iterator[str]:
    if config["evaluation"] is None:
        return
    evaluated_on = config["evaluation"]["corpus"]
    yield from _known("evaluation.corpus", evaluated_on, config["corpora"])
    yield from _unscored("evaluation.corpus", evaluated_on, config["corpora"])


def texts_of(corpus: Config) -> int:
    """Texts of a row of a corpus: 2 of pairs, 3 of triplets."""
    if corpus["source"] == "generated":
        return 2 if corpus["form"] == "scored_pairs" else 1
    return len(corpus["text_columns"] or [""]) if corpus["source"] in {"file", "hub"} else 1


def may_have_pairs(corpus: Config) -> bool:
    """Whether rows may hold two texts or more: files that are not named theirs may, but for txt."""
    if corpus["source"] == "file" and not corpus["text_columns"]:
        return any(kind_of(Path(file)) != ".txt" for file in corpus["files"])
    return texts_of(corpus) > 1


def _scored(corpus: Config) -> bool:
    return corpus.get("form") == "scored_pairs" or bool(corpus.get("score_column"))


def _unscored(path: str, name: str, among: Config) -> Iterator[str]:
    if texts_of(among[name]) < 2 or not _scored(among[name]):
        pairs = {n for n, corpus in among.items() if corpus and texts_of(corpus) > 1}
        fit = sorted(n for n in pairs if _scored(among[n]))
        yield (
            f"{path}: {name!r} holds no scored pairs; allowed: {', '.join(fit) or 'none'} "
            "(form scored_pairs, or two text_columns and a score_column)"
        )


def _file_faults(_: Config, name: str, corpus: Config) -> Iterator[str]:
    found: list[Path] = []
    for file in corpus.get("files", []):
        these = find_files(file)
        if not these:
            kind = "no such file" if not PATTERN.search(file) else "no file is like"
            kind = "no file of a known kind in" if Path(file).is_dir() else kind
            yield f"corpora.{name}.files: {kind} {file!r}"
        odd = [one for one in these if BRACES.search(str(one))]
        if odd:
            yield f"corpora.{name}.files: {str(odd[0])!r} has braces or a line end; rename it"
        found += these
    if fault := fault_of_files(found):
        yield f"corpora.{name}.files: {' '.join(fault.split())}"
    kinds = {kind_of(file) for file in found}
    if numbered(corpus) and corpus["text_columns"] and found and not kinds <= {".csv", ".tsv"}:
        yield (
            f"corpora.{name}.text_columns: {corpus['text_columns']}; numbers are of columns of csv "
            "and tsv files without a header, others name them"
        )


def _column_faults(_: Config, name: str, corpus: Config) -> Iterator[str]:
    path = f"corpora.{name}"
    if corpus["source"] == "generated" and corpus["sentences"][0] > corpus["sentences"][1]:
        yield f"{path}.sentences: fewest is above most in {corpus['sentences']}"
    for key in ("score_column", "label_column"):
        if corpus.get(key) is not None and texts_of(corpus) < 2:
            yield (
                f"{path}.{key}: {corpus[key]!r} would be of a pair; name two text_columns, or "
                "leave it out"
            )
    if corpus.get("segment") is not None and texts_of(corpus) > 1:
        yield (
            f"{path}.segment: {corpus['segment']!r}, but the texts of a pair are not split; "
            "allowed: null, or one text column"
        )
    if numbered(corpus) and not corpus["text_columns"]:
        yield f"{path}.text_columns: missing, but other columns are numbers; give theirs too"
    if len({isinstance(column, int) for column in columns_of(corpus)}) > 1:
        columns = ", ".join(map(repr, columns_of(corpus)))
        yield f"{path}.text_columns: {columns} are names and numbers; give all columns alike"
    if not known_encoding(corpus.get("encoding", "utf-8")):
        yield (
            f"{path}.encoding: {corpus['encoding']!r} is not known to Python; allowed: utf-8, "
            "latin-1, cp1252, utf-16 and others"
        )


def _joined_faults(config: Config, name: str, corpus: Config) -> Iterator[str]:
    for other in corpus.get("corpora", []):
        yield from _known(f"corpora.{name}.corpora", other, config["corpora"])


def columns_of(corpus: Config) -> list[str | int]:
    """The columns of a corpus that are read, each once."""
    extra = [corpus.get(f"{key}_column") for key in ("score", "label", "id")]
    named = [
        *(corpus.get("text_columns") or []),
        *(column for column in extra if column is not None),
    ]
    return list(dict.fromkeys(named))


def numbered(corpus: Config) -> bool:
    """Whether columns are numbers, because its files have no header."""
    return any(isinstance(column, int) for column in columns_of(corpus))


def _encoder_faults(config: Config, name: str, encoder: Config) -> Iterator[str]:
    path = f"encoders.{name}"
    for key in ("corpus", "development"):
        if encoder.get(key) is not None:
            yield from _known(f"{path}.{key}", encoder[key], config["corpora"])
    if "base" in encoder:
        yield from _known(f"{path}.base", encoder["base"], config["encoders"])


def _model_faults(_: Config, name: str, encoder: Config) -> Iterator[str]:
    path = f"encoders.{name}"
    if "path" in encoder:
        folder = at_home(encoder["path"])
        if not folder.is_dir():
            yield f"{path}.path: no such directory {encoder['path']!r}"
        elif pointer := pointer_in(folder):
            yield f"{path}.path: {pointer}: {POINTED_AT}"
    shape = encoder.get("architecture")
    if shape and shape["width"] % shape["heads"]:
        width, heads = shape["width"], shape["heads"]
        yield f"{path}.architecture.width: {width} is no multiple of {heads} heads"


def _development_faults(config: Config, name: str, encoder: Config) -> Iterator[str]:
    if encoder.get("development") is not None:
        yield from _unscored(
            f"encoders.{name}.development", encoder["development"], config["corpora"]
        )


def _positives_faults(config: Config, name: str, encoder: Config) -> Iterator[str]:
    if encoder["source"] != "finetuned":
        return
    path, kind, corpus = f"encoders.{name}", encoder["positives"], encoder["corpus"]
    texts = texts_of(config["corpora"][corpus])
    needed = {"pairs": 2, "triplets": 3}.get(kind, 1)
    if texts < needed:
        yield (
            f"{path}.positives: {kind!r} need {needed} texts a row, but corpus {corpus!r} has "
            f"{texts}; allowed: adjacent, dropout, or another corpus"
        )
    scored = needed > 1 and _scored(config["corpora"][corpus])
    if encoder["minimum_score"] is not None and not scored:
        yield (
            f"{path}.minimum_score: {encoder['minimum_score']}, but positives {kind!r} of corpus "
            f"{corpus!r} have no scores; allowed: null, or scored pairs"
        )


def _comparison_faults(config: Config, name: str, comparison: Config) -> Iterator[str]:
    path = f"comparisons.{name}"
    for encoder in comparison["encoders"]:
        yield from _known(f"{path}.encoders", encoder, config["encoders"])
    if comparison["surprisal_by"] is not None:
        yield from _known(f"{path}.surprisal_by", comparison["surprisal_by"], config["encoders"])
    for corpus in comparison["weighed"]:
        yield from _known(f"{path}.weighed", corpus, config["corpora"])
    if comparison["counted_on"] is not None:
        yield from _known(f"{path}.counted_on", comparison["counted_on"], config["corpora"])


def _scorer_faults(config: Config, name: str, comparison: Config) -> Iterator[str]:
    path, scorer = f"comparisons.{name}.surprisal_by", comparison["surprisal_by"]
    if scorer is not None and "base" in config["encoders"][scorer]:
        whole = sorted(n for n, e in config["encoders"].items() if e and "base" not in e)
        yield (
            f"{path}: {scorer!r} has no masked language model any more; allowed: {', '.join(whole)}"
        )
    if scorer is None and "surprisal" in config["analysis"]["quantities"]:
        yield f"{path}: missing, and analysis.quantities asks for surprisal"


def _method_faults(config: Config, name: str, comparison: Config) -> Iterator[str]:
    for method in comparison["methods"] or []:
        if config["weights"] and method not in config["weights"]:
            yield (
                f"comparisons.{name}.methods: {method!r} is no section of weights; add one or "
                "leave it out"
            )


def _exact_faults(config: Config, name: str, comparison: Config) -> Iterator[str]:
    counted_on = [comparison["counted_on"]] if comparison["counted_on"] else comparison["weighed"]
    types = counted_in(config, comparison)
    exact = all(has_exact(config, corpus, types) for corpus in counted_on)
    if "information_gain_exact" in config["analysis"]["quantities"] and not exact:
        yield (
            f"comparisons.{name}.counted_on: information_gain_exact needs a generated corpus and "
            "a tokenizer of model word (or, trained here too, unit word); leave it out "
            "of analysis.quantities"
        )


def _theory_faults(config: Config) -> Iterator[str]:
    theory = config["theory"]
    if theory is None:
        return
    for key in ("corpus", "counted_on"):
        yield from _known(f"theory.{key}", theory[key], config["corpora"])
    yield from _known("theory.tokenizer", theory["tokenizer"], config["encoders"])
    comparisons = config["comparisons"].values()  # None: one with a fault of its own
    if comparisons and all(one and unit_of(config, one) == "word" for one in comparisons):
        yield "theory: embeddings are those of tokens; leave it out or set analysis.unit to token"


def pair_methods(config: Config, comparison: str) -> list[str]:
    """The methods by which the encoders of a comparison attribute the similarity of pairs."""
    asked = config["pairs"]["methods"] or config["comparisons"][comparison]["methods"] or SUMMING
    return [method for method in SUMMING if method in asked and method in config["weights"]]


def _pair_faults(config: Config) -> Iterator[str]:
    pairs = config["pairs"]
    if pairs is None:
        return
    for corpus in pairs["corpora"]:
        yield from _known("pairs.corpora", corpus, config["corpora"])
        if corpus in config["corpora"] and not may_have_pairs(config["corpora"][corpus]):
            yield f"pairs.corpora: {corpus!r} holds no pairs; name a corpus of two text columns"
    for name in pairs["comparisons"] or []:
        yield from _known("pairs.comparisons", name, config["comparisons"])
    if config["weights"]:  # else they have faults of their own
        lacking = [method for method in pairs["methods"] or [] if method not in config["weights"]]
        for method in lacking:
            yield f"pairs.methods: {method!r} is no section of weights; add one or leave it out"
        for name in pairs["comparisons"] or config["comparisons"]:
            if name in config["comparisons"] and not (lacking or pair_methods(config, name)):
                yield (
                    f"pairs.comparisons: {name!r} has no method whose contributions sum up "
                    f"({' or '.join(SUMMING)}); name other comparisons, or pairs.methods"
                )
    taken = [config["comparisons"].get(n) for n in pairs["comparisons"] or config["comparisons"]]
    if any(one and unit_of(config, one) == "word" for one in taken):
        yield (
            "pairs: attributions are of tokens; leave it out, set analysis.unit to token, or name "
            "pairs.comparisons of that unit"
        )


def _cycle_faults(config: Config) -> Iterator[str]:
    corpora, encoders = config["corpora"] or {}, config["encoders"] or {}
    yield from _cycles("corpora", {n: c.get("corpora", []) for n, c in corpora.items() if c})
    bases = {n: [e["base"]] for n, e in encoders.items() if e and "base" in e}
    yield from _cycles("encoders", bases)


def has_exact(config: Config, corpus: str, types: str) -> bool:
    """Whether the grammar gives exact values of these types, as `counted_in` calls them."""
    name = types.removesuffix(OF_WORDS)
    words = types != name
    if words and types == segmented(config):
        whole = True
    else:
        model = config["encoders"][root_of(config, name)].get("tokenizer", {}).get("model")
        whole = model == "word" or (model == "wordpiece" and words)
    return config["corpora"][corpus]["source"] == "generated" and whole


def _tokenizer_faults(config: Config, name: str, comparison: Config) -> Iterator[str]:
    def tokenizer(name: str) -> Any:
        root = config["encoders"][root_of(config, name)]
        return (root["corpus"], root["tokenizer"]) if root["source"] == "pretrained" else None

    first, *others = comparison["encoders"]
    if in_common_words(config, comparison):
        return
    for other in (*others, comparison["surprisal_by"] or first):
        if tokenizer(other) != tokenizer(first):
            yield (
                f"comparisons.{name}: encoders {first!r} and {other!r} have different tokenizers; "
                "a comparison needs one tokenizer for all, or unit word by analysis.segmenter icu"
            )


def _cycles(path: str, edges: dict[str, list[str]]) -> Iterator[str]:
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        cycle = error.args[1][::-1]
        yield f"{path}.{cycle[0]}: depends on itself through {' -> '.join(cycle)}"


CHECKED = {
    "corpora": (_file_faults, _column_faults, _joined_faults),
    "encoders": (_encoder_faults, _model_faults, _development_faults, _positives_faults),
    "comparisons": (
        *(_comparison_faults, _scorer_faults, _method_faults),
        *(_tokenizer_faults, _exact_faults),
    ),
}
SECTIONS = (*CHECKED, "weights", "evaluation", "analysis", "pairs", "theory")
