"""The data-safety report: what a monitoring board is told as of a date. Single arm, so it is blinded to nothing."""

from __future__ import annotations

from collections.abc import Iterator

from theratrial.report.blocks import Signatures, Terms, Text
from theratrial.report.study import figures
from theratrial.report.study.blocks import Block, Contents, Room
from theratrial.report.study.csr.front import abbreviations, identity_rows, state_warnings
from theratrial.report.study.csr.report import traces_of
from theratrial.report.study.inputs import Desk, StudyInputs
from theratrial.report.study.parts import Chapter, nothing_recorded
from theratrial.report.study.render import Document
from theratrial.report.study.tables import blood, events, exposure, monitored, people
from theratrial.report.study.voice import Voice
from theratrial.report.traces import TraceBook


def safety_report(inputs: StudyInputs, voice: Voice) -> Document:
    """The data-safety report."""
    desk = Desk(inputs, voice, TraceBook())
    parts: list[tuple[str, str, tuple[Block, ...]]] = [
        ("1", voice("Title page"), _title(desk)),
        ("2", voice("Contents"), (Contents(voice("Contents"), voice("Tables and figures")),)),
        ("3", voice("In short"), tuple(_in_short(desk))),
        (
            "4",
            voice("Enrolment and disposition"),
            (monitored.enrolment_table(desk), people.disposition_table(desk), people.discontinued(desk)),
        ),
        ("5", voice("Exposure"), (exposure.exposure_summary(desk), exposure.activity_table(desk))),
        (
            "6",
            voice("Doses against limits"),
            (*figures.doses(desk), exposure.organ_summary(desk), exposure.limits_table(desk)),
        ),
        (
            "7",
            voice("Dose-limiting toxicity and the stopping boundary"),
            (monitored.limiting_table(desk), *monitored.stopping_blocks(desk)),
        ),
        (
            "8",
            voice("Blood counts"),
            (
                *figures.counts(desk),
                blood.shift_table(desk),
                blood.nadir_table(desk),
                blood.abnormal_listing(desk, least=3),
            ),
        ),
        ("9", voice("Adverse events"), (events.overview_table(desk), events.grade_table(desk), events.listing(desk))),
        (
            "10",
            voice("Deaths, serious events, pregnancies and their clocks"),
            (events.deaths(desk), events.serious_listing(desk), events.clock_table(desk), events.pregnancies(desk)),
        ),
        ("11", voice("Decisions on the next session"), (monitored.gates_table(desk), *monitored.version_blocks(desk))),
        ("12", voice("Radiation protection"), (monitored.protection_table(desk),)),
        ("13", voice("Protocol deviations"), (people.deviations_table(desk),)),
        ("14", voice("Questions for the board"), tuple(_questions(desk))),
        ("15", voice("Recommendation of the board"), tuple(_recommendation(voice))),
        ("16", voice("Abbreviations"), (abbreviations(voice),)),
    ]
    parts.append(("17", voice("Traces"), (traces_of(desk.book),)))
    wide = {"10"}
    chapters = tuple(Chapter(number, title, blocks, number in wide) for number, title, blocks in parts)
    return Document(voice("Data-safety report"), chapters, inputs.state)


def _title(desk: Desk) -> tuple[Block, ...]:
    voice, state = desk.voice, desk.inputs.state
    record = desk.folder.registration
    title = record.scientific_title if record is not None else None
    assumptions = voice(
        "Rests on {n} demonstration assumptions; the statistical analysis plan lists the decisions behind them.",
        n=state.assumptions,
    )
    said = voice(
        "Everything up to {moment}; what was recorded of later moments does not exist for this report.",
        moment=voice.minute(state.cut_off),
    )
    return (
        Text(voice.registered(title) if title else voice.quoted(desk.result.scientific_title)),
        Terms(tuple(identity_rows(desk))),
        Text(said),
        Text(voice("A single arm: the board sees everything, and nothing is blinded. Efficacy is not in this report.")),
        *state_warnings(desk, assumptions),
    )


def _in_short(desk: Desk) -> Iterator[Block]:
    voice, result = desk.voice, desk.result
    treated = desk.treated
    stopping = result.toxicity.stopping
    rows = [
        (voice("Treated so far / planned"), f"{len(treated)} / {result.sample_size}"),
        (voice("Sessions given"), str(sum(len(one.sessions) for one in treated))),
        (
            voice("Participants with grade 3 or worse events"),
            str(sum(any(event.grade >= 3 for event in one.adverse_events) for one in treated)),
        ),
        (voice("Serious events"), str(sum(len(one.toxicity.serious) for one in result.participants))),
        (voice("Deaths"), str(_deaths(desk))),
        (voice("Reports late or overdue"), str(_late(desk))),
        (
            voice("Gates that stopped"),
            str(sum(bool(s.gate and s.gate.verdict == "stop") for one in treated for s in one.sessions)),
        ),
        (voice("Protocol deviations"), str(sum(note.severity == "deviation" for note in result.notes))),
    ]
    yield Terms(tuple(rows))
    if stopping is not None:
        yield Text(voice.core(stopping.sentence), "stop" if any(step.stopped for step in stopping.steps) else "")


def _deaths(desk: Desk) -> int:
    dead = {
        one.participant_id
        for one in desk.result.participants
        if one.disposition == "death" or any(event.grade == 5 for event in one.adverse_events)
    }
    return len(dead | {row["participant_id"] for row in desk.folder.rows("follow_up", status="dead")})


def _late(desk: Desk) -> int:
    reports = [
        report for one in desk.result.participants for event in one.toxicity.serious for report in event.all_reports
    ]
    reports += [pregnancy.report for one in desk.result.participants for pregnancy in one.toxicity.pregnancies]
    return sum(report.state in ("late", "overdue") for report in reports)


def _questions(desk: Desk) -> Iterator[Block]:
    """What the state itself asks; the board adds its own."""
    voice, stopping = desk.voice, desk.result.toxicity.stopping
    asked: list[str] = []
    if stopping is not None and any(step.stopped for step in stopping.steps):
        asked.append(voice("The stopping boundary was crossed. Is the trial to be stopped, paused or changed?"))
    if stopping is not None and stopping.undetermined:
        asked.append(
            voice(
                "The toxicity of {who} is not judged yet. Are further participants treated meanwhile?",
                who=voice.listed(stopping.undetermined),
            )
        )
    for one in desk.treated:
        for session in one.sessions:
            if session.gate is not None and session.gate.next_session_given and session.gate.verdict != "proceed":
                asked.append(
                    voice(
                        "{who} received the session after session {n} although the gate says {verdict}. Why?",
                        who=one.participant_id,
                        n=session.session,
                        verdict=voice.word(session.gate.verdict),
                    )
                )
        over = [
            dose
            for dose in one.cumulative_doses
            if dose.limit_Gy is not None
            and dose.judged_upper_Gy is not None
            and (dose.judged_upper_Gy.value or 0) > dose.limit_Gy
        ]
        if over:
            asked.append(
                voice(
                    "{who}: the upper bound of {organs} lies above the limit. Is it acceptable?",
                    who=one.participant_id,
                    organs=voice.listed(voice.core(dose.title) for dose in over),
                )
            )
    if _late(desk):
        asked.append(
            voice(
                "{n} reports of serious events or pregnancies are late or overdue. What is done about it?",
                n=_late(desk),
            )
        )
    for one in desk.result.participants:
        for event in one.toxicity.serious:
            if event.missing:
                asked.append(
                    f"{one.participant_id}, {voice.core(event.term)}: "
                    + voice.clauses(voice.core(lack) for lack in event.missing)
                )
    if not asked:
        yield nothing_recorded(voice)
    for text in asked:
        yield Text("• " + text)
    if desk.result.open_conflicts:
        yield Text(
            voice("{n} clauses of the protocol are open. Nothing here may be used.", n=len(desk.result.open_conflicts)),
            "stop",
        )
    yield Room(voice("Further questions of the board."))


def _recommendation(voice: Voice) -> Iterator[Block]:
    choices = ("Continue unchanged", "Continue with changes", "Pause enrolment", "Stop the trial")
    yield Terms(tuple((f"☐ {voice(one)}", " ") for one in choices), "choices")
    yield Room(voice("Reasons and conditions."))
    yield Signatures(
        (voice("Chair of the board"), voice("Member"), voice("Member"), voice("Statistician of the board")),
        voice("The board has read this report."),
    )
