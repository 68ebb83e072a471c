"""What is weighed is what encode() returns: both are compared when an encoder is taken in."""

import logging
from itertools import cycle, islice, pairwise
from pathlib import Path

import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor

from common.command import InputError
from common.encoders.encoder import Encoder
from common.encoders.loading import load_encoder
from common.tokens.sentences import Sentence, make_sentences
from common.tokens.vocabulary import load_tokenizer, special_ids
from common.weights.path_integral import derivatives, reverse_derivatives

LARGEST = 1e-3
"""Relative difference from which on an encoder is refused."""
MOST_TOKENS = 512
"""Of the longest sentence that is tried."""
SENTENCES = ["He said: Paris, in 1789, was NOT like Zürich!", "a"]
STEPS = [0.5**k for k in range(3, 20)]
"""Of finite differences, relative to the input embeddings: one of them must agree."""
DERIVED = 4
"""Sentences, on one of which they must: a kink, as of ReLU, may lie beside some of them."""
MOST_AT_ONCE = 8
"""Directions that are differentiated in one pass."""


@torch.no_grad()
def check_agreement(directory: Path, source: Path) -> None:
    """Compare an encoder with the library's encode() on a few sentences, and with differences.

    Parameters
    ----------
    source
        What the encoder was taken from, and how errors call it: encode() is its own if it is of
        sentence-transformers.

    Raises
    ------
    InputError
        The encoder cannot be opened, or something differs; the module or setting is named.
    """
    ours = Encoder(directory, device="cpu", what=source)
    published = (source / "modules.json").is_file()
    library = load_encoder(source if published else directory, "cpu", what=source).eval()
    library.prompts["ours"] = ours.prompt
    library.default_prompt_name = "ours"
    texts = probes(ours)
    sentences = make_sentences(texts, ours.tokenizer, ours.longest, ours.prompt)
    for text, sentence in zip(texts, sentences, strict=True):
        _compare_tokens(ours, library, text, sentence)
        _compare_embeddings(ours, library, text, sentence)
    _compare_padded(ours, library, texts[:3])
    tokenizer = load_tokenizer(directory)
    for text, sentence in zip(texts, sentences, strict=True):
        counted = make_sentences([text], tokenizer, ours.longest, ours.prompt)[0]
        if counted.ids != sentence.ids:
            raise InputError(
                f"{source}: {text[:60]!r} has other tokens by encode() than by the files of its "
                "tokenizer (do_lower_case in sentence_bert_config.json?); save the one meant"
            )
    _compare_derivatives(ours, sentences[:DERIVED])
    logging.info("agrees with encode() on %d sentences", len(texts))


def probes(encoder: Encoder) -> list[str]:
    """Sentences: cased, short, of common and of the last tokens, and one as long as is tried."""
    vocabulary = encoder.tokenizer.get_vocab()
    special = special_ids(encoder.tokenizer) | {encoder.tokenizer.unk_token_id}
    ids = sorted(number for number in set(vocabulary.values()) if number not in special)
    some = [ids[k * (len(ids) - 1) // 7] for k in range(8)]
    words = [encoder.tokenizer.decode([number]).strip() for number in some]
    words = [word for word in words if word] or ["a"]
    last = encoder.tokenizer.decode(ids[-3:]).strip()
    long = " ".join(islice(cycle(words), min(MOST_TOKENS, encoder.longest or MOST_TOKENS)))
    texts = [SENTENCES[0], SENTENCES[1], " ".join([*words, *map(str.title, words)]), last, long]
    return [text for text in texts if text]


def _compare_tokens(
    ours: Encoder, library: SentenceTransformer, text: str, sentence: Sentence
) -> None:
    theirs = library.preprocess([text], prompt=ours.prompt or None)
    if theirs["input_ids"][0].tolist() != sentence.ids:
        raise InputError(
            f"{ours.directory}: encode() makes other tokens of {text[:60]!r} than its tokenizer "
            "(do_lower_case or processing_kwargs in sentence_bert_config.json, which it does "
            "not keep?); choose another encoder"
        )
    known = {"input_ids", "attention_mask", "token_type_ids", "prompt_length", "modality"}
    if more := theirs.keys() - known:
        raise InputError(
            f"{ours.directory}: its architecture needs {min(more)} beside tokens, "
            "which is not handed on; choose another encoder"
        )


def _compare_embeddings(
    ours: Encoder, library: SentenceTransformer, text: str, sentence: Sentence
) -> None:
    ids = torch.tensor([sentence.ids])
    try:
        expected = torch.as_tensor(library.encode([text], convert_to_tensor=True))
    except Exception as error:
        raise InputError(
            f"{ours.directory}: encode() fails on {text[:60]!r} ({error}); choose another encoder"
        ) from error
    try:
        found = ours.pass_through([*ours.modules, *ours.scaling], ours.embeddings(ids))
    except Exception as error:
        name = type(ours.modules[0].model).__name__
        raise InputError(
            f"{ours.directory}: {name} cannot be given input embeddings ({error}); choose another "
            "architecture"
        ) from error
    if (gap := _difference(found, expected)) > LARGEST:
        place = _first_difference(ours, library, text, ids)
        raise InputError(
            f"{ours.directory}: of input embeddings its {place} does not make what encode() makes "
            f"of {text[:60]!r} (relative difference {gap:.2g}); choose another encoder"
        )


def _first_difference(ours: Encoder, library: SentenceTransformer, text: str, ids: Tensor) -> str:
    """The module whose output differs, with its number, or else the setting that cuts it."""
    theirs = library.preprocess([text], prompt=ours.prompt or None)
    modules = [*ours.modules, *ours.scaling]
    for place, module in enumerate(library):
        theirs = module(theirs)
        name = "sentence_embedding" if "sentence_embedding" in theirs else "token_embeddings"
        found = ours.pass_through(modules[: place + 1], ours.embeddings(ids), output=name)
        if _difference(found, theirs[name][..., : ours.width]) > LARGEST:
            inner = getattr(module, "model", module)
            return f"module {place} ({type(inner).__name__})"
    return "setting truncate_dim"


def _compare_padded(ours: Encoder, library: SentenceTransformer, texts: list[str]) -> None:
    """A batch with pads in it; warns where they change what encode() makes of a sentence."""
    name = type(library[0].model).__name__
    padded = library.preprocess(texts, prompt=ours.prompt or None)
    together = library.encode(texts, batch_size=len(texts), convert_to_tensor=True)
    found = ours.pass_through(
        [*ours.modules, *ours.scaling],
        ours.embeddings(padded["input_ids"]),
        padded["attention_mask"],
    )
    of_one_type = len(set(ours.token_types)) <= 1  # pads move the others
    if of_one_type and (gap := _difference(found, together)) > LARGEST:
        raise InputError(
            f"{ours.directory}: module 0 ({name}) makes another embedding of padded input "
            f"embeddings than encode() (relative difference {gap:.2g}); choose another encoder"
        )
    alone = torch.cat([library.encode([text], convert_to_tensor=True) for text in texts])
    if (gap := _difference(together, alone)) > LARGEST:
        logging.warning(
            "%s: module 0 (%s) makes another embedding of a sentence that is padded in a batch "
            "(relative difference %.2g, padding_side %s): weights are of sentences alone, "
            "evaluation and training pad",
            *(ours.directory, name, gap, library.tokenizer.padding_side),
        )


def _compare_derivatives(ours: Encoder, sentences: list[Sentence]) -> None:
    """The slopes towards the tokens in reverse, in float64, against symmetric differences."""
    name = type(ours.modules[0].model).__name__
    try:
        if not ours.forward_mode:
            logging.info("%s: no forward mode; derivatives take a pass a dimension", name)
        gap = min(_slope_gap(ours, sentence) for sentence in sentences)
    except Exception as error:
        raise InputError(
            f"{ours.directory}: module 0 ({name}) has no derivatives by its input embeddings "
            f"({error}); choose another encoder"
        ) from error
    if not gap <= LARGEST:
        raise InputError(
            f"{ours.directory}: derivatives of module 0 ({name}) by its input embeddings are not "
            f"those of its values (relative difference {gap:.2g}); choose another encoder"
        )


def _slope_gap(ours: Encoder, sentence: Sentence) -> float:
    """The relative difference of one slope and of the finite difference that is closest to it."""
    end = ours.embeddings(torch.tensor([sentence.ids])).double()
    step, embed = end.flip(1), ours.embed_double
    if ours.forward_mode:
        found = derivatives(embed, end, step, embed(end).shape[1], chunk=MOST_AT_ONCE)
    else:
        found = reverse_derivatives(embed, end, step)
    plain = [(embed(end + h * step) - embed(end - h * step)) / (2 * h) for h in STEPS]
    better = [(4 * half - whole) / 3 for whole, half in pairwise(plain)]
    return min(_difference(value, found.sum(1)) for value in plain + better)


def _difference(found: Tensor, expected: Tensor) -> float:
    """Norm of the difference over that of `expected`, the largest of all; 1 of other shapes."""
    if found.shape != expected.shape:
        return 1.0
    gaps = (found - expected).norm(dim=-1) / expected.norm(dim=-1).clamp_min(1e-30)
    return float(gaps.nan_to_num(float("inf")).max())
