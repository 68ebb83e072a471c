"""The tables that scripts exchange: their columns, types, units and order."""

import math
from dataclasses import dataclass

import pyarrow as pa

ANY = (-math.inf, math.inf)
NOT_NEGATIVE = (0.0, math.inf)
SHARE = (0.0, 1.0)
CORRELATION = (-1.0, 1.0)


@dataclass(frozen=True)
class Column:
    """One column: its Arrow type, its unit ("1" where it has none) and what it holds.

    `within` are the least and the largest value there can be; the values of a `share` sum to 1.
    """

    type: pa.DataType
    unit: str
    meaning: str
    nullable: bool = False
    optional: bool = False
    within: tuple[float, float] | None = None
    share: bool = False


@dataclass(frozen=True)
class Table:
    """One kind of table: what it holds, the columns it is sorted by, and its columns."""

    holds: str
    keys: tuple[str, ...]
    columns: dict[str, Column]


def _key(type_: pa.DataType, meaning: str) -> Column:
    return Column(type_, "1", meaning)


def _interval(
    statistic: str,
    unit: str,
    meaning: str,
    within: tuple[float, float] | None = None,
    tested: bool = False,
) -> dict[str, Column]:
    meanings = {
        statistic: meaning,
        f"{statistic}_low": f"lower end of the interval of {statistic}",
        f"{statistic}_high": f"upper end of the interval of {statistic}",
    }
    columns = {
        name: Column(pa.float64(), unit, about, nullable=True, within=within)
        for name, about in meanings.items()
    }
    return columns | (_p(statistic, meaning) if tested else {})


def _p(statistic: str, meaning: str) -> dict[str, Column]:
    about = f"share of permutations over types that move the {meaning} as far; null: no such test"
    return {f"{statistic}_p": Column(pa.float64(), "1", about, nullable=True, within=SHARE)}


def _quantity(
    meaning: str, optional: bool = False, within: tuple[float, float] | None = ANY
) -> Column:
    return Column(pa.float64(), "nat", meaning, nullable=True, optional=optional, within=within)


_TOKEN = {
    "sentence_id": _key(pa.int64(), "sentence of the corpus"),
    "position": _key(pa.int32(), "place in the encoder's input, special tokens counted, from 0"),
    "token_id": _key(pa.int32(), "id in the encoder's vocabulary"),
    "token": _key(pa.string(), "token as the vocabulary spells it"),
}
_ID = Column(pa.string(), "1", "name of the row in the user's file", nullable=True, optional=True)
_WORD = {
    "word": Column(pa.int32(), "1", "number of its word in the sentence", nullable=True),
    "word_text": Column(
        pa.string(), "1", "how the word reads; null if it was cut too", nullable=True
    ),
}
_STATISTICS = {
    "r_squared": ("1", "coefficient of determination of weight on quantity", SHARE),
    "slope": ("weight per unit of the quantity", "slope of the regression", ANY),
    "intercept": ("weight", "intercept of the regression", ANY),
    "spearman": ("1", "Spearman's rank correlation of weight and quantity", CORRELATION),
}
STATISTICS = tuple(_STATISTICS)
_RELATIONS = _STATISTICS | {
    "pearson": ("1", "Pearson's correlation of weight and quantity: R squared's root", CORRELATION)
}
RELATIONS = tuple(_RELATIONS)
"""Statistics of a regression of weights."""
_QUANTITIES = {
    "self_information": ("self-information", 6, "-log P(w)"),
    "information_gain": ("information gain", 5, "plug-in estimate of KL(w)"),
    "information_gain_shuffled": (
        "information gain, shuffled",
        8,
        "plug-in estimate on the corpus shuffled across sentences",
    ),
    "information_gain_corrected": ("information gain, corrected", 4, "plug-in minus shuffled"),
    "information_gain_extrapolated": (
        "information gain, extrapolated",
        3,
        "extrapolated over groups of documents",
    ),
    "information_gain_bayes": (
        "information gain, Bayes",
        2,
        "posterior mean of KL(w), empirical Bayes",
    ),
    "information_gain_exact": (
        "information gain, exact",
        1,
        "exact value from the grammar of the generated language",
    ),
    "surprisal": (
        "surprisal",
        7,
        "-log P(token | the rest of its sentence) of a masked language model",
    ),
}
"""What a weight may be regressed on, in nats: label, place in `FOREMOST`, meaning."""
QUANTITIES = {name: meaning for name, (_, _, meaning) in _QUANTITIES.items()}
QUANTITY_NAMES = {name: label for name, (label, _, _) in _QUANTITIES.items()}
FOREMOST = tuple(sorted(_QUANTITIES, key=lambda name: _QUANTITIES[name][1]))
"""The same, from what a run is mainly about, the best known first, to what only helps."""

CORPUS = Table(
    "sentences of a corpus, in reading order",
    ("sentence_id",),
    {
        "document_id": _key(pa.int64(), "document that holds the sentence"),
        "sentence_id": _key(pa.int64(), "number of the sentence in the corpus"),
        "text": _key(pa.string(), "the sentence"),
        "pair_id": Column(pa.int64(), "1", "pair of sentences", optional=True),
        "side": Column(
            pa.int8(), "1", "place in its pair, from 0; 2: hard negative", optional=True
        ),
        "score": Column(
            pa.float64(), "score", "similarity of the pair", nullable=True, optional=True
        ),
        "label": Column(pa.string(), "1", "label of the pair", nullable=True, optional=True),
        "id": _ID,
    },
)
LANGUAGE = Table(
    "exact values of every word of the generated language",
    ("word",),
    {
        "word": _key(pa.string(), "the word, lower case"),
        "word_class": _key(pa.string(), "class of the word in the grammar"),
        "topics": _key(pa.string(), "home topics, separated by blanks; empty for all topics"),
        "probability": Column(pa.float64(), "1", "P(w)", within=SHARE, share=True),
        "information_gain": Column(pa.float64(), "nat", "KL(w)", within=NOT_NEGATIVE),
    },
)
INFORMATION = Table(
    "quantities of every token type, estimated on a corpus",
    ("token_id",),
    {
        "token_id": _TOKEN["token_id"],
        "token": _TOKEN["token"],
        "count": Column(pa.int64(), "tokens", "occurrences in the corpus", within=NOT_NEGATIVE),
        "probability": Column(pa.float64(), "1", "count / sum of counts", within=SHARE, share=True),
        "self_information": _quantity(
            "-log probability; null where the type was not seen", within=NOT_NEGATIVE
        ),
        "information_gain": _quantity(
            "KL(w), plug-in; null where the type was not seen", within=NOT_NEGATIVE
        ),
        "information_gain_shuffled": _quantity("its expectation on tokens shuffled over sentences"),
        "information_gain_corrected": _quantity("information_gain - information_gain_shuffled"),
        "information_gain_extrapolated": _quantity(
            "KL(w) extrapolated over groups of documents; null where the type was not seen"
        ),
        "information_gain_extrapolated_low": _quantity("lower end of its confidence interval"),
        "information_gain_extrapolated_high": _quantity("upper end of its confidence interval"),
        "information_gain_bayes": _quantity("posterior mean of KL(w); null for too few pairs"),
        "information_gain_low": _quantity("lower end of the credible interval of KL(w)"),
        "information_gain_high": _quantity("upper end of the credible interval of KL(w)"),
        "information_gain_exact": _quantity("KL(w) from the grammar", optional=True),
    },
)
TOKEN_COUNTS = Table(
    "occurrences of every token type of a vocabulary in a corpus",
    ("token_id",),
    {
        "token_id": _TOKEN["token_id"],
        "token": _TOKEN["token"],
        "count": Column(pa.int64(), "tokens", "occurrences in the corpus", within=NOT_NEGATIVE),
    },
)
PAIR_COUNTS = Table(
    "ordered pairs of tokens at distinct positions of one sentence",
    ("token_id", "other_id"),
    {
        "token_id": _TOKEN["token_id"],
        "other_id": _key(pa.int32(), "id of the other token of the pair"),
        "count": Column(pa.int64(), "pairs", "C(w, w'), summed over sentences"),
        **{
            f"group_{g}": Column(pa.int64(), "pairs", f"the same over group {g} of the documents")
            for g in range(1, 9)
        },
    },
)
ADJACENT_COUNTS = Table(
    "ordered pairs of tokens, one of a sentence, the other of the next or last of its document",
    PAIR_COUNTS.keys,
    PAIR_COUNTS.columns,
)
SENTENCE_LENGTHS = Table(
    "how many sentences of a corpus have how many tokens",
    ("length",),
    {
        "length": Column(pa.int64(), "tokens", "tokens of a sentence, without special tokens"),
        "sentences": Column(pa.int64(), "sentences", "sentences of that length"),
    },
)
SURPRISAL = Table(
    "surprisal of every token of a corpus",
    ("sentence_id", "position"),
    {
        **_TOKEN,
        "surprisal": Column(
            pa.float64(),
            "nat",
            "-log P(token | sentence with it masked; within_word_l2r: and the rest of its word)",
            within=NOT_NEGATIVE,
        ),
        **_WORD,
    },
)
WEIGHTS = Table(
    "weight of every token in its sentence",
    ("sentence_id", "position"),
    {
        **_TOKEN,
        "special": _key(pa.bool_(), "true for tokens that the tokenizer adds"),
        "truncated": _key(pa.bool_(), "true in sentences cut to what the encoder takes"),
        "weight": Column(
            *(pa.float64(), "norm of the embedding", "L2 norm of the contribution"),
            within=NOT_NEGATIVE,
        ),
        "error": Column(
            *(pa.float64(), "norm of the embedding"),
            "uncertainty of the weight: integrated_gradients: from two rules; shapley: standard "
            "error, 0 where all coalitions were evaluated; occlusion: 0; null where the engine "
            "tells none",
            nullable=True,
            within=NOT_NEGATIVE,
        ),
        "completeness": Column(
            *(pa.float64(), "1"),
            "norm of what the sentence's contributions miss of the whole, relative to it: "
            "completeness of integrated_gradients, efficiency of shapley; occlusion claims none",
            within=NOT_NEGATIVE,
        ),
        **_WORD,
        "word_weight": Column(
            pa.float64(),
            "norm of the embedding",
            "L2 norm of the sum of the contributions of the word's tokens; null where word_text is",
            nullable=True,
            within=NOT_NEGATIVE,
        ),
        "id": _ID,
    },
)
VECTORS = Table(
    "contribution of every token to the embedding of its sentence",
    ("sentence_id", "position"),
    {
        **_TOKEN,
        "special": _key(pa.bool_(), "true for tokens that the tokenizer adds"),
        "vector": Column(
            *(pa.list_(pa.float32()), "embedding"),
            "contribution, as many numbers as the embedding has; its L2 norm is the weight",
        ),
        "id": _ID,
    },
)
SIMILARITIES = Table(
    "similarity of the sentences of pairs by an encoder",
    ("pair_id",),
    {
        "pair_id": _key(pa.int64(), "pair of sentences"),
        "similarity": Column(
            pa.float64(), "1", "cosine of the embeddings of sides 0 and 1", within=CORRELATION
        ),
    },
)
PAIRS = Table(
    "attribution of the similarity of the sentences of pairs to pairs of their tokens",
    ("method", "pair_id", "position", "other_position"),
    {
        "method": _key(pa.string(), "integrated_gradients, shapley or occlusion"),
        "pair_id": SIMILARITIES.columns["pair_id"],
        "position": Column(
            *(pa.int32(), "1", "place of the token in side 0; null: the baseline of side 0"),
            nullable=True,
        ),
        "other_position": Column(
            *(pa.int32(), "1", "place of the token in side 1; null: the baseline of side 1"),
            nullable=True,
        ),
        "token": Column(*(pa.string(), "1", "token of side 0, or null"), nullable=True),
        "other_token": Column(*(pa.string(), "1", "token of side 1, or null"), nullable=True),
        "special": Column(
            *(pa.bool_(), "1", "true for tokens that the tokenizer adds, or null"), nullable=True
        ),
        "other_special": Column(
            *(pa.bool_(), "1", "the same of the token of side 1"), nullable=True
        ),
        "likeness": Column(
            *(pa.float64(), "1"),
            "share of pairs of types of the vocabulary whose input word vectors are less alike, by "
            "their cosine; null of baselines",
            nullable=True,
            within=SHARE,
        ),
        "attribution": Column(
            pa.float64(),
            "similarity",
            "product of the contributions of both; the rows of a pair sum to its similarity",
        ),
        "error": Column(
            *(pa.float64(), "similarity"),
            "uncertainty by the errors of both weights, to first order; null where one is",
            nullable=True,
            within=NOT_NEGATIVE,
        ),
        "similarity": Column(
            pa.float64(),
            "similarity",
            "dot product or cosine of the pair, as the file's metadata tell",
        ),
        "completeness": Column(
            *(pa.float64(), "1"),
            "what the pair's attributions miss of its similarity, relative to the product of the "
            "norms of both embeddings",
            within=NOT_NEGATIVE,
        ),
    },
)
TRAINING = Table(
    "course of a training",
    ("step",),
    {
        "step": Column(pa.int64(), "optimiser steps", "steps done"),
        "epoch": Column(pa.float64(), "epochs", "passes over the examples"),
        "loss": Column(pa.float64(), "nat", "mean training loss since the last row", nullable=True),
        "evaluation_loss": Column(pa.float64(), "nat", "loss on held-out examples", nullable=True),
        "development_spearman": Column(
            *(pa.float64(), "1", "Spearman's rho on the development set"),
            nullable=True,
            optional=True,
        ),
        "learning_rate": Column(pa.float64(), "1", "learning rate at this step", nullable=True),
        "seconds": Column(pa.float64(), "s", "time since the training began"),
    },
)
COLLAPSED = 0.99
"""Mean cosine of two sentences above which an encoder is said to have collapsed."""
ENCODERS = Table(
    "how good the encoders are, and how they spread their embeddings",
    ("encoder",),
    {
        "encoder": _key(pa.string(), "name of the encoder"),
        "corpus": _key(pa.string(), "scored pairs that it was evaluated on"),
        "pairs": Column(pa.int64(), "pairs", "number of scored pairs"),
        "sts_spearman": Column(
            *(pa.float64(), "1", "Spearman's rho of cosine and score (STS)"),
            nullable=True,
            within=CORRELATION,
        ),
        "alignment": Column(
            *(pa.float64(), "1", "mean squared distance of positives, unit sphere"),
            nullable=True,
            within=(0, 4),
        ),
        "uniformity": Column(
            *(pa.float64(), "1", "log mean exp(-2 squared distance), unit sphere"),
            nullable=True,
            within=(-8, 0),
        ),
        "mean_cosine": Column(
            *(pa.float64(), "1", "mean cosine of two different sentences; near 1: collapsed"),
            nullable=True,
            within=CORRELATION,
        ),
    },
)
WEIGHTED_BAGS = Table(
    "similarity of sentences by weighted bags of an encoder's input word vectors",
    ("comparison", "encoder", "scheme"),
    {
        "comparison": _key(pa.string(), "name of the comparison, whose weights are taken"),
        "encoder": ENCODERS.columns["encoder"],
        "corpus": ENCODERS.columns["corpus"],
        "scheme": _key(
            pa.string(),
            "weight of a type: none: 1; sif: a / (a + p), a = 0.001; self_information: -log p; "
            "information_gain: Bayes; or the mean weight of its tokens by the method of this name",
        ),
        "n": Column(pa.int64(), "pairs", "number of scored pairs"),
        "types": Column(pa.int64(), "types", "different tokens in the pairs"),
        "types_weighted": Column(
            pa.int64(), "types", "those with a weight; the others have the mean of all weights"
        ),
        "share_weighted": Column(
            pa.float64(), "1", "tokens of the pairs whose type has a weight", within=SHARE
        ),
        **_interval("sts_spearman", "1", "Spearman's rho of the cosine of two bags and the score"),
        **_interval("sts_spearman_change", "1", "its change from bags without weights"),
    },
)
_COMPARED = {
    "comparison": _key(pa.string(), "name of the comparison"),
    "corpus": _key(pa.string(), "corpus whose tokens were weighed"),
    "method": _key(pa.string(), "integrated_gradients, shapley or occlusion"),
}
_REPLICATE = {
    "replicate": Column(
        pa.int32(), "1", "number of the training; null: mean over trainings", nullable=True
    )
}
_STAGE = {
    "encoder": _key(pa.string(), "name of the encoder"),
    "stage": _key(pa.int32(), "its place among the encoders of the comparison, from 0"),
}
_SIZES = {
    "n": Column(pa.int64(), "tokens", "tokens in the regression"),
    "sentences": Column(pa.int64(), "sentences", "sentences that they stand in"),
    "types": Column(pa.int64(), "types", "different tokens among them"),
}
REGRESSION = Table(
    "regression of weight on each quantity, by each encoder of a comparison",
    ("comparison", "corpus", "method", "quantity", "replicate", "stage"),
    {
        **_COMPARED,
        **_STAGE,
        **_REPLICATE,
        "quantity": _key(pa.string(), "regressor"),
        **_SIZES,
        **{
            k: v
            for name, about in _RELATIONS.items()
            for k, v in _interval(name, *about, tested=name != "intercept").items()
        },
    },
)
CHANGE = Table(
    "change of each statistic from the first encoder of a comparison to each of the others",
    ("comparison", "corpus", "method", "quantity", "replicate", "stage"),
    {
        **_COMPARED,
        **_STAGE,
        "reference": _key(pa.string(), "name of the first encoder"),
        **_REPLICATE,
        "quantity": REGRESSION.columns["quantity"],
        **_SIZES,
        **{
            k: v
            for name, (unit, meaning, within) in _RELATIONS.items()
            for k, v in {
                name: Column(pa.float64(), unit, meaning, nullable=True, within=within),
                f"{name}_reference": Column(
                    pa.float64(), unit, f"{meaning}, by the reference", nullable=True, within=within
                ),
                **_interval(
                    f"{name}_change", unit, f"change of the {meaning}", tested=name != "intercept"
                ),
            }.items()
        },
    },
)
_STAGES = {
    **_COMPARED,
    **_STAGE,
    "reference": Column(
        *(pa.string(), "1"),
        "null: values of the encoder; else their change from this one, the comparison's first",
        nullable=True,
    ),
    **_REPLICATE,
}
WITHIN_SENTENCE = Table(
    "how weight is shared out within sentences, by each quantity",
    ("comparison", "corpus", "method", "quantity", "replicate", "stage", "reference"),
    {
        **_STAGES,
        "quantity": REGRESSION.columns["quantity"],
        "n": Column(pa.int64(), "tokens", "tokens in the regression"),
        **_interval(
            "r_squared",
            "1",
            "coefficient of determination of a token's share on quantity",
            tested=True,
        ),
        **_interval("slope", "1/nat", "slope of the regression of share on quantity", tested=True),
        **_interval("intercept", "1", "intercept of the regression of share on quantity"),
        **_interval(
            "spearman", "1", "Spearman's rank correlation of share and quantity", tested=True
        ),
        "sentences": Column(
            pa.int64(),
            "sentences",
            "sentences with a rank correlation of their own, by all encoders",
        ),
        **_interval(
            "sentence_spearman",
            "1",
            "mean of the rank correlations within sentences",
            tested=True,
        ),
    },
)
PARTIAL = Table(
    "what each term of a joint linear model of weight adds to the others",
    ("comparison", "corpus", "method", "model", "term", "replicate", "stage", "reference"),
    {
        **_STAGES,
        "model": _key(pa.string(), "name of the model: its information gain, if it has one"),
        "term": _key(
            pa.string(), "a quantity, position of the token, or length: tokens of its sentence"
        ),
        "controls": _key(pa.string(), "the other terms of the model"),
        "n": Column(pa.int64(), "tokens", "tokens in the model"),
        **_interval("coefficient", "1", "standardised coefficient of the term", tested=True),
        **_interval("r_squared_without", "1", "R squared of the model without the term"),
        **_interval("r_squared", "1", "R squared of the model with all its terms"),
        **_interval(
            "partial_r_squared",
            "1",
            "share of the unexplained that the term explains",
            tested=True,
        ),
    },
)
CLASSES = Table(
    "mean weight of word classes and frequency bands",
    ("comparison", "corpus", "method", "grouping", "group", "replicate", "stage", "reference"),
    {
        **_STAGES,
        "grouping": _key(pa.string(), "word_class (of the generated language) or zipf_band"),
        "group": _key(pa.string(), "word class, or band of log10 occurrences per billion tokens"),
        "n": Column(pa.int64(), "tokens", "tokens of the group"),
        "types": Column(pa.int64(), "types", "different tokens of the group"),
        **_interval("weight", "norm of the embedding", "mean weight of its tokens"),
        **_interval("relative_weight", "1", "their mean weight over the mean weight of all tokens"),
    },
)
_OF_PAIRS = {
    "pairs": Column(pa.int64(), "pairs", "pairs of sentences"),
    "n": Column(pa.int64(), "pairs of tokens", "pairs of tokens, or of a token and a baseline"),
    "types": Column(pa.int64(), "types", "different tokens among them, special ones left out"),
}
PAIR_SHARES = Table(
    "what pairs of tokens of each kind add to the similarity of pairs of sentences",
    ("comparison", "corpus", "method", "grouping", "group", "replicate", "stage", "reference"),
    {
        **_STAGES,
        "grouping": _key(pa.string(), "relation of both words, or kind of word"),
        "group": _key(pa.string(), "a group; those of one grouping make up the similarity"),
        **_OF_PAIRS,
        **_interval("attribution", "similarity", "sum over the group, mean over pairs"),
        **_interval("share", "1", "that over the mean similarity", ANY),
        **_interval(
            "token_share", "1", "that over the mean sum of all pairs of tokens, baselines left out"
        ),
    },
)
PAIR_REGRESSION = Table(
    "regression of a pair of tokens' attribution on what both words tell and whether they are one",
    ("comparison", "corpus", "method", "quantity", "term", "replicate", "stage", "reference"),
    {
        **_STAGES,
        "quantity": _key(pa.string(), "what the words tell, in nats"),
        "term": _key(
            pa.string(),
            "information or other_information: quantity of the word of side 0 or 1; equal: 1 if "
            "both are one word, else 0",
        ),
        **_OF_PAIRS,
        **_interval("coefficient", "1", "standardised coefficient of the term"),
        **_interval("r_squared_without", "1", "R squared of the model without the term"),
        **_interval("r_squared", "1", "R squared of the model with all its terms"),
        **_interval("partial_r_squared", "1", "share of the unexplained that the term explains"),
    },
)
SERIES = Table(
    "the encoders of a series that comes of one, and how long each was trained or how deep it is",
    ("comparison", "stage"),
    {
        **{k: REGRESSION.columns[k] for k in ("comparison", "stage", "encoder")},
        "steps": Column(
            pa.int64(),
            "optimiser steps",
            "steps of the training until then, 0: its base; null of layers",
            nullable=True,
            within=NOT_NEGATIVE,
        ),
        "layers": Column(
            pa.int64(),
            "layers",
            "layers until then, 0: the input embeddings; null of a course",
            nullable=True,
            within=NOT_NEGATIVE,
        ),
    },
)
AGREEMENT = Table(
    "whether two encoders of a comparison weigh alike: rank correlation of their weights",
    ("comparison", "corpus", "method", "replicate", "stage", "other_stage"),
    {
        **_COMPARED,
        **_STAGE,
        "other": _key(pa.string(), "name of the other encoder"),
        "other_stage": _key(pa.int32(), "its place among the encoders of the comparison"),
        **_REPLICATE,
        "n": Column(pa.int64(), "tokens", "tokens, or words, that all encoders weighed"),
        "sentences": Column(
            pa.int64(), "sentences", "sentences with a rank correlation by all encoders"
        ),
        **_interval(
            "sentence_spearman",
            "1",
            "mean, over sentences, of Spearman's rho of the weights by both encoders",
        ),
    },
)
RANKING = Table(
    "whether encoders that follow a quantity are good ones: rank correlation over encoders",
    ("comparison", "corpus", "method", "statistic", "quantity"),
    {
        **_COMPARED,
        "statistic": _key(
            pa.string(), "of each encoder: pearson, r_squared, or sentence_spearman of its weights"
        ),
        "quantity": REGRESSION.columns["quantity"],
        "encoders": Column(pa.int64(), "encoders", "encoders with both values"),
        "spearman": Column(
            *(pa.float64(), "1", "Spearman's rho of the statistic and STS Spearman, over encoders"),
            nullable=True,
            within=CORRELATION,
        ),
        "p": Column(
            *(pa.float64(), "1", "share of permutations of the encoders with as large a rho"),
            nullable=True,
            within=SHARE,
        ),
    },
)
DATA = Table(
    "the data that a comparison on a corpus stands on, and what is to be warned of",
    ("comparison", "corpus"),
    {
        **{k: REGRESSION.columns[k] for k in ("comparison", "corpus")},
        "unit": _key(pa.string(), "what is counted and weighed: token or word"),
        "sentences_counted": Column(pa.int64(), "sentences", "sentences that quantities are of"),
        "tokens_counted": Column(pa.int64(), "tokens", "tokens, or words, that quantities are of"),
        "types_counted": Column(pa.int64(), "types", "different ones of them"),
        "share_unknown_counted": Column(
            *(pa.float64(), "1", "tokens that the tokenizer does not know, of those counted"),
            within=SHARE,
        ),
        "sentences_weighed": Column(pa.int64(), "sentences", "sentences of the weighed corpus"),
        "tokens_weighed": Column(pa.int64(), "tokens", "tokens, or words, with a weight"),
        "share_unknown": Column(
            *(pa.float64(), "1", "tokens that the tokenizer does not know, of those weighed"),
            within=SHARE,
        ),
        "share_cut": Column(
            *(pa.float64(), "1", "sentences cut to what the encoder takes, of those weighed"),
            within=SHARE,
        ),
        "minimum_count": Column(pa.int64(), "tokens", "types counted fewer times are left out"),
        "share_rare": Column(
            pa.float64(), "1", "tokens left out as too rare, of those weighed", within=SHARE
        ),
        "rare_examples": Column(
            *(pa.string(), "1", "the ten types left out most often, with their weighed tokens")
        ),
        "largest_error": Column(
            *(pa.float64(), "1", "of Integrated Gradients, relative to the sentence's mean weight"),
            within=NOT_NEGATIVE,
        ),
        "share_inexact": Column(
            *(pa.float64(), "1", "sentences with larger ones, left out; null: no such weights"),
            within=SHARE,
            nullable=True,
        ),
        "sentences_regressed": Column(pa.int64(), "sentences", "sentences of what is left"),
        "tokens_regressed": Column(pa.int64(), "tokens", "tokens left for regressions"),
        "types_regressed": Column(pa.int64(), "types", "different ones of them"),
        "warnings": Column(
            pa.list_(pa.string()), "1", "what is beyond a threshold, a sentence each"
        ),
    },
)

_STATIC = {
    "cooccurrence": _key(pa.string(), "where pairs stand: in adjacent sentences or one sentence"),
    "source": _key(pa.string(), "of the pairs: exact distribution or sampled sentences"),
    "vectors": _key(pa.string(), "tied: one vector a word; untied: another as context"),
    "dimension": _key(pa.int32(), "dimension of the vectors"),
}
STATIC_VECTORS = Table(
    "vectors of static encoders",
    (*_STATIC, "token"),
    {
        **_STATIC,
        "token": _TOKEN["token"],
        "probability": Column(
            pa.float64(), "1", "P(w) of a pair that the encoder learnt from", within=SHARE
        ),
        "word": Column(pa.list_(pa.float64()), "sqrt(nat)", "vector of the word"),
        "context": Column(pa.list_(pa.float64()), "sqrt(nat)", "vector of the word as context"),
    },
)
_NORMS = {
    "euclidean": "1/2 |u - mean|^2",
    "metric": "1/2 (u - mean)' G (u - mean), G the covariance of the context vectors",
    "divergence": "KL of the encoder's own P(w'|w) from P, which metric is the second order of",
}
NORMS = tuple(_NORMS)
ESTIMATES = {
    "exact": "from the grammar",
    "plug_in": "plug-in estimate from counts",
    "bayes": "posterior mean, empirical Bayes",
}
"""Of KL(w)."""
_FIT = {
    "n": Column(pa.int64(), "types", "types in the regression", within=NOT_NEGATIVE),
    "r_squared": Column(
        pa.float64(), "1", "coefficient of determination", nullable=True, within=SHARE
    ),
    "slope": Column(pa.float64(), "norm per nat", "slope of norm on quantity", nullable=True),
    "intercept": Column(pa.float64(), "norm", "intercept of norm on quantity", nullable=True),
    "spearman": Column(
        pa.float64(), "1", "Spearman's rank correlation", nullable=True, within=CORRELATION
    ),
}
THEORY = Table(
    "regression of norms of static encoders on information gain, over types",
    (*_STATIC, "norm", "gain_of", "quantity"),
    {
        **_STATIC,
        "norm": _key(pa.string(), "; ".join(f"{name}: {what}" for name, what in _NORMS.items())),
        "gain_of": _key(pa.string(), "co-occurrence that KL(w) is of: adjacent or sentence"),
        "quantity": _key(pa.string(), "KL(w): exact, plug_in or bayes"),
        **_FIT,
    },
)
THEORY_WORDS = Table(
    "norms of static encoders beside information gain, a row a word",
    (*_STATIC, "token"),
    {
        **_STATIC,
        "token": _TOKEN["token"],
        "count": Column(pa.int64(), "tokens", "occurrences in the corpus", within=NOT_NEGATIVE),
        **{
            name: Column(pa.float64(), "nat" if name != "euclidean" else "norm", what)
            for name, what in _NORMS.items()
        },
        **{
            f"{kind}_{name}": Column(
                pa.float64(), "nat", f"KL(w), {what}, of {kind} pairs", nullable=True, optional=True
            )
            for kind in ("adjacent", "sentence")
            for name, what in ESTIMATES.items()
        },
    },
)
EMBEDDING_NORMS = Table(
    "regression of norms of input word embeddings on each quantity, over types",
    ("comparison", "stage", "norm", "quantity"),
    {
        **{k: REGRESSION.columns[k] for k in ("comparison", "stage", "encoder", "quantity")},
        "norm": _key(pa.string(), "euclidean or metric, G the covariance of the embeddings"),
        **_FIT,
    },
)

TABLES = {
    "corpus": CORPUS,
    "language": LANGUAGE,
    "token_counts": TOKEN_COUNTS,
    "pair_counts": PAIR_COUNTS,
    "sentence_lengths": SENTENCE_LENGTHS,
    "information": INFORMATION,
    "surprisal": SURPRISAL,
    "weights": WEIGHTS,
    "vectors": VECTORS,
    "similarities": SIMILARITIES,
    "pairs": PAIRS,
    "training": TRAINING,
    "encoders": ENCODERS,
    "regression": REGRESSION,
    "change": CHANGE,
    "within_sentence": WITHIN_SENTENCE,
    "partial": PARTIAL,
    "classes": CLASSES,
    "pair_shares": PAIR_SHARES,
    "pair_regression": PAIR_REGRESSION,
    "series": SERIES,
    "agreement": AGREEMENT,
    "ranking": RANKING,
    "weighted_bags": WEIGHTED_BAGS,
    "data": DATA,
    "adjacent_counts": ADJACENT_COUNTS,
    "static_vectors": STATIC_VECTORS,
    "theory": THEORY,
    "theory_words": THEORY_WORDS,
    "embedding_norms": EMBEDDING_NORMS,
}
