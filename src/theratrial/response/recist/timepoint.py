"""Response at each visit: targets by their sum, non-targets and new lesions by what the reader says, then together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from theratrial.response.recist.lesions import Lesion, NODE_NORMAL_mm, Visit, require_readable
from theratrial.response.recist.options import RecistOptions

METHOD: Final = "response.recist_1_1"
VERSION: Final = "2"

Overall = Literal["CR", "PR", "SD", "NON-CR/NON-PD", "PD", "NE", "NED"]
TargetResponse = Literal["CR", "PR", "SD", "PD", "NE", "NA"]
NonTargetResponse = Literal["CR", "NON-CR/NON-PD", "PD", "NE", "NA"]
NewLesions = Literal["no", "yes", "doubtful"]

_UM: Final = 1000
_LEAST_GROWTH_um: Final = 5 * _UM


@dataclass(frozen=True, slots=True)
class TimePoint:
    """Response at a visit. Sums in millimetres; changes in percent, None where there is nothing to compare with."""

    day: date
    overall: Overall
    target: TargetResponse
    non_target: NonTargetResponse
    new: NewLesions
    sum_mm: float | None
    """Of all targets; of those that were evaluated where some were not (`missing`)."""
    missing: tuple[str, ...]
    baseline_mm: float
    nadir_mm: float
    """Smallest sum before this visit, the baseline included; visits with missing targets set none."""
    from_baseline_percent: float | None
    from_nadir_percent: float | None
    because: str


@dataclass(slots=True)
class _Course:
    """What earlier visits leave to later ones."""

    baseline_um: int
    nadir_um: int
    partial_since: date | None = None
    partial_stays: bool = False
    complete: bool = False
    """Whether a complete response was reached."""


def time_points(
    visits: tuple[Visit, ...], options: RecistOptions | None = None, *, who: str = "participant"
) -> tuple[TimePoint, ...]:
    """The response at every visit after the baseline.

    Rules are compared in whole micrometres: 30 % is reached by 70.0 of 100.0 mm, whatever the decimals. Where the
    smallest sum is zero, any regrowth of 5 mm or more is progression. Of nodes that all stay below 10 mm, what is seen
    again after a complete response, and new lesions in doubt see `RecistOptions`. Progression can be called on the
    targets that were evaluated; a response or stable disease cannot.

    Parameters
    ----------
    visits
        In the order of their days; the first is the baseline.

    Raises
    ------
    Problems
        What the criteria cannot be applied to, see `require_readable`.

    References
    ----------
    Eisenhauer et al., Eur J Cancer 2009;45:228, tables 1 and 2. EORTC, questions and answers on RECIST 1.1.
    """
    chosen = options or RecistOptions()
    require_readable(visits, chosen, who=who)
    first = sum(_counted(lesion, chosen) for lesion in visits[0].of("target").values())
    return tuple(_walk(visits, chosen, _Course(first, first)))


def _walk(visits: tuple[Visit, ...], options: RecistOptions, course: _Course) -> Iterator[TimePoint]:
    baseline = visits[0]
    confirmed = _confirmed_later(visits, options)
    for visit, sure in zip(visits[1:], confirmed[1:], strict=True):
        point = _at(baseline, visit, options, course, sure)
        _remember(point, options, course)
        yield point


def _confirmed_later(visits: tuple[Visit, ...], options: RecistOptions) -> list[frozenset[str]]:
    """Of each visit, the new lesions that a later one calls present, where their day is that of the first sight."""
    later: frozenset[str] = frozenset()
    found = []
    for visit in reversed(visits):
        found.append(later)
        if options.doubtful_dated == "first_seen":
            sure = [one.lesion_id for one in visit.lesions if one.role == "new" and one.status == "present"]
            later = later.union(sure) if sure else later
    return found[::-1]


def _counted(lesion: Lesion, options: RecistOptions) -> int:
    if lesion.status == "measured" and lesion.length_um is not None:
        return lesion.length_um
    return round(options.too_small_mm * _UM) if lesion.status == "too_small" else 0


def _at(
    baseline: Visit, visit: Visit, options: RecistOptions, course: _Course, confirmed_later: frozenset[str]
) -> TimePoint:
    wanted, seen = baseline.of("target"), visit.of("target")
    known = {name: seen[name] for name in wanted if name in seen and seen[name].status != "not_evaluated"}
    missing = tuple(name for name in wanted if name not in known)
    total = sum(_counted(lesion, options) for lesion in known.values()) if known else None
    target, said = _target(known, missing, total, course, options)
    if merged := [f"{lesion.merged_into}+{name}" for name, lesion in known.items() if lesion.merged_into]:
        said = f"{said}; merged: {', '.join(merged)}"
    non_target = _non_target(baseline, visit, course, options)
    new = _new(visit, confirmed_later)
    overall = _overall(target, non_target, new)
    words = [said, *_words(non_target, new)]
    if non_target == "PD" and all(lesion.status != "progressed" for lesion in visit.of("non_target").values()):
        words[1] = f"non-targets seen again after a complete response: {', '.join(_seen_again(visit.of('non_target')))}"
    if new == "yes" and _new(visit, frozenset()) != "yes":
        words[-1] = "new lesion, in doubt here and confirmed later: progression counts from here"
    return TimePoint(
        visit.day,
        overall,
        target,
        non_target,
        new,
        None if total is None else total / _UM,
        missing,
        course.baseline_um / _UM,
        course.nadir_um / _UM,
        _percent(total, course.baseline_um) if not missing else None,
        _percent(total, course.nadir_um) if not missing else None,
        "; ".join(part for part in words if part),
    )


def _percent(total: int | None, reference: int) -> float | None:
    return None if total is None or reference == 0 else (total - reference) / reference * 100


def _target(
    known: dict[str, Lesion],
    missing: tuple[str, ...],
    total: int | None,
    course: _Course,
    options: RecistOptions,
) -> tuple[TargetResponse, str]:
    if total is None:
        return ("NE", "no target was evaluated") if missing else ("NA", "no targets")
    by_sum = options.normal_nodes_progress and _grew(total, course)
    if not missing and not by_sum and all(_gone(lesion, options) for lesion in known.values()):
        return "CR", f"all targets gone, nodes below {NODE_NORMAL_mm} mm (sum {_mm(total)})"
    if course.complete and options.reappeared_progresses and (back := _seen_again(known)):
        return "PD", f"seen again after a complete response: {', '.join(back)}"
    growth = total - course.nadir_um
    if _grew(total, course):
        of = "though not all were evaluated" if missing else ""
        share = "from nothing" if course.nadir_um == 0 else f"{growth / course.nadir_um * 100:+.1f} %"
        return "PD", " ".join(f"sum {_mm(total)}, {share} and {_mm(growth)} above the smallest {of}".split())
    if missing:
        return "NE", f"not evaluated: {', '.join(missing)}"
    fall = course.baseline_um - total
    if fall * 10 >= course.baseline_um * 3:
        return (
            "PR",
            f"sum {_mm(total)}, {-fall / course.baseline_um * 100:+.1f} % from baseline {_mm(course.baseline_um)}",
        )
    change = _percent(total, course.baseline_um)
    said = f"sum {_mm(total)}, {change:+.1f} % from baseline" if change is not None else f"sum {_mm(total)}"
    if course.partial_stays:
        return "PR", f"{said}: a partial response stays one until progression"
    return "SD", f"{said}, neither response nor progression"


def _grew(total_um: int, course: _Course) -> bool:
    growth = total_um - course.nadir_um
    return growth >= _LEAST_GROWTH_um and growth * 5 >= course.nadir_um


def _seen_again(lesions: Mapping[str, Lesion]) -> list[str]:
    """Lesions that are there and are no nodes; of one that is merged the other tells."""
    there = ("measured", "too_small", "present", "progressed")
    return [name for name, lesion in lesions.items() if not lesion.nodal and lesion.status in there]


def _gone(lesion: Lesion, options: RecistOptions) -> bool:
    if lesion.status in ("absent", "merged"):
        # Of what is merged the other lesion tells.
        return True
    return lesion.nodal and _counted(lesion, options) < NODE_NORMAL_mm * _UM


def _mm(length_um: int) -> str:
    return f"{length_um / _UM:g} mm"


def _non_target(baseline: Visit, visit: Visit, course: _Course, options: RecistOptions) -> NonTargetResponse:
    wanted, seen = baseline.of("non_target"), visit.of("non_target")
    if course.complete and options.reappeared_progresses and _seen_again(seen):
        return "PD"
    statuses = [seen[name].status if name in seen else "not_evaluated" for name in wanted]
    if not statuses:
        return "NA"
    if "progressed" in statuses:
        return "PD"
    if "not_evaluated" in statuses:
        return "NE"
    return "CR" if all(status == "absent" for status in statuses) else "NON-CR/NON-PD"


def _new(visit: Visit, confirmed_later: frozenset[str]) -> NewLesions:
    doubt = "not_evaluated"
    statuses = {
        "present" if lesion.status == doubt and name in confirmed_later else lesion.status
        for name, lesion in visit.of("new").items()
    }
    return "yes" if "present" in statuses else "doubtful" if "not_evaluated" in statuses else "no"


def _words(non_target: NonTargetResponse, new: NewLesions) -> Iterator[str]:
    said = {
        "PD": "non-targets unequivocally progressed",
        "NE": "not all non-targets were evaluated",
        "CR": "all non-targets gone",
        "NON-CR/NON-PD": "non-targets remain",
    }
    if non_target != "NA":
        yield said[non_target]
    if new == "yes":
        yield "new lesion"
    elif new == "doubtful":
        yield "a lesion that may be new was not evaluated"


def _overall(target: TargetResponse, non_target: NonTargetResponse, new: NewLesions) -> Overall:
    """Tables 1 and 2 of the paper; without any lesion at baseline NED (no evidence of disease)."""
    if new == "yes" or target == "PD" or non_target == "PD":
        return "PD"
    if target == "NA":
        alone: dict[NonTargetResponse, Overall] = {"NA": "NED", "CR": "CR", "NON-CR/NON-PD": "NON-CR/NON-PD"}
        return "NE" if new == "doubtful" else alone.get(non_target, "NE")
    if target == "NE":
        return "NE"
    if target == "CR":
        return "CR" if non_target in ("CR", "NA") and new == "no" else "PR"
    return target


def _remember(point: TimePoint, options: RecistOptions, course: _Course) -> None:
    if point.sum_mm is not None and not point.missing:
        course.nadir_um = min(course.nadir_um, round(point.sum_mm * _UM))
    course.complete |= point.overall == "CR"
    if point.overall == "PD":
        course.partial_stays, course.partial_since = False, None
        return
    if options.partial_stays == "never" or point.target not in ("PR", "CR"):
        # A stable disease between keeps what was confirmed; what was not confirmed begins anew.
        if point.target == "SD" and not course.partial_stays:
            course.partial_since = None
        return
    if course.partial_since is None:
        course.partial_since = point.day
    waited = (point.day - course.partial_since).days
    asked = options.confirmation_days
    if options.partial_stays == "once_assigned" or asked is None or (waited >= asked and waited > 0):
        course.partial_stays = True
