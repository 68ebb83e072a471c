"""Bring public text into the form of a corpus."""

import logging
from pathlib import Path
from typing import Literal

import polars as pl

from common.command import InputError, run
from common.contract import CORPUS
from common.corpora.files import fault_of_files, kind_of
from common.corpora.sources import Form, pair_up, read_lines, read_rows
from common.corpora.text import detokenize, split_sentences
from common.progress import progress
from common.tables import write_table

BLOCK = 50_000
"""Texts held as Python objects at a time."""
USABLE = r"[\p{L}\p{N}]"


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


def main(
    files: list[Path],
    *,
    output_corpus: Path,
    documents: Literal["line", "blank", "title"],
    segment: str = "none",
    detokenize: str = "none",
    text_columns: list[str] | None = None,
    score_column: str | None = None,
    label_column: str | None = None,
    id_column: str | None = None,
    numbered: bool = False,
    separator: str | None = None,
    encoding: str = "utf-8",
) -> None:
    """Bring text, csv, tsv, json, jsonl or parquet files, also compressed, into a corpus.

    Example: python scripts/download_corpus.py data/wikitext2-valid.txt
    --output-corpus wikitext2.parquet --documents title --segment en --detokenize en

    Example: python scripts/download_corpus.py data/stsb-train.csv --output-corpus stsb.parquet
    --documents line --text-columns sentence1 sentence2 --score-column score

    Parameters
    ----------
    files
        Files of one kind, read in this order.
    output_corpus
        Their sentences.
    documents
        What separates the documents of a text file: every line is one, a blank line, or a line
        ` = Title = `.
    segment
        Code of the language by whose rules texts are split into sentences; none: they are not.
    detokenize
        Code of the language whose tokenised texts get their usual blanks back; none: they stay.
    text_columns
        Columns of text, or paths into them like data.text; two make the texts of a row a pair,
        three a triplet (anchor, positive, hard negative). A list is the sentences of a document.
    score_column
        Column of the pair's similarity.
    label_column
        Column of the pair's label.
    id_column
        Column of the user's own name of the row, which sentences keep.
    numbered
        Columns are numbers, from 1, of csv or tsv files without a header.
    separator
        What parts the fields of csv and tsv; found out where it is not given.
    encoding
        Of text in files, and of bytes in Parquet.
    """
    tab = {"\\t": "\t"}
    form = Form(
        tuple(text_columns or ()),
        score_column,
        label_column,
        id_column,
        numbered,
        tab.get(separator, separator) if separator else None,
        encoding,
    )
    paired = len(form.texts) > 1
    if fault := fault_of_files(files):
        raise InputError(fault)
    kind = kind_of(files[0]) or ""
    if (score_column or label_column) and not paired:
        raise InputError(
            "a score or label is of a pair; name two text columns, or neither of these"
        )
    if paired and segment != "none":
        raise InputError("the texts of a pair are not split: segment none, or one text column")
    if numbered and kind not in (".csv", ".tsv"):
        raise InputError(f"{files[0]}: a {kind} file names its columns; give names, not numbers")
    if kind == ".txt":
        if paired or id_column:
            raise InputError(f"{files[0]}: a text file has no columns")
        passages = read_lines(files, documents, segment != "none", encoding)
    else:
        if not form.texts:
            raise InputError(f"{files[0]}: a {kind} file needs the names of its text columns")
        passages = pair_up([read_rows(file, kind, form) for file in files], len(form.texts))
    corpus = to_corpus(passages, segment, detokenize)
    write_table(corpus.with_row_index("sentence_id"), output_corpus, CORPUS)


if __name__ == "__main__":
    run(main)
