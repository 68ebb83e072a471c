"""Files of the user as a corpus: what their columns are called, and their sentences."""

import dataclasses
import logging
from pathlib import Path

import polars as pl

from common.command import InputError
from common.corpora.files import fault_of_files, kind_of
from common.corpora.sources import Form, names_of, pair_up, read_lines, read_rows
from common.corpora.text import detokenize, split_sentences
from common.progress import progress

BLOCK = 50_000
"""Texts held as Python objects at a time."""
USABLE = r"[\p{L}\p{N}]"
TEXTS = (
    ("text",),
    ("sentence",),
    ("anchor", "positive", "negative"),
    ("anchor", "positive"),
    ("sentence1", "sentence2"),
    ("sentence_1", "sentence_2"),
    ("sentence_a", "sentence_b"),
    ("premise", "hypothesis"),
    ("question1", "question2"),
    ("text1", "text2"),
)
SCORES = ("score", "similarity_score", "relatedness_score", "similarity")
LABELS = ("label", "gold_label", "labels")
IDS = ("id", "_id", "idx", "guid", "uid", "pair_id", "pairid")
"""Usual names of columns, in lower case, the first of which are taken."""


def read_corpus(
    files: list[Path], form: Form, *, documents: str, segment: str, language: str
) -> pl.DataFrame:
    """The corpus of files of one kind: document_id, text and, of pairs, pair_id, side and scores.

    Columns that `form` does not name are those with usual names.

    Parameters
    ----------
    documents
        What separates documents of text files, as of `read_lines`.
    segment, language
        As of `to_corpus`.

    Raises
    ------
    InputError
        The files cannot be read, or not in this way.
    """
    if fault := fault_of_files(files):
        raise InputError(fault)
    kind = kind_of(files[0]) or ""
    if kind != ".txt" and not form.texts:
        form = guess_columns(files[0], kind, form)
    paired = len(form.texts) > 1
    if (form.score or form.label) and not paired:
        raise InputError(
            "a score or label is of a pair; name two text columns, or neither of these"
        )
    if paired and segment != "none":
        raise InputError("the texts of a pair are not split: segment none, or one text column")
    if form.numbered and kind not in (".csv", ".tsv"):
        raise InputError(f"{files[0]}: a {kind} file names its columns; give names, not numbers")
    if kind == ".txt":
        if paired or form.id:
            raise InputError(f"{files[0]}: a text file has no columns")
        passages = read_lines(files, documents, segment != "none", form.encoding)
    else:
        passages = pair_up([read_rows(file, kind, form) for file in files], len(form.texts))
    return to_corpus(passages, segment, language)


def guess_columns(file: Path, kind: str, form: Form) -> Form:
    """`form` with the columns of a file that have usual names, which are logged.

    Raises
    ------
    InputError
        No column has a usual name of text.
    """
    names = names_of(file, kind, form)
    known = {name.strip().lower(): name.strip() for name in reversed(names)}
    found = next((each for each in TEXTS if all(name in known for name in each)), ())
    if not found:
        usual = ", ".join("+".join(each) for each in TEXTS)
        raise InputError(
            f"{file}: which columns hold text? It has {', '.join(names) or 'none'}; name them "
            f"(text_columns), or call them as usual: {usual}"
        )
    paired = len(found) > 1

    def first(usual: tuple[str, ...]) -> str | None:
        return next((known[name] for name in usual if name in known), None)

    guessed = dataclasses.replace(
        form,
        texts=tuple(known[name] for name in found),
        score=form.score or (first(SCORES) if paired else None),
        label=form.label or (first(LABELS) if paired else None),
        id=form.id or first(IDS),
    )
    others = (f"{what} {name}" for what, name in guessed.extra.items())
    logging.info("%s: columns of text %s", file, ", ".join([*guessed.texts, *others]))
    return guessed


def to_corpus(passages: pl.DataFrame, segment: str, language: str) -> pl.DataFrame:
    """The CORPUS table of `passages`.

    Texts are detokenised, as of `language`, and split into sentences by the rules of `segment`,
    unless these are "none". What has neither letter nor digit is left out, with its whole pair.

    Raises
    ------
    InputError
        A file gives no sentence.
    """
    parts = []
    with progress("reading", passages.height, "texts") as bar:
        for part in passages.iter_slices(BLOCK):
            texts = []
            for text in part["text"]:
                plain = " ".join((text or "").split())
                plain = plain if language == "none" else detokenize(plain, language)
                texts.append([plain] if segment == "none" else split_sentences(plain, segment))
                bar.update()
            split = pl.Series("text", texts, pl.List(pl.String))
            parts.append(part.with_columns(split).explode("text"))
    sentences = pl.concat(parts)
    usable = pl.col("text").str.contains(USABLE).fill_null(False)
    usable = usable.all().over("pair_id") if "pair_id" in passages.columns else usable
    kept = sentences.filter(usable)
    for source in passages["source"].unique(maintain_order=True):
        if source not in kept["source"]:
            raise InputError(f"{source}: no sentence with a letter or digit in it")
    logging.info(
        "%d texts in, %d sentences out, %d left out (no letter or digit in them or their pair)",
        passages.height,
        kept.height,
        sentences.height - kept.height,
    )
    return kept.drop("source").with_columns(pl.col("document_id").rank("dense").cast(pl.Int64) - 1)
