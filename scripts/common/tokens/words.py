"""Words: what a tokenizer splits text into before it looks for tokens, and how they read."""

from collections import defaultdict
from functools import cache

from transformers import PreTrainedTokenizerBase


def has_word_boundaries(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether it splits text into words and gives the number of each token's word.

    Tokenizers in plain Python give no such numbers, and some take a whole sentence as one word.
    """
    if not tokenizer.is_fast:
        return False
    words = tokenizer("a a").word_ids()
    return len({word for word in words if word is not None}) == 2


class Speller:
    """How the words of a tokenizer read; words that read alike are of one type."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self.tokenizer = tokenizer
        self.read = cache(self._read)

    def words(self, ids: list[int], numbers: list[int | None]) -> dict[int | None, tuple[str, int]]:
        """How the words of a sentence read, by their number, and how many tokens they have.

        Parameters
        ----------
        ids
            The sentence's tokens [n].
        numbers
            Of the words that these are in [n].
        """
        tokens: dict[int | None, list[int]] = defaultdict(list)
        for token, number in zip(ids, numbers, strict=True):
            if number is not None:
                tokens[number].append(token)
        return {number: (self.read(tuple(ids)), len(ids)) for number, ids in tokens.items()}

    def _read(self, ids: tuple[int, ...]) -> str:
        tokens = list(self.tokenizer.convert_ids_to_tokens(list(ids)))
        backend = self.tokenizer.backend_tokenizer
        if backend.decoder is None:
            prefix = getattr(backend.model, "continuing_subword_prefix", None) or ""
            return "".join([tokens[0], *(token.removeprefix(prefix) for token in tokens[1:])])
        text = self.tokenizer.convert_tokens_to_string(tokens)
        return text.strip() or text
