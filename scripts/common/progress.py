"""Progress: a bar on a terminal, a timed line now and then elsewhere."""

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tqdm import tqdm

SECONDS_BETWEEN_LINES = 10.0


class Lines:
    """The part of tqdm that scripts use, as log lines for files and pipes."""

    def __init__(self, what: str, total: int, unit: str) -> None:
        self.what, self.total, self.unit = what, total, unit
        self.done = 0
        self.start = self.last = time.monotonic()

    def update(self, n: int = 1) -> None:
        """Count `n` more; says so if the last line is old or this was the end."""
        self.done += n
        now = time.monotonic()
        if now - self.last >= SECONDS_BETWEEN_LINES or self.done >= self.total:
            self.last = now
            rate = self.done / max(now - self.start, 1e-9)
            logging.info(
                "%s: %d of %d %s, %.1f %s/s, %.0f s left",
                self.what,
                self.done,
                self.total,
                self.unit,
                rate,
                self.unit,
                (self.total - self.done) / rate,
            )


@contextmanager
def progress(what: str, total: int, unit: str) -> Iterator[tqdm | Lines]:
    """Show how far `what` is; call `update(n)` on what is given."""
    if sys.stderr.isatty():
        with tqdm(total=total, desc=what, unit=f" {unit}") as bar:
            yield bar
    else:
        yield Lines(what, total, unit)
