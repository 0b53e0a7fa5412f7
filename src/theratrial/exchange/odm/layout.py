"""How a version of the protocol looks as ODM: events, forms, groups, items, code lists, units.

A record table is an item group and each column an item, so that a row has one place whatever form filled it. A form of
the protocol is a form over the group of its table; its words, choices and ranges are those of the items.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from theratrial.exchange.odm.vocabulary import BESIDE_CELLS, COMMON_EVENT, ENTITIES, ENUMERATED, FLAGS, MEANINGS
from theratrial.protocol.schema import Form, Item, Protocol
from theratrial.trialfolder.checks import KnownIds, known_ids
from theratrial.trialfolder.columns import Column, Table
from theratrial.trialfolder.tables import TABLES

Words = tuple[tuple[str, str], ...]
"""(language, text), English first."""
_TYPES: Final = {
    "id": "text", "text": "text", "number": "float", "integer": "integer", "flag": "text", "date": "date",
    "datetime": "partialDatetime", "choice": "text",
}  # fmt: skip
_YES_NO: Final = "CL.yes_no"
FREE_TEXT: Final = "CL.text"


@dataclass(frozen=True, slots=True)
class ItemDef:
    """An item; `checks` are (comparator, bound)."""

    oid: str
    name: str
    type: str
    words: Words
    units: tuple[str, ...] = ()
    codes: str = ""
    checks: tuple[tuple[str, str], ...] = ()
    mandatory: bool = False
    key: int = 0


@dataclass(frozen=True, slots=True)
class GroupDef:
    """A record table; `reference` where its rows belong to no participant."""

    oid: str
    table: str
    words: Words
    items: tuple[ItemDef, ...]
    reference: bool


@dataclass(frozen=True, slots=True)
class FormDef:
    """A form of the protocol, or the plain table where no form of it fills one (`id` is then empty)."""

    oid: str
    id: str
    table: str
    words: Words


@dataclass(frozen=True, slots=True)
class EventDef:
    """A visit, a planned image, or what belongs to no visit; `forms` are (oid, whether the visit asks for it)."""

    oid: str
    id: str
    words: Words
    repeating: bool
    forms: tuple[tuple[str, bool], ...]


@dataclass(frozen=True, slots=True)
class CodeList:
    """A closed list of values with their words; without values it stands for free text."""

    oid: str
    name: str
    values: tuple[tuple[str, Words], ...]


@dataclass(frozen=True)
class Layout:
    """A version of the protocol as ODM.

    Parameters
    ----------
    sha256
        Of the protocol file.
    label
        What the version is called.
    """

    protocol: Protocol
    sha256: str
    label: str

    @property
    def oid(self) -> str:
        """OID of the MetaDataVersion."""
        return version_oid(self.sha256)

    @property
    def study_oid(self) -> str:
        """OID of the study."""
        return study_oid(self.protocol)

    @cached_property
    def forms(self) -> dict[str, FormDef]:
        """OID -> form: those of the protocol, then a plain one for each table that none fills."""
        found = [
            FormDef(f"F.{form.id}", form.id, form.table, _words(form.title, form.titles))
            for form in _forms(self.protocol)
        ]
        filled = {one.table for one in found}
        found += [
            FormDef(f"F.table.{table.name}", "", table.name, _words(table.doc, {}))
            for table in TABLES
            if table.name not in filled
        ]
        return {one.oid: one for one in found}

    @cached_property
    def form_of_table(self) -> dict[str, str]:
        """Table -> OID of the first form that fills it."""
        return {one.table: one.oid for one in reversed(self.forms.values())}

    @cached_property
    def events(self) -> dict[str, EventDef]:
        """OID -> event, the common one first."""
        anywhere = tuple((oid, False) for oid in self.forms)
        common = EventDef(
            COMMON_EVENT, "", _words("Not bound to a visit", {"fa": "بدون وابستگی به ویزیت"}), True, anywhere
        )
        # A row that names its visit in a cell can stand under any of them.
        naming = {table.name for table in TABLES if any(c.name == "visit_id" for c in table.columns)}
        also = [oid for oid, form in self.forms.items() if form.table in naming]
        found = [common]
        for name, clause in self.protocol.schedule.items():
            visit = clause.reading
            asked = [f"F.{one}" for one in visit.procedures] if visit else []
            forms = [(oid, True) for oid in asked if oid in self.forms]
            forms += [(oid, False) for oid in also if oid not in asked]
            words = _words(visit.title, visit.titles) if visit else _words(name, {})
            found.append(EventDef(f"SE.{name}", name, words, bool(visit and visit.per_session), tuple(forms)))
        for name, image in self.protocol.imaging.items():
            plan = image.reading
            words = _words(plan.title, plan.titles) if plan else _words(name, {})
            forms = [(oid, False) for oid in also]
            found.append(EventDef(f"SE.{name}", name, words, bool(plan and plan.per_session), tuple(forms)))
        return {one.oid: one for one in found}

    @cached_property
    def groups(self) -> dict[str, GroupDef]:
        """OID -> item group: one for each record table."""
        known, forms = known_ids(self.protocol), _forms(self.protocol)
        found = {}
        for table in TABLES:
            mine = [form for form in forms if form.table == table.name]
            items = tuple(_item(table, column, mine, known) for column in table.columns)
            titles = mine[0].titles if mine else {}
            words = _words(mine[0].title if mine else table.doc, titles)
            reference = not any(column.name == "participant_id" for column in table.columns)
            found[f"IG.{table.name}"] = GroupDef(f"IG.{table.name}", table.name, words, items, reference)
        return found

    @cached_property
    def beside(self) -> tuple[ItemDef, ...]:
        """Items that every group has beside its columns."""
        flags = ("incomplete", "entered_in_error", "entered_late")
        return tuple(
            ItemDef(
                f"I.record.{name}", name, kind, _words(meaning, {}),
                codes=_YES_NO if name in flags else "CL.flag.data_state" if name == "data_state" else "",
            )
            for name, (kind, meaning, _default) in BESIDE_CELLS.items()
        )  # fmt: skip

    @cached_property
    def columns(self) -> dict[str, tuple[str, ...]]:
        """Table -> its columns in order."""
        return {table.name: tuple(column.name for column in table.columns) for table in TABLES}

    @cached_property
    def units(self) -> tuple[str, ...]:
        """Every unit that an item has."""
        return tuple(
            dict.fromkeys(unit for group in self.groups.values() for item in group.items for unit in item.units)
        )

    @cached_property
    def code_lists(self) -> dict[str, CodeList]:
        """OID -> code list."""
        known, forms = known_ids(self.protocol), _forms(self.protocol)
        yes_no = (("yes", _words("Yes", {"fa": "بله"})), ("no", _words("No", {"fa": "خیر"})))
        found = [CodeList(_YES_NO, "Yes or no", yes_no)]
        for table in TABLES:
            mine = [form for form in forms if form.table == table.name]
            for column in table.columns:
                item = _filling(column, mine)
                values = _values(column, item, known)
                if values and column.type != "flag":
                    said = _value_words(self.protocol, column, item, mine)
                    listed = tuple((value, said.get(value, _words(value, {}))) for value in values)
                    found.append(CodeList(f"CL.{table.name}.{column.name}", f"{table.name}: {column.name}", listed))
        return {one.oid: one for one in (*found, *_flag_lists())}


def version_oid(sha256: str) -> str:
    """OID of the MetaDataVersion of a protocol file."""
    return f"MDV.{sha256[:16]}"


def study_oid(protocol: Protocol) -> str:
    """OID of the study."""
    reading = protocol.identity.reading
    return f"ST.{reading.trial_id if reading else 'unnamed'}"


def _flag_lists() -> list[CodeList]:
    """Code lists of the flags of annotations."""
    names = tuple((name, _words(name.replace("_", " "), {})) for name in FLAGS)
    found = [CodeList("CL.flag", "What a flag of an annotation says", names), CodeList(FREE_TEXT, "Any text", ())]
    for name, values in ENUMERATED.items():
        said = tuple((value, _words(ENTITIES.get(value, value.replace("_", " ")), {})) for value in values)
        found.append(CodeList(f"CL.flag.{name}", name.replace("_", " "), said))
    meanings = tuple((value, _words(text, {})) for value, text in MEANINGS.items())
    return [*found, CodeList("CL.flag.meaning", "Meaning of a signature", meanings)]


def _forms(protocol: Protocol) -> list[Form]:
    return [clause.reading for clause in protocol.forms.values() if clause.reading is not None]


def _words(english: str, others: Mapping[str, str]) -> Words:
    return (("en", others.get("en", english)), *((tag, text) for tag, text in sorted(others.items()) if tag != "en"))


def _filling(column: Column, forms: list[Form]) -> Item | None:
    """The one item that fills a column by itself, without a value of another column beside it."""
    found = [
        item
        for form in forms
        for item in form.items
        if (item.column or item.id) == column.name and not item.where and not item.calculated
    ]
    return found[0] if found else None


def _item(table: Table, column: Column, forms: list[Form], known: KnownIds) -> ItemDef:
    item = _filling(column, forms)
    units: tuple[str, ...] = (column.unit,) if column.unit else ()
    if table.name == "laboratory" and column.type == "number":
        asked = (one for form in forms for one in form.items if one.where)
        units = tuple(dict.fromkeys(unit for one in asked for unit in (one.unit, *one.units) if unit))
    minimum, maximum = column.minimum, column.maximum
    if item is not None and item.unit == column.unit:
        minimum = column.minimum if item.minimum is None else item.minimum
        maximum = column.maximum if item.maximum is None else item.maximum
    checks = [("GE", minimum)] if minimum is not None else []
    checks += [("LE", maximum)] if maximum is not None else []
    coded = column.type == "flag" or bool(_values(column, item, known))
    return ItemDef(
        oid=f"I.{table.name}.{column.name}",
        name=column.name,
        type=_TYPES[column.type],
        words=_words(item.label, item.labels) if item is not None else _words(column.doc, {}),
        units=units,
        codes=_YES_NO if column.type == "flag" else f"CL.{table.name}.{column.name}" if coded else "",
        checks=tuple((comparator, f"{bound:.12g}") for comparator, bound in checks),
        mandatory=column.required,
        key=table.key.index(column.name) + 1 if column.name in table.key else 0,
    )


def _values(column: Column, item: Item | None, known: KnownIds) -> tuple[str, ...]:
    """What a column may hold, where that is a closed list."""
    if column.choices:
        return column.choices
    if column.refers_to == "item":
        return tuple(known.items)
    if column.refers_to and column.refers_to not in ("participants", "batches"):
        return tuple(known.ids.get(column.refers_to, ()))
    return tuple(item.choices) if item is not None and column.type in ("text", "id") else ()


def _value_words(protocol: Protocol, column: Column, item: Item | None, forms: list[Form]) -> dict[str, Words]:
    """Value -> its words: of the form's choices, of what the form asks under that value, or of the protocol's ids."""
    found: dict[str, Words] = {}
    for form in forms:
        for one in form.items:
            value = one.where.get(column.name)
            if value is not None and one.column == "value":
                found.setdefault(value, _words(one.label, one.labels))
    for clauses in (protocol.schedule, protocol.imaging):
        for name, clause in clauses.items():
            if clause.reading is not None and column.refers_to in ("visit", "visit_or_imaging", "imaging"):
                found[name] = _words(clause.reading.title, clause.reading.titles)
    if column.refers_to == "product":
        for name, product in protocol.products.items():
            if product.reading is not None:
                found[name] = _words(product.reading.name, {})
    if item is not None:
        texts = item.choice_labels
        for value in item.choices:
            said = {tag: labels[value] for tag, labels in texts.items() if value in labels}
            if said:
                found[value] = _words(said.get("en", value), said)
    return found
