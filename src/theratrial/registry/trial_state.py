"""A record beside the state of its trial: which fields the trial's data contradict, and what they say instead.

Only what the data show is judged. That recruitment is over follows from a reached sample size, a trial that was stopped
or data that were locked; or the record says so and nobody was enrolled since. Everything else is left to a person, with
what is lacking.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from theratrial.registry.calendars import jalali_text
from theratrial.registry.centres import centres_lacking
from theratrial.registry.duties import UPDATE_12_MONTHS, UPDATE_30_DAYS, last_update
from theratrial.registry.found import Sentence
from theratrial.registry.record import RegistrationRecord
from theratrial.registry.recruitment_state import Recruitment, day_of, shown_by
from theratrial.registry.timing import registration_timing
from theratrial.registry.trial_facts import TrialFacts
from theratrial.registry.words import Coded, RecordDate, Text

if TYPE_CHECKING:
    from theratrial.protocol.schema import Protocol

_LENGTH: Final = {"day": 10, "month": 7, "year": 4}


@dataclass(frozen=True, slots=True)
class Untrue:
    """A field that the data contradict: what it should say, what shows it, since when, and by which rule it is owed."""

    path: str
    new: Any
    evidence: Sentence
    since: date
    rule: str = UPDATE_30_DAYS


@dataclass(frozen=True, slots=True)
class State:
    """What the data say of a record: fields they contradict, and what they leave open."""

    untrue: tuple[Untrue, ...]
    undetermined: tuple[Sentence, ...]
    wrong_since: date | None = None
    """Since when the status was wrong, where a person has to say what is right."""
    wrong_between: tuple[date, date] | None = None
    """First day on which the status was said too early, and the day on which it came true."""
    over_since: date | None = None
    """Since when recruitment is over; None where nothing shows it."""


def trial_state(
    record: RegistrationRecord, facts: TrialFacts, *, said_on: date | None = None, protocol: Protocol | None = None
) -> State:
    """Every field that the trial's data contradict.

    Parameters
    ----------
    said_on
        Day on which the record was last said to be right; people enrolled after it show that recruitment went on.
        None: the registry's last update, or the day of registration.
    """
    recruitment = Recruitment(record, facts, said_on or last_update(record, None))
    judge = _Judge(record, recruitment, protocol)
    found = tuple(judge.fields())
    return State(
        found, tuple(judge.undetermined), judge.wrong_since, recruitment.said_too_early, recruitment.over_since
    )


def agrees(said: RecordDate, day: date) -> bool:
    """Whether a day is the one said, as far as the record says it: ``2022-02`` agrees with every day of the month."""
    length = _LENGTH[said.precision]
    return said.gregorian.isoformat()[:length] == day.isoformat()[:length]


class _Judge:
    """One record and the facts; the fields in the order of the page."""

    def __init__(self, record: RegistrationRecord, recruitment: Recruitment, protocol: Protocol | None) -> None:
        self.record, self.facts, self.recruitment = record, recruitment.facts, recruitment
        self.protocol, self.over_since = protocol, recruitment.over_since
        self.undetermined: list[Sentence] = []
        self.wrong_since: date | None = None

    def fields(self) -> Iterator[Untrue]:
        yield from self._timing()
        yield from self._status()
        yield from self._start()
        yield from self._end()
        yield from self._completions()
        yield from self._numbers()
        yield from self._centres()

    def _timing(self) -> Iterator[Untrue]:
        stated, first = self.record.registration.stated.timing.code, day_of(self.facts.first_consent)
        timing = registration_timing(self.record, first_enrolled=first)
        said = "prospective" if stated == "prospective" else "retrospective" if stated else ""
        if first is not None and said and timing.timing not in ("undetermined", said):
            registered, shown = timing.registered_on, shown_by(self.facts.first_consent)
            evidence = Sentence(
                f"registered {registered}; first consent of an enrolled participant{shown.en}",
                f"ثبت {registered}؛ نخستین رضایت کسی که وارد مطالعه شد{shown.fa}",
            )
            yield self._untrue("registration.stated.timing", Coded(code=timing.timing), evidence, first)

    def _status(self) -> Iterator[Untrue]:
        found = self.recruitment.status()
        if found is not None and found.code:
            yield self._untrue("recruitment.status", Coded(code=found.code), found.because, found.since)
        elif found is not None:
            self.wrong_since = found.since
            self.undetermined.append(found.because)
        elif self.over_since is None and self.recruitment.nobody_left:
            counted = self.recruitment.counted
            self.undetermined.append(
                Sentence(
                    f"Whether recruitment is over: {counted.en}, nobody is in treatment or follow-up, and the data do "
                    "not say that recruitment was ended",
                    f"پایان بیمارگیری: {counted.fa}، کسی در درمان یا پیگیری نیست، و داده‌ها نمی‌گویند که بیمارگیری پایان "
                    "داده شده است",
                )
            )

    def _start(self) -> Iterator[Untrue]:
        said, first = self.record.recruitment.actual_start, day_of(self.facts.first_consent)
        if first is None:
            if said is not None and said.gregorian <= self.facts.as_of:
                self.undetermined.append(
                    Sentence(
                        f"Actual start: the record says {said.pair}; the data hold nobody enrolled by "
                        f"{self.facts.as_of.isoformat()}",
                        f"شروع تحقق‌یافته: سوابق {said.pair} می‌گوید؛ در داده‌ها تا {self.facts.as_of.isoformat()} کسی "
                        "وارد نشده است",
                    )
                )
        elif said is None or not agrees(said, first):
            shown = shown_by(self.facts.first_consent)
            evidence = Sentence(
                f"first consent of an enrolled participant{shown.en}",
                f"نخستین رضایت کسی که وارد مطالعه شد{shown.fa}",
            )
            yield self._untrue("recruitment.actual_start", self._date(first), evidence, first)

    def _end(self) -> Iterator[Untrue]:
        said, last = self.record.recruitment.actual_end, day_of(self.facts.last_enrolment)
        if last is None or (said is not None and (agrees(said, last) or said.gregorian > last)):
            return  # Recruitment may stay open after the last enrolment: a later day is no contradiction.
        if self.over_since is not None:
            shown = shown_by(self.facts.last_enrolment)
            evidence = Sentence(
                f"last enrolment{shown.en}; {self.recruitment.counted.en}",
                f"آخرین ورود{shown.fa}؛ {self.recruitment.counted.fa}",
            )
            yield self._untrue("recruitment.actual_end", self._date(last), evidence, self.over_since)
        elif said is not None:
            self.undetermined.append(
                Sentence(
                    f"Actual end of recruitment: the record says {said.pair}, somebody was enrolled on "
                    f"{last.isoformat()}",
                    f"پایان تحقق‌یافتهٔ بیمارگیری: سوابق {said.pair} می‌گوید و کسی در {last.isoformat()} وارد شده است",
                )
            )

    def _completions(self) -> Iterator[Untrue]:
        facts, recruitment = self.facts, self.record.recruitment
        measured, seen = day_of(facts.last_primary_outcome), day_of(facts.last_visit)
        all_measured = facts.assessed >= facts.enrolled > 0 or self.recruitment.nobody_left
        if self.over_since is not None and all_measured and measured is not None:
            said = recruitment.primary_completion
            if said is None or not agrees(said, measured):
                shown = shown_by(facts.last_primary_outcome)
                evidence = Sentence(
                    f"last assessment of the primary outcome{shown.en}; {facts.assessed} of {facts.enrolled} assessed",
                    f"آخرین سنجش پیامد اولیه{shown.fa}؛ {facts.assessed} از {facts.enrolled} نفر سنجیده شده‌اند",
                )
                since = max(measured, self.over_since)
                yield self._untrue("recruitment.primary_completion", self._date(measured), evidence, since)
        said = recruitment.trial_completion
        if self.over_since is not None and self.recruitment.nobody_left and seen is not None:
            if said is None or not agrees(said, seen):
                shown = shown_by(facts.last_visit)
                evidence = Sentence(
                    f"last visit{shown.en}; nobody is in treatment or follow-up",
                    f"آخرین ویزیت{shown.fa}؛ کسی در درمان یا پیگیری نیست",
                )
                since = max(seen, self.over_since)
                yield self._untrue("recruitment.trial_completion", self._date(seen), evidence, since)
        elif said is not None and said.gregorian <= facts.as_of and facts.in_treatment_or_follow_up > 0:
            self.undetermined.append(
                Sentence(
                    f"Trial completion: the record says {said.pair}; by the data {facts.in_treatment_or_follow_up} "
                    "participant(s) are in treatment or follow-up",
                    f"خاتمهٔ کارآزمایی: سوابق {said.pair} می‌گوید؛ بنا بر داده‌ها {facts.in_treatment_or_follow_up} نفر "
                    "در درمان یا پیگیری‌اند",
                )
            )

    def _numbers(self) -> Iterator[Untrue]:
        recruitment, facts = self.record.recruitment, self.facts
        if facts.target_sample_size is not None and recruitment.target_sample_size != facts.target_sample_size:
            clause = self.protocol.population if self.protocol else None
            if clause is not None and clause.decision.status.value in ("open", "demonstration"):
                self.undetermined.append(
                    Sentence(
                        f"Target sample size: the protocol file's {facts.target_sample_size} is an assumption that "
                        "nobody decided on",
                        f"حجم نمونه: {facts.target_sample_size} در فایل پروتکل فرضی است "
                        "که کسی دربارهٔ آن تصمیم نگرفته است",
                    )
                )
            else:
                evidence = Sentence(
                    f"protocol, population.sample_size: {facts.target_sample_size}",
                    f"پروتکل، population.sample_size: {facts.target_sample_size}",
                )
                since = self.recruitment.said_on or facts.as_of
                yield self._untrue(
                    "recruitment.target_sample_size", facts.target_sample_size, evidence, since, rule=UPDATE_12_MONTHS
                )
        stated = recruitment.actual_sample_size
        if self.over_since is not None and stated != facts.enrolled:
            yield self._untrue(
                "recruitment.actual_sample_size", facts.enrolled, self.recruitment.counted, self.over_since
            )
        elif self.over_since is None and stated is not None and stated > facts.enrolled:
            self.undetermined.append(
                Sentence(
                    f"Actual sample size: the record says {stated}, {self.recruitment.counted.en}",
                    f"حجم نمونهٔ تحقق‌یافته: سوابق {stated} می‌گوید، {self.recruitment.counted.fa}",
                )
            )

    def _centres(self) -> Iterator[Untrue]:
        lacking, cannot = centres_lacking(self.record, self.facts.sites)
        if cannot is not None:
            self.undetermined.append(cannot)
        first = day_of(self.facts.first_consent) or self.facts.as_of
        persian = any("\u0600" <= letter <= "\u06ff" for name in lacking for letter in name)
        for index, name in enumerate(lacking, len(self.record.centres)):
            evidence = Sentence(
                f"participants were enrolled at '{name}'; no centre of the record has that name",
                f"در «{name}» کسانی وارد مطالعه شده‌اند؛ هیچ مرکزی در سوابق این نام را ندارد",
            )
            new = Text(fa=name) if persian else Text(en=name)
            yield self._untrue(f"centres[{index}].organization", new, evidence, first)

    # -- values ----------------------------------------------------------------------------------------------------

    def _untrue(self, path: str, new: Any, evidence: Sentence, since: date, rule: str = UPDATE_30_DAYS) -> Untrue:
        """A record cannot have been untrue before there was one."""
        registered = self.record.registration.registered_on
        return Untrue(path, new, evidence, max(since, registered.gregorian) if registered else since, rule)

    def _date(self, day: date) -> RecordDate:
        """In both calendars where the record has both."""
        registered = self.record.registration.registered_on
        both = registered is not None and bool(registered.jalali)
        return RecordDate(gregorian=day, jalali=jalali_text(day) if both else "")
