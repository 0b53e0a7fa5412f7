"""Reads our own ODM 1.3.2 files, transactional or snapshot, change by change; hostile XML is refused unread."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from lxml import etree

from theratrial.errors import InputError, Problem, Problems
from theratrial.exchange.odm.layout import Layout
from theratrial.exchange.odm.metadata import SIMULATED
from theratrial.exchange.odm.parsed import ElementReader, local
from theratrial.exchange.odm.told import Told
from theratrial.exchange.odm.vocabulary import (
    ALIAS_IN_FORCE,
    ALIAS_LAYOUT,
    ALIAS_PROTOCOL,
    LAYOUT_VERSION,
    NAMESPACE_13,
    NAMESPACE_20,
    SOURCE_SYSTEM,
)

MOST_PROBLEMS: Final = 100
_HEAD_BYTES: Final = 1 << 16
_SAFE: Final = {
    "resolve_entities": False, "no_network": True, "load_dtd": False, "dtd_validation": False, "huge_tree": False,
    "remove_comments": True, "remove_pis": True,
}  # fmt: skip
Opened = Callable[[], BinaryIO]


@dataclass(frozen=True, slots=True)
class VersionHead:
    """A version of the protocol that a file speaks of."""

    oid: str
    sha256: str
    in_force: bool


@dataclass(slots=True)
class Head:
    """What a file says of itself."""

    transactional: bool
    at: str
    software: str
    simulated: bool = False
    study_oid: str = ""
    versions: list[VersionHead] = field(default_factory=list)


def safe_iterparse(stream: BinaryIO, events: tuple[str, ...]) -> Iterator[tuple[str, etree._Element]]:
    """Elements of an XML file as they come. Entities, document types and other encodings than UTF-8 are refused.

    Raises
    ------
    InputError
        The file is not well-formed, too deep, or holds a document type.
    """
    head = stream.read(_HEAD_BYTES)
    stream.seek(0)
    if not head.strip():
        raise InputError("the file is empty; give an ODM file")
    if b"<!DOCTYPE" in head or b"<!ENTITY" in head:
        raise InputError("the file holds a document type (DOCTYPE), which ODM does not have; it was not read further")
    if head[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\x00" in head:
        raise InputError("the file is not UTF-8; ODM files of this software are")
    try:
        for event, element in etree.iterparse(stream, events=events, **_SAFE):
            tree = element.getroottree()
            if tree.docinfo.doctype:
                raise InputError("the file holds a document type (DOCTYPE), which ODM does not have")
            yield event, element
    except etree.XMLSyntaxError as error:
        line = error.lineno or 0
        raise InputError(
            f"line {line}: the file is no sound XML ({error.msg}); export it again, nothing was taken in"
        ) from None


class OdmFile:
    """A file of ours. Read it as often as needed: it is walked anew each time, with little memory.

    Parameters
    ----------
    opened
        Gives the file's bytes from their beginning.
    """

    def __init__(self, opened: Opened) -> None:
        self._opened = opened

    def head(self) -> Head:
        """What the file says of itself, without its data.

        Raises
        ------
        InputError
            It is no ODM 1.3.2 file of this software, or one of a newer version.
        """
        head: Head | None = None
        with self._opened() as stream:
            for event, element in safe_iterparse(stream, ("start", "end")):
                name = local(element)
                if head is None:
                    head = _root_head(element)
                elif event == "start" and name == "Study":
                    head.study_oid = head.study_oid or element.get("OID", "")
                elif event == "end" and name == "MetaDataVersion":
                    head.versions.append(_version_head(element))
                elif event == "start" and name in ("ReferenceData", "ClinicalData"):
                    break
        if head is None:
            raise InputError("the file holds no element")
        if not head.versions:
            raise InputError("the file holds no MetaDataVersion; only whole exports of this software are taken in")
        return head

    def told(self, layouts: Mapping[str, Layout], study_oid: str) -> Iterator[Told]:
        """Everything that the file tells, in its order.

        Raises
        ------
        Problems
            After the last element: all that is wrong, with its lines.
        InputError
            See `head`.
        """
        head = self.head()
        found = _Problems()
        reader = ElementReader(layouts, head.transactional, head.at, found.report)
        self._versions_checked(head, layouts, study_oid, found)
        with self._opened() as stream:
            version = ""
            for event, element in safe_iterparse(stream, ("start", "end")):
                name = local(element)
                if event == "start":
                    if name in ("ClinicalData", "ReferenceData"):
                        version = _version(element, layouts, study_oid, found)
                    continue
                if name == "SubjectData" and version:
                    yield from reader.subject(element, version)
                elif name == "ReferenceData" and version:
                    yield from reader.reference(element, version)
                if name in ("SubjectData", "ReferenceData", "ClinicalData", "Study", "AdminData"):
                    _forgotten(element)
        found.raised()

    @staticmethod
    def _versions_checked(head: Head, layouts: Mapping[str, Layout], study_oid: str, found: _Problems) -> None:
        if head.study_oid != study_oid:
            found.add("Study", f"the file is of study {head.study_oid!r}", f"this site runs {study_oid!r}")
        for one in head.versions:
            mine = layouts.get(one.oid)
            if mine is None or mine.sha256 != one.sha256:
                said = f"protocol version {one.oid} (SHA-256 {one.sha256[:16]}...) is not in this site"
                found.add("MetaDataVersion", said, "load that protocol file first")


@dataclass(slots=True)
class _Problems:
    problems: list[Problem] = field(default_factory=list)
    more: int = 0

    def report(self, element: etree._Element, message: str, remedy: str) -> None:
        self.add(f"line {element.sourceline}", message, remedy)

    def add(self, place: str, message: str, remedy: str) -> None:
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(Problem(place, message, remedy))
        else:
            self.more += 1

    def raised(self) -> None:
        if self.more:
            self.problems.append(Problem("file", f"{self.more} more problems"))
        if self.problems:
            raise Problems("ODM file", self.problems)


def _root_head(root: etree._Element) -> Head:
    namespace = str(root.tag).rpartition("}")[0].removeprefix("{")
    version = root.get("ODMVersion", "")
    if namespace == NAMESPACE_20:
        raise InputError(
            "this is an ODM 2.0 file, which is for exchange with others; what is taken in is ODM 1.3.2: "
            "export the trial again with --odm 1.3.2"
        )
    if local(root) != "ODM" or namespace != NAMESPACE_13:
        raise InputError(
            f"the first element is {str(root.tag)[:80]!r}; an ODM 1.3.2 file begins with ODM of {NAMESPACE_13}"
        )
    if version != "1.3.2":
        raise InputError(f"ODMVersion is {version[:20]!r}; this software reads 1.3.2. Export the trial with it")
    if root.get("SourceSystem") != SOURCE_SYSTEM:
        got = root.get("SourceSystem", "")[:40]
        raise InputError(f"the file comes from {got!r}; only exports of {SOURCE_SYSTEM} are taken in")
    kind = root.get("FileType")
    if kind not in ("Transactional", "Snapshot"):
        raise InputError(f"FileType is {kind!r}; it is Transactional or Snapshot")
    if root.get("Granularity") != "All":
        raise InputError("the file holds a part of the trial (Granularity); only a whole export can be taken in")
    return Head(
        transactional=kind == "Transactional",
        at=root.get("CreationDateTime", ""),
        software=root.get("SourceSystemVersion", ""),
        simulated=root.get("Description") == SIMULATED.strip(),
    )


def _version_head(element: etree._Element) -> VersionHead:
    aliases = {one.get("Context"): one.get("Name", "") for one in element.iter(f"{{{NAMESPACE_13}}}Alias")}
    layout = aliases.get(ALIAS_LAYOUT, "")
    if not layout.isdigit():
        raise InputError("the file does not say its layout; it is no export of this software, or was altered")
    if int(layout) > LAYOUT_VERSION:
        raise InputError(
            f"the file has layout {layout}, this software knows up to {LAYOUT_VERSION}: it comes from a newer version. "
            "Update this one; nothing was taken in"
        )
    return VersionHead(element.get("OID", ""), aliases.get(ALIAS_PROTOCOL, ""), aliases.get(ALIAS_IN_FORCE) == "yes")


def _version(element: etree._Element, layouts: Mapping[str, Layout], study_oid: str, found: _Problems) -> str:
    """The version of the protocol of some data; empty where there is no such version or it is another study's."""
    oid, study = element.get("MetaDataVersionOID", ""), element.get("StudyOID", "")
    if study != study_oid:
        found.report(element, f"{local(element)} of study {study!r}", f"this site runs {study_oid!r}")
    elif oid not in layouts:
        found.report(element, f"unknown protocol version {oid!r}", "load that protocol file first")
    else:
        return oid
    return ""


def _forgotten(element: etree._Element) -> None:
    """Free what was read: an element that is done, and those before it."""
    element.clear()
    parent = element.getparent()
    while parent is not None and element.getprevious() is not None:
        del parent[0]


def first_difference(one: Opened, other: Opened, *, words: bool = True) -> str:
    """Where two ODM files differ in elements, attributes or text; empty where they do not. Layout does not count.

    Parameters
    ----------
    words
        Whether the metadata count too, and the version of the software, whose words they are.
    """
    with one() as left, other() as right:
        walks = (_walk(left, words=words), _walk(right, words=words))
        while True:
            a, b = next(walks[0], None), next(walks[1], None)
            if a is None and b is None:
                return ""
            if a is None or b is None or a[1:] != b[1:]:
                return f"line {(a or b or (0,))[0]}: {_shown(a)} against {_shown(b)}"


Step = tuple[int, str, tuple[tuple[str, str], ...], str]


def _walk(stream: BinaryIO, *, words: bool) -> Iterator[Step]:
    within_study = False
    for event, element in safe_iterparse(stream, ("start", "end")):
        name = local(element)
        if event == "start":
            within_study = within_study or name == "Study"
            continue
        if words or not within_study:
            text = element.text if element.text and element.text.strip() else ""
            told = tuple(sorted((str(k), str(v)) for k, v in element.items() if words or k != "SourceSystemVersion"))
            yield element.sourceline or 0, name, told, text
        within_study = within_study and name != "Study"
        parent = element.getparent()
        if parent is not None and local(parent) in ("ODM", "ClinicalData"):
            _forgotten(element)


def _shown(step: Step | None) -> str:
    if step is None:
        return "the end"
    attributes = " ".join(f'{name}="{value[:40]}"' for name, value in step[2][:4])
    return f"<{step[1]} {attributes}>{step[3][:40]}"
