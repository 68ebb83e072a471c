"""Write the pages that are made from the code: the configuration, the commands and the errors."""

import importlib
import io
from pathlib import Path

from configuration_page import configuration
from errors_page import errors
from rich.console import Console

from common.command import command_line

ROOT = Path(__file__).parents[1]


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


PAGES = {"configuration": configuration, "commands": commands, "errors": errors}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (ROOT / f"docs/{name}.md").write_text(page())
