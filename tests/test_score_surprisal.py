"""Surprisal against masking one token at a time."""

from pathlib import Path

import numpy as np
import pytest
import torch
from commands import WORDS, assert_runs, draw_texts, write_corpus
from tiny_encoder import build_masked_lm
from transformers import AutoModelForMaskedLM, AutoTokenizer

from common.contract import SURPRISAL
from common.tables import read_table


@pytest.mark.parametrize("batch_tokens", [8, 4096])
def test_every_token_is_masked_alone(tmp_path: Path, batch_tokens: int) -> None:
    masked_lm = build_masked_lm(tmp_path / "masked_lm", WORDS)
    texts = draw_texts(12)
    corpus = write_corpus(tmp_path / "corpus.parquet", texts)
    output = tmp_path / "surprisal.parquet"
    options = ("--output-surprisal", output, "--batch-tokens", batch_tokens, "--device", "cpu")
    assert_runs("score_surprisal", masked_lm, corpus, *options)
    found = read_table(output, SURPRISAL)
    model = AutoModelForMaskedLM.from_pretrained(masked_lm).eval()
    tokenizer = AutoTokenizer.from_pretrained(masked_lm)
    expected = []
    for text in texts:
        ids = tokenizer(text, return_tensors="pt")["input_ids"]
        for position in range(1, ids.shape[1] - 1):
            masked = ids.clone()
            masked[0, position] = tokenizer.mask_token_id
            with torch.no_grad():
                logits = model(input_ids=masked).logits[0, position].double()
            expected.append(-logits.log_softmax(0)[ids[0, position]].item())
    assert np.allclose(found["surprisal"], expected, rtol=1e-5)
    assert (found["surprisal"] >= 0).all()
    assert found["token"].to_list() == [word for text in texts for word in text.split()]
