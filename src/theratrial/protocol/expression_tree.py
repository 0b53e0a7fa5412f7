"""The parse tree of a condition: types checked, and, or and not taken apart, the comparisons left to cel-python."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import celpy
from celpy import celtypes
from lark import Token, Tree

from theratrial.protocol.documents import suggestion
from theratrial.protocol.expressions import (
    ExpressionError,
    Outcome,
    QuantityOutcome,
    Truth,
    truth_and,
    truth_not,
    truth_or,
)
from theratrial.protocol.vocabulary import VariableType

# Each bracket adds a dozen levels; celpy visits them recursively with two Python frames a level.
MAXIMUM_DEPTH: Final = 240

_RESERVED: Final = (
    "as break const continue else for function if import let loop package namespace return var void while true false "
    "null in int uint double bool string bytes list map null_type type size has all exists exists_one filter "
    "matches startsWith endsWith contains duration timestamp dyn"
)
RESERVED_NAMES: Final = frozenset(_RESERVED.split())
"""Words of CEL that no variable may be called."""

_ORDER: Final = {"relation_lt": "<", "relation_le": "<=", "relation_gt": ">", "relation_ge": ">="}
_EQUALITY: Final = {"relation_eq": "==", "relation_ne": "!="}
_MOMENTS: Final = ("date", "datetime")
_TEXT_METHODS: Final = ("startsWith", "endsWith", "contains")
# From a level of the grammar up to the top, so that celpy can evaluate a piece on its own.
_LEVELS: Final = ("addition", "relation", "conditionaland", "conditionalor", "expr")


class Node(Protocol):
    """A part of a condition that has a truth value."""

    def outcome(self, given: Mapping[str, bool | float | str]) -> Outcome:
        """Its truth for the known values."""


@dataclass(frozen=True, slots=True)
class Joined:
    """And, or: the parts joined by Kleene's logic."""

    join: Callable[[tuple[Outcome, ...]], Outcome]
    parts: tuple[Node, ...]

    def outcome(self, given: Mapping[str, bool | float | str]) -> Outcome:
        """Every part is asked, so that the order cannot matter."""
        return self.join(tuple(part.outcome(given) for part in self.parts))


@dataclass(frozen=True, slots=True)
class Negated:
    """Not."""

    part: Node

    def outcome(self, given: Mapping[str, bool | float | str]) -> Outcome:
        """Kleene's not of the part."""
        return truth_not(self.part.outcome(given))


@dataclass(frozen=True, slots=True)
class Guard:
    """A piece of arithmetic that must be finite, and not zero where it divides."""

    program: Any
    divides: bool

    def fault(self, activation: dict[str, Any]) -> str:
        """What is wrong with its value, or nothing."""
        value = float(self.program.evaluate(activation))
        if self.divides and value == 0:
            return "division by zero"
        return "" if math.isfinite(value) else "a number out of range"


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison, a flag or a constant: evaluated by celpy once all its variables are known."""

    program: Any
    names: tuple[str, ...]
    guards: tuple[Guard, ...]

    def outcome(self, given: Mapping[str, bool | float | str]) -> Outcome:
        """Not known while a variable is missing or the arithmetic has no value."""
        missing = tuple(name for name in self.names if name not in given)
        if missing:
            return Outcome(Truth.NOT_KNOWN, missing)
        activation = {name: _cel(given[name]) for name in self.names}
        try:
            for guard in self.guards:
                if fault := guard.fault(activation):
                    return Outcome(Truth.NOT_KNOWN, reasons=(fault,))
            answer = self.program.evaluate(activation)
        except celpy.CELEvalError as error:
            return Outcome(Truth.NOT_KNOWN, reasons=(_reason(error),))
        return Outcome(Truth.MET if bool(answer) else Truth.NOT_MET)


@dataclass(frozen=True, slots=True)
class Amount:
    """Arithmetic: evaluated by celpy once all its variables are known."""

    program: Any
    names: tuple[str, ...]
    guards: tuple[Guard, ...]

    def amount(self, given: Mapping[str, bool | float | str]) -> QuantityOutcome:
        """Not known while a variable is missing or the arithmetic has no value."""
        missing = tuple(name for name in self.names if name not in given)
        if missing:
            return QuantityOutcome(None, missing)
        activation = {name: _cel(given[name]) for name in self.names}
        try:
            for guard in self.guards:
                if fault := guard.fault(activation):
                    return QuantityOutcome(None, reasons=(fault,))
            return QuantityOutcome(float(self.program.evaluate(activation)))
        except celpy.CELEvalError as error:
            return QuantityOutcome(None, reasons=(_reason(error),))


def _reason(error: celpy.CELEvalError) -> str:
    return str(error.args[0]) if error.args else "cannot be evaluated"


def _cel(value: bool | float | str) -> Any:
    if isinstance(value, bool):
        return celtypes.BoolType(value)
    return celtypes.StringType(value) if isinstance(value, str) else celtypes.DoubleType(value)


def compiled(text: str, types: Mapping[str, VariableType]) -> tuple[Node, tuple[str, ...]]:
    """The checked tree of a condition, and the names it speaks of.

    Raises
    ------
    ExpressionError
        As `theratrial.protocol.expressions.condition`.
    """
    reader, tree = _read(text, types)
    found = reader.type_of(tree)
    if found != "flag":
        raise ExpressionError(f"condition `{text}` is a {found}, not something that is true or false; compare it")
    return reader.node(tree), tuple(dict.fromkeys(reader.names_in(tree)))


def compiled_amount(text: str, types: Mapping[str, VariableType]) -> tuple[Amount, tuple[str, ...]]:
    """Like `compiled`, for arithmetic."""
    reader, tree = _read(text, types)
    found = reader.type_of(tree)
    if found != "number":
        raise ExpressionError(f"`{text}` is a {found}, not a number")
    return reader.amount(tree), tuple(dict.fromkeys(reader.names_in(tree)))


def _read(text: str, types: Mapping[str, VariableType]) -> tuple[_Reader, Tree]:
    for name in types:
        if name in RESERVED_NAMES:
            raise ExpressionError(f"a variable cannot be called '{name}': the word belongs to the expression language")
    environment = celpy.Environment()
    try:
        tree = environment.compile(text)
    except celpy.CELParseError as error:
        column = f" at column {error.column}" if error.column and error.column > 0 else " at its end"
        raise ExpressionError(
            f"condition `{text}` cannot be read{column}; write comparisons joined by && and ||, text in quotes, "
            "and a blank after a minus sign"
        ) from None
    if _depth(tree) > MAXIMUM_DEPTH:
        raise ExpressionError(f"condition `{text[:60]}...` is nested too deeply; split it or drop brackets")
    return _Reader(text, types, environment), tree


def _depth(tree: Tree) -> int:
    deepest, stack = 0, [(tree, 1)]
    while stack:
        node, level = stack.pop()
        deepest = max(deepest, level)
        stack.extend((child, level + 1) for child in node.children if isinstance(child, Tree))
    return deepest


class _Reader:
    """Walks the parse tree of one condition."""

    def __init__(self, text: str, types: Mapping[str, VariableType], environment: celpy.Environment) -> None:
        self.text = text
        self.types = types
        self.environment = environment

    def refuse(self, what: str, where: Tree | Token) -> ExpressionError:
        position = getattr(where, "column", None) or getattr(getattr(where, "meta", None), "column", None)
        column = f" (column {position})" if position else ""
        return ExpressionError(f"condition `{self.text}`{column}: {what}")

    # Types

    def type_of(self, tree: Tree) -> str:
        children = tree.children
        if tree.data == "expr" and len(children) == 3:
            raise self.refuse("`? :` is not read; join two conditions with && and ||", tree)
        if tree.data in ("conditionalor", "conditionaland") and len(children) == 2:
            word = "||" if tree.data == "conditionalor" else "&&"
            for child in children:
                self._expect(child, "flag", f"beside {word}")
            return "flag"
        if tree.data == "relation" and len(children) == 2:
            return self._relation(children[0], children[1])
        if tree.data in ("addition", "multiplication") and len(children) == 2:
            word = {"add": "+", "sub": "-", "mul": "*", "div": "/", "mod": "%"}[children[0].data[-3:]]
            if word == "%":
                raise self.refuse("`%` is not read; compare whole numbers directly", tree)
            if word == "-" and self._is_difference_in_time(tree):
                return "number"
            self._expect(children[0].children[0], "number", f"beside {word}")
            self._expect(children[1], "number", f"beside {word}")
            return "number"
        if tree.data == "unary" and len(children) == 2:
            negation = children[0].data == "unary_not"
            wanted = "flag" if negation else "number"
            self._expect(children[1], wanted, "after !" if negation else "after -")
            return wanted
        if tree.data == "primary":
            return self._primary(children[0])
        if tree.data == "member_dot_arg":
            return self._method(tree)
        if tree.data in ("member_dot", "member_index", "member_object"):
            raise self.refuse("parts of a value (a.b, a[0], a{}) are not read; declare a variable for it", tree)
        return self.type_of(children[0])

    def _expect(self, tree: Tree, wanted: str, where: str) -> None:
        found = self.type_of(tree)
        if found != wanted:
            raise self.refuse(f"a {wanted} is expected {where}, this is a {found}", tree)

    def _is_difference_in_time(self, tree: Tree) -> bool:
        """Days between two dates; hours between two instants, which are kept in seconds."""
        kinds = [self._moment_type(tree.children[0].children[0]), self._moment_type(tree.children[1])]
        if kinds == ["datetime", "datetime"]:
            tree.children = [_divided(Tree("addition", tree.children, tree.meta), "3600.0")]
            return True
        return kinds == ["date", "date"]

    def _moment_type(self, tree: Tree) -> str:
        """``date`` or ``datetime`` for a name of that type, alone or in brackets; else empty."""
        here: Any = tree
        while isinstance(here, Tree) and len(here.children) == 1:
            if here.data == "ident":
                declared = str(self.types.get(str(here.children[0]), ""))
                return declared if declared in _MOMENTS else ""
            here = here.children[0]
        return ""

    def _relation(self, left: Tree, right: Tree) -> str:
        kind = str(left.data)
        first, second = self.type_of(left.children[0]), self.type_of(right)
        if kind in _ORDER:
            if first != second or first not in ("number", *_MOMENTS):
                raise self.refuse(f"`{_ORDER[kind]}` compares numbers, this is {first} and {second}", left)
        elif kind in _EQUALITY:
            if first != second or first.startswith("list"):
                raise self.refuse(f"`{_EQUALITY[kind]}` compares equal types, this is {first} and {second}", left)
        elif second != f"list of {first}":
            raise self.refuse(f"`in` looks for a {first} in a list of {first}, this is a {second}", left)
        return "flag"

    def _primary(self, tree: Tree) -> str:
        if tree.data == "ident":
            name = tree.children[0]
            if str(name) not in self.types:
                remedy = suggestion(str(name), tuple(self.types))
                raise self.refuse(f"unknown name '{name}'; {remedy or 'no names are declared here'}", name)
            declared = self.types[str(name)]
            return "number" if declared == "integer" else declared
        if tree.data == "literal":
            return self._literal(tree)
        if tree.data == "paren_expr":
            return self.type_of(tree.children[0])
        if tree.data == "list_lit":
            found = {self.type_of(entry) for entries in tree.children for entry in entries.children}
            if len(found) != 1 or not found <= {"number", "text"}:
                raise self.refuse("a list holds one or more numbers, or one or more texts", tree)
            return f"list of {found.pop()}"
        if tree.data == "ident_arg":
            raise self.refuse(f"function {tree.children[0]}() is not read", tree)
        raise self.refuse("this is outside the expression language of protocols", tree)

    def _literal(self, tree: Tree) -> str:
        token = tree.children[0]
        if token.type in ("STRING_LIT", "MLSTRING_LIT"):
            return "text"
        if token.type == "BOOL_LIT":
            return "flag"
        if token.type in ("INT_LIT", "FLOAT_LIT"):
            digits = token.lower()
            number = float(int(digits, 16)) if "0x" in digits else float(token)
            if not math.isfinite(number):
                raise self.refuse(f"number {token} is too large", token)
            # Whole and decimal numbers cannot be compared in celpy: all of them become decimal here.
            tree.children[0] = Token.new_borrow_pos("FLOAT_LIT", repr(number), token)
            return "number"
        what = {"NULL_LIT": "null", "UINT_LIT": "an unsigned number", "BYTES_LIT": "bytes"}.get(token.type, "this")
        raise self.refuse(f"{what} is not read; a value that is missing is not known by itself", token)

    def _method(self, tree: Tree) -> str:
        subject, name = tree.children[0], str(tree.children[1])
        arguments = tree.children[2].children if len(tree.children) > 2 else []
        if name not in _TEXT_METHODS or len(arguments) != 1:
            raise self.refuse(f".{name}() is not read; known: {', '.join(_TEXT_METHODS)}, each with one text", tree)
        self._expect(subject, "text", f"before .{name}")
        self._expect(arguments[0], "text", f"in .{name}()")
        return "flag"

    # Evaluation

    def names_in(self, tree: Tree) -> list[str]:
        found = sorted(tree.find_data("ident"), key=lambda node: node.meta.start_pos)
        return [str(node.children[0]) for node in found]

    def node(self, tree: Tree) -> Node:
        """And, or, not and brackets taken apart; whatever else has a truth value is a comparison for celpy."""
        children = tree.children
        if tree.data in ("conditionalor", "conditionaland") and len(children) == 2:
            join = truth_or if tree.data == "conditionalor" else truth_and
            return Joined(join, tuple(self.node(part) for part in self._chain(tree)))
        if tree.data == "unary" and len(children) == 2 and children[0].data == "unary_not":
            return Negated(self.node(children[1]))
        single = len(children) == 1 and isinstance(children[0], Tree)
        if single and tree.data != "primary":
            return self.node(children[0])
        if tree.data == "primary" and children[0].data == "paren_expr":
            return self.node(children[0].children[0])
        return self._comparison(tree)

    def _chain(self, tree: Tree) -> list[Tree]:
        """The parts of ``a && b && c``, which the grammar nests to the left."""
        parts: list[Tree] = []
        here = tree
        while here.data == tree.data and len(here.children) == 2:
            parts.append(here.children[1])
            here = here.children[0]
        parts.append(here)
        return parts[::-1]

    def _comparison(self, tree: Tree) -> Comparison:
        return Comparison(self._program(tree), tuple(dict.fromkeys(self.names_in(tree))), self._guards(tree))

    def amount(self, tree: Tree) -> Amount:
        """The whole as arithmetic."""
        return Amount(self._program(tree), tuple(dict.fromkeys(self.names_in(tree))), self._guards(tree))

    def _guards(self, tree: Tree) -> tuple[Guard, ...]:
        arithmetic = list(tree.find_pred(_is_arithmetic))
        guards = [Guard(self._program(part.children[1]), True) for part in arithmetic if _divides(part)]
        return (*guards, *(Guard(self._program(part), False) for part in arithmetic))

    def _program(self, tree: Tree) -> Any:
        whole = tree
        names = list(_LEVELS)
        if tree.data in ("primary", "member_dot_arg"):
            whole = Tree("member", [whole], tree.meta)
        if whole.data == "member":
            whole = Tree("unary", [whole], tree.meta)
        if whole.data == "unary":
            whole = Tree("multiplication", [whole], tree.meta)
        start = names.index(whole.data) + 1 if whole.data in names else 0
        for level in names[start:]:
            whole = Tree(level, [whole], tree.meta)
        return self.environment.program(whole)


def _divided(tree: Tree, by: str) -> Tree:
    """``(tree) / by`` as the grammar would have it, a multiplication."""
    inside = tree
    for level in _LEVELS[1:]:
        inside = Tree(level, [inside], tree.meta)
    for level in ("paren_expr", "primary", "member", "unary", "multiplication", "multiplication_div"):
        inside = Tree(level, [inside], tree.meta)
    divisor = Tree("literal", [Token("FLOAT_LIT", by)], tree.meta)
    for level in ("primary", "member", "unary"):
        divisor = Tree(level, [divisor], tree.meta)
    return Tree("multiplication", [inside, divisor], tree.meta)


def _divides(tree: Tree) -> bool:
    return bool(tree.children[0].data == "multiplication_div")


def _is_arithmetic(tree: Tree) -> bool:
    return tree.data in ("addition", "multiplication") and len(tree.children) == 2
