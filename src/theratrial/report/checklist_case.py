"""What the reporting checklist is filled from, and how an item is found present or missing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from theratrial.report.figures.time_activity import region_label
from theratrial.report.texts import count
from theratrial.results.values import ParticipantResult, RegionDoseResult, SessionResult, TrialResult


@dataclass(frozen=True, slots=True)
class Case:
    """What the checklist is filled from: the participant in its trial."""

    result: TrialResult
    participant: ParticipantResult

    @property
    def doses(self) -> Iterable[tuple[SessionResult, RegionDoseResult]]:
        """Every region of every session."""
        return ((session, dose) for session in self.participant.sessions for dose in session.doses)


@dataclass(frozen=True, slots=True)
class Filled:
    """Text of an item; `is_present` says whether it is the value or what is missing."""

    said: str
    is_present: bool


Filler = Callable[[Case], Filled]


def present(said: str) -> Filled:
    """An item with its value."""
    return Filled(said, True)


def missing(why: str) -> Filled:
    """An item that the results do not hold, and why."""
    return Filled(f"missing: {why}", False)


def never(why: str) -> Filler:
    """Fills an item that no results hold."""
    return lambda _case: missing(why)


def each_session(case: Case, said: Callable[[SessionResult], str], lacking: str) -> Filled:
    """The item of every session; one that lacks it makes the item missing."""
    found = {session.session: said(session) for session in case.participant.sessions}
    if not found:
        return missing("no session was given")
    empty = [str(number) for number, text in found.items() if not text]
    if empty:
        return missing(f"{lacking} (session {', '.join(empty)})")
    values = set(found.values())
    if len(values) == 1:
        return present(values.pop())
    return present("; ".join(f"session {number}: {text}" for number, text in found.items()))


def each_dose(case: Case, has: Callable[[RegionDoseResult], bool], said: str, lacking: str) -> Filled:
    """Present where every region of every session has it; else which lack it."""
    doses = list(case.doses)
    if not doses:
        return missing("no region was measured")
    without = [f"{region_label(dose)} in session {session.session}" for session, dose in doses if not has(dose)]
    if not without:
        return present(f"{said}, {count(len(doses), 'region')} of all sessions")
    few = ", ".join(without[:6]) + (f" and {len(without) - 6} more" if len(without) > 6 else "")
    return missing(f"{lacking}: {few} ({len(doses) - len(without)} of {len(doses)} regions have it)")


def point_inputs(session: SessionResult, begins: str) -> str:
    """Inputs of the activities of a session whose name begins so, each once."""
    found = dict.fromkeys(
        where.split("#")[0] if where.startswith("table:") else where
        for dose in session.doses
        for point in dose.points
        for name, where in point.activity_MBq.trace.inputs.items()
        if name.startswith(begins)
    )
    return by_file(found)


def by_file(places: Iterable[str]) -> str:
    """Places with the lines of one file, or the clauses of one chapter, counted."""
    files: dict[str, list[str]] = {}
    for place in places:
        mark = "#" if "#" in place else "."
        file, _, line = place.partition(mark) if place.startswith(("record:", "protocol:")) else (place, "", "")
        if place.startswith("record:") and "#" not in place:
            file, line = place, ""
        files.setdefault(file, []).append(line)
    said = []
    for file, lines in files.items():
        word = "line" if file.startswith("record:") else "clause"
        one = f"{file} {word} {lines[0]}" if lines[0] else file
        said.append(one if len(lines) == 1 else f"{file}, {len(lines)} {word}s")
    return ", ".join(said)
