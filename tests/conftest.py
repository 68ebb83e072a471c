"""The order of the tests, fast files first and in each file its fast tests; a finished workflow."""

import pytest
from workflow import Workflow


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put slow files, and slow tests of a file, last."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path in slow)
    place = {path: number for number, path in enumerate(dict.fromkeys(i.path for i in items))}
    items.sort(key=lambda item: (place[item.path], item.get_closest_marker("slow") is not None))


@pytest.fixture(scope="session")
def done(tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """The finished workflow of the tiny config."""
    workflow = Workflow(tmp_path_factory.mktemp("workflow"))
    run = workflow.snakemake("--cores", "2")
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-8000:]
    return workflow
