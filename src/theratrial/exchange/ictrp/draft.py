"""A record being read: values put at their paths, everything else told."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from pydantic import ValidationError

from theratrial.exchange.ictrp.elements import Node
from theratrial.registry.codes import code_list, code_of
from theratrial.registry.dates import DateProblem, Order, read_date
from theratrial.registry.imported import Imported, Unplaced
from theratrial.registry.record import RegistrationRecord
from theratrial.registry.words import RecordDate

NO_FIELD = "the record has no field for it"


@dataclass(slots=True)
class Draft:
    """The tree of a record, what found no place, and what was repaired."""

    today: date
    tree: dict[str, Any] = field(default_factory=dict)
    unplaced: list[Unplaced] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    given: frozenset[str] = frozenset()
    """Fields and groups whose exact values the file holds beside WHO's elements."""

    def put(self, path: str, value: Any) -> None:
        """A value of a field that stands once."""
        *parents, last = path.split(".")
        here = self.tree
        for step in parents:
            here = here.setdefault(step, {})
        here[last] = value

    def get(self, path: str) -> Any:
        """The value put at a path, or None."""
        here: Any = self.tree
        for step in path.split("."):
            here = here.get(step) if isinstance(here, dict) else None
        return here

    def left(self, node: Node, why: str, suggestion: str = "") -> None:
        """Tell of an element that is not in the record."""
        self.unplaced.append(Unplaced(f"line {node.line}", node.name, node.text, why, suggestion))

    def note(self, node: Node, what: str) -> None:
        """Tell of a repair."""
        self.notes.append(f"line {node.line}, {node.name}: {what}")

    def words(self, node: Node) -> str:
        """Words on one line; padding goes, and is told."""
        plain = " ".join(node.text.split())
        if "   " in "".join(node.parts).strip("\r\n") or plain != node.text:
            self.note(node, "padding by spaces or line breaks was removed")
        return plain

    def date(self, node: Node, order: Order = "day_first") -> RecordDate | None:
        """The date of an element; one that cannot be is told, and not taken."""
        if not node.text:
            return None
        try:
            return read_date(node.text, today=self.today, order=order)
        except DateProblem as problem:
            self.left(node, problem.why, problem.suggestion)
            return None

    def count(self, node: Node) -> int | None:
        """A number of participants; the sum of the groups where a registry names each (``Group A:30;Group B:30;``)."""
        if re.fullmatch(r"[0-9]{1,9}", node.text):
            return int(node.text)
        groups = re.fullmatch(r"(?:[^:;]*:\s*[0-9]{1,8}\s*;\s*)+(?:[^:;]*:\s*[0-9]{1,8}\s*)?", node.text)
        if groups:
            total = sum(int(one) for one in re.findall(r":\s*([0-9]{1,8})\s*(?:;|$)", node.text))
            self.note(node, f"'{node.text}' was added up to {total}")
            return total
        if node.text:
            self.left(node, "is not a number of participants")
        return None

    def imported(self, format_name: str) -> Imported:
        """The record; a value that no field takes is told."""
        while True:
            try:
                record = RegistrationRecord.model_validate(self.tree)
            except ValidationError as error:
                for fault in error.errors(include_url=False, include_context=False)[:1]:
                    self._refuse(fault["loc"], str(fault["msg"]))
                continue
            return Imported(record, format_name, tuple(self.unplaced), tuple(self.notes))

    def _refuse(self, place: tuple[int | str, ...], why: str) -> None:
        here: Any = self.tree
        trail: list[tuple[Any, int | str]] = []
        for step in place:
            inside = (isinstance(here, dict) and step in here) or (
                isinstance(here, list) and isinstance(step, int) and step < len(here)
            )
            if not inside:
                break
            trail.append((here, step))
            here = here[step]
        if not trail:
            raise AssertionError(f"a fault outside the tree: {place}: {why}")
        # A member of a list cannot go without moving the others: the whole list goes.
        while len(trail) > 1 and isinstance(trail[-1][0], list):
            trail.pop()
        parent, key = trail[-1]
        path = ".".join(str(step) for _, step in trail)
        self.unplaced.append(Unplaced(path, str(key), str(parent.pop(key)), f"is not taken: {why}"))


def coded(list_name: str, words: str) -> Any:
    """The code of the words, with the words where they are not the list's own.

    A word that stands in the list itself goes before the same word as WHO's summary of several codes: ``Other``.
    """
    plain = " ".join(words.split())
    entries = code_list(list_name).values()
    same = [one for one in entries if plain and plain.casefold() in (one.en.casefold(), one.fa.casefold())]
    same = same or [one for one in entries if plain and plain.casefold() == one.ictrp.casefold()]
    code = same[0].code if same else code_of(list_name, plain)
    if not code:
        return {"text": said(words)} if plain else {}
    entry = code_list(list_name)[code]
    if plain.casefold() in (entry.en.casefold(), entry.ictrp.casefold(), entry.fa.casefold()):
        return {"code": code}
    return {"code": code, "text": said(words)}


def said(words: str) -> dict[str, str]:
    """Words as a text: Persian where they hold Arabic letters and no Latin ones."""
    if words.isascii():
        return {"en": words}
    persian = re.search("[\u0621-\u06cc]", words) and not re.search("[A-Za-z]", words)
    return {"fa" if persian else "en": words}
