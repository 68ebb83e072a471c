"""The tokens, or words, that a regression of weight on quantities is about."""

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from common.arrays import Floats
from common.command import InputError
from common.contract import INFORMATION, QUANTITIES, SURPRISAL, WEIGHTS
from common.correlations.resampling import Tokens
from common.correlations.same_tokens import TOKEN, pair_tokens
from common.correlations.same_words import words_in_all
from common.tables import read_metadata, read_table, read_whole, shared_metadata

PLACE = ["sentence_id", "position"]
REMEDY = "weights and quantities can be compared for one tokenizer only, or in words of a segmenter"


def read_tokens(
    weights: Mapping[str, Path],
    information: Path,
    surprisal: Path | None,
    minimum_count: int,
    largest_error: float | None = None,
) -> pl.DataFrame:
    """Weights by several encoders, and every quantity, of the tokens that are not special.

    If `information` is about words, they stand for their tokens, with surprisals added up. Where
    these words are no tokenizer's, encoders may have tokenizers of their own.

    Parameters
    ----------
    weights
        Tables of weights of the same corpus, by the name of their column. Tokens are joined by
        their place in the sentence's own text, behind any prompt, and words by their number; those
        that are not in all tables are left out.
    largest_error
        Sentences that are `inexact` in any of these tables are left out; None: none are.

    Returns
    -------
    A row per token: `sentence` (from 0 without gaps), sentence_id, position (of a word's first
    token), `length` (tokens, or words, of the sentence that are not special), the weights by
    their names, positions in their tables by these and _position, shares of the summed weight of
    the sentence's tokens that are not special by these and _share (NaN where that sum is 0), and
    the columns of `information` (and surprisal), nats. Types counted fewer than `minimum_count`
    times are left out, and so are words that were cut.

    Raises
    ------
    InputError
        The tables are not about the same tokens of one tokenizer, or lack some, or all sentences
        are left out.
    """
    first = next(iter(weights.values()))
    unit, segmenter = unit_of(information), segmenter_of(information)
    files = [*weights.values(), *([surprisal] if surprisal else [])]
    check_words(files, information)
    if segmenter is None:
        shared_metadata([*files, information], "tokenizer", remedy=REMEDY)
    tables = {name: read_whole(path, WEIGHTS).sort(PLACE) for name, path in weights.items()}
    if segmenter is None:
        weighed = _weights(tables, {"token": "weight", "word": "word_weight"}[unit], weights)
        if surprisal:
            weighed = _with_surprisal(weighed, surprisal, first)
        weighed = _in_all(weighed, unit, weights)
    else:
        scored = read_whole(surprisal, SURPRISAL).sort(PLACE) if surprisal else None
        weighed = words_in_all(tables, scored, weights)
    if largest_error is not None:
        weighed = _exact(weighed, tables, largest_error, weights)
    tokens = weighed.filter(~pl.col("special")).drop("special", "truncated")
    tokens = join_types(tokens, information)
    if tokens["count"].null_count():
        unknown = tokens.filter(pl.col("count").is_null())["token_id"].unique().sort()
        raise InputError(
            f"{information}: {len(unknown)} token types of {first} are missing, first token_id "
            f"{unknown[0]}; estimate information with the encoder's own tokenizer"
        )
    weight = pl.col(*weights)
    tokens = tokens.with_columns(
        (weight / weight.sum().over("sentence_id")).name.suffix("_share"),
        length=pl.len().over("sentence_id"),
    )
    kept = tokens.filter(pl.col("count") >= minimum_count)
    logging.info(
        "%d tokens of %d sentences: left out %d special; of %d %ss, %d of types seen fewer than "
        "%d times",
        *(len(weighed), weighed["sentence_id"].n_unique(), weighed["special"].sum()),
        *(len(tokens), unit, len(tokens) - len(kept), minimum_count),
    )
    return kept.with_columns(
        (pl.col("sentence_id").rank("dense") - 1).cast(pl.Int64).alias("sentence")
    )


def inexact(weights: pl.DataFrame, largest_error: float) -> pl.Series:
    """The sentence_ids whose contributions are not known well enough, of a table of weights.

    What they miss of the whole, or the error of a token over the mean weight of all tokens, is
    above `largest_error`. An error that is not known is none.
    """
    error = pl.max_horizontal(
        pl.col("completeness").first(), pl.col("error").max() / pl.col("weight").mean()
    )
    errors = weights.group_by("sentence_id").agg(error)
    return errors.filter(pl.col("completeness") > largest_error)["sentence_id"].sort()


def unit_of(table: Path) -> str:
    """What the rows of a table are about: token or word."""
    return read_metadata(table).get("unit", "token")


def segmenter_of(table: Path) -> str | None:
    """Who found the words that a table is of: None is each table's own tokenizer."""
    return read_metadata(table).get("segmenter")


def check_words(tables: list[Path], information: Path) -> None:
    """Make sure that words of the tables are those that `information` is about, if it is of words.

    Raises
    ------
    InputError
        Someone else told them apart.
    """
    theirs = segmenter_of(information)
    for table in tables if unit_of(information) == "word" else ():
        if (ours := segmenter_of(table)) != theirs:
            raise InputError(
                f"{table} and {information}: words by {ours or 'the tokenizer'} and by "
                f"{theirs or 'the tokenizer'}; make both with the same segmenter"
            )


def join_types(tokens: pl.DataFrame, information: Path) -> pl.DataFrame:
    """Tokens with the columns of their types, null where the table lacks one.

    If `information` is about words, a row a word that was not cut: the row of its first token,
    with the sum of the surprisals if all are known, and a count of 0 where the table lacks it.
    """
    types = read_table(information, INFORMATION)
    if unit_of(information) == "token":
        tokens = tokens.drop("token", "word", "word_text")
        return tokens.join(types, "token_id", how="left", maintain_order="left")
    known = pl.col("surprisal")
    summed = pl.when(known.count() == pl.len()).then(known.sum())
    words = (
        tokens.drop("token_id", "token")
        .filter(pl.col("word_text").is_not_null())
        .group_by("sentence_id", "word", maintain_order=True)
        .agg(pl.exclude("surprisal").first(), *([summed] if "surprisal" in tokens.columns else []))
        .rename({"word_text": "token"})
        .drop("word")
    )
    found = words.join(types, "token", how="left", maintain_order="left")
    return found.with_columns(pl.col("count").fill_null(0))


def of_quantity(tokens: pl.DataFrame, quantity: str, files: str) -> pl.DataFrame:
    """The tokens whose `quantity` is known.

    Raises
    ------
    InputError
        The quantity is not there, is the same for all tokens, or fewer than 3 tokens have it.
    """
    if quantity not in QUANTITIES or quantity not in tokens.columns:
        raise InputError(f"{files}: no quantity {quantity!r}; leave it out of the quantities")
    known = tokens.filter(pl.col(quantity).is_finite())
    if len(known) < 3:
        raise InputError(
            f"{files}: {len(known)} tokens left to regress on {quantity}, at least 3 are needed; "
            "lower the minimum count or weigh more sentences"
        )
    if known[quantity].n_unique() == 1 and known["token"].n_unique() == 1:
        raise InputError(
            f"{files}: all {len(known)} tokens left are {known['token'][0]!r}, "
            f"{100 * known['probability'][0]:.1f} % of the tokens counted; no other type was "
            "counted often enough: count on more text, lower the minimum count or take a "
            "tokenizer that knows the text"
        )
    if known[quantity].n_unique() == 1:
        raise InputError(
            f"{files}: {quantity} is {known[quantity][0]} for all {len(known)} tokens left, "
            "nothing to regress on; leave it out of the quantities or weigh more sentences"
        )
    if len(known) < len(tokens):
        logging.info("%s: left out %d tokens without a value", quantity, len(tokens) - len(known))
    return known


def by_tokens(
    tokens: pl.DataFrame, quantities: list[str], files: str
) -> list[tuple[list[str], pl.DataFrame]]:
    """Quantities that are known of the same tokens, together, and those tokens.

    Raises
    ------
    InputError
        As `of_quantity` does.
    """
    together: dict[bytes, tuple[list[str], pl.DataFrame]] = {}
    for quantity in quantities:
        known = of_quantity(tokens, quantity, files)
        rows = tokens[quantity].is_finite().fill_null(False).to_numpy().tobytes()
        together.setdefault(rows, ([], known))[0].append(quantity)
    return list(together.values())


def crossed(tokens: pl.DataFrame, known: pl.DataFrame | None = None) -> Tokens:
    """Sentence and type of each of the tokens, or of those `known`, numbered as in all of them.

    A type is a spelling, and the row of the information table that it has.
    """
    types = tokens["token"].unique().sort()
    rows = tokens if known is None else known
    return Tokens(
        rows["sentence"].to_numpy(),
        types.search_sorted(rows["token"]).to_numpy().astype(np.intp),
        int(tokens["sentence"].n_unique()),
        len(types),
    )


def type_counts(tokens: pl.DataFrame) -> NDArray[np.int64]:
    """Times that each type of `crossed` was counted, (types,)."""
    return tokens.group_by("token").agg(pl.col("count").first()).sort("token")["count"].to_numpy()


def rows_of(frame: pl.DataFrame, *columns: str) -> Floats:
    """Columns as the rows of a matrix, (columns, n)."""
    return np.ascontiguousarray(frame.select(columns).to_numpy().T, np.float64)


def _weights(
    tables: Mapping[str, pl.DataFrame], column: str, files: Mapping[str, Path]
) -> pl.DataFrame:
    """The tokens of the first table, with a column of weights for each table, by its name.

    Also of their positions in each, with _position; both are null where a table lacks the token.
    """
    (name, first), *others = tables.items()
    tokens = first.select(
        *(*TOKEN, "token", "special", "truncated", "word", "word_text"),
        pl.col("position").alias(f"{name}_position"),
        pl.col(column).alias(name),
    )
    for other, table in others:
        paired, rest = _paired(first, table)
        odd = paired.filter(_differs() | pl.col("alike").is_null()).select(TOKEN).vstack(rest)
        if len(odd):
            raise InputError(
                f"{files[name]} and {files[other]}: {len(odd)} rows of one are not in the other, "
                f"first (sentence_id, position, token_id) {odd.row(0)}; encoders that are compared "
                "must weigh the same tokens of one tokenizer"
            )
        place = f"{other}_position"
        found = table.select(
            "sentence_id", pl.col("position").alias(place), pl.col(column).alias(other)
        )
        paired = paired.select(*PLACE, pl.col("other_position").alias(place))
        paired = paired.join(found, ["sentence_id", place], how="left")
        tokens = tokens.join(paired, PLACE, how="left", maintain_order="left")
    return tokens


def _paired(first: pl.DataFrame, second: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`pair_tokens` of two tables, and TOKEN of the sentences that the first lacks."""
    own = first.filter(~pl.col("special")).select(*TOKEN, "truncated")
    others = second.filter(~pl.col("special")) if "special" in second.columns else second
    others = others.select(TOKEN)
    return pair_tokens(own, others), others.join(own, "sentence_id", how="anti")


def _differs() -> pl.Expr:
    """Whether a token is not the one that it should be."""
    return pl.col("alike") & pl.col("other_position").is_null()


def _in_all(tokens: pl.DataFrame, unit: str, files: Mapping[str, Path]) -> pl.DataFrame:
    """The tokens that all tables have; words of which they have all tokens keep their text."""
    missing = ~pl.col("special") & pl.any_horizontal(
        pl.col(f"{n}_position").is_null() for n in files
    )
    left_out = tokens.filter(missing)
    if left_out.is_empty():
        return tokens
    logging.info(
        "left out %d tokens of %d sentences that not all encoders have: prompts or lengths differ",
        *(len(left_out), left_out["sentence_id"].n_unique()),
    )
    if tokens.filter(~missing)["special"].all():
        raise InputError(
            f"{', '.join(map(str, files.values()))}: no token is in all of them; encoders that are "
            "compared must weigh the same tokens of one tokenizer"
        )
    if unit == "token":
        return tokens.filter(~missing)
    whole = ~missing.any().over("sentence_id", "word")
    return tokens.with_columns(word_text=pl.when(whole).then("word_text"))


def _exact(
    tokens: pl.DataFrame,
    tables: Mapping[str, pl.DataFrame],
    largest_error: float,
    weights: Mapping[str, Path],
) -> pl.DataFrame:
    """The tokens of the sentences that no table is `inexact` about."""
    odd = pl.concat([inexact(table, largest_error) for table in tables.values()]).unique()
    kept = tokens.filter(~pl.col("sentence_id").is_in(odd.implode()))
    if len(odd):
        logging.info("left out %d sentences with errors above %g", len(odd), largest_error)
    if kept.is_empty() and len(tokens):
        raise InputError(
            f"{', '.join(map(str, weights.values()))}: all {len(odd)} sentences have errors above "
            f"{largest_error:g} of their mean weight; raise max_nodes, take another baseline or "
            "raise largest_error"
        )
    return kept


def _with_surprisal(tokens: pl.DataFrame, surprisal: Path, weights: Path) -> pl.DataFrame:
    """Tokens of weights with their surprisal, null where that of the same token is not known."""
    scored = read_whole(surprisal, SURPRISAL).sort(PLACE)
    paired, _ = _paired(tokens, scored)
    other = paired.filter(_differs())
    if len(other):
        raise InputError(
            f"{surprisal}: sentence {other['sentence_id'][0]}, position {other['position'][0]} is "
            f"another token than in {weights}; score the same corpus with the same tokenizer"
        )
    without = paired.filter(pl.col("other_position").is_null())
    if len(without):
        logging.info(
            "%s: not of %d tokens of %d sentences, as sentences lack or prompts or lengths differ",
            *(surprisal, len(without), without["sentence_id"].n_unique()),
        )
    scores = scored.select("sentence_id", "surprisal", other_position="position")
    found = paired.join(scores, ["sentence_id", "other_position"])
    found = found.select(*PLACE, "surprisal")
    return tokens.join(found, PLACE, how="left", maintain_order="left")
