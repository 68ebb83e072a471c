"""How many jobs weigh the sentences of a table."""

from pathlib import Path


def shards_of(asked: int | str, kept: Path, at_once: int | None, tables: int) -> int:
    """The number that is asked for or, if that is auto, one job for each that can run `at_once`.

    What was chosen when the run began is `kept`: with other cores, jobs would be planned anew.
    """
    if isinstance(asked, int):
        return asked
    try:
        return int(kept.read_text())
    except (OSError, ValueError):
        return -(-(at_once or 1) // tables)
