"""Lines of a definition of dose-limiting toxicity, one by one: counts, how long a grade lasted, recovery."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from theratrial.protocol.plans.toxicity import LateRecovery, LimitingLaboratory
from theratrial.safety.limiting_counts import counted, longest_gap, stays, taken_at
from theratrial.safety.limiting_watch import LimitingVerdict, LineFinding, Watch
from theratrial.safety.nadirs import within
from theratrial.safety.results import GradedResult

_NOT_TURNED: Final = "no value shows yet that the counts stay there"
_Found = tuple[LimitingVerdict, str, Sequence[GradedResult], datetime | None]


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


def _reached(line: LimitingLaboratory, inside: Sequence[GradedResult], watch: Watch) -> _Found:
    answers = [(one, within(one, line.minimum_grade - 1)) for one in inside]
    bad = [one for one, fine in answers if fine is False]
    if bad:
        first = bad[0]
        return "yes", f"{first.grade.why}, day {watch.days(first.result.collected_at):.0f}", bad, taken_at(first)
    return _not_reached(inside, [one for one, fine in answers if fine is None], watch)


def _not_reached(inside: Sequence[GradedResult], open_ones: Sequence[GradedResult], watch: Watch) -> _Found:
    if (unfinished := watch.unfinished(watch.closes_at)) is not None:
        return unfinished[0], f"{unfinished[1]}: {counted(inside, watch)}", inside, None
    if open_ones:
        return "undetermined", open_ones[0].grade.why, open_ones, None
    if not inside:
        return "undetermined", f"no value in the {watch.days(watch.closes_at):.0f} days", (), None
    if longest_gap(inside, watch) > watch.longest_gap_days:
        unseen = f"the worst may lie in a gap of more than {watch.longest_gap_days:g} days"
        return "undetermined", f"{counted(inside, watch)}; {unseen}", inside, None
    return "no", counted(inside, watch), inside, watch.closes_at


def _lasted(line: LimitingLaboratory, after: Sequence[GradedResult], watch: Watch) -> _Found:
    """By the runs that begin in the window: surely, possibly or not longer than asked."""
    assert line.lasting_days is not None
    worst_allowed = line.minimum_grade - 1
    sure = [run for run in _runs(after, worst_allowed, watch, open_counts=False) if _begins_inside(run, watch)]
    for run in sure:
        if run.certain_days > line.lasting_days:
            because = (
                f"from day {watch.days(taken_at(run.values[0])):.0f} to day {watch.days(taken_at(run.values[-1])):.0f} "
                f"no better value among {len(run.values)}"
            )
            reached = taken_at(run.values[0]) + timedelta(days=line.lasting_days)
            return "yes", because, run.values, next(taken_at(one) for one in run.values if taken_at(one) > reached)
    inside = [one for one in after if taken_at(one) <= watch.closes_at]
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
    return taken_at(run.values[0]) <= watch.closes_at


def _runs(after: Sequence[GradedResult], worst_allowed: int, watch: Watch, *, open_counts: bool) -> list[_Run]:
    """Runs of values worse than allowed; those whose grade is open count where `open_counts`.

    What follows the next injection ends nothing and belongs to its own window.
    """
    found: list[_Run] = []
    current: list[GradedResult] = []
    before = watch.injected_at
    for one in after:
        if watch.next_at is not None and taken_at(one) > watch.next_at:
            break
        fine = within(one, worst_allowed)
        if fine is False or (fine is None and open_counts):
            current.append(one)
            continue
        if current:
            found.append(_Run(tuple(current), before, taken_at(one)))
            current = []
        before = taken_at(one)
    if current:
        found.append(_Run(tuple(current), before, None))
    return found


def recovery_line(rule: LateRecovery, test: str, values: Sequence[GradedResult], watch: Watch) -> LineFinding:
    """Whether a test was back at the allowed grade in time.

    A test that is worse before the deadline and at the first value after it has not recovered; one that is better by
    then may have recovered before or after the deadline, and nobody can know.
    """
    name = f"{test.replace('_', ' ')} not back at grade {rule.maximum_grade} within {rule.within_days:g} days"
    deadline = watch.injected_at + timedelta(days=rule.within_days)
    end = deadline if watch.next_at is None else min(deadline, watch.next_at)
    after = [one for one in values if taken_at(one) > watch.injected_at]
    if watch.next_at is not None:
        after = [one for one in after if taken_at(one) <= watch.next_at]
    known = [one for one in after if taken_at(one) <= end]
    verdict, because, seen, at = _recovered(rule, known, [one for one in after if taken_at(one) > end], watch, end)
    records = tuple(one.result.record for one in seen if one.result.record)
    return LineFinding(name, watch.session, verdict, because, records, None if at is None else watch.day(at))


def _recovered(
    rule: LateRecovery, known: Sequence[GradedResult], late: Sequence[GradedResult], watch: Watch, end: datetime
) -> _Found:
    last = known[-1] if known else None
    fine = None if last is None else within(last, rule.maximum_grade)
    timely = last is not None and (taken_at(last) >= watch.closes_at or watch.unfinished(end) is None)
    if last is not None and fine is True and timely and stays(known, watch, end):
        # Past the window a count that is back again has passed its nadir; before it the fall may still come.
        return (
            "no",
            f"{last.grade.why}, day {watch.days(taken_at(last)):.0f}",
            known,
            max(taken_at(last), watch.closes_at),
        )
    if (unfinished := watch.unfinished(end)) is not None:
        return unfinished[0], f"{unfinished[1]}: {counted(known, watch)}", known, None
    if last is None:
        return "undetermined", f"no value in the {watch.days(end):.0f} days", (), None
    said = f"{last.grade.why}, day {watch.days(taken_at(last)):.0f}"
    if fine is not False:
        return "undetermined", said if fine is None else f"{said}; {_NOT_TURNED}", known, None
    if watch.next_at is not None and watch.next_at <= end:
        return "undetermined", f"{said}; the next session was given before the end of the days allowed", (last,), None
    first_late = late[0] if late else None
    if first_late is not None and within(first_late, rule.maximum_grade) is False:
        return "yes", f"{said}, and still on day {watch.days(taken_at(first_late)):.0f}", (last, first_late), end
    if first_late is not None:
        return "undetermined", f"{said}; better on day {watch.days(taken_at(first_late)):.0f}", (last, first_late), None
    return "undetermined", f"{said}; no value after it", (last,), None
