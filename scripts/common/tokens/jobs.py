"""What a job that goes through the sentences of a corpus is given to do it."""

from dataclasses import dataclass
from typing import Literal

import cyclopts


@cyclopts.Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Job:
    """How a job runs; nothing here changes what it computes.

    Parameters
    ----------
    device
        Where tensors live; auto takes a GPU where there is one.
    memory
        GiB that the job may take; passes are split to keep to it.
    shard
        Part of the sentences to go through, as 2-of-8.
    """

    device: Literal["auto", "cpu", "cuda"] = "auto"
    memory: float = 4.0
    shard: str = "1-of-1"
