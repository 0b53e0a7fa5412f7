"""Nadirs, dose-limiting toxicity, the rule that stops the trial, and what the other CTCAE version would change."""

from __future__ import annotations

import math
from collections.abc import Iterator

from theratrial.report.blocks import Block, Cell, Folded, Heading, Section, Table, Text
from theratrial.report.figures.stopping import stopping_figure
from theratrial.report.sections.safety import grade_text
from theratrial.report.studio import Studio
from theratrial.report.texts import value_text, words
from theratrial.report.traces import TraceBook
from theratrial.results.toxicity import NadirResult, StoppingResult
from theratrial.results.values import ParticipantResult, TrialResult

VERDICT_WORDS = {"yes": "yes", "no": "no", "undetermined": "cannot be judged", "not_yet": "not yet"}
_TONES = {"yes": "verdict stop", "no": "verdict proceed", "undetermined": "verdict undetermined"}


def toxicity_section(result: TrialResult, book: TraceBook, studio: Studio) -> Section | None:
    """What limits the dose and what stops the trial; None where there is nothing to say of either."""
    blocks = [*_limiting(result, book, studio), *_nadirs(result, book), *_versions(result)]
    return Section("toxicity", "Dose-limiting toxicity, nadir and recovery", tuple(blocks)) if blocks else None


def _limiting(result: TrialResult, book: TraceBook, studio: Studio) -> Iterator[Block]:
    people = [one for one in result.participants if one.toxicity.limiting is not None]
    if not people:
        if any(one.treated for one in result.participants):
            yield Text("The protocol has no definition of dose-limiting toxicity.", "quiet")
        return
    if result.toxicity.stopping is not None:
        yield from _stopping(result.toxicity.stopping, book, studio)
    rows = []
    for one in people:
        found = one.toxicity.limiting
        assert found is not None
        rows.append(
            (
                Cell(one.participant_id),
                book.cell(VERDICT_WORDS[found.verdict], found.trace, style=_TONES.get(found.verdict, "quiet")),
                Cell(found.on.isoformat() if found.on else "not yet", style="nowrap" if found.on else "quiet"),
                Cell(found.because, style="wrap"),
            )
        )
    yield Table(
        "Dose-limiting toxicity of each participant",
        ("Participant", "Toxicity", "Reached, or excluded from", "Because"),
        tuple(rows),
    )
    lines = tuple(
        (
            Cell(f"{one.participant_id}, session {line.session}", style="nowrap"),
            Cell(line.line, style="wrap"),
            book.cell(VERDICT_WORDS[line.verdict], line.trace, style=_TONES.get(line.verdict, "quiet")),
            Cell(line.because, style="wrap"),
        )
        for one in people
        for line in (one.toxicity.limiting.findings if one.toxicity.limiting else ())
    )
    table = Table(
        "Every line of the definition", ("After", "Line of the definition", "Holds", "Because"), lines, style="dense"
    )
    yield Folded(f"Every line of the definition ({len(lines)})", (table,))


def _stopping(stopping: StoppingResult, book: TraceBook, studio: Studio) -> Iterator[Block]:
    yield Text(stopping.sentence)
    yield Text(stopping.plain_words, "quiet")
    for warning in stopping.warnings:
        yield Text(f"This rule {warning}." if warning.startswith(("stops", "can")) else f"{warning}.", "warning")
    drawn = stopping_figure(stopping, studio.footline)
    if drawn is not None:
        yield studio.drawing(
            "stopping",
            drawn,
            alternative=stopping.sentence,
            caption=f"{stopping.rule}. Who cannot be judged, or not yet, is not drawn.",
        )
    yield Table(
        "What the rule does, exactly",
        ("True rate", "Stops the trial", "Expected participants"),
        tuple(
            (
                book.cell(f"{one.rate_fraction:.0%}", stopping.trace),
                Cell(f"{one.stop_probability_fraction:.1%}", style="number"),
                Cell(f"{one.expected_participants:.1f}", style="number"),
            )
            for one in stopping.characteristics
        ),
        note="The acceptable rate is among them: what stands there is how often the trial stops in vain.",
    )


def _nadirs(result: TrialResult, book: TraceBook) -> Iterator[Block]:
    found = [(one, course) for one in result.participants for course in one.toxicity.nadirs]
    if not found:
        return
    yield Heading("Nadir and recovery")
    early = [(one, course) for one, course in found if course.visit == "before"]
    open_ones = [(one, course) for one, course in found if course.visit == "cannot_be_known"]
    courses = f"{len(found)} courses of a test after a session"
    yield Text(
        f"Of {courses}, the visit that judges the next session fell before the nadir in {len(early)}; in "
        f"{len(open_ones)} that cannot be known, because no higher count follows the lowest."
    )
    beyond = [(one, course) for one, course in found if course.recovery != "never_beyond"]
    if beyond or early:
        shown = beyond + [pair for pair in early if pair not in beyond]
        yield _nadir_table(
            "Courses beyond the grade that the gate allows, or with a visit before the nadir", shown, book
        )
    for forecast in result.toxicity.recoveries:
        day = "no day" if forecast.predicted_on is None else f"{forecast.predicted_on}"
        between = "" if forecast.earliest_on is None else f" (between {forecast.earliest_on} and {forecast.latest_on})"
        yield Text(
            f"{forecast.participant_id}, {words(forecast.test)} after session {forecast.session}: {day}{between}; "
            f"{forecast.because}.",
            "quiet",
        )
    yield Folded(f"Every nadir ({len(found)})", (_nadir_table("Every nadir", found, book, style="dense"),))


def _nadir_table(
    caption: str, found: list[tuple[ParticipantResult, NadirResult]], book: TraceBook, *, style: str = ""
) -> Table:
    rows = []
    for one, course in found:
        before = "not known" if course.baseline is None else value_text(course.baseline)
        rows.append(
            (
                Cell(f"{one.participant_id}, {words(course.test)}, session {course.session}"),
                Cell(before, style="number"),
                book.cell(value_text(course.nadir), course.trace, style="number", below=grade_text(course.grade)),
                Cell(_days(course), style="number", below=_between(course)),
                Cell(_recovery(course), style="wrap", below=course.prediction_because),
                Cell(course.visit_before_nadir or "no", style="wrap" if course.visit_before_nadir else "quiet"),
            )
        )
    return Table(
        caption,
        ("Course", "Before", "Nadir", "Day of nadir", "Recovery", "Visit before the nadir"),
        tuple(rows),
        style=style,
    )


def _days(course: NadirResult) -> str:
    days = course.days_to_nadir.value
    return "not known" if days is None else f"{days:.0f}"


def _between(course: NadirResult) -> str:
    lower, upper = course.days_to_nadir.lower, course.days_to_nadir.upper
    if lower is None or upper is None:
        return ""
    return f"after {lower:.0f}, no later bound" if math.isinf(upper) else f"{lower:.0f} to {upper:.0f}"


def _recovery(course: NadirResult) -> str:
    if course.recovery == "recovered":
        return f"back on {course.recovered_on} at {course.recovery_target}"
    if course.predicted_recovery_on is not None:
        latest = "open" if course.predicted_latest_on is None else f"{course.predicted_latest_on}"
        return (
            f"not back; foretold for {course.predicted_recovery_on} ({course.predicted_earliest_on} to {latest}) at "
            f"{course.recovery_target}"
        )
    return course.days_to_recovery.note


def _versions(result: TrialResult) -> Iterator[Block]:
    toxicity = result.toxicity
    if not toxicity.impact_sentence or not toxicity.values_compared:
        return
    yield Heading("Under the other version of CTCAE")
    yield Text(toxicity.impact_sentence)
    first, second = toxicity.versions
    if toxicity.moves:
        yield Table(
            "Laboratory values with another grade",
            ("Test", f"CTCAE {first}", f"CTCAE {second}", "Values"),
            tuple(
                (
                    Cell(words(one.test)),
                    Cell(grade_text(one.first)),
                    Cell(grade_text(one.second)),
                    Cell(f"{one.values}", style="number"),
                )
                for one in toxicity.moves
            ),
        )
    gates = [(one, change) for one in result.participants for change in one.toxicity.gate_changes]
    if gates:
        yield Table(
            "Gates with another decision",
            ("Gate", f"CTCAE {first}", f"CTCAE {second}", "Because"),
            tuple(
                (
                    Cell(f"{one.participant_id}, session {change.after_session}", style="nowrap"),
                    Cell(change.first),
                    Cell(change.second),
                    Cell(change.because, style="wrap"),
                )
                for one, change in gates
            ),
        )
