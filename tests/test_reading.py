"""Files as people's programs save them: read rightly, or refused by file and line with what to do."""

from __future__ import annotations

import codecs
import csv
import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.reading.json_values import parse_json, read_json
from models.reading.rows import Row, csv_rows, json_rows
from models.reading.text_files import read_text

TABLE = "name,seconds\nÉva,1.5\n"
ROWS = [Row(2, {"name": "Éva", "seconds": "1.5"})]


def written(tmp_path: Path, content: str | bytes, name: str = "t.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    "raw",
    [
        TABLE.encode("utf-8"),
        TABLE.encode("utf-8-sig"),
        codecs.BOM_UTF16_LE + TABLE.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + TABLE.encode("utf-16-be"),
        codecs.BOM_UTF32_LE + TABLE.encode("utf-32-le"),
        TABLE.replace("\n", "\r\n").encode(),
        TABLE.replace("\n", "\r").encode(),
        TABLE.replace(",", ";").replace("1.5", "1,5").encode(),
        ("sep=;\n" + TABLE.replace(",", ";").replace("1.5", "1,5").removeprefix("\n")).encode(),
        TABLE.replace(",", "\t").encode(),
        (TABLE.replace("\n", ",,\n") + ",,,\n,,,\n").encode(),  # empty columns and rows of a spreadsheet
    ],
    ids=["utf-8", "mark", "utf-16", "utf-16-be", "utf-32", "crlf", "cr", "semicolon", "sep", "tab", "empty"],
)
def test_one_table_however_it_was_saved(raw: bytes, tmp_path: Path) -> None:
    found = list(csv_rows(written(tmp_path, raw), decimals=("seconds",)))
    assert [row.cells for row in found] == [ROWS[0].cells]
    assert not found[0].problem


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"a,b\n1,2\n\xc9va,3\n", "t.csv, line 3: not UTF-8 text (byte 0xc9); save it as UTF-8"),
        ("a,b\n1,2\n".encode("utf-16-le"), "t.csv, line 1: a NUL character, as in UTF-16 without its mark"),
        (codecs.BOM_UTF16_LE + "a\n".encode("utf-16-le") + b"\0", "t.csv, line 2: not UTF-16-LE text"),
        (b'a,b\n1,"2\n3,4\n', "t.csv, line 2: unexpected end of data; a quoted cell begins and ends"),
        (b'a,b\n1,2\n3,"4\n5,"6"\n', "t.csv, line 3: ',' expected after"),
        (b'a,b\n1,"x" y\n', "t.csv, line 2: ',' expected after"),
        (b"a,b, A\n1,2,3\n", "t.csv, line 1: the column 'A' stands twice"),
        (b"a,b\n1," + b"x" * 140_000, "t.csv, line 2: field larger than field limit (131072)"),
    ],
)
def test_what_cannot_be_read_is_told_by_file_and_line(raw: bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        list(csv_rows(written(tmp_path, raw)))


def test_a_header_has_what_is_needed(tmp_path: Path) -> None:
    for content, got in (("", "got nothing"), ("a,c\n1,2\n", "got 'a, c'")):
        with pytest.raises(ValueError, match=f"line 1: want a header with a and b; {got}"):
            list(csv_rows(written(tmp_path, content), needed=("a", "b")))
    assert list(csv_rows(written(tmp_path, ""))) == []


def test_lines_are_counted_as_an_editor_counts(tmp_path: Path) -> None:
    """Blank lines, cells over several lines, and signs that only str.splitlines takes for a line break."""
    path = written(tmp_path, '\na,b\n\n\n"1\n2","x\f\u2028y"\n3\n4,5\n')
    assert list(csv_rows(path)) == [
        Row(5, {"a": "1\n2", "b": "x\f\u2028y"}),
        Row(7, problem="the row has 1 cells, the header 2; quote cells that hold a delimiter"),
        Row(8, {"a": "4", "b": "5"}),
    ]
    with pytest.raises(ValueError, match="line 1: the file holds a JSON list; want one object a line"):
        list(json_rows(written(tmp_path, '[\n{"a": 1},\n{"a": 2}\n]')))
    path = written(tmp_path, '\n{"a": "x\u2028y"}\n\n[1]\n{"a": 1, "a": 2}\n{"a"\n')
    assert [(row.line, row.cells or row.problem) for row in json_rows(path)] == [
        (2, {"a": "x\u2028y"}),
        (4, "a JSON list, no object"),
        (5, "the key 'a' stands twice in one object; keep one of them"),
        (6, "not valid JSON (Expecting ':' delimiter, column 5)"),
    ]


def test_a_decimal_comma_is_one_where_the_delimiter_is_another(tmp_path: Path) -> None:
    """Only in the columns that hold numbers; "1,234" in a file with commas may be a thousand."""
    (row,) = csv_rows(written(tmp_path, "seconds;name\n12,5;1,5\n"), decimals=("seconds",))
    assert row.cells == {"seconds": "12.5", "name": "1,5"}
    (row,) = csv_rows(written(tmp_path, 'seconds,name\n"12,5",x\n'), decimals=("seconds",))
    assert row.cells["seconds"] == "12,5"


def test_the_numbers_of_a_file_have_one_decimal_sign(tmp_path: Path) -> None:
    """Beside "12,5" a "1.234" is more than a thousand; with points alone it is one and a bit."""
    one, two = csv_rows(written(tmp_path, "seconds;name\n12,5;x\n1.234;y\n"), decimals=("seconds",))
    assert one.cells["seconds"] == "12.5"
    assert two.problem == "seconds: '1.234' has a point, line 2 has not; write all numbers of a file one way"
    one, two = csv_rows(written(tmp_path, "seconds;name\n1.234;x\n12;y\n"), decimals=("seconds",))
    assert (one.cells["seconds"], two.cells["seconds"]) == ("1.234", "12")


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        ('1,x,"I am\n2,y,fine\n3,z,well"\n', 3),  # the quote that row 3 has too many closes that of row 1
        ('1,x,"I am\n2,y,fine"\n', 3),
        ('1,"x,fine\n2,y",well\n', 3),
        ('"1,x,fine\n2",y,well\n', 3),
        ('"0\n0",x,"I am\n2,y,fine"\n', 4),
    ],
)
def test_rows_between_two_open_quotes_are_not_the_text_of_a_cell(rows: str, line: int, tmp_path: Path) -> None:
    (first, *_) = csv_rows(written(tmp_path, f"id,name,text\n{rows}"))
    assert f"a quote stays open: line {line} is a row, but would be read as text" in first.problem


def test_the_same_with_two_columns(tmp_path: Path) -> None:
    (first, *_) = csv_rows(written(tmp_path, 'said,meant\n1,"a\n2,b\n3,c"\n'))
    assert "line 3 is a row, but would be read as text" in first.problem
    (found,) = csv_rows(written(tmp_path, 'said,meant\n1,"a\nno,no\nwell"\n'))
    assert found.cells["meant"] == "a\nno,no\nwell"


@pytest.mark.parametrize("text", ["a\nb, c, d\ne", "a\n1,200,000\nb", "Yes, well\nno, I\nsee,\n", "a\nb,c\nd,e,f,g"])
def test_a_text_of_several_lines_with_commas_is_one(text: str, tmp_path: Path) -> None:
    (found,) = csv_rows(written(tmp_path, f'id,name,text\n1,x,"{text}"\n'))
    assert found.cells["text"] == text


def test_a_cell_in_a_column_without_a_name_is_not_lost(tmp_path: Path) -> None:
    (row,) = csv_rows(written(tmp_path, "a,\n1,2\n"))
    assert "'2' stands in a column without a name" in row.problem


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("NaN", "NaN is no number"),
        ("[-Infinity]", "-Infinity is no number"),
        ("1e999", "the number 1e999 is too large"),
        ("9" * 30, "has 30 digits; at most 19"),
        ("9" * 5000, "has 5000 digits"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a": {"b": 1, "b": 1}}', "the key 'b' stands twice"),
        ('{"a": 1}\n{', "line 2, column 1"),
        ("", "not valid JSON"),
        ('{"text": "so \\ud83d sad"}', "\\ud83d is half of a character; write both halves"),
    ],
)
def test_json_that_readers_would_take_differently_is_refused(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        parse_json(text)
    with pytest.raises(ValueError, match=r"plan\.json: "):
        read_json(written(tmp_path, text, "plan.json"))


@given(st.lists(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0\r")), min_size=2, max_size=2)))
@settings(deadline=None, max_examples=40)
def test_any_table_of_a_csv_writer_comes_back(tmp_path_factory: pytest.TempPathFactory, table: list[list[str]]) -> None:
    path = tmp_path_factory.mktemp("rows") / "t.csv"
    with path.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out, quoting=csv.QUOTE_ALL).writerows([["a", "b"], *table])
    found = [list(row.cells.values()) for row in csv_rows(path)]
    assert found == [row for row in table if any(cell.strip() for cell in row)]


@given(st.recursive(st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(), st.lists, max_leaves=9))
@settings(deadline=None, max_examples=40)
def test_any_json_comes_back(value: object) -> None:
    assert parse_json(json.dumps(value)) == value


def test_a_text_keeps_all_but_its_mark_and_the_kind_of_its_line_breaks(tmp_path: Path) -> None:
    assert read_text(written(tmp_path, "\ufeff a\r\nb\u2028\f ")) == " a\nb\u2028\f "
