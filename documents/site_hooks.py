"""Hooks of the site: formulas as MathML, which browsers draw themselves, and an offline search."""

import html
import re
from typing import Any

from latex2mathml.converter import convert

FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)


SHIM = "https://unpkg.com/iframe-worker/shim"


def on_page_content(text: str, **_: Any) -> str:
    """Replace the formulas of a page, inline ones in spans and displayed ones in divs."""

    def drawn(found: re.Match[str]) -> str:
        display = "block" if found[1] == "div" else "inline"
        return str(convert(html.unescape(found[2]).strip(), display=display))

    return FORMULA.sub(drawn, text)


def on_post_page(output: str, **_: Any) -> str:
    """Take the script that lets a search run without a server from the site, not from elsewhere."""
    return output.replace(SHIM, "search_from_files.js")
