"""Make sure that the encoders of a comparison have one tokenizer."""

import logging
from pathlib import Path

from transformers import PreTrainedTokenizerBase

from common.command import InputError, run
from common.contract import CORPUS
from common.tables import read_table, whole
from common.tokens.vocabulary import load_tokenizer

REMEDY = "a comparison needs one tokenizer for all its encoders; choose another encoder"


def first_difference(
    one: PreTrainedTokenizerBase, other: PreTrainedTokenizerBase, texts: list[str]
) -> str | None:
    """Where two tokenizers differ, in their vocabularies or in the tokens of `texts`; None: not."""
    ours, theirs = one.get_vocab(), other.get_vocab()
    for token in sorted(ours.keys() | theirs.keys()):
        if ours.get(token) != theirs.get(token):
            return (
                f"of {len(ours)} and {len(theirs)} types {token!r} is number {ours.get(token)} in "
                f"the first, {theirs.get(token)} in the second"
            )
    if not texts:
        return None
    ids = (t(texts, truncation=False, verbose=False)["input_ids"] for t in (one, other))
    for text, a, b in zip(texts, *ids, strict=True):
        if a != b:
            first, second = one.convert_ids_to_tokens(a), other.convert_ids_to_tokens(b)
            return f"{text!r} is {' '.join(first)} in the first, {' '.join(second)} in the second"
    return None


def main(encoders: list[Path], *, corpora: list[Path], output_comparison: Path) -> None:
    """Make sure that encoders have one tokenizer: one vocabulary, the same tokens of sentences.

    Example: python scripts/compare_tokenizers.py results/paper/encoders/bert_cls
    results/paper/encoders/unsup_simcse --corpora results/paper/corpora/stsb_sentences.parquet
    --output-comparison same.txt

    Parameters
    ----------
    encoders
        Directories of two or more encoders.
    corpora
        Sentences to try (Parquet).
    output_comparison
        Text file that says what was compared; it is not written if there is a difference.
    """
    texts = [text for corpus in corpora for text in read_table(corpus, CORPUS)["text"]]
    first, *others = encoders
    one = load_tokenizer(first)
    for other in others:
        if difference := first_difference(one, load_tokenizer(other), texts):
            raise InputError(f"{first} and {other}: different tokenizers: {difference}; {REMEDY}")
    names = ", ".join(encoder.name for encoder in encoders)
    summary = f"{names}: {len(one)} types, the same tokens of {len(texts)} sentences"
    logging.info(summary)
    with whole(output_comparison) as partial:
        partial.write_text(summary + "\n")


if __name__ == "__main__":
    run(main)
