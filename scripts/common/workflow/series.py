"""Series of encoders that come of one: the checkpoints of its training, or its layers."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from common.corpora.files import at_home

DEPTHS = ("num_hidden_layers", "n_layers", "n_layer", "num_layers")
"""What configurations of transformers call the number of layers."""
KINDS = ("course_of", "layers_of")

Place = tuple[str | int, ...]


def add_series(config: dict[str, Any]) -> Iterator[tuple[Place, str]]:
    """Put the encoders of each series into the config, by name; gives faults and their keys.

    A comparison that names one gets a list of encoders like any other, and its `series`: course or
    layers, and the encoder that it is of.
    """
    comparisons, encoders = config.get("comparisons"), config.get("encoders")
    if not isinstance(comparisons, dict) or not isinstance(encoders, dict):
        return
    for name, comparison in comparisons.items():
        about = comparison.get("encoders") if isinstance(comparison, dict) else None
        if not isinstance(about, dict):
            continue
        key, kinds = ("comparisons", name, "encoders"), [one for one in KINDS if one in about]
        if len(kinds) != 1:
            yield key, f"comparisons.{name}.encoders: one key of {' and '.join(KINDS)} is needed"
            continue
        kind, encoder = kinds[0], about[kinds[0]]
        if not isinstance(encoders.get(encoder), dict):
            there = ", ".join(sorted(map(str, encoders)))
            fault = f"nothing is named {encoder!r}; there are: {there}"
            yield key, f"comparisons.{name}.encoders.{kind}: {fault}"
            continue
        try:
            series = _course(encoders, encoder) if kind == "course_of" else _layers(config, about)
        except LookupError as error:
            yield key, f"comparisons.{name}.encoders.{kind}: {error.args[0]}"
            continue
        encoders |= {one: entry for one, entry in series.items() if entry is not None}
        comparison |= {"encoders": [*series], "series": (kind.partition("_")[0], encoder)}


def _course(encoders: dict[str, Any], name: str) -> dict[str, Any]:
    """The base of an encoder, its checkpoints and itself: entries of those that are new."""
    encoder = encoders[name]
    count = encoder.get("checkpoints", 0)
    if not count:
        raise LookupError(
            f"{name!r} keeps no checkpoints of its training; set encoders.{name}.checkpoints, of "
            "an encoder that is trained here"
        )
    base = {encoder["base"]: None} if "base" in encoder else {}
    kept = {
        f"{name}@checkpoint{place}": {"source": "checkpoint", "base": name, "place": place}
        for place in range(1, count + 1)
    }
    return base | kept | {name: None}


def _layers(config: dict[str, Any], about: dict[str, Any]) -> dict[str, Any]:
    """An encoder cut after its input embeddings and its layers, or those named, and itself."""
    name, kept = about["layers_of"], about.get("layers")
    if kept is None:
        depth = depth_of(config["encoders"], name)
        if depth is None:
            raise LookupError(
                f"how many layers {name!r} has is not known here; name some: layers: [0, 3, 6, 9]"
            )
        kept = range(depth)
    cut = {
        f"{name}@layer{layers}": {"source": "layer", "base": name, "layers": layers}
        for layers in sorted(kept)
    }
    return cut | {name: None}


def weighed_together(
    config: dict[str, Any], tables: list[tuple[str, str, str]]
) -> dict[tuple[str, str], list[str]]:
    """Encoders that one job weighs a corpus by: what an encoder is cut to, and itself, last.

    By that encoder and the corpus.

    Parameters
    ----------
    tables
        Method, encoder and corpus of each table of weights.
    """
    gradients = "integrated_gradients"
    if config["weights"].get(gradients, {}).get("engine") != "own":
        return {}
    cut: dict[tuple[str, str], list[str]] = {}
    for method, name, corpus in tables:
        encoder = config["encoders"][name]
        if method == gradients and encoder["source"] == "layer":
            cut.setdefault((encoder["base"], corpus), []).append(name)
    return {
        (whole, corpus): [*names, whole]
        for (whole, corpus), names in cut.items()
        if (gradients, whole, corpus) in tables
    }


def depth_of(encoders: dict[str, Any], name: str) -> int | None:
    """Layers of an encoder, as far as the config or its directory tells."""
    encoder = encoders[name]
    while "base" in encoder and encoder["base"] in encoders:
        encoder = encoders[encoder["base"]]
    if "architecture" in encoder:
        return int(encoder["architecture"]["layers"])
    return depth_in(at_home(encoder["path"])) if "path" in encoder else None


def depth_in(folder: Path) -> int | None:
    """Layers of the encoder in a directory, if its configuration tells."""
    for file in (folder / "config.json", folder / "0_Transformer" / "config.json"):
        try:
            about = json.loads(file.read_text())
            return int(next(about[key] for key in DEPTHS if key in about))
        except (OSError, ValueError, StopIteration):
            continue
    return None
