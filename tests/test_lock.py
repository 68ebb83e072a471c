"""What is installed is locked: requirements.txt, its lock and the environments agree."""

import re
from pathlib import Path

import pytest
import yaml
from commands import ROOT
from packaging.markers import Marker
from packaging.specifiers import SpecifierSet

REQUIREMENTS = (ROOT / "requirements.txt").read_text()
LOCK = (ROOT / "requirements.lock").read_text()
TESTS = "# what its tests"
"""The comment after which both list what the workflow itself does not import."""
HASHED = r"^([\w.-]+)==(\S+)(?: ; (.+))? \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)"


def pins(requirements: str) -> set[tuple[str, str]]:
    """Name, as PyPI writes it, and version of each line that pins a package."""
    lines = re.findall(r"^([\w.-]+)==(\S+)$", requirements, re.M)
    return {(re.sub(r"[-_.]+", "-", name).lower(), version) for name, version in lines}


def locked(lock: str) -> set[tuple[str, str]]:
    return {(name, version) for name, version, _, _ in re.findall(HASHED, lock, re.M)}


def test_every_line_of_the_lock_has_a_version_and_hashes() -> None:
    names = re.findall(r"^(?![#\s])\S+", LOCK, re.M)
    assert len(names) == len(locked(LOCK)) > 100


def test_the_lock_holds_what_requirements_pin_where_they_pin_it() -> None:
    listed = pins(REQUIREMENTS)
    assert len(listed) == len(re.findall(r"^[^#\s]", REQUIREMENTS, re.M))
    run, mark, _ = LOCK.partition(TESTS)
    assert mark
    assert pins(REQUIREMENTS.partition(TESTS)[0]) <= locked(run)
    assert listed <= locked(LOCK)


@pytest.mark.parametrize("path", sorted((ROOT / "envs").glob("*.yaml")), ids=lambda path: path.stem)
def test_environments_are_of_the_lock(path: Path) -> None:
    listed = yaml.safe_load(path.read_text())["dependencies"][-1]["pip"]
    assert len(pins("\n".join(listed))) == len(listed)
    assert pins("\n".join(listed)) <= locked(LOCK.partition(TESTS)[0])


def test_cuda_is_in_the_section_that_pytorch_for_cpus_replaces() -> None:
    rest = re.sub(r"^# PyTorch.*(?=^# what its tests)", "", LOCK, count=1, flags=re.M | re.S)
    replaced = {name for name, _ in locked(LOCK) - locked(rest)}
    assert {"torch", "triton"} <= replaced
    assert all(re.match(r"(torch|triton|cuda|nvidia)\b", name) for name in replaced)
    assert not any(re.match(r"(torch|triton|cuda|nvidia)\b", name) for name, _ in locked(rest))
    assert dict(pins(REQUIREMENTS))["torch"] in (ROOT / "torch-cpu.lock").read_text()


def test_the_lock_is_for_every_python_that_the_project_allows() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    allowed = SpecifierSet(re.findall(r'^requires-python = "(.+)"$', project, re.M)[0])
    assert [f"3.{n}" for n in range(8, 20) if f"3.{n}" in allowed] == ["3.11", "3.12", "3.13"]
    markers = {marker for _, _, marker, _ in re.findall(HASHED, LOCK, re.M) if marker}
    for minor in (11, 12, 13):
        python = {"python_version": f"3.{minor}", "python_full_version": f"3.{minor}.1"}
        linux = python | {"sys_platform": "linux", "platform_machine": "x86_64"}
        assert all(Marker(marker).evaluate(linux) for marker in markers)
