"""Random small models of every text architecture that transformers has, as plain checkpoints."""

from pathlib import Path
from typing import Any

import torch
from tiny_encoder import build_tokenizer
from transformers import CONFIG_MAPPING, AutoModel, PreTrainedConfig, PreTrainedTokenizerFast
from transformers.models.auto import modeling_auto

WORDS = ["the", "a", "cat", "dog", "river", "bank", "sat", "ran", "on", "by", "quick", "old"]
SPECIAL = ("[CLS]", "[PAD]", "[SEP]", "[UNK]", "[MASK]")
"""By their ids: some architectures take 1 for that of the pad token, whatever the config says."""
ROWS = 32
"""Embeddings: some tokenizers add special tokens of their own when they are read."""
MOST_PARAMETERS = 3_000_000
"""Of a small model; a configuration that gives more was not made small by `SIZES`."""
SIZES: dict[str, Any] = {
    **dict.fromkeys(("hidden_size", "d_model", "n_embd", "dim", "emb_dim", "dim_model"), 32),
    **dict.fromkeys(("embedding_size", "n_positions", "n_ctx", "context_length"), 32),
    **dict.fromkeys(("num_hidden_layers", "num_layers", "n_layer", "n_layers"), 2),
    **dict.fromkeys(("encoder_layers", "decoder_layers", "num_decoder_layers"), 2),
    **dict.fromkeys(("num_encoder_layers", "num_blocks"), 2),
    **dict.fromkeys(("num_attention_heads", "num_heads", "n_head", "n_heads"), 4),
    **dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), 4),
    **dict.fromkeys(("num_encoder_attention_heads", "num_decoder_attention_heads"), 4),
    **dict.fromkeys(("num_key_value_heads", "multi_query_group_num"), 4),
    **dict.fromkeys(("head_dim", "d_kv", "d_head", "kv_channels", "attention_head_size"), 8),
    **dict.fromkeys(("intermediate_size", "d_ff", "n_inner", "d_inner", "hidden_dim"), 64),
    **dict.fromkeys(("encoder_ffn_dim", "decoder_ffn_dim", "ffn_dim", "dff", "dim_ff"), 64),
    **dict.fromkeys(("moe_intermediate_size", "shared_expert_intermediate_size"), 16),
    **dict.fromkeys(("num_experts", "n_routed_experts", "num_local_experts"), 4),
    **dict.fromkeys(("num_experts_per_tok", "moe_topk", "n_group", "topk_group"), 1),
    **dict.fromkeys(("q_lora_rank", "kv_lora_rank", "rotary_dim", "rope_dim"), 8),
    **dict.fromkeys(("qk_rope_head_dim", "qk_nope_head_dim", "v_head_dim"), 8),
    **dict.fromkeys(("max_position_embeddings", "max_source_positions", "max_seq_len"), 64),
    "first_k_dense_replace": 1,
    "attention_window": 8,
    "local_attention": 8,
    "sliding_window": 8,
    "block_size": 4,
    "num_random_blocks": 1,
    "num_buckets": 4,
    "conv_kernel_size": 3,
    "ffn_hidden_size": 64,
    "vocab_size_per_layer_input": 17,
}
EXTRAS: dict[str, dict[str, Any]] = {
    "gpt_neo": {"attention_types": [[["global"], 2]]},
    "luke": {"entity_vocab_size": 10, "entity_emb_size": 16},
    "perceiver": {"num_latents": 8, "d_latents": 32, "num_self_attends_per_block": 1},
    "reformer": {"axial_pos_embds_dim": [16, 16], "axial_pos_shape": [8, 8]},
}
NAMES = ("MASKED_LM", "CAUSAL_LM", "SEQ_TO_SEQ_CAUSAL_LM", "TEXT_ENCODING")


def text_architectures() -> list[str]:
    """Names of the architectures that have a model of text, by the tables of transformers."""
    of_text = {
        name for task in NAMES for name in getattr(modeling_auto, f"MODEL_FOR_{task}_MAPPING_NAMES")
    }
    with_words = (name for name in of_text & set(modeling_auto.MODEL_MAPPING_NAMES))
    return sorted(name for name in with_words if hasattr(CONFIG_MAPPING[name](), "vocab_size"))


def build_checkpoint(architecture: str, directory: Path) -> Path | None:
    """Save a random small model with a word tokenizer; None where no small one can be made."""
    tokenizer = build_tokenizer(WORDS, special=SPECIAL)
    torch.manual_seed(0)
    try:
        config = _small(architecture, tokenizer)
        with torch.device("meta"):
            outline = AutoModel.from_config(config)
        if sum(p.numel() for p in outline.parameters()) > MOST_PARAMETERS:
            return None
        model = AutoModel.from_config(config).eval()
        ids = torch.tensor([[0, *range(len(SPECIAL), ROWS - len(SPECIAL), 2), 2]])
        model(input_ids=ids, **({"decoder_input_ids": ids} if config.is_encoder_decoder else {}))
        model.save_pretrained(directory)
    except Exception:
        return None
    tokenizer.save_pretrained(directory)
    return directory


def _small(architecture: str, tokenizer: PreTrainedTokenizerFast) -> PreTrainedConfig:
    kind = CONFIG_MAPPING[architecture]
    default = kind()
    names = {*default.to_dict(), *default.attribute_map}
    sizes = {name: size for name, size in SIZES.items() if name in names}
    first = ("bos_token_id", "cls_token_id", "decoder_start_token_id")
    return kind(
        **sizes,
        vocab_size=ROWS,
        pad_token_id=tokenizer.pad_token_id,
        **dict.fromkeys(first, tokenizer.cls_token_id),
        **EXTRAS.get(architecture, {}),
        **dict.fromkeys(("eos_token_id", "sep_token_id"), tokenizer.sep_token_id),
    )
