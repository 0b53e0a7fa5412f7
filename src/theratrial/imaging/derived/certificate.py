"""The SUV certificate as a structured report: how a PET became SUV, tag by tag (PS3.3 A.35.2, Enhanced SR)."""

from __future__ import annotations

from pydicom.dataset import Dataset

from theratrial.imaging.derived import codes
from theratrial.imaging.derived.making import Making, SourceImages, referenced
from theratrial.imaging.derived.sr_tree import container, document, moment, number, text
from theratrial.imaging.values import SuvCertificate

_SOP_CLASS = "1.2.840.10008.5.1.4.1.1.88.22"
_BECQUEREL = codes.unit("Bq", "becquerel")


def certificate_report(source: SourceImages, certificate: SuvCertificate, making: Making, key: str) -> Dataset:
    """An Enhanced SR with every tag used, the rule chosen, the rules rejected, weight, activity and half-life."""
    inside = [
        text(codes.own("stored_unit", "Unit as stored"), certificate.stored_unit or "not stated"),
        text(codes.own("suv_rule", "Rule by which SUV was made"), certificate.rule),
        text(codes.own("reference_time_rule", "Rule of the reference time"), certificate.reference_time_rule),
    ]
    if certificate.reference_time is not None:
        inside.append(moment(codes.own("reference_time", "Reference time"), certificate.reference_time))
    for name, meaning, value, unit in (
        ("weight", "Weight used", certificate.weight_kg, codes.KILOGRAM),
        ("activity", "Administered activity used", certificate.administered_activity_Bq, _BECQUEREL),
        ("half_life", "Half-life used", certificate.half_life_s, codes.SECOND),
        (
            "reference_gap",
            "Other reference time less this",
            certificate.reference_time_alternative_s,
            codes.SECOND,
        ),
    ):
        if value is not None:
            inside.append(number(codes.own(name, meaning), value, unit))
    lists = (
        ("tags", "Tags used", [f"{tag} {keyword} = {value}" for tag, keyword, value in certificate.tags_used]),
        ("rejected", "Rules not taken, and why", [f"{rule}: {why}" for rule, why in certificate.alternatives_rejected]),
        ("warnings", "Warnings", list(certificate.warnings)),
    )
    for name, meaning, lines in lists:
        if lines:
            head = codes.own(name, meaning)
            inside.append(container(head, [text(codes.own(f"{name}_line", meaning), line) for line in lines]))
    root = container(codes.own("suv_certificate", "SUV certificate"), inside)
    made = document(
        source.first, making, root, _SOP_CLASS, ("certificate", key),
        template="", series_number=9202, description="SUV certificate",
    )  # fmt: skip
    made.CurrentRequestedProcedureEvidenceSequence = [_evidence(source)]
    return made


def _evidence(source: SourceImages) -> Dataset:
    study, series = Dataset(), Dataset()
    series.SeriesInstanceUID = source.first.SeriesInstanceUID
    series.ReferencedSOPSequence = [referenced(header) for header in source.headers]
    study.StudyInstanceUID, study.ReferencedSeriesSequence = source.first.StudyInstanceUID, [series]
    return study
