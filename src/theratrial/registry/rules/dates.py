"""Dates and status: whether they can be true together, and whether somebody has looked at the record since."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Final

from theratrial.errors import InputError
from theratrial.registry.calendars import gregorian_date
from theratrial.registry.dates import DateProblem, read_date
from theratrial.registry.found import Quote, Sentence, Severity
from theratrial.registry.rules.frame import CONSISTENCY, ICMJE, IRCT, TRDS, WHO_RESULTS, Case, Found, quote, rule
from theratrial.registry.timing import registration_timing
from theratrial.registry.words import RecordDate

STATUS: Final = "recruitment.status"
_OVER: Final = ("complete", "completed", "terminated")
_LABELS: Final = {
    "actual_start": ("actual start", "شروع تحقق‌یافته"),
    "actual_end": ("actual end", "پایان تحقق‌یافته"),
    "trial_completion": ("completion of the trial", "خاتمهٔ کارآزمایی"),
}
_NUMBER: Final = re.compile(r"IRCT(\d{8})(\d{4,6})N(\d{1,4})")


@rule(
    "status-without-dates",
    Severity.ERROR,
    CONSISTENCY,
    "The status says that recruitment is over; the dates do not",
    "وضعیت می‌گوید بیمارگیری تمام شده و تاریخ‌ها نه",
)
def status_without_dates(case: Case) -> Iterator[Found]:
    recruitment = case.record.recruitment
    if recruitment.status.code not in _OVER:
        return
    wanted = ["actual_start", "actual_end"] + (["trial_completion"] if recruitment.status.code != "complete" else [])
    empty = [name for name in wanted if getattr(recruitment, name) is None]
    if empty:
        if recruitment.trial_completion is None and "trial_completion" not in empty:
            empty.append("trial_completion")
        yield Found(
            f"recruitment.{empty[0]}",
            Sentence(
                "Recruitment is over by its status; empty: " + ", ".join(_LABELS[name][0] for name in empty),
                "بنا بر وضعیت، بیمارگیری پایان یافته است؛ خالی: " + "، ".join(_LABELS[name][1] for name in empty),
            ),
            Sentence(
                "Enter the dates from the trial's records, or correct the status",
                "تاریخ‌ها را از سوابق کارآزمایی وارد کنید یا وضعیت را درست کنید",
            ),
            (quote(case, STATUS), *(quote(case, f"recruitment.{name}") for name in empty)),
        )


@rule(
    "status-before-it-could-be",
    Severity.ERROR,
    CONSISTENCY,
    "The record was last updated before its status could be true",
    "آخرین به‌روزرسانی پیش از آن است که وضعیت بتواند درست باشد",
)
def status_before_it_could_be(case: Case) -> Iterator[Found]:
    recruitment, updated = case.record.recruitment, _last_update(case)
    start = recruitment.first_enrolment
    if updated is None or start is None or recruitment.status.code not in ("recruiting", *_OVER):
        return
    if updated.gregorian < start.gregorian:
        days = (start.gregorian - updated.gregorian).days
        expected = "" if recruitment.actual_start else "expected "
        yield Found(
            STATUS,
            Sentence(
                f"Last updated {days} days before the {expected}start: "
                "nobody can have entered this status after the fact",
                f"آخرین به‌روزرسانی {days} روز پیش از شروع است: کسی نمی‌توانسته این وضعیت را پس از رخ دادنش وارد کند",
            ),
            Sentence(
                "Find out who set the status, and update the record",
                "روشن کنید وضعیت را چه کسی گذاشته و سوابق را به‌روز کنید",
            ),
            (quote(case, STATUS), quote(case, "registration.stated.last_update")),
        )


@rule(
    "record-stale",
    Severity.ERROR,
    "ClinicalTrials.gov: at least every 12 months; WHO: registries ask for a yearly update",
    "The record has not been updated for more than a year",
    "سوابق بیش از یک سال به‌روز نشده است",
)
def record_stale(case: Case) -> Iterator[Found]:
    updated = _last_update(case)
    if updated is None or case.record.recruitment.status.code in ("completed", "terminated", "withdrawn"):
        return
    days = (case.today - updated.gregorian).days
    if days > 366:
        yield Found(
            "registration.stated.last_update",
            Sentence(
                f"Last updated {updated.gregorian.isoformat()}, {days / 365.25:.1f} years ago, "
                "while the trial is not closed",
                f"آخرین به‌روزرسانی {updated.gregorian.isoformat()} بوده است، {days / 365.25:.1f} سال پیش، "
                "و کارآزمایی بسته نشده است",
            ),
            Sentence(
                "Confirm every field, change what is no longer true, and give the reason",
                "همهٔ فیلدها را بازبینی کنید، آنچه دیگر درست نیست تغییر دهید و علت را بنویسید",
            ),
            (quote(case, "registration.stated.last_update"), quote(case, "registration.stated.update_count")),
        )


def _last_update(case: Case) -> RecordDate | None:
    """By the versions at hand, else as the registry states it, else the day of registration."""
    if case.history is not None:
        return RecordDate(gregorian=case.history.last_update)
    return case.record.registration.stated.last_update or case.record.registration.registered_on


@rule(
    "timing-provisional",
    Severity.ERROR,
    ICMJE,
    "The stated timing rests on an expected date alone",
    "زمان‌بندی ثبت تنها بر تاریخ مورد انتظار استوار است",
)
def timing_provisional(case: Case) -> Iterator[Found]:
    """Before the expected start nothing else can be known; afterwards the actual day is owed."""
    stated = case.record.registration.stated.timing
    timing = registration_timing(case.record, first_enrolled=_first_enrolled(case))
    over = timing.first_enrolment is not None and timing.first_enrolment < case.today
    if stated.code and timing.provisional and over:
        yield Found(
            "recruitment.actual_start",
            Sentence(
                f"'{stated.code}' cannot be verified: {timing.because}, and the actual start is empty",
                "زمان‌بندی گفته‌شده راستی‌آزمایی‌پذیر نیست: تنها تاریخ شروع مورد انتظار هست و شروع تحقق‌یافته خالی است",
            ),
            Sentence("Enter the day of the first enrolment", "روز نخستین بیمارگیری را وارد کنید"),
            (quote(case, "registration.stated.timing"), quote(case, "recruitment.expected_start")),
        )


@rule(
    "timing-stated-wrong",
    Severity.ERROR,
    ICMJE,
    "The stated timing is not what the dates say",
    "زمان‌بندی گفته‌شده با تاریخ‌ها نمی‌خواند",
)
def timing_stated_wrong(case: Case) -> Iterator[Found]:
    stated = case.record.registration.stated.timing.code
    timing = registration_timing(case.record, first_enrolled=_first_enrolled(case))
    said = "prospective" if stated == "prospective" else "retrospective" if stated else ""
    if said and timing.timing != "undetermined" and timing.timing != said and not timing.provisional:
        yield Found(
            "registration.stated.timing",
            Sentence(
                f"Stated {stated}, computed {timing.timing}: {timing.because}",
                "زمان‌بندی گفته‌شده با محاسبه از تاریخ‌ها یکی نیست",
            ),
            Sentence(
                "Check the day of the first enrolment; the registry states the timing",
                "روز نخستین بیمارگیری را بازبینی کنید",
            ),
            (quote(case, "registration.stated.timing"), quote(case, "registration.registered_on")),
        )


@rule(
    "registered-after-enrolment",
    Severity.ERROR,
    ICMJE,
    "Registered after the first enrolment",
    "پس از نخستین بیمارگیری ثبت شده است",
)
def registered_after_enrolment(case: Case) -> Iterator[Found]:
    timing = registration_timing(case.record, first_enrolled=_first_enrolled(case))
    if timing.timing == "retrospective":
        yield Found(
            "registration.registered_on",
            Sentence(f"Retrospective: {timing.because}", "ثبت گذشته‌نگر است"),
            Sentence(
                "This cannot be mended; say so in every report of the trial",
                "این را نمی‌توان درست کرد؛ در هر گزارش کارآزمایی گفته شود",
            ),
            (quote(case, "registration.registered_on"),),
        )


def _first_enrolled(case: Case) -> date | None:
    found = case.facts.first_consent if case.facts else None
    return found.value if found is not None and isinstance(found.value, date) else None


@rule(
    "dates-out-of-order",
    Severity.ERROR,
    CONSISTENCY,
    "Dates that cannot follow each other",
    "ترتیب تاریخ‌ها ممکن نیست",
)
def dates_out_of_order(case: Case) -> Iterator[Found]:
    pairs = (
        ("expected_start", "expected_end"),
        ("actual_start", "actual_end"),
        ("actual_end", "trial_completion"),
        ("actual_start", "trial_completion"),
        ("primary_completion", "trial_completion"),
    )
    for first, second in pairs:
        before, after = getattr(case.record.recruitment, first), getattr(case.record.recruitment, second)
        if before and after and after.gregorian < before.gregorian:
            yield Found(
                f"recruitment.{second}",
                Sentence(
                    f"{second.replace('_', ' ')} {after.pair} lies before {first.replace('_', ' ')} {before.pair}",
                    f"{after.pair} پیش از {before.pair} است",
                ),
                Sentence("Correct one of them from the trial's records", "یکی را از روی سوابق کارآزمایی درست کنید"),
                (quote(case, f"recruitment.{first}"), quote(case, f"recruitment.{second}")),
            )


@rule(
    "actual-date-in-future",
    Severity.ERROR,
    CONSISTENCY,
    "Something is said to have happened on a day to come",
    "رخدادی در آینده رخ‌داده خوانده شده است",
)
def actual_date_in_future(case: Case) -> Iterator[Found]:
    record = case.record
    days = [(f"recruitment.{name}", getattr(record.recruitment, name)) for name in ("actual_start", "actual_end")]
    days += [
        ("registration.registered_on", record.registration.registered_on),
        ("results.posted_on", record.results.posted_on),
    ]
    days += [(f"ethics[{index}].approved_on", one.approved_on) for index, one in enumerate(record.ethics)]
    for path, day in days:
        if day is not None and day.gregorian > case.today:
            yield Found(
                path,
                Sentence(f"{day.pair} lies after today, {case.today.isoformat()}", f"{day.pair} پس از امروز است"),
                Sentence("Check calendar and year", "تقویم و سال را بازبینی کنید"),
                (quote(case, path),),
            )


_NAMED_DATE: Final = re.compile(r"(?<!up)date", re.IGNORECASE)


def _a_day(words: str, today: date) -> bool:
    """Whether it can be read: a day that only has no field, as that of posting, is not garbled."""
    try:
        return read_date(words, today=today) is not None
    except DateProblem:
        return False


@rule(
    "date-garbled",
    Severity.ERROR,
    TRDS.format("2, 16, 21, 22"),
    "A date of the source is none",
    "تاریخی در منبع تاریخ نیست",
)
def date_garbled(case: Case) -> Iterator[Found]:
    for one in case.unplaced:
        if one.suggestion or (_NAMED_DATE.search(one.name) and not _a_day(one.value, case.today)):
            meant = f"; probably {one.suggestion}" if one.suggestion else ""
            meant_fa = f"؛ به‌احتمال {one.suggestion}" if one.suggestion else ""
            yield Found(
                "",
                Sentence(
                    f"{one.name}: '{one.value}' {one.why}{meant}", f"{one.name}: «{one.value}» تاریخ نیست{meant_fa}"
                ),
                Sentence("Enter the day from the trial's records", "روز را از سوابق کارآزمایی وارد کنید"),
                (Quote(one.value, "", one.where),),
            )


@rule(
    "overdue-to-start",
    Severity.WARNING,
    CONSISTENCY,
    "The expected start has passed and nothing says whether the trial began",
    "شروع مورد انتظار گذشته و گفته نشده که کارآزمایی آغاز شده یا نه",
)
def overdue_to_start(case: Case) -> Iterator[Found]:
    recruitment = case.record.recruitment
    start, status = recruitment.expected_start, recruitment.status.code
    if start and recruitment.actual_start is None and status in ("not_yet_recruiting", "recruiting"):
        days = (case.today - start.gregorian).days
        if days > 30 or (days > 0 and status == "recruiting"):
            yield Found(
                "recruitment.actual_start",
                Sentence(
                    f"Expected to start {start.pair}, {days} days ago; the actual start is empty",
                    f"شروع مورد انتظار {start.pair} بود، {days} روز پیش؛ شروع تحقق‌یافته خالی است",
                ),
                Sentence(
                    "Enter the actual start, or a new expected one",
                    "شروع تحقق‌یافته یا شروع مورد انتظار تازه را وارد کنید",
                ),
                (quote(case, "recruitment.expected_start"), quote(case, STATUS)),
            )


@rule(
    "design-text-dates-differ",
    Severity.WARNING,
    CONSISTENCY,
    "The design's text gives another period than the fields",
    "متن طراحی بازهٔ دیگری از فیلدها می‌گوید",
)
def design_text_dates_differ(case: Case) -> Iterator[Found]:
    """``between January 2022 and June 2023`` against expected start and end, month by month."""
    words = quote(case, "summary.design").text
    if "between" not in words and "from" not in words:
        return
    match = re.search(r"(?:between|from)\s+([A-Z][a-z]+ \d{4})\s+(?:and|to|until)\s+([A-Z][a-z]+ \d{4})", words)
    if match is None:
        return
    from theratrial.registry.dates import DateProblem, read_date

    for text, name in ((match[1], "expected_start"), (match[2], "expected_end")):
        day = getattr(case.record.recruitment, name)
        try:
            month = read_date(text, today=case.today)
        except DateProblem:
            continue
        if day is not None and (day.gregorian.year, day.gregorian.month) != (
            month.gregorian.year,
            month.gregorian.month,
        ):
            yield Found(
                "summary.design",
                Sentence(f"'{text}' in the text, {day.pair} in the field", f"در متن «{text}» و در فیلد {day.pair} است"),
                Sentence("Say the same in both", "در هر دو یکی بنویسید"),
                (Quote(match[0], "summary.design"), quote(case, f"recruitment.{name}")),
            )


@rule(
    "ethics-after-registration",
    Severity.ERROR,
    IRCT,
    "Ethics approval after registration or first enrolment",
    "تایید اخلاق پس از ثبت یا نخستین بیمارگیری است",
)
def ethics_after_registration(case: Case) -> Iterator[Found]:
    """IRCT asks for the approval first."""
    registration, start = case.record.registration.registered_on, case.record.recruitment.actual_start
    approved = [one.approved_on for one in case.record.ethics if one.approved_on is not None]
    if not approved:
        return
    first = min(approved, key=lambda day: day.gregorian)
    for name, path, other in (
        ("registration", "registration.registered_on", registration),
        ("the first enrolment", "recruitment.actual_start", start),
    ):
        if other is not None and first.gregorian > other.gregorian:
            yield Found(
                "ethics[0].approved_on",
                Sentence(
                    f"Approved {first.pair}, after {name} on {other.pair}", f"تایید در {first.pair}، پس از {other.pair}"
                ),
                Sentence(
                    "Check the dates; without approval no participant may be enrolled",
                    "تاریخ‌ها را بازبینی کنید؛ بی تایید اخلاق بیمارگیری روا نیست",
                ),
                (quote(case, "ethics[0].approved_on"), quote(case, path)),
            )


@rule(
    "number-out-of-pattern",
    Severity.WARNING,
    IRCT,
    "The registration number is none of the registry's",
    "شمارهٔ ثبت به الگوی مرکز ثبت نیست",
)
def number_out_of_pattern(case: Case) -> Iterator[Found]:
    """IRCT + day on which the account was made + account + N + trial of the account; old numbers carry a Jalali day."""
    number = case.record.registration.number.strip()
    if not number.startswith("IRCT"):
        return
    match = _NUMBER.fullmatch(number)
    if match is None:
        message = Sentence(
            f"'{number}' is not of the form IRCT + 8 digits + account + N + number", "الگوی شماره درست نیست"
        )
    else:
        made = _account_day(match[1])
        registered = case.record.registration.registered_on
        if made is None:
            message = Sentence(
                f"'{match[1]}' in '{number}' is no day of either calendar", "تاریخ درون شماره روزی از هیچ تقویمی نیست"
            )
        elif registered is not None and made > registered.gregorian:
            message = Sentence(
                f"The account of '{number}' was made {made.isoformat()}, after the registration",
                "تاریخ درون شماره پس از تاریخ ثبت است",
            )
        else:
            return
    yield Found(
        "registration.number",
        message,
        Sentence("Compare it with the registry's page", "آن را با صفحهٔ مرکز ثبت بسنجید"),
        (quote(case, "registration.number"),),
    )


def _account_day(digits: str) -> date | None:
    year, month, day = int(digits[:4]), int(digits[4:6]), int(digits[6:])
    try:
        if year < 1800:
            return gregorian_date(f"{year}/{month}/{day}")
        return date(year, month, day)
    except (ValueError, InputError):
        return None


@rule(
    "results-overdue",
    Severity.INFO,
    WHO_RESULTS,
    "Summary results are due, or overdue",
    "انتشار خلاصهٔ نتایج سررسید شده است",
)
def results_overdue(case: Case) -> Iterator[Found]:
    """Twelve months after completion; where no completion is registered, after the expected end of recruitment."""
    record = case.record
    completed, guessed = record.recruitment.trial_completion, record.recruitment.expected_end
    if record.results.posted_on is not None or record.results.urls or record.recruitment.status.code not in _OVER:
        return
    base = completed or record.recruitment.actual_end or guessed
    if base is None:
        return
    from theratrial.registry.periods import months_later

    due = months_later(base.gregorian, 12)
    if due < case.today:
        certain = "" if completed else " (no completion date is registered; counted from the end of recruitment)"
        certain_fa = "" if completed else " (تاریخ خاتمه ثبت نشده و از پایان بیمارگیری شمرده شده است)"
        yield Found(
            "results.posted_on",
            Sentence(
                f"Results were due {due.isoformat()}, {(case.today - due).days} days ago{certain}",
                f"موعد نتایج {due.isoformat()} بود، {(case.today - due).days} روز پیش{certain_fa}",
            ),
            Sentence("Post the summary results, or a link to them", "خلاصهٔ نتایج یا نشانی آن را ثبت کنید"),
            (quote(case, "recruitment.trial_completion"),),
        )
