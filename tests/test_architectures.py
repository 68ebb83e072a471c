"""Every text architecture that transformers has is weighed right, or refused in one line."""

import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from architectures import build_checkpoint, text_architectures
from commands import ROOT

import import_encoder
from common.command import InputError

SECONDS = 60
SLOW = ("falcon_h1", "nemotron_h", "zamba", "zamba2", "jamba", "bamba", "inkling_text")
"""State-space models, whose double precision in plain PyTorch takes minutes."""


@pytest.fixture
def bounded() -> Iterator[None]:
    """An architecture that takes longer than SECONDS fails."""

    def stop(*_: object) -> None:
        pytest.fail(f"takes more than {SECONDS} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def documented() -> dict[str, str]:
    """What docs/encoders.md says of each architecture: right, refused, no small one or too slow."""
    text = (ROOT / "docs" / "encoders.md").read_text()
    rows = re.findall(r"^\| ([a-z ]+?) \|[^|\n]*\| (.+) \|$", text, re.MULTILINE)
    return {name: kind for kind, names in rows[1:] for name in names.split(", ")}


def outcome(architecture: str, folder: Path) -> str:
    """What becomes of a small random encoder of an architecture."""
    source = build_checkpoint(architecture, folder / "source")
    if source is None:
        return "no small one"
    try:
        import_encoder.main(source, output_encoder=folder / "encoder")
    except InputError as refusal:
        return "refused" if str(source) in str(refusal) else f"a line without the path: {refusal}"
    return "right"


def every() -> list[Any]:
    """All architectures but the slow ones; all but every third are left to a sweep."""
    names = sorted(set(text_architectures()) - set(SLOW))
    return [
        pytest.param(name, marks=[pytest.mark.sweep] if place % 3 else [])
        for place, name in enumerate(names)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("architecture", every())
@pytest.mark.usefixtures("bounded")
def test_right_or_refused(tmp_path: Path, architecture: str) -> None:
    assert outcome(architecture, tmp_path) == documented()[architecture]


def test_the_table_has_every_architecture() -> None:
    assert documented().keys() == set(text_architectures())
