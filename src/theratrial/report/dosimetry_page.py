"""The physicist's page of one participant: every session, every route, what limits it, and the reporting checklist."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from theratrial.report.blocks import Block, Folded, Heading, Picture, Section, Text
from theratrial.report.dosimetry_values import session_nuclide
from theratrial.report.figures.contributions import contributions_figure
from theratrial.report.figures.dose_volume import dose_volume_figure
from theratrial.report.figures.limit_bars import limit_bars_figure
from theratrial.report.figures.time_activity import time_activity_figure
from theratrial.report.figures.vector import Drawing
from theratrial.report.page_names import FOLDER, page_names
from theratrial.report.pdf import write_pdf
from theratrial.report.render import Head, banners_of, footline, page, watermark
from theratrial.report.sections.limits import limits_section
from theratrial.report.sections.provenance import resting_assumptions
from theratrial.report.sections.reporting import checklist_section, signatures_section
from theratrial.report.sections.session_dosimetry import (
    dose_volume_table,
    doses_table,
    gate_blocks,
    given_terms,
    lacking_text,
    measured_table,
    scans_table,
)
from theratrial.report.sections.session_views import views_blocks
from theratrial.report.sections.session_ways import (
    ROUTES_NOTE,
    alternatives_table,
    contribution_bars,
    contributions_table,
    contributions_text,
    engines_table,
    routes_table,
)
from theratrial.report.texts import NOT_KNOWN, count, day, value_text
from theratrial.report.traces import TraceBook
from theratrial.results.pictures import Pictures
from theratrial.results.values import ParticipantResult, SessionResult, TrialResult


def _picture(name: str, drawing: Drawing | None, alternative: str, caption: str) -> tuple[Picture, ...]:
    if drawing is None:
        return ()
    return (Picture(name, drawing.source(), alternative, caption, "wide"),)


def _limits(result: TrialResult, one: ParticipantResult, book: TraceBook) -> Section:
    drawn = _picture(
        "limits",
        limit_bars_figure(one.cumulative_doses, footline(result)),
        f"Doses of {one.participant_id} over all sessions as shares of their limits; the table below says the same",
        "Bar: 95 % interval of the reported dose. Mark: the dose; its shape is the state of the curve by the points "
        "alone. Black stroke: what the gate holds against the limit, before a next session is added.",
    )
    return limits_section(one, book, drawn=drawn)


def _session(
    result: TrialResult, pictures: Pictures, one: ParticipantResult, session: SessionResult, book: TraceBook
) -> Section:
    foot, number = footline(result), session.session
    blocks: list[Block] = [given_terms(session), scans_table(session, book)]
    if not session.doses:
        blocks.append(Text("No region was measured in this session.", "quiet"))
        return Section(f"session-{number}", f"Session {number}, {day(session.injected_at)}", tuple(blocks))
    blocks += [
        Heading("From counts to activity"),
        *_curves(session, foot),
        measured_table(one.participant_id, session, book),
        Heading("From activity to absorbed dose"),
        doses_table(one.participant_id, session, book),
        lacking_text(session),
    ]
    blocks += _volumes(session, book, foot)
    bars = contribution_bars(session)
    contributions = contributions_table(session, book)
    if contributions is not None:
        blocks += [
            Heading("What would make this better"),
            contributions_text(),
            *_picture(
                f"contributions-{number}",
                contributions_figure(bars, foot, head="one relative standard deviation: what would help most"),
                f"Contributions to the uncertainty of each dose of session {number}; the table below has the numbers",
                "Uncertainty of each absorbed dose by where it comes from.",
            ),
            contributions,
        ]
    blocks += _ways(session, book)
    mine = [
        shown for shown in pictures.overlays if (shown.participant_id, shown.session) == (one.participant_id, number)
    ]
    blocks += views_blocks(session, mine, book)
    blocks += [Heading("What the gate holds"), *gate_blocks(session, book)]
    return Section(f"session-{number}", f"Session {number}, {day(session.injected_at)}", tuple(blocks))


def _curves(session: SessionResult, foot: str) -> list[Picture]:
    """Organs and lesions apart, so that neither leaves half a printed page empty."""
    drawn: list[Picture] = []
    for kind in ("organ", "lesion"):
        doses = [dose for dose in session.doses if dose.kind == kind]
        drawn += _picture(
            f"curves-{kind}-{session.session}",
            time_activity_figure(doses, foot),
            f"Time-activity curves of session {session.session}, {kind}s; the tables below have their numbers",
            f"{kind.capitalize()}s: activity at scan time, physical decay included. Dashed: one exponential of the "
            "half-life that the points alone give; where they give none there is no line. Band: published kinetics "
            "weighed with the points. Hollow marks: the planar and hybrid routes, moved a little to the right.",
        )
    return drawn


def _volumes(session: SessionResult, book: TraceBook, foot: str) -> list[Block]:
    table = dose_volume_table(session, book)
    if table is None:
        return []
    drawn = _picture(
        f"dose-volume-{session.session}",
        dose_volume_figure(session.doses, foot),
        f"Dose-volume histograms of session {session.session}; the table below has their numbers",
        "Share of each region's volume with at least that dose, from the voxel dose map.",
    )
    return [Heading("Dose-volume"), *drawn, table]


def _ways(session: SessionResult, book: TraceBook) -> list[Block]:
    blocks: list[Block] = []
    routes = routes_table(session, book)
    if routes is not None:
        blocks += [Heading("Three routes side by side"), Text(ROUTES_NOTE, "quiet"), routes]
    engines = engines_table(session, book)
    if engines is not None:
        blocks += [Heading("Engines side by side"), engines]
    alternatives = alternatives_table(session, book)
    if alternatives is not None:
        blocks += [Heading("Other ways of integrating"), alternatives]
    return blocks


def dosimetry_sections(result: TrialResult, pictures: Pictures, one: ParticipantResult) -> tuple[Section, ...]:
    """All sections of one participant's page."""
    book = TraceBook()
    sections = (
        _limits(result, one, book),
        *(_session(result, pictures, one, session, book) for session in one.sessions),
        checklist_section(result, one),
        resting_assumptions(result, used_clauses(one)),
    )
    # The register of traces is complete only when every other section is built.
    traces = Folded("Traces: method, version and inputs of every value shown", (book.table(),))
    said = Text(
        f"Made by theratrial {result.product_version}, results schema {result.schema_version}, protocol "
        f"{result.protocol_version} ({result.protocol_hash}). docs/methods of the product describes each method with "
        "its limits; `theratrial verify` recomputes every number from the stored inputs."
    )
    return (*sections, Section("provenance", "Methods and provenance", (said, traces)), signatures_section(one))


def used_clauses(one: ParticipantResult) -> set[str]:
    """Clauses of the protocol that the traces of a participant's doses and activities name."""
    quantities = [session.administered_activity_MBq for session in one.sessions]
    quantities += [session.prescribed_activity_MBq for session in one.sessions]
    for session in one.sessions:
        for dose in session.doses:
            quantities += [dose.time_integrated_activity_MBq_h, dose.absorbed_dose_Gy]
            quantities += [point.activity_MBq for point in dose.points]
    quantities += [dose.absorbed_dose_Gy for dose in one.cumulative_doses]
    traces = [quantity.trace for quantity in quantities]
    traces += [finding.trace for session in one.sessions if session.gate for finding in session.gate.findings]
    traces += [scan.trace for session in one.sessions for scan in session.scans]
    named = {clause for trace in traces for clause in trace.demonstration}
    places = {place for trace in traces for place in trace.inputs.values() if place.startswith("protocol:")}
    return named | {place.removeprefix("protocol:") for place in places}


def dosimetry_head(result: TrialResult, one: ParticipantResult) -> Head:
    """What stands above the page."""
    nuclides = dict.fromkeys(
        isotope.name for session in one.sessions if (isotope := session_nuclide(session)) is not None
    )
    given = [session.administered_activity_MBq for session in one.sessions]
    identity = (
        ("Trial", f"{result.trial_id} ({result.registry})"),
        ("Participant", one.participant_id),
        ("Radionuclide", ", ".join(nuclides) or NOT_KNOWN),
        ("Sessions", f"{count(len(given), 'session')}: {', '.join(value_text(one) for one in given)}"),
    )
    title = f"Dosimetry of {one.participant_id}"
    return Head(
        trial_id=result.trial_id,
        title=title,
        public_title="",
        identity=identity,
        banners=banners_of(result),
        watermark=watermark(result),
        page_title=f"{result.trial_id}: {title}",
        running=f"{result.trial_id}, {title}",
        back="../report.html",
    )


def _pages(result: TrialResult) -> Iterator[tuple[ParticipantResult, str]]:
    names = page_names(result)
    return ((one, names[one.participant_id]) for one in result.participants if one.participant_id in names)


def write_dosimetry_pages(result: TrialResult, pictures: Pictures, folder: Path) -> tuple[Path, ...]:
    """Write a page for everybody with a session into ``dosimetry/`` of an existing folder, and return them."""
    written = []
    for one, name in _pages(result):
        place = folder / FOLDER / name
        place.parent.mkdir(exist_ok=True)
        text = page(dosimetry_head(result, one), dosimetry_sections(result, pictures, one))
        place.write_text(text, encoding="utf-8")
        written.append(place)
    return tuple(written)


def write_dosimetry_pdfs(result: TrialResult, pictures: Pictures, folder: Path) -> str:
    """Write each page as PDF beside it, which takes seconds for each; return "", or why there is none."""
    for one, name in _pages(result):
        place = folder / FOLDER / name
        place.parent.mkdir(exist_ok=True)
        text = page(dosimetry_head(result, one), dosimetry_sections(result, pictures, one), folded=False)
        if because := write_pdf(text, place.with_suffix(".pdf")):
            return because
    return ""
