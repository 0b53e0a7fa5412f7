"""What a document is made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from theratrial.protocol.schema import Protocol
from theratrial.registry.record import RegistrationRecord
from theratrial.report.study.state import DataState
from theratrial.report.study.voice import Voice
from theratrial.report.traces import TraceBook
from theratrial.results.values import ParticipantResult, TrialResult
from theratrial.trialfolder.records import TrialFolder


@dataclass(frozen=True, slots=True)
class PlanInputs:
    """What the analysis plan is made from: no data."""

    protocol: Protocol
    registration: RegistrationRecord | None
    state: DataState


@dataclass(frozen=True, slots=True)
class StudyInputs:
    """What a document with data is made from; records and results as of the same moment."""

    folder: TrialFolder
    result: TrialResult
    state: DataState

    @property
    def plan(self) -> PlanInputs:
        """Without the data."""
        return PlanInputs(self.folder.protocol, self.folder.registration, self.state)


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything a builder of chapters needs."""

    inputs: StudyInputs
    voice: Voice
    book: TraceBook

    @property
    def result(self) -> TrialResult:
        """Of the trial."""
        return self.inputs.result

    @property
    def folder(self) -> TrialFolder:
        """With the records."""
        return self.inputs.folder

    @property
    def treated(self) -> Sequence[ParticipantResult]:
        """In the order of the records."""
        return [one for one in self.inputs.result.participants if one.treated]
