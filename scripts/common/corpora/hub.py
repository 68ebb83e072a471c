"""The model hub: tried again where it fails in passing, and its refusals said in one line."""

import logging
import sys
from collections.abc import Callable, Generator, Iterator
from typing import TypeVar

import datasets
import httpx2
import huggingface_hub
import huggingface_hub.utils
import pyarrow as pa
import pyarrow.parquet as pq
from datasets.exceptions import DatasetNotFoundError
from huggingface_hub import constants
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    IncompleteSnapshotError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from tenacity import (
    Retrying,
    before_sleep_log,
    retry_if_exception,
    stop_after_attempt,
    wait_exponential,
)

from common.command import InputError
from common.corpora.values import first_part

Found = TypeVar("Found")
ATTEMPTS = 4
LONGEST_WAIT = 30
"""Seconds; the first wait is 1, every other is twice as long as the one before."""
BUSY = 429
UNREACHABLE = (httpx2.TransportError, ConnectionError, TimeoutError)
TRUNCATED = "Consistency check failed"
GATED = "is a gated dataset"
"""What the libraries say where their errors have no class of their own."""


def from_hub(what: str, fetch: Callable[[], Found]) -> Found:
    """What `fetch` gives; it is called again, after longer and longer, if the hub fails in passing.

    Raises
    ------
    InputError
        The hub refuses, is not there or stays out of order, or HF_HUB_OFFLINE is set: `what`,
        the reason and what to do.
    """
    for library in (datasets.logging, huggingface_hub.utils.logging):
        library.disable_propagation()
    if not sys.stderr.isatty():
        datasets.disable_progress_bars()
        huggingface_hub.utils.disable_progress_bars()
    attempts = Retrying(
        retry=retry_if_exception(_passes),
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_exponential(max=LONGEST_WAIT),
        before_sleep=before_sleep_log(logging.getLogger(), logging.INFO),
        reraise=True,
    )
    try:
        return attempts(fetch)
    except InputError as error:
        raise InputError(f"{what}: {error}") from error
    except Exception as error:
        raise InputError(f"{what}: {_reason(error)}") from error


def named(columns: list[str], found: list[str], where: str) -> list[str]:
    """The columns that hold the named ones, or paths like data.text into them, each once.

    Raises
    ------
    InputError
        One is missing.
    """
    parts = {column: first_part(column, found) for column in columns}
    for column, part in parts.items():
        if part is None:
            raise InputError(f"{where}: no column {column!r}; found {', '.join(found)}")
    return list(dict.fromkeys(part[0] for part in parts.values() if part))


def stream_parquet(
    files: list[str], rows: int, columns: list[str]
) -> Generator[pa.Table, None, None]:
    """The first rows of files of the hub, by their row groups.

    Nothing else reads at the same time: threads that read on when Python ends would abort it
    (apache/arrow#45214), as those of the library's own streams do.
    """
    hub = huggingface_hub.HfFileSystem()
    for name in files:
        with hub.open(name) as stream, pq.ParquetFile(stream, pre_buffer=False) as file:
            kept = named(columns, file.schema_arrow.names, name)
            for group in range(file.num_row_groups):
                table = file.read_row_group(group, kept, use_threads=False).slice(0, rows)
                rows -= len(table)
                yield table
                if not rows:
                    return


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it came from: libraries wrap the hub's errors in their own."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _status(error: BaseException) -> int:
    return error.response.status_code if isinstance(error, HfHubHTTPError) else 0


def _offline(error: BaseException) -> bool:
    return constants.HF_HUB_OFFLINE or any(
        isinstance(cause, OfflineModeIsEnabled) for cause in _causes(error)
    )


def _passes(error: BaseException) -> bool:
    """Whether to try again; where there is no connection at all, the library has done so."""
    return any(
        _status(cause) >= 500
        or _status(cause) == BUSY
        or isinstance(cause, httpx2.TimeoutException | httpx2.RemoteProtocolError)
        or TRUNCATED in str(cause)
        for cause in _causes(error)
    )


def _reason(error: Exception) -> str:
    causes = list(_causes(error))
    status = max(map(_status, causes))

    def caused_by(*kinds: type[BaseException]) -> bool:
        return any(isinstance(cause, kinds) for cause in causes)

    reasons = [
        (
            _offline(error),
            "not in the cache, and HF_HUB_OFFLINE is set; unset it and run again online",
        ),
        (
            caused_by(GatedRepoError) or GATED in str(error),
            f"gated; ask for access on its page at {constants.ENDPOINT}, and set HF_TOKEN to a "
            "token of yours",
        ),
        (
            caused_by(RevisionNotFoundError),
            "the hub has no such revision; correct it, or set it to null and run "
            "scripts/pin_revisions.py",
        ),
        (
            caused_by(RepositoryNotFoundError, DatasetNotFoundError),
            f"no such repository at {constants.ENDPOINT}, or a private one; correct its name, or "
            "set HF_TOKEN to a token that may read it",
        ),
        (
            status in (401, 403),
            f"access refused ({status}); set HF_TOKEN to a token that may read it",
        ),
        (
            status >= 500 or status == BUSY,
            f"the hub is out of order ({status}); run again later, it goes on where it stopped",
        ),
        (
            any(TRUNCATED in str(cause) for cause in causes),
            "a file arrives truncated; run again, it goes on where it stopped",
        ),
        (
            caused_by(*UNREACHABLE, IncompleteSnapshotError),
            f"{constants.ENDPOINT} cannot be reached; run again with a network, it goes on where "
            "it stopped",
        ),
        (True, f"cannot be fetched ({error})"),
    ]
    return next(reason for holds, reason in reasons if holds)
