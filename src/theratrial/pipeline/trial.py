"""The whole walk: a trial folder to the trial's result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from theratrial import __version__
from theratrial.dosimetry.population.prior import KineticPrior
from theratrial.errors import InputError, Problem, Problems, TheratrialError
from theratrial.imaging.catalogue import catalogue
from theratrial.nuclides import nuclide
from theratrial.pipeline.cohort import (
    analysis_conditions,
    analysis_sets,
    counted,
    endpoint_outcome,
    flow,
    participant_facts,
)
from theratrial.pipeline.cohort_kinetics import participants_priors
from theratrial.pipeline.context import Context, product_reading
from theratrial.pipeline.contradictions import contradictions
from theratrial.pipeline.cut_off import cut_off as cut_off
from theratrial.pipeline.gate_inputs import GateInputs
from theratrial.pipeline.intercurrent import analysis_plan, assessed_on, happened
from theratrial.pipeline.manifest import Advance, folder_files, input_files, nothing
from theratrial.pipeline.matching import ParticipantImages, matched_images
from theratrial.pipeline.participant import ParticipantOutcome, participant_outcome
from theratrial.pipeline.registry_results import reported_results
from theratrial.pipeline.session_population import session_prior
from theratrial.pipeline.trial_analysis import trial_analysis
from theratrial.pipeline.trial_criteria import trial_criteria
from theratrial.pipeline.trial_toxicity import trial_toxicity
from theratrial.protocol.check import demonstration_clauses
from theratrial.protocol.clauses import DecisionStatus
from theratrial.protocol.findings import clauses
from theratrial.protocol.reader import protocol_hash
from theratrial.protocol.schema import Protocol
from theratrial.registry.results_reported import ReportedResults
from theratrial.results.pictures import Pictures
from theratrial.results.values import RESULTS_SCHEMA_VERSION, Assumption, Note, TrialResult
from theratrial.trialfolder import read_folder
from theratrial.trialfolder.records import TrialFolder
from theratrial.workers import in_processes


@dataclass(frozen=True, slots=True)
class TrialRun:
    """What a run gives: the results, the pictures of the report, and what later gates are told."""

    result: TrialResult
    pictures: Pictures
    for_gate: Mapping[str, GateInputs] = field(default_factory=dict)
    """Participant -> computed half of the gate's facts."""
    cut_off: datetime | None = None
    """The latest instant the records speak of."""
    reported: ReportedResults | None = None
    """What registries are told of it."""


def steps(folder: TrialFolder) -> int:
    """How many times a run of this folder calls `advance`."""
    return 2 + len(folder.participant_ids)


def trial_run(
    path: Path,
    *,
    workers: int = 1,
    advance: Advance = nothing,
    folder: TrialFolder | None = None,
    as_of: datetime | None = None,
) -> TrialRun:
    """Run a trial folder.

    Parameters
    ----------
    workers
        Processes that walk participants through the rooms.
    advance
        Called with what is being finished, `steps` times in all.
    folder
        The folder, where the caller has read it already.
    as_of
        The instant the results are as of; the latest that the records speak of, where it is not given.

    Raises
    ------
    Problems
        Everything in the folder that must be mended first.
    InputError
        The protocol cannot be run (an open clause that the walk needs).
    """
    folder = folder or read_folder(path)
    files = input_files(folder.path, folder_files(folder.path))
    advance("inputs")
    problems = contradictions(folder)
    hashes = {folder.path / file.path: file.content_hash for file in files}
    seen = catalogue(folder.image_files)
    images: dict[str, ParticipantImages] = {}
    try:
        images = matched_images(folder, seen)
    except Problems as error:
        problems += error.problems
    if problems:
        raise Problems(f"trial folder {folder.path}", [_shown_relative(folder.path, one) for one in problems])
    advance("images")
    context = Context(hashes, as_of or cut_off(folder), demonstration_clauses(folder.protocol))
    outcomes = _walked(folder, list(images.values()), context, workers, advance)
    priors, said = _cohort_priors(folder, outcomes)
    if priors:
        outcomes = _walked(folder, list(images.values()), replace(context, priors=priors), workers, lambda _: None)
    result = _result(folder, outcomes, context)
    remarks = tuple(Note("", "info", note.place, note.message) for note in seen.notes)
    remarks += tuple(Note("", "info", "trial folder", note) for note in folder.notes)
    remarks += (Note("", "info", "kinetics of the cohort", said),) if said else ()
    pictures = Pictures(
        tuple(picture for one in outcomes for picture in one.pictures.planar),
        tuple(picture for one in outcomes for picture in one.pictures.fusion),
        tuple(one for outcome in outcomes for one in outcome.pictures.overlays),
    )
    notes = tuple(_relative(folder.path, note) for note in (*remarks, *result.notes))
    return TrialRun(
        replace(result, inputs=files, notes=notes),
        pictures,
        {one.result.participant_id: one.for_gate for one in outcomes},
        context.cut_off,
        reported_results(result, folder.protocol, folder=folder),
    )


def _cohort_priors(folder: TrialFolder, outcomes: Sequence[ParticipantOutcome]) -> tuple[dict[str, KineticPrior], str]:
    """Participant -> prior updated by the others, where the protocol wants it, and what was done in words."""
    plan, therapy = folder.protocol.dosimetry.reading, folder.protocol.sessions.reading
    published = session_prior(folder.protocol)
    if plan is None or therapy is None or published is None or not plan.cohort_kinetics:
        return {}, ""
    isotope = nuclide(product_reading(folder.protocol, therapy.product).nuclide)
    return participants_priors(published, {one.result.participant_id: one.kinetics for one in outcomes}, isotope)


def _shown_relative(folder: Path, problem: Problem) -> Problem:
    """The problem with its places relative to the folder, as those of the records are."""
    root = f"{folder}/"
    return replace(problem, place=problem.place.replace(root, ""), message=problem.message.replace(root, ""))


def _relative(folder: Path, note: Note) -> Note:
    """The note without the place of the folder on this machine."""
    root = f"{folder}/"
    return replace(note, place=note.place.replace(root, ""), message=note.message.replace(root, ""))


_Work = tuple[TrialFolder, ParticipantImages, Context]


def _one(work: _Work) -> ParticipantOutcome | Problem:
    folder, images, context = work
    try:
        return participant_outcome(folder, images, context)
    except TheratrialError as error:
        return Problem(f"participant {images.participant_id}", str(error))


def _walked(
    folder: TrialFolder, images: Sequence[ParticipantImages], context: Context, workers: int, advance: Advance
) -> list[ParticipantOutcome]:
    work = [(_of(folder, one.participant_id), one, _of_context(context, one)) for one in images]
    outcomes: list[ParticipantOutcome] = []
    problems: list[Problem] = []
    for done in in_processes(_one, work, workers):
        if isinstance(done, Problem):
            problems.append(done)
            advance(done.place)
        else:
            outcomes.append(done)
            advance(done.result.participant_id)
    if problems:
        raise Problems("the trial cannot be computed", problems)
    return outcomes


def _of(folder: TrialFolder, participant_id: str) -> TrialFolder:
    """The folder with only what belongs to one participant: what a worker is sent."""
    tables = {
        name: tuple(
            row for row in rows if "participant_id" not in row.values or row["participant_id"] == participant_id
        )
        for name, rows in folder.tables.items()
    }
    return replace(folder, tables=tables, image_files=(), manifest={})


def _of_context(context: Context, images: ParticipantImages) -> Context:
    wanted = [
        path
        for image in images.images
        for series in (image.series, image.ct, *image.regions)
        if series is not None
        for path in series.files
    ]
    return replace(context, hashes={path: context.hashes[path] for path in wanted})


def demonstration_assumptions(protocol: Protocol) -> tuple[Assumption, ...]:
    """Every demonstration decision: those on questions that the text leaves, then those of clauses."""
    found = [
        Assumption(f"conflicts.{conflict.id}", conflict.title, conflict.answer, conflict.decision.why)
        for conflict in protocol.conflicts
        if conflict.decision.status is DecisionStatus.DEMONSTRATION
    ]
    for path, clause in clauses(protocol):
        if clause.decision.status is DecisionStatus.DEMONSTRATION:
            title = getattr(clause.reading, "title", "") or path.replace("_", " ").replace(".", ": ")
            found.append(Assumption(path, title, "", clause.decision.why))
    return tuple(found)


def _open(protocol: Protocol) -> tuple[str, ...]:
    conflicts = [
        f"{conflict.title}: {conflict.question}"
        for conflict in protocol.conflicts
        if conflict.decision.status is DecisionStatus.OPEN
    ]
    return (*conflicts, *(path for path, clause in clauses(protocol) if clause.decision.status is DecisionStatus.OPEN))


def _result(folder: TrialFolder, outcomes: Sequence[ParticipantOutcome], context: Context) -> TrialResult:
    protocol = folder.protocol
    identity, population, endpoint = protocol.identity.reading, protocol.population.reading, protocol.endpoint.reading
    if identity is None or population is None or endpoint is None:
        raise InputError("the protocol's clauses identity, population and endpoint must be read before a trial can run")
    conditions = analysis_conditions(protocol)
    plan = analysis_plan(protocol)
    events = {one.result.participant_id: happened(folder, one.result, pending=one.response_pending) for one in outcomes}
    participants = []
    for outcome in outcomes:
        facts = participant_facts(outcome.result, major_deviations=outcome.major_deviations)
        with_sets = replace(outcome.result, analysis_sets=analysis_sets(conditions, facts))
        participants.append(
            counted(
                with_sets,
                endpoint,
                pending=outcome.response_pending,
                plan=plan,
                events=events[with_sets.participant_id],
                assessed=assessed_on(folder, with_sets),
            )
        )
    primary = endpoint_outcome(
        participants,
        endpoint,
        demonstration=context.resting_on("endpoint", "analysis_sets", "response", *(("analysis",) if plan else ())),
        events=events if plan is not None else None,
    )
    return TrialResult(
        schema_version=RESULTS_SCHEMA_VERSION,
        product_version=__version__,
        trial_id=identity.trial_id,
        scientific_title=identity.scientific_title,
        public_title=identity.public_title,
        phase=identity.phase,
        registry=identity.registry,
        protocol_version=identity.protocol_version,
        protocol_hash=protocol_hash(protocol),
        timezone=identity.timezone,
        sample_size=population.sample_size,
        simulated=folder.simulated,
        assumptions=demonstration_assumptions(protocol),
        open_conflicts=_open(protocol),
        inputs=(),
        notes=tuple(note for outcome in outcomes for note in outcome.notes),
        participants=tuple(participants),
        flow=flow(participants),
        endpoint=primary,
        criteria=trial_criteria(folder, participants, context),
        toxicity=trial_toxicity(folder, participants, context),
        analysis=trial_analysis(folder, participants, primary, context),
    )
