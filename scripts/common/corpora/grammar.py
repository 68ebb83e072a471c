"""A language with a known answer: topics, templates over classes, exact P(w) and KL(w)."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import yaml

LEXICON = Path(__file__).parent / "lexicon.yaml"
CONTENT_CLASSES = ("noun", "verb", "adjective", "name")
TEMPLATES = (
    "determiner noun verb determiner noun .",
    "determiner adjective noun verb determiner noun .",
    "pronoun verb determiner noun preposition determiner noun .",
    "determiner noun verb determiner adjective noun preposition determiner noun .",
    "name verb determiner noun .",
    "determiner noun preposition determiner noun copula degree adjective .",
    "time , determiner noun verb determiner noun preposition determiner adjective noun .",
    "determiner noun of determiner noun adverb verb determiner noun .",
    "pronoun adverb verb determiner adjective noun .",
    "determiner noun copula adjective conjunction pronoun verb determiner noun .",
    "name verb determiner noun conjunction determiner noun verb determiner adjective noun .",
    "determiner adjective noun copula degree adjective , conjunction name verb determiner noun .",
    "name , determiner adjective noun of determiner noun , time verb determiner noun .",
    "pronoun time verb determiner noun of determiner noun conjunction pronoun verb determiner noun"
    " .",
)
"""Most frequent first; a name that is no class of the lexicon stands for itself."""

ZIPF_SHIFT = 6.0
"""A word of rank r in its class has frequency 1 / (r + shift)."""
FUNCTION_SHIFT = 2.0
"""The same for function words, of which there are few."""
GENERAL_RANK = 10.0
"""Words of topics that come between one general word and the next."""
SPECIFICITY = (0.6, 1.0)
"""Share of a word's use that keeps to its home topics, least and most."""
RARITY = 0.55
"""Part of the specificity that comes from the word's rank; the rest is its own."""
GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True)
class Grammar:
    """Sentences of `templates` over word classes, whose words depend on the topic alone.

    Parameters
    ----------
    words, word_classes, homes
        The V word types, the class of each and the home topics of each (none: all topics).
    emissions
        P(word | topic, class), shape (topics, classes, V).
    templates
        Classes of the slots of each template, in order.
    template_probabilities
        P(template), the same for every topic; topics are equally probable.
    fields
        Field of each topic.
    burstiness
        Probability that two slots of a class, in one document, hold one word because the document
        repeats its words. A document draws its own P(word | topic, class) from a Dirichlet process
        about that of the topic, of concentration 1 / burstiness - 1; 0: documents are of the topic.
    """

    words: list[str]
    word_classes: list[str]
    homes: list[str]
    emissions: np.ndarray
    templates: list[tuple[int, ...]]
    template_probabilities: np.ndarray
    fields: np.ndarray
    burstiness: float = 0.0

    def probabilities(self) -> np.ndarray:
        """P(w), shape (V,), by enumeration over topics and templates."""
        slots = self._slots.T @ self.template_probabilities
        counts = np.einsum("c,tcv->v", slots, self.emissions)
        return counts / counts.sum()

    def pair_probabilities(self) -> np.ndarray:
        """P(w, w') at distinct positions of a sentence, ordered pairs alike, shape (V, V).

        Of two slots of one class, one topic and one document, the second repeats the first with
        probability `burstiness`, and is drawn from the topic else (Blackwell and MacQueen 1973).
        """
        pairs = np.einsum("k,kc,kd->cd", self.template_probabilities, self._slots, self._slots)
        pairs -= np.diag(self.template_probabilities @ self._slots)
        return self._joint(pairs)

    def adjacent_pair_probabilities(self) -> np.ndarray:
        """P(w, w') of words in adjacent sentences of a document, all position pairs alike, (V, V).

        Given their topic, adjacent sentences are independent and alike, save for repeated words.
        """
        slots = self.template_probabilities @ self._slots
        return self._joint(np.outer(slots, slots))

    def _joint(self, pairs: np.ndarray) -> np.ndarray:
        """P(w, w') of pairs of slots, of which so many are of each two classes, shape (V, V)."""
        joint = sum(emission.T @ pairs @ emission for emission in self.emissions)
        if self.burstiness:
            repeated = self.burstiness * pairs.diagonal()
            for emission in self.emissions:
                joint = joint - emission.T @ (repeated[:, None] * emission)
                joint[np.diag_indices_from(joint)] += repeated @ emission
        return joint / joint.sum()

    def information_gain(self) -> np.ndarray:
        """KL(w) = KL(P(. | w) || P) in nats, shape (V,), from `pair_probabilities`."""
        return divergence_from_marginal(self.pair_probabilities())

    def sample(
        self,
        topics: np.ndarray,
        generator: np.random.Generator,
        documents: np.ndarray | None = None,
    ) -> Iterator[str]:
        """One sentence for each topic in `topics`, as text.

        Sentences of one topic and one of `documents`, (sentences,), repeat their words, if the
        grammar is bursty; each is a document of its own if these are left out.
        """
        cumulative = self.emissions.cumsum(axis=2)
        cumulative /= cumulative[:, :, -1:]
        rows = np.arange(cumulative.shape[0] * cumulative.shape[1])
        ladder = (cumulative.reshape(len(rows), -1) + rows[:, None]).ravel()
        chosen = generator.choice(len(self.templates), len(topics), p=self.template_probabilities)
        lengths = np.array([len(template) for template in self.templates])[chosen]
        classes = np.concatenate([self.templates[k] for k in chosen])
        row = np.repeat(topics, lengths) * cumulative.shape[1] + classes
        place = np.searchsorted(ladder, row + generator.random(len(row)), side="right")
        place = np.minimum(place - row * len(self.words), len(self.words) - 1)
        if self.burstiness:
            number = np.arange(len(topics)) if documents is None else documents
            place = place[self._sources(np.repeat(number, lengths), row, generator)]
        words = np.array(self.words)[place]
        for sentence in np.split(words, lengths.cumsum()[:-1]):
            yield _as_text(sentence)

    def _sources(
        self, documents: np.ndarray, row: np.ndarray, generator: np.random.Generator
    ) -> np.ndarray:
        """Slot whose word each slot has: its own, or an earlier one of its document (Polya's urn).

        Parameters
        ----------
        documents, row
            Document of each slot, and number of its topic and class, shape (slots,).
        """
        order = np.lexsort((documents, row))
        urn = (np.diff(documents[order], prepend=-1) != 0) | (np.diff(row[order], prepend=-1) != 0)
        slots = np.arange(len(order))
        begin = np.maximum.accumulate(np.where(urn, slots, 0))
        before = slots - begin
        chosen = generator.random(len(order)) * (before + 1 / self.burstiness - 1)
        source = np.where(chosen < before, begin + np.minimum(chosen, before), slots).astype(int)
        while not np.array_equal(source, source[source]):
            source = source[source]
        sources = np.empty_like(source)
        sources[order] = order[source]
        return sources

    @cached_property
    def _slots(self) -> np.ndarray:
        """Slots of each class in each template, shape (templates, classes)."""
        classes = self.emissions.shape[1]
        return np.array([np.bincount(t, minlength=classes) for t in self.templates], float)


def divergence_from_marginal(joint: np.ndarray) -> np.ndarray:
    """KL(P(. | w) || P) in nats of each row of a joint distribution (V, V), shape (V,)."""
    marginal = joint.sum(axis=0)
    conditional = joint / joint.sum(axis=1, keepdims=True)
    ratio = np.divide(conditional, marginal, out=np.ones_like(joint), where=conditional > 0)
    return (conditional * np.log(ratio)).sum(axis=1)


def load_grammar(burstiness: float = 0.0) -> Grammar:
    """The grammar of the embedded language, from the lexicon beside this module."""
    lexicon = yaml.safe_load(LEXICON.read_text())
    topics = [
        (field, topic) for field, entry in lexicon["fields"].items() for topic in entry["topics"]
    ]
    emissions: dict[str, dict[str, np.ndarray]] = {}
    homes: dict[str, list[str]] = {}
    for word_class, words in lexicon["function_words"].items():
        emissions[word_class] = _zipfian(words, len(topics))
    emissions["adverb"] = _zipfian(lexicon["general"]["adverb"], len(topics))
    for word_class in CONTENT_CLASSES:
        emissions[word_class] = _content_words(lexicon, word_class, topics, homes)
    for literal in {name for t in TEMPLATES for name in t.split()} - set(emissions):
        emissions[literal] = {literal: np.ones(len(topics))}
    classes = sorted(emissions)
    class_of = {word: name for name in classes for word in emissions[name]}
    words = sorted(class_of)
    table = np.zeros((len(topics), len(classes), len(words)))
    for v, word in enumerate(words):
        table[:, classes.index(class_of[word]), v] = emissions[class_of[word]][word]
    fields = sorted({field for field, _ in topics})
    templates = [tuple(classes.index(name) for name in t.split()) for t in TEMPLATES]
    return Grammar(
        words,
        [class_of[word] if class_of[word] != word else "literal" for word in words],
        [" ".join(homes.get(word, [])) for word in words],
        table / table.sum(axis=2, keepdims=True),
        templates,
        np.array([1 / (k + 4) for k in range(len(templates))])
        / sum(1 / (k + 4) for k in range(len(templates))),
        np.array([fields.index(field) for field, _ in topics]),
        burstiness,
    )


def _zipfian(words: list[str], topics: int) -> dict[str, np.ndarray]:
    return {word: np.full(topics, 1 / (rank + FUNCTION_SHIFT)) for rank, word in enumerate(words)}


def _content_words(
    lexicon: dict, word_class: str, topics: list[tuple[str, str]], homes: dict[str, list[str]]
) -> dict[str, np.ndarray]:
    """Frequency of each word of a class in each topic, shape (topics,), not normalised.

    General words come first, then those of a field, then those of a topic; within each, the rank in
    the lexicon decides. The rarer a word of a topic or field, the more it keeps to its home.
    """
    ranked: list[tuple[float, str, list[int]]] = []
    for rank, word in enumerate(lexicon["general"].get(word_class, [])):
        ranked.append((GENERAL_RANK * rank, word, []))
    for field, entry in lexicon["fields"].items():
        members = [t for t, (name, _) in enumerate(topics) if name == field]
        lists = [(entry["shared"].get(word_class, []), members)]
        lists += [(entry["topics"][topics[t][1]].get(word_class, []), [t]) for t in members]
        for words, home in lists:
            for rank, word in enumerate(words):
                ranked.append((len(home) + rank * len(topics) / len(home), word, home))
    frequencies: dict[str, np.ndarray] = {}
    for rank, (_, word, home) in enumerate(sorted(ranked)):
        frequency = np.full(len(topics), 1 / (rank + ZIPF_SHIFT))
        if home:
            own = rank * GOLDEN % 1
            share = np.interp(RARITY * rank / len(ranked) + (1 - RARITY) * own, (0, 1), SPECIFICITY)
            frequency *= 1 - share
            frequency[home] += share * len(topics) / len(home) / (rank + ZIPF_SHIFT)
            homes.setdefault(word, []).extend(topics[t][1] for t in home)
        frequencies[word] = frequencies.get(word, 0) + frequency
    return frequencies


def _as_text(words: np.ndarray) -> str:
    text = " ".join(words).replace(" ,", ",").replace(" .", ".")
    return text[0].upper() + text[1:]
