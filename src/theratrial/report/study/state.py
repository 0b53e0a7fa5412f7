"""Of which state of the data a document speaks; printed at the head of every page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

DocumentKind = Literal["csr", "sap", "safety", "m11"]
KINDS: Final[tuple[DocumentKind, ...]] = ("csr", "sap", "safety", "m11")


@dataclass(frozen=True, slots=True)
class DataState:
    """What a document was made from."""

    trial_id: str
    protocol_version: str
    protocol_hash: str
    product_version: str
    source: str
    """Hash of the inputs of the folder, or number and hash of the ledger's head; "" for a document without data."""
    cut_off: datetime | None
    """The latest instant that the data speak of; None for a document without data."""
    locked: bool
    """Whether the data were locked; of the analysis plan, whether every clause is settled."""
    cut: bool = False
    """Whether a person chose the cut-off: later records exist or may exist, and are not in it."""
    simulated: bool = False
    assumptions: int = 0
    draft_wanted: bool = False
    dates_moved: bool = False
    """Whether each participant's dates are moved by days of her own: then the cut-off is no day of the trial."""

    @property
    def draft(self) -> bool:
        """Whether every page says DRAFT: only what is locked leaves without the word."""
        return self.draft_wanted or not self.locked
