"""What every analysis data set asks: subjects with results, treatment and sets; the SDTM record of a value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Final

from theratrial.errors import InputError
from theratrial.exchange.datasets.values import Dataset, Value
from theratrial.exchange.sdtm.context import SdtmContext, Subject
from theratrial.results.values import ParticipantResult, TrialResult
from theratrial.trialfolder.records import TrialFolder

SET_FLAGS: Final[Mapping[str, tuple[str, str]]] = {
    "enrolled": ("ENRLFL", "Enrolled Population Flag"),
    "safety": ("SAFFL", "Safety Population Flag"),
    "full": ("FASFL", "Full Analysis Set Population Flag"),
    "per_protocol": ("PPROTFL", "Per-Protocol Population Flag"),
    "response_evaluable": ("RSPEVFL", "Response Evaluable Population Flag"),
    "dosimetry": ("DOSEVFL", "Dosimetry Population Flag"),
}
"""Analysis set of the protocol -> its flag in ADSL and that flag's label."""

_DAY: Final = "__day"


class AdamContext:
    """A trial for the analysis data sets.

    Parameters
    ----------
    tabulated
        The SDTM data sets of the same trial: records point to these.
    leave_out
        Participants who withdrew the use of their data after the folder was written.
    """

    def __init__(
        self,
        folder: TrialFolder,
        result: TrialResult,
        tabulated: Sequence[Dataset],
        leave_out: frozenset[str] = frozenset(),
    ) -> None:
        self.sdtm = SdtmContext(folder, result, leave_out)
        self.folder, self.result, self.protocol = folder, result, folder.protocol
        self.study_id = self.sdtm.study_id
        self.subjects = self.sdtm.subjects
        self._tabulated = {one.name: one for one in tabulated}
        self._people: dict[str, Mapping[str, Value]] = {}
        self._found: dict[tuple[str, tuple[str, ...]], dict[tuple[Value, ...], list[Value]]] = {}
        self.flags = _flags(tuple(folder.protocol.analysis_sets))
        """Analysis set -> (flag, label)."""

    def with_results(self) -> tuple[tuple[Subject, ParticipantResult], ...]:
        """Subjects that the run has results of."""
        return tuple((one, one.result) for one in self.subjects if one.result is not None)

    def head(self, subject: Subject, *sets: str) -> dict[str, Value]:
        """The variables of `subject_variables` for a record, with the flags of these analysis sets."""
        person = self.demographics(subject)
        return {
            "STUDYID": self.study_id,
            "USUBJID": subject.usubjid,
            "SUBJID": subject.participant_id,
            "TRTP": person.get("ARM"),
            "TRTA": person.get("ACTARM"),
            "TRTSDT": day_text(subject.reference_start),
            **{self.flags[one][0]: self.in_set(subject, one) for one in sets if one in self.flags},
        }

    def in_set(self, subject: Subject, analysis_set: str) -> str:
        """Y or N: whether the subject is in an analysis set."""
        return "Y" if subject.result is not None and analysis_set in subject.result.analysis_sets else "N"

    def demographics(self, subject: Subject) -> Mapping[str, Value]:
        """The subject's record of DM.

        Raises
        ------
        InputError
            The SDTM data sets are of other subjects.
        """
        if not self._people and "DM" in self._tabulated:
            self._people = {str(one["USUBJID"]): one for one in self._tabulated["DM"].records()}
        if subject.usubjid not in self._people:
            raise InputError(f"DM has no record of {subject.usubjid} -> make ADaM from the SDTM of the same trial")
        return self._people[subject.usubjid]

    def set_variables(self, *sets: str) -> tuple[tuple[str, str], ...]:
        """(flag, label) of these sets, as far as the protocol has them."""
        return tuple(self.flags[one] for one in sets if one in self.flags)

    def day(self, subject: Subject, moment: date | datetime | None) -> int | None:
        """ADY."""
        return self.sdtm.study_day(subject, moment)

    def has(self, domain: str, variable: str) -> bool:
        """Whether SDTM has the variable in the domain."""
        return domain in self._tabulated and self._tabulated[domain].has(variable)

    def records_of(self, domain: str, subject: Subject) -> Sequence[Mapping[str, Value]]:
        """The subject's records of a domain of SDTM; none where there is no such domain."""
        one = self._tabulated.get(domain)
        return [row for row in one.records() if row["USUBJID"] == subject.usubjid] if one is not None else []

    def source(self, domain: str, variable: str, subject: Subject, **where: Value) -> dict[str, Value]:
        """SRCDOM, SRCVAR and SRCSEQ of the one SDTM record that has these values; nothing where it is not one.

        ``RSDTC__day`` compares the day of a date or time.
        """
        numbers = self._numbers(domain, tuple(sorted(where)))
        key = (subject.usubjid, *(where[name] for name in sorted(where)))
        hers = numbers.get(key, [])
        if len(hers) != 1:
            return {}
        return {"SRCDOM": domain, "SRCVAR": variable, "SRCSEQ": hers[0]}

    def _numbers(self, domain: str, names: tuple[str, ...]) -> dict[tuple[Value, ...], list[Value]]:
        """(USUBJID, values of `names`) -> --SEQ of the domain's records that have them."""
        if (domain, names) not in self._found:
            found: dict[tuple[Value, ...], list[Value]] = {}
            one = self._tabulated.get(domain)
            columns = [name.removesuffix(_DAY) for name in names]
            if one is not None and all(one.has(name) for name in columns):
                for record in one.records():
                    cells = [_day_of(record[column], name) for column, name in zip(columns, names, strict=True)]
                    key = (record["USUBJID"], *cells)
                    found.setdefault(key, []).append(record[f"{domain}SEQ"])
            self._found[domain, names] = found
        return self._found[domain, names]


def _day_of(cell: Value, name: str) -> Value:
    return cell[:10] if name.endswith(_DAY) and isinstance(cell, str) else cell


def _flags(keys: Sequence[str]) -> dict[str, tuple[str, str]]:
    made = {}
    for key in keys:
        plain = "".join(mark for mark in key.upper() if mark.isalnum())
        label = f"{key.replace('_', ' ').title()[:24]} Population Flag"
        made[key] = SET_FLAGS.get(key, (f"{plain[:6]}FL", label))
    names = [name for name, _ in made.values()]
    if len(set(names)) != len(names):
        raise InputError(f"two analysis sets would have one flag: {', '.join(sorted(names))} -> rename one of them")
    return made


def day_text(moment: date | datetime | None) -> str | None:
    """The day of a moment as the records tell it."""
    if moment is None:
        return None
    return (moment.date() if isinstance(moment, datetime) else moment).isoformat()


def moment_text(moment: datetime | None) -> str | None:
    """A moment by the clock at the trial, with seconds."""
    return None if moment is None else moment.replace(tzinfo=None).isoformat(timespec="seconds")
