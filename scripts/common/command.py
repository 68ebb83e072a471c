"""How every script starts: its command line, its log, its errors and its provenance."""

import hashlib
import inspect
import json
import logging
import os
import re
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cyclopts
import pyarrow as pa
import pyarrow.parquet as pq

PROVENANCE_FILE = "provenance.json"
EXECUTION = {"block", "device", "pairs_in_memory", "memory", "shard"}
"""Arguments that change how a script runs and not what it computes."""
FOLDERS = {
    *("output_encoder", "output_layers", "output_masked_lm", "output_snapshot"),
    "output_tokenizer",
}
"""Arguments that are folders, which are replaced as a whole."""
CHECKPOINTS = re.compile(r"[0-9a-f]{16}|unnamed")
"""What lies in a folder of checkpoints, all of which is removed in the end."""
NO_ROOM = re.compile(
    r"no space left|quota exceeded|file write failed|unexpected pos", re.IGNORECASE
)
"""How libraries that write files themselves say that the disk is full."""

_provenance: dict[str, str] = {}
_ancestors: dict[Path, str] = {}


class InputError(Exception):
    """What the user gave cannot be used; the message is one line: what it is and what to do."""


def provenance() -> dict[str, str]:
    """The command that runs and the hash of all the settings behind it, as `run` found them."""
    return dict(_provenance)


def ancestors(folder: Path) -> dict[str, str]:
    """Config hashes of all that goes into what this script writes to `folder`, by path from there.

    Relative paths, so that a folder of results may be moved, and a file put into another folder of
    results is held against what lies there.
    """
    return {os.path.relpath(path, folder): each for path, each in sorted(_ancestors.items())}


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
    app = command_line(main, Path(sys.argv[0]).name)
    if odd := next((word for word in sys.argv[1:] if not is_utf8(word)), None):
        _stop(f"{odd}: this name is not UTF-8, which libraries need; rename the file or folder")
    try:
        command, bound, _ = app.parse_args(sys.argv[1:], exit_on_error=False, print_error=False)
        if command is main:
            _provenance.update(_describe(main, bound))
        command(*bound.args, **bound.kwargs)
    except cyclopts.CycloptsError as error:
        _stop(" ".join(str(error).split()) + " (--help lists the options)")
    except (InputError, OSError) as error:
        _stop(" ".join(str(error).split()))
    except Exception as error:
        if not NO_ROOM.search(str(error)):
            raise
        _stop(f"a file could not be written, its disk is full ({' '.join(str(error).split())})")


def command_line(main: Callable[..., None], name: str) -> cyclopts.App:
    """The command line of a script: options and help from the signature and docstring of `main`."""
    return cyclopts.App(
        name=name,
        default_command=main,
        help_format="rst",
        version_flags=(),
        default_parameter=cyclopts.Parameter(negative=(), consume_multiple=True),
    )


def is_utf8(name: str) -> bool:
    """Whether the bytes of a name are UTF-8: Python has lone surrogates for others."""
    return not any("\ud800" <= character <= "\udfff" for character in name)


def _stop(message: str) -> None:
    print(f"{Path(sys.argv[0]).name}: error: {message}", file=sys.stderr)
    raise SystemExit(1)


def _describe(main: Callable[..., None], bound: inspect.BoundArguments) -> dict[str, str]:
    settings: dict[str, Any] = {}
    inputs: list[str] = []
    read: list[Path] = []
    written: list[tuple[str, Path]] = []
    bound.apply_defaults()
    _ancestors.clear()
    _recorded.cache_clear()
    for name, value in _flat(bound.arguments):
        values = value if isinstance(value, list | tuple) else [value]
        if any(isinstance(one, Path) for one in values):
            if name.startswith("output"):
                written += [(name, path) for path in values]
            else:
                read += values
                # shards of one table have one hash: it counts once, however many there are
                found = {_hash_of(path): path for path in values}
                inputs += found
                for path in found.values():
                    _ancestors.update(_checked_ancestors(path))
        elif name not in EXECUTION:
            settings[name] = value
    _refuse_outputs(read, written)
    script = Path(sys.argv[0]).name
    key = json.dumps([script, settings, inputs], sort_keys=True, default=str)
    return {
        "command": shlex.join(["python", *sys.argv]),
        "config_hash": hashlib.sha256(key.encode()).hexdigest(),
    }


def _refuse_outputs(read: list[Path], written: list[tuple[str, Path]]) -> None:
    """Make sure that nothing is written over what is read, or over files of others.

    Raises
    ------
    InputError
        An output is, holds or, as a folder, is within what is read, or would remove other files.
    """
    for name, output in written:
        option, place = f"--{name.replace('_', '-')} {output}", output.resolve()
        for path in read:
            source = path.resolve()
            within = name in FOLDERS and path.is_dir() and source in place.parents
            if source == place or place in source.parents or within:
                raise InputError(f"{option}: {path} is read, so write elsewhere")
        if name in FOLDERS and output.is_file():
            raise InputError(f"{option}: a file is there, a folder would be written; name another")
        if output.is_dir() and name not in {*FOLDERS, "output_checkpoints"}:
            raise InputError(f"{option}: a folder is there, a file would be written; name another")
        if not output.is_dir() or (output / PROVENANCE_FILE).exists():
            continue
        inside = sorted(file.name for file in output.iterdir())
        if name == "output_checkpoints":
            inside = [file for file in inside if not CHECKPOINTS.fullmatch(file)]
        if inside:
            raise InputError(
                f"{option}: holds {inside[0]}, which no script here wrote and which would be "
                "removed; name another folder"
            )


def _flat(arguments: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Arguments, and those of a group of arguments one by one."""
    for name, value in arguments.items():
        if is_dataclass(value):
            yield from vars(value).items()
        else:
            yield name, value


def _checked_ancestors(path: Path) -> dict[Path, str]:
    """The config hashes of an input and of all that it was made from, as it says itself.

    Raises
    ------
    InputError
        One of these lies there no more as it was: the input is of another run, or out of date.
    """
    about = _recorded(path)
    if "config_hash" not in about:
        return {}
    lineage = {Path(os.path.normpath(path)): about["config_hash"]}
    for relative, expected in json.loads(about.get("ancestors", "{}")).items():
        ancestor = Path(os.path.normpath(path.parent / relative))
        lineage[ancestor] = expected
        if ancestor.exists() and _recorded(ancestor).get("config_hash", expected) != expected:
            raise InputError(
                f"{path}: was made from another {ancestor} than lies there now; it is of another "
                "run or out of date: remove it and run again"
            )
    return lineage


@cache
def _recorded(path: Path) -> dict[str, str]:
    """What an earlier script left in a table or directory about itself; nothing in other files.

    Raises
    ------
    InputError
        There is no such file, or it is not Parquet in spite of its name.
    """
    if path.is_dir() and path.suffix == ".parquet":
        raise InputError(f"{path}: a folder, not a Parquet file; remove it and run again")
    if path.is_dir():
        file = path / PROVENANCE_FILE
        try:
            return json.loads(file.read_text()) if file.exists() else {}
        except ValueError as error:
            raise InputError(f"{file}: not JSON ({error}); make {path} anew") from error
    if not path.exists():
        hub = f"python scripts/download_snapshot.py {path} --output-snapshot snapshot"
        named = len(path.parts) == 2 and not path.suffix and not path.parent.exists()
        hint = f"; a name on the hub? First {hub}, then import_encoder.py" if named else ""
        raise InputError(f"{path}: no such file{hint}")
    if path.suffix != ".parquet":
        return {}
    try:
        found = pq.read_schema(path).metadata or {}
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{path}: not a readable Parquet file ({error})") from error
    return {
        name: found[name.encode()].decode()
        for name in ("config_hash", "ancestors")
        if name.encode() in found
    }


def _hash_of(path: Path) -> str:
    """The config hash that an earlier script left in `path`, or the hash of a user's own file."""
    about = _recorded(path)
    if "config_hash" in about:
        return about["config_hash"]
    if path.is_dir():
        return path.name
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
