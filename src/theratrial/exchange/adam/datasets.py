"""All analysis data sets of a trial, in the order in which they are listed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from theratrial.exchange.adam.adae import adae
from theratrial.exchange.adam.addos import addos
from theratrial.exchange.adam.adlb import adlb
from theratrial.exchange.adam.adrs import adrs
from theratrial.exchange.adam.adsl import adsl
from theratrial.exchange.adam.adtr import adtr
from theratrial.exchange.adam.adtte import adtte
from theratrial.exchange.adam.context import AdamContext
from theratrial.exchange.datasets.values import Dataset
from theratrial.results.values import TrialResult
from theratrial.trialfolder.records import TrialFolder

ANALYSIS: Final[Mapping[str, Callable[[AdamContext], tuple[Dataset, ...]]]] = {
    "ADSL": adsl,
    "ADRS": adrs,
    "ADTR": adtr,
    "ADLB": adlb,
    "ADAE": adae,
    "ADTTE": adtte,
    "ADDOS": addos,
}
"""Data set -> the function that makes it; it makes none where there is no record."""


def adam_datasets(
    folder: TrialFolder, result: TrialResult, tabulated: Sequence[Dataset], *, leave_out: frozenset[str] = frozenset()
) -> tuple[Dataset, ...]:
    """Every analysis data set that the trial fills.

    Parameters
    ----------
    tabulated
        The SDTM data sets of the same folder and result; records name their source in these.
    leave_out
        Participants who withdrew the use of their data after the folder was written.
    """
    context = AdamContext(folder, result, tabulated, leave_out)
    return tuple(one for make in ANALYSIS.values() for one in make(context))
