"""The explorer's view of pairs: lines, matrix, hover, keys, address and export."""

import re
from pathlib import Path
from xml.etree import ElementTree

import polars as pl
import pytest
from commands import assert_refuses, assert_runs, write_corpus
from PIL import Image
from selenium.webdriver import ActionChains, Chrome, Keys
from test_build_explorer import (
    downloaded,
    find,
    find_all,
    press,
    texts,
    write_data,
    write_run,
)
from test_describe_pairs import ENCODERS, write_pairs

from common.contract import PAIRS
from common.tables import read_table

PAIR = 4
"""The third of the pairs."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of one comparison's sentences, and of pairs by two encoders."""
    folder = tmp_path_factory.mktemp("page")
    assert_runs("collect_tokens", *write_run(folder)[0], "--output-tokens", folder / "t.json")
    write_data(folder / "data.parquet")
    for seed, name in enumerate(ENCODERS):
        write_pairs(folder / f"{name}.parquet", seed)
    numbers = [2 * pair for pair in range(12) for _ in (0, 1)]
    written = [f"<b>side</b> {side} of {pair}" for pair in numbers[::2] for side in (0, 1)]
    columns = {"pair_id": numbers, "side": [0, 1] * 12, "score": [float(n) for n in numbers]}
    write_corpus(folder / "pairs.parquet", written, **columns)
    assert_runs("collect_pairs", *options(folder), "--output-pairs", folder / "p.json")
    page = ("--output-page", folder / "explorer.html", "--run-name", "run", "--minimum-count", 20)
    pieces = (folder / "t.json", "--pairs", folder / "p.json", "--data", folder / "data.parquet")
    assert_runs("build_explorer", *pieces, *page)
    return folder


def options(folder: Path) -> list[object]:
    paths = [folder / f"{name}.parquet" for name in ENCODERS]
    about = ("--comparison", "tuned", "--corpus", "pairs", "--method", "shapley")
    texts_of = ("--texts", folder / "pairs.parquet")
    return [*texts_of, "--pairs", *paths, "--encoders", *ENCODERS, *about]


@pytest.fixture
def page(browser: Chrome, folder: Path) -> Chrome:
    """The page at the third pair."""
    browser.get((folder / "explorer.html").as_uri())
    assert find(browser, "#heading").is_displayed()
    find(browser, "[name=show][value=pairs]").click()
    assert not find(browser, "#heading").is_displayed()
    for _ in range(2):
        find(browser, "#pair-list").send_keys(Keys.ARROW_DOWN)
    assert find(browser, "#pair-heading").text == f"Pair {PAIR}, score 4"
    return browser


def rows_of(folder: Path, encoder: str, *, whole: bool = False) -> pl.DataFrame:
    """The rows that the matrix shows of the pair."""
    rows = read_table(folder / f"{encoder}.parquet", PAIRS).filter(pair_id=PAIR)
    return rows if whole else rows.filter(special=False, other_special=False)


def assert_shown(told: list[str], rows: pl.DataFrame) -> None:
    """Hold cells against attributions, in hundredths to one decimal of four digits."""
    assert "−0.0" not in told
    shown = [float(text.replace("−", "-")) for text in told]
    assert shown == pytest.approx([100 * value for value in rows["attribution"]], abs=0.056)


def svg_texts(page: Chrome, selector: str) -> list[str]:
    script = "return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent)"
    return page.execute_script(script, selector)


def close(shown: str, value: float) -> bool:
    return float(shown.replace("−", "-")) == pytest.approx(value, rel=1e-3)


def test_both_sentences_score_similarities_and_matrix_are_those_of_the_tables(
    page: Chrome, folder: Path
) -> None:
    assert [find(page, f"#pair-text-{side}").text for side in (0, 1)] == [
        f"<b>side</b> {side} of {PAIR}" for side in (0, 1)
    ]
    for stage, encoder in enumerate(ENCODERS):
        find_all(page, "[name=pair-encoder]")[stage].click()
        rows = rows_of(folder, encoder)
        assert_shown(svg_texts(page, "#pair-matrix .cell text"), rows)
        similarity = f"{encoder} {rows['similarity'][0]:.2f}".replace("-", "−")
        assert texts(page, "#pair-encoders label")[stage] == similarity
        assert len(find_all(page, "#pair-lines .line")) == len(rows)
        parts = [
            float(t.replace("−", "-")) for t in re.findall(r"[+−]\d+\.\d\d", text_of_sum(page))
        ]
        assert len(parts) == 3
        assert sum(parts) == pytest.approx(rows["similarity"][0], abs=0.016)
    find(page, "#pair-whole").click()
    assert_shown(svg_texts(page, "#pair-matrix .cell text"), rows_of(folder, "after", whole=True))
    assert svg_texts(page, "#pair-lines .word")[:2] == ["baseline", "[CLS]"]


def text_of_sum(page: Chrome) -> str:
    return find(page, "#pair-sum").text


def test_hover_and_keys_tell_a_pair_of_tokens_by_every_encoder(page: Chrome, folder: Path) -> None:
    rows = {name: rows_of(folder, name) for name in ENCODERS}
    first = rows["before"]
    columns = first["other_position"].n_unique()

    def assert_tells(place: int) -> None:
        told = find(page, "#pair-cell").text
        row = first.row(place, named=True)
        assert told.startswith(f"{row['token']} and {row['other_token']}: ")
        shown = re.findall(r"([+−][\d.e−]+) ± [\d.e−]+ by (\w+)", told)
        assert [name for _, name in shown] == ENCODERS
        for value, name in shown:
            assert close(value, rows[name]["attribution"][place])
        marked = find_all(page, "#pair-lines .line.current")
        assert len(marked) == 1
        assert find_all(page, ".cell.current") == [find_all(page, ".cell")[place]]

    assert_tells(0)
    ActionChains(page).move_to_element(find_all(page, ".cell")[columns + 1]).perform()
    assert_tells(columns + 1)
    page.execute_script("document.querySelectorAll('.cell')[0].focus()")
    press(page, Keys.ARROW_RIGHT, Keys.ARROW_DOWN, Keys.ARROW_DOWN)
    assert_tells(2 * columns + 1)
    press(page, Keys.END, Keys.ARROW_UP)
    assert_tells(2 * columns - 1)
    assert len(find_all(page, ".cell[tabindex='0']")) == 1
    ActionChains(page).move_to_element(find(page, "#pair-lines .word")).perform()
    away = len(first) - columns
    assert len(find_all(page, "#pair-lines .line.away")) == away


def test_pairs_are_searched_and_their_address_leads_back(page: Chrome, folder: Path) -> None:
    find_all(page, "[name=pair-encoder]")[0].click()
    address = page.current_url
    assert "show=pairs" in address
    assert f"pair={PAIR}" in address
    find(page, "#pair-query").send_keys("of 18")
    assert find(page, "#pairs-found").text == "1 of 12 pairs"
    assert find(page, "#pair-heading").text == "Pair 18, score 18"
    page.get("about:blank")
    page.get(address)
    assert find(page, "#pair-heading").text == f"Pair {PAIR}, score 4"
    assert_shown(svg_texts(page, "#pair-matrix .cell text"), rows_of(folder, "before"))
    find(page, "[name=show][value=sentences]").click()
    assert find(page, "#heading").text == "Sentence 0"
    page.back()
    assert find(page, "#pair-heading").is_displayed()


def test_the_drawing_holds_both_sentences_lines_and_matrix(
    page: Chrome, folder: Path, tmp_path: Path
) -> None:
    file = downloaded(page, "#pair-svg", tmp_path)
    assert file.name == f"after.shapley.pairs.{PAIR}.svg"
    root = ElementTree.parse(file).getroot()
    drawn = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    rows = rows_of(folder, "after")
    assert drawn[:2] == [f"<b>side</b> {side} of {PAIR}" for side in (0, 1)]
    assert drawn[2].startswith("similarity by after: ")
    assert_shown([text for text in drawn if re.fullmatch(r"−?\d+\.\d", text)], rows)
    assert len(list(root.iter("{http://www.w3.org/2000/svg}line"))) == len(rows)
    (tmp_path / "png").mkdir()
    image = Image.open(downloaded(page, "#pair-png", tmp_path / "png"))
    assert image.width == 2 * round(float(root.get("width")))
    assert len(image.convert("RGB").getcolors(10**6)) > 10


def test_a_page_without_pairs_offers_none(browser: Chrome, folder: Path, tmp_path: Path) -> None:
    page = ("--output-page", tmp_path / "e.html", "--run-name", "run", "--minimum-count", 20)
    assert_runs("build_explorer", folder / "t.json", "--data", folder / "data.parquet", *page)
    browser.get(f"{(tmp_path / 'e.html').as_uri()}#show=pairs")
    assert find(browser, "#heading").text == "Sentence 0"
    assert not find(browser, "#show").is_displayed()


def test_what_is_not_of_the_pairs_is_refused(folder: Path, tmp_path: Path) -> None:
    write_corpus(tmp_path / "c.parquet", ["a", "b"], pair_id=[1, 1], side=[0, 1])
    given = [
        tmp_path / "c.parquet" if one == folder / "pairs.parquet" else one
        for one in options(folder)
    ]
    line = assert_refuses("collect_pairs", *given, "--output-pairs", tmp_path / "p.json")
    assert "c.parquet: lacks a pair of" in line
    (tmp_path / "bad.json").write_text("{}")
    pieces = (folder / "t.json", "--pairs", tmp_path / "bad.json", "--run-name", "run")
    more = (
        "--data",
        folder / "data.parquet",
        "--minimum-count",
        20,
        "--output-page",
        tmp_path / "e",
    )
    line = assert_refuses("build_explorer", *pieces, *more)
    assert "bad.json: nothing that collect_tokens or collect_pairs wrote" in line
