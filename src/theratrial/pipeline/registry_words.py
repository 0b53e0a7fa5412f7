"""Words of the results that registries are told, in both languages: what the records code and the protocol times."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from theratrial.protocol.schema import Endpoint, Protocol, Visit
from theratrial.registry.found import Sentence

Words = Mapping[str, Sentence]

SEX: Final[Words] = MappingProxyType(
    {"female": Sentence("Female", "زن"), "male": Sentence("Male", "مرد"), "other": Sentence("Other", "سایر")}
)
PRIOR_THERAPY: Final[Words] = MappingProxyType(
    {
        "trastuzumab": Sentence("Trastuzumab", "تراستوزوماب"),
        "other_her2": Sentence("Other anti-HER2 treatment", "سایر درمان‌های ضد HER2"),
        "chemotherapy": Sentence("Chemotherapy", "شیمی‌درمانی"),
        "endocrine": Sentence("Endocrine therapy", "هورمون‌درمانی"),
        "radiotherapy": Sentence("Radiotherapy", "پرتودرمانی"),
        "surgery": Sentence("Surgery", "جراحی"),
        "other": Sentence("Other", "سایر"),
    }
)
SELECTION: Final[Words] = MappingProxyType(
    {
        "positive": Sentence("Positive", "مثبت"),
        "negative": Sentence("Negative", "منفی"),
        "equivocal": Sentence("Equivocal", "مبهم"),
    }
)
ENDED: Final[Words] = MappingProxyType(
    {
        "gate_stop": Sentence("Treatment ended by the rule for the next session", "پایان درمان به حکم قاعدهٔ نوبت بعدی"),
        "withdrawal": Sentence("Withdrawal by the participant", "انصراف شرکت‌کننده"),
        "progression": Sentence("Disease progression", "پیشرفت بیماری"),
        "death": Sentence("Death", "مرگ"),
        "lost_to_follow_up": Sentence("Lost to follow-up", "قطع دسترسی در پیگیری"),
        "screen_failure": Sentence("Screen failure found after treatment", "احراز نشدن شرایط که پس از درمان آشکار شد"),
    }
)
CATEGORY: Final[Words] = MappingProxyType(
    {
        "CR": Sentence("Complete response", "پاسخ کامل"),
        "PR": Sentence("Partial response", "پاسخ نسبی"),
        "SD": Sentence("Stable disease", "بیماری پایدار"),
        "PD": Sentence("Progressive disease", "بیماری پیشرونده"),
        "NE": Sentence("Not evaluable or not assessed", "ارزیابی‌ناپذیر یا ارزیابی‌نشده"),
    }
)
_ORGANS: Final = MappingProxyType(
    {
        "liver": "کبد",
        "kidneys": "کلیه‌ها",
        "spleen": "طحال",
        "heart": "قلب (دیواره و خون درون آن)",
        "lungs": "ریه‌ها",
        "red_marrow": "مغز قرمز استخوان",
        "bladder": "مثانه",
        "salivary_glands": "غده‌های بزاقی",
    }
)
_SETS: Final = MappingProxyType(
    {
        "administrations_given >= 1": "همهٔ کسانی که دست‌کم یک نوبت درمان گرفتند",
        "consented && eligible": "همهٔ کسانی که رضایت دادند و واجد شرایط بودند",
        "administrations_given >= 1 && response_evaluable": "درمان‌شدگانی که پاسخشان ارزیابی‌پذیر بود",
    }
)
_MISSING: Final = MappingProxyType(
    {
        "failure": Sentence(
            "a missing or not evaluable response counts as failure",
            "پاسخ ارزیابی‌نشده یا ارزیابی‌ناپذیر شکست به شمار می‌آید",
        ),
        "excluded": Sentence(
            "participants without an evaluable response are left out",
            "کسانی که پاسخ ارزیابی‌پذیر ندارند کنار گذاشته می‌شوند",
        ),
    }
)


def organ_words(region_id: str, title: str) -> Sentence:
    """An organ by the id of its region; the protocol's title where its Persian name is not known."""
    return Sentence(title, _ORGANS.get(region_id, title))


def endpoint_title(endpoint: Endpoint) -> Sentence:
    """The endpoint's title, in Persian made of the categories that it counts."""
    words = [CATEGORY[one].fa for one in endpoint.counted_categories]
    listed = " یا ".join(["، ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
    return Sentence(endpoint.title, f"نسبت شرکت‌کنندگان دارای {listed}")


def population_words(protocol: Protocol, endpoint: Endpoint) -> Sentence:
    """Who is analysed, and how a missing response counts."""
    clause = protocol.analysis_sets.get(endpoint.analysis_set)
    reading = clause.reading if clause is not None else None
    title = reading.title if reading is not None else endpoint.analysis_set
    in_persian = _SETS.get(reading.condition if reading is not None else "", f"مجموعهٔ آنالیز «{title}»")
    missing = _MISSING[endpoint.missing]
    return Sentence(f"{title}; {missing.en}", f"{in_persian}؛ {missing.fa}")


def time_of_visit(protocol: Protocol, visit_id: str) -> Sentence:
    """When a visit takes place, as the protocol plans it; empty where its clause is open."""
    clause = protocol.schedule.get(visit_id)
    visit = clause.reading if clause is not None else None
    if visit is None:
        return Sentence("")
    low, high = visit.window_days.minimum, visit.window_days.maximum
    after = _anchor(protocol, visit)
    days = Sentence(f"Day {low:g} to day {high:g}", f"روز {low:g} تا روز {high:g}")
    weeks = Sentence("", "")
    if low % 7 == 0 and high % 7 == 0:
        weeks = Sentence(f" (weeks {low / 7:g} to {high / 7:g})", f" (هفتهٔ {low / 7:g} تا {high / 7:g})")
    return Sentence(f"{days.en}{weeks.en} after {after.en}", f"{days.fa}{weeks.fa} پس از {after.fa}")


def _anchor(protocol: Protocol, visit: Visit) -> Sentence:
    known = {
        "screening": Sentence("screening", "غربالگری"),
        "administration": Sentence("each session", "هر نوبت درمان"),
        "last_administration": Sentence("the last session", "آخرین نوبت درمان"),
    }
    if visit.anchor in known:
        return known[visit.anchor]
    clause = protocol.schedule.get(visit.anchor)
    other = clause.reading if clause is not None else None
    return Sentence(other.title, other.titles.get("fa", other.title)) if other is not None else Sentence(visit.anchor)


def test_words(protocol: Protocol, test: str) -> Sentence:
    """A laboratory test as the protocol's form labels it."""
    for clause in protocol.forms.values():
        if clause.reading is None or clause.reading.table != "laboratory":
            continue
        for item in clause.reading.items:
            if item.where.get("test") == test and item.column == "value":
                return Sentence(item.label, item.labels.get("fa", item.label))
    return Sentence(test.replace("_", " "), test.replace("_", " "))


def failure_words(protocol: Protocol, title: str) -> Sentence | None:
    """Why somebody was not treated, by the title of the criterion; None: it is a person's own words."""
    for clause in protocol.eligibility.values():
        reading = clause.reading
        if reading is not None and reading.title == title:
            in_persian = reading.titles.get("fa", title)
            if reading.kind == "inclusion":
                return Sentence(f"{title} (not met or not known)", f"{in_persian} (احراز نشد یا نامعلوم)")
            return Sentence(f"{title} (excludes, or not known)", f"{in_persian} (معیار خروج، یا نامعلوم)")
    return None


def follow_up_time(protocol: Protocol) -> Sentence:
    """How long adverse events are asked for: from consent to the visit of the primary outcome."""
    endpoint = protocol.endpoint.reading
    end = time_of_visit(protocol, endpoint.visit) if endpoint is not None else Sentence("")
    words = Sentence("From informed consent to the response assessment", "از رضایت آگاهانه تا ارزیابی پاسخ")
    if not end.en:
        return words
    return Sentence(f"{words.en}, {end.en[:1].lower()}{end.en[1:]}", f"{words.fa}، {end.fa}")
