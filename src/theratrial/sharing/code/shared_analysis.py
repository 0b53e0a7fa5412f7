"""The analysis data sets as they may leave: codes, moved dates or none, no typed texts, no way back into the trial."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Final

from theratrial.exchange.adam.datasets import adam_datasets
from theratrial.exchange.adam.package import analysis_metadata, counted_dates
from theratrial.exchange.datasets.dataset_json import dataset_json
from theratrial.exchange.datasets.define import define_xml
from theratrial.exchange.datasets.values import Dataset, Value, Variable
from theratrial.exchange.sdtm.context import SdtmContext
from theratrial.exchange.sdtm.domains import DOMAINS
from theratrial.results.values import TrialResult
from theratrial.safety.adverse.terms import as_written
from theratrial.sharing.code.terms import withheld_terms
from theratrial.sharing.images import words
from theratrial.sharing.images.keys import ReleaseKey
from theratrial.sharing.images.values import Person
from theratrial.trialfolder.records import TrialFolder

_REMOVED: Final = frozenset({"SRCDOM", "SRCVAR", "SRCSEQ", "SRCREF", "AETERM"})
"""Ways back into data that are not shared, and what a person typed."""
_LABELS: Final = {"SITEID": "SITE", "READER": "STAFF"}
_WORDS: Final = frozenset({"LESSITE"})
_OLDEST_SHOWN_YEARS: Final = 89


def shared_analysis(
    folder: TrialFolder,
    result: TrialResult,
    *,
    key: ReleaseKey,
    people: Mapping[str, Person],
    relative_days: bool = False,
) -> tuple[Dataset, ...]:
    """The analysis data sets without identity.

    Parameters
    ----------
    key
        The release's: codes of readers and sites are those of its tables and images.
    people
        Participant -> code and shift of the release, as the tables have them. Who is not in it is left out.
    relative_days
        Leave the dates out; the days after the first session (ADY) remain.
    """
    leave_out = frozenset(folder.participant_ids) - frozenset(people)
    context = SdtmContext(folder, result, leave_out)
    tabulated = tuple(one for domain in DOMAINS.values() for one in domain(context))
    work = _Work(result, key, people, relative_days)
    return tuple(work.cleaned(one) for one in adam_datasets(folder, result, tabulated, leave_out=leave_out))


def analysis_tables(
    folder: TrialFolder,
    result: TrialResult,
    *,
    key: ReleaseKey,
    people: Mapping[str, Person],
    made_at: datetime,
    relative_days: bool = False,
) -> dict[str, bytes]:
    """File name -> content of the shared analysis data sets: Dataset-JSON 1.1, and define.xml of them."""
    datasets = shared_analysis(folder, result, key=key, people=people, relative_days=relative_days)
    # When the data last changed is a day of the trial itself, and days of participants are moved.
    study = replace(analysis_metadata(folder, result, made_at), changed_at=None)
    files = {f"{one.name.lower()}.json": dataset_json(one, study) for one in datasets}
    files["define.xml"] = define_xml([counted_dates(one) for one in datasets], study, ending="json")
    return files


class _Work:
    """One release under way."""

    def __init__(self, result: TrialResult, key: ReleaseKey, people: Mapping[str, Person], relative_days: bool) -> None:
        self._study, self._key, self._people, self._relative = result.trial_id, key, people, relative_days
        self._terms = withheld_terms(result)

    def cleaned(self, one: Dataset) -> Dataset:
        """A data set without identity, in the order of the codes."""
        kept = tuple(
            variable
            for variable in one.variables
            if variable.name not in _REMOVED and not (self._relative and variable.numeric_date)
        )
        rows = [self._record(kept, record) for record in one.records()]
        names = [variable.name for variable in kept]
        keys = tuple(name for name in one.keys if name in names)
        rows.sort(key=lambda row: [_sortable(row[names.index(name)]) for name in keys])
        return replace(one, variables=kept, rows=tuple(rows), keys=keys)

    def _record(self, kept: Sequence[Variable], record: Mapping[str, Value]) -> tuple[Value, ...]:
        person = self._people[str(record["SUBJID"])]
        changed = {name: self._cell(name, value, record) for name, value in record.items()}
        changed |= {"SUBJID": person.code, "USUBJID": f"{self._study}-{person.code}"}
        for variable in kept:
            value = record[variable.name]
            if variable.numeric_date and isinstance(value, str):
                changed[variable.name] = _moved(value, person.shift_days)
        return tuple(changed[variable.name] for variable in kept)

    def _cell(self, name: str, value: Value, record: Mapping[str, Value]) -> Value:
        if value is None:
            return None
        if name in _LABELS:
            return self._key.label(_LABELS[name], str(value))
        if name in _WORDS:
            return words.cleaned(str(value).lower()).upper() or None
        if name == "AGE" and isinstance(value, int | float) and value > _OLDEST_SHOWN_YEARS:
            return 90
        if name == "ADECOD" and record.get("ASOC") is None:
            return self._terms.get(as_written(str(record["AETERM"])), "Withheld term")
        if name in ("EVNTDESC", "CNSDTDSC") and " began" in str(value):
            return "Another treatment of the cancer began"
        if name in ("REGION", "REGDESC") and record.get("REGTYPE") == "LESION":
            return words.cleaned(str(value).replace("_", " ")) or "lesion"
        return value


def _moved(text: str, days: int) -> str:
    if "T" in text:
        return (datetime.fromisoformat(text) + timedelta(days=days)).isoformat(timespec="seconds")
    return (date.fromisoformat(text) + timedelta(days=days)).isoformat()


def _sortable(value: Value) -> tuple[int, float, str]:
    if value is None:
        return (0, 0.0, "")
    return (1, 0.0, value) if isinstance(value, str) else (1, float(value), "")
