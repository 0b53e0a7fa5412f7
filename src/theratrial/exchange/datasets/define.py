"""Define-XML 2.1: the metadata of a package of data sets, in the order of elements that its schema asks for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, Final, cast

from lxml import etree

from theratrial.errors import InputError
from theratrial.exchange.datasets.study import StudyMetadata, instant_text
from theratrial.exchange.datasets.values import (
    Codelist,
    Comment,
    Condition,
    Dataset,
    DataType,
    ExternalCodelist,
    Method,
    Origin,
    Standard,
    Term,
    Value,
    ValueLevel,
    Variable,
    cell_text,
    digits_behind_point,
)

ODM: Final = "http://www.cdisc.org/ns/odm/v1.3"
DEF: Final = "http://www.cdisc.org/ns/def/v2.1"
XLINK: Final = "http://www.w3.org/1999/xlink"
XML: Final = "http://www.w3.org/XML/1998/namespace"
VERSION: Final = "2.1.0"
_NCI: Final = "nci:ExtCodeID"
_WITH_LENGTH: Final = frozenset({"text", "integer", "float"})
Element = Any


def define_xml(datasets: Sequence[Dataset], study: StudyMetadata, *, ending: str) -> bytes:
    """The define file of these data sets; `ending` of the files they lie in: ``json`` or ``xpt``.

    The same arguments give the same bytes.

    Raises
    ------
    InputError
        Two codelists, methods or comments have one id and differ: one of them would be lost.
    """
    root = etree.Element(f"{{{ODM}}}ODM", nsmap={None: ODM, "def": DEF, "xlink": XLINK})
    _set(
        root,
        FileType="Snapshot",
        FileOID=f"{study.oid}/{study.version_oid}/define",
        CreationDateTime=instant_text(study.made_at),
        ODMVersion="1.3.2",
        Originator=study.originator,
        SourceSystem=study.system,
        SourceSystemVersion=study.system_version,
    )
    root.set(f"{{{DEF}}}Context", "Other")
    body = _sub(root, "Study", OID=study.oid)
    globals_ = _sub(body, "GlobalVariables")
    for name, text in (
        ("StudyName", study.name),
        ("StudyDescription", study.description),
        ("ProtocolName", study.name),
    ):
        _sub(globals_, name).text = text
    version = _sub(
        body, "MetaDataVersion", OID=study.version_oid, Name=study.version_name, Description=study.version_description
    )
    version.set(f"{{{DEF}}}DefineVersion", VERSION)
    _version(version, datasets, study, ending)
    return cast(bytes, etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True))


def _version(version: Element, datasets: Sequence[Dataset], study: StudyMetadata, ending: str) -> None:
    lists = codelists(datasets)
    _standards(version, datasets, lists)
    if study.documents:
        documents = _def(version, "SupplementalDoc")
        for document in study.documents:
            _def(documents, "DocumentRef", leafID=f"LF.{document.id}")
    for one in datasets:
        for variable in (variable for variable in one.variables if variable.value_levels):
            _value_list(version, one, variable)
    for where, clause in _where_clauses(datasets).items():
        _where_clause(version, where, *clause)
    for one in datasets:
        _item_group(version, one, ending)
    for one in datasets:
        for variable in one.variables:
            _item(version, one, variable)
            for number, level in enumerate(variable.value_levels, 1):
                _value_item(version, one, variable, level, number)
    for codelist in lists:
        _codelist(version, codelist)
    for method in _methods(datasets):
        element = _sub(version, "MethodDef", OID=f"MT.{method.id}", Name=method.name, Type=method.kind)
        _described(element, method.description)
    for comment in _comments(datasets, lists):
        _described(_def(version, "CommentDef", OID=f"COM.{comment.id}"), comment.text)
    for document in study.documents:
        _leaf(version, f"LF.{document.id}", document.file, document.title)


def _set(element: Element, **attributes: str | None) -> None:
    for name, value in attributes.items():
        if value is not None and value != "":
            element.set(name, value)


def _sub(parent: Element, name: str, **attributes: str | None) -> Element:
    element = etree.SubElement(parent, f"{{{ODM}}}{name}")
    _set(element, **attributes)
    return element


def _def(parent: Element, name: str, **attributes: str | None) -> Element:
    element = etree.SubElement(parent, f"{{{DEF}}}{name}")
    _set(element, **attributes)
    return element


def _described(parent: Element, text: str, name: str = "Description") -> None:
    words = _sub(_sub(parent, name), "TranslatedText")
    words.set(f"{{{XML}}}lang", "en")
    words.text = text


def _leaf(parent: Element, identifier: str, file: str, title: str) -> None:
    leaf = _def(parent, "leaf", ID=identifier)
    leaf.set(f"{{{XLINK}}}href", file)
    _def(leaf, "title").text = title


def _standards(version: Element, datasets: Sequence[Dataset], lists: Sequence[Codelist | ExternalCodelist]) -> None:
    found: dict[str, Standard] = {one.standard.oid: one.standard for one in datasets if one.standard is not None}
    found |= {one.standard.oid: one.standard for one in lists if isinstance(one, Codelist) and one.standard is not None}
    if not found:
        return
    standards = _def(version, "Standards")
    for standard in found.values():
        _def(
            standards,
            "Standard",
            OID=standard.oid,
            Name=standard.name,
            Type=standard.kind,
            PublishingSet=standard.publishing_set or None,
            Version=standard.version,
            Status="Final",
        )


def _value_oid(one: Dataset, variable: Variable, number: int) -> str:
    return f"IT.{one.name}.{variable.name}.{number}"


def _where_oid(one: Dataset, where: Sequence[Condition]) -> str:
    said = ";".join(f"{each.variable} {each.comparator} {'|'.join(each.values)}" for each in where)
    return f"WC.{one.name}.{hashlib.sha256(said.encode()).hexdigest()[:12]}"


def _value_list(version: Element, one: Dataset, variable: Variable) -> None:
    element = _def(version, "ValueListDef", OID=f"VL.{one.name}.{variable.name}")
    for number, level in enumerate(variable.value_levels, 1):
        reference = _sub(
            element,
            "ItemRef",
            ItemOID=_value_oid(one, variable, number),
            OrderNumber=str(number),
            Mandatory="No",
            MethodOID=f"MT.{level.method.id}" if level.method else None,
        )
        _def(reference, "WhereClauseRef", WhereClauseOID=_where_oid(one, level.where))


def _where_clauses(datasets: Sequence[Dataset]) -> dict[str, tuple[Dataset, tuple[Condition, ...]]]:
    return {
        _where_oid(one, level.where): (one, level.where)
        for one in datasets
        for variable in one.variables
        for level in variable.value_levels
    }


def _where_clause(version: Element, oid: str, one: Dataset, where: Sequence[Condition]) -> None:
    element = _def(version, "WhereClauseDef", OID=oid)
    for condition in where:
        check = _sub(element, "RangeCheck", Comparator=condition.comparator, SoftHard="Soft")
        check.set(f"{{{DEF}}}ItemOID", f"IT.{one.name}.{condition.variable}")
        for value in condition.values:
            _sub(check, "CheckValue").text = value


def _item_group(version: Element, one: Dataset, ending: str) -> None:
    element = _sub(
        version,
        "ItemGroupDef",
        OID=f"IG.{one.name}",
        Name=one.name,
        Domain=one.domain or one.name,
        Repeating="Yes" if one.repeating and not one.reference_data else "No",
        IsReferenceData="Yes" if one.reference_data else "No",
        SASDatasetName=one.name,
        Purpose=one.purpose,
    )
    element.set(f"{{{DEF}}}Structure", one.structure)
    if one.standard is not None:
        element.set(f"{{{DEF}}}StandardOID", one.standard.oid)
    if one.non_standard:
        element.set(f"{{{DEF}}}IsNonStandard", "Yes")
    element.set(f"{{{DEF}}}ArchiveLocationID", f"LF.{one.name}")
    if one.comment is not None:
        element.set(f"{{{DEF}}}CommentOID", f"COM.{one.comment.id}")
    _described(element, one.label)
    for number, variable in enumerate(one.variables, 1):
        _item_reference(element, one, variable, number)
    if one.class_name:
        kind = _def(element, "Class", Name=one.class_name)
        if one.sub_class:
            _def(kind, "SubClass", Name=one.sub_class)
    file = f"{one.name.lower()}.{ending}"
    _leaf(element, f"LF.{one.name}", file, file)


def _item_reference(group: Element, one: Dataset, variable: Variable, number: int) -> None:
    reference = _sub(
        group,
        "ItemRef",
        ItemOID=f"IT.{one.name}.{variable.name}",
        OrderNumber=str(number),
        Mandatory="Yes" if variable.core == "Req" else "No",
        KeySequence=str(one.keys.index(variable.name) + 1) if variable.name in one.keys else None,
        MethodOID=f"MT.{variable.method.id}" if variable.method and _has_data(one, variable) else None,
        Role=variable.role or None,
    )
    if not _has_data(one, variable):
        reference.set(f"{{{DEF}}}HasNoData", "Yes")


def _has_data(one: Dataset, variable: Variable) -> bool:
    return any(cell is not None for cell in one.values(variable.name))


def _item(version: Element, one: Dataset, variable: Variable) -> None:
    cells = one.values(variable.name)
    element = _typed_item(
        version, f"IT.{one.name}.{variable.name}", variable.name, variable.data_type, cells, variable.significant_digits
    )
    if variable.display_format:
        element.set(f"{{{DEF}}}DisplayFormat", variable.display_format)
    if variable.comment is not None:
        element.set(f"{{{DEF}}}CommentOID", f"COM.{variable.comment.id}")
    _described(element, variable.label)
    if variable.codelist is not None:
        _sub(element, "CodeListRef", CodeListOID=f"CL.{variable.codelist.id}")
    if not _has_data(one, variable):
        _def(element, "Origin", Type="Not Available")
    elif variable.origin is not None and not _origins_below(variable):
        _origin(element, variable.origin)
    if variable.value_levels:
        _def(element, "ValueListRef", ValueListOID=f"VL.{one.name}.{variable.name}")


def _origins_below(variable: Variable) -> bool:
    """Whether every value level says its own origin, so that the variable need not."""
    return bool(variable.value_levels) and all(level.origin is not None for level in variable.value_levels)


def _value_item(version: Element, one: Dataset, variable: Variable, level: ValueLevel, number: int) -> None:
    at = one.column(variable.name)
    cells = [row[at] for row in one.rows if all(_holds(one, row, condition) for condition in level.where)]
    name = level.where[0].values[0] if level.where[0].comparator == "EQ" else variable.name
    element = _typed_item(
        version, _value_oid(one, variable, number), name, level.data_type, cells, level.significant_digits
    )
    if level.comment is not None:
        element.set(f"{{{DEF}}}CommentOID", f"COM.{level.comment.id}")
    if level.label:
        _described(element, level.label)
    if level.codelist is not None:
        _sub(element, "CodeListRef", CodeListOID=f"CL.{level.codelist.id}")
    if level.origin is not None:
        _origin(element, level.origin)


def _holds(one: Dataset, row: Sequence[Value], condition: Condition) -> bool:
    value = cell_text(row[one.column(condition.variable)])
    found = {
        "EQ": value in condition.values,
        "IN": value in condition.values,
        "NE": value not in condition.values,
        "NOTIN": value not in condition.values,
    }
    return found.get(condition.comparator, True)


def _typed_item(
    version: Element, oid: str, name: str, kind: DataType, cells: Sequence[Value], digits: int | None
) -> Element:
    length = max((len(cell_text(cell).encode()) for cell in cells if cell is not None), default=1)
    behind = digits if digits is not None else digits_behind_point(_numbers(cells))
    return _sub(
        version,
        "ItemDef",
        OID=oid,
        Name=name,
        SASFieldName=name if len(name) <= 8 and name.isidentifier() else None,
        DataType=kind,
        Length=str(length) if kind in _WITH_LENGTH else None,
        SignificantDigits=str(behind) if kind == "float" else None,
    )


def _numbers(cells: Sequence[Value]) -> Iterator[Value]:
    """Numbers, those too that stand as text in a result."""
    for cell in cells:
        if isinstance(cell, int | float):
            yield cell
        elif isinstance(cell, str):
            try:
                yield float(cell)
            except ValueError:
                continue


def _origin(parent: Element, origin: Origin) -> None:
    element = _def(parent, "Origin", Type=origin.kind, Source=origin.source or None)
    if origin.predecessor:
        _described(element, origin.predecessor)


def codelists(datasets: Sequence[Dataset]) -> tuple[Codelist | ExternalCodelist, ...]:
    """Every codelist once, lists of one id joined, sorted by id.

    Raises
    ------
    InputError
        Lists of one id have different codes or names.
    """
    found: dict[str, Codelist | ExternalCodelist] = {}
    for one in (one for data in datasets for variable in data.variables for one in _lists_of(variable)):
        known = found.get(one.id)
        found[one.id] = one if known is None else _joined(known, one)
    return tuple(found[key] for key in sorted(found))


def _lists_of(variable: Variable) -> Iterator[Codelist | ExternalCodelist]:
    for one in (variable.codelist, *(level.codelist for level in variable.value_levels)):
        if one is not None:
            yield one


def _joined(known: Codelist | ExternalCodelist, other: Codelist | ExternalCodelist) -> Codelist | ExternalCodelist:
    if known == other:
        return known
    if not isinstance(known, Codelist) or not isinstance(other, Codelist):
        raise InputError(f"two codelists have the id {known.id} -> a fault of the export")
    if (known.code, known.name, known.data_type) != (other.code, other.name, other.data_type):
        raise InputError(f"two codelists have the id {known.id}: {known.name} and {other.name}")
    terms: dict[str, Term] = {term.value: term for term in (*known.terms, *other.terms)}
    ordered = tuple(sorted(terms.values(), key=lambda term: (term.order or 0, term.value)))
    return Codelist(known.id, known.name, ordered, known.code, known.standard, known.data_type, known.comment)


def _codelist(version: Element, one: Codelist | ExternalCodelist) -> None:
    element = _sub(version, "CodeList", OID=f"CL.{one.id}", Name=one.name, DataType=one.data_type)
    if isinstance(one, ExternalCodelist):
        element.set(f"{{{DEF}}}IsNonStandard", "Yes")
        _sub(element, "ExternalCodeList", Dictionary=one.dictionary, Version=one.version)
        return
    if one.standard is not None:
        element.set(f"{{{DEF}}}StandardOID", one.standard.oid)
    else:
        element.set(f"{{{DEF}}}IsNonStandard", "Yes")
    if one.comment is not None:
        element.set(f"{{{DEF}}}CommentOID", f"COM.{one.comment.id}")
    decoded = all(term.decode for term in one.terms)
    for number, term in enumerate(one.terms, 1):
        kind = "CodeListItem" if decoded else "EnumeratedItem"
        item = _sub(element, kind, CodedValue=term.value, OrderNumber=str(number))
        if one.code and not term.code:
            item.set(f"{{{DEF}}}ExtendedValue", "Yes")
        if decoded:
            _described(item, term.decode, "Decode")
        if term.code:
            _sub(item, "Alias", Context=_NCI, Name=term.code)
    if one.code:
        _sub(element, "Alias", Context=_NCI, Name=one.code)


def _methods(datasets: Sequence[Dataset]) -> list[Method]:
    found: dict[str, Method] = {}
    for data in datasets:
        for variable in data.variables:
            own = (variable.method,) if _has_data(data, variable) else ()
            for one in (*own, *(level.method for level in variable.value_levels)):
                if one is not None and found.setdefault(one.id, one) != one:
                    raise InputError(f"two methods have the id {one.id}: {found[one.id].name} and {one.name}")
    return [found[key] for key in sorted(found)]


def _comments(datasets: Sequence[Dataset], lists: Sequence[Codelist | ExternalCodelist]) -> list[Comment]:
    all_of_them = [one.comment for one in datasets] + [one.comment for one in lists if isinstance(one, Codelist)]
    for data in datasets:
        for variable in data.variables:
            all_of_them += [variable.comment, *(level.comment for level in variable.value_levels)]
    found: dict[str, Comment] = {}
    for one in all_of_them:
        if one is not None and found.setdefault(one.id, one) != one:
            raise InputError(f"two comments have the id {one.id} -> a fault of the export")
    return [found[key] for key in sorted(found)]
