"""The page of all errors, from the calls that raise them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

SCRIPTS = Path(__file__).parents[1] / "scripts"


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
    paths = (path for path in SCRIPTS.rglob("*.py") if path.name != "__init__.py")
    for path in sorted(paths):
        module = ast.parse(path.read_text())
        if said := sorted(set(_messages(module, "workflow" in path.parts))):
            about = (ast.get_docstring(module) or "").partition("\n")[0]
            name = path.relative_to(SCRIPTS).as_posix()
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
