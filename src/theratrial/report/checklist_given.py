"""Items of the reporting checklist on what was given, imaged and outlined."""

from __future__ import annotations

from theratrial.report.checklist_case import (
    Case,
    Filled,
    each_session,
    missing,
    point_inputs,
    present,
)
from theratrial.report.dosimetry_values import session_nuclide
from theratrial.report.texts import count, minute, number, value_text, words
from theratrial.results.values import SessionResult


def radionuclide_item(case: Case) -> Filled:
    def said(session: SessionResult) -> str:
        isotope = session_nuclide(session)
        if isotope is None:
            return ""
        return f"{isotope.name}, half-life {number(isotope.half_life_h, digits=5)} h, {isotope.source}"

    return each_session(case, said, "no trace names the radionuclide")


def compound_item(case: Case) -> Filled:
    def said(session: SessionResult) -> str:
        return "" if session.antibody_mass_mg is None else f"{number(session.antibody_mass_mg)} mg of antibody"

    return each_session(case, said, "the mass of the antibody was not recorded")


def batch_item(case: Case) -> Filled:
    return each_session(case, lambda session: session.batch_id, "no batch was recorded")


def administered_item(case: Case) -> Filled:
    def said(session: SessionResult) -> str:
        given = session.administered_activity_MBq
        record = given.trace.inputs.get("administration", "")
        return f"{value_text(given)} by {record or given.trace.method}" if given.value is not None else ""

    return each_session(case, said, "the activity is not known")


def administration_time_item(case: Case) -> Filled:
    return each_session(case, lambda session: minute(session.injected_at), "no time")


def sessions_item(case: Case) -> Filled:
    def said(session: SessionResult) -> str:
        return (
            f"prescribed {value_text(session.prescribed_activity_MBq)}" if session.prescribed_activity_MBq.value else ""
        )

    filled = each_session(case, said, "no prescribed activity")
    number_given = count(len(case.participant.sessions), "administration")
    return Filled(f"{number_given}; {filled.said}", True) if filled.is_present else filled


def patient_item(case: Case) -> Filled:
    age = case.participant.age_years
    known = "" if age is None else f"; age {number(age)} years is recorded"
    return missing(f"the results hold no sex{known}" if known else "neither age nor sex is in the results")


def calibration_item(case: Case) -> Filled:
    def said(session: SessionResult) -> str:
        record = point_inputs(session, "calibration")
        return f"factor, date and geometry as recorded in {record}" if record else ""

    return each_session(case, said, "no trace names a calibration")


def calibration_sd_item(case: Case) -> Filled:
    found = dict.fromkeys(
        f"{part.relative_sd * 100:.1f} %"
        for _, dose in case.doses
        if dose.details.uncertainty is not None
        for part in dose.details.uncertainty.parts
        if part.part == "calibration"
    )
    if not found:
        return missing("no dose states what its calibration contributes")
    return present(f"relative standard deviation {', '.join(found)}")


def time_points_item(case: Case) -> Filled:
    def said(session: SessionResult) -> str:
        return ", ".join(
            f"{words(scan.imaging_id)} {scan.hours_after:.1f} h"
            if scan.hours_after is not None
            else f"{words(scan.imaging_id)} {scan.status}" + (f" ({scan.reason})" if scan.reason else "")
            for scan in session.scans
        )

    return each_session(case, said, "no scan was planned or made")


def series_item(case: Case) -> Filled:
    def said(session: SessionResult) -> str:
        uids = [scan.series_instance_uid for scan in session.scans if scan.series_instance_uid]
        return f"{count(len(uids), 'series', 'series')}, listed by identifier in the table of scans" if uids else ""

    return each_session(case, said, "no series")


def registration_item(case: Case) -> Filled:
    regions = [
        frozenset(name for name in point.activity_MBq.trace.inputs if name.startswith("region "))
        for _, dose in case.doses
        for point in dose.points
    ]
    if not regions or not all(regions):
        return missing("the results do not say how the time points were laid on each other")
    views = [one for session in case.participant.sessions for one in session.view_alignments]
    laid = f"; {count(len(views), 'later whole-body view')} laid on the first of its session" if views else ""
    return present(f"none between SPECT time points: each region is drawn on each scan{laid}")


def samples_item(case: Case) -> Filled:
    counted = [session.session for session in case.participant.sessions if session.whole_body is not None]
    if not counted:
        return missing("no blood, urine or whole-body count is in the results")
    if len(counted) < len(case.participant.sessions):
        lacking = [str(s.session) for s in case.participant.sessions if s.whole_body is None]
        return missing(f"no whole-body count (session {', '.join(lacking)})")
    return present("whole-body counts by planar views; no blood and no urine")


def regions_item(case: Case) -> Filled:
    def said(session: SessionResult) -> str:
        files = {
            where.split("#")[0]
            for dose in session.doses
            for point in dose.points
            for name, where in point.activity_MBq.trace.inputs.items()
            if name.startswith("region ")
        }
        return (
            f"outlines from {count(len(files), 'file')}, named by hash in the traces of the activities" if files else ""
        )

    return each_session(case, said, "no trace names an outline")
