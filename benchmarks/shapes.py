"""Encoders of known shapes with random parameters, and random sentences for them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Transformer
from sentence_transformers.sentence_transformer.modules import Pooling
from tiny_encoder import build_tokenizer
from transformers import BertConfig, BertModel

WORDS = [f"word{number}" for number in range(1000)]


@dataclass(frozen=True)
class Shape:
    """Layers, width and heads of a BERT; its inner layers are four times as wide.

    And the standard deviation of its parameters: the larger, the steeper are its paths.
    """

    layers: int
    width: int
    heads: int
    deviation: float = 0.1


SHAPES = {
    "default": Shape(2, 128, 4),
    "MiniLM": Shape(6, 384, 12),
    "BERT-base": Shape(12, 768, 12),
}


def save_encoder(shape: Shape, directory: Path) -> Path:
    """Save a random mean-pooling encoder of this shape with a word tokenizer."""
    tokenizer = build_tokenizer(WORDS, positions=520)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer),
        num_hidden_layers=shape.layers,
        hidden_size=shape.width,
        num_attention_heads=shape.heads,
        intermediate_size=4 * shape.width,
        max_position_embeddings=520,
        initializer_range=shape.deviation,
    )
    BertModel(config, add_pooling_layer=False).save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    modules = [Transformer(str(directory)), Pooling(shape.width, pooling_mode="mean")]
    encoder = SentenceTransformer(modules=modules, device="cpu")
    encoder.save(str(directory), create_model_card=False)
    return directory


def draw_sentence(tokens: int, seed: int) -> str:
    """A sentence of so many tokens, special ones counted in."""
    return " ".join(np.random.default_rng(seed).choice(WORDS, tokens - 2))
