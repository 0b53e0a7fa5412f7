"""Study, metadata and administrative data as elements of ODM 1.3.2."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from lxml import etree

from theratrial.exchange.odm.layout import FREE_TEXT, CodeList, ItemDef, Layout, Words
from theratrial.exchange.odm.told import Told
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

TRIAL_LOCATION = "L.trial"
SIMULATED = "VIRTUAL PARTICIPANTS, SIMULATED DATA. "


def user_oid(name: str, *, system: bool = False) -> str:
    """OID of an account, or of a part of the software."""
    return f"{'SYS' if system else 'U'}.{writable(name)}"


def location_oid(site: str) -> str:
    """OID of a site; of the trial as a whole where there is none."""
    return f"L.site.{writable(site)}" if site else TRIAL_LOCATION


@dataclass(slots=True)
class Survey:
    """What the head of a file must name: gathered while the changes are written.

    Parameters
    ----------
    users
        (name, whether it is a part of the software).
    names
        Who signed -> when last, and the name that was printed then.
    locations
        Site -> version -> first day on which something of it is told there.
    """

    users: dict[tuple[str, bool], None] = field(default_factory=dict)
    names: dict[str, tuple[str, str]] = field(default_factory=dict)
    locations: dict[str, dict[str, str]] = field(default_factory=dict)
    versions: dict[str, None] = field(default_factory=dict)
    last_at: str = ""
    last_source: str = ""
    count: int = 0

    def take(self, told: Told) -> None:
        """One change."""
        audit, version = told.audit, told.place.version
        self.versions.setdefault(version)
        self.users.setdefault((audit.user, audit.system))
        day = audit.at[:10]
        for site in {audit.location, told.site, told.signed.location if told.signed else ""}:
            days = self.locations.setdefault(site, {})
            days[version] = min(days.get(version, day), day)
        if told.signed is not None:
            self.users.setdefault((told.signed.user, False))
        if told.remark is not None and told.remark.flags[0] == ("entity", "signature"):
            flags = dict(told.remark.flags)
            if signer := flags.get("signer"):
                self.users.setdefault((signer, False))
                self.names[signer] = max(self.names.get(signer, ("", "")), (audit.at, flags.get("printed_name", "")))
        # A file has its reference data first, so nothing of the head may hang on the order of the changes.
        self.last_at, self.last_source = max((self.last_at, self.last_source), (audit.at, audit.source))
        self.count += 1


def study(layouts: Iterable[Layout], in_force: str, *, simulated: bool) -> etree._Element:
    """The Study element with a MetaDataVersion for each version of the protocol."""
    listed = list(layouts)
    protocol = next(one for one in listed if one.oid == in_force).protocol
    identity = protocol.identity.reading
    root = etree.Element("Study", OID=listed[0].study_oid)
    texts = etree.SubElement(root, "GlobalVariables")
    title = identity.scientific_title if identity else ""
    for name, text in (
        ("StudyName", identity.trial_id if identity else "unnamed"),
        ("StudyDescription", (SIMULATED if simulated else "") + title),
        ("ProtocolName", identity.public_title if identity else "unnamed"),
    ):
        etree.SubElement(texts, name).text = writable(text)
    units = dict.fromkeys(unit for layout in listed for unit in layout.units)
    if units:
        basic = etree.SubElement(root, "BasicDefinitions")
        for unit in units:
            measure = etree.SubElement(basic, "MeasurementUnit", OID=f"MU.{unit}", Name=unit)
            _translated(etree.SubElement(measure, "Symbol"), (("en", unit),))
    for layout in listed:
        root.append(_version(layout, in_force=layout.oid == in_force))
    return root


def _translated(parent: etree._Element, words: Words) -> None:
    for tag, text in words:
        one = etree.SubElement(parent, "TranslatedText")
        one.set(XML_LANG, tag)
        one.text = writable(text)


def _described(parent: etree._Element, words: Words, name: str = "Description") -> None:
    _translated(etree.SubElement(parent, name), words)


def _version(layout: Layout, *, in_force: bool) -> etree._Element:
    root = etree.Element("MetaDataVersion", OID=layout.oid, Name=layout.label or layout.oid)
    protocol = etree.SubElement(root, "Protocol")
    for number, event in enumerate(layout.events.values(), start=1):
        mandatory = "Yes" if event.id in layout.protocol.schedule else "No"
        etree.SubElement(
            protocol, "StudyEventRef", StudyEventOID=event.oid, OrderNumber=str(number), Mandatory=mandatory
        )
    for context, name in (
        (ALIAS_LAYOUT, str(LAYOUT_VERSION)),
        (ALIAS_PROTOCOL, layout.sha256),
        (ALIAS_IN_FORCE, "yes" if in_force else "no"),
    ):
        etree.SubElement(protocol, "Alias", Context=context, Name=name)
    for event in layout.events.values():
        kind = "Scheduled" if event.id else "Common"
        made = etree.SubElement(
            root, "StudyEventDef", OID=event.oid, Name=event.words[0][1], Type=kind, Repeating=_yes(event.repeating)
        )
        _described(made, event.words)
        for number, (oid, asked) in enumerate(event.forms, start=1):
            etree.SubElement(made, "FormRef", FormOID=oid, OrderNumber=str(number), Mandatory=_yes(asked))
    for form in layout.forms.values():
        # A row that was entered in error stays beside the right one, so that every form may occur again.
        made = etree.SubElement(root, "FormDef", OID=form.oid, Name=form.words[0][1], Repeating="Yes")
        _described(made, form.words)
        etree.SubElement(made, "ItemGroupRef", ItemGroupOID=f"IG.{form.table}", OrderNumber="1", Mandatory="Yes")
    for group in layout.groups.values():
        made = etree.SubElement(
            root, "ItemGroupDef", OID=group.oid, Name=group.table, Repeating="Yes",
            IsReferenceData=_yes(group.reference),
        )  # fmt: skip
        _described(made, group.words)
        for number, item in enumerate((*group.items, *layout.beside), start=1):
            ref = etree.SubElement(made, "ItemRef", ItemOID=item.oid, OrderNumber=str(number))
            ref.set("Mandatory", _yes(item.mandatory))
            if item.key:
                ref.set("KeySequence", str(item.key))
    for item in (*(one for group in layout.groups.values() for one in group.items), *layout.beside):
        root.append(_item(item))
    for codes in layout.code_lists.values():
        root.append(_codes(codes))
    return root


def _yes(flag: bool) -> str:
    return "Yes" if flag else "No"


def _item(item: ItemDef) -> etree._Element:
    made = etree.Element("ItemDef", OID=item.oid, Name=item.name, DataType=item.type)
    _described(made, item.words, "Question")
    for unit in item.units:
        etree.SubElement(made, "MeasurementUnitRef", MeasurementUnitOID=f"MU.{unit}")
    for comparator, bound in item.checks:
        check = etree.SubElement(made, "RangeCheck", Comparator=comparator, SoftHard="Hard")
        etree.SubElement(check, "CheckValue").text = bound
    if item.codes:
        etree.SubElement(made, "CodeListRef", CodeListOID=item.codes)
    return made


def _codes(codes: CodeList) -> etree._Element:
    made = etree.Element("CodeList", OID=codes.oid, Name=codes.name, DataType="text")
    for number, (value, words) in enumerate(codes.values, start=1):
        entry = etree.SubElement(made, "CodeListItem", CodedValue=value, OrderNumber=str(number))
        _described(entry, words, "Decode")
    if codes.oid == FREE_TEXT:
        etree.SubElement(made, "ExternalCodeList", Dictionary="none: any text")
    return made


def admin(survey: Survey, study_oid: str, versions: Mapping[str, Layout], in_force: str) -> etree._Element:
    """Users (accounts; the printed name only of who signed), sites, and meanings of signatures."""
    root = etree.Element("AdminData", StudyOID=study_oid)
    for name, system in sorted(survey.users):
        user = etree.SubElement(root, "User", OID=user_oid(name, system=system), UserType="Other")
        if system:
            etree.SubElement(user, "DisplayName").text = "a part of the software"
        else:
            etree.SubElement(user, "LoginName").text = writable(name)
        if not system and (printed := survey.names.get(name, ("", ""))[1]):
            etree.SubElement(user, "FullName").text = writable(printed)
    found = survey.locations or {"": {in_force: (survey.last_at or "1970-01-01")[:10]}}
    for site, days in sorted(found.items()):
        kind = "Site" if site else "Other"
        place = etree.SubElement(
            root, "Location", OID=location_oid(site), Name=writable(site) or "the trial as a whole", LocationType=kind
        )
        for version in versions:
            if version in days:
                day = date.fromisoformat(days[version]).isoformat()
                etree.SubElement(
                    place, "MetaDataVersionRef", StudyOID=study_oid, MetaDataVersionOID=version, EffectiveDate=day
                )
    for name, meaning in MEANINGS.items():
        defined = etree.SubElement(root, "SignatureDef", OID=f"SD.{name}", Methodology="Electronic")
        etree.SubElement(defined, "Meaning").text = meaning
        etree.SubElement(defined, "LegalReason").text = LEGAL_REASON
    return root
