"""Files as people have them: whatever was written is read as it was, or refused by its row."""

import bz2
import csv
import gzip
import io
import json
import lzma
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from commands import assert_refuses
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import download_corpus
from common.command import InputError
from common.contract import CORPUS
from common.corpora.files import fault_of, find_files
from common.corpora.sources import Form, read_lines, read_rows
from common.tables import read_table

COMPRESSIONS = {"": bytes, ".gz": gzip.compress, ".BZ2": bz2.compress, ".xz": lzma.compress}
FORM = Form(("a", "b"), label="c", id="d")
LETTERS = st.one_of(
    st.sampled_from("ab\"'\\,;\t\n\r |é "),
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cf", "Cs"]),
)
CELLS = st.text(LETTERS, max_size=8)
ROWS = st.lists(st.tuples(CELLS, CELLS, CELLS, CELLS), min_size=1, max_size=6)


def bring(directory: Path, name: str, content: bytes | str, **columns: Any) -> pl.DataFrame:
    file, output = directory / name, directory / "corpus.parquet"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    given = {"text_columns": ["text"]} if not name.endswith("txt") else {}
    download_corpus.main([file], output_corpus=output, documents="line", **given | columns)
    return read_table(output, CORPUS)


def texts(directory: Path, name: str, content: bytes | str, **columns: Any) -> list[str]:
    return bring(directory, name, content, **columns)["text"].to_list()


def refused(directory: Path, name: str, content: bytes | str, **columns: Any) -> str:
    with pytest.raises(InputError) as raised:
        bring(directory, name, content, **columns)
    assert str(directory / name) in str(raised.value)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def read_back(file: Path, kind: str, form: Form) -> list[tuple[str | None, ...]]:
    rows = read_rows(file, kind, form)
    return [(*pair, label, one) for pair, label, one in rows.select("text", "label", "id").rows()]


@settings(deadline=None, max_examples=400)
@given(st.data(), ROWS)
def test_delimited_tables_of_every_dialect_are_read_back(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, rows: list[tuple[str, ...]]
) -> None:
    separator = data.draw(st.sampled_from([",", ";", "\t", "|"]))
    doubled = data.draw(st.booleans())
    quoting = csv.QUOTE_ALL if not doubled else data.draw(st.sampled_from([0, csv.QUOTE_ALL]))
    header = data.draw(st.booleans())
    encoding = data.draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1"]))
    written = io.StringIO(newline="")
    writer = csv.writer(
        written,
        delimiter=separator,
        doublequote=doubled,
        escapechar=None if doubled else "\\",
        quoting=quoting,
        # Python 3.11 puts no other line end than the file's in quotes if it need not
        lineterminator=data.draw(st.sampled_from(["\r\n", *(["\n", "\r"] if quoting else [])])),
    )
    writer.writerows([*([tuple("abcd")] if header else []), *rows])
    content = written.getvalue()
    # a backslash before a quote can be read in two ways, as can a tab in a cell of two lines
    assume(not doubled or '\\"' not in content)
    assume(separator != "\t" or not any("\t" in cell for row in rows for cell in row))
    # and without any quote, that a backslash escapes one
    assume(doubled or any('"' in cell for row in rows for cell in row))
    try:
        raw = content.encode(encoding)
    except UnicodeEncodeError:
        assume(False)
    compression = data.draw(st.sampled_from(list(COMPRESSIONS)))
    kinds = [".tsv", ".TSV", ".csv"] if separator == "\t" else [".csv", ".CSV"]
    suffix = data.draw(st.sampled_from(kinds))
    file = tmp_path_factory.mktemp("dialect") / f"x{suffix}{compression}"
    file.write_bytes(COMPRESSIONS[compression](raw))
    told = separator if not header or separator == "|" else None
    encoding = "utf-8" if encoding == "utf-8-sig" else encoding
    form = Form(FORM.texts, None, "c", "d", separator=told, encoding=encoding)
    if not header:
        form = Form(("1", "2"), None, "3", "4", True, told, encoding)
    expected = [tuple(cell or None for cell in row) for row in rows]
    try:
        found = read_back(file, suffix.lower(), form)
    except InputError as error:
        if doubled or "reads otherwise" not in str(error):
            raise
        return
    assert found == expected


@settings(deadline=None, max_examples=200)
@given(st.data(), ROWS)
def test_json_of_every_form_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, rows: list[tuple[str, ...]]
) -> None:
    nested, plain = data.draw(st.booleans()), data.draw(st.booleans())
    other = st.one_of(st.none(), st.integers(), st.text(max_size=3), st.lists(st.integers()))
    objects = []
    for a, b, c, d in rows:
        inner = {"a": a, "b": b}
        objects.append({"data": inner} if nested else inner)
        objects[-1] |= {"c": c, "d": d, "other": data.draw(other)}
    file = tmp_path_factory.mktemp("json") / "x.json"
    form = data.draw(st.sampled_from(["lines", "list", "indented", "concatenated"]))
    lines = [json.dumps(one, ensure_ascii=not plain) for one in objects]
    if form == "list":
        content = f"[{', '.join(lines)}]"
    elif form == "indented":
        content = json.dumps(objects, indent=2)
    elif form == "concatenated":
        content = "".join(json.dumps(one, indent=1) for one in objects)
    else:
        content = data.draw(st.sampled_from(["\n", "\r\n", "\r"])).join(lines)
    file.write_bytes(content.encode())
    wanted = Form(("data.a", "data.b") if nested else FORM.texts, None, "c", "d")
    for kind in (".json", ".jsonl") if form == "lines" else (".json",):
        assert read_back(file, kind, wanted) == rows


@settings(deadline=None, max_examples=60)
@given(st.data(), ROWS)
def test_parquet_of_every_type_of_text_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, rows: list[tuple[str, ...]]
) -> None:
    file = tmp_path_factory.mktemp("parquet") / "x.parquet"
    frame = pl.DataFrame(rows, ["a", "b", "c", "d"], orient="row")
    of_kind = {
        "plain": pl.all(),
        "categorical": pl.all().cast(pl.Categorical),
        "binary": pl.all().cast(pl.Binary),
        "nested": pl.struct("a", "b").alias("data"),
    }
    kind = data.draw(st.sampled_from(list(of_kind)))
    (frame.with_columns(of_kind[kind])).write_parquet(file)
    wanted = Form(("data.a", "data.b") if kind == "nested" else FORM.texts, None, "c", "d")
    assert read_back(file, ".parquet", wanted) == rows


ESCAPED = """id,text
1,"The screen is 15\\" wide"
2,"Works well"
3,"The cable is 6\\" long, or ""so"" and \\\\ that"
"""


def test_quotes_escaped_by_backslashes_are_read(tmp_path: Path) -> None:
    assert texts(tmp_path, "a.csv", ESCAPED) == [
        'The screen is 15" wide',
        "Works well",
        'The cable is 6" long, or "so" and \\ that',
    ]


STRAY = {
    "inside": ('id,text\n1,"fine"\n2,"15" wide"\n3,"6" long"\n', "row 2 (line 3)"),
    "never closed": ('id,text\n1,"fine"\n2,"wide\n3,long\n', "row 2 (line 3)"),
    "in the header": ('id,"te"xt\n1,a\n', "its header (line 1)"),
    "after lines": ('id,text\n1,"two\nlines"\n2,"15" wide"\n', "row 2 (line 4)"),
    "semicolons": ('id;text\n1;"15" wide"\n2;"6" long"\n', "row 1 (line 2)"),
    "tabs": ('id\ttext\n1\t"15" wide"\n2\t"fine"\n3\t"6" long"\n', "row 1 (line 2)"),
    "both ways": ('text,x\n"\\"",",x"\n', "row 1 (line 2): reads otherwise"),
    "merged": ('id\ttext\n1\t"Yes\n2\tNo"\n3\tso\n', "row 1 (line 2)"),
    "comma in a text": ("id,text\n1,well, no\n", "row 1 (line 2): has 3 fields, the header 2"),
    "short": ("id,text\n1,a\n2\n", "row 2 (line 3): has 1 fields, the header 2"),
    "after a blank": ('a, text\n"a", "b"\n"c", "d\n', "row 2 (line 3)"),
    "thrice": ('text;b\n"a """T""""; "b"\n', "row 1 (line 2)"),
    "twice": ("text,text\na,b\n", "'text' stands 2 times"),
}


@pytest.mark.parametrize("case", STRAY)
def test_a_stray_quote_or_field_names_its_row(tmp_path: Path, case: str) -> None:
    content, said = STRAY[case]
    assert said in refused(tmp_path, "a.csv", content)


def test_tabs_part_texts_whose_quotes_are_plain(tmp_path: Path) -> None:
    content = 'n\ttext\n1\t"Yes , " he said\n2\tthe 6" one\n3\t"No\n'
    expected = ['"Yes , " he said', 'the 6" one', '"No']
    assert texts(tmp_path, "a.tsv", content) == expected
    assert texts(tmp_path, "a.csv", content) == expected


READ: dict[str, tuple[str, str | bytes, dict[str, Any], list[str]]] = {
    "carriage returns": ("a.txt", "one\rtwo\rthree\r", {}, ["one", "two", "three"]),
    "mixed line ends": ("a.txt", "a\r\nb\nc\rd", {}, ["a", "b", "c", "d"]),
    "csv with carriage returns": ("a.csv", "id,text\r1,one\r2,two\r", {}, ["one", "two"]),
    "columns of other types": (
        "a.jsonl",
        '{"text": "one", "m": {"u": 1}}\n{"text": "two", "m": "x"}\n{"text": "three", "m": [1]}',
        {},
        ["one", "two", "three"],
    ),
    "named separator": ("a.csv", "sep=;\r\nid;text\r\n1;a, b\r\n", {}, ["a, b"]),
    "blank lines": ("a.csv", "id,text\n\n1,a\n\n", {}, ["a"]),
    "blanks in the header": ("a.csv", "id, text\n1, a\n", {}, ["a"]),
    "blanks before quotes": ("a.csv", 'n, text\n1, "a, b"\n2, "c"\n', {}, ["a, b", "c"]),
    "backslashes outside quotes": (
        *("a.csv", 'text,path\n"a \\"b\\" c",C:\\users\\g\nd,x\\\n', {}),
        ['a "b" c', "d"],
    ),
    "byte order mark": ("a.csv", b"\xef\xbb\xbftext,n\na,1\n", {}, ["a"]),
    "list under a key": (
        *("a.json", '{"data": [{"text": "a"}, {"text": "b"}]}', {"text_columns": ["data.text"]}),
        ["a", "b"],
    ),
    "long field": ("a.csv", f'id,text\n1,"{"word " * 40_000}"\n', {}, [("word " * 40_000).strip()]),
    "headerless": (
        "a.CSV",
        "1;a, b\n2;c\n",
        {"text_columns": ["2"], "numbered": True},
        ["a, b", "c"],
    ),
    "lists": (
        "a.jsonl",
        '{"text": ["one", "two"]}\n{"text": ["three"]}',
        {},
        ["one", "two", "three"],
    ),
    "path through lists": (
        "a.json",
        '[{"turns": [{"value": "hi"}, {"value": "ho"}]}]',
        {"text_columns": ["turns.value"]},
        ["hi", "ho"],
    ),
    "name with a dot": (
        "a.json",
        '{"a.b": "x", "a": {"b": "y"}}',
        {"text_columns": ["a.b"]},
        ["x"],
    ),
    "NaN for none": ("a.jsonl", '{"text": NaN}\n{"text": "x"}\n', {}, ["x"]),
    "ndjson": ("a.NDJSON", '{"text": "x"}\n', {}, ["x"]),
    "latin": ("a.txt", b"caf\xe9", {"encoding": "latin-1"}, ["caf\xe9"]),
    "UTF-8 with a mark": ("a.txt", "caf\xe9".encode("utf-8-sig"), {}, ["caf\xe9"]),
    "files put together": ("a.csv", b"\xef\xbb\xbftext\na\n\xef\xbb\xbfb\n", {}, ["a", "b"]),
    "UTF-16": ("a.txt", "caf\xe9\nb".encode("utf-16"), {"encoding": "utf-16"}, ["caf\xe9", "b"]),
    "big number": ("a.jsonl", '{"text": 1%s}' % ("0" * 30), {}, ["1" + "0" * 30]),
    "members of a gzip": ("a.txt.gz", gzip.compress(b"a\n") + gzip.compress(b"b"), {}, ["a", "b"]),
    "other separator": ("a.csv", "id|text\n1|a\n", {"separator": "|"}, ["a"]),
    "escaped tab": ("a.csv", "id\ttext\n1\ta\n", {"separator": "\\t"}, ["a"]),
}


@pytest.mark.parametrize("case", READ)
def test_files_that_people_have(tmp_path: Path, case: str) -> None:
    name, content, columns, expected = READ[case]
    assert texts(tmp_path, name, content, **columns) == expected


LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
OLD_SHEET = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
LATIN = {"encoding": "latin-1"}
WIDE = "caf\xe9\nb"
REFUSED: dict[str, tuple[str, str | bytes, dict[str, Any], str]] = {
    "pointer": ("a.txt", LFS, {}, "git lfs pull"),
    "pointer to a gzip": ("a.csv.gz", LFS, {}, "git lfs pull"),
    "pointer to parquet": ("a.parquet", LFS, {}, "git lfs pull"),
    "varying column": ("a.jsonl", '{"text": ["a"]}\n{"text": "b"}', {}, "line 2: column 'text'"),
    "object": ("a.jsonl", '{"text": {"a": "b"}}', {}, "line 1: column 'text' holds an object"),
    "missing path": ("a.json", '{"text": "b"}', {"text_columns": ["text.a"]}, "no column 'text.a'"),
    "two evenly": (
        *("a.csv", "1;a,b\n2;c,d\n", {"text_columns": ["2"], "numbered": True}),
        "name the separator",
    ),
    "too few columns": ("a.csv", "a,b\n", {"text_columns": ["3"], "numbered": True}, "no column 3"),
    "not in json": (
        "a.json",
        "{}",
        {"text_columns": ["3"], "numbered": True},
        "names, not numbers",
    ),
    "lists of a pair": (
        *("a.jsonl", '{"a": ["x"], "b": "y"}', {"text_columns": ["a", "b"]}),
        "column 'a' holds lists",
    ),
    "cut json": ("a.json", '[{"text": "a"},\n', {}, "not JSON"),
    "scalar in json": ("a.json", '[{"text": "a"}, 3]', {}, "row 2: not a JSON object"),
    "spreadsheet by its name": (
        "a.xlsx",
        b"PK\x03\x04rest",
        {},
        "spreadsheet; save its sheet as csv",
    ),
    "old spreadsheet": ("a.XLS", OLD_SHEET, {}, "spreadsheet; save its sheet as csv"),
    "open document": ("a.ods", b"PK\x03\x04rest", {}, "spreadsheet; save its sheet as csv"),
    "spreadsheet as csv": ("a.csv", b"PK\x03\x04rest", LATIN, "zip archive, as spreadsheets"),
    "spreadsheet as text": ("a.txt", b"PK\x03\x04rest\n", {}, "zip archive, as spreadsheets"),
    "old spreadsheet as csv": ("a.csv", OLD_SHEET, {}, "an old spreadsheet or document"),
    "spreadsheet in a gzip": ("a.csv.gz", gzip.compress(b"PK\x03\x04x"), {}, "zip archive"),
    "gzip by another name": ("a.txt", gzip.compress(b"a\n"), LATIN, "let its name end in .gz"),
    "PDF": ("a.txt", b"%PDF-1.4\ntext\n", {}, "a PDF; save it as text"),
    "UTF-16 mark": ("a.csv", f"text\n{WIDE}".encode("utf-16"), {}, "name its encoding (utf-16)"),
    "UTF-16 mark as latin": ("a.txt", "日\n".encode("utf-16"), LATIN, "mark of UTF-16"),
    "UTF-32 mark": ("a.txt", WIDE.encode("utf-32"), {"encoding": "utf-16"}, "mark of UTF-32"),
    "UTF-8 mark as latin": ("a.txt", WIDE.encode("utf-8-sig"), LATIN, "mark of UTF-8"),
    "other end first": (
        *("a.txt", b"\xff\xfe" + "日".encode("utf-16-le"), {"encoding": "utf-16-be"}),
        "mark of UTF-16",
    ),
    "UTF-16 without a mark": ("a.txt", "a\nb".encode("utf-16-le"), {}, "line 1: holds a NUL"),
    "NUL in a text": ("a.txt", "one\ntwo\0\n", {}, "line 2: holds a NUL"),
    "NUL in a csv": ("a.csv", "text\na\n\0b\n", {}, "line 3: holds a NUL"),
    "NUL in jsonl": ("a.jsonl", '{"text": "a"}\n{"text": "\0"}\n', {}, "line 2: holds a NUL"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_read_is_one_line(tmp_path: Path, case: str) -> None:
    name, content, columns, said = REFUSED[case]
    assert said in refused(tmp_path, name, content, **columns)


def test_bytes_of_parquet_are_decoded_or_named_by_row(tmp_path: Path) -> None:
    content = io.BytesIO()
    pl.DataFrame({"text": [b"fine", "caf\xe9".encode("latin-1")]}).write_parquet(content)
    line = refused(tmp_path, "a.parquet", content.getvalue())
    assert "row 2: column 'text'" in line
    assert "byte 0xe9 is not UTF-8" in line
    found = texts(tmp_path, "a.parquet", content.getvalue(), encoding="latin-1")
    assert found == ["fine", "caf\xe9"]


def test_settings_that_cannot_be_are_one_line(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("text\na\n")
    made = ("download_corpus", file, "--output-corpus", tmp_path / "o.parquet", "--documents")
    made = (*made, "line", "--text-columns")
    assert "not known" in assert_refuses(*made, "text", "--encoding", "base64")
    assert "not one character" in assert_refuses(*made, "text", "--separator", ",,")
    assert "not all are numbers" in assert_refuses(*made, "text", "--numbered")


def test_the_users_names_of_rows_stay_with_their_sentences(tmp_path: Path) -> None:
    content = "key,text\nx-1,One here. Two here.\n,Three.\nx-2,...\nx-3,Four.\n"
    corpus = bring(tmp_path, "a.csv", content, id_column="key", segment="en")
    assert corpus.select("id", "text").rows() == [
        ("x-1", "One here."),
        ("x-1", "Two here."),
        (None, "Three."),
        ("x-3", "Four."),
    ]
    pairs = bring(tmp_path, "b.csv", "k,a,b\n7,x,y\n", text_columns=["a", "b"], id_column="k")
    assert pairs["id"].to_list() == ["7", "7"]


def test_names_folders_patterns_and_the_home_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    names = ["d/b.csv", "d/a.CSV.gz", "d/in/c.csv", "d/.hidden.csv", "d/.h/x.csv", "d/_SUCCESS"]
    for name in [*names, "a [x].csv"]:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("text\na\n")
    known = ["d/a.CSV.gz", "d/b.csv", "d/in/c.csv"]
    assert [str(file) for file in find_files("d")] == known
    assert find_files("~/d") == [tmp_path / name for name in known]
    assert [str(file) for file in find_files("d/*.csv")] == ["d/b.csv"]
    assert [str(file) for file in find_files("d/**/*.csv")] == ["d/b.csv", "d/in/c.csv"]
    assert [str(file) for file in find_files("a [x].csv")] == ["a [x].csv"]
    assert find_files("nobody/*") == find_files("~nobody_at_all/x") == []
    assert "cannot be read" in (fault_of(Path("d/a.CSV.gz")) or "")


def test_lines_end_as_everywhere(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes("a\N{LINE SEPARATOR}b\x0bc\x85d\re".encode())
    assert read_lines([file], "line", join=False)["text"].to_list() == [
        "a\N{LINE SEPARATOR}b\x0bc\x85d",
        "e",
    ]
