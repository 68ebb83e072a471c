"""Files of the user: found by name, folder or pattern, and looked at before anything is read.

Only what comes with Python is imported, because Snakemake looks here before its first job.
"""

import bz2
import glob
import gzip
import lzma
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO

COMPRESSED: dict[str, Callable[..., IO]] = {
    ".bz2": bz2.open,
    ".gz": gzip.open,
    ".xz": lzma.open,
    ".zst": open,
}
"""What opens a compressed file; of .zst, for which Python has nothing, the file as it is."""
KINDS = {
    ".txt": ".txt",
    ".csv": ".csv",
    ".tsv": ".tsv",
    ".jsonl": ".jsonl",
    ".ndjson": ".jsonl",
    ".json": ".json",
    ".parquet": ".parquet",
}
"""Kind of file by suffix."""
SPREADSHEETS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
BEGINNINGS = {
    b"PK\x03\x04": "a zip archive, as spreadsheets are (xlsx, ods); save the sheet as csv (UTF-8)",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an old spreadsheet or document; save it as csv",
    b"\x1f\x8b": "compressed by gzip; let its name end in .gz",
    b"\xfd7zXZ\x00": "compressed by xz; let its name end in .xz",
    b"\x28\xb5\x2f\xfd": "compressed by zstd; let its name end in .zst",
    b"PAR1\x15": "a parquet file; let its name end in .parquet",
    b"%PDF-": "a PDF; save it as text (UTF-8)",
}
"""What files are that begin so, whatever their names say."""
BROKEN = (OSError, EOFError, lzma.LZMAError, zlib.error)
"""What is raised by files that cannot be read or decompressed."""
POINTER = b"version https://git-lfs.github.com/spec/"
POINTED_AT = "a pointer of git-lfs, not the file itself; run git lfs pull where it was cloned"
PARQUET = b"PAR1"
READ = (".safetensors", ".json", ".model", ".txt")
"""Files of a checkpoint that are read; pickled weights are where there are no others."""
LOOK = 64
"""Bytes that are read of a file to see what it is."""


def compression_of(file: Path) -> str | None:
    """The suffix of a compressed file, in lower case."""
    suffix = file.suffix.lower()
    return suffix if suffix in COMPRESSED else None


def kind_of(file: Path) -> str | None:
    """One of `KINDS`, whatever the case of the suffix and the compression; None if it is none."""
    return KINDS.get(_suffix(file))


def _suffix(file: Path) -> str:
    """The suffix of a file, or of what is compressed in it, in lower case."""
    inner = file.with_suffix("") if compression_of(file) else file
    return inner.suffix.lower()


def at_home(name: str) -> Path:
    """The path of a name, in the home of the user that `~` stands for."""
    path = Path(name)
    try:
        return path if path.exists() else path.expanduser()
    except RuntimeError:  # nobody's home
        return path


def known_encoding(name: str) -> bool:
    """Whether Python has an encoding of text by this name."""
    try:
        "".encode(name)
    except (LookupError, ValueError):
        return False
    return True


def find_files(name: str) -> list[Path]:
    """Files that a name stands for: a file, all of a known kind in a folder, or a pattern's.

    Of folders, hidden files and folders are left out. None if there are none; `~` is the home.
    """
    path = at_home(name)
    if path.is_file():
        return [path]
    if path.is_dir():
        inside = [file for file in path.rglob("*") if kind_of(file)]
        hidden = {f for f in inside if any(p.startswith(".") for p in f.relative_to(path).parts)}
        inside = [file for file in inside if file not in hidden]
    else:
        # Path.glob would take hidden files
        inside = [Path(file) for file in glob.glob(str(path), recursive=True)]  # noqa: PTH207
    return sorted(file for file in inside if file.is_file())


def fault_of(file: Path) -> str | None:
    """Why a file cannot be read, as far as its name and its first bytes tell; None if it can."""
    kind = kind_of(file)
    if any("\ud800" <= character <= "\udfff" for character in str(file)):
        return "its name is not UTF-8, which libraries need; rename it"
    if kind is None:
        known = f"{' '.join(KINDS)}, plain or with one of {' '.join(COMPRESSED)}"
        sheet = _suffix(file) in SPREADSHEETS
        what = "a spreadsheet; save its sheet as csv" if sheet else "unknown kind of file"
        return f"{what}; known are {known}"
    try:
        with file.open("rb") as stream:
            start = stream.read(LOOK)
        if start.startswith(POINTER):
            return POINTED_AT
        if compression := compression_of(file):
            with COMPRESSED[compression](file, "rb") as stream:
                start = stream.read(LOOK)
    except BROKEN as error:
        return f"cannot be read ({error})"
    return _fault_of_start(start, kind, compression)


def _fault_of_start(start: bytes, kind: str, compression: str | None) -> str | None:
    """The fault of a file that begins so, inside its compression, but for .zst."""
    if not start:
        return "empty: no text in it; give another file, or leave it out"
    if kind == ".parquet":
        fits = compression or start.startswith(PARQUET)
        return None if fits else "not a readable parquet file (it does not begin as one)"
    if compression == ".zst":
        return None
    return next((told for begins, told in BEGINNINGS.items() if start.startswith(begins)), None)


def fault_of_files(files: list[Path]) -> str | None:
    """The first fault of files that are to be read together: of one, or that kinds differ."""
    kinds: dict[str | None, Path] = {}
    for file in files:
        if fault := fault_of(file):
            return f"{file}: {fault}"
        kinds.setdefault(kind_of(file), file)
    if len(kinds) > 1:
        return f"{' and '.join(map(str, kinds.values()))}: files must be of one kind"
    return None


def pointer_in(checkpoint: Path) -> Path | None:
    """A file that is needed of a checkpoint and is but a pointer of git-lfs."""
    files = [file for file in sorted(checkpoint.rglob("*")) if file.is_file()]
    safe = {file.parent for file in files if file.suffix == ".safetensors"}
    for file in files:
        pickled = file.match("pytorch_model*.bin") and file.parent not in safe
        if pickled or file.suffix in READ:
            with file.open("rb") as stream:
                if stream.read(LOOK).startswith(POINTER):
                    return file
    return None
