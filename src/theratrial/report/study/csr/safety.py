"""Section 12: safety."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from theratrial.report.blocks import Heading, Text
from theratrial.report.study import figures
from theratrial.report.study.blocks import Block, Room
from theratrial.report.study.inputs import Desk
from theratrial.report.study.parts import to_write
from theratrial.report.study.tables import blood, events, exposure, monitored


def _exposure(desk: Desk) -> tuple[Block, ...]:
    voice = desk.voice
    return (
        exposure.activity_table(desk),
        Heading(voice("Absorbed dose")),
        *figures.doses(desk),
        exposure.organ_summary(desk),
        exposure.organ_table(desk),
        Heading(voice("Radiation protection")),
        monitored.protection_table(desk),
    )


def _events(desk: Desk) -> tuple[Block, ...]:
    voice = desk.voice
    return (
        Heading(voice("Dose-limiting toxicity")),
        monitored.limiting_table(desk),
        *monitored.stopping_blocks(desk),
        Heading(voice("Decisions on the next session")),
        monitored.gates_table(desk),
    )


def _narratives(desk: Desk) -> tuple[Block, ...]:
    voice = desk.voice
    found: list[Block] = []
    for one in desk.result.participants:
        for event in one.toxicity.serious:
            if event.narrative:
                found += [
                    Heading(f"{one.participant_id}: {voice.core(event.term)}"),
                    Text(voice.quoted(event.narrative)),
                ]
    return tuple(found) or (to_write(voice),)


def _laboratory(desk: Desk) -> tuple[Block, ...]:
    voice = desk.voice
    return (
        *figures.counts(desk),
        blood.shift_table(desk),
        blood.worst_table(desk),
        blood.nadir_table(desk),
        Heading(voice("The other version of CTCAE")),
        *monitored.version_blocks(desk),
    )


BUILDERS: Mapping[str, Callable[[Desk], tuple[Block, ...]]] = {
    "12.1": _exposure,
    "12.2.1": lambda desk: (events.overview_table(desk), *events.not_counted(desk)),
    "12.2.2": lambda desk: (events.grade_table(desk),),
    "12.2.3": _events,
    "12.2.4": lambda desk: (Text(desk.voice("Section 16.2.7 lists every event."), "quiet"),),
    "12.3.1": lambda desk: (
        events.deaths(desk),
        events.serious_listing(desk),
        events.clock_table(desk),
        events.pregnancies(desk),
    ),
    "12.3.2": _narratives,
    "12.4.1": lambda desk: (
        Text(desk.voice("Section 14.3.4 lists abnormal values; the trial folder holds every value."), "quiet"),
    ),
    "12.4.2": _laboratory,
    "12.6": lambda desk: (Room(desk.voice("Room for the conclusions of the investigators.")),),
}
