"""The definitions of data sets as a page: what define.xml says, for whoever has no program for it."""

from __future__ import annotations

from collections.abc import Sequence

from theratrial.exchange.datasets.define import codelists
from theratrial.exchange.datasets.study import StudyMetadata
from theratrial.exchange.datasets.values import (
    Codelist,
    Condition,
    Dataset,
    ExternalCodelist,
    Method,
    Origin,
    ValueLevel,
    Variable,
)
from theratrial.report.blocks import Block, Cell, Heading, Section, Table, Text
from theratrial.report.render import Head, page
from theratrial.report.texts import count

_LONGEST_LIST = 40


def definitions_page(datasets: Sequence[Dataset], study: StudyMetadata, head: Head) -> str:
    """The page: data sets, variables, codelists, methods."""
    sections = [_overview(datasets, study)]
    sections += [_section(one) for one in datasets]
    lists = codelists(datasets)
    if lists:
        sections.append(Section("codelists", "Codelists", tuple(_codelist(one) for one in lists)))
    methods = _methods(datasets)
    if methods:
        rows = tuple((Cell(one.name), Cell(one.description)) for one in methods)
        table = Table("Methods", ("Method", "How the value is made"), rows)
        sections.append(Section("methods", "Methods", (table,)))
    return page(head, sections, folded=False)


def _overview(datasets: Sequence[Dataset], study: StudyMetadata) -> Section:
    rows = tuple(
        (
            Cell(one.name),
            Cell(one.label),
            Cell(one.class_name.capitalize()),
            Cell(one.structure),
            Cell(str(len(one.rows))),
            Cell(", ".join(one.keys)),
        )
        for one in datasets
    )
    head = ("Data set", "Label", "Class", "Structure", "Records", "Keys")
    return Section(
        "datasets",
        "Data sets",
        (Text(study.version_description), Table("Data sets of the package", head, rows)),
    )


def _section(one: Dataset) -> Section:
    head = ("Variable", "Label", "Type", "Length", "Terms", "Origin", "How it is made")
    rows: list[tuple[Cell, ...]] = []
    for variable in one.variables:
        rows.append(_variable(one, variable))
        rows += [_level(variable, level) for level in variable.value_levels]
    blocks: list[Block] = []
    if one.comment is not None:
        blocks.append(Text(one.comment.text))
    if one.non_standard:
        blocks.append(Text("A data set of the sponsor's own: the guide has no domain for it."))
    blocks.append(Table(f"{one.name}: {one.structure}", head, tuple(rows)))
    return Section(f"dataset-{one.name.lower()}", f"{one.name}: {one.label}", tuple(blocks))


def _variable(one: Dataset, variable: Variable) -> tuple[Cell, ...]:
    empty = all(cell is None for cell in one.values(variable.name))
    length = "" if variable.data_type not in ("text", "integer", "float") else str(one.length(variable.name))
    return (
        Cell(variable.name),
        Cell(variable.label),
        Cell(variable.data_type),
        Cell(length),
        Cell(_terms(variable.codelist)),
        Cell("no data" if empty else _origin(variable.origin)),
        Cell("" if empty else _how(variable.method, variable.comment.text if variable.comment else "")),
    )


def _level(variable: Variable, level: ValueLevel) -> tuple[Cell, ...]:
    where = " and ".join(_condition(one) for one in level.where)
    return (
        Cell(f"{variable.name} where {where}", style="quiet"),
        Cell(level.label),
        Cell(level.data_type),
        Cell(""),
        Cell(_terms(level.codelist)),
        Cell(_origin(level.origin)),
        Cell(_how(level.method, level.comment.text if level.comment else "")),
    )


def _condition(one: Condition) -> str:
    words = {"EQ": "is", "NE": "is not", "IN": "is one of", "NOTIN": "is none of"}
    return f"{one.variable} {words.get(one.comparator, one.comparator)} {', '.join(one.values)}"


def _terms(one: Codelist | ExternalCodelist | None) -> str:
    if one is None:
        return ""
    return f"{one.dictionary} {one.version}" if isinstance(one, ExternalCodelist) else one.id


def _origin(one: Origin | None) -> str:
    if one is None:
        return ""
    said = f"{one.kind}, {one.source}" if one.source else one.kind
    return f"{said}: {one.predecessor}" if one.predecessor else said


def _how(method: Method | None, comment: str) -> str:
    return " ".join(filter(None, (method.name if method is not None else "", comment)))


def _codelist(one: Codelist | ExternalCodelist) -> Block:
    if isinstance(one, ExternalCodelist):
        return Heading(f"{one.name}: {one.dictionary} {one.version}")
    shown = one.terms[:_LONGEST_LIST]
    rows = tuple((Cell(term.value), Cell(term.decode), Cell(term.code or "sponsor's own")) for term in shown)
    more = len(one.terms) - len(shown)
    note = f"{count(more, 'further term')} in define.xml." if more else ""
    code = f" ({one.code})" if one.code else " (sponsor's own)"
    return Table(f"{one.id}: {one.name}{code}", ("Term", "Meaning", "NCI code"), rows, note=note)


def _methods(datasets: Sequence[Dataset]) -> list[Method]:
    found: dict[str, Method] = {}
    for data in datasets:
        for variable in data.variables:
            for one in (variable.method, *(level.method for level in variable.value_levels)):
                if one is not None:
                    found[one.id] = one
    return [found[key] for key in sorted(found)]
