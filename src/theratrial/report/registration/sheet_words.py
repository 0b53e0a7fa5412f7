"""The sheet's own words in both languages."""

from __future__ import annotations

from typing import Final

from theratrial.registry.fields import Field, field_of
from theratrial.registry.words import Language
from theratrial.report.registration.owed_fields import Lack
from theratrial.report.registration.rows import Named
from theratrial.report.registration.said import digits

COLUMNS: Final = (Named("Field", "عنوان"), Named("English", "انگلیسی"), Named("Persian", "فارسی"))
WORDS: Final[dict[str, Named]] = {
    "title": Named("Sheet to paste into the registry's form:", "برگهٔ رونویسی در فرم مرکز ثبت:"),
    "intro": Named(
        "Fields stand in the order of the registry's form. What the registry gives by itself is left out: number, "
        "dates, timing and count of updates.",
        "ترتیب فیلدها همان ترتیب فرم مرکز ثبت است. آنچه مرکز ثبت خود تعیین می‌کند نیامده است: شماره، تاریخ‌ها، "
        "زمان‌بندی و تعداد به‌روزرسانی‌ها.",
    ),
    "contacts": Named(
        "Names, telephone and fax numbers, e-mail and web addresses are left out of this copy.",
        "نام‌ها، شماره‌های تلفن و نمابر و نشانی‌های ایمیل و وب در این نسخه نیامده است.",
    ),
    "nothing": Named(
        "Every field that must be filled by now is filled.", "همهٔ فیلدهایی که تا امروز باید پر شوند پر شده‌اند."
    ),
    "must": Named("Must be filled and is empty", "باید پر شود و خالی است"),
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


def lacking_words(lack: Lack, language: Language) -> str:
    """A field that lacks something, with the WHO data set's item that asks for it."""
    field = field_of(lack.path)
    number = lack.path.partition("[")[2].partition("]")[0]
    place = f" ({digits(str(int(number) + 1), language)})" if number else ""
    words = f"{field.label(language)}{place}"
    if lack.language:
        return f"{words}: {WORDS[f'no_{lack.language}'].said(language)}"
    item = digits(str(lack.item), language)
    title = lack.title.fa if language == "fa" else lack.title.en
    of_who = f"بند {item} فهرست سازمان جهانی بهداشت" if language == "fa" else f"WHO item {item}"
    return f"{words}: {title}, {of_who}" if title != words else f"{words}: {of_who}"
