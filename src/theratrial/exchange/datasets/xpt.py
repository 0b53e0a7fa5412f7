"""SAS transport files, version 5: the format that agencies take, written and read.

Written here and not by a library, because a library stamps the moment of writing into the file, and the same data must
give the same bytes. What version 5 cannot hold is refused, never cut: names of more than 8 letters, labels of more than
40, texts of more than 200 bytes, anything that is not ASCII, numbers beyond SAS's range.

References
----------
SAS Institute. The record layout of a data set in SAS transport (XPORT) format, TS-140. Numbers: IBM hexadecimal
floating point, 8 bytes, which holds every double between 1e-78 and 7e75 exactly.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

from theratrial.errors import InputError, Problem, Problems
from theratrial.exchange.datasets.values import Dataset, DataType, Value, Variable

MAXIMUM_NAME: Final = 8
MAXIMUM_LABEL: Final = 40
MAXIMUM_TEXT: Final = 200
_RECORD: Final = 80
_NAMESTR: Final = struct.Struct(">hhhh8s40s8shhh2s8shhl52s")
_MISSING: Final = b"." + bytes(7)
_NAME: Final = re.compile(r"[A-Z_][A-Z0-9_]{0,7}")
_FORMAT: Final = re.compile(r"([A-Z]*?)(\d*)\.(\d*)")
_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_SAS_DAY_ZERO: Final = date(1960, 1, 1)
_SMALLEST: Final = 16.0**-64
_LARGEST: Final = 16.0**63


def xpt(one: Dataset, made_at: datetime) -> bytes:
    """The transport file of a data set, the same bytes for the same arguments.

    Raises
    ------
    Problems
        Something does not fit into version 5; all of it is named.
    """
    if found := problems(one):
        raise Problems(f"{one.name} does not fit into a transport file of version 5", found)
    widths = [8 if _is_number(v) else max(1, one.length(v.name)) for v in one.variables]
    stamp = _stamp(made_at)
    body = b"".join(
        b"".join(_cell(cell, v, width) for cell, v, width in zip(row, one.variables, widths, strict=True))
        for row in one.rows
    )
    system = b"9.4".ljust(8) + b"".ljust(8)
    return b"".join(
        (
            _header("LIBRARY", "0" * 30),
            _padded(b"SAS     SAS     SASLIB  " + system + b" " * 24 + stamp),
            _padded(stamp),
            _header("MEMBER ", "000000000000000001600000000140"),
            _header("DSCRPTR", "0" * 30),
            _padded(b"SAS     " + one.name.encode().ljust(8) + b"SASDATA " + system + b" " * 24 + stamp),
            _padded(stamp + b" " * 16 + one.label.encode().ljust(40) + b" " * 8),
            _header("NAMESTR", f"000000{len(widths):04d}00000000000000000000"),
            _padded(_namestrs(one.variables, widths)),
            _header("OBS    ", "0" * 30),
            _padded(body),
        )
    )


def problems(one: Dataset) -> list[Problem]:
    """What of a data set version 5 cannot hold."""
    found = []
    if not _NAME.fullmatch(one.name):
        found.append(Problem(one.name, "names have at most 8 letters, digits and underscores, in capitals"))
    if len(one.label) > MAXIMUM_LABEL or not one.label.isascii():
        found.append(Problem(one.name, f"label {one.label!r} is longer than 40 letters or not ASCII"))
    for variable in one.variables:
        place = f"{one.name}.{variable.name}"
        if not _NAME.fullmatch(variable.name):
            found.append(Problem(place, "names have at most 8 letters, digits and underscores, in capitals"))
        if len(variable.label) > MAXIMUM_LABEL or not variable.label.isascii():
            found.append(Problem(place, f"label {variable.label!r} is longer than 40 letters or not ASCII"))
        for cell in one.values(variable.name):
            if message := _unfit(cell):
                found.append(Problem(place, message))
                break
    return found


def _unfit(cell: Value) -> str:
    if isinstance(cell, str):
        if not cell.isascii():
            return f"{cell[:40]!r} is not ASCII"
        if not cell.isprintable():
            return f"{cell[:40]!r} holds a control character"
        return f"a text of {len(cell)} bytes; at most {MAXIMUM_TEXT} fit" if len(cell) > MAXIMUM_TEXT else ""
    if cell is None or cell == 0:
        return ""
    return "" if _SMALLEST <= abs(cell) < _LARGEST else f"{cell} is beyond the range of SAS"


def _is_number(variable: Variable) -> bool:
    return variable.is_numeric or variable.numeric_date


def _header(kind: str, rest: str) -> bytes:
    return f"HEADER RECORD*******{kind} HEADER RECORD!!!!!!!{rest}  ".encode().ljust(_RECORD)


def _padded(content: bytes) -> bytes:
    return content + b" " * (-len(content) % _RECORD)


def _stamp(at: datetime) -> bytes:
    return f"{at.day:02d}{_MONTHS[at.month - 1]}{at.year % 100:02d}:{at:%H:%M:%S}".encode()


def _namestrs(variables: Sequence[Variable], widths: Sequence[int]) -> bytes:
    found, position = [], 0
    for number, (one, width) in enumerate(zip(variables, widths, strict=True), 1):
        name, digits, behind = _format(one)
        kind = 1 if _is_number(one) else 2
        head = (kind, 0, width, number, one.name.encode().ljust(8), one.label.encode().ljust(40))
        tail = (name.encode().ljust(8), digits, behind, 0, b"  ", b" " * 8, 0, 0, position, bytes(52))
        found.append(_NAMESTR.pack(*head, *tail))
        position += width
    return b"".join(found)


def _format(one: Variable) -> tuple[str, int, int]:
    match = _FORMAT.fullmatch(one.display_format)
    return (match[1], int(match[2] or 0), int(match[3] or 0)) if match else ("", 0, 0)


def _cell(cell: Value, variable: Variable, width: int) -> bytes:
    if not _is_number(variable):
        return (cell.encode("ascii") if isinstance(cell, str) else b"").ljust(width)
    if cell is None:
        return _MISSING
    return ibm_float(_sas_number(cell, variable) if isinstance(cell, str) else float(cell))


def _sas_number(text: str, variable: Variable) -> float:
    """Days, or seconds, since the beginning of 1960."""
    try:
        if variable.data_type == "datetime":
            at = datetime.fromisoformat(text).replace(tzinfo=None)
            return (at - datetime(1960, 1, 1)).total_seconds()
        return float((date.fromisoformat(text) - _SAS_DAY_ZERO).days)
    except ValueError:
        raise InputError(f"{variable.name} holds {text!r}, which is no whole date") from None


def ibm_float(value: float) -> bytes:
    """A number in IBM's hexadecimal floating point, exact.

    >>> ibm_float(1.0).hex(), ibm_float(-118.625).hex()
    ('4110000000000000', 'c276a00000000000')
    """
    if value == 0:
        return bytes(8)
    fraction, exponent = math.frexp(abs(value))
    shift = -exponent % 4  # hexadecimal digits are four bits wide; the fraction moves to the next of them
    mantissa = int(math.ldexp(fraction, 56 - shift))
    power = (exponent + shift) // 4 + 64
    return struct.pack(">Q", (0x80 if value < 0 else 0) << 56 | power << 56 | mantissa)


def ieee_float(content: bytes) -> float | None:
    """The number of eight bytes as SAS writes it; None for a missing value of any kind."""
    (bits,) = struct.unpack(">Q", content)
    mantissa = bits & (1 << 56) - 1
    if mantissa == 0:
        return 0.0 if content[0] in (0, 0x80) else None
    size = math.ldexp(float(mantissa), ((bits >> 56 & 0x7F) - 64) * 4 - 56)
    return -size if bits >> 63 else size


def read_xpt(content: bytes) -> Dataset:
    """The data set of a transport file of version 5 with one member.

    Raises
    ------
    InputError
        It is no such file, of version 8, or cut off.
    """
    if not content.startswith(b"HEADER RECORD*******LIBRARY HEADER RECORD!!!!!!!") or len(content) % _RECORD:
        raise InputError("this is no whole transport file of version 5")
    try:
        return _read(content)
    except (struct.error, UnicodeDecodeError, ValueError, IndexError) as error:
        raise InputError(f"the transport file is damaged ({error})") from None


def _read(content: bytes) -> Dataset:
    member, head = content[5 * _RECORD : 6 * _RECORD], content[7 * _RECORD : 8 * _RECORD]
    label = content[6 * _RECORD + 32 : 6 * _RECORD + 72].decode("ascii").rstrip()
    count, start = int(head[54:58]), 8 * _RECORD
    variables, spans = [], []
    for number in range(count):
        fields = _NAMESTR.unpack_from(content, start + number * _NAMESTR.size)
        kind: DataType = "float" if fields[0] == 1 else "text"
        variables.append(Variable(fields[4].decode("ascii").strip(), fields[5].decode("ascii").rstrip(), kind))
        spans.append((fields[14], fields[2]))
    start += -(-count * _NAMESTR.size // _RECORD) * _RECORD
    if not content[start:].startswith(b"HEADER RECORD*******OBS"):
        raise ValueError("no records where they should begin")
    body, width = content[start + _RECORD :], sum(length for _, length in spans)
    rows = [body[at : at + width] for at in range(0, len(body) - width + 1, width)]
    while rows and not rows[-1].strip():  # blanks that fill the last line of the file are no record
        rows.pop()
    columns = list(zip(spans, variables, strict=True))
    cells = tuple(tuple(_value(row[at : at + length], one) for (at, length), one in columns) for row in rows)
    name = member[8:16].decode("ascii").strip()
    return Dataset(name, label, tuple(variables), cells, (), structure="", class_name="")


def _value(content: bytes, variable: Variable) -> Value:
    return ieee_float(content) if variable.is_numeric else content.decode("ascii").rstrip() or None
