"""How recruitment stands by the trial's data: whether it is over, and which status then is true.

Recruitment is over where the sample size is reached, the trial was stopped or its data are locked; or where the record
says so and nobody was enrolled since. It goes on where people were enrolled after the record said otherwise, somebody
is still in the trial and the expected end has not passed. Between the two the data do not say, and a person has to.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from theratrial.registry.fields import field_of
from theratrial.registry.found import Sentence
from theratrial.registry.record import RegistrationRecord
from theratrial.registry.shown import shown
from theratrial.registry.trial_facts import Fact, TrialFacts

OVER: Final = ("complete", "completed", "terminated")
_TABLES: Final = {
    "consents": "رضایت‌نامه‌ها",
    "visits": "ویزیت‌ها",
    "examinations": "معاینه‌ها",
    "administrations": "تجویزها",
}


def day_of(fact: Fact | None) -> date | None:
    """The day of a fact."""
    value = fact.value if fact else None
    return value.date() if isinstance(value, datetime) else value if isinstance(value, date) else None


def shown_by(fact: Fact | None) -> Sentence:
    """What shows a fact, to stand in a sentence: `` (consents: P01, 2022-02-03)``."""
    if fact is None:
        return Sentence("", "")
    table, separator, rest = fact.evidence.partition(": ")
    persian = f"{_TABLES.get(table, table)}: {rest.replace(', ', '، ')}" if separator else fact.evidence
    return Sentence(f" ({fact.evidence})", f" ({persian})")


@dataclass(frozen=True, slots=True)
class TrueStatus:
    """The status that the data show, or why they show none; `since` is when the one said became untrue."""

    code: str
    """Empty where it is for a person to say."""
    because: Sentence
    since: date


class Recruitment:
    """Recruitment of one record's trial.

    Parameters
    ----------
    said_on
        Day on which the record's status was last said; None where it is not known.
    """

    def __init__(self, record: RegistrationRecord, facts: TrialFacts, said_on: date | None) -> None:
        self.record, self.facts, self.said_on = record, facts, said_on
        target = facts.target_sample_size
        self.target = record.recruitment.target_sample_size if target is None else target
        self.reached = self.target is not None and facts.enrolled >= self.target
        self.first, self.last = day_of(facts.first_consent), day_of(facts.last_enrolment)

    @property
    def contradicted(self) -> bool:
        """Whether the status says that recruitment is over, and somebody was enrolled after that was said."""
        said = self.record.recruitment.status.code in OVER
        return said and self.said_on is not None and self.last is not None and self.last > self.said_on

    @property
    def over_since(self) -> date | None:
        """Since when recruitment is over; None where nothing shows it."""
        if self.last is None:
            return None
        if self.reached:
            return self.last
        if self.facts.stopped_early or self.facts.data_locked:
            return max(self.last, day_of(self.facts.last_visit) or self.last)
        if self.record.recruitment.status.code in OVER and not self.contradicted:
            return max(self.last, self.said_on or self.last)
        return None

    @property
    def said_too_early(self) -> tuple[date, date] | None:
        """First day on which the record said that recruitment was over, and the day on which it was, where later."""
        over, said = self.over_since, self.record.recruitment.status.code in OVER
        return (self.said_on, over) if said and over and self.said_on and self.said_on < over else None

    @property
    def nobody_left(self) -> bool:
        """Whether people were enrolled and none is in treatment or follow-up."""
        return self.facts.enrolled > 0 and self.facts.in_treatment_or_follow_up == 0

    @property
    def counted(self) -> Sentence:
        """``14 of 15 enrolled by 2023-02-01``."""
        of, of_fa = ("", "") if self.target is None else (f" of {self.target}", f" از {self.target}")
        as_of, enrolled = self.facts.as_of.isoformat(), self.facts.enrolled
        return Sentence(f"{enrolled}{of} enrolled by {as_of}", f"{enrolled}{of_fa} نفر تا {as_of} وارد شده‌اند")

    def status(self) -> TrueStatus | None:
        """What the status should say; None where the data do not contradict the one said."""
        said = self.record.recruitment.status.code
        if said == "other":
            return None  # Says nothing that data could contradict.
        if self.first is None or self.last is None:
            return self._of_nobody(said)
        if self.over_since is not None:
            return self._when_over(said, self.over_since)
        if said in ("recruiting", "suspended"):
            return None
        # A status that was never right was wrong from the day on which it was said.
        wrong_from_the_start = said not in ("not_yet_recruiting", "")
        since = self.said_on or self.first if wrong_from_the_start else self.first
        if self._open:
            return TrueStatus("recruiting", self._from_first_to_last(), since)
        return TrueStatus("", self._left_open(), since)

    @property
    def _open(self) -> bool:
        """Whether somebody is in the trial and the end that was expected has not come."""
        expected = self.record.recruitment.expected_end
        past = expected is not None and expected.gregorian < self.facts.as_of
        return self.facts.in_treatment_or_follow_up > 0 and not past

    @property
    def _said(self) -> Sentence:
        """The status in the words of the list."""
        field, status = field_of("recruitment.status"), self.record.recruitment.status
        return Sentence(shown(field, status) or "nothing", shown(field, status, "fa") or "هیچ")

    def _from_first_to_last(self) -> Sentence:
        first, last = shown_by(self.facts.first_consent), shown_by(self.facts.last_enrolment)
        if self.facts.enrolled == 1:
            return Sentence(f"{self.counted.en}{first.en}", f"{self.counted.fa}{first.fa}")
        return Sentence(
            f"{self.counted.en}; first{first.en}, last{last.en}",
            f"{self.counted.fa}؛ نخستین{first.fa}، آخرین{last.fa}",
        )

    def _left_open(self) -> Sentence:
        found, label = self._from_first_to_last(), self._said
        return Sentence(
            f"Recruitment status: the record says '{label.en}', the data: {found.en}. Whether recruitment goes on, was "
            "stopped or ended short of its target, they do not say",
            f"وضعیت بیمارگیری: سوابق «{label.fa}» می‌گوید و داده‌ها: {found.fa}. این که بیمارگیری ادامه دارد، متوقف شده "
            "یا پیش از رسیدن به حجم نمونه پایان یافته است از داده‌ها برنمی‌آید",
        )

    def _of_nobody(self, said: str) -> TrueStatus | None:
        recruitment, as_of = self.record.recruitment, self.facts.as_of.isoformat()
        if said not in OVER:
            return None
        since = self.said_on or self.facts.as_of
        if self.facts.screened == 0 and not (
            recruitment.actual_start or recruitment.actual_end or recruitment.actual_sample_size
        ):
            because = Sentence(
                f"nobody was screened by {as_of}, and the record itself names no actual date and no number",
                f"تا {as_of} کسی غربالگری نشده و خود سوابق هم تاریخ یا شمار تحقق‌یافته‌ای ندارد",
            )
            return TrueStatus("not_yet_recruiting", because, since)
        label = self._said
        because = Sentence(
            f"Recruitment status: the record says '{label.en}', the data hold nobody enrolled by {as_of} "
            f"({self.facts.screened} screened): either they are not all here, or the trial ended without anybody",
            f"وضعیت بیمارگیری: سوابق «{label.fa}» می‌گوید و در داده‌ها تا {as_of} کسی وارد مطالعه نشده است "
            f"({self.facts.screened} نفر غربالگری شده‌اند): یا همهٔ داده‌ها اینجا نیست یا کارآزمایی بی شرکت‌کننده "
            "پایان یافته است",
        )
        return TrueStatus("", because, since)

    def _when_over(self, said: str, over_since: date) -> TrueStatus | None:
        true, allowed = self._over_statuses()
        if said in allowed:
            return None
        left, last = self.facts.in_treatment_or_follow_up, shown_by(self.facts.last_enrolment)
        because = Sentence(
            f"{self.counted.en}; last{last.en}; {left} in treatment or follow-up",
            f"{self.counted.fa}؛ آخرین{last.fa}؛ {left} نفر در درمان یا پیگیری",
        )
        if said in (*OVER, "withdrawn"):
            # Said too early, or of a trial that has people: it was not right on the day it was said.
            return TrueStatus(true, because, self.said_on or over_since)
        ended = day_of(self.facts.last_visit) if true != "complete" else None
        first_wrong = self.first if said in ("not_yet_recruiting", "") else None
        return TrueStatus(true, because, first_wrong or max(over_since, ended or over_since))

    def _over_statuses(self) -> tuple[str, tuple[str, ...]]:
        if self.facts.stopped_early:
            return "terminated", ("terminated",)
        if not self.nobody_left:
            return "complete", ("complete", "terminated")
        # WHO and IRCT ask for the status of recruitment, which stays complete; ClinicalTrials.gov for the trial's.
        if self.record.registration.number.startswith("NCT"):
            return "completed", ("completed", "terminated")
        return "completed", ("completed", "terminated", "complete")
