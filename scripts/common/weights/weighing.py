"""What all methods that weigh tokens share: what they are asked for, and how a job goes on."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

import cyclopts

from common.command import PROVENANCE_FILE, InputError
from common.encoders.agreement import check_agreement
from common.encoders.encoder import Dtype, Encoder
from common.memory import Budget, budget
from common.progress import progress
from common.tokens.jobs import Job
from common.tokens.segmenters import Segmenter, told_by
from common.tokens.sentences import Sentence, batches, read_sentences
from common.weights.kept_weights import KeptWeights
from common.weights.weights_table import write_vectors, write_weights


@dataclass(frozen=True)
class Opened:
    """What a method weighs: all sentences of a corpus by an encoder, and what passes may take."""

    encoder: Encoder
    corpus: Path
    sentences: list[Sentence]
    within: Budget
    seed: int


class Method(Protocol):
    """A way to weigh tokens; a sentence that has weights already is left alone."""

    name: ClassVar[str]

    @property
    def nothing(self) -> str:
        """What the tokens of a sentence are held against: zero, mask, pad or drop."""

    def batches_of(self, sentences: list[Sentence]) -> int:
        """Sentences of one length that are weighed together at most."""

    def start(self, opened: Opened) -> Callable[[list[Sentence]], Iterator[list[Sentence]]]:
        """A function that weighs a batch and gives its sentences as they are done."""

    def conclude(self, opened: Opened, weighed: list[Sentence]) -> None:
        """Say what the sentences took."""


@cyclopts.Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Weighing(Job):
    """A job that weighs tokens.

    Parameters
    ----------
    seed
        Of all random draws.
    normalize
        Explain the embedding after its L2 normalisation, if the encoder has one.
    dtype
        Numbers of the encoder's passes; on a GPU, bfloat16 is fast and exact to about 1 %, and tf32
        is float32 with products rounded to 10 bits.
    segmenter
        Who tells what a word is: the encoder's tokenizer, or icu, the same for all encoders.
    output_vectors
        Table of the contribution vectors, whose norms the weights are.
    output_checkpoints
        Folder for what is done until the job ends; after a kill the job goes on from there.
    """

    seed: int = 0
    normalize: bool = False
    dtype: Dtype = "float32"
    segmenter: Segmenter = "tokenizer"
    output_vectors: Path | None = None
    output_checkpoints: Path | None = None

    def weigh(self, encoder: Path, corpus: Path, method: Method, output_weights: Path) -> None:
        """Weigh the sentences of the shard, and write the table of their tokens.

        Raises
        ------
        InputError
            The encoder or the corpus cannot be used.
        """
        opened = self.open(encoder, corpus)
        every = opened.sentences
        of_shard = batches(every, method.batches_of(every), self.shard)
        weighed = [sentence for batch in of_shard for sentence in batch]
        vectors = self.output_vectors is not None
        kept = KeptWeights(self.output_checkpoints, opened.encoder, vectors)
        if before := kept.load(weighed):
            logging.info("goes on: %d sentences were weighed before", before)
        weigh = method.start(opened)
        what = f"{encoder.name} weighs {corpus.stem}"
        with progress(what, len(weighed) - before, "sentences") as bar:
            for batch in of_shard:
                waiting = any(sentence.weight is None for sentence in batch)
                for done in weigh(batch) if waiting else ():
                    kept.save(done)
                    bar.update(len(done))
        self.finish(opened, weighed, method, output_weights)
        kept.forget()

    def finish(
        self, opened: Opened, weighed: list[Sentence], method: Method, output_weights: Path
    ) -> None:
        """Write the tables of sentences that have weights, and say what these took."""
        method.conclude(opened, weighed)
        encoder, every = opened.encoder, opened.sentences
        about = {"encoder": encoder.directory.name, "method": method.name}
        about |= {"corpus": opened.corpus.stem, "baseline": method.nothing}
        about |= told_by(self.segmenter)
        if self.output_vectors is not None:
            write_vectors(encoder, weighed, self.output_vectors, of=every, about=about)
        write_weights(encoder, weighed, output_weights, of=every, about=about)

    def open(self, encoder: Path, corpus: Path) -> Opened:
        """The encoder, all sentences of the corpus as its tokens, and the memory for passes.

        Raises
        ------
        InputError
            One of them cannot be used, or a text spells out a token that moves the positions.
        """
        model = self.load(encoder)
        sentences = read_sentences(
            corpus, model.tokenizer, model.longest, model.prompt, self.segmenter
        )
        skipped = model.unplaced
        odd = next((s for s in sentences if skipped is not None and skipped in s.ids), None)
        if odd is not None:
            raise InputError(
                f"{corpus}: sentence_id {odd.number} spells out "
                f"{model.tokenizer.convert_ids_to_tokens(skipped)}, which the encoder takes "
                "for padding, so that it counts positions otherwise; drop the sentence"
            )
        within = budget(self.memory, model.modules, model.device)
        return Opened(model, corpus, sentences, within, self.seed)

    def load(self, encoder: Path) -> Encoder:
        """The encoder; one that none of our scripts wrote was not compared with encode() yet.

        Raises
        ------
        InputError
            It cannot be used.
        """
        if not (encoder / PROVENANCE_FILE).exists():
            check_agreement(encoder, encoder)
        return Encoder(encoder, device=self.device, dtype=self.dtype, normalize=self.normalize)
