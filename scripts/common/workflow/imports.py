"""Which modules a script is made of, so that a change of any of them runs its rule again."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

SCRIPTS = Path(__file__).parents[2]
EXEMPT = {"common.command", "common.progress"}
"""The command line and progress bars: they change nothing that is computed."""
STATEMENTS = (ast.stmt, ast.ExceptHandler, ast.match_case)
"""What may hold an import; expressions, most of a module, hold none."""


def modules_of(script: Path) -> list[Path]:
    """The modules of `common` that a script imports, directly or not, but those exempt.

    Imports under `if TYPE_CHECKING:` do not count: nothing of them runs.
    """
    found: set[Path] = set()
    ahead = [script]
    while ahead:
        for module in _imported(ahead.pop()) - found:
            found.add(module)
            ahead.append(module)
    return sorted(found)


@cache
def _imported(file: Path) -> frozenset[Path]:
    names = {name for name in _names(ast.parse(file.read_text())) if name not in EXEMPT}
    files = {SCRIPTS.joinpath(*name.split(".")).with_suffix(".py") for name in names}
    return frozenset(path for path in files if path.exists())


def _names(node: ast.AST) -> Iterator[str]:
    """Modules of `common` that a piece of code imports, and names imported from packages."""
    if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
        return
    if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "common":
        yield str(node.module)
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    if isinstance(node, ast.Import):
        yield from (a.name for a in node.names if a.name.split(".")[0] == "common")
    for inner in ast.iter_child_nodes(node):
        if isinstance(inner, STATEMENTS):
            yield from _names(inner)
