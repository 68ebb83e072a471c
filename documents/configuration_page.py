"""The page of the configuration, from its schema."""

import html
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

SCHEMA = yaml.safe_load(
    (Path(__file__).parents[1] / "rules/schemas/config.schema.yaml").read_text()
)


def configuration() -> str:
    """Every key of a config: its kind, its default, and what it means."""
    lines = [
        "# Configuration",
        "",
        "Every key of a config, from the schema that each config is checked against. "
        "`<name>` is a name of yours. An unknown key is an error.",
        "",
        *_table(SCHEMA, ""),
    ]
    for name, about in SCHEMA["$defs"].items():
        lines += _definition(name, about)
    return "\n".join(lines) + "\n"


def _definition(name: str, about: dict[str, Any]) -> Iterator[str]:
    """A section for each thing that keys refer to."""
    yield from (f"## {name.replace('_', ' ').capitalize()}", "")
    if "description" in about:
        yield from (about["description"], "")
    variants = [one for one in about.get("oneOf", [about]) if "properties" in one]
    for variant in variants:
        source = variant["properties"].get("source", {}).get("const")
        if source and len(variants) > 1:
            yield from (f"### {name.replace('_', ' ').capitalize()}, source {source}", "")
        yield from _table(variant, "")
    if not variants:
        yield from (f"{_kind(about)}", "")


def _table(schema: dict[str, Any], within: str) -> list[str]:
    rows = list(_rows(schema, within))
    return ["| key | values | default | meaning |", "|---|---|---|---|", *rows, ""]


def _rows(schema: dict[str, Any], within: str) -> Iterator[str]:
    required = schema.get("required", [])
    for key, about in schema.get("properties", {}).items():
        default = "**required**" if key in required else _default(about)
        meaning = html.escape(about.get("description", ""), quote=False).replace("|", "\\|")
        yield f"| `{within}{key}` | {_kind(about)} | {default} | {meaning} |"
        yield from _rows(about, f"{within}{key}.")


def _default(about: dict[str, Any]) -> str:
    return f"`{json.dumps(about['default'])}`" if "default" in about else ""


def _kind(about: dict[str, Any]) -> str:
    """What a value may be, in words."""
    if "$ref" in about:
        name = about["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.replace('_', '-')})"
    if "const" in about:
        return f"`{about['const']}`"
    if "enum" in about:
        return ", ".join(f"`{'null' if one is None else one}`" for one in about["enum"])
    if (more := about.get("additionalProperties")) and isinstance(more, dict):
        return f"`<name>`: {_kind(more)}"
    kinds = about.get("type", "")
    words = " or ".join(kinds) if isinstance(kinds, list) else str(kinds)
    limits = [
        f"{sign} {about[key]}"
        for key, sign in (
            ("minimum", "from"),
            ("exclusiveMinimum", "above"),
            ("maximum", "to"),
            ("exclusiveMaximum", "below"),
        )
        if key in about
    ]
    return " ".join([words, *limits]) or "any"
