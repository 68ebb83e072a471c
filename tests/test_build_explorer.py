"""The explorer's page: built as a command, and used in a real browser."""

import itertools
import json
import re
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit
from xml.etree import ElementTree

import numpy as np
import polars as pl
import pytest
from commands import WORDS, assert_refuses, assert_runs, write_corpus
from evidence_tables import STANDS_ON
from PIL import Image
from selenium.webdriver import ActionChains, Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

from common.contract import (
    CORPUS,
    DATA,
    INFORMATION,
    REGRESSION,
    SIMILARITIES,
    SURPRISAL,
    WEIGHTS,
)
from common.reports.page import Columns
from common.reports.token_views import Sources, readings, view_of
from common.tables import read_table, write_table

NASTY = ["<script>", "throw", "1", "</script>", '"', "'", "&amp;", "<!--", "\u2028", "-->", "é"]
FEW = [
    ["the", "sail", "##boat", "##s", "left"],
    NASTY,
    ["a", "cake", "and", "a", "boat"],
    ["flour", "sugar", "oven"],
]
VOCABULARY = ["[PAD]", "[CLS]", "[SEP]", *sorted({*itertools.chain(*FEW), *WORDS})]
METHODS = ["integrated_gradients", "shapley"]
ENTRIES = [
    ("tuned", "few", "integrated_gradients"),
    ("tuned", "few", "shapley"),
    ("tuned", "many", "shapley"),
    ("control", "few", "shapley"),
    ("alone", "few", "shapley"),
]
SERIES = {
    "tuned": ["base", "contrastive"],
    "control": ["base", "shuffled", "random"],
    "alone": ["base"],
}
"""Encoders of each comparison."""


def text_of(tokens: list[str]) -> str:
    return " ".join(tokens).replace(" ##", "")


def tokens_of(sentences: list[list[str]]) -> pl.DataFrame:
    """Keys of the weights table, with special tokens and the words that pieces make."""
    rows = []
    for number, sentence in enumerate(sentences):
        word, words = -1, text_of(sentence).split(" ")
        for position, token in enumerate(["[CLS]", *sentence, "[SEP]"]):
            special = token in ("[CLS]", "[SEP]")
            word += not special and not token.startswith("##")
            about = (None, None) if special else (word, words[word])
            rows.append((number, position, VOCABULARY.index(token), token, special, *about))
    names = ["sentence_id", "position", "token_id", "token", "special", "word", "word_text"]
    return pl.DataFrame(rows, names, orient="row")


def write_run(folder: Path) -> list[list[object]]:
    """The tables of four entries, random and of every column, and the options of each."""
    generator = np.random.default_rng(0)
    many = [list(generator.choice(WORDS, generator.integers(3, 12))) for _ in range(2000)]
    n = len(VOCABULARY)
    types = pl.DataFrame({"token_id": np.arange(n), "token": VOCABULARY})
    types = types.with_columns(count=pl.Series(generator.integers(1, 10_000, n)))
    numbers = list(INFORMATION.columns)[3:]
    types = types.with_columns(pl.Series(name, generator.gamma(2, 2, n)) for name in numbers)
    cake = pl.col("token") == "cake"
    types = types.with_columns(
        information_gain_bayes=pl.when(~cake).then("information_gain_bayes"),
        count=pl.when(cake).then(3).otherwise(pl.col("count") + 100),
    )
    types = types.with_columns(probability=pl.col("count") / pl.col("count").sum())
    write_table(types, folder / "information.parquet", INFORMATION)
    for corpus, sentences in (("few", FEW), ("many", many)):
        write_corpus(folder / f"{corpus}.parquet", [text_of(tokens) for tokens in sentences])
        tokens = tokens_of(sentences)
        for table in ("before", "after", "shapley.after", "control.after"):
            weight = pl.Series(generator.gamma(2, 0.3, len(tokens)))
            error = pl.Series(generator.gamma(2, 1e-4, len(tokens)))
            word = pl.when(pl.col("word").is_not_null()).then(weight)
            missed = pl.when(table == "control.after", pl.col("sentence_id") == 1)
            more = {
                "truncated": False,
                "completeness": missed.then(0.0625).otherwise(0.0),
                "weight": weight,
                "error": error,
                "word_weight": word,
            }
            path = folder / f"{corpus}.{table}.parquet"
            write_table(tokens.with_columns(**more), path, WEIGHTS)
        scored = tokens.filter(~pl.col("special")).drop("special")
        surprisal = pl.Series(generator.gamma(2, 2, len(scored)))
        path = folder / f"{corpus}.surprisal.parquet"
        write_table(scored.with_columns(surprisal=surprisal), path, SURPRISAL)
    rows = [
        {"comparison": c, "encoder": encoder, "stage": stage, "corpus": k, "method": m}
        | {"quantity": "self_information", "n": 12, "sentences": 3, "types": 9, "replicate": 1}
        | {"r_squared": 0.25, "slope": -0.5, "pearson": -0.5}
        for c, k, m in ENTRIES
        for stage, encoder in enumerate(SERIES[c])
    ]
    table = pl.DataFrame(rows).with_columns(
        pl.lit(None, pl.Float64).alias(name) for name in REGRESSION.columns if name not in rows[0]
    )
    table = table.cast({"replicate": pl.Int32, "stage": pl.Int32})
    write_table(table, folder / "regression.parquet", REGRESSION)
    return [
        [
            *("--texts", folder / f"{k}.parquet"),
            *("--weights", *(folder / f"{k}.{name}.parquet" for name in tables_of(c, m))),
            *("--information", folder / "information.parquet"),
            *("--largest-error", 0.05),
            *(() if c == "control" else ("--surprisal", folder / f"{k}.surprisal.parquet")),
            *("--regression", folder / "regression.parquet"),
            *("--comparison", c, "--corpus", k, "--method", m),
        ]
        for c, k, m in ENTRIES
    ]


def tables_of(comparison: str, method: str) -> list[str]:
    """The tables of weights of a comparison's encoders, of random weights."""
    tuned = "after" if method == "integrated_gradients" else "shapley.after"
    return {
        "tuned": ["before", tuned],
        "control": ["before", "control.after", "shapley.after"],
        "alone": ["before"],
    }[comparison]


WARNINGS = {
    ("tuned", "few"): ["12.0 % are <b>unknown</b>.", "40 sentences are few."],
    ("tuned", "many"): [],
    ("control", "few"): ["8.0 % were cut."],
    ("alone", "few"): [],
}


def write_data(path: Path) -> None:
    """What the comparisons stand on, with and without warnings."""
    rows = [
        STANDS_ON
        | {"comparison": comparison, "corpus": corpus, "warnings": warnings}
        | {"rare_examples": "'<i>' 3" if warnings else ""}
        for (comparison, corpus), warnings in WARNINGS.items()
    ]
    write_table(pl.DataFrame(rows), path, DATA)


def build(folder: Path) -> None:
    """The page of the four entries, as commands."""
    pieces = [folder / f"{number}.json" for number in range(len(ENTRIES))]
    for piece, options in zip(pieces, write_run(folder), strict=True):
        assert_runs("collect_tokens", *options, "--output-tokens", piece)
    write_data(folder / "data.parquet")
    about = ("--data", folder / "data.parquet", "--run-name", "a <b>run</b>", "--minimum-count", 20)
    assert_runs("build_explorer", *pieces, *about, "--output-page", folder / "explorer.html")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tables and the page that was built of them."""
    folder = tmp_path_factory.mktemp("run")
    build(folder)
    return folder


@pytest.fixture
def page(browser: Chrome, folder: Path) -> Chrome:
    """The page, opened and filled."""
    browser.get((folder / "explorer.html").as_uri())
    assert find(browser, "#heading").text == "Sentence 0"
    return browser


def find(page: Chrome, selector: str) -> WebElement:
    return page.find_element(By.CSS_SELECTOR, selector)


def find_all(page: Chrome, selector: str) -> list[WebElement]:
    return page.find_elements(By.CSS_SELECTOR, selector)


def texts(page: Chrome, selector: str) -> list[str]:
    script = "return [...document.querySelectorAll(arguments[0])].map((e) => e.innerText)"
    return page.execute_script(script, selector)


def choose(page: Chrome, **values: str) -> None:
    for name, value in values.items():
        Select(find(page, f"#{name}")).select_by_value(value)


def press(page: Chrome, *keys: str) -> None:
    ActionChains(page).send_keys(*keys).perform()


def number(text: str) -> float | None:
    """A number as a person reads it off the page."""
    return None if text == "–" else float(text.replace(",", "").replace("−", "-"))


def shown(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}") if isinstance(value, float) else value


def inspected(page: Chrome, table: str) -> dict[str, list[str]]:
    """Cells of a table of the inspector by the words of their row."""
    rows = [row.split("\t") for row in texts(page, f"#inspector .{table} tbody tr")]
    return {label: values for label, *values in rows}


def assert_inspector_tells(page: Chrome, folder: Path, sentence: int, place: int) -> None:
    """All numbers of token `place` of a sentence of `few`, by Integrated Gradients."""
    token = FEW[sentence][place]
    here = {"sentence_id": sentence, "position": place + 1}
    rows = [
        read_table(folder / f"few.{stage}.parquet", WEIGHTS).filter(**here).row(0, named=True)
        for stage in ("before", "after")
    ]
    weights = inspected(page, "weights")
    assert [number(t) for t in weights["weight"]] == [shown(row["weight"]) for row in rows]
    assert [number(t) for t in weights["error"]] == [shown(row["error"]) for row in rows]
    quantities = inspected(page, "quantities")
    types = read_table(folder / "information.parquet", INFORMATION)
    count, probability, *nats = types.filter(token=token).drop("token_id", "token").row(0)
    scored = read_table(folder / "few.surprisal.parquet", SURPRISAL).filter(**here)
    told = [number(t) for (t,) in (*quantities.values(), *inspected(page, "counts").values())]
    values = (*nats, scored["surprisal"][0], count, probability)
    assert told == [shown(value) for value in values]
    assert "information gain, Bayes" in quantities
    assert find(page, "#inspector h2").text == token.removeprefix("##")


def test_hover_and_focus_tell_the_numbers_of_the_tables(page: Chrome, folder: Path) -> None:
    chips = find_all(page, "#rows .chip")
    assert len(chips) == 2 * len(FEW[0])
    for place in range(len(FEW[0])):
        ActionChains(page).move_to_element(chips[place]).perform()
        assert_inspector_tells(page, folder, 0, place)
    page.execute_script("arguments[0].focus()", chips[len(FEW[0])])
    assert_inspector_tells(page, folder, 0, 0)
    find(page, "#next").click()
    find(page, "#next").click()
    ActionChains(page).move_to_element(find_all(page, "#rows .chip")[1]).perform()
    assert_inspector_tells(page, folder, 2, 1)  # whose posterior mean is not known
    relations = inspected(page, "relations")
    assert relations == {"self-information": ["−0.50", "−0.50"]}


def test_warnings_of_the_data_are_shown_and_marked(page: Chrome) -> None:
    def told() -> list[str]:
        return texts(page, "#warnings li")

    about = find(page, "#about")
    assert about.get_property("open")
    assert "790,123 tokens of 1,700 types counted" in find(page, "#stands-on").text
    assert find(page, "#warned").text == "2 warnings"
    assert told() == [f"Warning: {sentence}" for sentence in WARNINGS["tuned", "few"]]
    assert find(page, "#rare").text.endswith("they were weighed: '<i>' 3")
    page.execute_script("arguments[0].focus()", find(page, "#about summary"))
    press(page, Keys.ENTER)
    assert not about.get_property("open")
    choose(page, method="shapley")
    assert not about.get_property("open")  # the same data: as the reader left it
    choose(page, corpus="many")
    assert not find(page, "#warned").is_displayed()
    assert (about.get_property("open"), told()) == (False, [])
    choose(page, comparison="control")
    assert about.get_property("open")
    assert find(page, "#warned").text == "1 warning"
    assert told() == ["Warning: 8.0 % were cut."]


def test_sentences_left_out_for_their_errors_are_marked(page: Chrome) -> None:
    assert find_all(page, "#list em") == []
    choose(page, comparison="control")
    assert texts(page, "#list em") == ["errors"]
    assert "in no regression" not in find(page, "#legend").text
    find(page, "#sentence-1").click()
    assert "in no regression: errors by shuffled are above 5.0 %" in find(page, "#legend").text


def test_comparison_method_and_corpus_are_chosen(page: Chrome, folder: Path) -> None:
    def weight_of_first() -> list[float | None]:
        return [number(text) for text in inspected(page, "weights")["weight"]]

    def in_table(name: str) -> float | None:
        table = read_table(folder / f"{name}.parquet", WEIGHTS)
        return shown(table.filter(sentence_id=0, position=1)["weight"][0])

    assert texts(page, "#method option") == ["Integrated Gradients", "Shapley values"]
    choose(page, method="shapley")
    assert weight_of_first() == [in_table("few.before"), in_table("few.shapley.after")]
    choose(page, corpus="many")
    assert weight_of_first() == [in_table("many.before"), in_table("many.shapley.after")]
    choose(page, comparison="control")
    assert texts(page, "#corpus option") == ["few"]
    tables = ("few.before", "few.control.after", "few.shapley.after")
    assert weight_of_first() == [in_table(name) for name in tables]
    assert "surprisal" not in inspected(page, "quantities")
    assert texts(page, "#rows p") == SERIES["control"]
    choose(page, comparison="alone")
    assert weight_of_first() == [in_table("few.before")]
    assert texts(page, "#rows p") == ["base"]
    heads = texts(page, "#table th")
    assert heads[:3] == ["token", "weight", "share"]
    assert not any("change" in head for head in heads)


def test_pieces_read_as_their_word(page: Chrome) -> None:
    chips = find_all(page, "#rows .row:first-child .chip")
    assert [chip.text for chip in chips] == ["the", "sail", "boat", "s", "left"]
    joined = ["joined" in chip.get_attribute("class") for chip in chips]
    assert joined == [False, False, True, True, False]
    places = [chip.rect for chip in chips]
    assert places[2]["x"] == pytest.approx(places[1]["x"] + places[1]["width"], abs=1)
    assert places[1]["x"] > places[0]["x"] + places[0]["width"] + 2


def test_a_sentence_of_markup_is_text(page: Chrome, folder: Path) -> None:
    find(page, "#next").click()
    assert find(page, "#text").get_property("textContent") == text_of(NASTY)
    chips = find_all(page, "#rows .row:first-child .chip")
    assert [chip.get_property("textContent") for chip in chips] == NASTY
    assert find(page, "h1 small").text == "a <b>run</b>"
    assert len(find_all(page, "script")) == 2
    source = (folder / "explorer.html").read_text()
    assert "throw 1" not in source
    assert source.count("</script>") == 2


def test_the_policy_forbids_scripts_and_requests_of_others(page: Chrome) -> None:
    told = page.execute_async_script(
        """
        const done = arguments[0], broken = [], script = document.createElement("script");
        document.addEventListener("securitypolicyviolation", (event) => {
          broken.push(event.effectiveDirective);
          if (broken.length === 3) done([broken, !!window.ran]);
        });
        script.text = "window.ran = 1";
        document.body.append(script);
        new Image().src = "https://example.org/image.png";
        fetch("https://example.org/").catch(() => null);
        """
    )
    for kind in ("browser", "performance"):
        page.get_log(kind)  # where Chromium tells what it refused
    broken, ran = told
    assert not ran
    assert set(broken) == {"connect-src", "img-src", "script-src-elem"}


def test_the_table_sorts_and_finds_words(page: Chrome, folder: Path) -> None:
    def column(place: int) -> list[float | None]:
        return [number(text) for text in texts(page, f".sorted td:nth-child({place})")]

    weights = read_table(folder / "few.before.parquet", WEIGHTS).filter(
        sentence_id=0, special=False
    )
    expected = [shown(weight) for weight in weights["weight"]]
    assert texts(page, ".sorted td:first-child") == FEW[0]
    assert column(2) == expected
    find(page, "[data-key=weight-0]").click()
    assert column(2) == sorted(expected, reverse=True)
    head = find(page, ".sorted th:nth-child(2)")
    assert head.get_attribute("aria-sort") == "descending"
    press(page, Keys.ENTER)  # the focus stays on the head that was pressed
    assert column(2) == sorted(expected)
    find(page, "[data-key=token]").click()
    assert texts(page, ".sorted td:first-child") == ["##boat", "##s", "left", "sail", "the"]
    find(page, "#filter").send_keys("BOAT")
    assert texts(page, ".sorted td:first-child") == ["##boat"]


def test_types_have_means_over_the_corpus_and_lead_to_sentences(page: Chrome, folder: Path) -> None:
    choose(page, corpus="few", method="shapley")
    choose(page, corpus="many")
    find(page, "#tab-types").click()
    find(page, "[data-key=seen]").click()
    assert len(find_all(page, ".sorted tbody tr")) == len(WORDS)
    weights = read_table(folder / "many.before.parquet", WEIGHTS).filter(special=False)
    means = weights.group_by("token").agg(pl.len(), pl.col("weight").mean())
    name = find(page, ".sorted tbody button").text
    seen, mean = means.filter(token=name).select("len", "weight").row(0)
    cells = texts(page, ".sorted tbody tr:first-child td")
    assert (number(cells[1]), seen) == (seen, means["len"].max())
    assert number(cells[2]) == pytest.approx(mean, rel=1e-3)
    find(page, ".sorted tbody button").click()
    having = weights.filter(token=name)["sentence_id"].n_unique()
    assert find(page, "#found").text == f"{having:,} of 2,000 sentences"
    assert name in find(page, "#text").text.split()
    find(page, "#with-type").click()
    assert find(page, "#found").text == "2,000 sentences"


def test_sentences_are_searched(page: Chrome) -> None:
    find(page, "#query").send_keys("CAKE and")
    assert find(page, "#found").text == "1 of 4 sentences"
    assert find(page, "#heading").text == "Sentence 2"
    find(page, "#query").clear()
    find(page, "#query").send_keys("</script>")
    assert find(page, "#heading").text == "Sentence 1"
    find(page, "#query").send_keys(" nowhere")
    assert find(page, "#found").text == "0 of 4 sentences"
    assert find_all(page, "[role=option]") == []


def focused(page: Chrome) -> WebElement:
    return page.switch_to.active_element


def tab_to(page: Chrome, selector: str) -> None:
    """Press Tab until an element has the focus."""
    for _ in range(60):
        press(page, Keys.TAB)
        if page.execute_script("return document.activeElement.matches(arguments[0])", selector):
            return
    pytest.fail(f"Tab does not lead to {selector}")


def test_the_keyboard_is_enough(page: Chrome, folder: Path) -> None:
    press(page, Keys.TAB)
    assert focused(page).text == "Skip to the tokens"
    tab_to(page, "#method")
    press(page, Keys.ARROW_DOWN)
    assert find(page, "#method").get_property("value") == "shapley"
    press(page, Keys.ARROW_UP)
    tab_to(page, "#list")
    press(page, Keys.ARROW_DOWN, Keys.ARROW_DOWN)
    assert find(page, "#heading").text == "Sentence 2"
    press(page, Keys.END)
    assert find(page, "#heading").text == "Sentence 3"
    press(page, Keys.HOME)
    chosen = find(page, "#list").get_attribute("aria-activedescendant")
    assert find(page, f"#{chosen}").get_attribute("aria-selected") == "true"
    tab_to(page, ".chip")
    press(page, Keys.ARROW_RIGHT)
    assert_inspector_tells(page, folder, 0, 1)
    press(page, Keys.ARROW_DOWN)
    label = focused(page).get_attribute("aria-label")
    assert re.match(r"sail, contrastive: weight [\d.]+, [\d.]+ % of the sentence", label)
    assert (
        page.execute_script("return getComputedStyle(document.activeElement).outlineStyle")
        == "solid"
    )
    press(page, Keys.END)
    assert_inspector_tells(page, folder, 0, 4)
    tab_to(page, "#tab-tokens")
    press(page, Keys.ARROW_RIGHT)
    assert focused(page).get_attribute("aria-selected") == "true"
    assert "means over the weighed sentences" in find(page, "caption").get_property("textContent")
    tab_to(page, "[data-key=count]")
    press(page, Keys.SPACE)
    counts = [number(text) for text in texts(page, ".sorted td:nth-last-child(2)")]
    assert counts == sorted(counts, reverse=True)


CONTRASTS = """
const parts = (color) => color.match(/[\\d.]+/g).slice(0, 3).map((v) => {
  const c = v / 255;
  return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
});
const light = (color) => {
  const [red, green, blue] = parts(color);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};
const contrast = (text, behind) => {
  const [low, high] = [light(text), light(behind)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
};
"""
OF_CHIPS = """
return [...document.querySelectorAll(".chip")].map((chip) => {
  const style = getComputedStyle(chip);
  const weight = Number(chip.ariaLabel.match(/weight ([\\d.]+)/)[1]);
  return [contrast(style.color, style.backgroundColor), weight, light(style.backgroundColor)];
});
"""
OF_DATA = """
const behind = getComputedStyle(document.getElementById("about")).backgroundColor;
return [...document.querySelectorAll("#about, #about *")].map((part) =>
  contrast(getComputedStyle(part).color, behind));
"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_shade_is_legible_and_tells_the_order(page: Chrome, theme: str) -> None:
    choose(page, theme=theme)
    assert min(page.execute_script(CONTRASTS + OF_DATA)) >= 4.5
    find(page, "[value=weight]").click()
    choose(page, method="shapley")
    choose(page, corpus="many")
    seen: dict[float, float] = {}
    for _ in range(30):
        found = page.execute_script(CONTRASTS + OF_CHIPS)
        assert min(contrast for contrast, _, _ in found) >= 4.5
        seen |= {weight: light for _, weight, light in found}
        find(page, "#next").click()
    ordered = np.array([seen[weight] for weight in sorted(seen)])
    steps = np.diff(ordered) * (1 if theme == "dark" else -1)
    assert steps.min() > -0.002  # colours are of whole numbers
    assert steps.sum() > 0.4


def test_dark_follows_the_system_and_the_switch(page: Chrome) -> None:
    def background() -> str:
        return page.execute_script(
            "return getComputedStyle(document.documentElement).backgroundColor"
        )

    light = background()
    dark = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", dark)
    assert background() != light
    choose(page, theme="light")
    assert background() == light
    choose(page, theme="dark")
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert background() != light


def test_two_thousand_sentences_are_no_more_elements(page: Chrome) -> None:
    def elements() -> int:
        return page.execute_script("return document.querySelectorAll('*').length")

    few = elements()
    choose(page, method="shapley")
    choose(page, corpus="many")
    assert find(page, "#found").text == "2,000 sentences"
    find(page, "#list").send_keys(Keys.END)
    assert find(page, "#heading").text == "Sentence 1999"
    assert elements() < few + 500
    find(page, "#tab-types").click()
    assert elements() < few + 2500
    page.execute_script("document.getElementById('list').scrollTop = 50000")
    WebDriverWait(page, 5).until(lambda _: find_all(page, "#sentence-930"))
    assert len(find_all(page, "[role=option]")) < 40


@pytest.mark.parametrize("width", [400, 1280])
def test_nothing_is_wider_than_the_window(page: Chrome, width: int) -> None:
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    wide = page.execute_script("return document.documentElement.scrollWidth")
    page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert wide <= width


def test_readings_of_vocabularies() -> None:
    for tokens, read in (
        (["boat", "##s", "##", "i", "Ġ", *"abcdef"], ["boat", "s", "##", "i", "Ġ", *"abcdef"]),
        (["▁boat", "s", "▁"], ["boat", "s", "▁"]),
        (["Ġboat", "s", "âĢĻ", "Ġ"], ["boat", "s", "’", "Ġ"]),
    ):
        assert readings(pl.Series(tokens)).to_list() == read


def sources_of(folder: Path, information: str) -> Sources:
    weights = [folder / f"few.{name}.parquet" for name in ("before", "after")]
    surprisal = folder / "few.surprisal.parquet"
    return Sources(folder / "few.parquet", weights, folder / information, surprisal, [], None)


def test_words_stand_for_their_tokens(folder: Path, tmp_path: Path) -> None:
    words = pl.Series("token", [word for tokens in FEW for word in text_of(tokens).split(" ")])
    types = read_table(folder / "information.parquet", INFORMATION).head(1).drop("token")
    types = words.unique().sort().to_frame().join(types, how="cross")
    types = types.with_columns(
        token_id=pl.int_range(pl.len(), dtype=pl.Int32), probability=1 / pl.len()
    )
    write_table(types, folder / "words.parquet", INFORMATION, unit="word")
    view = view_of(sources_of(folder, "words.parquet"))
    tokens = [view["types"]["token"][i] for i in view["type"]]
    assert tokens == words.to_list()
    weights = read_table(folder / "few.before.parquet", WEIGHTS)
    first = weights.filter(token="sail").row(0, named=True)
    assert view["weight"][0][1] == shown(first["word_weight"])
    errors = view["error"][0]
    assert errors[1] is None  # its three tokens have an error each
    assert errors[0] == shown(weights.filter(token="the")["error"][0])
    scored = read_table(folder / "few.surprisal.parquet", SURPRISAL)["surprisal"]
    assert view["surprisal"][1] == shown(float(scored[1:4].sum()))
    assert view["joins"] == []


def test_the_users_names_of_sentences_are_shown(browser: Chrome, tmp_path: Path) -> None:
    control = write_run(tmp_path)[-1]
    corpus = read_table(tmp_path / "few.parquet", CORPUS)
    names = ["first", *[None] * (len(corpus) - 1)]
    write_table(corpus.with_columns(id=pl.Series(names)), tmp_path / "few.parquet", CORPUS)
    write_data(tmp_path / "data.parquet")
    piece, output = tmp_path / "piece.json", tmp_path / "page.html"
    assert_runs("collect_tokens", *control, "--output-tokens", piece)
    about = ("--data", tmp_path / "data.parquet", "--run-name", "a", "--minimum-count", 20)
    assert_runs("build_explorer", piece, *about, "--output-page", output)
    browser.get(output.as_uri())
    assert find(browser, "#heading").text == "Sentence first"
    assert texts(browser, "#list b")[:2] == ["first", "1"]


def test_of_many_sentences_the_first_are_shown(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("common.reports.token_views.SENTENCES", 3)
    view = view_of(sources_of(folder, "information.parquet"))
    assert view["left_out"] == 1
    assert view["lengths"] == [len(tokens) for tokens in FEW[:3]]


def test_a_column_that_stands_twice_is_kept_once() -> None:
    columns = Columns()
    placed = columns.place({"unit": "token", "weight": [[1, 2], [3, 4]], "of": {"error": [3, 4]}})
    assert placed == {"unit": "token", "weight": [0, 1], "of": {"error": 1}}
    assert columns.values == [[1, 2], [3, 4]]


def test_bad_input_is_one_line(tmp_path: Path) -> None:
    *_, control, _ = write_run(tmp_path)
    output = ["--output-tokens", tmp_path / "piece.json"]
    unknown = ["other" if option == "control" else option for option in control]
    line = assert_refuses("collect_tokens", *unknown, *output)
    assert "no row for other, few, shapley; correlate first" in line
    write_corpus(tmp_path / "few.parquet", ["one sentence"])
    assert "no sentence 1, which" in assert_refuses("collect_tokens", *control, *output)
    assert not (tmp_path / "piece.json").exists()
    (tmp_path / "piece.json").write_text("[]")
    write_data(tmp_path / "data.parquet")
    about = ["--data", tmp_path / "data.parquet", "--run-name", "a", "--minimum-count", 20]
    about += ["--output-page", tmp_path / "page.html"]
    line = assert_refuses("build_explorer", tmp_path / "piece.json", *about)
    assert "piece.json: nothing that collect_tokens or collect_pairs wrote" in line
    piece = {"entry": {"comparison": "tuned", "corpus": "other"}, "view": {}}
    (tmp_path / "piece.json").write_text(json.dumps(piece))
    line = assert_refuses("build_explorer", tmp_path / "piece.json", *about)
    assert "data.parquet: no row for tuned, other; describe their data first" in line
    assert not (tmp_path / "page.html").exists()


def address(page: Chrome) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(page.current_url).fragment))


def test_a_link_leads_to_what_was_shown(page: Chrome, folder: Path) -> None:
    choose(page, comparison="tuned", method="shapley", corpus="few")
    find(page, "#next").click()
    find(page, "[name=scale][value=weight]").find_element(By.XPATH, "..").click()
    find(page, "#filter").send_keys("t")
    find(page, "[data-key=weight-1]").click()
    link, rows = page.current_url, texts(page, ".sorted tbody tr")
    assert address(page) == {
        **{"comparison": "tuned", "method": "shapley", "corpus": "few", "sentence": "1"},
        **{"scale": "weight", "tab": "tokens", "sort": "weight-1", "order": "descending"},
        "words": "t",
    }
    page.get("about:blank")
    page.get(link)
    assert texts(page, ".sorted tbody tr") == rows
    assert find(page, "#heading").text == "Sentence 1"
    assert Select(find(page, "#method")).first_selected_option.text == "Shapley values"
    assert find(page, "[name=scale][value=weight]").is_selected()
    assert page.current_url == link


def test_a_link_to_types_with_a_word_and_a_search(page: Chrome) -> None:
    page.get(page.current_url.partition("#")[0] + "#comparison=tuned&corpus=few&tab=types&with=a")
    page.refresh()
    assert find(page, "#tab-types").get_attribute("aria-selected") == "true"
    assert find(page, "#with-type").text.startswith("with a")
    assert find(page, "#heading").text == "Sentence 2"


def test_back_undoes_steps(page: Chrome) -> None:
    find(page, "#next").click()
    find(page, "#next").click()
    assert find(page, "#heading").text == "Sentence 2"
    page.back()
    assert find(page, "#heading").text == "Sentence 1"
    choose(page, comparison="control")
    page.back()
    assert Select(find(page, "#comparison")).first_selected_option.text == "tuned"
    page.forward()
    assert Select(find(page, "#comparison")).first_selected_option.text == "control"


@pytest.mark.parametrize("link", ["#tokens", "#comparison=no&sentence=9&sort=no&with=no", "#%%%"])
def test_an_address_of_something_else_shows_the_beginning(page: Chrome, link: str) -> None:
    start = page.current_url.partition("#")[0]
    page.get("about:blank")
    page.get(start + link)
    assert find(page, "#heading").text == "Sentence 0"


def downloaded(page: Chrome, button: str, folder: Path) -> Path:
    """The file that a button gives."""
    behaviour = {"behavior": "allow", "downloadPath": str(folder)}
    page.execute_cdp_cmd("Browser.setDownloadBehavior", behaviour)
    find(page, button).click()

    def files(_: Chrome) -> list[Path]:
        return [f for f in folder.iterdir() if not f.name.endswith(".crdownload")]

    return WebDriverWait(page, 20).until(files)[0]


def test_csv_holds_all_rows_of_the_table(page: Chrome, folder: Path, tmp_path: Path) -> None:
    choose(page, comparison="tuned", method="shapley", corpus="many")
    find(page, "#tab-types").click()
    find(page, "[data-key=weight-0]").click()
    file = downloaded(page, "#save-csv", tmp_path)
    assert file.name == "base.contrastive.shapley.0.types.csv"
    table = pl.read_csv(file, infer_schema_length=None)
    head = [text.rstrip("▾▴").strip() for text in texts(page, ".sorted th")]
    assert table.columns == head
    weights = table["mean weight, base"]
    assert weights.to_list() == sorted(weights, reverse=True)
    rows = read_table(folder / "many.before.parquet", WEIGHTS).filter(special=False)
    expected = dict(rows.group_by("token").agg(pl.col("weight").mean()).iter_rows())
    found = dict(table.select("token", "mean weight, base").iter_rows())
    assert found == pytest.approx(expected, rel=1e-3)


def test_csv_of_a_sentence_quotes_what_needs_it(page: Chrome, tmp_path: Path) -> None:
    choose(page, corpus="few")
    find(page, "#next").click()
    table = pl.read_csv(downloaded(page, "#save-csv", tmp_path), schema_overrides={"token": str})
    assert table["token"].to_list() == NASTY


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_drawing_holds_every_token_by_every_encoder(
    page: Chrome, tmp_path: Path, theme: str
) -> None:
    choose(page, comparison="control", corpus="few", theme=theme)
    file = downloaded(page, "#save-svg", tmp_path)
    assert file.name == "base.shuffled.random.shapley.0.svg"
    root = ElementTree.parse(file).getroot()
    name = "{http://www.w3.org/2000/svg}"
    drawn = [element.text for element in root.iter(f"{name}text")]
    tokens = [token.removeprefix("##") for token in FEW[0]]
    assert drawn[:-2] == ["base", *tokens, "shuffled", *tokens, "random", *tokens]
    assert drawn[-1].endswith("scale of this sentence")
    boxes = list(root.iter(f"{name}rect"))[1:-1]
    width, height = (float(root.get(side)) for side in ("width", "height"))
    for box in boxes:
        x, y, wide, high = (float(box.get(k)) for k in ("x", "y", "width", "height"))
        assert x + wide <= width
        assert y + high <= height
    fills = [box.get("fill") for box in boxes]
    assert len(fills) == 15
    if theme == "light":
        chips = find_all(page, ".chip")
        background = [chip.value_of_css_property("background-color") for chip in chips]
        rgb = [re.findall(r"\d+", colour)[:3] for colour in background]
        assert [re.findall(r"\d+", fill) for fill in fills] == rgb


def test_the_picture_is_twice_as_large(page: Chrome, tmp_path: Path) -> None:
    choose(page, corpus="few")
    find(page, "#next").click()  # a sentence of markup
    image = Image.open(downloaded(page, "#save-png", tmp_path))
    assert image.width == 1520
    assert len(image.convert("RGB").getcolors(10**6)) > 10


PAIRS = [("a boat ran", "a boat saw", 4.5), ("the moon", "<b>the</b> star", None)]


@pytest.fixture
def pairs_page(browser: Chrome, tmp_path: Path) -> Chrome:
    """A page of two pairs, of the second of which one side was weighed, with similarities."""
    options = write_run(tmp_path)[0]
    rows = [
        {"document_id": n, "text": text, "pair_id": n, "side": side, "score": score}
        for n, (*both, score) in enumerate(PAIRS)
        for side, text in enumerate(both)
    ]
    corpus = pl.DataFrame(rows).with_columns(sentence_id=pl.Series([0, 1, 2, 7]))
    alone = {"document_id": 2, "text": "alone", "sentence_id": 3}
    corpus = pl.concat([corpus, pl.DataFrame(alone)], how="diagonal").cast({"side": pl.Int8})
    corpus = corpus.with_columns(pl.col("pair_id").fill_null(9), pl.col("side").fill_null(0))
    write_table(corpus, tmp_path / "few.parquet", CORPUS)
    similarities = []
    for name, cosines in (("one", [0.25, -0.5]), ("two", [0.75, 0.5])):
        table = pl.DataFrame({"pair_id": [0, 1], "similarity": cosines})
        similarities.append(tmp_path / f"{name}.parquet")
        write_table(table, similarities[-1], SIMILARITIES)
    options += ["--similarities", *similarities]
    assert_runs("collect_tokens", *options, "--output-tokens", tmp_path / "0.json")
    write_data(tmp_path / "data.parquet")
    about = ("--data", tmp_path / "data.parquet", "--run-name", "pairs", "--minimum-count", 20)
    assert_runs("build_explorer", tmp_path / "0.json", *about, "--output-page", tmp_path / "e.html")
    browser.get((tmp_path / "e.html").as_uri())
    return browser


def test_a_pair_shows_partner_score_and_similarity(pairs_page: Chrome) -> None:
    pair = find(pairs_page, "#pair")
    told = "score 4.5 · cosine by base 0.25 · cosine by contrastive 0.75"
    assert pair.text.startswith("Paired with")
    assert "a boat saw" in pair.text
    assert told in pair.text
    pair.find_element(By.TAG_NAME, "button").click()
    assert find(pairs_page, "#heading").text == "Sentence 1"
    assert "a boat ran" in pair.text
    find(pairs_page, "#next").click()
    assert "<b>the</b> star" in pair.text
    assert "cosine by base −0.50" in pair.text
    assert "score" not in pair.text
    assert pair.find_elements(By.TAG_NAME, "button") == []
    find(pairs_page, "#next").click()
    assert not pair.is_displayed()
    pairs_page.back()
    assert find(pairs_page, "#heading").text == "Sentence 2"


def test_sentences_are_found_by_their_ids(page: Chrome) -> None:
    choose(page, method="shapley", corpus="many")
    find(page, "#query").send_keys("1999")
    assert find(page, "#heading").text == "Sentence 1999"
