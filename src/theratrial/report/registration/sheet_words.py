"""The sheet's own words in both languages."""

from __future__ import annotations

from typing import Final

from theratrial.registry.fields import Field, field_of, sections
from theratrial.registry.words import Language
from theratrial.report.registration.owed_fields import Lack
from theratrial.report.registration.rows import Named
from theratrial.report.registration.said import digits

_PLAIN_PARTS: Final = ("protocol_summary", "general", "registration")
COLUMNS: Final = (Named("Field", "عنوان"), Named("English", "انگلیسی"), Named("Persian", "فارسی"))
WORDS: Final[dict[str, Named]] = {
    "title": Named("Sheet to paste into the registry's form:", "برگهٔ رونویسی در فرم مرکز ثبت:"),
    "intro": Named(
        "Fields stand in the order of the registry's form. What the registry gives by itself is left out: number, "
        "days of registration and of the last update, timing, count of updates.",
        "ترتیب فیلدها همان ترتیب فرم مرکز ثبت است. آنچه مرکز ثبت خود تعیین می‌کند نیامده است: شماره، تاریخ ثبت "
        "و آخرین به‌روزرسانی، زمان‌بندی و تعداد به‌روزرسانی‌ها.",
    ),
    "contacts": Named(
        "Names, telephone and fax numbers, e-mail and web addresses are left out of this copy.",
        "نام‌ها، شماره‌های تلفن و نمابر و نشانی‌های ایمیل و وب در این نسخه نیامده است.",
    ),
    "nothing": Named(
        "Every field that must be filled by now is filled.", "همهٔ فیلدهایی که تا امروز باید پر شوند پر شده‌اند."
    ),
    "must": Named(
        "Must be filled and is empty: the WHO data set asks for it",
        "باید پر شود و خالی است: فهرست سازمان جهانی بهداشت آن را می‌خواهد",
    ),
    "half": Named(
        "Given in one language only; IRCT asks for both", "تنها به یک زبان آمده است؛ مرکز ثبت هر دو زبان را می‌خواهد"
    ),
    "changed_list": Named("Differs from the registered version", "با نسخهٔ ثبت‌شده تفاوت دارد"),
    "must_item": Named("Must be filled: WHO item {}", "باید پر شود: بند {} فهرست سازمان جهانی بهداشت"),
    "no_en": Named("English is missing", "متن انگلیسی نیامده است"),
    "no_fa": Named("Persian is missing", "متن فارسی نیامده است"),
    "changed": Named("Differs from the registered version", "متفاوت با نسخهٔ ثبت‌شده"),
    "registered": Named("Registered:", "ثبت‌شده:"),
    "left_out": Named("left out of this copy", "در این نسخه نیامده است"),
    "empty": Named("empty", "خالی"),
    "none": Named("Nothing to enter", "چیزی برای وارد کردن نیست"),
    "copy": Named("Copy", "کپی"),
    "copied": Named("Copied", "کپی شد"),
    "not_copied": Named("Select it and copy by hand", "متن را انتخاب و دستی کپی کنید"),
    "choose": Named("choose this entry", "این گزینه را انتخاب کنید"),
    "gregorian": Named("Gregorian", "میلادی"),
    "jalali": Named("Jalali", "شمسی"),
}


def counted(field: Field, words: str, language: Language) -> str:
    """How long a value is, by characters; of a coded one, that it is chosen and not typed."""
    if field.kind == "code":
        return WORDS["choose"].said(language)
    count = len(words)
    if language == "fa":
        return f"{digits(f'{count:,}', 'fa').replace(',', '٬')} نویسه"
    return "1 character" if count == 1 else f"{count:,} characters"


def place(path: str, language: Language) -> str:
    """A field by name, with the part of the form it stands in where the name alone does not tell."""
    field = field_of(path)
    if field.section in _PLAIN_PARTS:
        return field.label(language)
    title = next(one for one in sections() if one.name == field.section).title(language)
    number = path.partition("[")[2].partition("]")[0]
    which = f" {digits(str(int(number) + 1), language)}" if number else ""
    return f"{title}{which}: {field.label(language)}"


def lacking_words(lack: Lack, language: Language) -> str:
    """A field that lacks something, with the item of WHO's data set that asks for it."""
    words = place(lack.path, language)
    if lack.language:
        return f"{words}: {WORDS[f'no_{lack.language}'].said(language)}"
    item = digits(str(lack.item), language)
    return f"{words} (بند {item} سازمان جهانی بهداشت)" if language == "fa" else f"{words} (WHO item {item})"
