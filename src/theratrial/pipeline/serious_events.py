"""Serious adverse events and pregnancies of one participant, with the clock of their reports."""

from __future__ import annotations

from theratrial.pipeline.context import Context
from theratrial.results.toxicity import Contraception, Pregnancy, SeriousEvent
from theratrial.results.values import Note, ParticipantResult
from theratrial.trialfolder.records import TrialFolder


def serious_events(
    folder: TrialFolder, result: ParticipantResult, context: Context, notes: list[Note]
) -> tuple[SeriousEvent, ...]:
    """The lines of the listing of serious adverse events, by first day and term."""
    return ()


def pregnancies(
    folder: TrialFolder, result: ParticipantResult, context: Context, notes: list[Note]
) -> tuple[Pregnancy, ...]:
    """Pregnancies that became known, with the clock of their reports."""
    return ()


def contraception(folder: TrialFolder, result: ParticipantResult, context: Context) -> Contraception | None:
    """Until when the participant needs contraception; None where nothing was given or no clause asks for it."""
    return None
