"""What every command says and how: results to standard output, everything else to standard error.

A command prints values with `print_json` or `print_table`, sentences with `say`, and tells of its progress with
`progress`. Rich is imported only when something is shown, so that `--help` stays instant, and its markup is never
interpreted: a file or a patient may be called ``[red]``.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
import json
import math
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from theratrial.errors import NumericalError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

_MOST_PLAIN_LINES = 10
_WIDEST_TABLE = 10_000
_BIDIRECTIONAL_OVERRIDES = frozenset(map(chr, [*range(0x202A, 0x202F), *range(0x2066, 0x206A)]))
_NEEDED = frozenset("\n\t\u200c\u200d\u200e\u200f")
"""Not printable, and yet written: Persian joins and parts letters by zero-width ones, and marks directions."""


def harmless(text: str) -> str:
    r"""Text with control characters spelled out, so that a hostile file name cannot drive the terminal.

    >>> harmless("a\x1b[31mb")
    'a\\x1b[31mb'
    """
    # A line of plain characters is looked at once, not letter by letter: a table has a hundred thousand.
    return "\n".join(
        line if line.isascii() and line.isprintable() else _harmless_line(line) for line in text.split("\n")
    )


def _harmless_line(line: str) -> str:
    return "".join(
        character
        if character in _NEEDED or (character.isprintable() and character not in _BIDIRECTIONAL_OVERRIDES)
        else character.encode("unicode_escape").decode("ascii")
        for character in line
    )


def stdout_console() -> Console:
    """Rich console for results; colours only on a terminal and never with NO_COLOR."""
    return _console(stderr=False)


def stderr_console() -> Console:
    """Rich console for progress, warnings and errors."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    # Made anew each time: it takes a millisecond, and a test or a pipe may have exchanged sys.stdout meanwhile.
    from rich.console import Console

    return Console(stderr=stderr, markup=False, emoji=False, highlight=False, soft_wrap=True)


def say(text: str, *, style: str = "") -> None:
    """Print one sentence of the result to standard output."""
    stdout_console().print(harmless(text), style=style or None)


def note(text: str, *, style: str = "") -> None:
    """Print a remark that is not a result, to standard error."""
    stderr_console().print(harmless(text), style=style or None)


def warn(text: str) -> None:
    """Print a warning to standard error."""
    _labelled("Warning: ", "bold yellow", text)


def show_error(text: str) -> None:
    """Print an error to standard error."""
    _labelled("Error: ", "bold red", text)


def _labelled(label: str, style: str, text: str) -> None:
    from rich.text import Text

    stderr_console().print(Text.assemble((label, style), harmless(text)))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str = "") -> None:
    """Print a table to standard output; None is shown as a dash, numbers stand right.

    On a pipe the table is as wide as it needs to be, so that nothing is cut off.
    """
    from rich.table import Table
    from rich.text import Text

    console = stdout_console()
    table = Table(title=harmless(title) or None, title_justify="left")
    for index, column in enumerate(columns):
        numeric = any(isinstance(row[index], int | float) for row in rows)
        table.add_column(Text(harmless(column)), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text("–" if cell is None else harmless(str(cell))) for cell in row))
    if not console.is_terminal:
        unlimited = console.options.update(max_width=_WIDEST_TABLE)
        console.width = max(console.width, console.measure(table, options=unlimited).maximum)
    console.print(table, soft_wrap=False)


def print_json(value: object) -> None:
    """Print a value as JSON in UTF-8, and nothing else, to standard output.

    Keys keep the order in which they were given, so equal values give equal bytes. Dataclasses, enumerations, paths,
    dates, sets (sorted) and numpy scalars and arrays are understood.

    Raises
    ------
    NumericalError
        A number is infinite or not a number: JSON has no word for either, and what is missing must be None.
    """
    text = json.dumps(_plain(value, "value"), ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    # A file name that is no UTF-8 holds lone surrogates; as \udcXX they are JSON still.
    encoded = text.encode("utf-8", "backslashreplace")
    sys.stdout.flush()
    buffer = getattr(sys.stdout, "buffer", None)
    if buffer is None:
        sys.stdout.write(encoded.decode("utf-8"))
    else:
        buffer.write(encoded)
    sys.stdout.flush()


def _plain(value: Any, place: str) -> Any:
    if isinstance(value, enum.Enum):
        return _plain(value.value, place)
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise NumericalError(f"{place} is {value}, which JSON cannot carry; a missing number must be None")
        return float(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name), f"{place}.{f.name}") for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item, f"{place}.{key}") for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return _plain(sorted(value), place)
    if isinstance(value, list | tuple):
        return [_plain(item, f"{place}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, PurePath):
        return str(value)
    if hasattr(value, "tolist"):  # numpy scalars and arrays, recognised without importing numpy
        return _plain(value.tolist(), place)
    raise TypeError(f"{place} is a {type(value).__name__}, which has no JSON form")


class Steps:
    """Progress of one task; give `advance` to whatever reports that one more piece is done."""

    def __init__(self, title: str, total: int, bar: Progress | None) -> None:
        self.title = title
        self.total = total
        self.done = 0
        self._bar = bar
        self._task: TaskID | None = bar.add_task(harmless(title), total=total, what="") if bar else None
        self._lines = 0

    def advance(self, what: str = "", by: int = 1) -> None:
        """Count `by` more pieces as done; `what` names the last of them."""
        self.done += by
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, advance=by, what=harmless(what))
            return
        # Without a terminal a log gets about ten lines, however many pieces there are.
        due = self.done * _MOST_PLAIN_LINES // max(self.total, 1)
        if due > self._lines or self.done >= self.total:
            self._lines = due
            remark = f" ({what})" if what else ""
            note(f"{self.title}: {self.done} of {self.total}{remark}")


@contextmanager
def progress(title: str, total: int) -> Iterator[Steps]:
    """Show the progress of `total` pieces on standard error: a bar on a terminal, a few plain lines elsewhere.

    >>> with progress("Simulating", total=0) as steps:
    ...     pass
    """
    console = stderr_console()
    if not console.is_terminal or os.environ.get("TERM") == "dumb":
        yield Steps(title, total, None)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[what]}", markup=False),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        yield Steps(title, total, bar)
    note(f"{title}: done")
