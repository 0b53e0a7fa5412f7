"""YAML files as plain values with the line of every key; all that is wrong is told at once.

Only what a person writes by hand is read: mappings, lists, text, numbers, ``true``/``false``, dates, nothing. Anchors,
aliases and tags are refused: they hide text from the reader, and aliases can blow up (a "billion laughs" file).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Final, TypeVar, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from theratrial.errors import Problem, Problems

MAXIMUM_BYTES: Final = 2_000_000
MAXIMUM_DEPTH: Final = 40

PathKey = tuple[str | int, ...]
Plain = dict[str, Any] | list[Any] | str | int | float | bool | None

# The booleans, numbers and dates of YAML 1.2. YAML 1.1 would read the key `on` as true and 1:30 as 90.
_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,18}")
_NUMBER: Final = re.compile(r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+)([eE][-+]?[0-9]{1,3})?")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Document:
    """A file's content as plain values, and the line on which each key or list entry stands."""

    name: str
    value: Plain
    lines: Mapping[PathKey, int]

    def line(self, path: PathKey) -> int:
        """Line of a path, or of the nearest thing above it that stands in the file."""
        known = path
        while known and known not in self.lines:
            known = known[:-1]
        return self.lines.get(known, 1)

    def place(self, path: PathKey) -> str:
        """File, line and path."""
        return f"{self.name} line {self.line(path)}" + (f", {dotted(path)}" if path else "")


def dotted(path: PathKey) -> str:
    """A path as a person writes it: ``conflicts[2].title``."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def suggestion(got: str, known: tuple[str, ...]) -> str:
    """``did you mean 'x'?``, the possible keys, or both."""
    close = get_close_matches(got, known, n=1, cutoff=0.6)
    listed = ", ".join(known[:12]) + (" ..." if len(known) > 12 else "")
    return f"did you mean '{close[0]}'?" if close else f"known: {listed}" if known else ""


def read_document(path: Path) -> Document:
    """Read a YAML file into plain values.

    Raises
    ------
    Problems
        The file cannot be read, is no UTF-8, is too large or too deep, is no YAML, repeats a key, or uses anchors,
        aliases or tags; each with its line.
    """
    name = str(path)
    try:
        with path.open("rb") as stream:
            content = stream.read(MAXIMUM_BYTES + 1)
    except IsADirectoryError:
        raise _single(name, "is a folder, a YAML file is expected", "give the file in it") from None
    except OSError as error:
        raise _single(
            name, f"cannot be read: {error.strerror or error}", "check the path and who may read it"
        ) from None
    except ValueError as error:
        raise _single(name, f"cannot be read: {error}", "check the path") from None
    return parse_document(content, name)


def parse_document(content: bytes, name: str) -> Document:
    """Like `read_document`, for bytes already read; `name` stands in the messages."""
    if len(content) > MAXIMUM_BYTES:
        raise _single(
            name, f"is larger than {MAXIMUM_BYTES} bytes", "a trial's file is far smaller; is it the right one?"
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise _single(f"{name} line {line}", "is not UTF-8 text", "save the file with encoding UTF-8") from None
    loader_class = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    problems: list[Problem] = []
    try:
        _check_events(text, name, loader_class, problems)
        if problems:
            raise Problems(name, problems)
        root = yaml.compose(text, Loader=loader_class)
    except yaml.YAMLError as error:
        raise _yaml_problem(error, name) from None
    if root is None:
        raise _single(name, "is empty", "start from the templates of `theratrial init`")
    lines: dict[PathKey, int] = {(): root.start_mark.line + 1}
    value = _plain(root, (), lines, problems, name)
    if problems:
        raise Problems(name, problems)
    return Document(name, value, lines)


def _single(place: str, message: str, remedy: str) -> Problems:
    return Problems(place.split(" line ")[0], [Problem(place, message, remedy)])


def _yaml_problem(error: yaml.YAMLError, name: str) -> Problems:
    mark = getattr(error, "problem_mark", None)
    what = getattr(error, "problem", None) or getattr(error, "reason", None) or "cannot be parsed"
    place = f"{name} line {mark.line + 1}, column {mark.column + 1}" if mark else name
    remedy = "check the indentation, and put text with a colon, # or quotes into '...'"
    return Problems(name, [Problem(place, f"is not valid YAML: {what}", remedy)])


def _check_events(text: str, name: str, loader_class: Any, problems: list[Problem]) -> None:
    """Refuse what hides or multiplies text, before anything is built."""
    depth = documents = 0
    for event in yaml.parse(text, Loader=loader_class):
        place = f"{name} line {event.start_mark.line + 1}" if event.start_mark else name
        anchor, tag = getattr(event, "anchor", None), getattr(event, "tag", None)
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents == 2:
                problems.append(Problem(place, "a second document starts (---)", "keep one document in the file"))
        if isinstance(event, yaml.AliasEvent):
            problems.append(Problem(place, f"alias *{anchor}", "write the value out"))
        elif anchor:
            problems.append(Problem(place, f"anchor &{anchor}", "remove it; aliases are not read"))
        if tag and tag != "!":
            problems.append(Problem(place, f"tag {tag}", "remove it; only plain values are read"))
        if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            depth += 1
            if depth > MAXIMUM_DEPTH:
                problems.append(Problem(place, f"nested deeper than {MAXIMUM_DEPTH} levels", "flatten it"))
                return
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            depth -= 1
        if len(problems) >= 20:
            return


def _plain(node: yaml.Node, path: PathKey, lines: dict[PathKey, int], problems: list[Problem], name: str) -> Plain:
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node, path, problems, name)
    if isinstance(node, yaml.SequenceNode):
        entries = []
        for index, entry in enumerate(node.value):
            lines[(*path, index)] = entry.start_mark.line + 1
            entries.append(_plain(entry, (*path, index), lines, problems, name))
        return entries
    mapping: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            problems.append(Problem(f"{name} line {line}", "a key is a list or mapping", "use a plain name"))
            continue
        key = str(key_node.value)
        if key in mapping:
            first = lines[(*path, key)]
            problems.append(
                Problem(
                    f"{name} line {line}, {dotted((*path, key))}",
                    f"key '{key}' stands twice (first on line {first})",
                    "keep one of them",
                )
            )
            continue
        lines[(*path, key)] = line
        mapping[key] = _plain(value_node, (*path, key), lines, problems, name)
    return mapping


def _scalar(node: yaml.ScalarNode, path: PathKey, problems: list[Problem], name: str) -> Plain:
    text: str = node.value
    if node.style:  # quoted or block: text; a plain scalar has style None or '', depending on the parser
        return text
    if text in ("", "~", "null"):
        return None
    if text in ("true", "false"):
        return text == "true"
    if _INTEGER.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text):
        number = float(text)
        if number in (float("inf"), float("-inf")):
            place = f"{name} line {node.start_mark.line + 1}, {dotted(path)}"
            problems.append(Problem(place, f"number {text} is too large", "write a finite number"))
            return 0.0
        return number
    if _DATE.fullmatch(text):
        try:
            date.fromisoformat(text)
        except ValueError:
            place = f"{name} line {node.start_mark.line + 1}, {dotted(path)}"
            problems.append(
                Problem(
                    place, f"there is no date {text}", "write a Gregorian date as YYYY-MM-DD, or quote it if it is text"
                )
            )
    return text


def validated(model: type[ModelT], document: Document, what: str) -> ModelT:
    """The document as a value of `model`, checked strictly: a number in quotes is not a number.

    Raises
    ------
    Problems
        Every key that is unknown, missing or of the wrong type, with its line, its path and what is allowed.
    """
    if not isinstance(document.value, dict):
        raise Problems(
            document.name,
            [
                Problem(
                    document.place(()), f"is no {what}: a mapping of keys is expected", "start with `key: value` lines"
                )
            ],
        )
    try:
        return model.model_validate_json(json.dumps(document.value), strict=True)
    except ValidationError as error:
        problems = [_problem(model, document, one) for one in error.errors(include_url=False)]
        raise Problems(f"{document.name} is not a valid {what}", problems) from None


def _problem(model: type[BaseModel], document: Document, error: Any) -> Problem:
    path: PathKey = tuple(step for step in error["loc"] if step != "[key]")
    kind, got = error["type"], error.get("input")
    last = str(path[-1]) if path else ""
    place = document.place(path)
    if kind == "extra_forbidden":
        return Problem(place, f"unknown key '{last}'", suggestion(last, _keys_at(model, path[:-1])))
    if kind == "missing":
        return Problem(document.place(path), f"key '{last}' is missing", f"add `{last}: ...`")
    if "[key]" in error["loc"]:
        return Problem(
            place, f"'{last}' is no identifier", "use lower-case letters, digits and _, starting with a letter"
        )
    message = str(error["msg"]).removeprefix("Value error, ")
    if kind == "value_error":
        return Problem(place, message)
    shown = "a mapping" if isinstance(got, dict) else "a list" if isinstance(got, list) else repr(got)
    remedy = ""
    if kind == "literal_error" and isinstance(got, str):
        allowed = tuple(re.findall(r"'([^']*)'", str(error.get("ctx", {}).get("expected", ""))))
        remedy = suggestion(got, allowed)
    elif kind == "string_type" and isinstance(got, int | float):
        remedy = f'if it is meant as text, put it in quotes: "{got}"'
    elif kind in ("float_type", "int_type") and isinstance(got, str):
        remedy = "write a number without quotes, with a point as decimal sign"
    return Problem(place, f"{message[:1].lower()}{message[1:]}; got {shown[:80]}", remedy)


def _keys_at(model: type[BaseModel], path: PathKey) -> tuple[str, ...]:
    """Keys that the model allows at a path; empty where none can be told."""
    here: Any = model
    for step in path:
        here = _without_none(here)
        if get_origin(here) in (dict, tuple):
            here = [one for one in get_args(here) if one is not Ellipsis][-1]
        elif _is_model(here) and step in here.model_fields:
            here = here.model_fields[str(step)].annotation
        else:
            return ()
    here = _without_none(here)
    return tuple(here.model_fields) if _is_model(here) else ()


def _without_none(annotation: Any) -> Any:
    if get_origin(annotation) in (Union, UnionType):
        return next(one for one in get_args(annotation) if one is not NoneType)
    return annotation


def _is_model(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, BaseModel)
