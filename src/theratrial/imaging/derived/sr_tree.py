"""Content items of a structured report and the document around them, for templates that no library writes (C.17)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydicom.dataset import Dataset

from theratrial.imaging.derived.codes import SCHEME, Code
from theratrial.imaging.derived.making import MANUFACTURER, Making, object_base, stamp

_DECIMAL = 16


def _item(relation: str, value_type: str, name: Code, inside: Sequence[Dataset]) -> Dataset:
    found = Dataset()
    found.RelationshipType, found.ValueType = relation, value_type
    found.ConceptNameCodeSequence = [name.item()]
    if inside:
        found.ContentSequence = list(inside)
    return found


def container(name: Code, inside: Sequence[Dataset], *, relation: str = "CONTAINS") -> Dataset:
    """A heading with what stands under it."""
    found = _item(relation, "CONTAINER", name, inside)
    found.ContinuityOfContent = "SEPARATE"
    return found


def coded(name: Code, value: Code, *inside: Dataset, relation: str = "CONTAINS") -> Dataset:
    """A coded answer."""
    found = _item(relation, "CODE", name, inside)
    found.ConceptCodeSequence = [value.item()]
    return found


def text(name: Code, value: str, *inside: Dataset, relation: str = "CONTAINS") -> Dataset:
    """A sentence."""
    found = _item(relation, "TEXT", name, inside)
    found.TextValue = value
    return found


def number(
    name: Code,
    value: float,
    unit: Code,
    *inside: Dataset,
    relation: str = "CONTAINS",
    observed_at: datetime | None = None,
) -> Dataset:
    """A number with its unit; as decimal string to 16 characters, and whole as a double where those do not hold it."""
    found = _item(relation, "NUM", name, inside)
    if observed_at is not None:
        found.ObservationDateTime = moment_text(observed_at)
    measured = Dataset()
    measured.NumericValue = decimal(value)
    if float(decimal(value)) != value:
        measured.FloatingPointValue = value
    measured.MeasurementUnitsCodeSequence = [unit.item()]
    found.MeasuredValueSequence = [measured]
    return found


def moment(name: Code, at: datetime, *, relation: str = "CONTAINS") -> Dataset:
    """A moment with its offset."""
    found = _item(relation, "DATETIME", name, ())
    found.DateTime = moment_text(at)
    return found


def identifier(name: Code, uid: str, *, relation: str = "CONTAINS") -> Dataset:
    """A unique identifier."""
    found = _item(relation, "UIDREF", name, ())
    found.UID = uid
    return found


def person(name: Code, code: str, *inside: Dataset, relation: str = "CONTAINS") -> Dataset:
    """A person by the trial's code, never by name."""
    found = _item(relation, "PNAME", name, inside)
    found.PersonName = f"{code}^"
    return found


def moment_text(at: datetime) -> str:
    """As DICOM writes a moment.

    >>> from datetime import UTC
    >>> moment_text(datetime(2026, 3, 1, 9, 30, tzinfo=UTC))
    '20260301093000+0000'
    """
    return at.strftime("%Y%m%d%H%M%S%z")


def decimal(value: float) -> str:
    """A number in at most 16 characters, as exact as they allow.

    >>> decimal(1 / 3)
    '0.33333333333333'
    """
    for digits in range(17, 0, -1):
        written = f"{value:.{digits}g}"
        if len(written) <= _DECIMAL:
            return written
    raise ValueError(value)


def document(
    header: Dataset,
    making: Making,
    root: Dataset,
    sop_class: str,
    key: Sequence[str],
    *,
    template: str,
    series_number: int,
    description: str,
) -> Dataset:
    """A structured report with the tree at its root; complete and not verified: nobody signed this object.

    Parameters
    ----------
    template
        Identifier of the root template in PS3.16, empty where there is none.
    """
    dataset = object_base(header, making, sop_class, "SR", *key)
    dataset.SeriesNumber = series_number
    dataset.ReferencedPerformedProcedureStepSequence = []
    dataset.PerformedProcedureCodeSequence = []
    dataset.CompletionFlag, dataset.VerificationFlag, dataset.PreliminaryFlag = "COMPLETE", "UNVERIFIED", "PRELIMINARY"
    dataset.ValueType, dataset.ContinuityOfContent = "CONTAINER", "SEPARATE"
    dataset.ConceptNameCodeSequence = root.ConceptNameCodeSequence
    dataset.ContentSequence = root.ContentSequence
    if template:
        used = Dataset()
        used.MappingResource, used.TemplateIdentifier = "DCMR", template
        dataset.ContentTemplateSequence = [used]
    scheme = Dataset()
    scheme.CodingSchemeDesignator = SCHEME
    scheme.CodingSchemeName = "Concepts of theratrial (docs/methods/derived_objects.md)"
    scheme.CodingSchemeResponsibleOrganization = MANUFACTURER
    dataset.CodingSchemeIdentificationSequence = [scheme]
    stamp(dataset, making, header, description=description)
    return dataset
