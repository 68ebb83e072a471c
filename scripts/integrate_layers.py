"""Weigh the tokens of sentences by Integrated Gradients to every layer of an encoder at once."""

from pathlib import Path

from common.command import InputError, run
from common.tables import whole, write_provenance
from common.weights.integrated_gradients import IntegratedGradients
from common.weights.layer_weights import weigh_layers
from common.weights.weighing import Weighing


def main(
    encoders: list[Path],
    *,
    corpus: Path,
    weighing: Weighing = Weighing(),
    gradients: IntegratedGradients = IntegratedGradients(),
    output_layers: Path,
) -> None:
    """Weigh every token of a corpus by an encoder and by those that it was cut to.

    As integrate_gradients.py weighs by each; but one pass of the encoder serves all that
    truncate_encoder.py cut from it. Encoders that are not of one another weigh one by one.

    Example: python scripts/integrate_layers.py first_layer encoder
    --corpus results/demo/corpora/held_out.parquet --output-layers weights

    Parameters
    ----------
    encoders
        Directories of cut encoders, and of the one that they were cut from, last.
    corpus
        Table of sentences.
    output_layers
        Folder of a table of weights for each encoder, by its name.
    """
    if gradients.engine != "own":
        raise InputError(f"--engine {gradients.engine}: weighs by one encoder alone; take own")
    if weighing.output_vectors is not None:
        raise InputError(
            f"--output-vectors {weighing.output_vectors}: is of one encoder; write vectors by "
            "integrate_gradients.py"
        )
    names = [encoder.name for encoder in encoders]
    if repeated := next((name for name in names if names.count(name) > 1), None):
        raise InputError(f"{repeated}: two encoders have this name; name each once")
    with whole(output_layers) as partial:
        partial.mkdir()
        tables = [partial / f"{name}.parquet" for name in names]
        weigh_layers(weighing, gradients, encoders, corpus, tables)
        write_provenance(partial)


if __name__ == "__main__":
    run(main)
