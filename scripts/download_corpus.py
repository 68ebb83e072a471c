"""Bring public text into the form of a corpus."""

from pathlib import Path
from typing import Literal

from common.command import run
from common.contract import CORPUS
from common.corpora.reading import read_corpus
from common.corpora.sources import Form
from common.tables import write_table


def main(
    files: list[Path],
    *,
    output_corpus: Path,
    documents: Literal["line", "blank", "title"] = "line",
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
    --text-columns sentence1 sentence2 --score-column score

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
        Where none is given, those with usual names are taken, of ids, scores and labels too.
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
    corpus = read_corpus(files, form, documents=documents, segment=segment, language=detokenize)
    write_table(corpus.with_row_index("sentence_id"), output_corpus, CORPUS)


if __name__ == "__main__":
    run(main)
