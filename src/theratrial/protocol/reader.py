"""Read a protocol file: everything wrong in it at once, each with line, clause and remedy."""

from __future__ import annotations

import json
from datetime import datetime, time
from enum import Enum
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final, Literal

import yaml
from pydantic import BaseModel

from theratrial.errors import InputError, Problem, Problems
from theratrial.protocol.check import Finding, Severity, protocol_findings
from theratrial.protocol.clauses import ADDED_LATER
from theratrial.protocol.documents import Document, PathKey, parse_document, read_document, suggestion, validated
from theratrial.protocol.schema import SCHEMA_VERSION, Protocol
from theratrial.trace import bytes_hash

_MOST_WHOLE: Final = 1e15
_SHORT: Final = 80


def read_protocol(path: Path) -> Protocol:
    """The protocol of a YAML file, fit to be run: every key, type, condition and reference in it holds.

    Open conflicts do not hinder reading; `theratrial.protocol.check.protocol_findings` tells them.

    Raises
    ------
    Problems
        All that is wrong, each with file, line, path of the clause and remedy.
    """
    return _runnable(read_document(path))


def parse_protocol(content: bytes, name: str = "protocol.yaml") -> Protocol:
    """Like `read_protocol`, for bytes already read."""
    return _runnable(parse_document(content, name))


def _runnable(document: Document) -> Protocol:
    protocol = unchecked_protocol(document)
    errors = [finding for finding in protocol_findings(protocol) if finding.severity is Severity.ERROR]
    if errors:
        raise Problems(f"{document.name} is not a valid protocol", [located(finding, document) for finding in errors])
    return protocol


def located(finding: Finding, document: Document) -> Problem:
    """A finding as a problem with its line in the file."""
    return Problem(document.place(path_key(finding.path)), finding.message, finding.remedy)


def path_key(path: str) -> PathKey:
    """``ethics[0].reading`` as the steps of a path."""
    steps: list[str | int] = []
    for part in path.replace("[", ".[").split("."):
        if part.startswith("["):
            steps.append(int(part[1:-1]))
        elif part:
            steps.append(part)
    return tuple(steps)


def unchecked_protocol(document: Document) -> Protocol:
    """The protocol of a document, its references and conditions not yet checked.

    Raises
    ------
    Problems
        Its keys and types are not those of a protocol.
    """
    value = document.value
    if isinstance(value, dict) and "schema_version" in value and value["schema_version"] != SCHEMA_VERSION:
        # Of another version, the other keys may be other ones: only this is worth saying.
        got = value["schema_version"]
        remedy = f'write schema_version: "{SCHEMA_VERSION}" if the file is of that version'
        message = f"schema_version {got!r} is not read here; supported: {SCHEMA_VERSION}"
        raise Problems(document.name, [Problem(document.place(("schema_version",)), message, remedy)])
    return validated(Protocol, document, "protocol")


def protocol_hash(protocol: Protocol) -> str:
    """``sha256:<hex>`` of what the protocol says, whatever the layout and comments of its file."""
    content = protocol.model_dump(mode="json")
    _leave_out_added(protocol, content)
    return bytes_hash(json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode())


def stated(value: BaseModel, *, mode: Literal["json", "python"] = "json") -> Any:
    """What was stated of a protocol or a part of it, as plain data: defaults that nobody wrote are left out.

    A value that was stated stays, also where it is today's default: that of another version may differ.
    """
    return value.model_dump(mode=mode, exclude_unset=True)


def protocol_yaml(protocol: Protocol) -> str:
    """The protocol as a file that reads back to the same protocol and states what the first file stated.

    Comments and layout of the first file are lost.
    """
    content = _plain(stated(protocol, mode="python"))
    return str(yaml.dump(content, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=118))


def _plain(value: Any) -> Any:
    """Values as people write them: days unquoted, whole numbers without a fraction."""
    if isinstance(value, dict):
        return {str(key): _plain(inside) for key, inside in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(inside) for inside in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime | time):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer() and abs(value) < _MOST_WHOLE:
        return int(value)
    return value


class _Dumper(yaml.SafeDumper):
    """Writes short lists and small mappings on one line, as the shipped protocols do."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        """Nothing is written once and referred to."""
        return True

    def represent_sequence(self, tag: str, sequence: Any, flow_style: bool | None = None) -> yaml.SequenceNode:
        """A list."""
        return super().represent_sequence(tag, sequence, flow_style=_is_short(sequence) or flow_style)

    def represent_mapping(self, tag: str, mapping: Any, flow_style: bool | None = None) -> yaml.MappingNode:
        """A mapping."""
        return super().represent_mapping(tag, mapping, flow_style=_is_short(mapping) or flow_style)


def _is_short(value: Any) -> bool:
    inside = [*value, *value.values()] if isinstance(value, dict) else list(value)
    return not any(isinstance(one, dict | list) for one in inside) and sum(len(str(one)) + 2 for one in inside) < _SHORT


def _leave_out_added(value: object, content: Any) -> None:
    """Take what is marked ``ADDED_LATER`` and stands at its default out of `content`, the JSON form of `value`."""
    if isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            held = getattr(value, name)
            if ADDED_LATER in field.metadata and held == field.get_default(call_default_factory=True):
                del content[name]
            else:
                _leave_out_added(held, content[name])
    elif isinstance(value, dict):
        for held, inside in zip(value.values(), content.values(), strict=True):
            _leave_out_added(held, inside)
    elif isinstance(value, tuple):
        for held, inside in zip(value, content, strict=True):
            _leave_out_added(held, inside)


def shipped_protocol_names() -> tuple[str, ...]:
    """Names of the protocols that come with theratrial."""
    folder = resources.files("theratrial.protocol") / "data"
    return tuple(sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml")))


def shipped_protocol_bytes(name: str) -> bytes:
    """The file of a shipped protocol, comments included (a trial folder starts from it).

    Raises
    ------
    InputError
        No protocol of that name is shipped.
    """
    known = shipped_protocol_names()
    if name not in known:
        raise InputError(f"no protocol '{name}' is shipped; {suggestion(name, known)}")
    return (resources.files("theratrial.protocol") / "data" / f"{name}.yaml").read_bytes()


@cache
def shipped_protocol(name: str) -> Protocol:
    """A protocol that comes with theratrial, by its trial id.

    Raises
    ------
    InputError
        No protocol of that name is shipped.

    Examples
    --------
    >>> shipped_protocol("IRCT20210612051548N3").population.reading.sample_size
    15
    """
    return parse_protocol(shipped_protocol_bytes(name), f"{name}.yaml")
