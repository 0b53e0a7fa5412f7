"""`theratrial registry check DUMP`: every trial of an ICTRP file, one after the other, with counts at the end."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from theratrial.cli import console
from theratrial.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from theratrial.exchange.ictrp.stream import Unreadable
    from theratrial.registry.found import Finding
    from theratrial.registry.imported import Imported
    from theratrial.registry.tally import Tally
    from theratrial.registry.words import Language

_REMARK_EVERY_S: Final = 5.0
_MOST_LISTED: Final = 1000
"""Trials that cannot be read are told as they come; of so many the reason is repeated at the end."""
_SEVERITIES: Final = {"error": "خطا", "warning": "هشدار", "info": "آگاهی"}
FIGURES: Final = (".svg", ".png")


@dataclass(slots=True)
class Checked:
    """What became of a dump."""

    tally: Tally
    unreadable: list[Unreadable] = field(default_factory=list)
    unreadable_count: int = 0
    stopped: bool = False
    """Whether the file could not be read to its end."""
    seconds: float = 0.0


def is_dump(path: Path) -> bool:
    """Whether a file holds more than one trial of the ICTRP, or may: it is packed."""
    from theratrial.exchange.compressed import is_packed

    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(4096)
        if is_packed(head):
            return not path.name.lower().endswith((".yaml.gz", ".yml.gz", ".json.gz", ".txt.gz", ".html.gz"))
        if not head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<") or b"<html" in head.lower():
            return False
        file.seek(0)
        return _more_than_one(file)


def _more_than_one(file: IO[bytes]) -> bool:
    from theratrial.exchange.ictrp.elements import trial_nodes

    trials = 0
    try:
        for one in trial_nodes(file):
            trials += one.is_trial
            if trials > 1:
                return True
    except InputError:
        pass
    return False


def check_dump(
    path: Path, *, today: date, findings: Path | None, figure: Path | None, language: Language, as_json: bool
) -> bool:
    """Check, print, write; whether every trial was read and none has an error."""
    if figure is not None and figure.suffix.lower() not in FIGURES:
        raise InputError(f"'{figure}' ends in neither of {', '.join(FIGURES)}; name the figure so")
    for wanted in (findings, figure):
        if wanted is not None and wanted.exists():
            raise InputError(f"'{wanted}' exists already; give another name or remove it")
    with ExitStack() as stack:
        file = stack.enter_context(path.open("rb"))
        out = stack.enter_context(findings.open("x", encoding="utf-8")) if findings else None
        with _few_collections():
            done = _checked(file, path, today, (lambda line: _write_line(out, line)) if out else None)
    if figure is not None:
        from theratrial.report.registration.dump_figure import write_dump_figure

        write_dump_figure(done.tally, figure, language=language, footline=f"{path.name}, {today.isoformat()}")
    if as_json:
        console.print_json(_values(path, today, done))
    else:
        _print(path, done, language)
        for one in (findings, figure):
            if one is not None:
                _say(f"{one} written")
    return not done.unreadable_count and not done.tally.with_error


@contextmanager
def _few_collections() -> Iterator[None]:
    """Nothing here refers to itself in circles; to look for such every few hundred objects takes time."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _checked(file: IO[bytes], path: Path, today: date, write: Callable[[dict[str, Any]], None] | None) -> Checked:
    from theratrial.exchange.compressed import Unpacked, is_packed
    from theratrial.exchange.ictrp.stream import Unreadable, stream_trials
    from theratrial.registry.check import check
    from theratrial.registry.completeness import completeness
    from theratrial.registry.tally import Tally

    packed = is_packed(file.read(2))
    file.seek(0)
    done = Checked(Tally())
    remarks = _Remarks(path, file)
    number = 0
    for one in stream_trials(Unpacked(file) if packed else file, today=today):  # type: ignore[arg-type]
        number += 1
        if isinstance(one, Unreadable):
            _told(done, one)
            if write:
                write({"trial": one.number, "unreadable": one.why, "and_the_rest": one.and_the_rest})
            continue
        findings = check(one.record, today=today, unplaced=one.unplaced)
        done.tally.add(findings, completeness(one.record, today=today), len(one.unplaced))
        if write:
            _write_findings(write, number, one, findings)
        remarks.after(number)
    done.seconds = remarks.seconds
    return done


def _told(done: Checked, one: Unreadable) -> None:
    done.unreadable_count += 1
    done.stopped |= one.and_the_rest
    if len(done.unreadable) < _MOST_LISTED:
        done.unreadable.append(one)
    console.note(_unreadable(one, "en"))


def _unreadable(one: Unreadable, language: Language) -> str:
    if language == "fa":
        return f"کارآزمایی {one.number}" + (" و پس از آن" if one.and_the_rest else "") + f" خوانده نشد: {one.why}"
    return f"trial {one.number}" + (" and all after it" if one.and_the_rest else "") + f" cannot be read: {one.why}"


class _Remarks:
    """How far it has come, on standard error, every few seconds."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self._file, self._bytes = file, max(path.stat().st_size, 1)
        self._began = self._last = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def after(self, number: int) -> None:
        if number % 100 or time.monotonic() - self._last < _REMARK_EVERY_S:
            return
        self._last = time.monotonic()
        share = 100 * self._file.tell() // self._bytes
        console.note(f"{number} trials, {share} % of the file, {number / self.seconds:.0f} a second")


def _write_line(out: IO[str] | None, line: dict[str, Any]) -> None:
    assert out is not None
    out.write(json.dumps(line, ensure_ascii=False) + "\n")


def _write_findings(
    write: Callable[[dict[str, Any]], None], number: int, one: Imported, findings: tuple[Finding, ...]
) -> None:
    """A line for each finding and each piece that found no place; of a record without any, nothing."""
    trial = {"trial": number, "number": one.record.registration.number}
    for finding in findings:
        write(
            {
                **trial,
                "rule": finding.rule,
                "severity": finding.severity.value,
                "path": finding.path,
                "message": {"en": finding.message.en, "fa": finding.message.fa},
                "remedy": {"en": finding.remedy.en, "fa": finding.remedy.fa},
                "source": finding.source,
                "quotes": [
                    {"text": quote.text, "path": quote.path, "source": quote.source} for quote in finding.quotes
                ],
            }
        )
    for piece in one.unplaced:
        write({**trial, "unplaced": piece.name, "where": piece.where, "value": piece.value, "why": piece.why})


def _values(path: Path, today: date, done: Checked) -> dict[str, Any]:
    tally = done.tally
    return {
        "file": str(path),
        "today": today.isoformat(),
        "records": tally.records,
        "unreadable": done.unreadable_count,
        "read_to_the_end": not done.stopped,
        "without_finding": tally.without_finding,
        "unplaced": tally.unplaced,
        "records_by_severity": {name: tally.records_by_severity.get(name, 0) for name in _SEVERITIES},
        "rules": tally.rules(),
        "completeness": {
            "median_percent": tally.median_share(),
            "records_by_tenth": tally.classes(),
            "items": [
                {"number": number, "due": tally.items_due[number], "present": tally.items_present[number]}
                for number in range(1, 25)
            ],
        },
        "unreadable_trials": done.unreadable,
    }


def _print(path: Path, done: Checked, language: Language) -> None:
    from theratrial.registry.check import RULES

    tally = done.tally
    persian = language == "fa"
    headings = ("شدت", "قاعده", "رکورد", "یافته", "عنوان") if persian else (
        "severity", "rule", "records", "findings", "what it says"
    )  # fmt: skip
    rows = []
    for one in tally.rules():
        title = RULES[one.rule].title
        severity = _SEVERITIES[one.severity.value] if persian else one.severity.value
        rows.append((severity, one.rule, one.records, one.findings, title.fa if persian else title.en))
    console.print_table(headings, rows)
    _print_completeness(tally, persian=persian)
    for trial in done.unreadable:
        _say(_unreadable(trial, language))
    if done.unreadable_count > len(done.unreadable):
        more = done.unreadable_count - len(done.unreadable)
        _say(f"و {more} کارآزمایی دیگر" if persian else f"and {more} more, told above and in --findings")
    _say(_sentence(path, done, persian=persian))


def _print_completeness(tally: Tally, *, persian: bool) -> None:
    if not tally.records:
        return
    _say("")
    _say(
        "سهم بندهای کاملِ مجموعه‌دادهٔ سازمان جهانی بهداشت، شمار رکوردها:"
        if persian
        else "Records by the share of items of the WHO data set that are wholly there:"
    )
    most = max(tally.classes())
    for tenth, records in enumerate(tally.classes()):
        bar = "#" * round(40 * records / most)
        _say(f"  {10 * tenth:3d}-{10 * tenth + 10:3d} %  {records:7d}  {bar}".rstrip())
    _say("")


def _sentence(path: Path, done: Checked, *, persian: bool) -> str:
    tally = done.tally
    rate = tally.records / done.seconds if done.seconds > 0 else 0.0
    counts = tally.records_by_severity
    if persian:
        said = "، ".join(f"{counts.get(name, 0)} با {words}" for name, words in _SEVERITIES.items())
        return (
            f"{path.name}: {tally.records} رکورد: {said}، {tally.without_finding} بی یافته؛ "
            f"{done.unreadable_count} خوانده نشد؛ {tally.unplaced} تکه جایی نیافت؛ {rate:.0f} رکورد در ثانیه"
        )
    said = ", ".join(f"{counts.get(name, 0)} with {words}" for name, words in _PLURALS.items())
    return (
        f"{path.name}: {tally.records} records: {said}, {tally.without_finding} with no finding; "
        f"{done.unreadable_count} unreadable; {tally.unplaced} pieces found no place; {rate:.0f} records a second"
    )


_PLURALS: Final = {"error": "an error", "warning": "a warning", "info": "an info"}


def _say(text: str) -> None:
    import typer

    typer.echo(console.harmless(text))
