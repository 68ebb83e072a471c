"""Weigh the sentences of a file by an encoder, without a workflow."""

import tempfile
from pathlib import Path
from typing import Literal

import download_snapshot
import import_encoder
from common.command import PROVENANCE_FILE, InputError, run
from common.contract import CORPUS, WEIGHTS
from common.corpora.files import at_home
from common.corpora.reading import read_corpus
from common.corpora.sources import Form
from common.reports.shaded_sentences import write_shaded
from common.reports.style import METHOD_NAMES
from common.tables import read_table, whole, write_table
from common.weights.integrated_gradients import IntegratedGradients
from common.weights.occlusion import Occlusion
from common.weights.shapley_values import ShapleyValues
from common.weights.weighing import Method, Weighing
from common.workflow.short_way import HUB

FIRST_LOOK = 0.01
"""Tolerance of Integrated Gradients, by which weights are exact to about a per cent."""
MOST_NODES = 1024


def take_in(encoder: str, folder: Path) -> Path:
    """The directory of an encoder: one that scripts here have made, or a copy that is checked.

    Raises
    ------
    InputError
        It is neither a directory nor a name on the hub, or cannot be weighed.
    """
    source = at_home(encoder)
    if not source.is_dir():
        hub = HUB.fullmatch(encoder)
        if not hub:
            raise InputError(f"{encoder}: no such directory, and no name on the hub (OWNER/NAME)")
        source = folder / "snapshot"
        download_snapshot.main(hub["repository"], revision=hub["revision"], output_snapshot=source)
    elif (source / PROVENANCE_FILE).exists():
        return source
    taken = folder / (short_name(encoder) or "encoder")
    import_encoder.main(source, output_encoder=taken)
    return taken


def short_name(encoder: str) -> str:
    """The last part of a path or of a name on the hub."""
    return Path(encoder.partition("@")[0]).name


def main(
    encoder: str,
    file: Path,
    *,
    method: Literal["integrated_gradients", "shapley", "occlusion"] = "integrated_gradients",
    output_weights: Path | None = None,
    output_page: Path | None = None,
    output_csv: Path | None = None,
    output_vectors: Path | None = None,
    text_columns: list[str] | None = None,
    id_column: str | None = None,
    tolerance: float = FIRST_LOOK,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    memory: float = 4.0,
) -> None:
    """Weigh every token of a file's sentences by the norm of its contribution to the embedding.

    Writes a table of weights (Parquet) and a page of shaded sentences, named like the file with
    its suffix (mine.txt.weights.parquet, mine.txt.html), to the folder that it is called in.
    Stopped, it goes on where it was.

    Example: python scripts/weigh_sentences.py sentence-transformers/all-MiniLM-L6-v2 mine.txt

    Example: python scripts/weigh_sentences.py models/minilm mine.csv --id-column key
    --method shapley --output-csv weights.csv

    Parameters
    ----------
    encoder
        Directory of a sentence-transformers or transformers model, or its name on the hub, with
        or without @COMMIT.
    file
        Sentences: txt (one a line), csv, tsv, json, jsonl or parquet, also compressed.
    method
        Integrated Gradients, Shapley values, or occlusion, which is ten times faster.
    output_weights
        Table of weights, one row a token; FILE.weights.parquet if left out.
    output_page
        Page of the sentences, shaded by weight; FILE.html if left out.
    output_csv
        The table of weights as csv.
    output_vectors
        Table of the contribution vectors.
    text_columns
        Columns of text; those with usual names (text, sentence, ...) if left out.
    id_column
        Column of your own name of the row; one with a usual name (id, ...) if left out.
    tolerance
        Of Integrated Gradients: at 0.01, weights are exact to about 1 %; 0.001 takes longer.
    device
        Where tensors live; auto takes a GPU where there is one.
    memory
        GiB that may be taken.
    """
    weights = output_weights or Path(f"{file.name}.weights.parquet")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        corpus = folder / f"{file.name}.parquet"
        form = Form(tuple(text_columns or ()), id=id_column)
        settings = {"documents": "line", "segment": "none", "language": "none"}
        sentences = read_corpus([at_home(str(file))], form, **settings)
        write_table(sentences.with_row_index("sentence_id"), corpus, CORPUS)
        weighing = Weighing(
            device=device,
            memory=memory,
            output_vectors=output_vectors,
            output_checkpoints=weights.with_name(f".{weights.name}.checkpoints"),
        )
        methods: dict[str, Method] = {
            "integrated_gradients": IntegratedGradients(tolerance=tolerance, max_nodes=MOST_NODES),
            "shapley": ShapleyValues(),
            "occlusion": Occlusion(),
        }
        weighing.weigh(take_in(encoder, folder), corpus, methods[method], weights)
    table = read_table(weights, WEIGHTS)
    if output_csv is not None:
        with whole(output_csv) as partial:
            table.write_csv(partial)
    about = f"Tokens of {file.name}, shaded by their weight by {METHOD_NAMES[method]}."
    page = output_page or Path(f"{file.name}.html")
    write_shaded(table, short_name(encoder), about, page)
    print(f"{weights}: {len(table)} tokens; {page} shows them")


if __name__ == "__main__":
    run(main)
