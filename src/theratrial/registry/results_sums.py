"""Whether reported results add up, and whether they may leave the house: sums, locks, the right trial."""

from __future__ import annotations

from collections.abc import Iterator

from theratrial.errors import InputError
from theratrial.registry.record import RegistrationRecord
from theratrial.registry.results_reported import BaselineMeasure, OutcomeReported, ReportedResults


def sum_faults(reported: ReportedResults) -> tuple[str, ...]:
    """Every sum that a registry checks and that does not hold; none where all is well."""
    return (*_flow(reported), *_baseline(reported), *_outcomes(reported), *_adverse(reported))


def checked_for_registry(
    reported: ReportedResults, record: RegistrationRecord | None = None, *, draft: bool = False
) -> ReportedResults:
    """The same results, if a registry may be told of them.

    Parameters
    ----------
    draft
        Whether results of data that are not locked are wanted all the same; they are marked as a draft.

    Raises
    ------
    InputError
        The data were not locked, the record is another trial's, or the numbers do not add up.
    """
    if not (reported.locked or draft):
        raise InputError(
            f"{reported.number}: the data (cut on {reported.data_cut}) were not locked when the results were computed "
            "-> lock them and run again, or ask for a draft with --draft; a draft is marked and must not be registered"
        )
    number = record.registration.number if record is not None else ""
    if number and reported.number and number != reported.number:
        raise InputError(
            f"the results are of {reported.number}, the record is of {number} -> give the record of the trial"
        )
    if faults := sum_faults(reported):
        raise InputError(
            f"{reported.number}: the results do not add up: {'; '.join(faults)} -> run again and report it"
        )
    return reported


def _flow(reported: ReportedResults) -> Iterator[str]:
    flow = reported.flow
    failed = sum(one.count for one in flow.screen_failures)
    if flow.screened != flow.started + failed:
        yield f"{flow.screened} screened, {flow.started} started and {failed} screen failures"
    left = sum(one.count for one in flow.not_completed)
    if flow.started != flow.completed + left + flow.ongoing:
        yield f"{flow.started} started, {flow.completed} completed, {left} did not, {flow.ongoing} are still in it"
    for session, count in flow.sessions_given:
        if count > flow.started:
            yield f"session {session} was given to {count} of {flow.started} who started"
    if flow.assessed > flow.started:
        yield f"{flow.assessed} assessed of {flow.started} who started"


def _baseline(reported: ReportedResults) -> Iterator[str]:
    for one in reported.baseline:
        if one.number_known + one.missing != reported.flow.started:
            yield (
                f"baseline '{one.title.en}': {one.number_known} known and {one.missing} missing of "
                f"{reported.flow.started} who started"
            )
        yield from _counts(one)


def _counts(one: BaselineMeasure) -> Iterator[str]:
    if one.kind == "counts" and any(part.count > one.number_known for part in one.counts):
        yield f"baseline '{one.title.en}': a category has more than the {one.number_known} participants known"
    if one.kind == "mean" and one.mean is None and one.number_known:
        yield f"baseline '{one.title.en}': {one.number_known} are known, and there is no mean"


def _outcomes(reported: ReportedResults) -> Iterator[str]:
    for one in reported.outcomes:
        yield from _outcome(one, reported.flow.started)


def _outcome(one: OutcomeReported, started: int) -> Iterator[str]:
    if one.analysed > started:
        yield f"'{one.title.en}': {one.analysed} analysed of {started} who started"
    if any(part.count > one.analysed for part in one.counts):
        yield f"'{one.title.en}': a category has more than the {one.analysed} analysed"
    if one.numerator is not None and one.numerator > one.analysed:
        yield f"'{one.title.en}': {one.numerator} of {one.analysed}"
    share = one.numerator / one.analysed if one.numerator is not None and one.analysed else one.value
    if one.kind == "proportion" and one.value is not None and share is not None and abs(one.value - share) > 1e-9:
        yield f"'{one.title.en}': {one.numerator} of {one.analysed} is not {one.value}"
    bounds = [value for value in (one.lower, one.value, one.upper) if value is not None]
    if bounds != sorted(bounds):
        yield f"'{one.title.en}': the value lies outside of its interval"


def _adverse(reported: ReportedResults) -> Iterator[str]:
    adverse = reported.adverse
    if adverse.at_risk != reported.flow.started:
        yield f"{adverse.at_risk} at risk of adverse events, {reported.flow.started} started"
    for name, count in (
        ("died", adverse.deaths),
        ("serious", adverse.serious_affected),
        ("other", adverse.other_affected),
    ):
        if count is not None and count > adverse.at_risk:
            yield f"adverse events: {count} affected ({name}) of {adverse.at_risk} at risk"
    for row in adverse.events:
        total = adverse.serious_affected if row.serious else adverse.other_affected
        if not row.affected <= min(total, row.at_risk) or row.events < row.affected:
            yield (
                f"adverse event '{row.term}': {row.events} events in {row.affected} of {row.at_risk} at risk, "
                f"{total} affected in all"
            )
