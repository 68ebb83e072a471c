"""The order of the tests; a finished workflow; a real browser: Debian's chromium and its driver."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from filelock import FileLock
from forked_jobs import servers
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from workflow import Workflow

FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--window-size=1280,900",
]
LOCAL = ("file:", "data:", "blob:", "chrome:", "about:")
"""Schemes that reach no network; chrome: is the page that Chromium starts with."""


LONGEST = ("test_kills.py", "test_slurm.py", "test_hub.py", "test_workflow.py")
"""The first of the slow files to start, so that test processes end together."""


def pytest_configure(config: pytest.Config) -> None:
    """Have one server of forked jobs for all test processes, which ends with the first of them."""
    if not hasattr(config, "workerinput"):
        started = ExitStack()
        started.enter_context(servers())
        config.add_cleanup(started.close)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put slow files, the longest of them first, after others, and slow tests of a file last."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}

    def rank(path: Path) -> int:
        if path not in slow:
            return 0
        return 1 + (LONGEST.index(path.name) if path.name in LONGEST else len(LONGEST))

    items.sort(key=lambda item: rank(item.path))
    place = {path: number for number, path in enumerate(dict.fromkeys(i.path for i in items))}
    items.sort(key=lambda item: (place[item.path], item.get_closest_marker("slow") is not None))


@pytest.fixture(scope="session")
def done(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Workflow:
    """The finished workflow of the tiny config: run once, and a copy for each test process."""
    ours = tmp_path_factory.getbasetemp()
    shared = (ours if worker_id == "master" else ours.parent) / "finished"
    with FileLock(f"{shared}.lock"):
        if not shared.exists():
            workflow = Workflow(tmp_path_factory.mktemp("first"))
            run = workflow.snakemake("--cores", "2")
            assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-8000:]
            workflow.directory.rename(shared)
    workflow = Workflow(tmp_path_factory.mktemp("workflow"))
    shutil.copytree(shared, workflow.directory, symlinks=True, dirs_exist_ok=True)
    return workflow


@pytest.fixture(scope="session")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """Chromium; without one, tests are skipped, or fail where REQUIRE_BROWSER is set, as in CI."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        missing = "no chromium and chromedriver here: apt-get install chromium chromium-driver"
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail(missing)
        pytest.skip(missing)
    options = ChromeOptions()
    options.binary_location = chromium
    for flag in [*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    with Chrome(options, Service(driver)) as browser:
        yield browser


@pytest.fixture
def browser(chrome: Chrome) -> Iterator[Chrome]:
    """Chromium for one test, in which no page may complain or ask for anything but itself."""
    for kind in ("browser", "performance"):
        chrome.get_log(kind)
    chrome.set_window_size(1280, 900)
    chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    yield chrome
    told = [entry for entry in chrome.get_log("browser") if entry["level"] == "SEVERE"]
    assert told == []
    assert [url for url in requests(chrome) if not url.startswith(LOCAL)] == []
    chrome.get("about:blank")


def requests(chrome: Chrome) -> list[str]:
    """Addresses that were asked for since the last time."""
    messages = [json.loads(entry["message"])["message"] for entry in chrome.get_log("performance")]
    return [
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    ]
