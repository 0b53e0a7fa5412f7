"""Record and living trial: does the record say what the trial's own data say, and is what is due there?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from theratrial.registry.duties import last_update
from theratrial.registry.fields import field_of
from theratrial.registry.found import Sentence, Severity
from theratrial.registry.recruitment_state import Recruitment
from theratrial.registry.rules.frame import LIVE, Case, Found, quote, rule
from theratrial.registry.shown import shown
from theratrial.registry.trial_state import State, Untrue, trial_state

_DATES: Final = ("actual_start", "actual_end", "primary_completion", "trial_completion")
UPDATE: Final = Sentence(
    "Update the record; the site, or `theratrial registry owed`, drafts the update with its reason",
    "سوابق را به‌روز کنید؛ سایت یا ‎`theratrial registry owed`‎ پیش‌نویس به‌روزرسانی و علت آن را می‌سازد",
)
_LOOK: Final = Sentence(
    "Compare with the trial's records; correct whichever is wrong",
    "با سوابق کارآزمایی بسنجید و هرکدام را که نادرست است درست کنید",
)


def state_of(case: Case) -> State:
    """What the trial's data say of the record; nothing where none were given."""
    if case.facts is None:
        return State((), ())
    return trial_state(case.record, case.facts, said_on=last_update(case.record, case.history), protocol=case.protocol)


def _found(case: Case, one: Untrue) -> Found:
    """An untrue field as a finding: what it says, what the data say."""
    field = field_of(one.path)
    en, fa = shown(field, one.new), shown(field, one.new, "fa")
    return Found(
        one.path,
        Sentence(
            f"{field.en}: '{en}' by the data: {one.evidence.en}", f"{field.fa}: بنا بر داده‌ها «{fa}»: {one.evidence.fa}"
        ),
        UPDATE,
        (quote(case, one.path),),
    )


@rule(
    "status-against-data",
    Severity.ERROR,
    LIVE,
    "The recruitment status is not what the trial's data say",
    "وضعیت بیمارگیری با داده‌های کارآزمایی نمی‌خواند",
)
def status_against_data(case: Case) -> Iterator[Found]:
    for one in state_of(case).untrue:
        if one.path == "recruitment.status":
            yield _found(case, one)


@rule(
    "status-not-shown-by-data",
    Severity.WARNING,
    LIVE,
    "The data contradict the status and do not say which one is right",
    "داده‌ها با وضعیت نمی‌خوانند و درست آن را هم نمی‌گویند",
)
def status_not_shown_by_data(case: Case) -> Iterator[Found]:
    if case.facts is None:
        return
    found = Recruitment(case.record, case.facts, last_update(case.record, case.history)).status()
    if found is not None and not found.code:
        yield Found(
            "recruitment.status",
            found.because,
            Sentence(
                "Say how recruitment stands, and update the record",
                "بگویید بیمارگیری در چه حال است و سوابق را به‌روز کنید",
            ),
            (quote(case, "recruitment.status"),),
        )


@rule(
    "actual-date-missing",
    Severity.ERROR,
    LIVE,
    "Something happened by the trial's data, and the record gives no day for it",
    "داده‌های کارآزمایی رخدادی را نشان می‌دهند که در سوابق تاریخ ندارد",
)
def actual_date_missing(case: Case) -> Iterator[Found]:
    for one in state_of(case).untrue:
        name = one.path.removeprefix("recruitment.")
        if name in _DATES and getattr(case.record.recruitment, name) is None:
            yield _found(case, one)


@rule(
    "actual-date-differs",
    Severity.ERROR,
    LIVE,
    "The record gives another day than the trial's data",
    "تاریخ سوابق جز تاریخ داده‌های کارآزمایی است",
)
def actual_date_differs(case: Case) -> Iterator[Found]:
    for one in state_of(case).untrue:
        name = one.path.removeprefix("recruitment.")
        if name in _DATES and getattr(case.record.recruitment, name) is not None:
            yield _found(case, one)


@rule(
    "actual-date-not-shown-by-data",
    Severity.WARNING,
    LIVE,
    "The record gives an actual day for what the trial's data do not show",
    "سوابق برای رخدادی تاریخ دارد که داده‌های کارآزمایی آن را نشان نمی‌دهند",
)
def actual_date_not_shown_by_data(case: Case) -> Iterator[Found]:
    facts, recruitment = case.facts, case.record.recruitment
    if facts is None:
        return
    started, completed = recruitment.actual_start, recruitment.trial_completion
    as_of, left = facts.as_of, facts.in_treatment_or_follow_up
    if started is not None and started.gregorian <= as_of and facts.first_consent is None:
        yield Found(
            "recruitment.actual_start",
            Sentence(
                f"Started {started.pair} by the record; the data hold nobody enrolled by {as_of.isoformat()}",
                f"بنا بر سوابق در {started.pair} آغاز شده است؛ در داده‌ها تا {as_of.isoformat()} کسی وارد نشده است",
            ),
            _LOOK,
            (quote(case, "recruitment.actual_start"),),
        )
    if completed is not None and completed.gregorian <= as_of and left:
        yield Found(
            "recruitment.trial_completion",
            Sentence(
                f"Completed {completed.pair} by the record; {left} participant(s) are in treatment or follow-up",
                f"بنا بر سوابق در {completed.pair} خاتمه یافته است؛ {left} نفر در درمان یا پیگیری‌اند",
            ),
            _LOOK,
            (quote(case, "recruitment.trial_completion"),),
        )


@rule(
    "actual-sample-size-differs",
    Severity.ERROR,
    LIVE,
    "The actual sample size is missing or not that of the data",
    "حجم نمونهٔ تحقق‌یافته نیامده یا جز شمار داده‌هاست",
)
def actual_sample_size_differs(case: Case) -> Iterator[Found]:
    for one in state_of(case).untrue:
        if one.path == "recruitment.actual_sample_size":
            yield _found(case, one)


@rule(
    "site-not-in-record",
    Severity.ERROR,
    LIVE,
    "People are enrolled at a centre that the record does not name",
    "در مرکزی بیمارگیری می‌شود که در سوابق نیست",
)
def site_not_in_record(case: Case) -> Iterator[Found]:
    for one in state_of(case).untrue:
        if one.path.startswith("centres["):
            yield Found(
                "centres[0].organization" if case.record.centres else "recruitment.countries",
                one.evidence,
                Sentence(
                    "Register the centre with its address, and its ethics approval",
                    "مرکز را با نشانی و تایید اخلاقش ثبت کنید",
                ),
                tuple(quote(case, f"centres[{index}].organization") for index in range(len(case.record.centres))),
            )


@rule(
    "data-are-simulated",
    Severity.INFO,
    LIVE,
    "The trial's data are simulated",
    "داده‌های کارآزمایی شبیه‌سازی شده است",
)
def data_are_simulated(case: Case) -> Iterator[Found]:
    if case.facts is not None and case.facts.simulated:
        yield Found(
            "registration.number",
            Sentence(
                "The participants are virtual: what the comparison with the data finds is no fact about a trial",
                "شرکت‌کنندگان مجازی‌اند: آنچه از سنجش با داده‌ها برمی‌آید واقعیتی دربارهٔ هیچ کارآزمایی نیست",
            ),
            Sentence("Send nothing of it to a registry", "چیزی از آن را به مرکز ثبت نفرستید"),
            (quote(case, "registration.number"),),
        )
