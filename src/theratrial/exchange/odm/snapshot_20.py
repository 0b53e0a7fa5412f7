"""ODM 2.0, snapshot: the rows as they stand, queries as the Query elements that this version has. For exchange."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from lxml import etree

from theratrial.exchange.odm.elements import flag_codes
from theratrial.exchange.odm.layout import Layout
from theratrial.exchange.odm.metadata import Survey, location_oid, user_oid
from theratrial.exchange.odm.metadata_20 import admin_20, study_20, translated
from theratrial.exchange.odm.snapshot import About, Bodies, digest_of, surveyed
from theratrial.exchange.odm.told import Item, Remark, Told
from theratrial.exchange.odm.transactional import DECLARATION, opened, root_opened
from theratrial.exchange.odm.tree import RowNode, SubjectTree, subject_trees
from theratrial.exchange.odm.vocabulary import NAMESPACE_20, writable

STATES: Final = {"open": "Open", "answered": "Answered", "closed": "Closed", "cancelled": "Cancelled"}
"""State of a query -> State of ODM 2.0; its Candidate and Resolved have no counterpart here."""


def snapshot_20_odm(
    subjects: Iterable[Iterable[Told]], layouts: Mapping[str, Layout], about: About,
    monitors: frozenset[str] = frozenset(),
) -> bytes:  # fmt: skip
    """The whole file in memory; see `snapshot_20_written`."""
    out = io.BytesIO()
    snapshot_20_written(out, subjects, layouts, about, monitors=monitors)
    return out.getvalue()


def snapshot_20_written(
    out: BinaryIO,
    subjects: Iterable[Iterable[Told]],
    layouts: Mapping[str, Layout],
    about: About,
    *,
    monitors: frozenset[str] = frozenset(),
    scratch: Callable[[], BinaryIO] = io.BytesIO,
) -> None:
    """Write the state to `out`.

    Parameters
    ----------
    subjects
        As for `snapshot.snapshot_written`.
    monitors
        Accounts of monitors: their queries are the Site Monitor's, those of other people Data Management's.
    """
    survey, known = Survey(last_at=about.at), dict(layouts)
    with ExitStack() as stack:
        reference: Bodies = {}
        clinical: Bodies = {}
        for told in subjects:
            for tree in subject_trees(told, known):
                surveyed(survey, tree, about.at)
                element = _Tree(tree, survey, monitors, about.at).element()
                bodies = clinical if tree.subject else reference
                if tree.version not in bodies:
                    bodies[tree.version] = stack.enter_context(scratch())
                etree.indent(element)
                bodies[tree.version].write(b"".join(etree.tostring(one, encoding="utf-8") for one in element) + b"\n")
        survey.versions.setdefault(about.in_force)
        used = {oid: layout for oid, layout in layouts.items() if oid in survey.versions}
        study_oid = used[about.in_force].study_oid
        oid = f"{study_oid}.snapshot.{digest_of(study_oid, about.at)}"
        out.write(DECLARATION)
        out.write(
            root_opened(
                NAMESPACE_20,
                "Snapshot",
                oid,
                about.at,
                about.software,
                simulated=about.simulated,
                granularity=about.granularity,
            )
        )
        for head in (
            study_20(used.values(), about.in_force, simulated=about.simulated),
            admin_20(survey, study_oid, used, about.in_force),
        ):
            etree.indent(head)
            out.write(etree.tostring(head, encoding="utf-8") + b"\n")
        for name, bodies in (("ReferenceData", reference), ("ClinicalData", clinical)):
            for version in (one for one in used if one in bodies):
                out.write(opened(etree.Element(name, StudyOID=study_oid, MetaDataVersionOID=version)) + b"\n")
                bodies[version].seek(0)
                shutil.copyfileobj(bodies[version], out, 1 << 20)
                out.write(f"</{name}>\n".encode())
    out.write(b"</ODM>\n")


@dataclass(slots=True)
class _Thread:
    """A query with its steps."""

    query: Remark
    steps: list[Remark] = field(default_factory=list)


@dataclass(slots=True)
class _Tree:
    """A subject as elements of 2.0."""

    tree: SubjectTree
    survey: Survey
    monitors: frozenset[str]
    at: str

    def element(self) -> etree._Element:
        """A holder whose children are what belongs into ClinicalData or ReferenceData."""
        holder = etree.Element("holder")
        if not self.tree.subject:
            holder.extend(self._row(node) for node in self.tree.rows)
            _annotated(holder, self.tree.remarks)
            return holder
        root = etree.SubElement(holder, "SubjectData", SubjectKey=writable(self.tree.subject))
        if self.tree.site:
            etree.SubElement(root, "SiteRef", LocationOID=location_oid(self.tree.site))
        for (event, key), forms in self.tree.events.items():
            visit = etree.SubElement(root, "StudyEventData", StudyEventOID=event)
            if key:
                visit.set("StudyEventRepeatKey", key)
            for (form, form_key), rows in forms.items():
                filled = etree.SubElement(visit, "ItemGroupData", ItemGroupOID=form, ItemGroupRepeatKey=form_key)
                filled.extend(self._row(node) for node in rows)
        self._said(root, self.tree.remarks)
        return holder

    def _row(self, node: RowNode) -> etree._Element:
        root = etree.Element("ItemGroupData", ItemGroupOID=node.place.group, ItemGroupRepeatKey=node.place.group_key)
        for item in node.all_items:
            made = _item(item)
            self._said(made, node.about_items.get(item.oid, []))
            root.append(made)
        self._said(root, node.remarks)
        return root

    def _said(self, parent: etree._Element, remarks: list[Remark]) -> None:
        """Annotations, then queries with their threads."""
        threads: dict[str, _Thread] = {}
        others = []
        for one in remarks:
            flags = dict(one.flags)
            if flags["entity"] == "query":
                threads[flags["id"]] = _Thread(one)
            elif flags["entity"] == "message" and flags.get("query") in threads:
                threads[flags["query"]].steps.append(one)
            else:
                others.append(one)
        _annotated(parent, others)
        for thread in threads.values():
            self._query(parent, thread)

    def _query(self, parent: etree._Element, thread: _Thread) -> None:
        flags = dict(thread.query.flags)
        by_system = flags.get("query_kind") == "system"
        by = flags.get("opened_by", "")
        source = "System" if by_system else "Site Monitor" if by in self.monitors else "Data Management"
        steps = [dict(one.flags) for one in thread.steps]
        last = max((one.get("at", "") for one in steps), default="")
        made = etree.SubElement(
            parent, "Query", OID=f"Q.{flags['id']}", Source=source, State=STATES[flags.get("state", "open")],
            Type="System" if by_system else "Manual",
            LastUpdateDatetime=max(last, flags.get("opened_at", ""), flags.get("closed_at", "")) or self.at,
        )  # fmt: skip
        if target := flags.get("column") or flags.get("subject"):
            made.set("Target", writable(target))
        if rule := flags.get("rule"):
            made.set("Name", writable(rule))
        etree.SubElement(made, "Value").text = writable(thread.query.comment)
        site = flags.get("site", "") or self.tree.site
        for step, one in zip(steps, thread.steps, strict=True):
            self.survey.users.setdefault((step.get("author", ""), False))
            self.survey.locations.setdefault(site, {})[self.tree.version] = self.at[:10]
            record = etree.SubElement(made, "AuditRecord")
            etree.SubElement(record, "UserRef", UserOID=user_oid(step.get("author", "")))
            etree.SubElement(record, "LocationRef", LocationOID=location_oid(site))
            etree.SubElement(record, "DateTimeStamp").text = step.get("at") or self.at
            etree.SubElement(record, "ReasonForChange").text = writable(f"{step.get('step', '')}: {one.comment}")


def _item(item: Item) -> etree._Element:
    made = etree.Element("ItemData", ItemOID=writable(item.oid))
    if item.value is not None:
        etree.SubElement(made, "Value").text = writable(item.value)
    elif item.kind != "Context":
        made.set("IsNull", "Yes")
    return made


def _annotated(parent: etree._Element, remarks: list[Remark]) -> None:
    for number, one in enumerate(remarks, start=1):
        made = etree.SubElement(parent, "Annotation", SeqNum=str(number))
        if one.comment:
            translated(made, (("en", one.comment),), "Comment")
        for name, value in one.flags:
            flag = etree.SubElement(made, "Flag")
            etree.SubElement(flag, "FlagValue", CodeListOID=flag_codes(name)).text = writable(value)
            etree.SubElement(flag, "FlagType", CodeListOID="CL.flag").text = name
