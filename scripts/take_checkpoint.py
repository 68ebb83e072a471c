"""Take an encoder as it was at a checkpoint of its training."""

from pathlib import Path

from common.command import run
from common.encoders.course import take_checkpoint
from common.tables import whole, write_provenance


def main(encoder: Path, *, place: int, output_encoder: Path) -> None:
    """Take an encoder as it was at one of the log-spaced checkpoints of its training.

    Example: python scripts/take_checkpoint.py results/course/encoders/adjacent --place 3
    --output-encoder early

    Parameters
    ----------
    encoder
        Directory of an encoder that was trained with checkpoints.
    place
        Place of the checkpoint, from 1.
    output_encoder
        Directory of the encoder at the checkpoint.
    """
    with whole(output_encoder) as partial:
        take_checkpoint(encoder, place, partial)
        write_provenance(partial)


if __name__ == "__main__":
    run(main)
