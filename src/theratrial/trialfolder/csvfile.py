"""Bytes of a CSV file to its header and lines of cells, naming what a spreadsheet or another encoding did to them."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

LARGEST_FILE_BYTES: Final = 64 * 1024 * 1024
"""A record table of a trial has thousands of lines; a larger file is another file."""
_BOM = b"\xef\xbb\xbf"

Report = Callable[[int, str, str, str], None]
"""Called with line (0: the whole file), column (empty: the whole line), message and remedy."""


@dataclass(frozen=True, slots=True)
class CsvLines:
    """Header cells, and per line its number in the file and its cells, as many as the header has."""

    header: tuple[str, ...]
    lines: tuple[tuple[int, tuple[str, ...]], ...]


def read_csv(content: bytes, known_columns: tuple[str, ...], report: Report) -> CsvLines | None:
    """Header and lines of a CSV file; whatever is wrong goes to `report`.

    Reading goes on after a problem wherever the rest can still be understood, so that all of it is named at once.
    A byte-order mark, quoted cells, CRLF, empty lines and empty trailing columns are taken as they come.

    Returns
    -------
    None where nothing can be told of the content.
    """
    if len(content) > LARGEST_FILE_BYTES:
        report(0, "", f"has {len(content)} bytes; a record table has at most {LARGEST_FILE_BYTES}", "check the file")
        return None
    if not content.strip(b"\r\n\t \x00") or content == _BOM:
        report(0, "", "is empty; even a table without lines has its header", f"header: {','.join(known_columns)}")
        return None
    if content.startswith(b"PK\x03\x04") or content.startswith(b"\xd0\xcf\x11\xe0"):
        report(0, "", "is a spreadsheet renamed to .csv", "save it as CSV UTF-8 (comma delimited)")
        return None
    text = _text(content, report)
    delimiter = _delimiter(text, known_columns, report)
    raw = list(_raw_lines(text, delimiter, report))
    if raw and raw[0][1][0].strip().lower().startswith("sep="):
        raw = raw[1:]
    return _framed(raw, report) if raw else None


def _text(content: bytes, report: Report) -> str:
    utf16 = _utf16_flavour(content)
    if utf16:
        report(0, "", f"is {utf16.upper()}, not UTF-8", "save it as CSV UTF-8 (comma delimited)")
        # Three NUL bytes of a broken UTF-16 file must not stop the naming of the rest.
        return content.decode(utf16, errors="replace").lstrip("\ufeff").replace("\x00", "")
    content = content.removeprefix(_BOM)
    if b"\x00" in content:
        line = content[: content.index(b"\x00")].count(b"\n") + 1
        count = content.count(b"\x00")
        report(line, "", f"contains NUL bytes ({count} in the file)", "the file is damaged or no text: export it again")
        content = content.replace(b"\x00", b"")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        guess = guessed_encoding(content)
        found = f"is not UTF-8 (byte 0x{content[error.start]:02X}); it looks like {guess}"
        report(line, "", found, "save it as CSV UTF-8 (comma delimited)")
        return content.decode(guess, errors="replace")


def _utf16_flavour(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    head = content[:4096]
    # ASCII in UTF-16 without a mark has a NUL in every second place.
    for flavour, zeros, others in (("utf-16-le", head[1::2], head[::2]), ("utf-16-be", head[::2], head[1::2])):
        if len(head) >= 8 and zeros.count(0) > 0.7 * len(zeros) and others.count(0) < 0.1 * len(others):
            return flavour
    return ""


def guessed_encoding(content: bytes) -> str:
    """Windows-1256 (Persian and Arabic) where its high bytes come as Arabic words, else Windows-1252.

    A guess for a message, never used to import.
    """
    high = bytes(byte for byte in content if byte >= 0x80)
    arabic = sum("\u0600" <= character <= "\u06ff" for character in high.decode("windows-1256", errors="replace"))
    # A Latin text has its accents one by one; an Arabic one has runs of them.
    runs = sum(1 for first, second in itertools.pairwise(content) if first >= 0x80 and second >= 0x80)
    return "windows-1256" if arabic > 0.5 * len(high) and runs > 0.4 * len(high) else "windows-1252"


def _delimiter(text: str, known_columns: tuple[str, ...], report: Report) -> str:
    header = text.lstrip("\r\n").splitlines()[0] if text.strip() else ""
    if header.strip().lower().startswith("sep="):
        report(1, "", f"{header.strip()!r} is a hint for a spreadsheet, not a header", "remove this line")
        return header.strip()[4:5] or ","
    found = {
        name: sum(cell.strip(' "') in known_columns for cell in header.split(name)) for name in (",", ";", "\t", "|")
    }
    best = max(found, key=lambda name: found[name])
    # A table of one column has no delimiter; only a clearly better one counts.
    if best == "," or found[best] <= max(found[","], 1):
        return ","
    word = {";": "semicolons", "\t": "tabs", "|": "bars"}[best]
    report(1, "", f"cells are separated by {word}, not commas", "save it as CSV UTF-8 (comma delimited)")
    return best


def _raw_lines(text: str, delimiter: str, report: Report) -> Iterator[tuple[int, list[str]]]:
    """Non-empty lines with the number of the line at which each starts."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    start = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            report(start, "", f"cannot be read as CSV: {error}", "check the quotation marks from here on")
            return
        if any(cell.strip() for cell in cells):
            yield start, cells
        start = reader.line_num + 1


def _framed(raw: list[tuple[int, list[str]]], report: Report) -> CsvLines:
    """Every line as long as the header, without the nameless empty columns a spreadsheet leaves."""
    header_line, header = raw[0][0], [cell.strip() for cell in raw[0][1]]
    while header and not header[-1]:
        header.pop()
    width = len(header)
    nameless = [index for index, name in enumerate(header) if not name]
    lines = []
    for number, cells in raw[1:]:
        extra = [cell for cell in cells[width:] if cell.strip()]
        if extra:
            report(
                number,
                "",
                f"has {len(cells)} cells where the header has {width}",
                "is a comma inside an unquoted text?",
            )
            continue
        if len(cells) < width:
            report(number, "", f"has {len(cells)} cells where the header has {width}", "give every line all its commas")
            continue
        lines.append((number, tuple(cells[:width])))
    for index in nameless:
        if any(cells[index].strip() for _, cells in lines):
            report(header_line, "", f"column {index + 1} has values but no name", "name the column or remove it")
    return CsvLines(tuple(header), tuple(lines))
