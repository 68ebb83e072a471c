"""How every script starts: its command line, its log, its errors and its provenance."""

import hashlib
import inspect
import json
import logging
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cyclopts
import pyarrow as pa
import pyarrow.parquet as pq

PROVENANCE_FILE = "provenance.json"
EXECUTION = {"device", "memory", "shard"}
"""Arguments that change how a script runs and not what it computes."""

_provenance: dict[str, str] = {}


class InputError(Exception):
    """What the user gave cannot be used; the message is one line: what it is and what to do."""


def provenance() -> dict[str, str]:
    """The command that runs and the hash of all the settings behind it, as `run` found them."""
    return dict(_provenance)


def run(main: Callable[..., None]) -> None:
    """Run a script's `main` on the command line; a fault of the input is one line and exit code 1.

    Parameters whose name begins with `output` are files that the script writes, other `Path`
    parameters are files that it reads.
    """
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S"
    )
    for library in ("sentence_transformers", "datasets", "httpx2", "fontTools"):
        logging.getLogger(library).setLevel(logging.WARNING)
    app = cyclopts.App(
        default_command=main,
        help_format="rst",
        version_flags=(),
        default_parameter=cyclopts.Parameter(negative=(), consume_multiple=True),
    )
    try:
        command, bound, _ = app.parse_args(exit_on_error=False, print_error=False)
        if command is main:
            _provenance.update(_describe(main, bound))
        command(*bound.args, **bound.kwargs)
    except cyclopts.CycloptsError as error:
        _stop(" ".join(str(error).split()) + " (--help lists the options)")
    except (InputError, OSError) as error:
        _stop(" ".join(str(error).split()))


def _stop(message: str) -> None:
    print(f"{Path(sys.argv[0]).name}: error: {message}", file=sys.stderr)
    raise SystemExit(1)


def _describe(main: Callable[..., None], bound: inspect.BoundArguments) -> dict[str, str]:
    settings: dict[str, Any] = {}
    inputs: list[str] = []
    bound.apply_defaults()
    for name, value in bound.arguments.items():
        values = value if isinstance(value, list | tuple) else [value]
        if any(isinstance(one, Path) for one in values):
            if not name.startswith("output"):
                # shards of one table have one hash: it counts once, however many there are
                inputs += dict.fromkeys(map(_hash_of, values))
        elif name not in EXECUTION:
            settings[name] = value
    script = Path(sys.argv[0]).name
    key = json.dumps([script, settings, inputs], sort_keys=True, default=str)
    return {
        "command": shlex.join(["python", *sys.argv]),
        "config_hash": hashlib.sha256(key.encode()).hexdigest(),
    }


def _hash_of(path: Path) -> str:
    """The config hash that an earlier script left in `path`, or the hash of a user's own file."""
    if path.is_dir():
        file = path / PROVENANCE_FILE
        return json.loads(file.read_text())["config_hash"] if file.exists() else path.name
    if not path.exists():
        raise InputError(f"{path}: no such file")
    if path.suffix == ".parquet":
        try:
            found = pq.read_schema(path).metadata or {}
        except pa.ArrowInvalid as error:
            raise InputError(f"{path}: not a readable Parquet file ({error})") from error
        if b"config_hash" in found:
            return found[b"config_hash"].decode()
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
