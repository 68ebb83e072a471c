"""Surprisal by a masked language model, whose last steps run at the scored tokens alone."""

import logging
import math
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import transformers
from torch import Tensor, nn
from transformers import AutoModelForMaskedLM

from common.command import InputError
from common.device import choose_device
from common.encoders.loading import pad_of_positions, positions, refuse_vocabulary
from common.information.distinct_tokens import each_token_once, layers_before_attention
from common.memory import Budget, in_parts
from common.tokens.sentences import Sentence
from common.tokens.vocabulary import load_tokenizer, refuse_no_room

Variant = Literal["original", "within_word_l2r"]
Precision = Literal["float32", "bfloat16"]
TRIAL_TOKENS = 8
COSTED = 8
"""What a pass holds is measured for lengths of so many tokens, and twice, thrice ... as many."""


class MaskedLM:
    """A transformers directory with a masked language model and its tokenizer.

    Raises
    ------
    InputError
        The directory holds no masked language model, one without its output layer, one with
        parameters that are not finite, or a tokenizer without a mask token.
    """

    def __init__(self, directory: Path, *, device: str, dtype: Precision = "float32") -> None:
        self.tokenizer = load_tokenizer(directory)
        self.mask_id = self.tokenizer.mask_token_id
        if self.mask_id is None:
            raise InputError(
                f"{directory}: its tokenizer has no mask token; surprisal needs a masked LM"
            )
        self.directory = directory
        self.device = choose_device(device)
        transformers.utils.logging.disable_progress_bar()
        try:
            self.model, loaded = AutoModelForMaskedLM.from_pretrained(
                str(directory),
                local_files_only=True,
                dtype=torch.float32,
                output_loading_info=True,
            )
        except Exception as error:
            raise InputError(f"{directory}: cannot be loaded as a masked LM ({error})") from error
        if loaded["missing_keys"]:
            absent = min(loaded["missing_keys"])
            raise InputError(f"{directory}: lacks parameter {absent} of a masked LM; use another")
        for name, parameter in self.model.named_parameters():
            if not parameter.isfinite().all():
                raise InputError(f"{directory}: parameter {name} holds values that are not finite")
        refuse_vocabulary(self.tokenizer, self.model, str(directory))
        self.model.eval().requires_grad_(False).to(self.device)
        self.longest = min(self.tokenizer.model_max_length, positions(self.model))
        refuse_no_room(self.tokenizer, self.longest, str(directory))
        self.unplaced = pad_of_positions(self.model)
        attention = [m for name, m in self.model.named_modules() if name.endswith("attention")]
        candidates = [*attention[-1:], self.model.base_model]
        self.narrow = next((m for m in candidates if self._is_narrow(m)), None)
        if self.narrow is None:
            logging.info("%s: its output layer has to run at every token", directory)
        self.early = layers_before_attention(self.model, self._trial_copies())
        self.model.to(getattr(torch, dtype))

    def logits(self, ids: Tensor, places: Tensor) -> Tensor:
        """Logits [m, v] at one place [m] of each row of ids [m, n]."""
        moved = self.unplaced is not None and bool((ids == self.unplaced).any())
        with each_token_once([] if moved else self.early, ids):
            return self._logits(ids, places, self.narrow)

    def _logits(self, ids: Tensor, places: Tensor, narrow: nn.Module | None) -> Tensor:
        """The same; what comes after `narrow` is given one hidden state a row, not all of them."""
        rows = torch.arange(len(ids), device=ids.device)

        def keep(_: nn.Module, __: object, output: Any) -> Any:
            if isinstance(output, Tensor):
                return output[rows, places].unsqueeze(1)
            if isinstance(output, tuple):
                return keep(_, __, output[0]), *output[1:]
            output["last_hidden_state"] = keep(_, __, output["last_hidden_state"])
            return output

        if narrow is None:
            return self.model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[
                rows, places
            ]
        with narrow.register_forward_hook(keep):
            logits = self.model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
        return logits.squeeze(1)

    @torch.no_grad()
    def surprisal(
        self, sentences: list[Sentence], variant: Variant, within: Budget
    ) -> list[np.ndarray]:
        """-log P(token | the sentence with it masked), in nats, of all but the special tokens.

        `original` masks the token alone (Salazar et al. 2020); `within_word_l2r` also masks
        the later tokens of its word (Kauf and Ivanova 2023), a word being what the
        tokenizer splits text into before it looks for its pieces, or what ICU says.

        Parameters
        ----------
        sentences
            Of one length.

        Returns
        -------
        An array of float64 a sentence, in the order of its tokens.

        Raises
        ------
        InputError
            The tokenizer does not say where words begin, or a value is not finite.
        """
        ids = torch.tensor([s.ids for s in sentences], device=self.device)
        scored = ~torch.tensor([s.special for s in sentences])
        words = self._words(sentences) if variant == "within_word_l2r" else None
        position = torch.arange(ids.shape[1], device=self.device)

        def score(rows: Tensor, places: Tensor) -> Tensor:
            rows, places = rows.to(self.device), places.to(self.device)
            masked = position == places[:, None]
            if words is not None:
                own = words[rows, places]
                masked = masked | (position > places[:, None]) & (words[rows] == own[:, None])
            of_rows = ids[rows]
            return self._score(of_rows.masked_fill(masked, self.mask_id), places, of_rows)

        size = self._copies(ids.shape[1], within)
        values = in_parts(score, *scored.nonzero().unbind(1), size=size).cpu()
        if not values.isfinite().all():
            raise InputError(f"{self.directory}: gives surprisals that are not finite")
        return [part.numpy() for part in values.split(scored.sum(1).tolist())]

    def _score(self, masked: Tensor, places: Tensor, ids: Tensor) -> Tensor:
        """-log P of the token of `ids` [m, n] at one place [m] of each row of `masked` [m, n]."""
        logits = self.logits(masked, places).double()
        of_token = logits.gather(1, ids.gather(1, places[:, None]))[:, 0]
        return logits.logsumexp(1) - of_token

    def _copies(self, length: int, within: Budget) -> int:
        """Masked copies of a sentence of so many tokens that a pass may take."""
        costed = max(length, min(COSTED * math.ceil(length / COSTED), self.longest))
        row, place = torch.zeros(2, 1, costed, dtype=torch.long, device=self.device)
        return within.rows(within.cost(costed, lambda: self._score(row, place[:, 0], row)))

    def _words(self, sentences: list[Sentence]) -> Tensor:
        """Number [b, n] of every token's word; tokens outside words are alone in theirs."""
        if any(s.words is None for s in sentences):
            raise InputError(
                f"{self.directory}: its tokenizer does not tell words; use the original variant"
            )
        return torch.tensor(
            [
                [-1 - k if word is None else word for k, word in enumerate(s.words or [])]
                for s in sentences
            ],
            device=self.device,
        )

    def _trial_copies(self) -> Tensor:
        """Ids [n, n] of a few tokens, another of them masked in each row."""
        count = min(TRIAL_TOKENS, self.longest)
        ids = [k for k in range(count + 1) if k != self.unplaced][:count]
        return torch.tensor([ids] * count, device=self.device).fill_diagonal_(self.mask_id)

    @torch.no_grad()
    def _is_narrow(self, module: nn.Module) -> bool:
        """Whether logits are the same if what comes after has the hidden state of one token."""
        copies = self._trial_copies()
        places = torch.arange(len(copies), device=self.device)
        full = self._logits(copies, places, None)
        try:
            narrow = self._logits(copies, places, module)
        except (RuntimeError, LookupError, TypeError):
            return False
        return narrow.shape == full.shape and torch.allclose(
            narrow, full, rtol=1e-4, atol=1e-5 * float(full.abs().max())
        )
