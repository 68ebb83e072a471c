"""The short way to a run: one file of sentences and one encoder or more, by two keys."""

import re
from pathlib import Path
from typing import Any

from common.corpora.files import at_home, kind_of

KEYS = ("encoder", "text")
NAMES = ("corpora", "encoders", "comparisons")
"""Sections that these keys stand for."""
HUB = re.compile(r"(?P<repository>[\w.-]+/[\w.-]+)(?:@(?P<revision>[0-9a-f]{40}))?")
"""A name on the hub, and the commit, if it is given."""


def faults_of(config: dict[str, Any]) -> list[str]:
    """What is wrong with the keys of the short way, if any is given."""
    given = [key for key in KEYS if is_given(config.get(key))]
    others = [name for name in NAMES if name in config]
    if not given and (others or not any(key in config for key in KEYS)):
        return []
    if missing := [key for key in KEYS if key not in given]:
        example = "--config encoder=DIRECTORY_OR_HUB_NAME text=FILE"
        return [f"{' and '.join(missing)}: not given; add {example}"]
    if others:
        return [f"{', '.join(others)}: encoder and text stand for these; leave them out, or both"]
    return [
        f"encoder: {name!r} is no directory and no name on the hub (OWNER/NAME, or "
        "OWNER/NAME@COMMIT with 40 digits)"
        for name in _encoders(config)
        if not at_home(name).is_dir() and not HUB.fullmatch(name)
    ]


def is_given(value: Any) -> bool:
    """Whether a key of the short way has a value that it may have; the schema tells of others."""
    values = value if isinstance(value, list) else [value]
    return bool(values) and all(isinstance(one, str) and one for one in values)


def fill_in(config: dict[str, Any]) -> None:
    """Add the corpus, the encoders and the comparison that the short way stands for."""
    names = _encoders(config)
    encoders: dict[str, Any] = {}
    for name in names:
        hub = None if at_home(name).is_dir() else HUB.fullmatch(name)
        source = {"source": "hub", **hub.groupdict()} if hub else {"source": "path", "path": name}
        short = _short(hub["repository"] if hub else str(at_home(name).absolute()))
        encoders[f"{short}-{len(encoders) + 1}" if short in encoders else short] = source
    text = str(config["text"])
    inner = Path(text).with_suffix("") if kind_of(Path(text)) else Path(text)
    corpus = _short(str(inner))
    config["corpora"] = {corpus: {"source": "file", "files": [text]}}
    config["encoders"] = encoders
    config["comparisons"] = {"own_text": {"encoders": list(encoders), "weighed": [corpus]}}


def _encoders(config: dict[str, Any]) -> list[str]:
    given = config["encoder"]
    return [str(name) for name in (given if isinstance(given, list) else [given])]


def _short(path: str) -> str:
    """The last part of a path, as names of runs are."""
    name = re.sub(r"[^a-z0-9_-]+", "-", Path(path).name.lower()).strip("-_")
    return name or "own"
