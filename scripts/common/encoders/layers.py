"""Encoders cut after one of their layers."""

import copy

from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Transformer
from sentence_transformers.sentence_transformer.modules import Pooling
from transformers import PreTrainedModel
from transformers.initialization import no_init_weights

from common.command import InputError
from common.encoders.encoder import ANY_TEXT


def truncated(model: PreTrainedModel, layers: int) -> PreTrainedModel:
    """The same model with its first `layers` layers only, and the norm after its last, if any.

    Raises
    ------
    InputError
        Its parameters are not those of a shorter one and its further layers.
    """
    config = copy.deepcopy(model.config)
    config.num_hidden_layers = layers
    for name, value in vars(config).items():
        # a setting for each layer, as of those that attend to a window
        if name.endswith("layer_types") and isinstance(value, list):
            setattr(config, name, value[:layers])
    with no_init_weights():
        shorter: PreTrainedModel = type(model)(config).eval()
    result = shorter.load_state_dict(model.state_dict(), strict=False)
    if result.missing_keys:
        raise InputError(
            f"{type(model).__name__} of {layers} layers has parameters that the whole one lacks, "
            f"first {result.missing_keys[0]}; it cannot be cut"
        )
    return shorter


def cut_after(encoder: SentenceTransformer, layers: int, what: str) -> int:
    """Cut an encoder after so many of its layers, and after its pooling; gives how many it had.

    Raises
    ------
    InputError
        It has fewer layers, or no pooling, or does not run with as many.
    """
    transformer = encoder[0]
    assert isinstance(transformer, Transformer)
    depth: int = transformer.model.config.num_hidden_layers
    if not 0 <= layers <= depth:
        raise InputError(f"{what}: has {depth} layers; --layers {layers} is none from 0 to that")
    pooled = next((k for k, one in enumerate(encoder) if isinstance(one, Pooling)), None)
    if pooled is None:
        raise InputError(f"{what}: no pooling module, so that no layer can be pooled as it is")
    transformer.model = truncated(transformer.model, layers)
    del encoder[pooled + 1 :]
    try:
        encoder.encode(ANY_TEXT)
        config = transformer.model.config
        type(config).from_dict(config.to_dict())  # as it is loaded
    except Exception as error:
        kind = type(transformer.model).__name__
        raise InputError(
            f"{what}: {kind} does not run with {layers} layers ({error}); name others (layers: "
            "[1, 2, ...])"
        ) from error
    return depth
