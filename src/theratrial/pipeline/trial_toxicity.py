"""Safety over the participants: the stopping rule replayed, the other CTCAE version, recoveries still to come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from theratrial.pipeline.context import Context
from theratrial.pipeline.stopping import stopping_result
from theratrial.pipeline.version_changes import compared_versions
from theratrial.results.places import participant_place
from theratrial.results.toxicity import CohortRecovery, GradeMove, NadirResult, TrialToxicity
from theratrial.results.values import ParticipantResult
from theratrial.safety.recovery_forecast import METHOD, METHOD_VERSION, cohort_forecast
from theratrial.trace import Trace
from theratrial.trialfolder.records import TrialFolder


def trial_toxicity(folder: TrialFolder, participants: Sequence[ParticipantResult], context: Context) -> TrialToxicity:
    """The stopping rule on the actual order of events, and what another version of CTCAE would change."""
    clause = folder.protocol.stopping
    plan = None if clause is None or folder.protocol.toxicity is None else clause.reading
    stopping = None
    if plan is not None and folder.protocol.toxicity is not None and folder.protocol.toxicity.reading is not None:
        stopping = stopping_result(plan, participants, demonstration=context.resting_on("stopping", "toxicity"))
    versions = compared_versions(folder)
    if versions is None:
        return TrialToxicity(stopping)
    moves = Counter(
        (change.test, change.first, change.second) for one in participants for change in one.toxicity.grade_changes
    )
    affected = tuple(
        one.participant_id for one in participants if one.toxicity.grade_changes or one.toxicity.gate_changes
    )
    gates = sum(len(one.toxicity.gate_changes) for one in participants)
    values = sum(one.toxicity.values_compared for one in participants)
    compared = sum(one.toxicity.gates_compared for one in participants)
    return TrialToxicity(
        stopping=stopping,
        versions=versions,
        impact_sentence=impact_sentence(participants, versions),
        values_compared=values,
        moves=tuple(
            GradeMove(*key, count)
            for key, count in sorted(
                moves.items(), key=lambda item: (item[0][0], *(-1 if g is None else g for g in item[0][1:]))
            )
        ),
        participants_affected=affected,
        gates_compared=compared,
        gates_changed=gates,
        recoveries=_recoveries(participants, folder),
    )


def impact_sentence(participants: Sequence[ParticipantResult], versions: tuple[str, str]) -> str:
    """What the other version would change, in one sentence with its numbers."""
    values = sum(one.toxicity.values_compared for one in participants)
    gates = sum(one.toxicity.gates_compared for one in participants)
    changed = sum(len(one.toxicity.grade_changes) for one in participants)
    people = sum(bool(one.toxicity.grade_changes) for one in participants)
    decided = [
        f"{one.participant_id} after session {change.after_session} ({change.first}, not {change.second})"
        for one in participants
        for change in one.toxicity.gate_changes
    ]
    who = f", in {people} participants" if people > 1 else ", in one participant" if people else ""
    said = (
        f"Under CTCAE {versions[1]} instead of {versions[0]}, {changed or 'none'} of {values} laboratory values would "
        f"have another grade{who}, and {len(decided) or 'none'} of {gates} gates another decision"
    )
    return f"{said}: {'; '.join(decided)}." if decided else f"{said}."


def _recoveries(participants: Sequence[ParticipantResult], folder: TrialFolder) -> tuple[CohortRecovery, ...]:
    """For each course that has not recovered and whose own counts foretell nothing: what the others' courses say."""
    recovered = [
        (one.participant_id, course, days)
        for one in participants
        for course in one.toxicity.nadirs
        if (days := _recovery_day(course)) is not None
    ]
    found = []
    for one in participants:
        injected = {session.session: session.injected_at for session in one.sessions}
        for course in one.toxicity.nadirs:
            if course.recovery != "not_recovered" or course.predicted_recovery_on is not None:
                continue
            others = [
                (name, of, days)
                for name, of, days in recovered
                if of.test == course.test and name != one.participant_id
            ]
            last = _last_count_day(one, course)
            forecast = cohort_forecast([days for _, _, days in others], last)
            first = injected[course.session].astimezone(folder.zone).date()
            predicted_on, earliest_on, latest_on = (
                None if value is None else first + timedelta(days=int(value))
                for value in (forecast.days, forecast.lower_days, forecast.upper_days)
            )
            names = dict.fromkeys(name for name, _, _ in others)
            inputs = {f"courses of {name}": f"value:{participant_place(name)}.toxicity.nadirs" for name in names}
            inputs["course"] = f"value:{participant_place(one.participant_id)}.toxicity.nadirs"
            used = sum(value > last for _, _, value in others)
            found.append(
                CohortRecovery(
                    one.participant_id,
                    course.session,
                    course.test,
                    predicted_on,
                    earliest_on,
                    latest_on,
                    used,
                    forecast.because,
                    Trace(METHOD, METHOD_VERSION, inputs),
                )
            )
    return tuple(found)


def _recovery_day(course: NadirResult) -> float | None:
    """Days from the session to the first count that was back."""
    nadir_day, further = course.days_to_nadir.value, course.days_to_recovery.value
    if course.recovery != "recovered" or nadir_day is None or further is None:
        return None
    return nadir_day + further


def _last_count_day(one: ParticipantResult, course: NadirResult) -> float:
    """Day of the last count of a course, which was not recovered."""
    start = next(session.injected_at for session in one.sessions if session.session == course.session)
    ends = [session.injected_at for session in one.sessions if session.injected_at > start]
    counts = [
        point.collected_at
        for point in one.laboratory
        if point.test == course.test and point.collected_at > start and (not ends or point.collected_at <= min(ends))
    ]
    return (max(counts) - start).total_seconds() / 86400
