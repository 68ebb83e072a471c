"""Work of numpy and scipy, which leave the interpreter to others, on two threads."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
THREADS = 2


def on_threads(compute: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """compute(item) of every item, in order; no more than `THREADS` + 1 are held at a time."""
    with ThreadPoolExecutor(THREADS) as pool:
        waiting: deque[Future[Result]] = deque()
        for item in items:
            waiting.append(pool.submit(compute, item))
            if len(waiting) > THREADS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
