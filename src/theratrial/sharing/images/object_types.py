"""Type (1, 1C, 2, 2C, 3) of an element in its object, from the copy of DICOM PS3.3 that highdicom carries."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def _standard(name: str) -> dict[str, Any]:
    text = files("highdicom").joinpath("_standard", f"{name}.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


@cache
def _types(sop_class_uid: str) -> dict[tuple[str, ...], str]:
    """Path of keywords -> the strictest type that a module of the object gives it."""
    iod = _standard("sop_class_iod_map").get(sop_class_uid, "")
    found: dict[tuple[str, ...], str] = {}
    for module in _standard("iod_module_map").get(iod, []):
        for attribute in _standard("module_attribute_map").get(module["key"], []):
            path = (*attribute["path"], attribute["keyword"])
            found[path] = min(found.get(path, "3"), attribute["type"])
    return found


def type_in_object(sop_class_uid: str, path: tuple[str, ...]) -> str:
    """Type of the element at a path of keywords; "" where the object (or the element in it) is not known.

    Examples
    --------
    >>> type_in_object("1.2.840.10008.5.1.4.1.1.128", ("PatientName",))
    '2'
    """
    return _types(sop_class_uid).get(path, "")
