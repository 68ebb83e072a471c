"""Tiny encoders with random parameters, saved as the scripts read them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense, Normalize, Transformer
from sentence_transformers.sentence_transformer.modules import Pooling
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForMaskedLM,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    T5EncoderModel,
)

from common.command import PROVENANCE_FILE

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
POSITIONS = 40
SPREAD = 4.0
"""Random parameters are made this many times as large, or attention would hardly matter."""


def build_tokenizer(
    words: list[str], *, positions: int = POSITIONS, special: Sequence[str] = SPECIAL
) -> PreTrainedTokenizerFast:
    """One token a word, lower case, `[CLS] ... [SEP]` around the sentence."""
    vocabulary = {word: number for number, word in enumerate(dict.fromkeys([*special, *words]))}
    backend = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    backend.normalizer = normalizers.Lowercase()
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        model_max_length=positions - 4,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )


def build_encoder(
    directory: Path,
    words: list[str],
    *,
    architecture: str = "bert",
    layers: int = 2,
    width: int = 32,
    pooling: str = "mean",
    seed: int = 0,
    dense: int | None = None,
    normalize: bool = False,
    checked: bool = False,
    tokenizer: PreTrainedTokenizerFast | None = None,
) -> Path:
    """Save a random sentence encoder of a transformers `architecture` with a word tokenizer.

    One that is not `checked` is compared with encode() by each script that weighs.
    """
    tokenizer = tokenizer or build_tokenizer(words)
    torch.manual_seed(seed)
    config = _config(architecture, tokenizer, layers, width)
    model: Any = T5EncoderModel if architecture == "t5" else AutoModel.from_config
    _save(model(config), tokenizer, directory)
    transformer = Transformer(str(directory))
    modules: list[torch.nn.Module] = [transformer, Pooling(width, pooling_mode=pooling)]
    if dense:
        modules.append(Dense(width, dense))
    if normalize:
        modules.append(Normalize())
    encoder = SentenceTransformer(modules=modules, device="cpu")
    encoder.save(str(directory), create_model_card=False)
    if checked:
        (directory / PROVENANCE_FILE).write_text("{}")
    return directory


def build_masked_lm(
    directory: Path,
    words: list[str],
    *,
    architecture: str = "bert",
    layers: int = 2,
    width: int = 32,
    seed: int = 0,
    tokenizer: PreTrainedTokenizerFast | None = None,
) -> Path:
    """Save a random masked LM of a transformers `architecture` with a word or other tokenizer."""
    tokenizer = tokenizer or build_tokenizer(words)
    torch.manual_seed(seed)
    config = _config(architecture, tokenizer, layers, width)
    _save(AutoModelForMaskedLM.from_config(config), tokenizer, directory)
    return directory


def _save(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, directory: Path) -> None:
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(SPREAD)
    model.save_pretrained(directory)
    tokenizer.save_pretrained(directory)


def _config(
    architecture: str, tokenizer: PreTrainedTokenizerFast, layers: int, width: int
) -> PreTrainedConfig:
    sizes: dict[str, dict[str, Any]] = {
        "distilbert": {"dim": width, "n_layers": layers, "n_heads": 2, "hidden_dim": 2 * width},
        "t5": {"d_model": width, "d_kv": width // 2, "d_ff": 2 * width, "num_layers": layers},
        "gpt2": {"n_embd": width, "n_layer": layers, "n_head": 2, "n_positions": POSITIONS},
    }
    names = sizes.get(
        architecture,
        {
            "hidden_size": width,
            "num_hidden_layers": layers,
            "num_attention_heads": 2,
            "intermediate_size": 2 * width,
        },
    )
    extras: dict[str, dict[str, Any]] = {
        "albert": {"embedding_size": width // 2},
        "electra": {"embedding_size": width // 2},
        "t5": {"num_heads": 2, "relative_attention_num_buckets": 8},
        "qwen2": {"num_key_value_heads": 2},
        "llama": {"num_key_value_heads": 2},
        "convbert": {"embedding_size": width, "conv_kernel_size": 3},
        "deberta-v2": {"relative_attention": True, "pos_att_type": ["p2c", "c2p"]},
        "modernbert": {"global_attn_every_n_layers": 2, "local_attention": 8},
    }
    own = extras.get(architecture, {})
    if architecture not in ("t5", "gpt2"):
        own["max_position_embeddings"] = POSITIONS
    return AutoConfig.for_model(
        architecture,
        # the tokenizer of Qwen2 adds an end of text when it is read
        vocab_size=len(tokenizer) + (architecture == "qwen2"),
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.cls_token_id,
        eos_token_id=tokenizer.sep_token_id,
        cls_token_id=tokenizer.cls_token_id,
        sep_token_id=tokenizer.sep_token_id,
        **names,
        **own,
    )
