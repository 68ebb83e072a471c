"""Train a tokenizer on a corpus."""

from collections import Counter
from pathlib import Path
from typing import Literal

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from common.command import run
from common.contract import CORPUS
from common.tables import read_table, whole, write_provenance

SPECIAL = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}

ALPHABET = 1000
"""Characters that the pieces are built from at most, the most frequent ones."""
CONTINUATION = "##"


def train(
    texts: list[str], model: str, vocabulary: int, positions: int, *, strip_accents: bool = False
) -> PreTrainedTokenizerFast:
    """A lower-casing BERT tokenizer over whole words or WordPieces.

    Parameters
    ----------
    model
        "word" or "wordpiece".
    vocabulary
        Types at most, special tokens counted.
    positions
        Tokens of a sentence at most.
    strip_accents
        Take é for e, as BERT's uncased tokenizers do.
    """
    normalizer = normalizers.BertNormalizer(lowercase=True, strip_accents=strip_accents)
    special = list(SPECIAL.values())
    if model == "word":
        trained = Tokenizer(models.WordLevel(unk_token=SPECIAL["unk_token"]))
        trainer: trainers.Trainer = trainers.WordLevelTrainer(
            vocab_size=vocabulary, special_tokens=special, show_progress=False
        )
    else:
        trained = Tokenizer(models.WordPiece(unk_token=SPECIAL["unk_token"]))
        # Left to itself, the trainer numbers these in random order, and so breaks ties at random.
        letters = Counter(c for text in texts for c in normalizer.normalize_str(text))
        common = sorted(letter for letter, _ in letters.most_common(ALPHABET) if letter.strip())
        trainer = trainers.WordPieceTrainer(
            vocab_size=vocabulary,
            special_tokens=special + [CONTINUATION + letter for letter in common],
            limit_alphabet=ALPHABET,
            show_progress=False,
        )
    trained.normalizer = normalizer
    trained.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trained.train_from_iterator(texts, trainer)
    kind = models.WordLevel if model == "word" else models.WordPiece
    tokenizer = Tokenizer(kind(trained.get_vocab(), unk_token=SPECIAL["unk_token"]))
    tokenizer.normalizer, tokenizer.pre_tokenizer = trained.normalizer, trained.pre_tokenizer
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=positions, **SPECIAL
    )


def main(
    corpus: Path,
    *,
    output_tokenizer: Path,
    model: Literal["word", "wordpiece"],
    vocabulary: int,
    positions: int,
    strip_accents: bool = False,
) -> None:
    """Train a lower-casing tokenizer on a corpus.

    Example: python scripts/train_tokenizer.py corpus.parquet --output-tokenizer tokenizer
    --model wordpiece --vocabulary 8000 --positions 128

    Parameters
    ----------
    corpus
        Sentences (Parquet).
    output_tokenizer
        Directory of the tokenizer.
    model
        Whole words, or pieces of words.
    vocabulary
        Types at most, special tokens counted.
    positions
        Tokens of a sentence at most, special tokens counted.
    strip_accents
        Take é for e, as BERT's uncased tokenizers do.
    """
    texts = read_table(corpus, CORPUS)["text"].to_list()
    with whole(output_tokenizer) as partial:
        trained = train(texts, model, vocabulary, positions, strip_accents=strip_accents)
        trained.save_pretrained(str(partial))
        write_provenance(partial)


if __name__ == "__main__":
    run(main)
