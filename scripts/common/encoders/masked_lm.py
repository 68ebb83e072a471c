"""A BERT masked language model to train: its output layer runs at the masked tokens alone."""

from tempfile import TemporaryDirectory
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from torch.nn.functional import cross_entropy
from transformers import BertConfig, BertForMaskedLM, PreTrainedTokenizerBase
from transformers.modeling_outputs import MaskedLMOutput

BERT_WIDTH = 768
BERT_INITIALIZER_RANGE = 0.02
"""Of BERT-base; narrower layers start wider, so that their outputs are as large."""
LATER_DROPOUT = 0.1
IGNORED = -100


class SparseBertForMaskedLM(BertForMaskedLM):
    """BertForMaskedLM with the same loss for a fraction of the work: most labels are ignored."""

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        labels: torch.Tensor,
        **_: Any,
    ) -> MaskedLMOutput:
        """Mean surprisal, in nats, of the labelled tokens; all arguments [b, n]."""
        hidden = self.bert(input_ids, attention_mask=attention_mask).last_hidden_state
        masked = labels != IGNORED
        return MaskedLMOutput(loss=cross_entropy(self.cls(hidden[masked]), labels[masked]))


def build_masked_lm(
    vocabulary: int, pad_id: int, *, layers: int, width: int, heads: int, positions: int
) -> SparseBertForMaskedLM:
    """A BERT with random parameters, without dropout (Geiping and Goldstein 2023)."""
    return SparseBertForMaskedLM(
        BertConfig(
            vocab_size=vocabulary,
            hidden_size=width,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            intermediate_size=4 * width,
            max_position_embeddings=positions,
            pad_token_id=pad_id,
            initializer_range=BERT_INITIALIZER_RANGE * (BERT_WIDTH / width) ** 0.5,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        )
    )


def save_masked_lm(
    model: SparseBertForMaskedLM, words: PreTrainedTokenizerBase, folder: str
) -> None:
    """Save the model and its tokenizer as transformers loads them."""
    plain(model).save_pretrained(folder)
    words.save_pretrained(folder)


def save_encoder(
    model: SparseBertForMaskedLM, words: PreTrainedTokenizerBase, pooling: str, folder: str
) -> None:
    """Save the model without its output layer, and a pooling, as sentence-transformers loads it.

    BertModel comes with a layer, its pooler, that masked-LM training has not and no pooling reads.
    Its parameters are always the same, and the generator of random numbers is left as it was, so
    that a stopped training saves what an uninterrupted one does.
    """
    with torch.random.fork_rng(), TemporaryDirectory() as masked_lm:
        torch.manual_seed(0)
        save_masked_lm(model, words, masked_lm)
        longest = model.config.max_position_embeddings
        transformer = Transformer(masked_lm, max_seq_length=longest)
    pooled = Pooling(model.config.hidden_size, pooling_mode=pooling)
    encoder = SentenceTransformer(modules=[transformer, pooled])
    encoder.save(folder, create_model_card=False)


def plain(model: SparseBertForMaskedLM) -> BertForMaskedLM:
    """The same model as transformers knows it, with the dropout that fine-tuning needs."""
    config = BertConfig.from_dict(model.config.to_dict())
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = LATER_DROPOUT
    same = BertForMaskedLM(config)
    same.load_state_dict(model.state_dict())
    return same
