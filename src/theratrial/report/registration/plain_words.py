"""Words of the plain-language page: questions as headings, terms as people say them, shares as so many of 100."""

from __future__ import annotations

from typing import Final

from theratrial.registry.found import Sentence
from theratrial.registry.results_words import persian_numerals, said
from theratrial.registry.words import Language

ELEMENTS: Final = (
    Sentence("What is this study called?", "این مطالعه چه نام دارد؟"),
    Sentence("Who ran the study, and whom can you ask?", "چه کسی مطالعه را انجام داد و از که می‌توان پرسید؟"),
    Sentence("What was the study about?", "مطالعه دربارهٔ چه بود؟"),
    Sentence("Who took part?", "چه کسانی شرکت کردند؟"),
    Sentence("Which treatment was studied?", "چه درمانی بررسی شد؟"),
    Sentence("What unwanted effects were recorded?", "چه عارضه‌هایی ثبت شد؟"),
    Sentence("What were the results?", "نتیجه چه بود؟"),
    Sentence("What do the results mean, and what do they not mean?", "این نتایج چه معنایی دارد و چه معنایی ندارد؟"),
    Sentence("Are further studies planned?", "آیا مطالعهٔ دیگری در پیش است؟"),
    Sentence("Where can you learn more?", "از کجا می‌توان بیشتر دانست؟"),
)
"""The ten elements of a summary for laypersons, Regulation (EU) No 536/2014, Annex V, in their order."""

KIND: Final = Sentence("Summary of results in plain language", "خلاصهٔ نتایج به زبان ساده")
IN_SHORT: Final = Sentence("In short", "خلاصه در چند جمله")

_TERMS: Final = {
    "platelet count decreased": Sentence(
        "Few platelets (cells that help blood to clot)", "کاهش پلاکت (یاخته‌هایی که به بند آمدن خون کمک می‌کنند)"
    ),
    "thrombocytopenia": Sentence(
        "Few platelets (cells that help blood to clot)", "کاهش پلاکت (یاخته‌هایی که به بند آمدن خون کمک می‌کنند)"
    ),
    "neutrophil count decreased": Sentence(
        "Few neutrophils (white cells that fight infection)", "کاهش نوتروفیل (گلبول‌های سفیدی که با عفونت می‌جنگند)"
    ),
    "white blood cell decreased": Sentence("Few white blood cells", "کاهش گلبول‌های سفید"),
    "lymphocyte count decreased": Sentence("Few lymphocytes (a kind of white cells)", "کاهش لنفوسیت (نوعی گلبول سفید)"),
    "anemia": Sentence("Anaemia (too little of the red pigment of blood)", "کم‌خونی"),
    "fatigue": Sentence("Tiredness", "خستگی"),
    "nausea": Sentence("Feeling sick", "حالت تهوع"),
    "vomiting": Sentence("Vomiting", "استفراغ"),
    "diarrhea": Sentence("Diarrhoea", "اسهال"),
    "constipation": Sentence("Constipation", "یبوست"),
    "fever": Sentence("Fever", "تب"),
    "chills": Sentence("Chills", "لرز"),
    "headache": Sentence("Headache", "سردرد"),
    "pain": Sentence("Pain", "درد"),
    "bone pain": Sentence("Bone pain", "درد استخوان"),
    "back pain": Sentence("Back pain", "کمردرد"),
    "anorexia": Sentence("Loss of appetite", "بی‌اشتهایی"),
    "alopecia": Sentence("Hair loss", "ریزش مو"),
    "dry mouth": Sentence("Dry mouth", "خشکی دهان"),
    "infusion related reaction": Sentence("Reaction to the injection", "واکنش به تزریق"),
    "febrile neutropenia": Sentence(
        "Fever with few infection-fighting white cells", "تب همراه با کاهش شدید گلبول‌های سفید"
    ),
    "ejection fraction decreased": Sentence("Weaker pumping of the heart", "کاهش توان تلمبه‌ای قلب"),
}
_CATEGORIES: Final = {
    "Complete response": Sentence("The cancer could no longer be seen on the image", "سرطان دیگر در تصویر دیده نشد"),
    "Partial response": Sentence("The signal of the cancer became clearly weaker", "نشانهٔ سرطان در تصویر آشکارا کم شد"),
    "Stable disease": Sentence("No clear change", "تغییر آشکاری نکرد"),
    "Progressive disease": Sentence("The cancer had grown or spread", "سرطان رشد کرده یا گسترش یافته بود"),
    "Not evaluable or not assessed": Sentence("Could not be judged", "قابل قضاوت نبود"),
}
COUNTED_AS: Final = (
    ("complete", Sentence("the cancer could no longer be seen", "سرطان دیگر دیده نشد")),
    ("partial", Sentence("its signal became clearly weaker", "نشانهٔ آن آشکارا کم شد")),
    ("stable", Sentence("it did not clearly change", "تغییر آشکاری نکرد")),
)
"""Word of a title -> what the image showed."""
_GRADES: Final = {
    "No adverse event recorded": Sentence("None recorded", "عارضه‌ای ثبت نشد"),
    "Grade 1": Sentence("Mild (grade 1)", "خفیف (درجهٔ 1)"),
    "Grade 2": Sentence("Moderate (grade 2)", "متوسط (درجهٔ 2)"),
    "Grade 3": Sentence("Severe (grade 3)", "شدید (درجهٔ 3)"),
    "Grade 4": Sentence("Life-threatening (grade 4)", "تهدیدکنندهٔ زندگی (درجهٔ 4)"),
    "Grade 5": Sentence("Fatal (grade 5)", "کشنده (درجهٔ 5)"),
}


def lay(words: Sentence, language: Language) -> str:
    """A sentence in a language, Persian with Persian numerals."""
    return persian_numerals(words.fa or words.en) if language == "fa" else words.en


def lay_term(term: str, language: Language) -> str:
    """An adverse event as people say it; empty where no such word is known."""
    known = _TERMS.get(" ".join(term.casefold().split()))
    return said(known, language) if known is not None else ""


def lay_category(label: Sentence, language: Language) -> str:
    """A category of response, or a grade, as people say it."""
    return lay(_CATEGORIES.get(label.en) or _GRADES.get(label.en) or label, language)


def of_hundred(fraction: float) -> str:
    """So many of every 100, as a whole number; what is not nothing is never 0, what is not all never 100."""
    whole = round(fraction * 100)
    if whole == 0 and fraction > 0:
        return "<1"
    return ">99" if whole == 100 and fraction < 1 else str(whole)
