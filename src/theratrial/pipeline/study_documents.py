"""From a trial folder, or the results of a run, to the inputs of the trial's documents."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import date
from pathlib import Path

from theratrial import __version__
from theratrial.errors import InputError
from theratrial.pipeline.as_of import content_hash, end_of_day, folder_as_of
from theratrial.pipeline.cut_off import cut_off
from theratrial.pipeline.manifest import Advance, folder_files, input_files, manifest_hash, nothing, program_hash
from theratrial.pipeline.outputs import RESULTS, RUN, read_run_record
from theratrial.pipeline.trial import demonstration_assumptions, trial_run
from theratrial.protocol.clauses import DecisionStatus
from theratrial.protocol.findings import clauses
from theratrial.protocol.reader import protocol_hash
from theratrial.protocol.schema import Protocol
from theratrial.registry.record import RegistrationRecord
from theratrial.report.study.inputs import PlanInputs, StudyInputs
from theratrial.report.study.state import DataState
from theratrial.results.plain import read_results
from theratrial.results.rebuild import rebuilt
from theratrial.results.values import TrialResult
from theratrial.trialfolder import read_folder
from theratrial.trialfolder.records import TrialFolder


def plan_inputs(protocol: Protocol, registration: RegistrationRecord | None, *, draft: bool = False) -> PlanInputs:
    """What the analysis plan is made from; it reads no data."""
    identity = protocol.identity.reading
    if identity is None:
        raise InputError("the protocol does not say which trial it is -> give `identity` a reading")
    state = DataState(
        trial_id=identity.trial_id,
        protocol_version=identity.protocol_version,
        protocol_hash=protocol_hash(protocol),
        product_version=__version__,
        source="",
        cut_off=None,
        locked=not open_clauses(protocol),
        assumptions=len(demonstration_assumptions(protocol)),
        draft_wanted=draft,
    )
    return PlanInputs(protocol, registration, state)


def open_clauses(protocol: Protocol) -> tuple[str, ...]:
    """What of the protocol nobody has decided."""
    found = [one.id for one in protocol.conflicts if one.decision.status is DecisionStatus.OPEN]
    return (*found, *(path for path, clause in clauses(protocol) if clause.decision.status is DecisionStatus.OPEN))


def study_inputs(folder: TrialFolder, result: TrialResult, *, source: str = "", draft: bool = False) -> StudyInputs:
    """Inputs from a folder and the results of the whole of it.

    Parameters
    ----------
    source
        What the head of each page names as the origin of the data; the hash of the inputs where it is not given.
    """
    state = _state(folder, result, source or manifest_hash(result.inputs), draft)
    return StudyInputs(folder, result, state)


def study_inputs_as_of(
    folder: TrialFolder,
    day: date,
    *,
    source: str = "",
    draft: bool = False,
    workers: int = 1,
    advance: Advance = nothing,
) -> StudyInputs:
    """Inputs as of the end of a day: the folder without what came later, computed anew."""
    moment = end_of_day(day, folder)
    then = folder_as_of(folder, moment)
    result = trial_run(folder.path, workers=workers, advance=advance, folder=then, as_of=moment).result
    digest = content_hash(then)
    state = _state(then, result, f"{source} · {digest[:23]}" if source else digest, draft)
    # The hashes of whole files would change with what was added later.
    return StudyInputs(then, replace(result, inputs=()), replace(state, cut_off=moment, cut=True))


def _state(folder: TrialFolder, result: TrialResult, source: str, draft: bool) -> DataState:
    return DataState(
        trial_id=result.trial_id,
        protocol_version=result.protocol_version,
        protocol_hash=result.protocol_hash,
        product_version=result.product_version,
        source=source,
        cut_off=cut_off(folder),
        locked=folder.locked and not result.open_conflicts,
        simulated=result.simulated,
        assumptions=len(result.assumptions),
        draft_wanted=draft,
    )


def opened(path: Path) -> tuple[TrialFolder, TrialResult | None]:
    """The trial folder at `path`; where it is the output of a run, that run's folder and its results.

    Raises
    ------
    InputError
        The results are not those of the folder as it is now, or of another program.
    """
    if not (path / RUN).is_file():
        return read_folder(path), None
    record = read_run_record(path)
    folder = read_folder(Path(os.path.normpath(path.resolve() / record.trial_folder)))
    now = manifest_hash(input_files(folder.path, folder_files(folder.path)))
    if now != record.inputs:
        raise InputError(f"{path}: the trial folder has changed since this run -> run `theratrial run` again")
    if record.program != program_hash():
        raise InputError(f"{path}: was computed by another version of theratrial -> run `theratrial run` again")
    return folder, rebuilt(TrialResult, read_results(path / RESULTS))
