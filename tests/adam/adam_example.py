"""A trial with its result and its data sets, as the tests here pass it around."""

from __future__ import annotations

from dataclasses import dataclass

from theratrial.exchange.datasets.values import Dataset
from theratrial.results.values import TrialResult
from theratrial.trialfolder.records import TrialFolder


@dataclass(frozen=True)
class Made:
    """A trial, its result and what was made of both."""

    folder: TrialFolder
    result: TrialResult
    tabulated: dict[str, Dataset]
    analysis: dict[str, Dataset]
