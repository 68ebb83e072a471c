"""Score the surprisal of every token in its sentence by a masked language model."""

from pathlib import Path

import numpy as np
import polars as pl

from common.command import run
from common.contract import SURPRISAL
from common.information.masked_surprisal import MaskedLM, Precision, Variant
from common.memory import budget
from common.progress import progress
from common.tables import write_table
from common.tokens.jobs import Job
from common.tokens.segmenters import Segmenter, told_by
from common.tokens.sentences import batches, read_sentences
from common.tokens.vocabulary import fingerprint

BATCH = 32


def main(
    masked_lm: Path,
    corpus: Path,
    *,
    job: Job = Job(),
    output_surprisal: Path,
    variant: Variant,
    dtype: Precision = "float32",
    segmenter: Segmenter = "tokenizer",
) -> None:
    """Score the surprisal (nats) of every token in its sentence by a masked language model.

    Sentences longer than the model takes are cut, as encoders cut them.

    Example: python scripts/score_surprisal.py results/demo/masked_lms/masked_lm
    results/demo/corpora/held_out.parquet --variant original --output-surprisal surprisal.parquet

    Parameters
    ----------
    masked_lm
        Directory of the masked language model, with its tokenizer.
    corpus
        Table of sentences.
    output_surprisal
        Table of surprisals, one row a token but the special ones.
    variant
        What is masked: the token alone (Salazar et al. 2020), or the later tokens of its word too
        (Kauf and Ivanova 2023).
    dtype
        Numbers of the model's passes; bfloat16 is fast where the processor or GPU has it, and
        rounds logits to 8 bits.
    segmenter
        Who tells what a word is: the tokenizer, or icu, the same for all encoders.
    """
    model = MaskedLM(masked_lm, device=job.device, dtype=dtype)
    sentences = read_sentences(corpus, model.tokenizer, model.longest, segmenter=segmenter)
    within = budget(job.memory, [model.model], model.device)
    of_shard = batches(sentences, BATCH, job.shard)
    scored = [sentence for batch in of_shard for sentence in batch]
    values: list[np.ndarray] = []
    with progress("score_surprisal", len(scored), "sentences") as bar:
        for batch in of_shard:
            values += model.surprisal(batch, variant, within)
            bar.update(len(batch))
    nothing = np.zeros(0, dtype=int)
    places = [np.flatnonzero(np.logical_not(s.special)) for s in scored]
    tokens = [(s, k) for s, at in zip(scored, places, strict=True) for k in at]
    ids = [s.ids[k] for s, k in tokens]
    frame = pl.DataFrame(
        {
            "sentence_id": np.repeat([s.number for s in scored], [len(at) for at in places]),
            "position": np.concatenate([nothing, *places]),
            "token_id": ids,
            "token": model.tokenizer.convert_ids_to_tokens(ids),
            "surprisal": np.concatenate([nothing, *values]),
            "word": [s.words[k] if s.words else None for s, k in tokens],
            "word_text": [s.spelled[k] for s, k in tokens],
        }
    )
    identity = {
        "tokenizer": fingerprint(model.tokenizer),
        "rows": str(sum(s.special.count(False) for s in sentences)),
        **told_by(segmenter),
    }
    write_table(frame, output_surprisal, SURPRISAL, **identity)


if __name__ == "__main__":
    run(main)
