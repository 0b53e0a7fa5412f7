"""The ADaM package as files: data sets in one format, and their define.xml."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Final

from theratrial.exchange.datasets.dataset_json import dataset_json
from theratrial.exchange.datasets.define import define_xml
from theratrial.exchange.datasets.study import StudyMetadata
from theratrial.exchange.datasets.values import Dataset, Value, Variable
from theratrial.exchange.datasets.xpt import xpt
from theratrial.exchange.sdtm.package import Format, study_metadata
from theratrial.results.values import TrialResult
from theratrial.trialfolder.records import TrialFolder

_ENDINGS: Final = {"dataset-json": "json", "xpt": "xpt"}
_ZERO: Final = datetime(1960, 1, 1)


def analysis_metadata(
    folder: TrialFolder, result: TrialResult, made_at: datetime, *, dates_moved: bool = False
) -> StudyMetadata:
    """What the files of the analysis data sets say of study and making."""
    one = study_metadata(folder, result, made_at, dates_moved=dates_moved)
    return replace(
        one,
        version_oid=f"MDV.{one.oid}.ADaMIG.1.3",
        version_name=f"Analysis data sets of {one.oid}",
        documents=(),
    )


def analysis_files(datasets: Sequence[Dataset], study: StudyMetadata, form: Format) -> dict[str, bytes]:
    """File name -> content: every data set, and ``define.xml`` of them.

    Raises
    ------
    Problems
        A transport file cannot hold a data set; nothing is made then.
    """
    ending = _ENDINGS[form]
    made = {
        f"{one.name.lower()}.{ending}": dataset_json(one, study) if form == "dataset-json" else xpt(one, study.made_at)
        for one in datasets
    }
    made["define.xml"] = define_xml([counted_dates(one) for one in datasets], study, ending=ending)
    return made


def counted_dates(one: Dataset) -> Dataset:
    """The data set with its dates as numbers, as Define-XML describes those of ADaM: an integer with a date format."""
    numeric = [variable.numeric_date for variable in one.variables]
    if not any(numeric):
        return one
    kinds = tuple(_integer(variable) if variable.numeric_date else variable for variable in one.variables)
    rows = tuple(
        tuple(_since_1960(cell) if is_date else cell for cell, is_date in zip(row, numeric, strict=True))
        for row in one.rows
    )
    return replace(one, variables=kinds, rows=rows)


def _integer(variable: Variable) -> Variable:
    return replace(variable, data_type="integer", numeric_date=False)


def _since_1960(cell: Value) -> Value:
    if not isinstance(cell, str):
        return cell
    if "T" in cell:
        return int((datetime.fromisoformat(cell) - _ZERO).total_seconds())
    return (date.fromisoformat(cell) - _ZERO.date()).days
