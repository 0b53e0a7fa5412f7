"""What was measured on a PET -> structured report by TID 1500 (PS3.16), each lesion tied to its segment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydicom.dataset import Dataset

from theratrial.errors import InputError
from theratrial.imaging.derived import codes
from theratrial.imaging.derived.codes import Code
from theratrial.imaging.derived.making import MANUFACTURER, Making, SourceImages, stamp


@dataclass(frozen=True, slots=True)
class Measured:
    """A number with its name, unit, derivation (maximum, mean ...) and method."""

    name: Code
    value: float
    unit: Code
    derivation: Code | None = None
    method: Code | None = None


@dataclass(frozen=True, slots=True)
class MeasuredLesion:
    """A lesion as one reader read it, with its numbers; those that have no value are not among them.

    Parameters
    ----------
    segment
        Its number in the segmentation that the report refers to; None where no region was drawn.
    """

    tracking_id: str
    tracking_uid: str
    segment: int | None
    site: Code | None
    status: Code
    role: Code
    measured: tuple[Measured, ...]


@dataclass(frozen=True, slots=True)
class MeasuredReference:
    """A reference region (liver, blood pool) with its mean and standard deviation."""

    tracking_id: str
    tracking_uid: str
    site: Code | None
    measured: tuple[Measured, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """Who read which time point.

    Parameters
    ----------
    reader
        Code of the reader in the trial's records: a role and a number, never a name.
    parameters
        What the numbers rest on (formula, threshold), as sentences.
    """

    reader: str
    timepoint: str
    algorithm: str
    algorithm_version: str
    parameters: tuple[str, ...] = ()


def measurement_report(
    source: SourceImages,
    segmentation: Dataset | None,
    lesions: Sequence[MeasuredLesion],
    references: Sequence[MeasuredReference],
    reading: Reading,
    making: Making,
    key: str,
) -> Dataset:
    """A Comprehensive 3D SR by TID 1500.

    Every lesion is a volumetric group (TID 1411) that names its segment, or without a region a plain group (TID 1501);
    so are the reference regions. A number without value is left out: missing is never zero.

    Parameters
    ----------
    segmentation
        The binary segmentation of the same image, which holds the segments that the lesions name.

    Raises
    ------
    InputError
        No lesion and no reference was read, or a lesion names a segment and no segmentation is given.

    References
    ----------
    DICOM PS3.16 TID 1500, 1411, 1501, 1420, 1502; PS3.3 A.35.13 (Comprehensive 3D SR).
    """
    from highdicom import sr

    groups = [_lesion(one, source, segmentation, reading) for one in lesions]
    groups += [_reference(one, reading) for one in references]
    if not groups:
        raise InputError("nobody read a lesion and no reference region was measured: there is nothing to report")
    content = sr.MeasurementReport(
        observation_context=_observers(reading, making),
        procedure_reported=_coded(codes.sct("241443006", "PET study for localization of tumor")),
        imaging_measurements=groups,
        title=_coded(codes.dcm("126000", "Imaging Measurement Report")),
    )
    evidence = [source.header(plane) for plane in range(source.grid.shape[0])]
    evidence += [segmentation] if segmentation is not None else []
    made = sr.Comprehensive3DSR(
        evidence=evidence,
        content=content,
        series_instance_uid=making.uid("series", "sr", key),
        series_number=9201,
        sop_instance_uid=making.uid("instance", "sr", key),
        instance_number=1,
        manufacturer=MANUFACTURER,
        is_complete=True,
        is_final=False,
        is_verified=False,
    )
    stamp(made, making, source.first, description=f"Uptake measurements, {reading.timepoint}")
    return made


def coding_scheme() -> Dataset:
    """What our own designator stands for (PS3.3 C.12.1.1.7)."""
    item = Dataset()
    item.CodingSchemeDesignator = codes.SCHEME
    item.CodingSchemeName = "Concepts of theratrial (docs/methods/derived_objects.md)"
    item.CodingSchemeResponsibleOrganization = MANUFACTURER
    return item


def _coded(code: Code) -> Any:
    from highdicom.sr import CodedConcept

    return CodedConcept(code.value, code.scheme, code.meaning)


def _observers(reading: Reading, making: Making) -> Any:
    from highdicom import sr

    person = sr.ObserverContext(
        observer_type=_coded(codes.dcm("121006", "Person")),
        # The code alone: the records do not say of which profession a reader is.
        observer_identifying_attributes=sr.PersonObserverIdentifyingAttributes(
            name=f"{reading.reader or 'not recorded'}^"
        ),
    )
    device = sr.ObserverContext(
        observer_type=_coded(codes.dcm("121007", "Device")),
        observer_identifying_attributes=sr.DeviceObserverIdentifyingAttributes(
            uid=making.uid("device", making.software),
            name=MANUFACTURER,
            manufacturer_name=MANUFACTURER,
            model_name=f"{MANUFACTURER} {making.software}",
        ),
    )
    return sr.ObservationContext(observer_person_context=person, observer_device_context=device)


def _lesion(one: MeasuredLesion, source: SourceImages, segmentation: Dataset | None, reading: Reading) -> Any:
    from highdicom import sr

    evaluations = [
        sr.QualitativeEvaluation(name=_coded(codes.LESION_STATUS), value=_coded(one.status)),
        sr.QualitativeEvaluation(name=_coded(codes.LESION_ROLE), value=_coded(one.role)),
    ]
    shared = {
        **_shared(one.tracking_id, one.tracking_uid, one.site, one.measured, reading),
        "finding_type": _coded(codes.LESION),
        "qualitative_evaluations": evaluations,
    }
    if one.segment is None:
        return sr.MeasurementsAndQualitativeEvaluations(**shared)
    if segmentation is None:
        raise InputError(f"lesion {one.tracking_id!r} names a segment, and no segmentation is given")
    return sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        **shared,
        # Made by hand: the library's own way fails on a segmentation of one segment.
        referenced_segment=sr.ReferencedSegment(
            sop_class_uid=str(segmentation.SOPClassUID),
            sop_instance_uid=str(segmentation.SOPInstanceUID),
            segment_number=one.segment,
            source_series=sr.SourceSeriesForSegmentation(str(source.first.SeriesInstanceUID)),
        ),
    )


def _reference(one: MeasuredReference, reading: Reading) -> Any:
    from highdicom import sr

    return sr.MeasurementsAndQualitativeEvaluations(
        **_shared(one.tracking_id, one.tracking_uid, one.site, one.measured, reading),
        finding_type=_coded(codes.REFERENCE_REGION),
    )


def _shared(
    tracking_id: str, tracking_uid: str, site: Code | None, measured: Sequence[Measured], reading: Reading
) -> dict[str, Any]:
    from highdicom import sr

    return {
        "tracking_identifier": sr.TrackingIdentifier(uid=tracking_uid, identifier=tracking_id),
        "time_point_context": sr.TimePointContext(time_point=reading.timepoint),
        "algorithm_id": sr.AlgorithmIdentification(
            name=reading.algorithm, version=reading.algorithm_version, parameters=list(reading.parameters) or None
        ),
        "finding_sites": [sr.FindingSite(_coded(site))] if site is not None else None,
        "measurements": [_number(number) for number in measured] or None,
    }


def _number(one: Measured) -> Any:
    from highdicom import sr

    return sr.Measurement(
        name=_coded(one.name),
        value=one.value,
        unit=_coded(one.unit),
        derivation=None if one.derivation is None else _coded(one.derivation),
        method=None if one.method is None else _coded(one.method),
    )
