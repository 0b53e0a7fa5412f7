"""What a reader writes down at a visit: lesions with a length, or what is said in its place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final, Literal

from theratrial.errors import InputError, Problem, Problems
from theratrial.response.recist.options import RecistOptions

Role = Literal["target", "non_target", "new"]
Status = Literal["measured", "absent", "too_small", "merged", "present", "progressed", "not_evaluated"]

STATUSES: Final[dict[Role, tuple[Status, ...]]] = {
    "target": ("measured", "absent", "too_small", "merged", "not_evaluated"),
    "non_target": ("present", "absent", "progressed", "not_evaluated"),
    "new": ("present", "absent", "not_evaluated"),
}
"""``progressed``: unequivocally. ``merged``: no longer to be told from another target, whose length is that of both. A
new lesion that is not evaluated is one in doubt: it is no progression yet."""

_MICROMETRES: Final = 1000
NODE_NORMAL_mm: Final = 10
NODE_TARGET_mm: Final = 15
LESION_TARGET_mm: Final = 10
_LARGEST_mm: Final = 500
_JUMP: Final = 8
"""Times between two measurements from which a unit may have been mixed up: 25 mm, then 2.4 typed in cm, are 10."""


def micrometres(text: str | Decimal | float) -> int:
    """A length in millimetres as a whole number of micrometres, so that sums and percentages are exact.

    Raises
    ------
    InputError
        Not a number, negative, longer than a patient is wide, or finer than a micrometre.
    """
    try:
        value = Decimal(str(text)) * _MICROMETRES
    except ArithmeticError:
        raise InputError(f"a length in millimetres is a number, got {text!r}") from None
    if not value.is_finite() or value < 0 or value > _LARGEST_mm * _MICROMETRES:
        raise InputError(f"a length lies from 0 to {_LARGEST_mm} mm, got {text}")
    if value != value.to_integral_value():
        raise InputError(f"a length of {text} mm is finer than can be measured; give at most three decimals")
    return int(value)


@dataclass(frozen=True, slots=True)
class Lesion:
    """One lesion at one visit; nodes by their short axis, everything else by its longest diameter."""

    lesion_id: str
    role: Role
    status: Status
    length_um: int | None = None
    nodal: bool = False
    organ: str = ""
    merged_into: str = ""
    """The target that holds the length of both, where this one is merged."""

    def __post_init__(self) -> None:
        if self.status not in STATUSES[self.role]:
            raise InputError(
                f"lesion {self.lesion_id}: a {self.role.replace('_', '-')} lesion is "
                f"{', '.join(STATUSES[self.role])}; got {self.status}"
            )
        if (self.length_um is not None) != (self.status == "measured"):
            said = "has no length" if self.length_um is None else "has a length"
            raise InputError(
                f"lesion {self.lesion_id} is {self.status} and {said}; give a length where and only where it is "
                f"measured{' (the short axis of a node)' if self.nodal else ''}"
            )
        if (self.status == "merged") != bool(self.merged_into):
            raise InputError(
                f"lesion {self.lesion_id} is {self.status} and merged into {self.merged_into or 'no other'}; name the "
                "target that holds the length of both where and only where it is merged"
            )


@dataclass(frozen=True, slots=True)
class Visit:
    """What was seen on one day; the earliest visit of a participant is the baseline."""

    day: date
    lesions: tuple[Lesion, ...]
    name: str = ""

    def of(self, role: Role) -> dict[str, Lesion]:
        """Lesions of a role by name."""
        return {lesion.lesion_id: lesion for lesion in self.lesions if lesion.role == role}


def require_readable(visits: tuple[Visit, ...], options: RecistOptions, *, who: str = "participant") -> None:
    """Refuse what the criteria cannot be applied to, everything at once.

    Raises
    ------
    Problems
        No baseline; one day twice; a lesion twice at a visit, with two roles, in two organs, or a node at one visit and
        none at another; a target too small at baseline, not measured there, or too many of them; a new lesion at
        baseline; a lesion that first appears later and is not new; one merged into a lesion without a measurement.
    """
    problems = [Problem(who, message) for message in _faults(visits, options)]
    if problems:
        raise Problems(f"lesions of {who}", problems)


def _faults(visits: tuple[Visit, ...], options: RecistOptions) -> list[str]:
    if not visits:
        return ["no visit: response needs a baseline"]
    days = [visit.day for visit in visits]
    found = [f"two visits on {day}; give each its own day" for day in sorted({d for d in days if days.count(d) > 1})]
    if days != sorted(days):
        found.append("visits are not in the order of their days")
    known = {lesion.lesion_id: lesion.role for lesion in visits[0].lesions}
    first: dict[str, Lesion] = {}
    organs: dict[str, str] = {}
    for visit in visits:
        seen: set[str] = set()
        for lesion in visit.lesions:
            name = lesion.lesion_id
            if name in seen:
                found.append(
                    f"{visit.day}: lesion {name} stands there twice; keep one measurement (of a lesion that fell apart "
                    "the sum of its parts)"
                )
            seen.add(name)
            if lesion.role != "new" and name not in known:
                found.append(f"{visit.day}: lesion {name} was not there at baseline; then its role is new")
            elif known.get(name, lesion.role) != lesion.role:
                found.append(f"{visit.day}: lesion {name} is {lesion.role} and was {known[name]}")
            if first.setdefault(name, lesion).nodal != lesion.nodal:
                now, then = ("a node", "none") if lesion.nodal else ("no node", "one")
                found.append(f"{visit.day}: lesion {name} is {now} and was {then}; a lesion stays what it is")
            if lesion.organ and organs.setdefault(name, lesion.organ) != lesion.organ:
                found.append(f"{visit.day}: lesion {name} is in {lesion.organ} and was in {organs[name]}")
            if lesion.merged_into and (fault := _merge_fault(visit, lesion)):
                found.append(f"{visit.day}: {fault}")
    return found + _baseline_faults(visits[0], options)


def _merge_fault(visit: Visit, lesion: Lesion) -> str:
    """Why the lesion cannot be merged into the one it names; empty where it can."""
    name, into = lesion.lesion_id, lesion.merged_into
    holder = visit.of("target").get(into)
    if holder is None or holder.status not in ("measured", "too_small", "absent"):
        return f"lesion {name} is merged into {into}, which is not measured that day; then both are not_evaluated"
    if holder.nodal != lesion.nodal:
        return f"lesion {name} is merged into {into}, and one of them is a node; call {name} not_evaluated"
    return ""


def _baseline_faults(baseline: Visit, options: RecistOptions) -> list[str]:
    found = [f"{baseline.day}: lesion {name} is new at baseline" for name in baseline.of("new")]
    targets = baseline.of("target")
    for name, lesion in targets.items():
        least = NODE_TARGET_mm if lesion.nodal else LESION_TARGET_mm
        if lesion.length_um is None:
            found.append(f"{baseline.day}: target {name} is {lesion.status} at baseline; a target is measured there")
        elif lesion.length_um < least * _MICROMETRES:
            axis = "short axis of a node" if lesion.nodal else "longest diameter"
            found.append(
                f"{baseline.day}: target {name} has {lesion.length_um / _MICROMETRES:g} mm; the {axis} of a target is "
                f"at least {least} mm: call it non-target"
            )
    if len(targets) > options.largest_targets:
        found.append(f"{baseline.day}: {len(targets)} targets; at most {options.largest_targets} are followed")
    organs = ["lymph nodes" if lesion.nodal else lesion.organ for lesion in targets.values()]
    for organ in sorted({name for name in organs if name and organs.count(name) > options.largest_targets_per_organ}):
        found.append(
            f"{baseline.day}: {organs.count(organ)} targets in {organ}; at most {options.largest_targets_per_organ} "
            "are followed in one organ"
        )
    return found


def tenfold_jumps(visits: tuple[Visit, ...]) -> tuple[str, ...]:
    """Targets whose length changes about tenfold from one measurement to the next, as if two units were mixed.

    Examples
    --------
    >>> one, two = (Lesion("A", "target", "measured", micrometres(mm)) for mm in (25, 2.4))
    >>> tenfold_jumps((Visit(date(2022, 1, 1), (one,)), Visit(date(2022, 3, 1), (two,))))[0][:41]
    'A: 25 mm on 2022-01-01, 2.4 mm on 2022-03'
    """
    last: dict[str, tuple[int, date]] = {}
    found = []
    for visit in visits:
        for lesion in visit.lesions:
            length_um = lesion.length_um
            if length_um and lesion.role == "target":
                before_um, day = last.get(lesion.lesion_id, (length_um, visit.day))
                if not before_um < length_um * _JUMP < before_um * _JUMP * _JUMP:
                    found.append(
                        f"{lesion.lesion_id}: {before_um / _MICROMETRES:g} mm on {day}, {length_um / _MICROMETRES:g} "
                        f"mm on {visit.day}: about tenfold; check that both are millimetres"
                    )
                last[lesion.lesion_id] = length_um, visit.day
    return tuple(found)
