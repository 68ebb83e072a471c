"""Peak memory of Integrated Gradients of one long sentence under a budget."""

import resource
import tempfile
import time
from pathlib import Path

import torch
from cyclopts import run
from shapes import SHAPES, draw_sentence, save_encoder

from common.encoders.encoder import Encoder
from common.memory import GIB, budget
from common.weights.path_integral import PathIntegral, derivatives


def main(*, memory: float = 4.0, tokens: int = 512, passes: int = 2, threads: int = 2) -> None:
    """Differentiate a sentence on a BERT-base shape, a few passes long: all passes are alike.

    Parameters
    ----------
    memory
        GiB that the process may take.
    tokens
        Tokens of the sentence.
    passes
        Passes of the encoder, each with as many tokens' tangents as fit.
    threads
        Threads of the processor.
    """
    torch.set_num_threads(threads)
    with tempfile.TemporaryDirectory() as place, torch.no_grad():
        encoder = Encoder(save_encoder(SHAPES["BERT-base"], Path(place)), device="cpu")
        ids = torch.tensor([encoder.tokenizer(draw_sentence(tokens, 0))["input_ids"]])
        end = encoder.embeddings(ids)
        within = budget(memory, encoder.modules, encoder.device)
        integral = PathIntegral(encoder.embed, torch.zeros_like(end), end, within)
        points, directions = integral.points_and_directions
        began = time.perf_counter()
        most = passes * directions
        width = integral.total.shape[1]
        derivatives(encoder.embed, end, end, width, chunk=directions, most=most)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / GIB
    print(
        f"{tokens} tokens, budget {memory:g} GiB: {points} point and {directions} tangents a pass, "
        f"peak of the process {peak:.2f} GiB, {(time.perf_counter() - began) / most:.2f} s a token"
    )


if __name__ == "__main__":
    run(main)
