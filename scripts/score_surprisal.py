"""Score the surprisal of every token in its sentence by a masked language model."""

from collections import defaultdict
from pathlib import Path
from typing import Literal

import polars as pl
import torch
from transformers import AutoModelForMaskedLM

from common.command import InputError, run
from common.contract import CORPUS, SURPRISAL
from common.device import choose_device
from common.progress import progress
from common.tables import read_table, write_table
from common.vocabulary import fingerprint, load_tokenizer


@torch.inference_mode()
def surprisal(
    model: torch.nn.Module, ids: torch.Tensor, scored: torch.Tensor, mask_id: int
) -> torch.Tensor:
    """-log P(w_i | the sentence with w_i masked), in nats (Salazar et al. 2020).

    Parameters
    ----------
    model
        A masked language model of transformers.
    ids
        Sentences of one length, shape (sentences, tokens).
    scored
        Sentence and position of each token to score, shape (m, 2).

    Returns
    -------
    Surprisal of each token, shape (m,), float64.
    """
    copies = ids[scored[:, 0]].clone()
    rows = torch.arange(len(scored), device=ids.device)
    copies[rows, scored[:, 1]] = mask_id
    logits = model(input_ids=copies, attention_mask=torch.ones_like(copies)).logits
    told = logits[rows, scored[:, 1]].double().log_softmax(dim=-1)
    return -told[rows, ids[scored[:, 0], scored[:, 1]]]


def main(
    masked_lm: Path,
    corpus: Path,
    *,
    output_surprisal: Path,
    batch_tokens: int = 16_384,
    device: Literal["auto", "cpu", "cuda"] = "auto",
) -> None:
    """Score the surprisal (nats) of every token in its sentence by a masked language model.

    Sentences longer than the model takes are cut, as encoders cut them.

    Example: python scripts/score_surprisal.py masked_lm corpus.parquet
    --output-surprisal surprisal.parquet

    Parameters
    ----------
    masked_lm
        Directory of the masked language model, with its tokenizer.
    corpus
        Sentences (Parquet).
    output_surprisal
        Surprisal of every token but the special ones (Parquet).
    batch_tokens
        Tokens of masked copies in a batch.
    device
        auto, cpu or cuda.
    """
    words = load_tokenizer(masked_lm)
    if words.mask_token_id is None:
        raise InputError(
            f"{masked_lm}: its tokenizer has no mask token; surprisal needs a masked LM"
        )
    place = choose_device(device)
    model = AutoModelForMaskedLM.from_pretrained(str(masked_lm), local_files_only=True)
    model = model.eval().to(place)
    table = read_table(corpus, CORPUS)
    encoded = words(table["text"].to_list(), truncation=True, return_special_tokens_mask=True)
    by_length: dict[int, list[int]] = defaultdict(list)
    for number, ids in enumerate(encoded["input_ids"]):
        by_length[len(ids)].append(number)
    rows: list[pl.DataFrame] = []
    with progress("surprisal", len(table), "sentences") as bar:
        for length, members in sorted(by_length.items()):
            step = max(batch_tokens // length**2, 1)
            for start in range(0, len(members), step):
                batch = members[start : start + step]
                ids = torch.tensor([encoded["input_ids"][n] for n in batch], device=place)
                special = torch.tensor([encoded["special_tokens_mask"][n] for n in batch])
                scored = (special == 0).nonzero()
                values = torch.cat(
                    [
                        surprisal(model, ids, part.to(place), words.mask_token_id).cpu()
                        for part in scored.split(max(batch_tokens // length, 1))
                    ]
                )
                token_ids = ids.cpu()[scored[:, 0], scored[:, 1]]
                rows.append(
                    pl.DataFrame(
                        {
                            "sentence_id": table["sentence_id"].gather(
                                [batch[i] for i in scored[:, 0].tolist()]
                            ),
                            "position": scored[:, 1].numpy(),
                            "token_id": token_ids.numpy(),
                            "token": words.convert_ids_to_tokens(token_ids.tolist()),
                            "surprisal": values.numpy(),
                        }
                    )
                )
                bar.update(len(batch))
    if not rows:
        raise InputError(f"{corpus}: no sentence")
    write_table(pl.concat(rows), output_surprisal, SURPRISAL, tokenizer=fingerprint(words))


if __name__ == "__main__":
    run(main)
