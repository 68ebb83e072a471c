"""Error of estimators of Shapley values by evaluations, against exact values of an encoder's games.

PYTHONPATH=scripts:tests python benchmarks/shapley_estimators.py [--encoder E --corpus C]
prints the error relative to the values in %, and the standard error that ours claims over the true
one. Ours takes three evaluations a token at least, where the budget is less.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import polars as pl
import torch
from cyclopts import run
from matplotlib.ticker import NullLocator
from shapes import Shape, draw_sentence, save_encoder
from shapley_baselines import BASELINES, Game
from tqdm import tqdm

from common.encoders.encoder import Encoder
from common.memory import budget
from common.reports.style import LAST, PAGE
from common.tables import whole
from common.tokens.sentences import Sentence, read_sentences
from common.weights.coalitions import Plan, enumerate_coalitions, evaluate_plans, plan_coalitions
from common.weights.token_games import evaluate

SHAPE = Shape(6, 128, 4)
OURS = "ours"


def draw_sentences(encoder: Encoder, players: tuple[int, ...], count: int) -> list[Sentence]:
    """Random sentences of so many tokens each."""
    made = []
    for number, length in enumerate(np.repeat(players, count).tolist()):
        text = draw_sentence(length + 2, number)
        ids = encoder.tokenizer(text)["input_ids"]
        made.append(Sentence(number, text, ids, [True, *[False] * length, True], False))
    return made


def all_values(encoder: Encoder, sentence: Sentence) -> np.ndarray:
    """Values [2^n, d] of a sentence of which all but a coalition of its tokens are masked."""
    player = ~np.array(sentence.special)
    numbers = np.arange(2 ** player.sum())
    present = np.ones((len(numbers), len(player)), dtype=bool)
    present[:, player] = numbers[:, None] >> np.arange(player.sum()) & 1
    ids = torch.tensor([sentence.ids]).expand(len(numbers), -1)
    within = budget(8, encoder.modules, encoder.device)
    return evaluate(encoder, ids, torch.from_numpy(present), "mask", within)


def sample(players: int, evaluations: int, generator: np.random.Generator) -> Plan:
    """Our plan."""
    settings = {"exact_up_to": 0, "evaluations": evaluations, "target_error": None}
    return plan_coalitions(players, generator=generator, **settings)


def judge(values: np.ndarray, evaluations: int, runs: int) -> list[dict[str, object]]:
    """Root mean square error of each estimator, over `runs` and relative to the values' norm."""
    plan = enumerate_coalitions(int(np.log2(len(values))), len(values))
    exact = evaluate_plans([plan], lambda _: values)[0].shapley
    rows = []
    for name in (*BASELINES, OURS):
        used, errors, claims = [], [], []
        for seed in range(runs):
            game, random = Game(values), np.random.default_rng(seed)
            if name == OURS:
                plan = sample(game.n, evaluations, random)
                estimate = evaluate_plans([plan], lambda wanted, game=game: game(wanted[0]))[0]
                found = estimate.shapley
                claims.append((estimate.error**2).sum())
            else:
                found = BASELINES[name](game, evaluations // 2 - 1, random)
            used.append(len(game.asked))
            errors.append(((found - exact) ** 2).sum())
        rows.append(
            {
                "estimator": name,
                "players": game.n,
                "evaluations": evaluations,
                "used": float(np.mean(used)),
                "error": float(np.sqrt(np.mean(errors)) / np.linalg.norm(exact)),
                "claim": float(np.sqrt(np.mean(claims) / np.mean(errors))) if claims else None,
            }
        )
    return rows


def plot(table: pl.DataFrame, path: Path) -> None:
    """Error by the evaluations that were used, a panel for each number of players."""
    figure = plt.figure(figsize=(PAGE, 2.2), layout="constrained")
    lengths = table["players"].unique().sort().to_list()
    panels = figure.subplots(1, len(lengths), sharey=True, squeeze=False)[0]
    for axes, length in zip(panels, lengths, strict=True):
        for name, mark in zip((*BASELINES, OURS), "sD^v<>Po", strict=True):
            line = table.filter(players=length, estimator=name)
            bold = {"color": LAST, "linewidth": 2, "zorder": 3} if name == OURS else {}
            axes.plot(line["used"], 100 * line["error"], f"{mark}-", ms=3, label=name, **bold)
        axes.set(xscale="log", yscale="log", xlabel="evaluations", title=f"{length} tokens")
        budgets = table.filter(players=length)["evaluations"].unique().sort().to_list()
        axes.set_xticks(budgets, budgets)
        axes.xaxis.set_minor_locator(NullLocator())
    figure.axes[0].set_ylabel("relative error, %")
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside right center")
    with whole(path) as partial:
        figure.savefig(partial, format="svg", metadata={"Date": None})


def main(
    *,
    encoder: Path | None = None,
    corpus: Path | None = None,
    players: tuple[int, ...] = (8, 10, 12),
    evaluations: tuple[int, ...] = (32, 64, 128, 256, 512),
    sentences: int = 4,
    runs: int = 20,
    output_table: Path = Path("results/benchmarks/shapley_estimators.parquet"),
    output_plot: Path = Path("docs/shapley_estimators.svg"),
) -> None:
    """Compare estimators on sentences of some lengths, by default of a random BERT."""
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
        values = all_values(model, sentence)
        for most in (most for most in evaluations if most < len(values)):
            found = judge(values, most, runs)
            rows += [{"sentence": sentence.number, **row} for row in found]
    frame = pl.DataFrame(rows, infer_schema_length=None)
    with whole(output_table) as partial:
        frame.write_parquet(partial)
    table = frame.group_by("players", "estimator", "evaluations", maintain_order=True).median()
    plot(table, output_plot)
    shown = table.with_columns((pl.col("error") * 100).round(2), pl.col("claim").round(2))
    with pl.Config(tbl_formatting="MARKDOWN", tbl_hide_dataframe_shape=True, tbl_rows=-1):
        print(shown.pivot("evaluations", index=["players", "estimator"], values="error"))
        print(shown.filter(estimator=OURS).pivot("evaluations", index="players", values="claim"))


if __name__ == "__main__":
    run(main)
