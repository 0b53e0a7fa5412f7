"""What every step of a participant's walk needs besides the folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from theratrial.dosimetry.population.prior import KineticPrior
from theratrial.errors import InputError
from theratrial.pipeline.scans import Hashes
from theratrial.protocol.schema import Product, Protocol


@dataclass(frozen=True, slots=True)
class Context:
    """What every participant's walk needs besides the folder."""

    hashes: Hashes
    cut_off: datetime
    """The latest instant the records speak of: results are as of then."""
    demonstration: tuple[str, ...]
    """Clauses that rest on demonstration assumptions."""
    priors: Mapping[str, KineticPrior] = field(default_factory=dict)
    """Participant -> prior updated by the others; who is not in it has the published one."""

    def resting_on(self, *paths: str) -> tuple[str, ...]:
        """Of these clauses and what lies below them, the ones that are demonstration assumptions."""
        return tuple(
            clause
            for clause in self.demonstration
            if any(clause == path or clause.startswith(f"{path}.") for path in paths)
        )


def product_reading(protocol: Protocol, product_id: str) -> Product:
    """The reading of a product.

    Raises
    ------
    InputError
        The protocol has no such product, or its clause is open.
    """
    clause = protocol.products.get(product_id)
    if clause is None or clause.reading is None:
        raise InputError(f"product {product_id!r} is not read in the protocol -> give products.{product_id} a reading")
    return clause.reading
