"""Contribution vectors as scripts that weigh wrote them, with their baselines."""

from collections import defaultdict
from pathlib import Path

import numpy as np
import polars as pl

from common.command import InputError
from common.contract import VECTORS, WEIGHTS
from common.tables import check_rows, open_table, read_metadata, read_table, shared_metadata
from common.tokens.sentences import Sentence
from common.weights.pair_attributions import Contributions, check_sum, embed_baselines
from common.weights.weighing import Opened

BATCH = 32
SHARED = ("encoder", "method", "corpus", "tokenizer", "baseline")


class ContributionTables:
    """The contributions of one method to the embeddings of sentences, read as they are asked for.

    Parameters
    ----------
    opened
        The encoder and the sentences.
    vectors, weights
        Tables of contribution vectors and of their norms, of all shards.

    Attributes
    ----------
    about
        What the tables tell of themselves.
    sentences
        The sentences by their sentence_id.

    Raises
    ------
    InputError
        The tables are of several encoders, corpora or baselines, or lack a shard.
    """

    def __init__(self, opened: Opened, vectors: list[Path], weights: list[Path]) -> None:
        self.opened, self.vectors, self.weights = opened, vectors, weights
        self.about = shared_metadata([*vectors, *weights], *SHARED)
        if lacking := [name for name in SHARED if name not in self.about]:
            raise InputError(f"{vectors[0]}: does not tell its {lacking[0]}; make it anew")
        for path in vectors:
            schema = open_table(path, VECTORS, ["sentence_id", "token_id"]).schema_arrow
            if "vector" not in schema.names:
                raise InputError(f"{path}: no column 'vector'; give what --output-vectors wrote")
        every = pl.concat([read_table(path, WEIGHTS) for path in weights])
        check_rows(len(every), read_metadata(weights[0]), " ".join(map(str, weights)))
        self.norms = every.partition_by("sentence_id", as_dict=True)
        self.sentences = {s.number: s for s in opened.sentences}

    def read(self, wanted: set[int]) -> dict[int, Contributions]:
        """The contributions of the sentences that are `wanted`, by sentence_id.

        Raises
        ------
        InputError
            The tables are not of the encoder and corpus, or of another baseline.
        """
        of_wanted = pl.col("sentence_id").is_in(sorted(wanted))
        rows = pl.concat([pl.scan_parquet(path).filter(of_wanted) for path in self.vectors])
        by_sentence = rows.collect().partition_by("sentence_id", as_dict=True)
        by_length = defaultdict(list)
        for sentence in (self.sentences[number] for number in sorted(wanted)):
            self._check_tokens(sentence, by_sentence)
            by_length[len(sentence.ids)].append(sentence)
        found = {}
        method, baseline = self.about["method"], self.about["baseline"]
        for alike in by_length.values():
            for batch in (alike[k : k + BATCH] for k in range(0, len(alike), BATCH)):
                embedded = embed_baselines(
                    self.opened.encoder, batch, method, baseline, self.opened.within
                )
                for sentence, embedding, start in zip(batch, *embedded, strict=True):
                    weighed = self.norms[sentence.number,]
                    one = Contributions(
                        by_sentence[sentence.number,]["vector"].to_numpy().astype(float),
                        weighed["error"].cast(pl.Float64).fill_null(np.nan).to_numpy(),
                        *(start, embedding),
                    )
                    place = f"{self.vectors[0]}: sentence_id {sentence.number}"
                    check_sum(one, weighed["completeness"][0], place, baseline)
                    found[sentence.number] = one
        return found

    def _check_tokens(self, sentence: Sentence, by_sentence: dict) -> None:
        key = (sentence.number,)
        for path, tokens in ((self.vectors[0], by_sentence), (self.weights[0], self.norms)):
            if key not in tokens or tokens[key]["token_id"].to_list() != sentence.ids:
                raise InputError(
                    f"{path}: sentence_id {sentence.number} has not the tokens of "
                    f"{self.opened.corpus}; make it anew from this corpus by this encoder"
                )
