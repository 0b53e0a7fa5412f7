"""Back from USDM to the protocol: from the clauses in the extensions, checked against what stands around them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from theratrial.errors import InputError, Problem, Problems
from theratrial.exchange.usdm.making import CLAUSE_URL
from theratrial.exchange.usdm.write import ORDER, PLACED, USDM_VERSION, usdm_wrapper
from theratrial.protocol.reader import parse_protocol
from theratrial.protocol.schema import Protocol
from theratrial.registry.record import RegistrationRecord

_MOST_BYTES: Final = 50_000_000
_SHOWN: Final = 20


def read_usdm(
    content: bytes, name: str = "usdm.json", *, record: RegistrationRecord | None = None, accept_changes: bool = False
) -> Protocol:
    """The protocol of a USDM file that theratrial wrote.

    The clauses in the extensions are the protocol. What USDM says around them is written from them again and compared:
    where another program changed it, the two disagree, and neither may be taken silently.

    Parameters
    ----------
    record
        The registration record the file was written with, where there was one.
    accept_changes
        Read it all the same: the extensions hold.

    Raises
    ------
    InputError
        It is no JSON, of another version, or no file of theratrial's (it holds no clauses).
    Problems
        Clauses are missing or wrong, or the file was changed beside them.
    """
    study = _study_of(content, name)
    plain = _clauses(study, name)
    protocol = parse_protocol(json.dumps(plain, ensure_ascii=False).encode(), name)
    if not accept_changes:
        written = usdm_wrapper(protocol, record=record)["study"]
        found = list(_differences(written, study, "study"))
        if found:
            raise Problems(name, [_changed(*one) for one in found[:_SHOWN]])
    return protocol


def _study_of(content: bytes, name: str) -> dict[str, Any]:
    if len(content) > _MOST_BYTES:
        raise InputError(f"{name} has {len(content)} bytes; a protocol has at most {_MOST_BYTES}")
    try:
        wrapper = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name} is no JSON: {error}; give a file of `theratrial export usdm`") from None
    if not isinstance(wrapper, dict) or not isinstance(wrapper.get("study"), dict):
        raise InputError(f"{name} is no USDM file: it has no study at its top; give a file of `theratrial export usdm`")
    version = wrapper.get("usdmVersion")
    if version != USDM_VERSION:
        raise InputError(f"{name} is USDM {version!r}; read is {USDM_VERSION}")
    study: dict[str, Any] = wrapper["study"]
    return study


def _extensions(value: Any) -> Iterator[tuple[str, Any]]:
    """Every clause extension of the tree, without recursion: a hostile file may be as deep as it likes."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            url = one.get("url")
            if isinstance(url, str) and url.startswith(CLAUSE_URL):
                yield url.removeprefix(CLAUSE_URL), one.get("valueString")
            waiting += reversed(one.values())
        elif isinstance(one, list):
            waiting += reversed(one)


def _clauses(study: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    problems: list[Problem] = []
    for path, text in _extensions(study):
        try:
            value = json.loads(text)
        except (ValueError, TypeError, RecursionError):
            problems.append(Problem(f"clause {path}", "its extension holds no JSON", "export the protocol again"))
            continue
        part, _, key = path.partition(".")
        if path in found or (key and key in found.get(part, {})):
            problems.append(Problem(f"clause {path}", "stands twice", "keep one of the two"))
        elif key:
            found.setdefault(part, {})[key] = value
        else:
            found[part] = value
    if not found and not problems:
        raise InputError(
            f"{name} holds no clauses of theratrial; only USDM that theratrial wrote can be read back. "
            "Write a protocol file from it (`theratrial init` makes an empty one)"
        )
    order = found.pop(ORDER, None)
    problems += _arranged(found, order)
    if problems:
        raise Problems(name, problems)
    return found


def _arranged(found: dict[str, Any], order: Any) -> Iterator[Problem]:
    if not isinstance(order, dict):
        yield Problem("clause order", "is missing", "export the protocol again")
        return
    for part, keys in order.items():
        held = found.get(part, {})
        if part not in PLACED or not isinstance(keys, list) or not isinstance(held, dict) or set(keys) != set(held):
            missing = sorted(set(map(str, keys)) ^ set(held)) if isinstance(keys, list) else [str(keys)]
            yield Problem(f"clause {part}", f"{', '.join(missing)} is missing or too many", "export the protocol again")
        else:
            found[part] = {key: held[key] for key in keys}


def _differences(ours: Any, theirs: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in dict.fromkeys((*ours, *theirs)):
            yield from _differences(ours.get(key), theirs.get(key), f"{path}.{key}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for number, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from _differences(one, other, f"{path}[{number}]")
    elif ours != theirs:
        yield path, ours, theirs


def _changed(path: str, ours: Any, theirs: Any) -> Problem:
    return Problem(
        path,
        f"the file says {_short(theirs)}, the protocol's clause {_short(ours)}",
        "change the protocol's file instead and export again, or take the clauses as they stand (--accept-changes)",
    )


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:77] + "..."
