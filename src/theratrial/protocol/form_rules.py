"""Rules on forms beyond their columns: calculated items, units, edit checks, words in other languages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from theratrial.errors import UnitError
from theratrial.protocol.documents import suggestion
from theratrial.protocol.expressions import ExpressionError, condition, quantity
from theratrial.protocol.findings import Finding, error, readings, warning
from theratrial.protocol.schema import EditCheck, Form, Item, Protocol
from theratrial.protocol.vocabulary import VariableType
from theratrial.units import factor_between

_TYPES: Final[Mapping[str, VariableType]] = {
    "number": "number",
    "integer": "integer",
    "flag": "flag",
    "date": "date",
    "datetime": "datetime",
}


def item_types(form: Form) -> dict[str, VariableType]:
    """Item -> its type in conditions; choices and texts are texts."""
    return {item.id: _TYPES.get(item.type, "text") for item in form.items}


def edit_check_types(protocol: Protocol, check: EditCheck) -> dict[str, VariableType]:
    """Every name a check may speak of: the protocol's variables, over them its `uses`, over them the form's items."""
    types: dict[str, VariableType] = {variable.id: variable.type for variable in protocol.variables}
    forms = readings(protocol.forms)
    for name, other in check.uses.items():
        types[name] = item_types(forms[other.form])[other.item]
    return types | item_types(forms[check.form])


def form_findings(protocol: Protocol) -> Iterator[Finding]:
    """Every rule of this module."""
    for key, form in readings(protocol.forms).items():
        for index, item in enumerate(form.items):
            place = f"forms.{key}.reading.items[{index}]"
            yield from _calculated(place, form, item)
            yield from _units(place, item)
            yield from _choice_labels(place, item)
            if item.suggestions and item.type != "text":
                message = f"item '{item.id}' is a {item.type} with suggestions"
                yield error("item_choices", place, message, "a text has suggestions; a choice lists its choices")
    yield from _edit_checks(protocol)
    yield from _languages(protocol)


def _calculated(place: str, form: Form, item: Item) -> Iterator[Finding]:
    if not item.calculated:
        return
    if item.type != "number" or item.column or item.where or item.units or item.shown_when:
        message = f"item '{item.id}' is calculated and has a column, further units, a condition, or is no number"
        yield error("calculated_item", place, message, "a calculated item is a number with a unit, and nothing else")
    types = item_types(form)
    typed = {one.id: types[one.id] for one in form.items if not one.calculated}
    yield from _compiled(f"{place}.calculated", quantity, item.calculated, typed)


def _units(place: str, item: Item) -> Iterator[Finding]:
    for unit in item.units:
        try:
            factor_between(unit, item.unit, item.where.get("test", ""))
        except UnitError as fault:
            yield error("item_unit", place, f"item '{item.id}': {fault}", "name units of the same quantity")


def _choice_labels(place: str, item: Item) -> Iterator[Finding]:
    for language, labels in item.choice_labels.items():
        for choice in labels:
            if choice not in item.choices:
                path = f"{place}.choice_labels.{language}"
                yield error("unknown_choice", path, f"there is no choice '{choice}'", suggestion(choice, item.choices))


def _edit_checks(protocol: Protocol) -> Iterator[Finding]:
    counts = Counter(check.id for check in protocol.edit_checks)
    forms = readings(protocol.forms)
    open_forms = {key for key, clause in protocol.forms.items() if clause.reading is None}
    for index, check in enumerate(protocol.edit_checks):
        if open_forms & {check.form, *(other.form for other in check.uses.values())}:
            continue
        place = f"edit_checks[{index}]"
        if counts[check.id] > 1:
            yield error("edit_check_twice", place, f"edit check '{check.id}' stands twice", "rename one")
        wanted = [(check.form, item) for item in check.items]
        wanted += [(other.form, other.item) for other in check.uses.values()]
        faults = [fault for form, item in wanted for fault in _asked(place, forms, form, item)]
        yield from faults
        for name in check.uses:
            if check.form in forms and name in item_types(forms[check.form]):
                message = f"'{name}' is an item of the form too"
                yield error("name_of_item", f"{place}.uses.{name}", message, "call the other answer something else")
        if not faults:
            yield from _compiled(f"{place}.condition", condition, check.condition, edit_check_types(protocol, check))


def _asked(place: str, forms: Mapping[str, Form], form: str, item: str) -> Iterator[Finding]:
    if form not in forms:
        yield error("unknown_form", place, f"there is no form '{form}'", suggestion(form, tuple(forms)))
    elif item not in item_types(forms[form]):
        known = tuple(item_types(forms[form]))
        yield error("unknown_item", place, f"form '{form}' has no item '{item}'", suggestion(item, known))


def _compiled(
    path: str, read: Callable[[str, Mapping[str, VariableType]], Any], text: str, types: Mapping[str, VariableType]
) -> Iterator[Finding]:
    try:
        read(text, types)
    except ExpressionError as fault:
        yield error("condition", path, str(fault), "see docs/methods/conditions.md")


def _languages(protocol: Protocol) -> Iterator[Finding]:
    identity = protocol.identity.reading
    if identity is None:
        return
    known = {"en", *identity.languages}
    for path, language in _words(protocol):
        if language not in known:
            message = f"there are words in '{language}', which is no language of the trial"
            yield warning("unknown_language", path, message, "add it to identity.languages, or remove them")


def _words(protocol: Protocol) -> Iterator[tuple[str, str]]:
    """Path and language of every text in a further language."""
    for group in ("schedule", "imaging", "forms", "eligibility"):
        for key, value in readings(getattr(protocol, group)).items():
            yield from ((f"{group}.{key}.reading.titles", language) for language in value.titles)
    for index, conflict in enumerate(protocol.conflicts):
        for name in ("titles", "questions"):
            yield from ((f"conflicts[{index}].{name}", language) for language in getattr(conflict, name))
    for key, form in readings(protocol.forms).items():
        for index, item in enumerate(form.items):
            for name in ("labels", "helps", "choice_labels"):
                path = f"forms.{key}.reading.items[{index}].{name}"
                yield from ((path, language) for language in getattr(item, name))
    for index, variable in enumerate(protocol.variables):
        yield from ((f"variables[{index}].labels", language) for language in variable.labels)
    for index, check in enumerate(protocol.edit_checks):
        yield from ((f"edit_checks[{index}].messages", language) for language in check.messages)
