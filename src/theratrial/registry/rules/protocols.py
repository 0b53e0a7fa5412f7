"""Record and protocol: the same trial, people, approval and sharing plan?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from theratrial.registry.codes import code_list
from theratrial.registry.fields import field_of
from theratrial.registry.found import Sentence, Severity
from theratrial.registry.record import SHARED_ITEMS, Age
from theratrial.registry.rules.frame import PROTOCOL, Case, Found, quote, rule
from theratrial.registry.rules.planned import SAY_THE_SAME, of_protocol, said_in, same_words

_PHASES: Final = {"i": "1", "ii": "2", "iii": "3", "iv": "4"}


@rule(
    "protocol-number-differs",
    Severity.ERROR,
    PROTOCOL,
    "Record and protocol are of two trials",
    "سوابق و پروتکل از یک کارآزمایی نیستند",
)
def number_differs(case: Case) -> Iterator[Found]:
    identity = case.protocol.identity.reading if case.protocol else None
    numbers = [case.record.registration.number, *(one.number for one in case.record.secondary_ids)]
    if identity is None or not numbers[0] or identity.trial_id in numbers:
        return
    yield Found(
        "registration.number",
        Sentence(
            f"The record is {numbers[0]}, the protocol is of {identity.trial_id}: what follows compares two trials",
            f"شمارهٔ سوابق {numbers[0]} و شمارهٔ پروتکل {identity.trial_id} است: آنچه در پی می‌آید سنجش دو کارآزمایی است",
        ),
        Sentence("Check whether the right protocol was given", "ببینید پروتکل درست داده شده است یا نه"),
        (quote(case, "registration.number"), of_protocol(identity.trial_id, "identity.trial_id")),
    )


@rule(
    "protocol-title-differs",
    Severity.WARNING,
    PROTOCOL,
    "The titles of record and protocol differ",
    "عنوان سوابق و پروتکل یکی نیست",
)
def title_differs(case: Case) -> Iterator[Found]:
    identity = case.protocol.identity.reading if case.protocol else None
    for name in ("scientific_title", "public_title"):
        said = getattr(case.record, name)
        planned = getattr(identity, name, "")
        if said and planned and not any(same_words(one, planned) for one in (said.en, said.fa) if one):
            yield Found(
                name,
                Sentence("Another title than the protocol's", "عنوانی جز عنوان پروتکل"),
                SAY_THE_SAME,
                (quote(case, name), of_protocol(planned, f"identity.{name}")),
            )


@rule(
    "protocol-phase-differs",
    Severity.ERROR,
    PROTOCOL,
    "The phase is not the protocol's",
    "فاز سوابق فاز پروتکل نیست",
)
def phase_differs(case: Case) -> Iterator[Found]:
    identity, said = case.protocol.identity.reading if case.protocol else None, case.record.design.phase.code
    if identity is None or not said or said == "not_applicable":
        return
    planned = [_PHASES.get(one, one) for one in re.findall(r"\b(?:iv|i{1,3}|[0-4])\b", identity.phase.casefold())]
    if planned and "_".join(planned) != said:
        yield _differs(case, "design.phase", "phase", "فاز", identity.phase, "identity.phase")


@rule(
    "protocol-sex-differs",
    Severity.ERROR,
    PROTOCOL,
    "Other people by sex than in the protocol",
    "جنس شرکت‌کنندگان جز آن است که در پروتکل است",
)
def sex_differs(case: Case) -> Iterator[Found]:
    population, said = case.protocol.population.reading if case.protocol else None, case.record.eligibility.sex.code
    if population is not None and said and {"both": "all"}.get(said, said) != population.sex:
        words = code_list("sex")[{"all": "both"}.get(population.sex, population.sex)]
        yield _differs(case, "eligibility.sex", "sex", "جنس", Sentence(words.en, words.fa), "population.sex")


@rule(
    "protocol-age-differs",
    Severity.ERROR,
    PROTOCOL,
    "Another limit of age than in the protocol",
    "حد سنی جز حد پروتکل است",
)
def age_differs(case: Case) -> Iterator[Found]:
    population = case.protocol.population.reading if case.protocol else None
    if population is None:
        return
    eligibility = case.record.eligibility
    limits = (
        ("age_from", eligibility.age_from, population.minimum_age_years or None, "minimum_age_years"),
        ("age_to", eligibility.age_to, population.maximum_age_years, "maximum_age_years"),
    )
    for name, said, planned, where in limits:
        if said.text and said.value is None:
            continue
        years = _years(said)
        if (years or None) != planned:
            shown = (
                Sentence("no limit", "بی حد") if planned is None else Sentence(f"{planned:g} years", f"{planned:g} سال")
            )
            yield _differs(case, f"eligibility.{name}", "limit of age", "حد سنی", shown, f"population.{where}")


def _years(age: Age) -> float | None:
    if age.value is None:
        return None
    return age.value / {"years": 1, "months": 12, "weeks": 52.1775, "days": 365.2425}[age.unit]


@rule(
    "protocol-sample-size-differs",
    Severity.ERROR,
    PROTOCOL,
    "The target sample size is not the protocol's",
    "حجم نمونه جز حجم نمونهٔ پروتکل است",
)
def sample_size_differs(case: Case) -> Iterator[Found]:
    population = case.protocol.population.reading if case.protocol else None
    path = "recruitment.target_sample_size"
    if population is not None and case.record.recruitment.target_sample_size not in (None, population.sample_size):
        yield _differs(case, path, "sample size", "حجم نمونه", str(population.sample_size), "population.sample_size")


@rule(
    "protocol-condition-differs",
    Severity.WARNING,
    PROTOCOL,
    "Another disease by its ICD-10 code than in the protocol",
    "کد ICD-10 بیماری جز کد پروتکل است",
)
def condition_differs(case: Case) -> Iterator[Found]:
    population = case.protocol.population.reading if case.protocol else None
    codes = [(index, one.icd10) for index, one in enumerate(case.record.conditions) if one.icd10]
    if population is None or not codes or any(_same_icd(one, population.icd10) for _, one in codes):
        return
    yield _differs(
        case, f"conditions[{codes[0][0]}].icd10", "ICD-10 code", "کد ICD-10", population.icd10, "population.icd10"
    )


def _same_icd(one: str, other: str) -> bool:
    """A code and its subdivision agree."""
    first, second = (re.sub(r"[^A-Z0-9]", "", code.upper()) for code in (one, other))
    return first.startswith(second) or second.startswith(first)


def _differs(case: Case, path: str, en: str, fa: str, planned: str | Sentence, where: str) -> Found:
    said = said_in(case, path)
    wanted = planned if isinstance(planned, Sentence) else Sentence(planned, planned)
    return Found(
        path,
        Sentence(
            f"The {en} is '{said.en}' in the record and '{wanted.en}' in the protocol",
            f"{fa} در سوابق «{said.fa}» و در پروتکل «{wanted.fa}» است",
        ),
        SAY_THE_SAME,
        (quote(case, path), of_protocol(wanted.en, where)),
    )


@rule(
    "protocol-ethics-differs",
    Severity.WARNING,
    PROTOCOL,
    "The ethics approval is not the protocol's",
    "تایید اخلاق جز تایید پروتکل است",
)
def ethics_differs(case: Case) -> Iterator[Found]:
    registered = {one.reference.strip(): one.approved_on for one in case.record.ethics if one.reference}
    for clause in case.protocol.ethics if case.protocol and registered else ():
        one = clause.reading
        if one is None:
            continue
        planned = f"{one.reference}, {one.approved_on.isoformat()}"
        if one.reference.strip() not in registered:
            yield _differs(case, "ethics[0].reference", "reference of approval", "شمارهٔ تایید اخلاق", planned, "ethics")
        elif (day := registered[one.reference.strip()]) is not None and day.gregorian != one.approved_on:
            index = [other.reference.strip() for other in case.record.ethics].index(one.reference.strip())
            yield _differs(
                case, f"ethics[{index}].approved_on", "day of approval", "روز تایید اخلاق", planned, "ethics"
            )


@rule(
    "protocol-sharing-differs",
    Severity.WARNING,
    PROTOCOL,
    "The sharing plan is not the protocol's",
    "برنامهٔ به‌اشتراک‌گذاری جز برنامهٔ پروتکل است",
)
def sharing_differs(case: Case) -> Iterator[Found]:
    plan = case.protocol.sharing.reading if case.protocol else None
    names = [
        name
        for name in (SHARED_ITEMS if plan else ())
        if (said := getattr(case.record.sharing, name).code) and said != getattr(plan, name)
    ]
    if not names:
        return
    words = code_list("sharing")
    listed, listed_fa = [], []
    for name in names:
        label, ours, theirs = field_of(f"sharing.{name}"), getattr(case.record.sharing, name).code, getattr(plan, name)
        listed.append(f"{label.en}: {_short(words[ours].en)} / {_short(words[theirs].en)}")
        listed_fa.append(f"{label.fa}: {_short(words[ours].fa)} / {_short(words[theirs].fa)}")
    yield Found(
        f"sharing.{names[0]}",
        Sentence(
            f"{len(names)} item(s) of the sharing plan differ (record / protocol): {'; '.join(listed)}",
            f"{len(names)} بند از برنامهٔ به‌اشتراک‌گذاری یکی نیست (سوابق / پروتکل): {'؛ '.join(listed_fa)}",
        ),
        SAY_THE_SAME,
        (quote(case, f"sharing.{names[0]}"), of_protocol(getattr(plan, names[0]), f"sharing.{names[0]}")),
    )


def _short(words: str) -> str:
    return words.split(" - ")[0]
