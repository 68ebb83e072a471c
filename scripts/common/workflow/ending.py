"""What a reader is told when a run has ended: where to look, or what went wrong."""

import re
from collections.abc import Iterator
from pathlib import Path

ERROR = re.compile(r"[\w.]+\.py: error: .*")
"""How scripts say what they cannot use."""
ANSWERS = 4
"""Of the summary, at most."""


def results_of(folder: Path) -> Iterator[str]:
    """Where the results of a run lie, after the answers that its summary begins with."""
    summary = folder / "summary.md"
    if summary.exists():
        _, first, *_ = summary.read_text(encoding="utf-8").split("\n## ")
        answers = [line for line in first.splitlines() if line.startswith("- ")]
        for answer in answers[:ANSWERS]:
            first_two = answer.replace("**", "").replace("`", "").split(". ")[:2]
            yield ". ".join(first_two).rstrip(".") + "."
    names = ("summary.md", "explorer.html", "tables", "figures")
    yield f"Look at {', '.join(str(folder / name) for name in names if (folder / name).exists())}"


def errors_of(logs: Path, since: float) -> list[str]:
    """The errors in logs that were written after a time, each after its log."""
    told = []
    for log in sorted(logs.rglob("*.log")):
        if log.stat().st_mtime >= since:
            lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
            told += [f"{log}: {line}" for line in lines if ERROR.fullmatch(line)]
    return list(dict.fromkeys(told))
