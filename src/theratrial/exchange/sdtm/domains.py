"""All domains, in the order in which they are listed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from theratrial.exchange.datasets.values import Dataset
from theratrial.exchange.sdtm.context import SdtmContext
from theratrial.exchange.sdtm.dm import dm
from theratrial.results.values import TrialResult
from theratrial.trialfolder.records import TrialFolder

Domain = Callable[[SdtmContext], tuple[Dataset, ...]]

DOMAINS: Final[Mapping[str, Domain]] = {
    "DM": dm,
}
"""Domain -> the function that makes its data sets: the domain, its SUPP--, or none where it has no record."""


def sdtm_datasets(folder: TrialFolder, result: TrialResult) -> tuple[Dataset, ...]:
    """Every data set that the trial fills, supplemental ones behind their domains."""
    context = SdtmContext(folder, result)
    return tuple(made for domain in DOMAINS.values() for made in domain(context))
