"""Tables as they will be printed, empty: what of the data will be shown, before any of them are looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from theratrial.report.blocks import Cell, Text
from theratrial.report.study.blocks import Block
from theratrial.report.study.inputs import PlanInputs
from theratrial.report.study.parts import table
from theratrial.report.study.voice import Voice

_BLANK = "…"


def _shell(caption: str, head: Sequence[str], first: Sequence[str]) -> Block:
    return table(
        caption,
        head,
        [tuple(Cell(one if i == 0 else _BLANK) for i in range(len(head))) for one in first],
        style="short",
    )


def shells(inputs: PlanInputs, voice: Voice) -> Iterator[Block]:
    yield Text(
        voice("Empty as they will be printed; each dotted place is filled by the product and leads to its trace.")
    )
    session = inputs.protocol.sessions.reading
    sessions = session.maximum_sessions if session is not None else 1
    yield _shell(
        voice("Disposition of participants"),
        ("", voice("Participants")),
        [
            voice("Screened"),
            voice("Not treated"),
            voice("Treated (at least one administration)"),
            *(voice("Received session {n}", n=i + 1) for i in range(sessions)),
            voice("In the primary analysis"),
        ],
    )
    yield _shell(
        voice("Primary endpoint"),
        ("", voice("Participants"), "%"),
        [*(voice.word(one) for one in ("CR", "PR", "SD", "PD", "NE")), voice("Successes"), voice("Proportion")],
    )
    yield _shell(
        voice("Administered activity by session and cumulative"),
        (
            voice("Participant"),
            *(voice("Session {n} [MBq]", n=i + 1) for i in range(sessions)),
            voice("Cumulative [MBq]"),
        ),
        [_BLANK],
    )
    organs = [
        one.reading.title
        for one in inputs.protocol.dose_regions.values()
        if one.reading is not None and one.reading.kind == "organ"
    ]
    yield _shell(
        voice("Absorbed dose by organ"),
        (voice("Participant"), *(f"{voice.core(title)} [Gy]" for title in organs)),
        [_BLANK],
    )
    grades = [voice("Grade {n}", n=grade) for grade in (1, 2, 3, 4, 5)]
    yield _shell(
        voice("Adverse events by system organ class, term and worst grade"),
        (voice("System organ class"), voice("Term"), *grades, voice("Any grade")),
        [_BLANK],
    )
    yield _shell(
        voice("Shift of laboratory grades"),
        (
            voice("Test"),
            voice("Before treatment"),
            *(voice("Grade {n}", n=grade) for grade in (0, 1, 2, 3, 4)),
            voice("No grade"),
        ),
        [_BLANK],
    )
    yield _shell(
        voice("Serious adverse events"),
        tuple(
            voice(one)
            for one in (
                "Participant",
                "Term",
                "Grade",
                "First day",
                "Last day",
                "Serious because",
                "Relation",
                "Outcome",
            )
        ),
        [_BLANK],
    )
    yield _shell(
        voice("Protocol deviations found in the records"),
        (voice("Participant"), voice("Where"), voice("Deviation")),
        [_BLANK],
    )
