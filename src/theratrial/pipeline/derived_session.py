"""Derived objects of administrations and therapy sessions: dose reports, dose maps, segmentations of the scans."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset

from theratrial.dosimetry import DosePlan, TimeActivityPoint
from theratrial.errors import InputError, TheratrialError
from theratrial.imaging.derived import codes
from theratrial.imaging.derived.making import VIRTUAL, clean_header, patient_and_study, source_images
from theratrial.imaging.derived.radiation_dose import OrganDose, RecordedAdministration, radiation_dose_report
from theratrial.imaging.derived.segmentation import segmentation, writable
from theratrial.imaging.rtdose import DoseLabel, write_rtdose
from theratrial.nuclides import Nuclide, nuclide
from theratrial.pipeline.activity import net_administered_activity
from theratrial.pipeline.context import product_reading
from theratrial.pipeline.derived_regions import organ_code, segments_of
from theratrial.pipeline.derived_values import DerivedKind, DerivedWork, Made
from theratrial.pipeline.matching import PlannedImage
from theratrial.pipeline.session_regions import dose_plan
from theratrial.pipeline.session_scans import SeenRegion, SessionScan, result_names, seen_regions, session_scan
from theratrial.pipeline.session_voxel import MappedSession, mapped_session
from theratrial.protocol.schema import DoseRegion
from theratrial.results.values import RegionDoseResult, SessionResult
from theratrial.trace import Quantity
from theratrial.trialfolder.records import Row

_SEX: Final = {"female": "F", "male": "M", "F": "F", "M": "M"}


def administration_reports(work: DerivedWork) -> Iterator[Made]:
    """A dose report of every administration, diagnostic and therapeutic, in order of time."""
    rows = work.folder.rows("administrations", participant_id=work.participant_id)
    for row in sorted(rows, key=lambda one: one["injected_at"]):
        key = f"{row['product_id']}/{row['session'] or row['timepoint'] or row['injected_at'].date()}"
        name = key.replace("/", "_")
        try:
            one = _recorded(work, row, key)
            made = radiation_dose_report(_header(work, row, key), one, work.making)
        except TheratrialError as error:
            yield work.left_out("rrdsr", name, error)
            continue
        yield work.made("rrdsr", f"{name}_administration", f"{one.product}, {key.split('/')[1]}", made)


def _header(work: DerivedWork, row: Row, key: str) -> Dataset:
    """Patient and study of the first image of the administration, where that was made the same day.

    Else a study of its own, of the day of the injection: archives list a study by its date.
    """
    at = row["injected_at"]
    header = Dataset()
    mine = [one for one in work.images.images if one.administration is row and one.series is not None]
    mine.sort(key=lambda one: (one.hours_after is None, one.hours_after or 0.0))
    for image in mine:
        if image.series is not None:
            header = clean_header(image.series.files[0], work.making)
            if header.StudyDate == at.strftime("%Y%m%d"):
                return header
            break
    header.StudyInstanceUID = work.making.tracking_uid("study", key)
    header.StudyDate, header.StudyTime = at.strftime("%Y%m%d"), at.strftime("%H%M%S")
    header.TimezoneOffsetFromUTC = at.strftime("%z")
    patient_and_study(header, work.making)
    return header


def _session_of(work: DerivedWork, row: Row) -> SessionResult | None:
    therapy = work.folder.protocol.sessions.reading
    if therapy is None or row["product_id"] != therapy.product:
        return None
    return next((one for one in work.result.sessions if one.injected_at == row["injected_at"]), None)


def _recorded(work: DerivedWork, row: Row, key: str) -> RecordedAdministration:
    product = product_reading(work.folder.protocol, row["product_id"])
    isotope = nuclide(product.nuclide)
    session = _session_of(work, row)
    net = net_administered_activity(row, isotope) if session is None else session.administered_activity_MBq
    if net.value is None:
        raise InputError(f"the administered activity has no value: {net.note}")
    person = work.folder.rows("participants", participant_id=work.participant_id)[0]
    doses, comments = _organ_doses(session)
    said = ". ".join(filter(None, (net.note, *comments)))
    return RecordedAdministration(
        key=key,
        product=product.name,
        nuclide=isotope.name,
        half_life_s=isotope.half_life_h * 3600,
        therapeutic=product.role == "therapy",
        administered_at=row["injected_at"],
        administered_activity_MBq=net.value,
        route=row["route"] or product.route,
        measured_activity_MBq=row["measured_activity_MBq"],
        measured_at=row["measured_at"],
        residual_activity_MBq=row["residual_activity_MBq"],
        residual_measured_at=row["residual_measured_at"],
        administered_by=row["administered_by"] or "",
        batch=row["batch_id"] or "",
        age_years=person["age_years"],
        sex=_SEX.get(person["sex"], ""),
        height_cm=person["height_cm"],
        weight_kg=row["weight_kg"] if row["weight_kg"] is not None else person["weight_kg"],
        comment=said,
        organ_doses=tuple(doses),
    )


def _organ_doses(session: SessionResult | None) -> tuple[list[OrganDose], list[str]]:
    """Doses of the organs that the template has codes for, and what is not among them."""
    if session is None:
        return [], []
    doses, comments = [], []
    for one in session.doses:
        if one.kind != "organ":
            continue
        value, found = one.absorbed_dose_Gy.value, organ_code(one.region_id) or organ_code(one.region_name)
        if value is None:
            comments.append(f"{one.title}: no dose determined ({one.determinacy}: {one.determinacy_reason})")
        elif found is None or found[0].value not in codes.RADIOSENSITIVE:
            comments.append(f"{one.title}: {value:.4g} Gy, which this template has no organ code for")
        else:
            doses.append(OrganDose(found[0], found[1], value, _dose_method(one)))
    lesions = sum(one.kind == "lesion" for one in session.doses)
    if lesions:
        comments.append(f"Doses of {lesions} lesions are not part of this template")
    return doses, comments


def _dose_method(one: RegionDoseResult) -> str:
    dose = one.absorbed_dose_Gy
    upper = "not bounded" if dose.upper is None or dose.upper == float("inf") else f"{dose.upper:.4g}"
    lower = "not bounded" if dose.lower is None else f"{dose.lower:.4g}"
    rests = (
        f"; rests on demonstration assumptions: {', '.join(dose.trace.demonstration)}"
        if dose.trace.demonstration
        else ""
    )
    return f"{dose.trace.method} {dose.trace.version}; 95 % interval {lower} to {upper} Gy; {one.determinacy}{rests}"


@dataclass(frozen=True, slots=True, eq=False)
class _StoredRegion:
    """A region of the results with the scans that show it."""

    name: str
    reading: DoseRegion
    seen: tuple[SeenRegion, ...]
    tia_MBq_h: float | None

    @property
    def curve_points(self) -> tuple[TimeActivityPoint, ...]:
        """Activity at each scan; the spread plays no part here."""
        return tuple(
            TimeActivityPoint(one.scan.image.hours_after or 0.0, one.activity.activity_MBq, 0.0) for one in self.seen
        )


def session_objects(work: DerivedWork, kinds: Collection[DerivedKind]) -> Iterator[Made]:
    """Dose map and segmentations of every session."""
    wanted = [kind for kind in kinds if kind in ("seg", "rtdose")]
    therapy = work.folder.protocol.sessions.reading
    if not wanted or therapy is None or not work.result.sessions:
        return
    isotope = nuclide(product_reading(work.folder.protocol, therapy.product).nuclide)
    for session in work.result.sessions:
        scans: list[SessionScan] = []
        for image in _quantified(work, session):
            try:
                scans.append(session_scan(work.folder, image, isotope))
            except TheratrialError as error:
                yield from (work.left_out(kind, f"session_{session.session}_{image.plan.id}", error) for kind in wanted)
        if "seg" in wanted:
            for scan in scans:
                yield from _segmentations(work, session, scan)
        if "rtdose" in wanted:
            yield _dose_map(work, session, scans, isotope)


def _quantified(work: DerivedWork, session: SessionResult) -> list[PlannedImage]:
    dosimetry = work.folder.protocol.dosimetry.reading
    planned = set(dosimetry.imaging) if dosimetry is not None else set()
    return [
        one
        for one in work.images.images
        if one.plan.id in planned
        and one.series is not None
        and one.administration is not None
        and one.administration["injected_at"] == session.injected_at
    ]


def _segmentations(work: DerivedWork, session: SessionResult, scan: SessionScan) -> Iterator[Made]:
    assert scan.image.series is not None
    key = f"session_{session.session}_{scan.image.plan.id}"
    title = f"{scan.image.plan.title}, session {session.session}, regions"
    try:
        source = source_images(scan.image.series.files, scan.activity.grid, work.making)
        segments, lost = writable(segments_of(work, scan.image, tuple(scan.regions.values())))
        if not segments:
            yield work.left_out("seg", key, "no region is drawn on it")
            return
        whole = segmentation(source, segments, work.making, key, description=title)
        labels = segmentation(source, segments, work.making, key, kind="LABELMAP", description=title)
    except TheratrialError as error:
        yield work.left_out("seg", key, error)
        return
    yield work.made("seg", f"{key}_seg", f"{title}, binary", whole)
    yield work.made("seg", f"{key}_labelmap", f"{title}, label map", labels)
    for label in lost:
        yield work.left_out("seg", f"{key}, {label}", "holds no voxel")


def stored_map(work: DerivedWork, session: SessionResult, scans: list[SessionScan], isotope: Nuclide) -> MappedSession:
    """The session's dose map from the time-integrated activities that the results hold.

    Raises
    ------
    TheratrialError
        No map can be made; the message says why.
    """
    dosimetry = work.folder.protocol.dosimetry.reading
    if dosimetry is None or not dosimetry.voxel_doses:
        raise InputError("the protocol asks for no voxel doses")
    readings = [one.reading for one in work.folder.protocol.dose_regions.values() if one.reading is not None]
    wanted = {name: (reading, parts) for reading in readings for name, parts in result_names(reading, scans).items()}
    seen, _ = seen_regions(work.folder, scans, wanted)
    by_name = {one.region_name: one for one in session.doses}
    regions = [
        _StoredRegion(name, reading, tuple(seen[name]), _value(by_name.get(name)))
        for name, (reading, _) in wanted.items()
        if seen[name]
    ]
    plan: DosePlan = dose_plan(work.folder.protocol, work.context.demonstration)
    administered = session.administered_activity_MBq.value
    if administered is None or not regions:
        raise InputError("no region of the session has an activity")
    return mapped_session(
        regions, scans, isotope, plan,
        repeatability_relative_sd=dosimetry.repeatability_percent / 100, administered_MBq=administered,
    )  # fmt: skip


def _value(dose: RegionDoseResult | None) -> float | None:
    tia: Quantity | None = None if dose is None else dose.time_integrated_activity_MBq_h
    return None if tia is None else tia.value


def _dose_map(work: DerivedWork, session: SessionResult, scans: list[SessionScan], isotope: Nuclide) -> Made:
    key = f"session_{session.session}_dose"
    try:
        whole = stored_map(work, session, scans, isotope)
        series = whole.reference.image.series
        assert series is not None
        label = DoseLabel(
            entropy=work.making.uid("rtdose", key),
            comment="Voxel kernel; regions without a curve by physical decay"
            if any(one.is_stand_in for one in whole.mapped)
            else "Voxel kernel on one scan's pattern, region by region",
            made_at=work.making.made_at,
            series_description=f"Absorbed dose, session {session.session}",
            software=work.making.software,
            pseudonym=work.participant_id,
            patient_comments=VIRTUAL if work.making.virtual else "",
        )
        with tempfile.TemporaryDirectory() as beside:
            # Convolution in single precision leaves traces below zero where there is next to nothing.
            gray = np.maximum(whole.made.dose.absorbed_dose_Gy, np.float32(0))
            path = write_rtdose(Path(beside) / "dose.dcm", whole.made.dose.grid, gray, series.files, label)
            content = path.read_bytes()
            header = dcmread(path, stop_before_pixels=True)
    except TheratrialError as error:
        return work.left_out("rtdose", key, error)
    made = work.made("rtdose", key, f"Absorbed dose, session {session.session}", header)
    return type(made)(
        made.participant_id, made.kind, made.name, made.title, made.sop_class, made.sop_instance_uid, content
    )
