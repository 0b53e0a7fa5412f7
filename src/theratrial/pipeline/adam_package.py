"""From a result folder to the ADaM package: analysis data sets in each format, define.xml, definitions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

from theratrial.exchange.adam.datasets import adam_datasets
from theratrial.exchange.adam.package import analysis_files, analysis_metadata, counted_dates
from theratrial.exchange.datasets.values import Dataset
from theratrial.exchange.sdtm.context import SdtmContext
from theratrial.exchange.sdtm.domains import DOMAINS
from theratrial.exchange.sdtm.package import FORMATS, Format
from theratrial.pipeline.sdtm_package import DEFINITIONS, moment_of_making
from theratrial.report.datasets.definitions import definitions_page
from theratrial.report.datasets.guide import package_head
from theratrial.results.values import TrialResult
from theratrial.trialfolder.records import TrialFolder


@dataclass(frozen=True, slots=True)
class AdamPackage:
    """A package before it is written: file name, with its folder, -> content."""

    files: Mapping[str, bytes]
    datasets: tuple[Dataset, ...]
    left_out: int
    """Participants who withdrew the use of their data."""

    @property
    def listed(self) -> tuple[tuple[str, str, int], ...]:
        """(data set, label, number of records)."""
        return tuple((one.name, one.label, len(one.rows)) for one in self.datasets)

    @property
    def traced(self) -> tuple[int, int]:
        """Records that name a record of SDTM, and records below ADSL."""
        below = [one for one in self.datasets if one.has("SRCREF")]
        named = sum(cell is not None for one in below if one.has("SRCSEQ") for cell in one.values("SRCSEQ"))
        return named, sum(len(one.rows) for one in below)


def adam_package(
    folder: TrialFolder,
    result: TrialResult,
    *,
    made_at: str | datetime = "",
    formats: Sequence[str] = FORMATS,
    leave_out: frozenset[str] = frozenset(),
    dates_moved: bool = False,
) -> AdamPackage:
    """The package: each format complete in a folder of its own. The same arguments give the same bytes.

    Parameters
    ----------
    made_at
        The moment of making; without it that of the newest record, so that nothing depends on the clock.
    leave_out
        Participants who withdrew the use of their data after the folder was written.
    dates_moved
        As in `sdtm_package`.
    """
    context = SdtmContext(folder, result, leave_out, dates_moved=dates_moved)
    tabulated = tuple(one for domain in DOMAINS.values() for one in domain(context))
    datasets = adam_datasets(folder, result, tabulated, leave_out=leave_out)
    study = analysis_metadata(folder, result, moment_of_making(made_at, folder, dates_moved), dates_moved=dates_moved)
    head = package_head(result, "Definitions of the analysis data sets")
    said = {"Standard": "ADaMIG 1.3, Define-XML 2.1", "Terminology": "lists of our own, cut to what occurs"}
    identity = tuple((name, said.get(name, text)) for name, text in head.identity)
    page = definitions_page([counted_dates(one) for one in datasets], study, replace(head, identity=identity))
    files: dict[str, bytes] = {}
    for form in formats:
        for name, content in {
            **analysis_files(datasets, study, cast(Format, form)),
            DEFINITIONS: page.encode(),
        }.items():
            files[f"{form}/{name}"] = content
    return AdamPackage(files, datasets, context.left_out)
