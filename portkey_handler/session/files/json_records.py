"""Records of JSON files: from text to rows, and rows added to the text."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa

from ..arrow_frames import from_data
from ..table import Table
from .csv_text import encoding_of, not_decoded
from .options import FileOptions

_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder(parse_float=str, parse_int=str)


class _Number(float):
    """A number whose text is not the shortest one: 1.10."""

    text: str


def read_json(content: bytes, name: str, options: FileOptions) -> Table:
    """Return the rows of a JSON file: an array of objects, one object, or an object on each line.

    Args:
        content: The file.
        name: The table, for messages.
        options: What the user has said about it.

    Raises:
        ValueError: It is not JSON of this form; the message names the line.
    """
    text, _, _ = decoded(content, name, options)
    if not text.strip():
        raise ValueError("the file is empty; an array of objects, or an object on each line, is needed")
    found = _loads(text)
    if isinstance(found, json.JSONDecodeError):
        # A first line that is JSON by itself begins a file of lines.
        if isinstance(_loads(text.lstrip().split("\n", 1)[0]), json.JSONDecodeError):
            raise ValueError(f"line {found.lineno} is not JSON ({found.msg})")
        return _table(_lines(text))
    if isinstance(found, list):
        return _table(found)
    return _table([found])


def _lines(text: str) -> list[Any]:
    records = []
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            record = _loads(line)
            if isinstance(record, json.JSONDecodeError):
                raise ValueError(f"line {number} is not JSON ({record.msg}); correct or remove it")
            records.append(record)
    return records


def decoded(content: bytes, name: str, options: FileOptions) -> tuple[str, str, int]:
    """Return the text of a file, its encoding, and the length of the mark before it.

    Raises:
        ValueError: Its bytes are not of its encoding.
    """
    encoding, mark = encoding_of(content[:4], options.encoding)
    try:
        return content[mark:].decode(encoding), encoding, mark
    except UnicodeDecodeError as error:
        if options.other is not None and not mark:
            return decoded(content, name, replace(options, encoding=options.other, other=None))
        line = 1 + content[mark:].count(b"\n", 0, error.start)
        raise ValueError(not_decoded(content, error, name, line)) from None


def _loads(text: str) -> Any:
    """Return the value of a JSON text, or the error."""
    try:
        return json.loads(text, parse_float=_number, parse_int=_whole)
    except json.JSONDecodeError as error:
        return error
    except RecursionError:
        return json.JSONDecodeError("nested too deeply", text[:1], 0)


def _whole(text: str) -> int | Decimal:
    """Return a whole number; Python's own have at most 4,300 digits in a text."""
    return int(text) if len(text) < 4000 else Decimal(text)


def _number(text: str) -> float | Decimal:
    """Return a number with all its digits, and with its own text."""
    number = float(text)
    if repr(number) == text:
        return number
    exact = Decimal(text)
    if Decimal(repr(number)) != exact:
        return exact
    found = _Number(number)
    found.text = text
    return found


def _table(records: Sequence[Any]) -> Table:
    if not all(isinstance(record, dict) for record in records):
        raise ValueError("every record must be an object")
    names = list(dict.fromkeys(name for record in records for name in record))
    texts: dict[int, Any] = {}
    columns: dict[int, Any] = {}
    for place, name in enumerate(names):
        cells = [record.get(name) for record in records]
        if all(cell is None or type(cell) in (int, float, _Number) for cell in cells) and any(
            type(cell) is _Number for cell in cells
        ):
            own = [None if cell is None else getattr(cell, "text", None) or repr(cell) for cell in cells]
            texts[place] = pa.array(own, pa.string())
            cells = [None if cell is None else float(cell) for cell in cells]
        columns[place] = pd.Series([_plain(cell) for cell in cells], dtype=object)
    frame = pd.DataFrame(columns, index=pd.RangeIndex(len(records)))
    frame.columns = pd.Index(names, dtype=object)
    found = from_data(frame)
    return Table(found.arrow, found.json, texts)


def _plain(value: Any) -> Any:
    if type(value) is _Number:
        return float(value)
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value


def parts_of(text: str) -> tuple[str, list[tuple[str, str]], str]:
    """Return the text of a file that `read_json` reads in parts.

    Returns:
        What is before the first record, each record behind the text between it and the one before, and what
        is after the last one.
    """
    found = _loads(text)
    if isinstance(found, list):
        return _parts_of_array(text, len(found))
    if isinstance(found, dict):
        return "", [("", text)], ""
    records: list[tuple[str, str]] = []
    blank = ""
    for line in re.split(r"(?<=\n)", text):
        if line.strip():
            records.append(("", blank + line))
            blank = ""
        else:
            blank += line
    return "", records, blank


def _parts_of_array(text: str, count: int) -> tuple[str, list[tuple[str, str]], str]:
    place = text.index("[") + 1
    before, records, last = text, [], len(text)
    for number in range(count):
        start = _behind_space(text, place)
        _, end = _DECODER.raw_decode(text, start)
        if not number:
            before, last = text[:start], start
        records.append((text[last:start], text[start:end]))
        last = end
        place = _behind_space(text, end) + 1  # the comma
    return before, records, text[last:]


def _behind_space(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return place if found is None else found.end()


def with_records(content: bytes, records: Sequence[dict[str, Any]], name: str, options: FileOptions) -> bytes:
    """Return the content of a JSON file with records added; nothing before them changes.

    Args:
        content: The file.
        records: The new records.
        name: The table, for messages.
        options: What the user has said about it.

    Raises:
        ValueError: The file is not JSON of a form that `read_json` reads.
    """
    text, encoding, mark = decoded(content, name, options)
    written = [json.dumps(record, ensure_ascii=False, default=str) for record in records]
    if not written:
        return content
    found = _loads(text) if text.strip() else None
    body = text.rstrip()
    end = "\r\n" if "\r\n" in text else "\n"
    if isinstance(found, list):
        inside = body[:-1].rstrip()
        joined = ("," if found else "") + end + f",{end}".join(f" {one}" for one in written)
        added = inside + joined + end + "]" + text[len(body) :]
    elif isinstance(found, dict) and "\n" in body.strip():
        added = "[" + body + "," + end + f",{end}".join(written) + "]" + end
    else:
        added = (
            text + ("" if not text or text.endswith("\n") else end) + "".join(one + end for one in written)
        )
    return content[:mark] + added.encode(encoding)
