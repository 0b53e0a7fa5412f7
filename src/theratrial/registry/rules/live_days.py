"""Record and living trial over time: enrolments out of their time, and what is overdue by the trial's data."""

from __future__ import annotations

from collections.abc import Iterator

from theratrial.registry.duties import DUTIES, RESULTS_12_MONTHS, last_update
from theratrial.registry.fields import field_of
from theratrial.registry.found import Quote, Sentence, Severity
from theratrial.registry.recruitment_state import OVER, Recruitment, day_of, shown_by
from theratrial.registry.rules.frame import IRCT, LIVE, WHO_RESULTS, Case, Found, quote, rule
from theratrial.registry.rules.live import UPDATE, state_of
from theratrial.registry.trial_facts import Fact
from theratrial.registry.trial_state import agrees


@rule(
    "sample-size-overshot",
    Severity.WARNING,
    LIVE,
    "More people were enrolled than were planned",
    "بیش از حجم نمونه وارد مطالعه شده‌اند",
)
def sample_size_overshot(case: Case) -> Iterator[Found]:
    facts, target = case.facts, case.record.recruitment.target_sample_size
    if facts is not None and target is not None and facts.enrolled > target:
        yield Found(
            "recruitment.target_sample_size",
            Sentence(
                f"{facts.enrolled} enrolled by {facts.as_of.isoformat()}, {target} planned",
                f"تا {facts.as_of.isoformat()} {facts.enrolled} نفر وارد شده‌اند و {target} نفر برنامه بوده است",
            ),
            Sentence(
                "Amend protocol and record with the reason, or say why more were enrolled",
                "پروتکل و سوابق را با ذکر علت اصلاح کنید یا بگویید چرا بیشتر وارد شده‌اند",
            ),
            (quote(case, "recruitment.target_sample_size"), _by(facts.last_enrolment)),
        )


@rule(
    "enrolled-before-approval",
    Severity.ERROR,
    IRCT,
    "Somebody was enrolled before the ethics approval",
    "کسی پیش از تایید اخلاق وارد مطالعه شده است",
)
def enrolled_before_approval(case: Case) -> Iterator[Found]:
    first = day_of(case.facts.first_consent) if case.facts else None
    approved = [(one.approved_on.gregorian, index) for index, one in enumerate(case.record.ethics) if one.approved_on]
    if first is None or not approved or case.facts is None:
        return
    day, index = min(approved)
    if first < day:
        shown_ = shown_by(case.facts.first_consent)
        yield Found(
            f"ethics[{index}].approved_on",
            Sentence(
                f"Approved {day.isoformat()}; the first consent is earlier{shown_.en}",
                f"تایید در {day.isoformat()}؛ نخستین رضایت پیش از آن است{shown_.fa}",
            ),
            Sentence(
                "Check both days; if they hold, tell the ethics committee",
                "هر دو روز را بازبینی کنید؛ اگر درست است به کمیتهٔ اخلاق خبر دهید",
            ),
            (quote(case, f"ethics[{index}].approved_on"), _by(case.facts.first_consent)),
        )


@rule(
    "enrolled-after-stated-end",
    Severity.ERROR,
    LIVE,
    "People were enrolled after the end that the record gives",
    "پس از پایانی که سوابق می‌گوید کسانی وارد شده‌اند",
)
def enrolled_after_stated_end(case: Case) -> Iterator[Found]:
    last, end = day_of(case.facts.last_enrolment) if case.facts else None, case.record.recruitment.actual_end
    if last is None or end is None or case.facts is None or agrees(end, last) or last < end.gregorian:
        return
    shown_ = shown_by(case.facts.last_enrolment)
    yield Found(
        "recruitment.actual_end",
        Sentence(
            f"Recruitment ended {end.pair} by the record; somebody was enrolled {(last - end.gregorian).days} days "
            f"later{shown_.en}",
            f"بنا بر سوابق بیمارگیری در {end.pair} پایان یافته و {(last - end.gregorian).days} روز پس از آن کسی وارد "
            f"شده است{shown_.fa}",
        ),
        Sentence("Enter the end that holds, and the reason", "پایان درست و علت را وارد کنید"),
        (quote(case, "recruitment.actual_end"), _by(case.facts.last_enrolment)),
    )


@rule(
    "recruiting-after-expected-end",
    Severity.WARNING,
    LIVE,
    "The expected end has passed, and recruitment is not over",
    "پایان مورد انتظار گذشته و بیمارگیری پایان نیافته است",
)
def recruiting_after_expected_end(case: Case) -> Iterator[Found]:
    facts, recruitment = case.facts, case.record.recruitment
    end, status = recruitment.expected_end, recruitment.status.code
    if facts is None or end is None or status in (*OVER, "withdrawn") or recruitment.actual_end is not None:
        return
    found = Recruitment(case.record, facts, last_update(case.record, case.history))
    if end.gregorian < facts.as_of and not found.reached:
        yield Found(
            "recruitment.expected_end",
            Sentence(
                f"Expected to end {end.pair}; {found.counted.en}",
                f"پایان مورد انتظار {end.pair} بود؛ {found.counted.fa}",
            ),
            Sentence(
                "Enter a new expected end, or say that recruitment was ended",
                "پایان مورد انتظار تازه‌ای وارد کنید یا بگویید بیمارگیری پایان داده شده است",
            ),
            (quote(case, "recruitment.expected_end"), quote(case, "recruitment.status")),
        )


@rule(
    "record-behind-trial",
    Severity.ERROR,
    DUTIES["update-30-days"].source,
    "What happened in the trial is not in the record after 30 days",
    "رخدادهای کارآزمایی پس از ۳۰ روز هنوز در سوابق نیامده است",
)
def record_behind_trial(case: Case) -> Iterator[Found]:
    late = [one for one in state_of(case).untrue if (case.today - DUTIES[one.rule].due(one.since)).days > 0]
    late = [one for one in late if one.rule == "update-30-days"]
    if late:
        first = min(late, key=lambda one: one.since)
        labels = [field_of(one.path) for one in late]
        names, names_fa = ", ".join(one.en for one in labels), "، ".join(one.fa for one in labels)
        days = (case.today - first.since).days
        yield Found(
            first.path,
            Sentence(
                f"{len(late)} field(s) untrue for up to {days} days, since {first.since.isoformat()}: {names}",
                f"{len(late)} فیلد از {first.since.isoformat()}، تا {days} روز، نادرست مانده است: {names_fa}",
            ),
            UPDATE,
            (quote(case, "registration.stated.last_update"),),
        )


@rule(
    "results-overdue-by-data",
    Severity.ERROR,
    WHO_RESULTS,
    "By the trial's data the results are overdue",
    "بنا بر داده‌های کارآزمایی موعد نتایج گذشته است",
)
def results_overdue_by_data(case: Case) -> Iterator[Found]:
    facts, results = case.facts, case.record.results
    if facts is None or results.posted_on is not None or results.urls or results.summary:
        return
    found = Recruitment(case.record, facts, last_update(case.record, case.history))
    ended = day_of(facts.last_visit)
    if found.over_since is None or not found.nobody_left or ended is None:
        return
    due = DUTIES[RESULTS_12_MONTHS].due(ended)
    if due < case.today:
        shown_ = shown_by(facts.last_visit)
        yield Found(
            "results.posted_on",
            Sentence(
                f"Last visit {ended.isoformat()}{shown_.en}; results were due {due.isoformat()}, "
                f"{(case.today - due).days} days ago",
                f"آخرین ویزیت {ended.isoformat()}{shown_.fa}؛ موعد نتایج {due.isoformat()} بود، "
                f"{(case.today - due).days} روز پیش",
            ),
            Sentence("Post the summary results, or a link to them", "خلاصهٔ نتایج یا نشانی آن را ثبت کنید"),
            (quote(case, "results.posted_on"), _by(facts.last_visit)),
        )


def _by(fact: Fact | None) -> Quote:
    return Quote(fact.evidence if fact else "", "", "the trial's data")
