"""Surprisal by a masked language model, whose output layer runs at the scored tokens alone."""

import logging
from pathlib import Path
from typing import Literal

import numpy as np
import torch
import transformers
from torch import Tensor, nn
from transformers import AutoModelForMaskedLM

from common.command import InputError
from common.device import choose_device
from common.memory import Budget, in_passes
from common.sentences import Sentence
from common.vocabulary import load_tokenizer

Variant = Literal["original", "within_word_l2r"]
TRIAL_TOKENS = 8


class MaskedLM:
    """A transformers directory with a masked language model and its tokenizer, in float32.

    Raises
    ------
    InputError
        The directory holds no masked language model, one without its output layer, one with
        parameters that are not finite, or a tokenizer without a mask token.
    """

    def __init__(self, directory: Path, *, device: str) -> None:
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
        self.model.eval().requires_grad_(False).to(self.device)
        self.longest = min(self.tokenizer.model_max_length, _positions(self.model))
        self.logits = self._sparse_logits
        if not self._is_sparse():
            logging.info("%s: its output layer has to run at every token", directory)
            self.logits = self._full_logits

    def _full_logits(self, ids: Tensor, places: Tensor) -> Tensor:
        """Logits [m, v] at one place [m] of each row of ids [m, n]."""
        found = self.model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
        return found[torch.arange(len(ids), device=ids.device), places]

    def _sparse_logits(self, ids: Tensor, places: Tensor) -> Tensor:
        """The same; the output layer is given one hidden state a row, in place of all of them."""
        rows = torch.arange(len(ids), device=ids.device)

        def keep(_: nn.Module, __: object, output: dict) -> dict:
            output["last_hidden_state"] = output["last_hidden_state"][rows, places].unsqueeze(1)
            return output

        with self.model.base_model.register_forward_hook(keep):
            found = self.model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
        return found.squeeze(1)

    @torch.no_grad()
    def surprisal(
        self, sentences: list[Sentence], variant: Variant, within: Budget
    ) -> list[np.ndarray]:
        """-log P(token | the sentence with it masked), in nats, of all but the special tokens.

        `original` masks the token alone (Salazar et al. 2020); `within_word_l2r` also masks
        the later tokens of its word (Kauf and Ivanova 2023), a word being what the
        tokenizer splits text into before it looks for its pieces.

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
            The tokenizer tells no words, or the model gives values that are not finite.
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
            logits = self.logits(ids[rows].masked_fill(masked, self.mask_id), places).double()
            told = logits.gather(1, ids[rows, places][:, None])[:, 0]
            return logits.logsumexp(1) - told

        task = f"surprisal of {ids.shape[1]} tokens"
        values = in_passes(score, *scored.nonzero().unbind(1), within=within, task=task).cpu()
        if not values.isfinite().all():
            raise InputError(f"{self.directory}: gives surprisals that are not finite")
        return [part.numpy() for part in values.split(scored.sum(1).tolist())]

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

    @torch.no_grad()
    def _is_sparse(self) -> bool:
        """Whether the output layer gives the same for the hidden state of a token by itself."""
        count = min(TRIAL_TOKENS, self.longest)
        ids = torch.arange(count, device=self.device).expand(count, count)
        places = torch.arange(count, device=self.device)
        full = self._full_logits(ids, places)
        try:
            sparse = self._sparse_logits(ids, places)
        except (RuntimeError, LookupError, TypeError):
            return False
        return sparse.shape == full.shape and torch.allclose(
            sparse, full, rtol=1e-4, atol=1e-5 * float(full.abs().max())
        )


def _positions(model: transformers.PreTrainedModel) -> int:
    """Tokens that fit; RoBERTa and its kin count positions from behind that of the pad token."""
    fit = [getattr(model.config, "max_position_embeddings", None) or 2**31]
    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, nn.Embedding):
            skipped = 0 if module.padding_idx is None else module.padding_idx + 1
            fit.append(module.num_embeddings - skipped)
    return min(fit)
