"""What the WHO data set and the registry ask for and the record leaves empty."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from theratrial.registry.found import Sentence, Severity
from theratrial.registry.record import SHARED_ITEMS, RegistrationRecord
from theratrial.registry.rules.frame import TRDS, Case, Found, quote, rule
from theratrial.registry.rules.words import of_irct

OVER: Final = ("complete", "completed", "terminated")
"""Status of a trial that recruits no more."""


def _missing(
    id_: str,
    severity: Severity,
    item: int,
    path: str,
    missing: Callable[[RegistrationRecord], bool],
    title: tuple[str, str],
    remedy: tuple[str, str],
) -> None:
    """A rule that one item of the data set must not be empty: its title says what is missing."""

    @rule(id_, severity, TRDS.format(item), *title)
    def look(case: Case) -> Iterator[Found]:
        if missing(case.record):
            yield Found(path, Sentence(*title), Sentence(*remedy), (quote(case, path),))


_missing(
    "public-title-missing",
    Severity.ERROR,
    9,
    "public_title",
    lambda record: not record.public_title,
    ("No public title is registered", "عنوان عمومی ثبت نشده است"),
    (
        "Say in words that a patient understands what is tried and in whom",
        "به زبانی که بیمار بفهمد بنویسید چه چیزی و در چه کسانی آزموده می‌شود",
    ),
)
_missing(
    "scientific-title-missing",
    Severity.ERROR,
    10,
    "scientific_title",
    lambda record: not record.scientific_title,
    ("No scientific title is registered", "عنوان علمی ثبت نشده است"),
    ("Copy the title of the protocol", "عنوان پروتکل را بنویسید"),
)
_missing(
    "status-missing",
    Severity.ERROR,
    18,
    "recruitment.status",
    lambda record: not record.recruitment.status,
    ("No recruitment status is registered", "وضعیت بیمارگیری ثبت نشده است"),
    ("Choose the status as it is today", "وضعیت امروز را انتخاب کنید"),
)
_missing(
    "start-date-missing",
    Severity.ERROR,
    16,
    "recruitment.expected_start",
    lambda record: record.recruitment.first_enrolment is None,
    (
        "Neither an expected nor an actual start of recruitment is registered",
        "نه شروع مورد انتظار بیمارگیری ثبت شده است و نه شروع تحقق‌یافته",
    ),
    (
        "Enter the expected start, and the actual one once the first participant is enrolled",
        "شروع مورد انتظار را وارد کنید و پس از نخستین بیمارگیری شروع تحقق‌یافته را",
    ),
)
_missing(
    "sample-size-missing",
    Severity.ERROR,
    17,
    "recruitment.target_sample_size",
    lambda record: not record.recruitment.target_sample_size,
    ("No target sample size is registered", "حجم نمونهٔ پیش‌بینی‌شده ثبت نشده است"),
    ("Enter the number that the protocol plans to enrol", "شماری را که پروتکل پیش‌بینی کرده است وارد کنید"),
)
_missing(
    "actual-sample-size-missing",
    Severity.WARNING,
    17,
    "recruitment.actual_sample_size",
    lambda record: record.recruitment.status.code in OVER and record.recruitment.actual_sample_size is None,
    (
        "Recruitment is over and the number reached is not registered",
        "بیمارگیری پایان یافته و حجم نمونهٔ تحقق‌یافته ثبت نشده است",
    ),
    ("Enter how many participants were enrolled", "شمار شرکت‌کنندگان واردشده را بنویسید"),
)
_missing(
    "countries-missing",
    Severity.WARNING,
    11,
    "recruitment.countries",
    lambda record: not any(record.recruitment.countries),
    ("Countries of recruitment are not named", "کشورهای بیمارگیری نام برده نشده‌اند"),
    (
        "Name every country in which participants are recruited: an address of a centre does not say it",
        "هر کشوری را که در آن بیمارگیری می‌شود نام ببرید: نشانی مرکز جای آن را نمی‌گیرد",
    ),
)
_missing(
    "utn-missing",
    Severity.WARNING,
    3,
    "registration.utn",
    lambda record: not record.registration.utn,
    ("There is no Universal Trial Number", "شمارهٔ جهانی کارآزمایی (UTN) نیامده است"),
    (
        "Ask WHO for one (U1111-...) and enter it: it joins this record with others of the same trial",
        "آن را از سازمان جهانی بهداشت بگیرید (U1111-...) و وارد کنید: این شماره ثبت‌های یک کارآزمایی را به هم می‌پیوندد",
    ),
)
_missing(
    "sponsor-missing",
    Severity.ERROR,
    5,
    "sponsors[0].contact.organization",
    lambda record: not any(one.contact.organization or one.contact.name for one in record.sponsors),
    ("No sponsor is registered", "حمایت‌کننده‌ای ثبت نشده است"),
    ("Name the organization that answers for the trial", "سازمانی را که پاسخ‌گوی کارآزمایی است نام ببرید"),
)
_missing(
    "funding-missing",
    Severity.WARNING,
    4,
    "sponsors[0].funding_title",
    lambda record: (
        not record.recruitment.funding_source
        and not any(one.funding_title or one.kind.code == "funder" for one in record.sponsors)
    ),
    ("No source of monetary or material support is named", "منبع حمایت مالی یا مادی نام برده نشده است"),
    ("Name every source, the sponsor's own means too", "هر منبع را نام ببرید، اعتبار خود حمایت‌کننده را هم"),
)
_missing(
    "condition-missing",
    Severity.ERROR,
    12,
    "conditions[0].description",
    lambda record: not any(one.description for one in record.conditions),
    ("No health condition is registered", "بیماری مورد مطالعه ثبت نشده است"),
    ("Name the condition, with its ICD-10 code", "بیماری را با کد ICD-10 آن بنویسید"),
)
_missing(
    "intervention-missing",
    Severity.ERROR,
    13,
    "interventions[0].description",
    lambda record: not any(one.description for one in record.interventions),
    ("No intervention is described", "مداخله‌ای شرح داده نشده است"),
    (
        "Say for each group what is given, how much, how often and how long",
        "برای هر گروه بنویسید چه چیزی، به چه مقدار، چند بار و تا چه مدت داده می‌شود",
    ),
)
_missing(
    "study-type-missing",
    Severity.WARNING,
    15,
    "design.study_type",
    # IRCT registers interventional trials only, and prints no study type.
    lambda record: not record.design.study_type and not of_irct(record),
    ("The study type is not registered", "نوع مطالعه ثبت نشده است"),
    ("Say whether the study is interventional or observational", "بنویسید مطالعه مداخله‌ای است یا مشاهده‌ای"),
)
_missing(
    "ethics-missing",
    Severity.ERROR,
    21,
    "ethics[0].contact.organization",
    lambda record: not record.ethics,
    ("No ethics review is registered", "بررسی کمیتهٔ اخلاق ثبت نشده است"),
    ("Name the committee, the day and the reference of its approval", "نام کمیته، روز تایید و کد آن را بنویسید"),
)
_missing(
    "sharing-missing",
    Severity.WARNING,
    24,
    "sharing.individual_participant_data",
    lambda record: not record.sharing.individual_participant_data,
    ("Nothing is said of sharing the participants' data", "دربارهٔ انتشار داده‌های شرکت‌کنندگان چیزی گفته نشده است"),
    (
        "Say whether, what, when and with whom data will be shared",
        "بنویسید آیا داده‌ای منتشر می‌شود، چه داده‌ای، کی و برای چه کسانی",
    ),
)
_missing(
    "sharing-undecided",
    Severity.WARNING,
    24,
    "sharing.individual_participant_data",
    lambda record: all(getattr(record.sharing, name).code == "undecided" for name in SHARED_ITEMS),
    ("All seven items of the sharing plan are undecided", "هر هفت بند برنامهٔ انتشار «هنوز تصمیم نگرفته‌ام» است"),
    ("Decide item by item; protocol, consent form and analysis plan can be shared without any participant's data",
     "بند به بند تصمیم بگیرید؛ پروتکل، فرم رضایت و برنامهٔ آنالیز را بی هیچ دادهٔ شرکت‌کننده‌ای می‌توان منتشر کرد"),
)  # fmt: skip
_missing(
    "secondary-outcomes-missing",
    Severity.WARNING,
    20,
    "secondary_outcomes[0].description",
    lambda record: not any(one.description for one in record.secondary_outcomes),
    ("No secondary outcome is registered", "هیچ پیامد ثانویه‌ای ثبت نشده است"),
    (
        "Register the protocol's secondary outcomes, safety first: what is not registered counts as added later",
        "پیامدهای ثانویهٔ پروتکل را ثبت کنید، نخست ایمنی: آنچه ثبت نشود افزودهٔ بعدی شمرده می‌شود",
    ),
)
