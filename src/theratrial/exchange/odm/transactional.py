"""ODM 1.3.2, transactional: every change in its order, with who, when and why. Written in one pass, memory bounded."""

from __future__ import annotations

import hashlib
import io
import shutil
from collections.abc import Callable, Iterable, Mapping
from typing import BinaryIO, Final

from lxml import etree

from theratrial.exchange.odm.elements import (
    audit_element,
    clinical_element,
    reference_element,
    remark,
    signature_element,
)
from theratrial.exchange.odm.layout import Layout
from theratrial.exchange.odm.metadata import SIMULATED, Survey, admin, study
from theratrial.exchange.odm.told import Told
from theratrial.exchange.odm.vocabulary import NAMESPACE_13, SOURCE_SYSTEM

DECLARATION: Final = b'<?xml version="1.0" encoding="UTF-8"?>\n'


def transactional_odm(
    changes: Iterable[Told], layouts: Mapping[str, Layout], in_force: str, *, software: str,
    simulated: bool = False, empty_since: str = "", subject: str = "",
) -> bytes:  # fmt: skip
    """The whole file in memory; see `transactional_written`."""
    out = io.BytesIO()
    transactional_written(
        out, changes, layouts, in_force, software=software, simulated=simulated, empty_since=empty_since,
        subject=subject,
    )  # fmt: skip
    return out.getvalue()


def transactional_written(
    out: BinaryIO, changes: Iterable[Told], layouts: Mapping[str, Layout], in_force: str, *, software: str,
    simulated: bool = False, empty_since: str = "", subject: str = "",
    scratch: Callable[[], BinaryIO] = io.BytesIO,
) -> Survey:  # fmt: skip
    """Write every change to `out`.

    The same changes give the same bytes: the file is as old as its last change.

    Parameters
    ----------
    changes
        In the order in which they became true.
    layouts
        OID -> version of the protocol; those that no change speaks of are left out, but for `in_force`.
    in_force
        OID of the version in force.
    empty_since
        Instant of the file where there is no change.
    subject
        Whose copy it is; empty: everybody's.
    scratch
        Gives an empty file for what must stand behind a head that is known last.

    Returns
    -------
    What was written, counted.
    """
    survey = Survey()
    with scratch() as reference, scratch() as clinical:
        _bodies(changes, layouts, reference, clinical, survey)
        survey.last_at = survey.last_at or empty_since
        used = {oid: one for oid, one in layouts.items() if oid in survey.versions or oid == in_force}
        _head(out, survey, used, in_force, software=software, simulated=simulated, subject=subject)
        for body in (reference, clinical):
            body.seek(0)
            shutil.copyfileobj(body, out, 1 << 20)
    out.write(b"</ODM>\n")
    return survey


def _bodies(
    changes: Iterable[Told], layouts: Mapping[str, Layout], reference: BinaryIO, clinical: BinaryIO, survey: Survey
) -> None:
    version, loose = "", 0
    for told in changes:
        survey.take(told)
        study_oid, oid = layouts[told.place.version].study_oid, told.place.version
        if not told.place.subject:
            loose += 1
            _reference(reference, told, study_oid, loose)
            continue
        if oid != version:
            clinical.write(b"</ClinicalData>\n" if version else b"")
            clinical.write(opened(etree.Element("ClinicalData", StudyOID=study_oid, MetaDataVersionOID=oid)) + b"\n")
            version = oid
        clinical.write(etree.tostring(clinical_element(told), encoding="utf-8") + b"\n")
    if version:
        clinical.write(b"</ClinicalData>\n")


def _reference(out: BinaryIO, told: Told, study_oid: str, number: int) -> None:
    """A change of reference data, an element of its own: the standard puts remarks that belong to no row behind all."""
    holder = etree.Element("ReferenceData", StudyOID=study_oid, MetaDataVersionOID=told.place.version)
    if told.place.group:
        holder.append(reference_element(told))
    else:
        etree.SubElement(holder, "AuditRecords").append(audit_element(told.audit, f"AR.{number}"))
        if told.signed is not None:
            etree.SubElement(holder, "Signatures").append(signature_element(told.signed, f"SI.{number}"))
        remark(etree.SubElement(holder, "Annotations"), told.remark, 1, transactional=True)
        holder[-1][0].set("ID", f"AN.{number}")
    out.write(etree.tostring(holder, encoding="utf-8") + b"\n")


def opened(element: etree._Element) -> bytes:
    """The start tag of an element without children."""
    return etree.tostring(element, encoding="utf-8").removesuffix(b"/>") + b">"


def _head(
    out: BinaryIO, survey: Survey, versions: Mapping[str, Layout], in_force: str, *, software: str, simulated: bool,
    subject: str,
) -> None:  # fmt: skip
    study_oid = versions[in_force].study_oid
    content = f"{study_oid}|{subject}|{survey.count}|{survey.last_at}|{survey.last_source}"
    digest = hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    out.write(DECLARATION)
    out.write(
        root_opened(
            NAMESPACE_13, "Transactional", f"{study_oid}.transactional.{digest}", survey.last_at, software,
            simulated=simulated, granularity="SingleSubject" if subject else "All",
        )
    )  # fmt: skip
    for element in (
        study(versions.values(), in_force, simulated=simulated),
        admin(survey, study_oid, versions, in_force),
    ):
        etree.indent(element)
        out.write(etree.tostring(element, encoding="utf-8") + b"\n")


def root_opened(
    namespace: str, file_type: str, oid: str, at: str, software: str, *, simulated: bool, granularity: str
) -> bytes:
    """The start tag of the file. It was true at `at`; none holds the moment of writing, so equal ones are equal."""
    version = "2.0" if namespace.endswith("v2.0") else "1.3.2"
    root = etree.Element(f"{{{namespace}}}ODM", nsmap={None: namespace})
    if version == "1.3.2" and simulated:
        root.set("Description", SIMULATED.strip())
    for name, value in (
        ("FileType", file_type),
        ("FileOID", oid),
        ("CreationDateTime", at),
        ("AsOfDateTime", at),
        ("Granularity", granularity),
        ("ODMVersion", version),
        ("SourceSystem", SOURCE_SYSTEM),
        ("SourceSystemVersion", software),
    ):
        if value:
            root.set(name, value)
    return opened(root) + b"\n"
