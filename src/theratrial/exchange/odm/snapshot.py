"""ODM 1.3.2, snapshot: the rows that count, as they stand, with queries and verifications as annotations."""

from __future__ import annotations

import hashlib
import io
import shutil
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import BinaryIO

from lxml import etree

from theratrial.exchange.odm.elements import item_element, remark
from theratrial.exchange.odm.layout import Layout
from theratrial.exchange.odm.metadata import Survey, admin, location_oid, study
from theratrial.exchange.odm.told import Remark, Told
from theratrial.exchange.odm.transactional import DECLARATION, opened, root_opened
from theratrial.exchange.odm.tree import RowNode, SubjectTree, subject_trees
from theratrial.exchange.odm.vocabulary import NAMESPACE_13, writable


@dataclass(frozen=True, slots=True)
class About:
    """What a snapshot is of.

    Parameters
    ----------
    in_force
        OID of the version of the protocol in force.
    at
        Instant of the state: that of the last change it shows. No file holds the moment of writing.
    """

    in_force: str
    at: str
    software: str
    simulated: bool = False
    whole: bool = True
    """Whether it is the whole trial; a part says so, and is not taken in as a trial."""

    @property
    def granularity(self) -> str:
        """What ODM calls the extent of the file; it has no word for some of the sites."""
        return "All" if self.whole else ""


Bodies = dict[str, BinaryIO]
"""Version -> what is written of it so far."""


def snapshot_odm(subjects: Iterable[Iterable[Told]], layouts: Mapping[str, Layout], about: About) -> bytes:
    """The whole file in memory; see `snapshot_written`."""
    out = io.BytesIO()
    snapshot_written(out, subjects, layouts, about)
    return out.getvalue()


def snapshot_written(
    out: BinaryIO,
    subjects: Iterable[Iterable[Told]],
    layouts: Mapping[str, Layout],
    about: About,
    scratch: Callable[[], BinaryIO] = io.BytesIO,
) -> None:
    """Write the state to `out`.

    Parameters
    ----------
    subjects
        Of each subject what is told of her, and of what belongs to nobody; see `tree.subject_trees`.
    """
    survey, known = Survey(last_at=about.at), dict(layouts)
    with ExitStack() as stack:
        reference: Bodies = {}
        clinical: Bodies = {}
        for told in subjects:
            for tree in subject_trees(told, known):
                surveyed(survey, tree, about.at)
                bodies, element = (clinical, _subject(tree)) if tree.subject else (reference, _reference(tree, known))
                if tree.version not in bodies:
                    bodies[tree.version] = stack.enter_context(scratch())
                etree.indent(element)
                bodies[tree.version].write(etree.tostring(element, encoding="utf-8") + b"\n")
        survey.versions.setdefault(about.in_force)
        used = {oid: layout for oid, layout in layouts.items() if oid in survey.versions}
        out.write(DECLARATION)
        study_oid = used[about.in_force].study_oid
        root = root_opened(
            NAMESPACE_13, "Snapshot", f"{study_oid}.snapshot.{digest_of(study_oid, about.at)}", about.at,
            about.software, simulated=about.simulated, granularity=about.granularity,
        )  # fmt: skip
        out.write(root)
        heads = (
            study(used.values(), about.in_force, simulated=about.simulated),
            admin(survey, study_oid, used, about.in_force),
        )
        for head in heads:
            etree.indent(head)
            out.write(etree.tostring(head, encoding="utf-8") + b"\n")
        _bodies_copied(out, used, reference, clinical)
    out.write(b"</ODM>\n")


def _bodies_copied(out: BinaryIO, used: Mapping[str, Layout], reference: Bodies, clinical: Bodies) -> None:
    for name, bodies in (("ReferenceData", reference), ("ClinicalData", clinical)):
        for oid, layout in used.items():
            if oid not in bodies:
                continue
            element = etree.Element(name, StudyOID=layout.study_oid, MetaDataVersionOID=oid)
            if name == "ClinicalData":
                out.write(opened(element) + b"\n")
            bodies[oid].seek(0)
            shutil.copyfileobj(bodies[oid], out, 1 << 20)
            if name == "ClinicalData":
                out.write(b"</ClinicalData>\n")


def digest_of(study_oid: str, at: str) -> str:
    """What tells one state from another."""
    return hashlib.sha256(f"{study_oid}|{at}".encode()).hexdigest()[:16]


def surveyed(survey: Survey, tree: SubjectTree, at: str) -> None:
    """What the head must name of a subject."""
    survey.versions.setdefault(tree.version)
    survey.locations.setdefault(tree.site, {})[tree.version] = at[:10]


def _subject(tree: SubjectTree) -> etree._Element:
    root = etree.Element("SubjectData", SubjectKey=writable(tree.subject))
    if tree.site:
        etree.SubElement(root, "SiteRef", LocationOID=location_oid(tree.site))
    _remarks(root, tree.remarks)
    for (event, key), forms in tree.events.items():
        visit = etree.SubElement(root, "StudyEventData", StudyEventOID=event)
        if key:
            visit.set("StudyEventRepeatKey", key)
        for (form, form_key), rows in forms.items():
            filled = etree.SubElement(visit, "FormData", FormOID=form, FormRepeatKey=form_key)
            filled.extend(_row(row) for row in rows)
    return root


def _reference(tree: SubjectTree, layouts: Mapping[str, Layout]) -> etree._Element:
    root = etree.Element(
        "ReferenceData", StudyOID=layouts[tree.version].study_oid, MetaDataVersionOID=tree.version
    )  # fmt: skip
    root.extend(_row(row) for row in tree.rows)
    if tree.remarks:
        _remarks(etree.SubElement(root, "Annotations"), tree.remarks)
        for number, annotation in enumerate(root[-1], start=1):
            annotation.set("ID", f"AN.{number}")
    return root


def _row(node: RowNode) -> etree._Element:
    root = etree.Element("ItemGroupData", ItemGroupOID=node.place.group, ItemGroupRepeatKey=node.place.group_key)
    _remarks(root, node.remarks)
    for item in node.all_items:
        made = item_element(item, transactional=False)
        if item.kind == "Context":
            del made.attrib["IsNull"]
        _remarks(made, node.about_items.get(item.oid, []))
        root.append(made)
    return root


def _remarks(parent: etree._Element, remarks: list[Remark]) -> None:
    for number, one in enumerate(remarks, start=1):
        remark(parent, one, number, transactional=False)
