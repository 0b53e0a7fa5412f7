"""Which presentation contexts are accepted: verification, and every storage class in the syntaxes we can read."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from theratrial.web.dicom_node.pdu import (
    ABSTRACT_SYNTAX_NOT_SUPPORTED,
    ACCEPTED,
    TRANSFER_SYNTAXES_NOT_SUPPORTED,
    Context,
)

VERIFICATION: Final = "1.2.840.10008.1.1"
_IMPLICIT: Final = "1.2.840.10008.1.2"
SYNTAXES: Final = (
    "1.2.840.10008.1.2.1",
    _IMPLICIT,
    "1.2.840.10008.1.2.2",
    "1.2.840.10008.1.2.1.99",
    "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.57",
    "1.2.840.10008.1.2.4.80",
    "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.5",
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.51",
    "1.2.840.10008.1.2.4.81",
    "1.2.840.10008.1.2.4.91",
)
"""Preferred first: uncompressed, then without loss, then the lossy ones, which a sender may hold nothing else of."""


@lru_cache(maxsize=1)
def storage_classes() -> frozenset[str]:
    """The storage SOP classes of the standard (PS3.4 annex B), as pynetdicom lists them."""
    from pynetdicom import AllStoragePresentationContexts

    return frozenset(str(one.abstract_syntax) for one in AllStoragePresentationContexts)


def answered(contexts: tuple[Context, ...]) -> tuple[list[tuple[int, int, str]], Mapping[int, tuple[str, str]]]:
    """The answer to each proposed context, and the accepted ones: identifier -> abstract and transfer syntax."""
    answers: list[tuple[int, int, str]] = []
    accepted: dict[int, tuple[str, str]] = {}
    for one in contexts:
        if one.abstract_syntax != VERIFICATION and one.abstract_syntax not in storage_classes():
            answers.append((one.id, ABSTRACT_SYNTAX_NOT_SUPPORTED, _IMPLICIT))
            continue
        syntax = next((known for known in SYNTAXES if known in one.transfer_syntaxes), None)
        if syntax is None:
            answers.append((one.id, TRANSFER_SYNTAXES_NOT_SUPPORTED, _IMPLICIT))
            continue
        answers.append((one.id, ACCEPTED, syntax))
        accepted[one.id] = (one.abstract_syntax, syntax)
    return answers, accepted


__all__ = ["SYNTAXES", "VERIFICATION", "answered", "storage_classes"]
