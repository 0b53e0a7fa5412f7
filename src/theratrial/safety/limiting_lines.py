"""Lines of a definition of dose-limiting toxicity, one by one: counts, how long a grade lasted, recovery, events."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Literal

from theratrial.errors import TheratrialError
from theratrial.protocol.plans.toxicity import LateRecovery, LimitingEvents, LimitingLaboratory
from theratrial.safety.nadirs import falls, within
from theratrial.safety.results import GradedResult
from theratrial.safety.samples import scale_of
from theratrial.safety.terms import terms

LimitingVerdict = Literal["yes", "no", "undetermined", "not_yet"]
_NOT_RELATED: Final = "not_related"
_RELATED: Final = "related"


@dataclass(frozen=True, slots=True)
class LimitingEvent:
    """An adverse event as the definition looks at it; `grade` None where nobody graded it."""

    term: str
    grade: int | None
    ctcae_version: str
    started_on: date
    related: str
    record: str = ""


@dataclass(frozen=True, slots=True)
class LineFinding:
    """One line of the definition after one session, with the records that were looked at."""

    line: str
    session: int
    verdict: LimitingVerdict
    because: str
    records: tuple[str, ...]
    on: date | None = None
    """Day on which a yes was reached, or from which a no can be said."""


@dataclass(frozen=True, slots=True)
class Watch:
    """The time after one session in which toxicity counts, and up to where the records speak.

    Parameters
    ----------
    closes_at
        End of the window.
    next_at
        Next injection; what follows it is also its doing.
    as_of
        Instant up to which the records speak.
    left_at
        When observation ended before (death, loss, withdrawal); None where it did not.
    longest_gap_days
        The longest time without a count with which a no can be said.
    """

    session: int
    injected_at: datetime
    closes_at: datetime
    next_at: datetime | None
    as_of: datetime
    left_at: datetime | None = None
    longest_gap_days: float = 14.0

    def day(self, at: datetime) -> date:
        """The date, where the participant was treated."""
        return at.astimezone(self.injected_at.tzinfo).date()

    def days(self, at: datetime) -> float:
        """Days after the injection."""
        return (at - self.injected_at).total_seconds() / 86400

    def unfinished(self, until: datetime) -> tuple[LimitingVerdict, str] | None:
        """What to say while `until` is not reached; None where it is."""
        if self.left_at is not None and self.left_at < until:
            said = f"observation ended on day {self.days(self.left_at):.0f} of {self.days(until):.0f}"
            return "undetermined", said
        if self.as_of < until:
            return "not_yet", f"day {self.days(self.as_of):.0f} of {self.days(until):.0f}"
        return None


@dataclass(frozen=True, slots=True)
class _Run:
    """Successive values of the grade, none better between."""

    values: tuple[GradedResult, ...]
    before: datetime
    """Time of the better value before, or the injection."""
    after: datetime | None
    """Time of the better value after; None where none is there."""

    @property
    def certain_days(self) -> float:
        """From the first to the last value."""
        return (self.values[-1].result.collected_at - self.values[0].result.collected_at).total_seconds() / 86400

    @property
    def possible_days(self) -> float | None:
        """Between the better values on both sides; None where there is no value after."""
        return None if self.after is None else (self.after - self.before).total_seconds() / 86400


def laboratory_line(line: LimitingLaboratory, values: Sequence[GradedResult], watch: Watch) -> LineFinding:
    """A grade of a test in the window, or a grade that lasted.

    Parameters
    ----------
    values
        Of the test, graded, in order of time; those before the injection and after the next one are passed over.
    """
    name = f"{line.test.replace('_', ' ')} grade {line.minimum_grade} or worse"
    if line.lasting_days is not None:
        name = f"{name} for more than {line.lasting_days:g} days"
    after = [one for one in values if watch.injected_at < one.result.collected_at]
    inside = [one for one in after if one.result.collected_at <= watch.closes_at]
    verdict, because, seen, at = (
        _reached(line, inside, watch) if line.lasting_days is None else _lasted(line, after, watch)
    )
    records = tuple(one.result.record for one in seen if one.result.record)
    return LineFinding(name, watch.session, verdict, because, records, None if at is None else watch.day(at))


_Found = tuple[LimitingVerdict, str, Sequence[GradedResult], datetime | None]


def _reached(line: LimitingLaboratory, inside: Sequence[GradedResult], watch: Watch) -> _Found:
    answers = [(one, within(one, line.minimum_grade - 1)) for one in inside]
    bad = [one for one, fine in answers if fine is False]
    if bad:
        first = bad[0]
        return "yes", f"{first.grade.why}, day {watch.days(first.result.collected_at):.0f}", bad, _at(first)
    return _not_reached(inside, [one for one, fine in answers if fine is None], watch)


def _not_reached(inside: Sequence[GradedResult], open_ones: Sequence[GradedResult], watch: Watch) -> _Found:
    if (unfinished := watch.unfinished(watch.closes_at)) is not None:
        return unfinished[0], f"{unfinished[1]}: {_counted(inside, watch)}", inside, None
    if open_ones:
        return "undetermined", open_ones[0].grade.why, open_ones, None
    if not inside:
        return "undetermined", f"no value in the {watch.days(watch.closes_at):.0f} days", (), None
    if _longest_gap(inside, watch) > watch.longest_gap_days:
        unseen = f"the worst may lie in a gap of more than {watch.longest_gap_days:g} days"
        return "undetermined", f"{_counted(inside, watch)}; {unseen}", inside, None
    return "no", _counted(inside, watch), inside, watch.closes_at


_NOT_TURNED: Final = "no value shows yet that the counts stay there"


def _longest_gap(inside: Sequence[GradedResult], watch: Watch) -> float:
    """Longest time without a value from the injection to the end of the window, or to now [days]."""
    times = [watch.injected_at, *(_at(one) for one in inside), min(watch.closes_at, watch.as_of)]
    return max((b - a).total_seconds() / 86400 for a, b in itertools.pairwise(times))


def _stays(values: Sequence[GradedResult], watch: Watch, end: datetime) -> bool:
    """Whether the last value may speak for the days up to `end`.

    It does when it is near `end`; or when it was taken near the close of the window or later, when the nadir is over,
    and the counts had turned: it is better than the worst before it. Values of units that do not convert to one another
    show no turn.
    """
    last = values[-1]
    if _days_between(_at(last), end) <= watch.longest_gap_days:
        return True
    if _days_between(_at(last), watch.closes_at) > watch.longest_gap_days:
        return False
    numbers = _in_one_unit(values)
    if numbers is None:
        return False
    if falls(last.result.test, last.grade.ctcae_version):
        return numbers[-1] > min(numbers)
    return numbers[-1] < max(numbers)


def _days_between(first: datetime, second: datetime) -> float:
    return (second - first).total_seconds() / 86400


def _in_one_unit(values: Sequence[GradedResult]) -> list[float] | None:
    """The values on the scale that grades them; None where they have no common one."""
    last = values[-1]
    own = terms(last.grade.ctcae_version).get(last.result.test, ())
    try:
        scales = [scale_of(own, one.result.unit) for one in values]
    except TheratrialError:
        return None
    if not own or len({scale for scale, _ in scales}) != 1:
        return None
    return [one.result.value * factor for one, (_, factor) in zip(values, scales, strict=True)]


def _counted(inside: Sequence[GradedResult], watch: Watch) -> str:
    """How many values, the worst, and the longest time without one: what is not counted is not seen."""
    if not inside:
        return "no value so far"
    worst = max((one.grade.grade for one in inside if one.grade.grade is not None), default=None)
    gap = _longest_gap(inside, watch)
    said = "no grade" if worst is None else f"worst grade {worst}"
    plural = "" if len(inside) == 1 else "s"
    return f"{len(inside)} value{plural}, {said}; longest time without a value {gap:.0f} days"


def _lasted(line: LimitingLaboratory, after: Sequence[GradedResult], watch: Watch) -> _Found:
    """By the runs that begin in the window: surely, possibly or not longer than asked."""
    assert line.lasting_days is not None
    worst_allowed = line.minimum_grade - 1
    sure = [run for run in _runs(after, worst_allowed, watch, open_counts=False) if _begins_inside(run, watch)]
    for run in sure:
        if run.certain_days > line.lasting_days:
            because = (
                f"from day {watch.days(_at(run.values[0])):.0f} to day {watch.days(_at(run.values[-1])):.0f} no better"
                f" value among {len(run.values)}"
            )
            reached = _at(run.values[0]) + timedelta(days=line.lasting_days)
            return "yes", because, run.values, next(_at(one) for one in run.values if _at(one) > reached)
    inside = [one for one in after if _at(one) <= watch.closes_at]
    for run in _runs(after, worst_allowed, watch, open_counts=True):
        if not _begins_inside(run, watch):
            continue
        possible = run.possible_days
        if possible is None or possible > line.lasting_days:
            return _perhaps(line, run, possible, watch)
    return _not_reached(inside, (), watch)


def _perhaps(line: LimitingLaboratory, run: _Run, possible: float | None, watch: Watch) -> _Found:
    certain = f"surely {run.certain_days:.1f} days"
    if possible is not None:
        because = f"{certain}, at most {possible:.1f} between the better values on both sides"
        return "undetermined", because, run.values, None
    longest = run.before + timedelta(days=line.lasting_days or 0)
    if watch.left_at is None and watch.next_at is None and watch.as_of <= longest:
        return "not_yet", f"{certain} so far, no value after", run.values, None
    return "undetermined", f"{certain}, no value after", run.values, None


def _begins_inside(run: _Run, watch: Watch) -> bool:
    return _at(run.values[0]) <= watch.closes_at


def _runs(after: Sequence[GradedResult], worst_allowed: int, watch: Watch, *, open_counts: bool) -> list[_Run]:
    """Runs of values worse than allowed; those whose grade is open count where `open_counts`.

    What follows the next injection ends nothing and belongs to its own window.
    """
    found: list[_Run] = []
    current: list[GradedResult] = []
    before = watch.injected_at
    for one in after:
        if watch.next_at is not None and _at(one) > watch.next_at:
            break
        fine = within(one, worst_allowed)
        if fine is False or (fine is None and open_counts):
            current.append(one)
            continue
        if current:
            found.append(_Run(tuple(current), before, _at(one)))
            current = []
        before = _at(one)
    if current:
        found.append(_Run(tuple(current), before, None))
    return found


def _at(one: GradedResult) -> datetime:
    return one.result.collected_at


def recovery_line(rule: LateRecovery, test: str, values: Sequence[GradedResult], watch: Watch) -> LineFinding:
    """Whether a test was back at the allowed grade in time.

    A test that is worse before the deadline and at the first value after it has not recovered; one that is better by
    then may have recovered before or after the deadline, and nobody can know.
    """
    name = f"{test.replace('_', ' ')} not back at grade {rule.maximum_grade} within {rule.within_days:g} days"
    deadline = watch.injected_at + timedelta(days=rule.within_days)
    end = deadline if watch.next_at is None else min(deadline, watch.next_at)
    after = [one for one in values if _at(one) > watch.injected_at]
    if watch.next_at is not None:
        after = [one for one in after if _at(one) <= watch.next_at]
    known = [one for one in after if _at(one) <= end]
    verdict, because, seen, at = _recovered(rule, known, [one for one in after if _at(one) > end], watch, end)
    records = tuple(one.result.record for one in seen if one.result.record)
    return LineFinding(name, watch.session, verdict, because, records, None if at is None else watch.day(at))


def _recovered(
    rule: LateRecovery, known: Sequence[GradedResult], late: Sequence[GradedResult], watch: Watch, end: datetime
) -> _Found:
    last = known[-1] if known else None
    fine = None if last is None else within(last, rule.maximum_grade)
    timely = last is not None and (_at(last) >= watch.closes_at or watch.unfinished(end) is None)
    if last is not None and fine is True and timely and _stays(known, watch, end):
        # Past the window a count that is back again has passed its nadir; before it the fall may still come.
        return "no", f"{last.grade.why}, day {watch.days(_at(last)):.0f}", known, max(_at(last), watch.closes_at)
    if (unfinished := watch.unfinished(end)) is not None:
        return unfinished[0], f"{unfinished[1]}: {_counted(known, watch)}", known, None
    if last is None:
        return "undetermined", f"no value in the {watch.days(end):.0f} days", (), None
    said = f"{last.grade.why}, day {watch.days(_at(last)):.0f}"
    if fine is not False:
        return "undetermined", said if fine is None else f"{said}; {_NOT_TURNED}", known, None
    if watch.next_at is not None and watch.next_at <= end:
        return "undetermined", f"{said}; the next session was given before the end of the days allowed", (last,), None
    first_late = late[0] if late else None
    if first_late is not None and within(first_late, rule.maximum_grade) is False:
        return "yes", f"{said}, and still on day {watch.days(_at(first_late)):.0f}", (last, first_late), end
    if first_late is not None:
        return "undetermined", f"{said}; better on day {watch.days(_at(first_late)):.0f}", (last, first_late), None
    return "undetermined", f"{said}; no value after it", (last,), None


def events_line(rule: LimitingEvents, events: Sequence[LimitingEvent], version: str, watch: Watch) -> LineFinding:
    """Adverse events of the grade that began in the window and are not said to be unrelated."""
    name = f"adverse event of grade {rule.minimum_grade} or worse"
    excepted = {term.casefold() for term in rule.except_terms}
    inside = [
        one
        for one in events
        if one.term.casefold() not in excepted
        and one.related != _NOT_RELATED
        and watch.day(watch.injected_at) <= one.started_on <= watch.day(watch.closes_at)
    ]
    judged = [(one, *_event(one, rule.minimum_grade, version)) for one in inside]
    for wanted in ("yes", "undetermined"):
        of = [(one, said) for one, verdict, said in judged if verdict == wanted]
        if of:
            records = tuple(one.record for one, _ in of if one.record)
            on = min(one.started_on for one, _ in of) if wanted == "yes" else None
            because = "; ".join(said for _, said in of)
            if wanted == "undetermined" and watch.unfinished(watch.closes_at) is not None:
                return LineFinding(name, watch.session, "not_yet", because, records)
            return LineFinding(name, watch.session, "yes" if wanted == "yes" else "undetermined", because, records, on)
    records = tuple(one.record for one in inside if one.record)
    if (unfinished := watch.unfinished(watch.closes_at)) is not None:
        return LineFinding(name, watch.session, unfinished[0], f"{unfinished[1]}: none so far", records)
    because = f"none that counts among {len(events)} recorded"
    return LineFinding(name, watch.session, "no", because, records, watch.day(watch.closes_at))


def _event(one: LimitingEvent, minimum_grade: int, version: str) -> tuple[LimitingVerdict, str]:
    said = f"{one.term}, grade {one.grade if one.grade is not None else 'not recorded'}, from {one.started_on}"
    if one.grade == 5:
        return (
            ("yes", f"{said}: death") if one.related == _RELATED else ("undetermined", f"{said}: death, not assessed")
        )
    if one.grade is None:
        return "undetermined", said
    if one.ctcae_version and one.ctcae_version != version:
        return "undetermined", f"{said}: graded by CTCAE {one.ctcae_version}, the definition reads {version}"
    if one.grade < minimum_grade:
        return "no", said
    if one.related == _RELATED:
        return "yes", f"{said}, related"
    return "undetermined", f"{said}: its relation to the treatment not assessed"
