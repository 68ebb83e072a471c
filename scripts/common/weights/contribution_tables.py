"""Contribution vectors as a script that weighs wrote them, with their baselines."""

from collections import defaultdict
from pathlib import Path

import numpy as np
import polars as pl

from common.command import InputError
from common.contract import VECTORS, WEIGHTS
from common.tables import open_table, read_whole, shared_metadata
from common.tokens.sentences import Sentence
from common.weights.pair_attributions import Contributions, check_sum, embed_baselines
from common.weights.weighing import Opened

BATCH = 32


def read_contributions(
    opened: Opened, wanted: list[int], vectors: Path, weights: Path, baseline: str
) -> tuple[dict[int, Contributions], dict[int, Sentence]]:
    """The contributions of the sentences that are `wanted`, and the sentences, by sentence_id.

    Parameters
    ----------
    vectors, weights
        Tables of contribution vectors and of their norms.
    baseline
        That of the vectors.

    Raises
    ------
    InputError
        The tables are not of the encoder and corpus, or of another baseline.
    """
    about = shared_metadata([vectors, weights], "encoder", "method", "corpus", "tokenizer")
    if "vector" not in open_table(vectors, VECTORS, ["sentence_id", "token_id"]).schema_arrow.names:
        raise InputError(f"{vectors}: no column 'vector'; give what --output-vectors wrote")
    rows = pl.scan_parquet(vectors).filter(pl.col("sentence_id").is_in(wanted)).collect()
    by_sentence = rows.partition_by("sentence_id", as_dict=True)
    every = read_whole(weights, WEIGHTS).filter(pl.col("sentence_id").is_in(wanted))
    of_weights = every.partition_by("sentence_id", as_dict=True)
    sentences = {s.number: s for s in opened.sentences if s.number in wanted}
    by_length = defaultdict(list)
    for number, sentence in sentences.items():
        for path, tokens in ((vectors, by_sentence), (weights, of_weights)):
            if (number,) not in tokens or tokens[number,]["token_id"].to_list() != sentence.ids:
                raise InputError(
                    f"{path}: sentence_id {number} has not the tokens of {opened.corpus}; make "
                    "it anew from this corpus by this encoder"
                )
        by_length[len(sentence.ids)].append(sentence)
    found = {}
    for alike in by_length.values():
        for batch in (alike[k : k + BATCH] for k in range(0, len(alike), BATCH)):
            embedded = embed_baselines(
                opened.encoder, batch, about["method"], baseline, opened.within
            )
            for sentence, embedding, start in zip(batch, *embedded, strict=True):
                weighed = of_weights[sentence.number,]
                one = Contributions(
                    by_sentence[sentence.number,]["vector"].to_numpy().astype(float),
                    weighed["error"].cast(pl.Float64).fill_null(np.nan).to_numpy(),
                    *(start, embedding),
                )
                place = f"{vectors}: sentence_id {sentence.number}"
                check_sum(one, weighed["completeness"][0], place, baseline)
                found[sentence.number] = one
    return found, sentences
