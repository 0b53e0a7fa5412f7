"""The results of a trial for everybody: one page in plain words, in English or Persian, for the screen and for A4.

Ordered after the ten elements of a summary for laypersons. Only what the record and the results hold is said; where
they are silent the page says so.

References
----------
Regulation (EU) No 536/2014, Annex V (content of the summary for laypersons).
"""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup

from theratrial.registry.found import Sentence
from theratrial.registry.people import public_record
from theratrial.registry.record import RegistrationRecord
from theratrial.registry.results_reported import ReportedResults
from theratrial.registry.results_words import SIMULATED, UNLOCKED
from theratrial.registry.words import Language, RecordDate, Text
from theratrial.report.registration.frame import document, packaged
from theratrial.report.registration.plain_blocks import listed, paragraph, registered, section
from theratrial.report.registration.plain_results import (
    count_words,
    deaths_words,
    in_plain_words,
    main_sentence,
    meaning,
    results,
    took_part,
    uncertainty,
    unwanted_effects,
)
from theratrial.report.registration.plain_words import ELEMENTS, IN_SHORT, KIND, lay
from theratrial.report.registration.said import DIRECTION, dated


def plain_language(reported: ReportedResults, record: RegistrationRecord, *, language: Language = "en") -> str:
    """The page, with nothing from outside; names and addresses of people are never in it.

    Results of virtual participants, and of data that were not locked, are marked above everything else.
    """
    body = Markup(plain_language_body(reported, record, language=language))
    title = record.public_title.said(language) or record.public_title.en or reported.number
    return document(
        title=f"{lay(KIND, language)}: {title}",
        language=language,
        running=f"{reported.number}",
        body=Markup("<main>\n{}</main>\n").format(body),
        css=plain_css(),
    )


def plain_css() -> str:
    """Rules of style for the page's words, all below ``.plain-results``."""
    return packaged("plain.css")


def plain_language_body(
    reported: ReportedResults, record: RegistrationRecord, *, language: Language = "en", top: int = 1
) -> str:
    """The page's words alone, as an ``article`` to set into a page of the site: no style, no script.

    Parameters
    ----------
    top
        Level of its highest heading: 2 where the page around it has an ``h1`` of its own.
    """
    given = public_record(record)
    blocks = (
        _identification(reported, given, language),
        _people(given, language),
        _about(reported, given, language),
        [*took_part(reported, language), *_criteria(given, language)],
        _treatment(reported, language),
        unwanted_effects(reported, language),
        results(reported, language),
        meaning(reported, given, language),
        [
            paragraph(
                _say(language, "The records of this study do not say.", "سوابق این مطالعه چیزی در این باره نمی‌گوید.")
            )
        ],
        _more(reported, given, language),
    )
    sections = Markup("").join(
        section(number, _numbered(number, heading, language), parts, top + 1)
        for number, (heading, parts) in enumerate(zip(ELEMENTS, blocks, strict=True), 1)
    )
    return str(
        Markup('<article class="plain-results" lang="{}" dir="{}">\n{}{}{}</article>\n').format(
            language, DIRECTION[language], _head(reported, given, language, top), sections, _foot(reported, language)
        )
    )


def _say(language: Language, en: str, fa: str) -> str:
    return lay(Sentence(en, fa), language)


def _numbered(number: int, heading: Sentence, language: Language) -> str:
    return _say(language, f"{number}. {heading.en}", f"{number}) {heading.fa}")


def _head(reported: ReportedResults, record: RegistrationRecord, language: Language, top: int) -> Markup:
    marks = [mark for holds, mark in ((reported.simulated, SIMULATED), (not reported.locked, UNLOCKED)) if holds]
    banners = Markup("").join(
        Markup('<p class="mark" role="note">{}</p>\n').format(lay(one, language)) for one in marks
    )
    title = registered(record.public_title, language) or reported.number
    short = [main_sentence(one, language) for one in reported.outcomes if one.rank == "primary"]
    plain = [in_plain_words(one, language) for one in reported.outcomes if one.rank == "primary"]
    unsure = [uncertainty(one, language) for one in reported.outcomes if one.rank == "primary"]
    return Markup(
        '<header>\n{}<p class="kind">{}</p>\n<h{}>{}</h{}>\n</header>\n<section class="short" '
        'aria-labelledby="plain-short"><h{} id="plain-short">{}</h{}>\n{}</section>\n'
    ).format(
        banners,
        lay(KIND, language),
        top,
        title,
        top,
        top + 1,
        lay(IN_SHORT, language),
        top + 1,
        Markup("").join(paragraph(words) for words in (*short, *plain, *unsure, _effects(reported, language))),
    )


def _effects(reported: ReportedResults, language: Language) -> str:
    adverse = reported.adverse
    serious, other, of = adverse.serious_affected, adverse.other_affected, adverse.at_risk
    words = [
        _say(
            language,
            f"Of {count_words(of, 'en')} treated, {serious or 'nobody'} had a serious unwanted effect and "
            f"{other or 'nobody'} another one.",
            f"از {of} درمان‌شده، {_recorded(serious, 'جدی')} و {_recorded(other, 'دیگری')}.",
        )
    ]
    if adverse.deaths is not None:
        words.append(deaths_words(adverse.deaths, of, language))
    return " ".join(words)


def _recorded(count: int, kind: str) -> str:
    return f"برای {count} نفر عارضهٔ {kind} ثبت شد" if count else f"برای هیچ‌کس عارضهٔ {kind} ثبت نشد"


def _pair(label: str, words: str | Markup) -> Markup:
    return Markup("<b>{}</b> {}").format(label, words) if words else Markup("")


def _identification(reported: ReportedResults, record: RegistrationRecord, language: Language) -> list[Markup]:
    others = ", ".join(one.number for one in record.secondary_ids if one.number)
    return [
        listed(
            (
                _pair(
                    _say(language, "Scientific title:", "عنوان علمی:"), registered(record.scientific_title, language)
                ),
                _pair(
                    _say(language, "Registration number:", "شمارهٔ ثبت:"),
                    Markup("<bdi>{}</bdi>").format(reported.number),
                ),
                _pair(_say(language, "Registry:", "مرکز ثبت:"), registered(record.registration.registry, language)),
                _pair(_say(language, "Other numbers:", "شماره‌های دیگر:"), others),
                _pair(_say(language, "Protocol:", "پروتکل:"), Markup("<bdi>{}</bdi>").format(reported.protocol)),
            )
        )
    ]


def _people(record: RegistrationRecord, language: Language) -> list[Markup]:
    names = [registered(one.contact.organization, language) for one in record.sponsors if one.contact.organization]
    asked = record.people.general_inquiries
    place = [registered(part, language) for part in (asked.organization, asked.city, asked.country) if part]
    comma = Markup("، " if language == "fa" else ", ")
    silent = _say(language, "not named in the record", "در سوابق نیامده است")
    return [
        listed(
            (
                _pair(_say(language, "Responsible (sponsor):", "مسئول (حامی):"), comma.join(names) or silent),
                _pair(_say(language, "Questions go to:", "پرسش از:"), comma.join(place) or silent),
            )
        ),
        paragraph(
            _say(
                language,
                "Names, telephones and addresses of people stand in the registry, under the number above.",
                "نام، تلفن و نشانی افراد در مرکز ثبت و زیر همین شماره آمده است.",
            )
        ),
    ]


def _about(reported: ReportedResults, record: RegistrationRecord, language: Language) -> list[Markup]:
    recruitment = record.recruitment
    comma = Markup("، " if language == "fa" else ", ")
    centres = [
        comma.join(registered(part, language) for part in (one.organization, one.city, one.country) if part)
        for one in record.centres
    ]
    conditions = comma.join(registered(one.description, language) for one in record.conditions if one.description)
    return [
        listed(
            (
                _pair(_say(language, "Aim:", "هدف:"), registered(record.summary.aim, language)),
                _pair(_say(language, "Illness:", "بیماری:"), conditions),
                _pair(_say(language, "Where:", "کجا:"), Markup("; ").join(centres)),
                *_dates(
                    language,
                    _say(language, "Recruitment:", "بیمارگیری:"),
                    recruitment.actual_start,
                    recruitment.actual_end,
                ),
                *_dates(
                    language,
                    _say(language, "Recruitment, as planned:", "بیمارگیری، طبق برنامه:"),
                    *(
                        (None, None)
                        if recruitment.actual_start
                        else (recruitment.expected_start, recruitment.expected_end)
                    ),
                ),
                _pair(
                    _say(language, "This summary uses data up to:", "این خلاصه بر داده‌های تا این روز استوار است:"),
                    Markup("<bdi>{}</bdi>").format(dated(reported.data_cut, language)),
                ),
            )
        )
    ]


def _dates(language: Language, label: str, start: RecordDate | None, end: RecordDate | None) -> Iterator[Markup]:
    days = [Markup("<bdi>{}</bdi>").format(dated(day, language)) for day in (start, end) if day is not None]
    if days:
        yield _pair(label, Markup(" – ").join(days))


def _criteria(record: RegistrationRecord, language: Language) -> list[Markup]:
    """Who could take part, as registered: no word of a criterion is ours to simplify."""
    parts: tuple[tuple[str, Text], ...] = (
        (
            _say(language, "Who could take part, as registered:", "چه کسانی می‌توانستند شرکت کنند، به نقل از ثبت:"),
            record.eligibility.inclusion,
        ),
        (
            _say(language, "Who could not, as registered:", "چه کسانی نمی‌توانستند، به نقل از ثبت:"),
            record.eligibility.exclusion,
        ),
    )
    return [
        Markup('<div class="registered"><p><b>{}</b></p><p>{}</p></div>\n').format(label, registered(text, language))
        for label, text in parts
        if text
    ]


def _treatment(reported: ReportedResults, language: Language) -> list[Markup]:
    sessions = reported.flow.sessions_given
    return [
        paragraph(
            _say(
                language,
                "A radiopharmaceutical was studied: a medicine that carries a radioactive substance through the blood "
                "to the place where it is meant to act.",
                "یک رادیودارو بررسی شد: دارویی که ماده‌ای پرتوزا را از راه خون به جایی می‌رساند که باید اثر کند.",
            )
        ),
        paragraph(lay(reported.arm_description, language)),
        listed(
            _say(language, f"Session {session}: {count_words(count, 'en')}", f"نوبت {session}: {count} نفر")
            for session, count in sessions
        ),
    ]


def _more(reported: ReportedResults, record: RegistrationRecord, language: Language) -> list[Markup]:
    addresses = [
        (_say(language, "Registry:", "مرکز ثبت:"), record.registration.url),
        *((_say(language, "Results:", "نتایج:"), url) for url in record.results.urls),
        (_say(language, "Study protocol:", "پروتکل مطالعه:"), record.results.protocol_url),
    ]
    shown = listed(_pair(label, _link(address)) for label, address in addresses if address)
    registry = record.registration.registry.said(language) or record.registration.registry.en
    return [
        paragraph(
            _say(
                language,
                f"The full record with all numbers is kept under {reported.number}"
                + (f" in: {registry}." if registry else "."),
                f"سوابق کامل با همهٔ عددها زیر شمارهٔ {reported.number} نگه‌داری می‌شود"
                + (f": {registry}." if registry else "."),
            )
        ),
        shown,
    ]


def _link(address: str) -> Markup:
    """A link only where it is one: what people register is not trusted with a scheme of its own."""
    if address.startswith(("https://", "http://")):
        return Markup('<a href="{}"><bdi>{}</bdi></a>').format(address, address)
    return Markup("<bdi>{}</bdi>").format(address)


def _foot(reported: ReportedResults, language: Language) -> Markup:
    return Markup("<footer><p>{} <bdi>{}</bdi></p></footer>\n").format(
        _say(language, "Made from the analysis with", "ساخته‌شده از آنالیز با"), reported.made_with
    )
