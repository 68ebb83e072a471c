"""Write the pages that are made from the code: the configuration, the commands and the errors."""

import ast
import html
import importlib
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

from common.command import command_line

ROOT = Path(__file__).parents[1]
SCHEMA = yaml.safe_load((ROOT / "rules/schemas/config.schema.yaml").read_text())


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


def commands() -> str:
    """What `--help` of every script says."""
    lines = ["# Commands", "", "What `--help` says. Scripts run from the project's root.", ""]
    for path in sorted((ROOT / "scripts").glob("*.py")):
        main = importlib.import_module(path.stem).main
        text = io.StringIO()
        console = Console(file=text, width=96, color_system=None, force_terminal=False)
        command_line(main, path.name).help_print([], console=console)
        said = [line.rstrip() for line in text.getvalue().strip().splitlines()]
        lines += [f"## {path.stem}", "", "```text", *said, "```", ""]
    return "\n".join(lines)


def errors() -> str:
    """Every line that a script or the reading of a config stops with, by the module that says it.

    What a line fills in (a file, a row, a value) stands as an ellipsis.
    """
    lines = [
        "# Every error",
        "",
        "What you gave cannot be used: that is one line and exit code 1. The line says what it is "
        "about, what is wrong and mostly what to do. Search this page for a word of it. `…` stands "
        "for a file, a row, a key or a value. [What stops a run](faults.md) tells when faults are "
        "found.",
        "",
    ]
    paths = (path for path in (ROOT / "scripts").rglob("*.py") if path.name != "__init__.py")
    for path in sorted(paths):
        module = ast.parse(path.read_text())
        if said := sorted(set(_messages(module, "workflow" in path.parts))):
            about = (ast.get_docstring(module) or "").partition("\n")[0]
            name = path.relative_to(ROOT / "scripts").as_posix()
            lines += [f"## {name}", "", about, "", *(f"- {one}" for one in said), ""]
    return "\n".join(lines)


def _messages(module: ast.Module, faults: bool) -> Iterator[str]:
    """What errors say; with `faults`, also what is yielded or appended: of a config."""
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and node.args:
            ends = getattr(node.func, "id", "") in ("InputError", "ConfigError")
            told = node.args[0] if ends or (faults and _appends(node.func)) else None
        else:
            told = node.value if faults and isinstance(node, ast.Yield) else None
        if isinstance(told, ast.Constant | ast.JoinedStr | ast.BinOp):
            said = " ".join(_spelled(told).split())
            if " " in said.strip("… "):
                yield re.sub(r"([\[\]*_`<])", r"\\\1", said)


def _appends(called: ast.expr) -> bool:
    return isinstance(called, ast.Attribute) and called.attr == "append"


def _spelled(node: ast.expr) -> str:
    """A string as it is written, with an ellipsis for all that is filled in."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_spelled(part) for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _spelled(node.left) + _spelled(node.right)
    return "…"


PAGES = {"configuration": configuration, "commands": commands, "errors": errors}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (ROOT / f"docs/{name}.md").write_text(page())
