"""One change as an element of ODM 1.3.2, and such an element as a change."""

from __future__ import annotations

from lxml import etree

from theratrial.exchange.odm.layout import FREE_TEXT
from theratrial.exchange.odm.metadata import location_oid, user_oid
from theratrial.exchange.odm.told import Audit, Item, Remark, Signed, Told
from theratrial.exchange.odm.vocabulary import ENUMERATED, writable


def is_reference(told: Told) -> bool:
    """Whether it belongs to no subject."""
    return not told.place.subject


def clinical_element(told: Told) -> etree._Element:
    """The SubjectData of a change, down to what changed."""
    place, at_subject = told.place, not told.place.group
    # Whatever lies above a row that is inserted may be new with it.
    above = "Upsert" if told.kind in ("Insert", "Upsert") else "Context"
    root = etree.Element("SubjectData", SubjectKey=writable(place.subject))
    root.set("TransactionType", told.kind if at_subject else above)
    if at_subject:
        _audit(root, told.audit)
        _signature(root, told.signed)
        if told.site:
            etree.SubElement(root, "SiteRef", LocationOID=location_oid(told.site))
        remark(root, told.remark, 1, transactional=True)
        return root
    event = etree.SubElement(root, "StudyEventData", StudyEventOID=place.event)
    if place.event_key:
        event.set("StudyEventRepeatKey", place.event_key)
    event.set("TransactionType", above)
    form = etree.SubElement(event, "FormData", FormOID=place.form, FormRepeatKey=place.form_key, TransactionType=above)
    form.append(group_element(told))
    return root


def reference_element(told: Told) -> etree._Element:
    """The ItemGroupData of a change of a row that belongs to nobody."""
    return group_element(told)


def group_element(told: Told) -> etree._Element:
    """The row with what changed in it, who changed it, and what is said about it."""
    place = told.place
    root = etree.Element(
        "ItemGroupData", ItemGroupOID=place.group, ItemGroupRepeatKey=place.group_key, TransactionType=told.kind
    )
    about_item = told.remark is not None and bool(told.remark.item)
    if not about_item:
        _audit(root, told.audit)
        _signature(root, told.signed)
        remark(root, told.remark, 1, transactional=True)
    for item in told.items:
        root.append(item_element(item, transactional=True))
    if about_item and told.remark is not None:
        item_data = etree.SubElement(root, "ItemData", ItemOID=told.remark.item, TransactionType="Context")
        _audit(item_data, told.audit)
        _signature(item_data, told.signed)
        remark(item_data, told.remark, 1, transactional=True)
    return root


def item_element(item: Item, *, transactional: bool) -> etree._Element:
    """An item with its value; what is there and empty says so."""
    made = etree.Element("ItemData", ItemOID=writable(item.oid))
    if transactional:
        made.set("TransactionType", item.kind)
    if item.value is not None:
        made.set("Value", writable(item.value))
    elif item.kind != "Remove":
        made.set("IsNull", "Yes")
    if item.unit:
        etree.SubElement(made, "MeasurementUnitRef", MeasurementUnitOID=f"MU.{item.unit}")
    return made


def _audit(parent: etree._Element, audit: Audit) -> None:
    made = etree.SubElement(parent, "AuditRecord")
    etree.SubElement(made, "UserRef", UserOID=user_oid(audit.user, system=audit.system))
    etree.SubElement(made, "LocationRef", LocationOID=location_oid(audit.location))
    etree.SubElement(made, "DateTimeStamp").text = audit.at
    if audit.reason:
        etree.SubElement(made, "ReasonForChange").text = writable(audit.reason)
    if audit.source:
        etree.SubElement(made, "SourceID").text = writable(audit.source)


def audit_element(audit: Audit, identifier: str) -> etree._Element:
    """An AuditRecord that stands by itself."""
    holder = etree.Element("holder")
    _audit(holder, audit)
    holder[0].set("ID", identifier)
    return holder[0]


def signature_element(signed: Signed, identifier: str) -> etree._Element:
    """A Signature that stands by itself."""
    holder = etree.Element("holder")
    _signature(holder, signed)
    holder[0].set("ID", identifier)
    return holder[0]


def _signature(parent: etree._Element, signed: Signed | None) -> None:
    if signed is None:
        return
    made = etree.SubElement(parent, "Signature")
    etree.SubElement(made, "UserRef", UserOID=user_oid(signed.user))
    etree.SubElement(made, "LocationRef", LocationOID=location_oid(signed.location))
    etree.SubElement(made, "SignatureRef", SignatureOID=f"SD.{signed.meaning}")
    etree.SubElement(made, "DateTimeStamp").text = signed.at
    etree.SubElement(made, "CryptoBindingManifest").text = f"sha256:{signed.digest}"


def flag_codes(name: str) -> str:
    """OID of the code list that the values of a flag come from."""
    return f"CL.flag.{name}" if name in ENUMERATED or name == "meaning" else FREE_TEXT


def remark(parent: etree._Element, told: Remark | None, number: int, *, transactional: bool) -> None:
    """An Annotation: its text as Comment, its fields as flags."""
    if told is None:
        return
    made = etree.SubElement(parent, "Annotation", SeqNum=str(number))
    if transactional:
        made.set("TransactionType", told.kind)
    if told.comment:
        etree.SubElement(made, "Comment").text = writable(told.comment)
    for name, value in told.flags:
        flag = etree.SubElement(made, "Flag")
        etree.SubElement(flag, "FlagValue", CodeListOID=flag_codes(name)).text = writable(value)
        etree.SubElement(flag, "FlagType", CodeListOID="CL.flag").text = name
