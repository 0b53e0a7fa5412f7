"""Who took part, unwanted effects and results, in plain words: the parts of the page that hold numbers."""

from __future__ import annotations

from typing import Final

from markupsafe import Markup

from theratrial.registry.found import Sentence
from theratrial.registry.outcomes_compared import outcomes_compared
from theratrial.registry.record import RegistrationRecord
from theratrial.registry.results_fields import outcome_line
from theratrial.registry.results_reported import (
    AdverseEventRow,
    BaselineMeasure,
    Counted,
    OutcomeReported,
    ReportedResults,
)
from theratrial.registry.results_words import caveats, level_percent, number, persian_numerals
from theratrial.registry.words import Language
from theratrial.report.registration.plain_blocks import Table, listed, other_language, paragraph, people, table
from theratrial.report.registration.plain_words import COUNTED_AS, lay, lay_category, lay_term, of_hundred

_WORST: Final = "registry_results.worst_grade"
_DOSE: Final = "Gy"


def count_words(count: int, language: Language) -> str:
    """``1 person``, ``15 people``."""
    if language == "fa":
        return persian_numerals(f"{count} نفر")
    return "1 person" if count == 1 else f"{count} people"


def _say(language: Language, en: str, fa: str) -> str:
    return lay(Sentence(en, fa), language)


def _counted(counts: tuple[Counted, ...], language: Language) -> list[str]:
    return [f"{lay_category(one.label, language)}: {count_words(one.count, language)}" for one in counts if one.count]


def took_part(reported: ReportedResults, language: Language) -> list[Markup]:
    """How many, how old, and what they had had before."""
    flow, failed = reported.flow, sum(one.count for one in reported.flow.screen_failures)
    blocks = [
        paragraph(
            _say(
                language,
                f"{count_words(flow.screened, 'en')} were examined to see whether they could take part. "
                f"{count_words(flow.started, 'en')} received the treatment at least once.",
                f"{flow.screened} نفر برای شرکت در مطالعه معاینه شدند. {flow.started} نفر دست‌کم یک نوبت درمان گرفتند.",
            )
        )
    ]
    if failed:
        blocks += [
            paragraph(
                _say(
                    language,
                    f"{count_words(failed, 'en')} did not, because of:",
                    f"{failed} نفر درمان نگرفتند، به این دلیل:",
                )
            ),
            listed(_counted(flow.screen_failures, language)),
        ]
    blocks.append(listed(filter(None, (_characteristic(one, language) for one in reported.baseline))))
    ended = [*flow.not_completed]
    if ended:
        blocks += [
            paragraph(
                _say(
                    language,
                    f"{count_words(flow.completed, 'en')} completed the study as planned. The others ended earlier:",
                    f"{flow.completed} نفر مطالعه را طبق برنامه به پایان رساندند. پایان زودتر دیگران به این دلیل بود:",
                )
            ),
            listed(_counted(tuple(ended), language)),
        ]
    if flow.ongoing:
        blocks.append(
            paragraph(
                _say(
                    language,
                    f"{count_words(flow.ongoing, 'en')} were still taking part when these data were collected.",
                    f"{flow.ongoing} نفر هنگام گردآوری داده‌های این خلاصه هنوز در مطالعه بودند.",
                )
            )
        )
    return blocks


def _characteristic(one: BaselineMeasure, language: Language) -> str | Markup:
    """One characteristic in a line; blood values are for the registry, not for this page."""
    place = one.origin.place if one.origin is not None else ""
    if "laboratory" in place or not one.number_known:
        return ""
    title = lay(one.title, language)
    if one.kind == "counts":
        joined = ("؛ " if language == "fa" else "; ").join(
            f"{lay(part.label, language)}: {count_words(part.count, language)}" for part in one.counts
        )
        return _pair(title, f"{joined}{_without(one.missing, language)}")
    if one.mean is None or one.minimum is None or one.maximum is None:
        return ""
    mean, low, high = (number(round(value)) for value in (one.mean, one.minimum, one.maximum))
    unit = one.unit
    words = _say(
        language,
        f"{mean} {unit.en} on average, between {low} and {high}",
        f"به‌طور میانگین {mean} {unit.fa or unit.en}، بین {low} و {high}",
    )
    return _pair(title, words + _without(one.missing, language))


def _pair(title: str, words: str) -> Markup:
    """A title, set apart so that its last word cannot pull the numbers behind it to its own direction."""
    return Markup("<bdi>{}</bdi> – <bdi>{}</bdi>").format(title, words)


def _without(missing: int, language: Language) -> str:
    if not missing:
        return ""
    return _say(language, f" (not known of {missing})", f" (از {missing} نفر معلوم نیست)")


def unwanted_effects(reported: ReportedResults, language: Language) -> list[Markup]:
    """What happened to people during the study, whatever caused it."""
    adverse, at_risk = reported.adverse, reported.adverse.at_risk
    blocks = [
        paragraph(
            _say(
                language,
                "Everything bad that happened to the health of those treated was written down, whether or not the "
                "treatment caused it. In a study without a comparison group the two often cannot be told apart.",
                "هر رویداد ناخوشایندی که برای سلامت درمان‌شدگان پیش آمد نوشته شد، چه درمان سبب آن بوده باشد چه نه. "
                "در مطالعهٔ بی گروه مقایسه این دو را اغلب نمی‌توان از هم جدا کرد.",
            )
        ),
        listed(
            (deaths_words(adverse.deaths, at_risk, language), _serious(adverse.serious_affected, at_risk, language))
        ),
    ]
    worst = next((one for one in reported.outcomes if one.origin is not None and one.origin.method == _WORST), None)
    if worst is not None:
        said = _say(language, "The most severe effect that each person had:", "شدیدترین عارضهٔ هر نفر:")
        blocks += [paragraph(said), listed(_counted(worst.counts, language))]
    if adverse.events:
        blocks.append(table(_events(adverse.events, language)))
    else:
        blocks.append(paragraph(_say(language, "No unwanted effect was recorded.", "هیچ عارضه‌ای ثبت نشد.")))
    return blocks


def deaths_words(deaths: int | None, at_risk: int, language: Language) -> str:
    """How many died, or that it is not known."""
    if deaths is None:
        return _say(
            language,
            "Deaths: not given, because it is not recorded of everybody how taking part ended.",
            "مرگ‌ها: داده نشده، زیرا پایان مشارکت همه ثبت نشده است.",
        )
    if not deaths:
        return _say(
            language,
            f"None of the {at_risk} treated died during the study.",
            f"هیچ‌یک از {at_risk} درمان‌شده در طول مطالعه نمرد.",
        )
    return _say(
        language,
        f"{deaths} of the {at_risk} treated died during the study, from any cause.",
        f"{deaths} نفر از {at_risk} درمان‌شده در طول مطالعه به هر علتی درگذشتند.",
    )


def _serious(affected: int, at_risk: int, language: Language) -> str:
    meaning = Sentence(
        "An effect is serious when it leads to death, danger of life, hospital care or lasting harm.",
        "عارضه هنگامی جدی است که به مرگ، خطر جانی، بستری شدن یا آسیب ماندگار بینجامد.",
    )
    if not affected:
        counted = Sentence(f"None of the {at_risk} had a serious effect.", f"هیچ‌یک از {at_risk} نفر عارضهٔ جدی نداشت.")
    else:
        counted = Sentence(
            f"{affected} of {at_risk} had a serious effect.", f"{affected} نفر از {at_risk} نفر عارضهٔ جدی داشتند."
        )
    return f"{lay(counted, language)} {lay(meaning, language)}"


def _events(events: tuple[AdverseEventRow, ...], language: Language) -> Table:
    kinds = {True: Sentence("Serious", "جدی"), False: Sentence("Other", "دیگر")}
    rows: list[tuple[str | Markup, ...]] = []
    for row in events:
        words = lay_term(row.term, language)
        term = row.term if language == "en" else other_language(row.term, "en")
        known = words and words.casefold() != row.term.casefold()
        name = Markup("{}<br><small>{}</small>").format(words, term) if known else term
        share = _say(language, f"{row.affected} of {row.at_risk}", f"{row.affected} نفر از {row.at_risk}")
        rows.append((name, lay(kinds[row.serious], language), share))
    heads = (
        _say(language, "Effect", "عارضه"),
        _say(language, "Kind", "نوع"),
        _say(language, "People who had it", "کسانی که داشتند"),
    )
    return Table(
        _say(language, "Unwanted effects, the most frequent first", "عارضه‌ها، از پرشمارترین"), heads, tuple(rows)
    )


def results(reported: ReportedResults, language: Language) -> list[Markup]:
    """The primary outcomes with a picture, then what else was measured."""
    blocks: list[Markup] = []
    for one in reported.outcomes:
        if one.rank == "primary":
            blocks += _primary(one, language)
    doses = [one for one in reported.outcomes if one.unit.en == _DOSE and one.value is not None]
    if doses:
        blocks += _doses(doses, language)
    shown = {id(one) for one in doses}
    rest = [
        one
        for one in reported.outcomes
        if one.rank != "primary" and id(one) not in shown and not (one.origin and one.origin.method == _WORST)
    ]
    if rest:
        blocks.append(paragraph(_say(language, "Also measured:", "این‌ها هم سنجیده شد:")))
        lines = (outcome_line(one, language) for one in rest)
        blocks.append(listed(persian_numerals(line) if language == "fa" else line for line in lines))
    return blocks


def main_sentence(one: OutcomeReported, language: Language) -> str:
    """A proportion in one sentence: so many of so many, about so many of every 100."""
    title = (one.title.fa or one.title.en) if language == "fa" else one.title.en
    if one.value is None or not one.analysed:
        return _say(language, f"{title}: it cannot be given yet.", f"{title}: هنوز نمی‌توان گفت.")
    if one.kind != "proportion" or one.numerator is None:
        line = outcome_line(one, language)
        return persian_numerals(line) if language == "fa" else line
    share = of_hundred(one.value)
    return _say(
        language,
        f"{title}: {one.numerator} of {one.analysed} people, about {share} of every 100.",
        f"{title}: {one.numerator} نفر از {one.analysed} نفر، حدود {share} نفر از هر 100 نفر.",
    )


def in_plain_words(one: OutcomeReported, language: Language) -> str:
    """What it means to be counted among those who reached it; empty where its title names no category of response."""
    if one.kind != "proportion":
        return ""
    named = [words for pattern, words in COUNTED_AS if pattern in one.title.en.casefold()]
    if not named:
        return ""
    return _say(
        language,
        "Counted are people in whom, on the image, " + " or ".join(words.en for words in named) + ".",
        "کسانی به شمار آمدند که در تصویرشان " + " یا ".join(words.fa for words in named) + ".",
    )


def _primary(one: OutcomeReported, language: Language) -> list[Markup]:
    sentence = main_sentence(one, language)
    blocks = [paragraph(sentence, "answer")]
    if one.kind == "proportion" and one.numerator is not None:
        blocks.append(people(one.numerator, one.analysed, sentence))
    blocks += [paragraph(in_plain_words(one, language)), paragraph(uncertainty(one, language))]
    if one.counts:
        heads = (
            _say(language, "What the images showed", "آنچه تصویرها نشان داد"),
            _say(language, "People", "شمار افراد"),
        )
        rows = tuple((lay_category(part.label, language), count_words(part.count, language)) for part in one.counts)
        caption = _say(
            language, f"Everybody who was counted ({one.analysed})", f"همهٔ کسانی که به شمار آمدند ({one.analysed} نفر)"
        )
        blocks.append(table(Table(caption, heads, rows)))
    details = [
        (_say(language, "When:", "زمان:"), one.time_frame),
        (_say(language, "Who was counted, and how:", "چه کسانی و چگونه به شمار آمدند:"), one.population),
        (_say(language, "Method:", "روش:"), one.description),
    ]
    blocks.append(listed(f"{head} {lay(words, language)}" for head, words in details if words.en))
    if one.note is not None:
        blocks.append(paragraph(lay(one.note, language)))
    return blocks


def uncertainty(one: OutcomeReported, language: Language) -> str:
    """What the interval means to somebody who has never seen one."""
    if one.kind != "proportion" or one.value is None or one.lower is None or one.upper is None:
        return ""
    low, high, level = of_hundred(one.lower), of_hundred(one.upper), level_percent(one)
    return _say(
        language,
        f"Because only {count_words(one.analysed, 'en')} were counted, this number is uncertain. If the study were "
        f"done with very many people, the result would probably lie somewhere between {low} and {high} of every 100 "
        f"({level} % confidence interval).",
        f"چون تنها {one.analysed} نفر به شمار آمده‌اند، این عدد نامطمئن است. اگر مطالعه با شمار بسیار زیادی انجام می‌شد، "
        f"نتیجه به احتمال زیاد جایی بین {low} و {high} نفر از هر 100 نفر بود (بازهٔ اطمینان {level}٪).",
    )


def _doses(doses: list[OutcomeReported], language: Language) -> list[Markup]:
    said = _say(
        language,
        "The treatment gives off radiation inside the body. How much of it each organ received was computed from scans "
        "and is given in gray (Gy).",
        "این درمان درون بدن پرتو می‌تاباند. اینکه هر عضو چه اندازه پرتو گرفت از روی اسکن‌ها محاسبه و به گری (Gy) داده "
        "شده است.",
    )
    heads = (
        _say(language, "Organ", "عضو"),
        _say(language, "On average", "به‌طور میانگین"),
        _say(language, "People measured", "شمار افراد"),
    )
    rows = tuple(
        (
            lay(one.title, language).rpartition(": ")[2],
            _say(language, f"{number(one.value or 0.0, digits=2)} Gy", f"{number(one.value or 0.0, digits=2)} گری"),
            count_words(one.analysed, language),
        )
        for one in doses
    )
    caption = _say(language, "Radiation dose to organs over all sessions", "دوز پرتو در عضوها، در همهٔ نوبت‌ها")
    return [paragraph(said), table(Table(caption, heads, rows))]


def meaning(reported: ReportedResults, record: RegistrationRecord, language: Language) -> list[Markup]:
    """What limits the results, and where they are not what was announced."""
    blocks = [
        paragraph(
            _say(
                language,
                "One study is never the whole answer. Nothing here says what is right for one person; ask your doctor "
                "before you change any treatment.",
                "یک مطالعه هرگز پاسخ کامل نیست. هیچ چیز اینجا نمی‌گوید برای یک فرد چه درست است؛ پیش از هر تغییری "
                "در درمان از پزشک خود بپرسید.",
            )
        ),
        listed(lay(one, language) for one in caveats(reported)),
    ]
    changed = [one for one in outcomes_compared(record, reported) if one.kind in ("switched", "missing")]
    if changed:
        blocks += [
            paragraph(
                _say(
                    language,
                    "What was announced before the study and is reported otherwise, or not:",
                    "آنچه پیش از مطالعه اعلام شده و جز آن گزارش شده یا گزارش نشده است:",
                )
            ),
            listed(
                Markup("<q>{}</q> – {}").format(
                    one.title.en if language == "en" or not one.title.fa else one.title.fa, lay(one.message, language)
                )
                if language == "en" or one.title.fa
                else Markup("{} – {}").format(other_language(one.title.en, "en"), lay(one.message, language))
                for one in changed
            ),
        ]
    return blocks
