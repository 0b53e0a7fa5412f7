"""Answers that are there and say too little: codes cut short, plans without details, one language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from theratrial.registry.fields import field_of
from theratrial.registry.found import Quote, Sentence, Severity
from theratrial.registry.needles import folded, sought
from theratrial.registry.record import SHARED_ITEMS
from theratrial.registry.rules.frame import CONSISTENCY, IRCT, SPIRIT, TRDS, Case, Found, quote, rule
from theratrial.registry.rules.words import filled, languages, of_irct

_UTN: Final = re.compile(r"U1111-\d{4}-\d{4}")
_ICD10: Final = re.compile(r"[A-Z]\d{2}(?:\.?\d{1,2}|\.?-)?", re.IGNORECASE)
_THREE_CHARACTERS: Final = re.compile(r"C(\d{2})(?:\.?-)?", re.IGNORECASE)
# Neoplasms that ICD-10 (WHO) does not divide further.
_UNDIVIDED: Final = (
    "01",
    "07",
    "12",
    "19",
    "20",
    "23",
    "33",
    "37",
    "52",
    "55",
    "56",
    "58",
    "61",
    "64",
    "65",
    "66",
    "73",
)
_PAIRED: Final = re.compile(r"C(?:34|50|56|57|62|64|65|66|69)", re.IGNORECASE)
_SIDE: Final = sought(
    r"\b(?:left|right|either (?:side|breast|lung|kidney|eye|ovary)|(?:uni|bi)lateral|laterality)\b|"
    r"\b(?:چپ|راست|یک ?\u200c?طرفه|دو ?\u200c?طرفه|هر سمت|هر دو سو)\b"
)
_NO_INFORMATION: Final = sought(r"no information|unknown|بدون اطلاعات|اطلاعاتی (?:در دست )?نیست|نامشخص")
_DETAILS: Final = ("title_and_details", "when", "to_whom", "conditions", "where", "how")


@rule(
    "number-or-date-missing",
    Severity.ERROR,
    TRDS.format("1, 2"),
    "A registration has a number and a day, or neither",
    "ثبت یا هم شماره و هم تاریخ دارد یا هیچ‌کدام",
)
def number_or_date_missing(case: Case) -> Iterator[Found]:
    """Neither is a record that is not registered yet."""
    number, day = case.record.registration.number, case.record.registration.registered_on
    if bool(number) != (day is not None):
        path = "registration.registered_on" if number else "registration.number"
        lacking = ("its day", "تاریخ ثبت") if number else ("its number", "شمارهٔ ثبت")
        yield Found(
            path,
            Sentence(f"The registration lacks {lacking[0]}", f"{lacking[1]} نیامده است"),
            Sentence("Take it from the registry's page", "آن را از صفحهٔ مرکز ثبت بردارید"),
            (quote(case, "registration.number"), quote(case, "registration.registered_on")),
        )


@rule(
    "utn-out-of-pattern",
    Severity.WARNING,
    TRDS.format(3),
    "The Universal Trial Number is none",
    "شمارهٔ جهانی کارآزمایی به الگوی آن نیست",
)
def utn_out_of_pattern(case: Case) -> Iterator[Found]:
    utn = case.record.registration.utn
    if utn and not _UTN.fullmatch(utn):
        yield Found(
            "registration.utn",
            Sentence(f"'{utn}' is not of the form U1111-1234-5678", f"«{utn}» به شکل U1111-1234-5678 نیست"),
            Sentence("Compare it with WHO's letter", "آن را با نامهٔ سازمان جهانی بهداشت بسنجید"),
            (quote(case, "registration.utn"),),
        )


@rule(
    "icd10-three-characters",
    Severity.WARNING,
    TRDS.format(12),
    "The ICD-10 code lacks its fourth character",
    "کد ICD-10 نویسهٔ چهارم ندارد",
)
def icd10_three_characters(case: Case) -> Iterator[Found]:
    """Only of neoplasms that ICD-10 divides: the code then leaves the site open."""
    for index, one in enumerate(case.record.conditions):
        match = _THREE_CHARACTERS.fullmatch(one.icd10.strip())
        if match and match[1] not in _UNDIVIDED:
            path = f"conditions[{index}].icd10"
            yield Found(
                path,
                Sentence(
                    f"'{one.icd10}' is divided further in ICD-10; the fourth character is missing",
                    f"«{one.icd10}» در ICD-10 زیرگروه دارد؛ نویسهٔ چهارم نیامده است",
                ),
                Sentence(
                    "Give the subcategory, or the one for 'unspecified' (usually .9) where any site is meant",
                    "زیرگروه را بنویسید؛ اگر هر محلی مقصود است زیرگروه «نامشخص» (بیشتر ‎.9) را",
                ),
                (quote(case, path),),
            )


@rule(
    "icd10-out-of-pattern",
    Severity.WARNING,
    TRDS.format(12),
    "An ICD-10 code is missing or none",
    "کد ICD-10 نیامده یا به الگوی آن نیست",
)
def icd10_out_of_pattern(case: Case) -> Iterator[Found]:
    for index, one in enumerate(case.record.conditions):
        path = f"conditions[{index}].icd10"
        if not one.icd10 and of_irct(case.record):
            message = Sentence(f"'{one.description}' has no ICD-10 code", f"«{one.description}» کد ICD-10 ندارد")
        elif one.icd10 and not _ICD10.fullmatch(one.icd10.strip()):
            message = Sentence(f"'{one.icd10}' is no ICD-10 code", f"«{one.icd10}» کد ICD-10 نیست")
        else:
            continue
        remedy = Sentence("Give one code for each condition, as C50.9", "برای هر بیماری یک کد بنویسید، مانند C50.9")
        yield Found(path, message, remedy, (quote(case, path),))


@rule(
    "laterality-missing",
    Severity.WARNING,
    TRDS.format(12),
    "Nothing is said of the side of a paired organ",
    "سمت اندام جفت گفته نشده است",
)
def laterality_missing(case: Case) -> Iterator[Found]:
    for index, one in enumerate(case.record.conditions):
        if not _PAIRED.match(one.icd10):
            continue
        words = " ".join(
            f"{text.en} {text.fa}"
            for text in (one.description, one.icd10_description, case.record.eligibility.inclusion, *one.keywords)
        )
        if not _SIDE.within(folded(words)):
            path = f"conditions[{index}].description"
            yield Found(
                path,
                Sentence(
                    f"'{one.description}': left, right, bilateral or either side is not said",
                    f"«{one.description}»: گفته نشده چپ، راست، دوطرفه یا هر سمتی",
                ),
                Sentence(
                    "Say the side, or that either side is accepted", "سمت را بنویسید یا بگویید هر سمتی پذیرفته است"
                ),
                (quote(case, path), quote(case, f"conditions[{index}].icd10")),
            )


@rule(
    "masked-groups-no-information",
    Severity.WARNING,
    CONSISTENCY,
    "'No information' on masked groups of a trial that is not blinded",
    "«بدون اطلاعات» برای گروه‌های کورشده در کارآزمایی کورنشده",
)
def masked_groups_no_information(case: Case) -> Iterator[Found]:
    masked = quote(case, "design.masked_groups")
    if case.record.design.blinding.code == "not_blinded" and _NO_INFORMATION.search(masked.text):
        yield Found(
            "design.masked_groups",
            Sentence(
                f"Not blinded, and '{masked.text}' on who is masked: the answer is known, nobody",
                f"کارآزمایی کور نشده است و برای گروه‌های کورشده «{masked.text}» آمده: پاسخ روشن است، هیچ‌کس",
            ),
            Sentence("Say that nobody is masked", "بنویسید هیچ گروهی کور نشده است"),
            (masked, quote(case, "design.blinding")),
        )


@rule(
    "masked-groups-missing",
    Severity.WARNING,
    TRDS.format(15),
    "A blinded trial that does not say who is masked",
    "کارآزمایی کورشده نمی‌گوید چه کسانی کور شده‌اند",
)
def masked_groups_missing(case: Case) -> Iterator[Found]:
    masked = quote(case, "design.masked_groups")
    if case.record.design.blinding.code in ("single", "double", "triple") and (
        not masked.text or _NO_INFORMATION.search(masked.text)
    ):
        yield Found(
            "design.masked_groups",
            Sentence(
                "The trial is blinded; who is masked is not said", "کارآزمایی کور است؛ گفته نشده چه کسانی کور شده‌اند"
            ),
            Sentence(
                "Name them: participant, care provider, investigator, outcome assessor, data analyst",
                "نامشان را ببرید: شرکت‌کننده، مراقب، محقق، ارزیاب پیامد، تحلیل‌گر داده",
            ),
            (masked, quote(case, "design.blinding")),
        )


@rule(
    "design-incomplete",
    Severity.WARNING,
    TRDS.format(15),
    "Parts of the design are not registered",
    "بخش‌هایی از طراحی ثبت نشده است",
)
def design_incomplete(case: Case) -> Iterator[Found]:
    names = ("purpose", "phase", "randomization", "blinding", "assignment")
    empty = [name for name in names if not getattr(case.record.design, name)]
    # One sentence is all that some registries give; it is then judged by nobody here.
    if empty and not case.record.design.description:
        fields = [field_of(f"design.{name}") for name in empty]
        yield Found(
            f"design.{empty[0]}",
            Sentence(
                "Not registered: " + ", ".join(one.en for one in fields),
                "ثبت نشده است: " + "، ".join(one.fa for one in fields),
            ),
            Sentence("Choose each as the protocol has it", "هر یک را چنان که در پروتکل است انتخاب کنید"),
        )


@rule(
    "randomization-undescribed",
    Severity.WARNING,
    SPIRIT,
    "Randomized, and how is not said",
    "تصادفی‌شده و شیوهٔ آن گفته نشده است",
)
def randomization_undescribed(case: Case) -> Iterator[Found]:
    design = case.record.design
    if design.randomization.code == "randomized" and not design.randomization_description:
        yield Found(
            "design.randomization_description",
            Sentence("How participants are randomized is not described", "شیوهٔ تصادفی‌سازی شرح داده نشده است"),
            Sentence(
                "Give method, unit, strata and how the allocation is concealed",
                "روش، واحد، طبقه‌ها و شیوهٔ پنهان‌سازی تخصیص را بنویسید",
            ),
            (quote(case, "design.randomization"),),
        )


@rule(
    "ethics-incomplete",
    Severity.WARNING,
    TRDS.format(21),
    "An ethics review lacks committee, day or reference",
    "بررسی اخلاق نام کمیته، تاریخ یا کد ندارد",
)
def ethics_incomplete(case: Case) -> Iterator[Found]:
    for index, one in enumerate(case.record.ethics):
        parts = (
            ("contact.organization", one.contact.organization),
            ("approved_on", one.approved_on),
            # A reference number is IRCT's demand; the WHO data set asks for committee, status and day.
            ("reference", one.reference or not of_irct(case.record)),
        )
        empty = [f"ethics[{index}].{name}" for name, value in parts if not value]
        if empty and one.status.code not in ("submitted", "not_applicable"):
            yield Found(
                empty[0],
                Sentence(
                    "The ethics review lacks: " + ", ".join(field_of(path).en for path in empty),
                    "در بررسی اخلاق نیامده است: " + "، ".join(field_of(path).fa for path in empty),
                ),
                Sentence("Copy it from the letter of approval", "آن را از نامهٔ تایید بنویسید"),
                tuple(quote(case, path) for path in empty),
            )


@rule(
    "sharing-details-missing",
    Severity.WARNING,
    TRDS.format(24),
    "Sharing is promised without saying what, when and to whom",
    "انتشار وعده داده شده بی آنکه گفته شود چه، کی و برای چه کسی",
)
def sharing_details_missing(case: Case) -> Iterator[Found]:
    sharing = case.record.sharing
    promised = [name for name in SHARED_ITEMS if getattr(sharing, name).code == "yes"]
    empty = [name for name in _DETAILS if not getattr(sharing, name)]
    if promised and empty and not sharing.comments:
        yield Found(
            f"sharing.{empty[0]}",
            Sentence(
                "A plan to share is registered; not said: "
                + "; ".join(field_of(f"sharing.{name}").en for name in empty),
                "برنامهٔ انتشار ثبت شده است؛ نیامده: " + "؛ ".join(field_of(f"sharing.{name}").fa for name in empty),
            ),
            Sentence(
                "Fill in the details, or say where they can be read", "جزییات را بنویسید یا بگویید کجا خواندنی است"
            ),
            (quote(case, f"sharing.{promised[0]}"),),
        )


@rule(
    "centre-missing",
    Severity.WARNING,
    IRCT,
    "No recruitment centre is registered",
    "مرکز بیمارگیری ثبت نشده است",
)
def centre_missing(case: Case) -> Iterator[Found]:
    if of_irct(case.record) and not any(one.organization for one in case.record.centres):
        yield Found(
            "centres[0].organization",
            Sentence("No recruitment centre is registered", "مرکز بیمارگیری ثبت نشده است"),
            Sentence("Name every centre, with its address", "هر مرکز را با نشانی آن بنویسید"),
        )


@rule(
    "one-language-only",
    Severity.INFO,
    IRCT,
    "The record at hand is in one language only",
    "نسخهٔ موجود تنها به یک زبان است",
)
def one_language_only(case: Case) -> Iterator[Found]:
    """IRCT demands both for trials in Iran; a page saved in one language shows only that."""
    here = languages(case.record)
    if of_irct(case.record) and here in ({"en"}, {"fa"}):
        lacking = ("Persian", "فارسی") if here == {"en"} else ("English", "انگلیسی")
        yield Found(
            "public_title",
            Sentence(
                f"No field has {lacking[0]} words; IRCT demands both languages",
                f"هیچ فیلدی متن {lacking[1]} ندارد؛ مرکز ثبت هر دو زبان را می‌خواهد",
            ),
            Sentence(
                f"If the copy is of one page of the registry, read the {lacking[0]} one too; otherwise translate",
                f"اگر تنها یک صفحه از مرکز ثبت خوانده شده، صفحهٔ {lacking[1]} را هم بخوانید؛ وگرنه ترجمه کنید",
            ),
        )


@rule(
    "translation-missing",
    Severity.WARNING,
    IRCT,
    "Fields are given in one language where others have both",
    "برخی فیلدها تنها به یک زبان است و بقیه به هر دو",
)
def translation_missing(case: Case) -> Iterator[Found]:
    if not of_irct(case.record) or len(languages(case.record)) < 2:
        return
    lacking = [
        one
        for one in filled(case.record)
        if one.field.kind == "text" and one.value and not (one.value.en and one.value.fa) and not _is_name(one.path)
    ]
    if lacking:
        more = f" and {len(lacking) - 5} more" if len(lacking) > 5 else ""
        more_fa = f" و {len(lacking) - 5} فیلد دیگر" if len(lacking) > 5 else ""
        yield Found(
            lacking[0].path,
            Sentence(
                "In one language only: " + ", ".join(one.field.en for one in lacking[:5]) + more,
                "تنها به یک زبان: " + "، ".join(one.field.fa for one in lacking[:5]) + more_fa,
            ),
            Sentence("Say the same in the other language", "همان را به زبان دیگر بنویسید"),
            tuple(Quote(str(one.value), one.path) for one in lacking[:5]),
        )


def _is_name(path: str) -> bool:
    """Registries of ClinicalTrials.gov's kind have them; IRCT has no such field."""
    return path.startswith("interventions") and path.endswith(".name")
