"""What all methods that weigh tokens are asked for."""

from dataclasses import dataclass
from pathlib import Path

import cyclopts

from common.command import PROVENANCE_FILE, InputError
from common.encoders.agreement import check_agreement
from common.encoders.encoder import Dtype, Encoder
from common.memory import Budget, budget
from common.tokens.jobs import Job
from common.tokens.sentences import Sentence, read_sentences


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
    """

    seed: int
    normalize: bool = False
    dtype: Dtype = "float32"

    def open(self, encoder: Path, corpus: Path) -> tuple[Encoder, list[Sentence], Budget]:
        """The encoder, all sentences of the corpus as its tokens, and the memory for passes.

        An encoder that none of our scripts wrote was not compared with encode(): it is now.

        Raises
        ------
        InputError
            One of them cannot be used, or a text spells out a token that moves the positions.
        """
        if not (encoder / PROVENANCE_FILE).exists():
            check_agreement(encoder, encoder)
        model = Encoder(encoder, device=self.device, dtype=self.dtype, normalize=self.normalize)
        sentences = read_sentences(corpus, model.tokenizer, model.longest, model.prompt)
        skipped = model.unplaced
        odd = next((s for s in sentences if skipped is not None and skipped in s.ids), None)
        if odd is not None:
            raise InputError(
                f"{corpus}: sentence_id {odd.number} spells out "
                f"{model.tokenizer.convert_ids_to_tokens(skipped)}, which the encoder takes "
                "for padding, so that it counts positions otherwise; drop the sentence"
            )
        return model, sentences, budget(self.memory, model.modules, model.device)
