"""The reporting checklist of clinical dosimetry: each item with its value, or named as missing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from theratrial.errors import SourceError
from theratrial.reference import table
from theratrial.report.dosimetry_values import is_population, region_mass, session_nuclide, total_relative_sd
from theratrial.report.figures.contributions import part_name
from theratrial.report.figures.time_activity import region_label
from theratrial.report.texts import count, minute, number, value_text, words
from theratrial.results.values import ParticipantResult, RegionDoseResult, SessionResult, TrialResult

SO_FAR: Final = "Dose so far"
"""Title of the section with the limits."""
TABLE: Final = "report/reporting_checklist"
_HEADERS: Final = "not in the results; it stands in the DICOM headers of the series named above"


@dataclass(frozen=True, slots=True)
class Case:
    """What the checklist is filled from: the participant in its trial."""

    result: TrialResult
    participant: ParticipantResult

    @property
    def doses(self) -> Iterable[tuple[SessionResult, RegionDoseResult]]:
        """Every region of every session."""
        return ((session, dose) for session in self.participant.sessions for dose in session.doses)


@dataclass(frozen=True, slots=True)
class Filled:
    """Text of an item; `is_present` says whether it is the value or what is missing."""

    said: str
    is_present: bool


@dataclass(frozen=True, slots=True)
class ChecklistItem:
    """One item with what was found."""

    item_id: str
    group: str
    item: str
    filled: Filled


Filler = Callable[[Case], Filled]


def _present(said: str) -> Filled:
    return Filled(said, True)


def _missing(why: str) -> Filled:
    return Filled(f"missing: {why}", False)


def _never(why: str) -> Filler:
    return lambda _case: _missing(why)


def _each_session(case: Case, said: Callable[[SessionResult], str], lacking: str) -> Filled:
    """The item of every session; one that lacks it makes the item missing."""
    found = {session.session: said(session) for session in case.participant.sessions}
    if not found:
        return _missing("no session was given")
    empty = [str(number) for number, text in found.items() if not text]
    if empty:
        return _missing(f"{lacking} (session {', '.join(empty)})")
    values = set(found.values())
    if len(values) == 1:
        return _present(values.pop())
    return _present("; ".join(f"session {number}: {text}" for number, text in found.items()))


def _each_dose(case: Case, has: Callable[[RegionDoseResult], bool], said: str, lacking: str) -> Filled:
    """Present where every region of every session has it; else which lack it."""
    doses = list(case.doses)
    if not doses:
        return _missing("no region was measured")
    without = [f"{region_label(dose)} in session {session.session}" for session, dose in doses if not has(dose)]
    if not without:
        return _present(f"{said}, {count(len(doses), 'region')} of all sessions")
    few = ", ".join(without[:6]) + (f" and {len(without) - 6} more" if len(without) > 6 else "")
    return _missing(f"{lacking}: {few} ({len(doses) - len(without)} of {len(doses)} regions have it)")


def _point_inputs(session: SessionResult, begins: str) -> str:
    """Inputs of the activities of a session whose name begins so, each once."""
    found = dict.fromkeys(
        where.split("#")[0] if where.startswith("table:") else where
        for dose in session.doses
        for point in dose.points
        for name, where in point.activity_MBq.trace.inputs.items()
        if name.startswith(begins)
    )
    return _by_file(found)


def _by_file(places: Iterable[str]) -> str:
    """Places with the lines of one file, or the clauses of one chapter, counted."""
    files: dict[str, list[str]] = {}
    for place in places:
        mark = "#" if "#" in place else "."
        file, _, line = place.partition(mark) if place.startswith(("record:", "protocol:")) else (place, "", "")
        if place.startswith("record:") and "#" not in place:
            file, line = place, ""
        files.setdefault(file, []).append(line)
    said = []
    for file, lines in files.items():
        word = "line" if file.startswith("record:") else "clause"
        one = f"{file} {word} {lines[0]}" if lines[0] else file
        said.append(one if len(lines) == 1 else f"{file}, {len(lines)} {word}s")
    return ", ".join(said)


def _radionuclide(case: Case) -> Filled:
    def said(session: SessionResult) -> str:
        isotope = session_nuclide(session)
        if isotope is None:
            return ""
        return f"{isotope.name}, half-life {number(isotope.half_life_h, digits=5)} h, {isotope.source}"

    return _each_session(case, said, "no trace names the radionuclide")


def _compound(case: Case) -> Filled:
    def said(session: SessionResult) -> str:
        return "" if session.antibody_mass_mg is None else f"{number(session.antibody_mass_mg)} mg of antibody"

    return _each_session(case, said, "the mass of the antibody was not recorded")


def _batch(case: Case) -> Filled:
    return _each_session(case, lambda session: session.batch_id, "no batch was recorded")


def _administered(case: Case) -> Filled:
    def said(session: SessionResult) -> str:
        given = session.administered_activity_MBq
        record = given.trace.inputs.get("administration", "")
        return f"{value_text(given)} by {record or given.trace.method}" if given.value is not None else ""

    return _each_session(case, said, "the activity is not known")


def _administration_time(case: Case) -> Filled:
    return _each_session(case, lambda session: minute(session.injected_at), "no time")


def _sessions(case: Case) -> Filled:
    def said(session: SessionResult) -> str:
        return (
            f"prescribed {value_text(session.prescribed_activity_MBq)}" if session.prescribed_activity_MBq.value else ""
        )

    filled = _each_session(case, said, "no prescribed activity")
    number_given = count(len(case.participant.sessions), "administration")
    return Filled(f"{number_given}; {filled.said}", True) if filled.is_present else filled


def _patient(case: Case) -> Filled:
    age = case.participant.age_years
    known = "" if age is None else f"; age {number(age)} years is recorded"
    return _missing(f"the results hold no sex{known}" if known else "neither age nor sex is in the results")


def _calibration(case: Case) -> Filled:
    def said(session: SessionResult) -> str:
        record = _point_inputs(session, "calibration")
        return f"factor, date and geometry as recorded in {record}" if record else ""

    return _each_session(case, said, "no trace names a calibration")


def _calibration_sd(case: Case) -> Filled:
    found = dict.fromkeys(
        f"{part.relative_sd * 100:.1f} %"
        for _, dose in case.doses
        if dose.details.uncertainty is not None
        for part in dose.details.uncertainty.parts
        if part.part == "calibration"
    )
    if not found:
        return _missing("no dose states what its calibration contributes")
    return _present(f"relative standard deviation {', '.join(found)}")


def _time_points(case: Case) -> Filled:
    def said(session: SessionResult) -> str:
        return ", ".join(
            f"{words(scan.imaging_id)} {scan.hours_after:.1f} h"
            if scan.hours_after is not None
            else f"{words(scan.imaging_id)} {scan.status}" + (f" ({scan.reason})" if scan.reason else "")
            for scan in session.scans
        )

    return _each_session(case, said, "no scan was planned or made")


def _series(case: Case) -> Filled:
    def said(session: SessionResult) -> str:
        uids = [scan.series_instance_uid for scan in session.scans if scan.series_instance_uid]
        return f"{count(len(uids), 'series', 'series')}, listed by identifier in the table of scans" if uids else ""

    return _each_session(case, said, "no series")


def _registration(case: Case) -> Filled:
    regions = [
        frozenset(name for name in point.activity_MBq.trace.inputs if name.startswith("region "))
        for _, dose in case.doses
        for point in dose.points
    ]
    if not regions or not all(regions):
        return _missing("the results do not say how the time points were laid on each other")
    views = [one for session in case.participant.sessions for one in session.view_alignments]
    laid = f"; {count(len(views), 'later whole-body view')} laid on the first of its session" if views else ""
    return _present(f"none between SPECT time points: each region is drawn on each scan{laid}")


def _samples(case: Case) -> Filled:
    counted = [session.session for session in case.participant.sessions if session.whole_body is not None]
    if not counted:
        return _missing("no blood, urine or whole-body count is in the results")
    if len(counted) < len(case.participant.sessions):
        lacking = [str(s.session) for s in case.participant.sessions if s.whole_body is None]
        return _missing(f"no whole-body count (session {', '.join(lacking)})")
    return _present("whole-body counts by planar views; no blood and no urine")


def _regions(case: Case) -> Filled:
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

    return _each_session(case, said, "no trace names an outline")


def _volumes(case: Case) -> Filled:
    def has(dose: RegionDoseResult) -> bool:
        return bool(dose.points) and all(point.volume_mL.value is not None for point in dose.points)

    return _each_dose(case, has, "volume at every scan", "no volume")


def _masses(case: Case) -> Filled:
    identifier = case.participant.participant_id
    doses = list(case.doses)
    known = [region_mass(identifier, session, dose).value is not None for session, dose in doses]
    if not doses or not all(known):
        return _missing(f"{sum(known)} of {count(len(doses), 'region')} have a mass in the results")
    clauses = {dose.absorbed_dose_Gy.trace.inputs.get("density", "") for _, dose in doses}
    named = _by_file(sorted(clause for clause in clauses if clause))
    return _present(f"{count(len(doses), 'region')} of all sessions; density by {named or 'the protocol'}")


def _recovery(case: Case) -> Filled:
    def said(session: SessionResult) -> str:
        records = _point_inputs(session, "recovery")
        return f"sphere recoveries {records}" if records else ""

    return _each_session(case, said, "activities are not corrected for recovery")


def _background(case: Case) -> Filled:
    if not any(dose.details.routes for _, dose in case.doses):
        return _missing("no projection was quantified; SPECT needs none")
    return _present("planar route: scatter windows, overlap shared out as docs/methods/planar_activity.md states")


def _activities(case: Case) -> Filled:
    def has(dose: RegionDoseResult) -> bool:
        return bool(dose.points) and all(
            point.activity_MBq.value is not None and point.activity_MBq.upper is not None for point in dose.points
        )

    return _each_dose(case, has, "activity with 95 % interval at every scan", "no activity or no interval")


def _kinetic_model(case: Case) -> Filled:
    methods = dict.fromkeys(
        f"{trace.method}, version {trace.version}"
        for _, dose in case.doses
        if (trace := dose.time_integrated_activity_MBq_h.trace)
    )
    return _present("; ".join(methods)) if methods else _missing("nothing was integrated")


def _prior(case: Case) -> Filled:
    doses = list(case.doses)
    if not doses:
        return _missing("nothing was integrated")
    used = [dose for _, dose in doses if is_population(dose)]
    if not used:
        return _present("none: every curve is the patient's own points")
    names = dict.fromkeys(dose.time_integrated_activity_MBq_h.trace.inputs.get("prior", "") for dose in used)
    named = ", ".join(name for name in names if name)
    return _present(f"{named or 'published kinetics'} in {len(used)} of {count(len(doses), 'curve')}")


def _curve_state(case: Case) -> Filled:
    states: dict[str, int] = {}
    for _, dose in case.doses:
        states[dose.determinacy] = states.get(dose.determinacy, 0) + 1
    if not states:
        return _missing("there is no curve")
    return _present(", ".join(f"{n} {words(state)}" for state, n in states.items()) + ", by the points alone")


def _half_lives(case: Case) -> Filled:
    return _each_dose(
        case, lambda dose: dose.effective_half_life_h.value is not None, "by the points alone", "the points give none"
    )


def _tia(case: Case) -> Filled:
    return _each_dose(
        case,
        lambda dose: dose.time_integrated_activity_MBq_h.value is not None,
        "with 95 % interval and coefficient",
        "undetermined",
    )


def _extrapolated(case: Case) -> Filled:
    return _each_dose(case, lambda dose: dose.extrapolated_fraction.value is not None, "stated", "not known")


def _formalism(case: Case) -> Filled:
    methods = dict.fromkeys(
        f"{trace.method}, version {trace.version}" for _, dose in case.doses if (trace := dose.absorbed_dose_Gy.trace)
    )
    return _present("; ".join(methods)) if methods else _missing("no absorbed dose")


def _dose_inputs(case: Case, begins: str) -> str:
    found = dict.fromkeys(
        where
        for _, dose in case.doses
        for name, where in dose.absorbed_dose_Gy.trace.inputs.items()
        if name.startswith(begins)
    )
    return ", ".join(found)


def _s_values(case: Case) -> Filled:
    source = _dose_inputs(case, "s_value").replace("given:", "")
    return _present(source) if source else _missing("doses are by local deposition, which has no S values")


def _mass_scaling(case: Case) -> Filled:
    if not any(True for _ in case.doses):
        return _missing("no absorbed dose")
    if _dose_inputs(case, "s_value"):
        return _present(
            "S values scaled to the outlined mass; regions drawn as a sample stand for the reference region"
        )
    return _present("the outlined mass itself")


def _cross_dose(case: Case) -> Filled:
    sources = {
        name.removeprefix("photons from ")
        for _, dose in case.doses
        for name in dose.absorbed_dose_Gy.trace.inputs
        if name.startswith("photons from ")
    }
    if not sources:
        return _missing("doses hold no photons from other regions")
    return _present(f"photons from {', '.join(sorted(words(one) for one in sources))} and the remainder of the body")


def _marrow(case: Case) -> Filled:
    found = [dose for _, dose in case.doses if "marrow" in dose.region_id]
    if not found:
        return _missing("no region of red marrow")
    methods = dict.fromkeys(dose.absorbed_dose_Gy.trace.method for dose in found)
    return _present(f"by imaging, region {found[0].title}, {', '.join(methods)}; no blood samples")


def _kind_of_dose(kind: str) -> Filler:
    def filled(case: Case) -> Filled:
        doses = [dose for _, dose in case.doses if dose.kind == kind]
        known = [dose for dose in doses if dose.absorbed_dose_Gy.value is not None]
        what = "lesion" if kind == "lesion" else "organ"
        if not doses:
            return _missing(f"no {what} was measured")
        if len(known) < len(doses):
            return _missing(f"{len(doses) - len(known)} of {count(len(doses), f'{what} dose')} are undetermined")
        return _present(f"{count(len(doses), f'{what} dose')} of all sessions, each with its 95 % interval")

    return filled


def _doses_per_activity(case: Case) -> Filled:
    return _each_dose(case, lambda dose: dose.absorbed_dose_Gy.value is not None, "in Gy/GBq", "no dose to divide")


def _dose_volume(case: Case) -> Filled:
    made = sum(dose.details.dose_volume is not None for _, dose in case.doses)
    return _present(f"of {count(made, 'region')}") if made else _missing("no dose map was computed")


def _biological(case: Case) -> Filled:
    found = dict.fromkeys(
        f"{region_label(dose)}: alpha/beta {number(one.alpha_beta_Gy)} Gy, repair {number(one.repair_half_life_h)} h "
        f"({one.citation})"
        for _, dose in case.doses
        if (one := dose.details.biological) is not None
    )
    return _present("; ".join(found)) if found else _missing("the protocol states no parameters")


def _not_contained(case: Case) -> Filled:
    if not any(True for _ in case.doses):
        return _missing("no absorbed dose")
    parts = dict.fromkeys(part for _, dose in case.doses for part in dose.missing_parts)
    return _present("; ".join(parts) or "nothing is named")


def _dose_uncertainty(case: Case) -> Filled:
    def has(dose: RegionDoseResult) -> bool:
        return dose.absorbed_dose_Gy.lower is not None and dose.absorbed_dose_Gy.upper is not None

    return _each_dose(case, has, "95 % interval", "no interval")


def _budget(case: Case) -> Filled:
    filled = _each_dose(case, lambda dose: total_relative_sd(dose) is not None, "by contribution", "no contributions")
    parts = dict.fromkeys(
        part_name(part.part)
        for _, dose in case.doses
        if dose.details.uncertainty is not None
        for part in dose.details.uncertainty.parts
    )
    return Filled(f"{filled.said}: {', '.join(parts)}", True) if filled.is_present else filled


def _cumulative(case: Case) -> Filled:
    doses = case.participant.cumulative_doses
    if not doses:
        return _missing("no dose over all administrations")
    unknown = [words(dose.title) for dose in doses if dose.absorbed_dose_Gy.value is None]
    if unknown:
        return _missing(f"undetermined: {', '.join(unknown)}")
    return _present(f"{count(len(doses), 'region')} over {count(len(case.participant.sessions), 'administration')}")


def _limits(case: Case) -> Filled:
    limited = [dose for dose in case.participant.cumulative_doses if dose.limit_Gy is not None]
    if not limited:
        return _missing("no organ has a limit")
    if bare := [dose.title for dose in limited if not dose.limit_citation]:
        return _missing(f"no source for the limit of {', '.join(bare)}")
    found = [f"{dose.title} {number(dose.limit_Gy)} Gy" for dose in limited if dose.limit_Gy is not None]
    return _present(f"{', '.join(found)}; the source of each stands beside it under {SO_FAR}")


def _software(case: Case) -> Filled:
    return _present(f"theratrial {case.result.product_version}, protocol version {case.result.protocol_version}")


FILLERS: Final[Mapping[str, Filler]] = {
    "radionuclide": _radionuclide,
    "compound": _compound,
    "batch": _batch,
    "purity": _never("not in the results"),
    "administered_activity": _administered,
    "calibrator": _never("the results name the reading's record, not the instrument"),
    "administration_time": _administration_time,
    "route": _never("not in the results"),
    "sessions": _sessions,
    "patient": _patient,
    "body": _never("not in the results"),
    "premedication": _never("not in the results"),
    "camera": _never(_HEADERS),
    "quality_control": _never("not in the results"),
    "calibration": _calibration,
    "calibration_sd": _calibration_sd,
    "dead_time": _never("the results state no dead time of the SPECT"),
    "time_points": _time_points,
    "windows": _never(_HEADERS),
    "reconstruction": _never(_HEADERS),
    "series": _series,
    "samples": _samples,
    "registration": _registration,
    "regions": _regions,
    "volumes": _volumes,
    "masses": _masses,
    "recovery": _recovery,
    "background": _background,
    "activities": _activities,
    "kinetic_model": _kinetic_model,
    "prior": _prior,
    "curve_state": _curve_state,
    "half_lives": _half_lives,
    "tia": _tia,
    "extrapolated": _extrapolated,
    "formalism": _formalism,
    "s_values": _s_values,
    "mass_scaling": _mass_scaling,
    "cross_dose": _cross_dose,
    "marrow": _marrow,
    "doses": _kind_of_dose("organ"),
    "doses_per_activity": _doses_per_activity,
    "tumour_doses": _kind_of_dose("lesion"),
    "dose_volume": _dose_volume,
    "biological": _biological,
    "not_contained": _not_contained,
    "dose_uncertainty": _dose_uncertainty,
    "budget": _budget,
    "cumulative": _cumulative,
    "limits": _limits,
    "software": _software,
    "responsible": _never("signed by hand below"),
}


def checklist(result: TrialResult, participant: ParticipantResult) -> tuple[ChecklistItem, ...]:
    """Every item of the shipped list, in its order.

    Raises
    ------
    SourceError
        The list has an item that nothing here fills.
    """
    case = Case(result, participant)
    found = []
    for row in table(TABLE):
        filler = FILLERS.get(row.text("id"))
        if filler is None:
            raise SourceError(f"{TABLE} line {row.line}: nothing fills item {row.text('id')!r}")
        found.append(ChecklistItem(row.text("id"), row.text("group"), row.text("item"), filler(case)))
    return tuple(found)
