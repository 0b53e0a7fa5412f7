"""Where a value came from: inputs (by name, as a result key or a content hash), method, version, author."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

_BLOCK_BYTES = 1 << 20


def _frozen(inputs: Mapping[str, str]) -> Mapping[str, str]:
    return MappingProxyType(dict(inputs))


@dataclass(frozen=True, slots=True)
class Trace:
    """How a value was made.

    Parameters
    ----------
    method
        Dotted name of the method, as documented in ``docs/methods/`` (``dosimetry.two_point``).
    version
        Version of the method; it changes when the method may give another number for the same inputs.
    inputs
        Name of the input -> where it is: ``sha256:<hex>`` for stored bytes (``#<name>`` behind it for a region in
        them), ``value:<place>`` for another value of the same results, ``record:<file>#<line>`` for a line of a record
        table, ``protocol:<clause id>`` for a clause, ``table:<name>@<edition>`` for a reference table (``#<row>``
        behind it), ``given:<text>`` for what a caller or a header stated and nothing stores.
    author
        Who is responsible: ``theratrial`` for computed values, else the role or identifier of a person.
    demonstration
        Clause ids whose decision is only a demonstration assumption and on which the value rests.
    """

    method: str
    version: str
    inputs: Mapping[str, str] = field(default_factory=dict)
    author: str = "theratrial"
    demonstration: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.method or not self.version:
            raise ValueError("a trace names its method and version")
        object.__setattr__(self, "inputs", _frozen(self.inputs))

    def __reduce__(self) -> tuple[Any, ...]:
        return (Trace, (self.method, self.version, dict(self.inputs), self.author, self.demonstration))

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON, keys sorted."""
        return {
            "method": self.method,
            "version": self.version,
            "inputs": dict(sorted(self.inputs.items())),
            "author": self.author,
            "demonstration": list(self.demonstration),
        }


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number that may leave the product: value, unit, uncertainty and trace.

    `lower` and `upper` bound a 95 % interval; None means not known, never zero. `upper` may be ``inf`` when nothing
    bounds the value. `value` None means the quantity is undetermined; `note` then says why.
    """

    value: float | None
    unit: str
    trace: Trace
    lower: float | None = None
    upper: float | None = None
    note: str = ""

    def __post_init__(self) -> None:
        if self.value is None and not self.note:
            raise ValueError("an undetermined quantity says why")


def bytes_hash(content: bytes) -> str:
    """``sha256:<hex>`` of bytes."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


def file_hash(path: Path) -> str:
    """``sha256:<hex>`` of a file's content, read in blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK_BYTES):
            digest.update(block)
    return "sha256:" + digest.hexdigest()


def joint_hash(hashes: Iterable[str]) -> str:
    """One hash for a set of hashes, whatever their order (a series of slices); that of a single file is its own."""
    ordered = sorted(hashes)
    return ordered[0] if len(ordered) == 1 else bytes_hash("\n".join(ordered).encode())
