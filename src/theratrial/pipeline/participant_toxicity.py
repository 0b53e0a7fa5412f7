"""Safety of one participant beyond grades."""

from __future__ import annotations

from theratrial.gates import laboratory_results
from theratrial.pipeline.context import Context
from theratrial.pipeline.limiting import limiting
from theratrial.pipeline.nadirs import nadirs
from theratrial.pipeline.serious_events import contraception, pregnancies, serious_events
from theratrial.pipeline.version_changes import compared_versions, gate_changes, grade_changes
from theratrial.results.toxicity import ParticipantToxicity
from theratrial.results.values import Note, ParticipantResult
from theratrial.safety import LaboratoryResult, with_baselines
from theratrial.trialfolder.records import TrialFolder


def participant_toxicity(
    folder: TrialFolder, result: ParticipantResult, context: Context, notes: list[Note]
) -> ParticipantToxicity:
    """Nadirs, dose-limiting toxicity, the other CTCAE version, serious events and their clocks."""
    own = participant_laboratory(folder, result)
    found, refused = nadirs(
        folder,
        result.participant_id,
        own,
        [(one.session, one.injected_at) for one in result.sessions],
        until=context.cut_off,
        demonstration=context.resting_on("safety_gate"),
    )
    notes += [Note(result.participant_id, "warning", "nadir", text) for text in refused]
    for one in found:
        if one.visit_before_nadir:
            place = f"nadir of {one.test.replace('_', ' ')} after session {one.session}"
            notes.append(Note(result.participant_id, "info", place, one.visit_before_nadir))
    versions = compared_versions(folder)
    changed, values = grade_changes(result.participant_id, own, versions) if versions else ((), 0)
    decided, gates = gate_changes(folder, result, own, versions, cut_off=context.cut_off) if versions else ((), 0)
    return ParticipantToxicity(
        nadirs=found,
        limiting=limiting(folder, result, own, as_of=context.cut_off, demonstration=context.resting_on("toxicity")),
        grade_changes=changed,
        gate_changes=decided,
        serious=serious_events(folder, result, context, notes),
        pregnancies=pregnancies(folder, result, context, notes),
        contraception=contraception(folder, result, context),
        values_compared=values,
        gates_compared=gates,
    )


def participant_laboratory(folder: TrialFolder, result: ParticipantResult) -> tuple[LaboratoryResult, ...]:
    """Her laboratory lines with baselines from before the first administration."""
    rows = folder.rows("laboratory", participant_id=result.participant_id)
    first = min((one.injected_at for one in result.sessions), default=None)
    return with_baselines(laboratory_results(rows), first)
