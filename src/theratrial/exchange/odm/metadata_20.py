"""Study, metadata and administrative data as elements of ODM 2.0. Forms and tables are both item groups there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lxml import etree

from theratrial.exchange.odm.layout import CodeList, ItemDef, Layout, Words
from theratrial.exchange.odm.metadata import SIMULATED, Survey, location_oid, user_oid
from theratrial.exchange.odm.vocabulary import (
    ALIAS_IN_FORCE,
    ALIAS_LAYOUT,
    ALIAS_PROTOCOL,
    LAYOUT_VERSION,
    LEGAL_REASON,
    MEANINGS,
    XML_LANG,
    writable,
)

_ALL_EVENTS = "SEG.all"


def translated(parent: etree._Element, words: Words, name: str = "Description") -> etree._Element:
    """A child whose text stands in each language."""
    made = etree.SubElement(parent, name)
    for tag, text in words:
        one = etree.SubElement(made, "TranslatedText", Type="text/plain")
        one.set(XML_LANG, tag)
        one.text = writable(text)
    return made


def study_20(layouts: Iterable[Layout], in_force: str, *, simulated: bool) -> etree._Element:
    """The Study element with a MetaDataVersion for each version of the protocol."""
    listed = list(layouts)
    identity = next(one for one in listed if one.oid == in_force).protocol.identity.reading
    root = etree.Element(
        "Study",
        OID=listed[0].study_oid,
        StudyName=identity.trial_id if identity else "unnamed",
        ProtocolName=writable(identity.public_title) if identity else "unnamed",
    )
    title = identity.scientific_title if identity else "unnamed"
    translated(root, (("en", (SIMULATED if simulated else "") + title),))
    for layout in listed:
        root.append(_version(layout, in_force=layout.oid == in_force))
    return root


def _version(layout: Layout, *, in_force: bool) -> etree._Element:
    root = etree.Element("MetaDataVersion", OID=layout.oid, Name=layout.label or layout.oid)
    protocol = etree.SubElement(root, "Protocol")
    etree.SubElement(protocol, "StudyEventGroupRef", StudyEventGroupOID=_ALL_EVENTS, OrderNumber="1", Mandatory="Yes")
    for context, name in (
        (ALIAS_LAYOUT, str(LAYOUT_VERSION)),
        (ALIAS_PROTOCOL, layout.sha256),
        (ALIAS_IN_FORCE, "yes" if in_force else "no"),
    ):
        etree.SubElement(protocol, "Alias", Context=context, Name=name)
    group = etree.SubElement(root, "StudyEventGroupDef", OID=_ALL_EVENTS, Name="Visits and planned images")
    for number, event in enumerate(layout.events.values(), start=1):
        mandatory = "Yes" if event.id in layout.protocol.schedule else "No"
        etree.SubElement(group, "StudyEventRef", StudyEventOID=event.oid, OrderNumber=str(number), Mandatory=mandatory)
    for event in layout.events.values():
        kind = "Scheduled" if event.id else "Common"
        made = etree.SubElement(
            root, "StudyEventDef", OID=event.oid, Name=event.words[0][1], Type=kind, Repeating=_yes(event.repeating)
        )
        translated(made, event.words)
        for number, (oid, asked) in enumerate(event.forms, start=1):
            etree.SubElement(made, "ItemGroupRef", ItemGroupOID=oid, OrderNumber=str(number), Mandatory=_yes(asked))
    _groups(root, layout)
    for item in (*(one for table in layout.groups.values() for one in table.items), *layout.beside):
        root.append(_item(item))
    for codes in layout.code_lists.values():
        root.append(_codes(codes))
    return root


def _groups(root: etree._Element, layout: Layout) -> None:
    for form in layout.forms.values():
        made = etree.SubElement(
            root, "ItemGroupDef", OID=form.oid, Name=form.words[0][1], Repeating="Simple", Type="Form"
        )
        translated(made, form.words)
        etree.SubElement(made, "ItemGroupRef", ItemGroupOID=f"IG.{form.table}", OrderNumber="1", Mandatory="Yes")
    for table in layout.groups.values():
        made = etree.SubElement(
            root, "ItemGroupDef", OID=table.oid, Name=table.table, Repeating="Simple", Type="Section",
            IsReferenceData=_yes(table.reference),
        )  # fmt: skip
        translated(made, table.words)
        units = {item.name: item.oid for item in table.items if item.name == "unit"}
        for number, item in enumerate((*table.items, *layout.beside), start=1):
            ref = etree.SubElement(made, "ItemRef", ItemOID=item.oid, OrderNumber=str(number))
            ref.set("Mandatory", _yes(item.mandatory))
            if item.key:
                ref.set("KeySequence", str(item.key))
            if item.units and "unit" in units:
                ref.set("UnitsItemOID", units["unit"])


def _yes(flag: bool) -> str:
    return "Yes" if flag else "No"


def _item(item: ItemDef) -> etree._Element:
    made = etree.Element("ItemDef", OID=item.oid, Name=item.name, DataType=item.type)
    translated(made, item.words, "Question")
    for comparator, bound in item.checks:
        check = etree.SubElement(made, "RangeCheck", Comparator=comparator, SoftHard="Hard")
        etree.SubElement(check, "CheckValue").text = bound
    if item.codes:
        etree.SubElement(made, "CodeListRef", CodeListOID=item.codes)
    if item.units:
        # ODM 2.0 has no measurement units; a value whose unit stands in its row names that item instead.
        etree.SubElement(made, "Alias", Context="unit", Name=" ".join(item.units))
    return made


def _codes(codes: CodeList) -> etree._Element:
    made = etree.Element("CodeList", OID=codes.oid, Name=codes.name, DataType="text")
    for number, (value, words) in enumerate(codes.values, start=1):
        entry = etree.SubElement(made, "CodeListItem", CodedValue=value, OrderNumber=str(number))
        translated(entry, words, "Decode")
    return made


def admin_20(survey: Survey, study_oid: str, versions: Mapping[str, Layout], in_force: str) -> etree._Element:
    """Accounts that a query names, sites, and meanings of signatures."""
    root = etree.Element("AdminData", StudyOID=study_oid)
    for name, system in sorted(survey.users):
        user = etree.SubElement(root, "User", OID=user_oid(name, system=system), UserType="Other")
        etree.SubElement(user, "UserName").text = writable(name)
    for site, days in sorted((survey.locations or {"": {in_force: survey.last_at[:10]}}).items()):
        place = etree.SubElement(
            root, "Location", OID=location_oid(site), Name=writable(site) or "the trial as a whole", Role="Site"
        )
        for version in versions:
            if version in days:
                etree.SubElement(
                    place, "MetaDataVersionRef", StudyOID=study_oid, MetaDataVersionOID=version,
                    EffectiveDate=days[version],
                )  # fmt: skip
    for name, meaning in MEANINGS.items():
        defined = etree.SubElement(root, "SignatureDef", OID=f"SD.{name}", Methodology="Electronic")
        etree.SubElement(defined, "Meaning").text = meaning
        etree.SubElement(defined, "LegalReason").text = LEGAL_REASON
    return root
