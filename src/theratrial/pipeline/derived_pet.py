"""Derived objects of one PET: segmentations, uptake report of every reader, SUV mapping and certificate, key images."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from pydicom.dataset import Dataset

from theratrial.errors import TheratrialError
from theratrial.imaging.derived import codes
from theratrial.imaging.derived.certificate import certificate_report
from theratrial.imaging.derived.codes import Code
from theratrial.imaging.derived.key_image import key_image
from theratrial.imaging.derived.making import SourceImages, source_images
from theratrial.imaging.derived.measurement_report import (
    Measured,
    MeasuredLesion,
    MeasuredReference,
    Reading,
    measurement_report,
)
from theratrial.imaging.derived.segmentation import SegmentToWrite, segmentation, writable
from theratrial.imaging.derived.suv_mapping import suv_mapping
from theratrial.pipeline.derived_pictures import VIEWS, uptake_picture
from theratrial.pipeline.derived_regions import lesion_tracking, segments_of, site_code
from theratrial.pipeline.derived_values import DerivedKind, DerivedWork, Made
from theratrial.pipeline.matching import PlannedImage
from theratrial.pipeline.participant_response import participant_pet_scan
from theratrial.pipeline.scans import PetScan
from theratrial.pipeline.tracer_reading import lesion_sites
from theratrial.response.uptake import METHOD, VERSION
from theratrial.results.criteria import CriteriaLesion, CriteriaResult, ReaderReading, ReadUptake, ReferenceUptake
from theratrial.results.values import Note
from theratrial.trace import Quantity

_OF_KINDS: Final = frozenset({"seg", "sr", "rwvm", "sc"})
_PERCIST: Final = "percist_1_0"
_REFERENCE_SITE: Final = {"liver": "10200004"}


def pet_objects(work: DerivedWork, image: PlannedImage, kinds: Collection[DerivedKind]) -> Iterator[Made]:
    """Everything derived from a PET, kind by kind."""
    wanted = [kind for kind in kinds if kind in _OF_KINDS]
    if not wanted or image.series is None:
        return
    notes: list[Note] = []
    scan = participant_pet_scan(work.folder, work.participant_id, image, work.context, notes)
    if scan is None:
        because = "; ".join(note.message for note in notes) or "the PET cannot become uptake values"
        yield from (work.left_out(kind, image.plan.id, because) for kind in wanted)
        return
    try:
        source = source_images(image.series.files, scan.suv.grid, work.making)
        segments, lost = writable(segments_of(work, image, tuple(scan.regions.values())))
    except TheratrialError as error:
        yield from (work.left_out(kind, image.plan.id, error) for kind in wanted)
        return
    whole: Dataset | None = None
    if segments and {"seg", "sr"} & set(wanted):
        whole = segmentation(source, segments, work.making, image.plan.id, description=_title(image, "regions"))
    if "seg" in wanted:
        yield from _segmentations(work, image, source, segments, whole, lost)
    if "sr" in wanted:
        yield from _reports(work, image, scan, source, segments, whole)
    if "rwvm" in wanted:
        yield _mapping(work, image, scan, source)
    if "sc" in wanted:
        yield from _key_images(work, image, scan, source, segments)


def _title(image: PlannedImage, what: str) -> str:
    return f"{image.plan.title}, {what}"


def _segmentations(
    work: DerivedWork,
    image: PlannedImage,
    source: SourceImages,
    segments: tuple[SegmentToWrite, ...],
    whole: Dataset | None,
    lost: tuple[str, ...],
) -> Iterator[Made]:
    key = image.plan.id
    if whole is None:
        yield work.left_out("seg", key, "no region is drawn on it")
        return
    yield work.made("seg", f"{key}_seg", _title(image, "regions, binary"), whole)
    labels = segmentation(source, segments, work.making, key, kind="LABELMAP", description=_title(image, "regions"))
    yield work.made("seg", f"{key}_labelmap", _title(image, "regions, label map"), labels)
    for label in lost:
        yield work.left_out("seg", f"{key}, {label}", "holds no voxel")


def _mapping(work: DerivedWork, image: PlannedImage, scan: PetScan, source: SourceImages) -> Made:
    key = image.plan.id
    try:
        made = suv_mapping(
            source, scan.suv.certificate.factor_per_slice, work.making, key, explanation="By the trial's own record"
        )
    except TheratrialError as error:
        return work.left_out("rwvm", key, error)
    return work.made("rwvm", f"{key}_suv_mapping", _title(image, "SUV mapping"), made)


def _key_images(
    work: DerivedWork, image: PlannedImage, scan: PetScan, source: SourceImages, segments: tuple[SegmentToWrite, ...]
) -> Iterator[Made]:
    for view in VIEWS:
        key = f"{image.plan.id}_{view}"
        named = f"{work.participant_id} (virtual)" if work.making.virtual else work.participant_id
        picture = uptake_picture(scan, segments, view, pseudonym=named, title=image.plan.title)
        if picture is None:
            yield work.left_out("sc", key, "no lesion is drawn on it, so that there is no plane to show")
            continue
        made = key_image(
            source, picture, work.making, key, description=_title(image, f"lesions, {view}"), annotated=True
        )
        yield work.made("sc", f"{key}_key_image", _title(image, f"lesions, {view}"), made)


def _reports(
    work: DerivedWork,
    image: PlannedImage,
    scan: PetScan,
    source: SourceImages,
    segments: tuple[SegmentToWrite, ...],
    whole: Dataset | None,
) -> Iterator[Made]:
    key = image.plan.id
    certificate = certificate_report(source, scan.suv.certificate, work.making, key)
    yield work.made("sr", f"{key}_suv_certificate", _title(image, "SUV certificate"), certificate)
    readings = [one for one in _readings(work, image) if one.reader]
    if not readings:
        yield work.left_out("sr", key, "nobody has read it in the results")
    for reading in readings:
        try:
            made = _report(work, image, reading, source, segments, whole)
        except TheratrialError as error:
            yield work.left_out("sr", f"{key}, {reading.reader}", error)
            continue
        yield work.made("sr", f"{key}_uptake_{reading.reader}", _title(image, f"uptake by {reading.reader}"), made)


def _readings(work: DerivedWork, image: PlannedImage) -> tuple[ReaderReading, ...]:
    rule, response = work.folder.protocol.response.reading, work.result.response
    if rule is None or response is None:
        return ()
    when = {rule.imaging_baseline: "baseline", rule.imaging_response: "response"}.get(image.plan.id)
    return tuple(one for one in response.readings if one.timepoint == when)


def _percist(work: DerivedWork, reading: ReaderReading) -> CriteriaResult | None:
    """The uptakes by lean body mass, if they are of this reader's lesions."""
    for one in work.result.criteria.criteria:
        if one.criteria == _PERCIST and one.reader.split(" ")[0] == reading.reader:
            return one
    return None


def _report(
    work: DerivedWork,
    image: PlannedImage,
    reading: ReaderReading,
    source: SourceImages,
    segments: tuple[SegmentToWrite, ...],
    whole: Dataset | None,
) -> Dataset:
    percist = _percist(work, reading)
    sul = _sul_codes(work) if percist is not None else None
    when = image.plan.timepoint
    lean = {} if percist is None else {one.lesion_id: one for one in percist.lesions if one.timepoint == when}
    numbers = {one.tracking_uid: number for number, one in enumerate(segments, start=1)}
    sites = lesion_sites(work.folder, work.participant_id)
    lesions = []
    for one in reading.uptakes:
        uid = lesion_tracking(work, one.lesion_id)
        lesions.append(
            MeasuredLesion(
                tracking_id=one.lesion_id,
                tracking_uid=uid,
                segment=numbers.get(uid),
                site=site_code(sites.get(one.lesion_id, "")),
                status=codes.STATUSES[one.status],
                role=codes.ROLES[one.role],
                measured=(*_by_weight(one), *_by_lean_mass(lean.get(one.lesion_id), sul)),
            )
        )
    references = []
    if percist is not None and sul is not None:
        references = [_reference(work, one, sul) for one in percist.references if one.timepoint == when]
    told = Reading(
        reader=reading.reader,
        timepoint=when,
        algorithm=METHOD,
        algorithm_version=VERSION,
        parameters=tuple(f"{one.name}: {one.value}" for one in percist.options) if percist is not None else (),
    )
    return measurement_report(
        source, whole, lesions, [one for one in references if one.measured], told, work.making,
        f"{image.plan.id}/{reading.reader}",
    )  # fmt: skip


def _sul_codes(work: DerivedWork) -> codes.LeanBodyMassCodes | None:
    clause = work.folder.protocol.further_criteria
    plan = None if clause is None or clause.reading is None else clause.reading.percist_1_0
    return None if plan is None else codes.SUL[plan.lean_body_mass]


def _valued(quantity: Quantity | None, name: Code, unit: Code, derivation: Code | None, method: Code) -> list[Measured]:
    """A number, where there is one."""
    if quantity is None or quantity.value is None:
        return []
    return [Measured(name, quantity.value, unit, derivation, method)]


def _by_weight(one: ReadUptake) -> list[Measured]:
    found: list[Measured] = []
    for quantity, derivation in (
        (one.suv_max, codes.MAXIMUM),
        (one.suv_peak, codes.PEAK),
        (one.suv_mean, codes.MEAN),
    ):
        found += _valued(quantity, codes.SUV_BW, codes.SUV_BW_UNIT, derivation, codes.SUV_BW_METHOD)
    return found


def _by_lean_mass(one: CriteriaLesion | None, sul: codes.LeanBodyMassCodes | None) -> list[Measured]:
    if one is None or sul is None:
        return []
    found: list[Measured] = []
    for quantity, derivation in ((one.maximum, codes.MAXIMUM), (one.peak, codes.PEAK), (one.mean, codes.MEAN)):
        found += _valued(quantity, sul.quantity, sul.unit, derivation, sul.method)
    found += _valued(one.volume_mL, codes.VOLUME, codes.mL, None, codes.WHOLE_REGION)
    found += _valued(one.total_g, codes.TOTAL_UPTAKE, codes.GRAM, None, codes.WHOLE_REGION)
    if one.above is not None:
        found += _valued(one.above.threshold, codes.THRESHOLD, sul.unit, None, sul.method)
        found += _valued(one.above.volume_mL, codes.VOLUME, codes.mL, None, codes.ABOVE_THRESHOLD)
        found += _valued(one.above.total_g, codes.TOTAL_UPTAKE, codes.GRAM, None, codes.ABOVE_THRESHOLD)
    return found


def _reference(work: DerivedWork, one: ReferenceUptake, sul: codes.LeanBodyMassCodes) -> MeasuredReference:
    site = _REFERENCE_SITE.get(one.region)
    return MeasuredReference(
        tracking_id=one.region,
        tracking_uid=work.making.tracking_uid("reference", one.region),
        site=codes.sct(site, codes.ORGANS[site]) if site is not None else codes.sct("87612001", "Blood"),
        measured=(
            *_valued(one.mean, sul.quantity, sul.unit, codes.MEAN, sul.method),
            *_valued(one.sd, sul.quantity, sul.unit, codes.STANDARD_DEVIATION, sul.method),
        ),
    )
