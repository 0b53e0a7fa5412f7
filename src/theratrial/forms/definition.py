"""A form as it is drawn: its fields in order, in a language, with the units and choices that may be typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from theratrial.errors import InputError
from theratrial.protocol.clauses import ValueType
from theratrial.protocol.expressions import Condition, Quantity, condition, quantity
from theratrial.protocol.form_rules import edit_check_types, item_types
from theratrial.protocol.schema import EditCheck, Form, Item, OtherAnswer, Protocol
from theratrial.protocol.vocabulary import VariableType
from theratrial.trialfolder.checks import KnownIds, known_ids
from theratrial.trialfolder.tables import Table
from theratrial.trialfolder.tables import table as table_of

DEFAULT_LANGUAGE: Final = "en"


@dataclass(frozen=True, slots=True)
class Choice:
    """A choice: the word that is stored, and its text."""

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class Field:
    """One item, as it is asked.

    Parameters
    ----------
    unit
        Unit of `minimum`, `maximum` and of conditions.
    units
        What may be typed, `unit` first; empty where there is none to choose.
    group
        Key of the row it is kept in, where the form keeps several rows (``test=platelets``); empty for items that
        stand in every row of the form.
    shares_unit_with
        Item whose unit it has to be typed in: the result, for a limit of its reference range.
    """

    id: str
    label: str
    type: ValueType
    column: str
    unit: str = ""
    units: tuple[str, ...] = ()
    choices: tuple[Choice, ...] = ()
    required: bool = True
    minimum: float | None = None
    maximum: float | None = None
    where: Mapping[str, str] | None = None
    shown_when: Condition | None = None
    calculated: Quantity | None = None
    may_be_future: bool = False
    suggestions: tuple[str, ...] = ()
    help: str = ""
    group: str = ""
    shares_unit_with: str = ""

    @property
    def substance(self) -> str:
        """Laboratory test it belongs to, or empty."""
        return (self.where or {}).get("test", "")


@dataclass(frozen=True, slots=True)
class Check:
    """An edit check, read."""

    id: str
    items: tuple[str, ...]
    condition: Condition
    uses: Mapping[str, OtherAnswer]
    severity: str
    message: str
    when_missing: str = "wait"


@dataclass(frozen=True, slots=True)
class FormDefinition:
    """A form of a protocol in a language; make it with `form_definition`."""

    id: str
    title: str
    language: str
    table: Table
    repeats: bool
    fields: tuple[Field, ...]
    checks: tuple[Check, ...]
    known: KnownIds
    """Ids of the protocol that cells may refer to."""

    def field(self, item: str) -> Field:
        """The field of an item (KeyError if there is none)."""
        for field in self.fields:
            if field.id == item:
                return field
        raise KeyError(item)

    @property
    def keeps_units(self) -> bool:
        """Whether its rows hold the unit beside the value, so that a value stays in the unit it was reported in."""
        return self.table.name == "laboratory"

    @property
    def groups(self) -> tuple[str, ...]:
        """Keys of the rows the form keeps, in order; one empty key where it keeps one row."""
        return tuple(dict.fromkeys(field.group for field in self.fields if field.group)) or ("",)

    @property
    def outside_names(self) -> tuple[str, ...]:
        """Names its checks speak of that are no items of it: `Check.uses` and variables of the protocol."""
        items = {field.id for field in self.fields}
        spoken = dict.fromkeys(name for check in self.checks for name in check.condition.variables)
        return tuple(name for name in spoken if name not in items)


def form_ids(protocol: Protocol) -> tuple[str, ...]:
    """Forms of the protocol whose reading is settled."""
    return tuple(key for key, clause in protocol.forms.items() if clause.reading is not None)


def form_definition(protocol: Protocol, form_id: str, language: str = DEFAULT_LANGUAGE) -> FormDefinition:
    """The form, with its words in `language`, or in English where the protocol has none.

    Raises
    ------
    InputError
        There is no such form, or its clause is still open.
    """
    clause = protocol.forms.get(form_id)
    if clause is None or clause.reading is None:
        why = (
            "is still open in the protocol" if clause else f"is none of the protocol's: {', '.join(form_ids(protocol))}"
        )
        raise InputError(f"form '{form_id}' {why}")
    form = clause.reading
    return FormDefinition(
        id=form.id,
        title=form.titles.get(language, form.title),
        language=language,
        table=table_of(form.table),
        repeats=form.repeats,
        fields=tuple(_field(form, item, language) for item in form.items),
        checks=tuple(_check(protocol, check, language) for check in protocol.edit_checks if check.form == form_id),
        known=known_ids(protocol),
    )


def _field(form: Form, item: Item, language: str) -> Field:
    types = item_types(form)
    labels = item.choice_labels.get(language) or item.choice_labels.get(DEFAULT_LANGUAGE) or {}
    return Field(
        id=item.id,
        label=item.labels.get(language, item.label),
        type=item.type,
        column="" if item.calculated else item.column or item.id,
        unit=item.unit,
        units=tuple(dict.fromkeys((item.unit, *item.units))) if item.unit else (),
        choices=tuple(Choice(one, labels.get(one, one)) for one in item.choices),
        required=item.required and not item.calculated,
        minimum=item.minimum,
        maximum=item.maximum,
        where=dict(item.where),
        shown_when=_shown_when(item, types),
        calculated=quantity(item.calculated, types) if item.calculated else None,
        may_be_future=item.may_be_future,
        suggestions=item.suggestions,
        help=item.helps.get(language, item.help),
        group=_group(item),
        shares_unit_with=_shares_unit_with(form, item),
    )


def _shown_when(item: Item, types: Mapping[str, VariableType]) -> Condition | None:
    others = {name: kind for name, kind in types.items() if name != item.id}
    return condition(item.shown_when, others) if item.shown_when else None


def _group(item: Item) -> str:
    return ",".join(f"{column}={value}" for column, value in sorted(item.where.items()))


def _shares_unit_with(form: Form, item: Item) -> str:
    """A limit of a laboratory result has the result's unit: the row keeps one for all three."""
    if not item.where or item.column == "value":
        return ""
    same = (one for one in form.items if one.where == item.where and one.column == "value")
    return next((one.id for one in same), "")


def _check(protocol: Protocol, check: EditCheck, language: str) -> Check:
    return Check(
        id=check.id,
        items=check.items,
        condition=condition(check.condition, edit_check_types(protocol, check)),
        uses=check.uses,
        severity=check.severity,
        when_missing=check.when_missing,
        message=check.messages.get(language, check.message),
    )
