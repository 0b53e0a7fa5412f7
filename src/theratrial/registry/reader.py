"""Read and write a registration record as YAML: everything wrong in it at once, each with line and remedy."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

from theratrial.errors import InputError, Problem, Problems
from theratrial.protocol.documents import Document, parse_document, read_document, suggestion, validated
from theratrial.registry.record import SCHEMA_VERSION, RegistrationRecord

_BREAKS: Final = re.compile("[\r\x85\u2028\u2029]")
"""Breaks of lines that YAML would give back as others where a text is not in double quotes."""
_PLAIN_WORD: Final = re.compile(r"[a-z][a-z0-9_]*")
_WORDS_OF_YAML: Final = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))


def read_registration(path: Path) -> RegistrationRecord:
    """The registration record of a YAML file.

    Raises
    ------
    Problems
        All that is wrong, each with file, line and path; two calendars that give different days among it.
    """
    return _record(read_document(path))


def parse_registration(content: bytes, name: str = "registration.yaml") -> RegistrationRecord:
    """Like `read_registration`, for bytes already read."""
    return _record(parse_document(content, name))


def registration_yaml(record: RegistrationRecord) -> str:
    """The record as YAML; reading it gives the same record.

    Only what is not empty is written, in the order of the record.
    """
    return yaml_text(record.model_dump())


def yaml_text(plain: dict[str, Any]) -> str:
    """Plain values as YAML that is read back as the same values; dates of a record on one line."""
    import yaml

    return yaml.dump(plain, Dumper=_dumper(), allow_unicode=True, sort_keys=False, width=120)


def _dumper() -> Any:
    import yaml

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  aliases are refused on reading
            return True

    def written(dumper: Any, value: str) -> Any:
        # A plain scalar that looks like a number, date or word of YAML would come back as one.
        if _PLAIN_WORD.fullmatch(value) and value not in _WORDS_OF_YAML:
            style = ""
        elif _BREAKS.search(value):
            style = '"'
        else:
            style = "|" if "\n" in value and not value.startswith(" ") else "'"
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, written)

    def mapping(dumper: Any, value: dict[str, Any]) -> Any:
        node = dumper.represent_mapping("tag:yaml.org,2002:map", value)
        node.flow_style = "gregorian" in value
        return node

    Dumper.add_representer(dict, mapping)
    Dumper.add_representer(tuple, lambda dumper, value: dumper.represent_list(list(value)))
    return Dumper


def _record(document: Document) -> RegistrationRecord:
    value = document.value
    if isinstance(value, dict) and "schema_version" in value and value["schema_version"] != SCHEMA_VERSION:
        message = f"schema_version {value['schema_version']!r} is not read here; supported: {SCHEMA_VERSION}"
        remedy = f'write schema_version: "{SCHEMA_VERSION}" if the file is of that version'
        raise Problems(document.name, [Problem(document.place(("schema_version",)), message, remedy)])
    return validated(RegistrationRecord, document, "registration record")


def shipped_registration_names() -> tuple[str, ...]:
    """Numbers of the records that come with theratrial."""
    folder = resources.files("theratrial.registry") / "data"
    return tuple(sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml")))


def shipped_registration_bytes(number: str) -> bytes:
    """The file of a shipped record (a trial folder starts from it).

    Raises
    ------
    InputError
        No record of that number is shipped.
    """
    known = shipped_registration_names()
    if number not in known:
        raise InputError(f"no registration record '{number}' is shipped; {suggestion(number, known)}")
    return (resources.files("theratrial.registry") / "data" / f"{number}.yaml").read_bytes()


@cache
def shipped_registration(number: str) -> RegistrationRecord:
    """A record that comes with theratrial, by its registration number.

    Raises
    ------
    InputError
        No record of that number is shipped.

    Examples
    --------
    >>> shipped_registration("IRCT20210612051548N3").recruitment.expected_start.jalali_derived
    '1400/11/01'
    """
    return parse_registration(shipped_registration_bytes(number), f"{number}.yaml")
