"""A table of lesions on PET, one line for each on each scan, to scans; columns: docs/methods/pet_response.md."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from theratrial.errors import InputError, Problem, Problems
from theratrial.protocol.plans.criteria import LeanBodyMass, UptakeBy
from theratrial.response.pet.scans import PetLesion, PetScan, Reference
from theratrial.response.table_cells import day, known_day, number, one_of, stripped_cells, table_lines, yes_or_no
from theratrial.response.uptake_measure import TITLES, UNITS, uptake_measure

NEEDED: Final = ("subject", "date", "lesion", "status", "uptake_g_per_mL")
_REFERENCES: Final = ("liver_mean_g_per_mL", "liver_sd_g_per_mL", "blood_mean_g_per_mL", "blood_sd_g_per_mL")
_NUMBERS: Final = (
    *_REFERENCES,
    *(
        "uptake_min",
        "injected_MBq",
        "glucose_mg_per_dL",
        "weight_kg",
        "height_cm",
        "cycles",
        "longest_increase_percent",
    ),
)
_TEXTS: Final = ("scanner", "reconstruction", "sex", "treatment_start")
_FLAGS: Final = ("liver_diseased", "extent_increased")
OF_SCAN: Final = (*_NUMBERS, *_TEXTS, *_FLAGS)
"""Columns of the whole scan: written on any of its lines, and the same wherever they are written."""
OPTIONAL: Final = ("role", "total_g", *OF_SCAN)
MOST_PROBLEMS: Final = 50
_ROLES: Final = ("target", "non_target", "new")
_STATUSES: Final = ("present", "resolved", "not_assessable")


@dataclass(slots=True)
class _Scan:
    """One scan while its lines are read."""

    lines: list[int] = field(default_factory=list)
    lesions: dict[str, tuple[str, PetLesion]] = field(default_factory=dict)
    new: list[str] = field(default_factory=list)
    cells: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SubjectScan:
    """One scan of a participant, and what is needed beside it."""

    day: date
    scan: PetScan
    targets: PetScan
    """The same with the lesions of role target alone: what EORTC sums."""
    cycles: int | None
    longest_increase_percent: float | None
    caution: str = ""
    """Of the formula of lean body mass."""
    unit: str = "g/mL"
    """Of uptakes and references."""
    doubtful: tuple[str, ...] = ()
    """Lesions that may be new and were not assessable."""


@dataclass(frozen=True, slots=True)
class SubjectScans:
    """All scans of a participant by day; the last on or before the treatment is the baseline, else the earliest."""

    subject: str
    scans: tuple[SubjectScan, ...]
    treatment_start: date | None = None


def read_scans(
    text: str,
    *,
    name: str = "table",
    by: UptakeBy | None = None,
    formula: LeanBodyMass | None = None,
    latest: date | None = None,
) -> tuple[SubjectScans, ...]:
    """The participants of a CSV table in the order in which they first appear.

    Parameters
    ----------
    by
        Uptakes and references are by body weight and are brought to this measure, with the scan's weight, height and
        sex; None: they are taken as they stand, unless a formula is named.
    formula
        Of lean body mass, the measure where it is named alone.
    latest
        Today, after which no day can lie; None: not asked.

    Raises
    ------
    Problems
        Columns that are missing or unknown, every cell that cannot be read, by line, and scans that cannot be made of
        them.
    """
    columns, lines = table_lines(text, NEEDED, OPTIONAL, name)
    measure: UptakeBy | None = by or ("lean_body_mass" if formula else None)
    problems: list[Problem] = []
    scans: dict[str, dict[date, _Scan]] = defaultdict(lambda: defaultdict(_Scan))
    for line, row in lines:
        try:
            _take(stripped_cells(columns, row, filled=("subject", "lesion")), line, scans, latest)
        except InputError as error:
            problems.append(Problem(f"{name} line {line}", str(error)))
            if len(problems) == MOST_PROBLEMS:
                problems.append(Problem(name, "further lines were not read; mend these first"))
                break
    if not scans and not problems:
        problems.append(Problem(name, "holds no line below its header"))
    found = []
    for subject, days in scans.items():
        made = []
        for on, scan in sorted(days.items()):
            try:
                made.append(_subject_scan(on, scan, measure, formula))
            except InputError as error:
                problems.append(Problem(f"{name} line {scan.lines[0]}", f"{subject} on {on}: {error}"))
        if len(days) < 2:
            problems.append(Problem(name, f"{subject} has one scan; response needs a baseline and a later one"))
        starts = sorted({text for scan in days.values() if (text := scan.cells.get("treatment_start", ""))})
        if len(starts) > 1:
            problems.append(Problem(name, f"{subject} has two days of treatment_start: {', '.join(starts)}"))
        begun = day("treatment_start", starts[0]) if len(starts) == 1 else None
        found.append(SubjectScans(subject, tuple(made), begun))
    if problems:
        raise Problems(name, problems)
    return tuple(found)


def _take(cells: Mapping[str, str], line: int, scans: Mapping[str, Any], latest: date | None) -> None:
    on = known_day("date", cells["date"], latest)
    status = one_of("status", cells["status"], _STATUSES)
    role = one_of("role", cells.get("role") or "target", _ROLES)
    uptake = number("uptake_g_per_mL", cells["uptake_g_per_mL"])
    if status == "present" and role != "new" and uptake is None:
        raise InputError("uptake_g_per_mL is empty and the lesion is present; if it cannot be measured, not_assessable")
    if status == "not_assessable" and uptake is not None:
        raise InputError("the lesion is not_assessable and has an uptake; leave one of them out")
    for column in _NUMBERS:
        number(column, cells.get(column, ""))
    for column in _FLAGS:
        yes_or_no(column, cells.get(column, ""))
    if cells.get("treatment_start"):
        known_day("treatment_start", cells["treatment_start"], latest)
    if cells.get("sex"):
        one_of("sex", cells["sex"], ("F", "M"))
    scan = scans[cells["subject"]][on]
    scan.lines.append(line)
    _agree(scan, cells)
    lesion = cells["lesion"]
    if lesion in scan.lesions or lesion in scan.new:
        raise InputError(f"lesion {lesion} stands twice in the scan of {on}; keep one measurement")
    if role == "new" and status == "present":
        scan.new.append(lesion)
        return
    gone = {"resolved": True, "present": False}.get(status)
    scan.lesions[lesion] = (role, PetLesion(lesion, uptake, gone, number("total_g", cells.get("total_g", ""))))


def _agree(scan: _Scan, cells: Mapping[str, str]) -> None:
    for column in OF_SCAN:
        value = cells.get(column, "")
        if value and scan.cells.setdefault(column, value) != value:
            raise InputError(f"{column} of this scan is {value} and was {scan.cells[column]} on an earlier line")


def _subject_scan(on: date, read: _Scan, by: UptakeBy | None, formula: LeanBodyMass | None) -> SubjectScan:
    numbers = {column: number(column, read.cells.get(column, "")) for column in _NUMBERS}
    factor, caution = _factor(read, numbers, by, formula)

    def reference(part: str) -> Reference | None:
        mean, sd = numbers[f"{part}_mean_g_per_mL"], numbers[f"{part}_sd_g_per_mL"]
        if (mean is None) != (sd is None):
            raise InputError(f"{part}_mean_g_per_mL and {part}_sd_g_per_mL are given together")
        return None if mean is None or sd is None else Reference(mean * factor, sd * factor)

    lesions = {name: (role, _converted(lesion, factor)) for name, (role, lesion) in read.lesions.items()}
    flags = {column: yes_or_no(column, read.cells.get(column, "")) for column in _FLAGS}
    cycles = numbers["cycles"]
    if cycles is not None and (cycles != int(cycles) or cycles < 1):
        raise InputError(f"cycles is a whole number from 1, got {cycles:g}")

    def scan(roles: tuple[str, ...]) -> PetScan:
        return PetScan(
            tuple(lesion for role, lesion in lesions.values() if role in roles),
            new_lesions=tuple(read.new),
            extent_increased=flags["extent_increased"],
            liver=reference("liver"),
            liver_diseased=flags["liver_diseased"],
            blood_pool=reference("blood"),
            uptake_min=numbers["uptake_min"],
            injected_MBq=numbers["injected_MBq"],
            scanner=read.cells.get("scanner", ""),
            reconstruction=read.cells.get("reconstruction", ""),
            glucose_mg_per_dL=numbers["glucose_mg_per_dL"],
        )

    return SubjectScan(
        on,
        scan(("target", "non_target")),
        scan(("target",)),
        None if cycles is None else int(cycles),
        numbers["longest_increase_percent"],
        caution,
        "g/mL" if by is None else UNITS[by],
        tuple(name for name, (role, lesion) in lesions.items() if role == "new" and lesion.background is None),
    )


def _factor(
    read: _Scan, numbers: Mapping[str, float | None], by: UptakeBy | None, formula: LeanBodyMass | None
) -> tuple[float, str]:
    if by is None or by == "body_weight":
        return 1.0, ""
    weight, height, sex = numbers["weight_kg"], numbers["height_cm"], read.cells.get("sex", "")
    if weight is None or height is None or (by == "lean_body_mass" and not sex):
        needed = "weight_kg, height_cm and sex" if by == "lean_body_mass" else "weight_kg and height_cm"
        raise InputError(f"{TITLES[by]} needs {needed} of the scan")
    measure = uptake_measure(by, formula, weight_kg=weight, height_cm=height, sex=sex)
    return measure.factor, "" if measure.mass is None else measure.mass.caution


def _converted(lesion: PetLesion, factor: float) -> PetLesion:
    def scaled(value: float | None) -> float | None:
        return None if value is None else value * factor

    return PetLesion(lesion.lesion_id, scaled(lesion.uptake), lesion.background, scaled(lesion.total_g))
