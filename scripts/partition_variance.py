"""Find what each quantity adds to the others in a joint linear model of weight."""

import logging
from pathlib import Path

from common.command import run
from common.contract import PARTIAL
from common.correlations.comparison import QuantityComparison
from common.correlations.nested_models import NESTED, JointModel
from common.correlations.weighed_tokens import crossed, of_quantity, rows_of

CONTROLS = ["position", "length"]
"""Place of the token, and tokens of its sentence: with mean pooling, weight falls with length."""


def models_of(quantities: list[str]) -> dict[str, list[str]]:
    """Terms of each model, by its name.

    A model for each information gain: position, self-information and surprisal, if they are
    among the quantities, and that information gain. Without any, one model of what there is.
    """
    gains = [name for name in quantities if name.startswith("information_gain")]
    others = [name for name in quantities if name not in gains]
    if not gains:
        return {others[-1]: [*CONTROLS, *others]}
    return {gain: [*CONTROLS, *others, gain] for gain in gains}


def main(compared: QuantityComparison, *, output_partial: Path) -> None:
    """Find what each quantity adds to the others in a joint linear model of weight.

    Each model explains weight (a norm) by the token's position, self-information, surprisal and
    one information gain (nats), as far as they are among the quantities; each of its terms is
    then left out in turn. Intervals are of a bootstrap over sentences and types, p of permutations
    of what the other terms do not say of the quantity.

    Example: python scripts/partition_variance.py --weights bert.parquet simcse.parquet
    --encoders bert simcse --information information.parquet --output-partial partial.parquet
    --comparison simcse --corpus stsb --method shapley
    --quantities self_information information_gain_bayes --minimum-count 20 --permutations 1000
    --draws 2000 --confidence 0.95 --seed 0

    Parameters
    ----------
    output_partial
        Table of every encoder, and of the changes from the first.
    """
    tokens = compared.read_counted()
    models, samples = models_of(compared.quantities), []
    for terms in models.values():
        known = tokens
        for quantity in terms[len(CONTROLS) :]:
            known = of_quantity(known, quantity, compared.files)
        weights = rows_of(known, *compared.tables)
        samples.append(JointModel(crossed(tokens, known), rows_of(known, *terms), weights))
    rows = []
    for (model, terms), sample, (points, drawn) in zip(
        models.items(), samples, compared.resample(samples), strict=True
    ):
        for i, term in enumerate(terms):
            controls = " + ".join(other for other in terms if other != term)
            about = {"model": model, "term": term, "controls": controls, "n": len(sample.tokens)}
            permuted = compared.permute(sample, i, term, tokens)
            values = points[:, i], drawn[:, i]
            rows += compared.rows(PARTIAL, NESTED, values, about, permuted)
    for row in (row for row in rows if not row["reference"]):
        logging.info(
            "%s beside %s, %s: partial R2 %+.3f",
            *(row[name] for name in ("term", "controls", "encoder", "partial_r_squared")),
        )
    compared.write(rows, output_partial, PARTIAL)


if __name__ == "__main__":
    run(main)
