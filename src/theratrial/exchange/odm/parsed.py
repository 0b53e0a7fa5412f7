"""Elements of ODM 1.3.2 back to what they tell. What cannot be read is reported with its line, not guessed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from lxml import etree

from theratrial.exchange.odm.layout import Layout
from theratrial.exchange.odm.told import KINDS, Audit, Item, Kind, Place, Remark, Signed, Told
from theratrial.exchange.odm.vocabulary import FLAGS, MEANINGS, NAMESPACE_13, read_back

Report = Callable[[etree._Element, str, str], None]
"""Called with the element, what is wrong, and what to do."""
_NS: Final = f"{{{NAMESPACE_13}}}"
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")


def local(element: etree._Element) -> str:
    """Name of an element of ODM; of another namespace as it stands."""
    return str(element.tag).removeprefix(_NS)


@dataclass(frozen=True, slots=True)
class ElementReader:
    """Reads the elements of one file.

    Parameters
    ----------
    layouts
        OID -> version of the protocol that the site has.
    transactional
        Whether the file tells changes, and so who made each.
    at
        Instant of the file: that of a snapshot's rows.
    """

    layouts: Mapping[str, Layout]
    transactional: bool
    at: str
    report: Report

    def subject(self, element: etree._Element, version: str) -> Iterator[Told]:
        """Everything that a SubjectData tells."""
        key = read_back(element.get("SubjectKey", ""))
        if not key:
            self.report(element, "SubjectData without SubjectKey", "")
            return
        site = ""
        if (ref := element.find(f"{_NS}SiteRef")) is not None:
            site = self._location(ref)
        place = Place(version, key)
        events = element.findall(f"{_NS}StudyEventData")
        remarks = self._remarks(element)
        if not self.transactional or not events:
            yield from self._said(element, place, remarks, site)
        for event in events:
            oid, repeat = event.get("StudyEventOID", ""), event.get("StudyEventRepeatKey", "")
            self._known(event, "event", oid, self.layouts[version].events)
            if repeat and not repeat.isdigit():
                self.report(event, f"StudyEventRepeatKey {repeat!r}", "a session is a number")
            for form in event.findall(f"{_NS}FormData"):
                form_oid = form.get("FormOID", "")
                self._known(form, "form", form_oid, self.layouts[version].forms)
                for group in form.findall(f"{_NS}ItemGroupData"):
                    at = Place(version, key, oid, repeat, form_oid, form.get("FormRepeatKey", ""))
                    yield from self.group(group, at)

    def reference(self, element: etree._Element, version: str) -> Iterator[Told]:
        """Everything that a ReferenceData tells."""
        for group in element.findall(f"{_NS}ItemGroupData"):
            yield from self.group(group, Place(version))
        loose = element.find(f"{_NS}Annotations")
        if loose is None:
            return
        holder = element.find(f"{_NS}AuditRecords")
        audit = self._audit(element if holder is None else holder)
        signed = element.find(f"{_NS}Signatures")
        for remark in self._remarks(loose):
            yield Told(
                Place(version), "Context", audit, remark=remark,
                signed=None if signed is None else self._signed(signed),
            )  # fmt: skip

    def _said(self, element: etree._Element, place: Place, remarks: list[Remark], site: str) -> Iterator[Told]:
        """A subject and what is said of her. In a snapshot the first says where she is."""
        kind = self._kind(element, "Insert")
        audit, signed = self._audit(element), self._signed(element)
        if self.transactional and len(remarks) > 1:
            self.report(element, "a change with several annotations", "one change tells one thing")
        for number, one in enumerate(remarks):
            yield Told(place, kind, audit, remark=one, signed=signed, site="" if number else site)
        if not remarks and (self.transactional or site):
            yield Told(place, kind, audit, signed=signed, site=site)

    def group(self, element: etree._Element, place: Place) -> Iterator[Told]:
        """A row, and what is said about it."""
        layout = self.layouts[place.version]
        oid, key = element.get("ItemGroupOID", ""), element.get("ItemGroupRepeatKey", "")
        self._known(element, "item group", oid, layout.groups)
        if oid not in layout.groups or not key:
            if not key:
                self.report(element, "ItemGroupData without ItemGroupRepeatKey", "")
            return
        at = Place(place.version, place.subject, place.event, place.event_key, place.form, place.form_key, oid, key)
        remarks = self._remarks(element)
        items: list[Item] = []
        about: list[tuple[etree._Element, Remark]] = []
        known = {item.oid for item in (*layout.groups[oid].items, *layout.beside)}
        for one in element.findall(f"{_NS}ItemData"):
            name = read_back(one.get("ItemOID", ""))
            if name not in known:
                self.report(one, f"unknown item {name!r} of {oid}", "the protocol of this site has no such item")
                continue
            mine = self._remarks(one, name)
            about += [(one, remark) for remark in mine]
            if one.get("Value") is not None or one.get("IsNull") is not None or not mine:
                items.append(self._item(one, name))
        yield from self._row(element, at, items, remarks, about)

    def _row(
        self, element: etree._Element, at: Place, items: list[Item], remarks: list[Remark],
        about: list[tuple[etree._Element, Remark]],
    ) -> Iterator[Told]:  # fmt: skip
        if not self.transactional:
            audit = Audit("", self.at)
            yield Told(at, "Insert", audit, tuple(items))
            for one in (*remarks, *(remark for _element, remark in about)):
                yield Told(at, "Context", audit, remark=one)
            return
        if len(remarks) + len(about) > 1:
            self.report(element, "a change with several annotations", "one change tells one thing")
        holder = about[0][0] if about else element
        remark = about[0][1] if about else remarks[0] if remarks else None
        kind = self._kind(element, "")
        yield Told(at, kind, self._audit(holder), tuple(items), remark, self._signed(holder))

    def _item(self, element: etree._Element, oid: str) -> Item:
        ref = element.find(f"{_NS}MeasurementUnitRef")
        unit = "" if ref is None else ref.get("MeasurementUnitOID", "").removeprefix("MU.")
        value = element.get("Value")
        kind = self._kind(element, "Insert")
        if value is not None and element.get("IsNull") is not None:
            self.report(element, f"{oid} has a value and is null", "")
        if value is None and element.get("IsNull") is None and kind != "Remove":
            self.report(element, f"{oid} has neither a value nor IsNull", "")
        return Item(oid, kind, None if value is None else read_back(value), unit)

    def _kind(self, element: etree._Element, default: str) -> Kind:
        given = element.get("TransactionType", "" if self.transactional else default)
        for kind in KINDS:
            if kind == given:
                return kind
        self.report(element, f"TransactionType {given!r}", f"one of {', '.join(KINDS)}")
        return "Context"

    def _audit(self, element: etree._Element) -> Audit:
        if not self.transactional:
            return Audit("", self.at)
        record = element.find(f"{_NS}AuditRecord")
        user = record.find(f"{_NS}UserRef") if record is not None else None
        place = record.find(f"{_NS}LocationRef") if record is not None else None
        if record is None or user is None or place is None:
            self.report(
                element, f"{local(element)} without a whole AuditRecord", "each change says who, where and when"
            )
            return Audit("", self.at)
        oid = read_back(user.get("UserOID", ""))
        system = oid.startswith("SYS.")
        return Audit(
            user=oid.removeprefix("SYS." if system else "U."),
            at=self._instant(record),
            location=self._location(place),
            system=system,
            reason=read_back(record.findtext(f"{_NS}ReasonForChange", "")),
            source=read_back(record.findtext(f"{_NS}SourceID", "")),
        )

    def _instant(self, parent: etree._Element) -> str:
        text = parent.findtext(f"{_NS}DateTimeStamp", "")
        try:
            if _INSTANT.fullmatch(text):
                datetime.fromisoformat(text)
                return text
        except ValueError:
            pass
        self.report(parent, f"DateTimeStamp {text[:40]!r}", "an instant in UTC, 2026-11-23T06:00:00Z")
        return self.at

    def _location(self, ref: etree._Element) -> str:
        oid = read_back(ref.get("LocationOID", ""))
        if oid == "L.trial":
            return ""
        if not oid.startswith("L.site."):
            self.report(ref, f"unknown location {oid!r}", "locations are L.trial or L.site.<code>")
        return oid.removeprefix("L.site.")

    def _signed(self, element: etree._Element) -> Signed | None:
        found = element.find(f"{_NS}Signature")
        if found is None:
            return None
        user, place = found.find(f"{_NS}UserRef"), found.find(f"{_NS}LocationRef")
        ref, digest = found.find(f"{_NS}SignatureRef"), found.findtext(f"{_NS}CryptoBindingManifest", "")
        meaning = "" if ref is None else ref.get("SignatureOID", "").removeprefix("SD.")
        if user is None or place is None or meaning not in MEANINGS or not digest.startswith("sha256:"):
            self.report(found, "a Signature that lacks user, place, a known meaning, or its digest", "")
            return None
        name = read_back(user.get("UserOID", "")).removeprefix("U.")
        return Signed(name, meaning, self._instant(found), digest.removeprefix("sha256:"), self._location(place))

    def _remarks(self, element: etree._Element, item: str = "") -> list[Remark]:
        found = []
        for one in element.findall(f"{_NS}Annotation"):
            flags = []
            for flag in one.findall(f"{_NS}Flag"):
                name = flag.findtext(f"{_NS}FlagType", "")
                if name not in FLAGS:
                    self.report(flag, f"unknown flag {name[:40]!r}", "")
                flags.append((name, read_back(flag.findtext(f"{_NS}FlagValue", ""))))
            if not {"entity", "id"} <= dict(flags).keys():
                self.report(one, "an annotation that does not say of what it is", "flags entity and id")
                continue
            comment = read_back(one.findtext(f"{_NS}Comment", ""))
            found.append(Remark(self._kind(one, "Insert"), comment, tuple(flags), item))
        return found

    def _known(self, element: etree._Element, what: str, oid: str, known: Mapping[str, object]) -> None:
        if oid not in known:
            self.report(element, f"unknown {what} {oid!r}", "the protocol of this site has none of that name")
