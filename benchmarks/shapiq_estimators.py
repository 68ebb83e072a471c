"""Shapley values by ours and by shapiq's approximators, at equal evaluations, against exact ones.

shapiq is not installed with the project: `pip install --target FOLDER shapiq`, and FOLDER on
PYTHONPATH behind scripts and tests. It explains one number at a time, so a few dimensions are
judged, each with the same seed and so, where the approximator does not look at values, the same
coalitions; evaluations that are asked for twice count once.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import shapiq
from cyclopts import run
from shapes import save_encoder
from shapley_baselines import Game
from shapley_estimators import SHAPE, all_values, draw_sentences, sample
from tqdm import tqdm

from common.encoders.encoder import Encoder
from common.tokens.sentences import read_sentences
from common.weights.coalitions import enumerate_coalitions, evaluate_plans

APPROXIMATORS: dict[str, Callable] = {
    "KernelSHAP (regression)": shapiq.KernelSHAP,
    "unbiased KernelSHAP": shapiq.UnbiasedKernelSHAP,
    "permutation sampling": shapiq.PermutationSamplingSV,
    "stratified sampling": shapiq.approximator.StratifiedSamplingSV,
    "Owen sampling": shapiq.approximator.OwenSamplingSV,
    "SVARM": shapiq.SVARM,
}
OURS = "ours"


def by_shapiq(make: Callable, game: Game, evaluations: int, seed: int) -> np.ndarray:
    """Shapley values [n, d], a dimension at a time."""
    found = []
    for dimension in range(game.values.shape[1]):

        def value(coalitions: np.ndarray, dimension: int = dimension) -> np.ndarray:
            return game(np.atleast_2d(coalitions).astype(bool))[:, dimension]

        approximator = make(game.n, random_state=seed)
        found.append(approximator.approximate(evaluations, value).get_n_order_values(1))
    return np.stack(found, axis=1)


def main(
    *,
    encoder: Path | None = None,
    corpus: Path | None = None,
    players: tuple[int, ...] = (8, 10),
    evaluations: tuple[int, ...] = (64, 128, 256),
    sentences: int = 4,
    dimensions: int = 8,
    runs: int = 5,
    output_table: Path = Path("results/benchmarks/shapiq_estimators.parquet"),
) -> None:
    """Compare on sentences of some lengths, of a trained encoder or by default a random BERT.

    Parameters
    ----------
    encoder, corpus
        Directory of an encoder and its sentences (Parquet).
    players
        Tokens of a sentence, special ones not counted.
    evaluations
        Budgets of a sentence.
    sentences
        Of each length.
    dimensions
        Of the embedding, the first ones.
    runs
        Seeds of each.
    output_table
        Relative error, evaluations and seconds of every run (Parquet).
    """
    with tempfile.TemporaryDirectory() as place:
        model = Encoder(encoder or save_encoder(SHAPE, Path(place)), device="cpu")
    if corpus:
        read = read_sentences(corpus, model.tokenizer, model.longest)
        of_length = [[s for s in read if s.special.count(False) == n] for n in players]
        chosen = [sentence for group in of_length for sentence in group[:sentences]]
    else:
        chosen = draw_sentences(model, players, sentences)
    rows = []
    for sentence in tqdm(chosen):
        values = all_values(model, sentence)[:, :dimensions]
        n = int(np.log2(len(values)))
        every = enumerate_coalitions(n, len(values))
        exact = evaluate_plans([every], lambda _, values=values: values)[0].shapley
        for budget in (most for most in evaluations if most < len(values)):
            for name in (*APPROXIMATORS, OURS):
                for seed in range(runs):
                    game, began = Game(values), time.perf_counter()
                    if name == OURS:
                        plan = sample(n, budget, np.random.default_rng(seed))
                        [estimate] = evaluate_plans([plan], lambda w, game=game: game(w[0]))
                        found = estimate.shapley
                    else:
                        found = by_shapiq(APPROXIMATORS[name], game, budget, seed)
                    seconds = time.perf_counter() - began
                    error = np.linalg.norm(found - exact) / np.linalg.norm(exact)
                    rows.append([n, name, budget, len(game.asked), error, seconds])
    names = ["players", "estimator", "evaluations", "used", "error", "seconds"]
    frame = pl.DataFrame(rows, names, orient="row")
    output_table.parent.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(output_table)
    shown = frame.group_by("players", "evaluations", "estimator", maintain_order=True).agg(
        pl.col("used").mean().round(0),
        error_percent=(100 * (pl.col("error") ** 2).mean().sqrt()).round(2),
        seconds=pl.col("seconds").median().round(4),
    )
    with pl.Config(tbl_formatting="MARKDOWN", tbl_hide_dataframe_shape=True, tbl_rows=-1):
        print(f"shapiq {shapiq.__version__}, {dimensions} dimensions")
        print(shown)


if __name__ == "__main__":
    run(main)
