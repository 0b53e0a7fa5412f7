"""One session for the physicist: what was given and measured, the curves, and the doses."""

from __future__ import annotations

from theratrial.report.blocks import Block, Cell, Table, Terms, Text
from theratrial.report.dosimetry_values import (
    coefficient,
    dose_per_activity,
    is_population,
    region_mass,
    session_nuclide,
    without_note,
)
from theratrial.report.figures.time_activity import region_label
from theratrial.report.style import DETERMINACY_SIGNS
from theratrial.report.texts import NOT_KNOWN, hours, interval_text, minute, number, value_text, words
from theratrial.report.traces import TraceBook
from theratrial.results.dosimetry import CurvePoint
from theratrial.results.values import RegionDoseResult, SessionResult


def given_terms(session: SessionResult) -> Terms:
    """What was given, by whom it was measured, and where that is recorded."""
    isotope, given = session_nuclide(session), session.administered_activity_MBq
    nuclide = NOT_KNOWN
    if isotope is not None:
        nuclide = f"{isotope.name}, half-life {number(isotope.half_life_h, digits=4)} h ({isotope.source})"
    mass = NOT_KNOWN if session.antibody_mass_mg is None else f"{number(session.antibody_mass_mg)} mg"
    activity = value_text(given)
    if said := interval_text(given):
        activity += f" ({said})"
    activity += f". {given.note}" if given.note else ". Syringe less residual, both decay-corrected to the injection"
    recorded = given.trace.inputs.get("administration", "no record named")
    return Terms(
        (
            ("Injected", minute(session.injected_at)),
            ("Radionuclide", nuclide),
            ("Administered activity", activity),
            ("Measured by, recorded in", f"{given.trace.author}; {recorded}"),
            ("Prescribed", value_text(session.prescribed_activity_MBq)),
            ("Off prescription", value_text(session.deviation_percent, signed=True)),
            ("Batch, antibody", f"{session.batch_id or NOT_KNOWN}, {mass}"),
        )
    )


def scans_table(session: SessionResult, book: TraceBook) -> Table:
    """Every planned scan, done or not."""
    rows = tuple(
        (
            book.cell(scan.title or words(scan.imaging_id), scan.trace),
            Cell(scan.status if not scan.reason else f"{scan.status}: {scan.reason}"),
            Cell(minute(scan.acquired_at), style="nowrap"),
            Cell(hours(scan.hours_after), style="number"),
            Cell({True: "in its window", False: "outside its window", None: NOT_KNOWN}[scan.in_window]),
            Cell(scan.series_instance_uid or "no series", style="wrap hash"),
        )
        for scan in session.scans
    )
    return Table("Scans", ("Scan", "Status", "Started", "After injection", "Window", "Series"), rows, style="dense")


def state_cell(dose: RegionDoseResult) -> Cell:
    """The state of the curve in words, and by what the value is reported."""
    said = f"{DETERMINACY_SIGNS.get(dose.determinacy, '')} {words(dose.determinacy)}".strip()
    more = (Cell("reported by published kinetics and the points"),) if is_population(dose) else ()
    return Cell(said, style=f"state {dose.determinacy}", below=dose.determinacy_reason, more=more)


def _point_cell(point: CurvePoint | None, book: TraceBook) -> Cell:
    if point is None:
        return Cell("not measured", style="missing")
    cell = book.quantity(point.activity_MBq)
    at = f"at {point.hours_after:.1f} h, {value_text(point.volume_mL)} outlined"
    more = [Cell(at)]
    if point.activity_MBq.note and point.activity_MBq.value is not None:
        more.append(Cell(point.activity_MBq.note))
    return Cell(cell.text, cell.hint, cell.anchor, cell.style, cell.below, tuple(more))


def measured_table(participant_id: str, session: SessionResult, book: TraceBook) -> Table:
    """Activity at each scan, mass, and what the points alone say."""
    imaging = list(dict.fromkeys(point.imaging_id for dose in session.doses for point in dose.points))
    titles = {scan.imaging_id: scan.title for scan in session.scans}
    rows = []
    for dose in session.doses:
        points = {point.imaging_id: point for point in dose.points}
        rows.append(
            (
                Cell(region_label(dose)),
                *(_point_cell(points.get(one), book) for one in imaging),
                book.quantity(without_note(region_mass(participant_id, session, dose))),
                state_cell(dose),
                book.quantity(without_note(dose.effective_half_life_h)),
            )
        )
    return Table(
        "Measured: activity in each region, recovered, and what the points alone settle",
        (
            "Region",
            *(titles.get(one) or words(one) for one in imaging),
            "Mass",
            "State of the curve",
            "Effective half-life, points alone",
        ),
        tuple(rows),
        style="dense",
    )


def _biological(dose: RegionDoseResult, book: TraceBook) -> Cell:
    biological = dose.details.biological
    if biological is None:
        return Cell("no parameters in the protocol", style="quiet")
    bed = book.quantity(without_note(biological.bed_Gy))
    eqd2 = book.quantity(without_note(biological.eqd2_Gy))
    used = (
        f"alpha/beta {number(biological.alpha_beta_Gy)} Gy, repair {number(biological.repair_half_life_h)} h, "
        f"{biological.citation}"
    )
    more = (
        Cell(f"EQD2 {eqd2.text}", eqd2.hint, eqd2.anchor, "", eqd2.below),
        Cell(used),
    )
    return Cell(f"BED {bed.text}", bed.hint, bed.anchor, bed.style, bed.below, more)


def doses_table(participant_id: str, session: SessionResult, book: TraceBook) -> Table:
    """From time-integrated activity to absorbed dose."""
    rows = tuple(
        (
            Cell(region_label(dose)),
            book.quantity(without_note(dose.time_integrated_activity_MBq_h)),
            book.quantity(without_note(coefficient(participant_id, session, dose))),
            book.quantity(without_note(dose.extrapolated_fraction)),
            book.quantity(without_note(dose.absorbed_dose_Gy)),
            book.quantity(without_note(dose_per_activity(participant_id, session, dose))),
            _biological(dose, book),
        )
        for dose in session.doses
    )
    return Table(
        "Reported: time-integrated activity to absorbed dose, with 95 % intervals",
        (
            "Region",
            "Time-integrated activity",
            "Per administered activity",
            "After the last scan",
            "Absorbed dose",
            "Per administered activity",
            "Biological",
        ),
        rows,
        style="dense",
    )


def lacking_text(session: SessionResult) -> Text:
    """What these doses do not contain, and in which regions."""
    found: dict[str, list[str]] = {}
    for dose in session.doses:
        for part in dose.missing_parts:
            found.setdefault(part, []).append(region_label(dose))
    if not found:
        return Text("Nothing is named as missing from these doses.", "quiet")
    every = len(session.doses)
    said = [f"{part} ({'every region' if len(names) == every else ', '.join(names)})" for part, names in found.items()]
    return Text(f"Not in these doses: {'; '.join(said)}.", "warning")


def dose_volume_table(session: SessionResult, book: TraceBook) -> Table | None:
    """Dose to shares of the volume; None where no dose map was computed."""
    rows = tuple(
        (
            Cell(region_label(dose)),
            book.quantity(without_note(volume.mean_Gy)),
            *(Cell(f"{number(value)} Gy", style="number") for value in (volume.d98_Gy, volume.d50_Gy, volume.d2_Gy)),
        )
        for dose in session.doses
        if (volume := dose.details.dose_volume) is not None
    )
    if not rows:
        return None
    head = ("Region", "Mean", "98 % of the volume gets at least", "Half", "2 %")
    return Table("Dose-volume, from the voxel dose map", head, rows, style="dense")


def gate_blocks(session: SessionResult, book: TraceBook) -> list[Block]:
    """What the gate after the session said of doses."""
    if session.gate is None:
        return [Text("No gate was judged after this session.", "quiet")]
    findings = [one for one in session.gate.findings if one.clause.startswith(("dose_limits", "dose_regions"))]
    if not findings:
        return [Text("The gate after this session judged no dose.", "quiet")]
    rows = tuple(
        (
            book.cell(finding.title, finding.trace),
            Cell(
                "for information" if finding.informs_only else finding.verdict,
                style="" if finding.informs_only else f"verdict {finding.verdict}",
            ),
            Cell(finding.because, style="wrap"),
        )
        for finding in findings
    )
    caption = f"What the gate after session {session.session} held against the limits"
    note = f"The whole verdict, with blood counts and examinations: {session.gate.verdict}."
    return [Table(caption, ("Finding", "Verdict", "Why"), rows, note=note, style="dense")]
