"""The sheet as a page and as PDF."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from functools import cache
from importlib import resources
from typing import Final

from markupsafe import Markup

from theratrial.errors import InputError
from theratrial.registry.words import Language
from theratrial.report.leaflet.dates import other_date, own_date, persian_digits
from theratrial.report.leaflet.words import (
    CHILDREN,
    CONTRACEPTION,
    CONTRACEPTION_ASK,
    DAILY,
    DEEDS,
    INTRO,
    LABELS,
    OTHERS,
    PEOPLE,
    PERSON_NUMBER,
    SUBTITLE,
    TITLE,
)
from theratrial.report.pdf import pdf_bytes
from theratrial.results.protection import ContactRestriction, SessionProtection

LANGUAGES: Final[tuple[Language, ...]] = ("en", "fa")
_DIRECTION: Final[dict[Language, str]] = {"en": "ltr", "fa": "rtl"}


@dataclass(frozen=True, slots=True)
class LeafletFacts:
    """What the sheet is made of."""

    participant_id: str
    protection: SessionProtection
    injected_at: datetime
    zone: tzinfo
    """Of the trial: days are its days."""
    demonstration: bool
    """Whether anything behind it is assumed or virtual."""
    signed_by: str = ""
    """The physicist whose signature stands on the restrictions; without one every page is marked as a draft."""
    signed_at: datetime | None = None


def leaflet_refused_because(protection: SessionProtection) -> str:
    """Why no sheet can be printed; empty where it can."""
    if protection.verdict == "undetermined":
        return f"whether the participant may leave is undetermined: {protection.because}"
    if protection.verdict == "may_not_leave":
        return f"the participant may not leave: {protection.because}"
    if protection.discharged_at is None:
        return "no discharge is recorded: restrictions count from it -> record the discharge first"
    if not protection.restrictions:
        return "no restriction could be computed: " + ("; ".join(protection.remarks) or "nothing says why")
    return ""


def leaflet_page(facts: LeafletFacts, language: Language) -> str:
    """The sheet in one language, self-contained.

    Raises
    ------
    InputError
        There is no verdict that the participant may leave; a sheet would look like one.
    """
    if language not in LANGUAGES:
        raise InputError(f"language {language!r}: the sheet is printed in {', '.join(LANGUAGES)}")
    if refused := leaflet_refused_because(facts.protection):
        raise InputError(f"{facts.participant_id} session {facts.protection.session}: no sheet, {refused}")
    body = Markup("\n").join(
        [
            _head(facts, language),
            _table(facts, language),
            _list("daily", DAILY[language], language),
            _list("children", (_contraception(facts, language), *CHILDREN[language]), language),
            _list("others", OTHERS[language], language),
            _lines(facts, language),
        ]
    )
    return str(
        Markup(
            '<!DOCTYPE html>\n<html lang="{language}" dir="{direction}">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            '<meta name="generator" content="theratrial">\n<title>{title}</title>\n<style>\n{css}</style>\n</head>\n'
            "<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
        ).format(
            language=language,
            direction=_DIRECTION[language],
            title=f"{TITLE[language]}: {facts.participant_id}, {facts.protection.session}",
            css=Markup(_style()),
            body=body,
        )
    )


def leaflet_pdf(facts: LeafletFacts, language: Language) -> bytes:
    """The sheet on A4; the same facts give the same bytes.

    Raises
    ------
    InputError
        As `leaflet_page`, or WeasyPrint or its libraries are not installed.
    """
    return pdf_bytes(leaflet_page(facts, language), variant="pdf/ua-1")


@cache
def _style() -> str:
    font = resources.files("theratrial").joinpath("web/static/theratrial/vendor/vazirmatn/Vazirmatn-wght.woff2")
    data = base64.b64encode(font.read_bytes()).decode()
    css = resources.files("theratrial.report.leaflet").joinpath("assets/leaflet.css").read_text(encoding="utf-8")
    return (
        '@font-face { font-family: "Vazirmatn"; font-weight: 100 900; '
        f"src: url(data:font/woff2;base64,{data}) format('woff2'); }}\n{css}"
    )


def _label(name: str, language: Language) -> str:
    return LABELS[name][language]


def _number(text: str, language: Language) -> str:
    return persian_digits(text) if language == "fa" else text


def _day(day: date, language: Language) -> Markup:
    return Markup('{own}<span class="small other"><bdi>{other}</bdi></span>').format(
        own=own_date(day, language), other=other_date(day, language)
    )


def _head(facts: LeafletFacts, language: Language) -> Markup:
    protection = facts.protection
    assert protection.discharged_at is not None
    given = facts.injected_at.astimezone(facts.zone).date()
    home = protection.discharged_at.astimezone(facts.zone).date()
    rows = [
        (_label("participant", language), Markup("<bdi>{0}</bdi>").format(facts.participant_id)),
        (_label("session", language), Markup("{0}").format(_number(str(protection.session), language))),
        *(
            (_label(name, language), Markup("{0}").format(own_date(day, language)) + _other(day, language))
            for name, day in (("given", given), ("home", home))
        ),
    ]
    # At the foot of every page: a loose second page must say whose it is.
    banner = Markup('<p class="running">{0}: <bdi>{1}</bdi> · {2}: {3}</p>\n').format(
        _label("participant", language),
        facts.participant_id,
        _label("session", language),
        _number(str(protection.session), language),
    )
    if not facts.signed_by:
        # A fixed element stands on every printed page; the sentence that says why stands on the first.
        banner += Markup('<p class="watermark" aria-hidden="true">{0}</p>\n').format(_label("draft", language))
        banner += Markup('<p class="draft">{0}</p>\n').format(_label("unsigned", language))
    if facts.demonstration:
        banner += Markup('<p class="demonstration">{0}</p>\n').format(_label("demonstration", language))
    heads = Markup("").join(Markup('<th scope="col">{0}</th>').format(name) for name, _ in rows)
    cells = Markup("").join(Markup("<td>{0}</td>").format(said) for _, said in rows)
    return Markup(
        '{0}<h1>{1}</h1>\n<p class="subtitle">{2}</p>\n<table class="identity"><thead><tr>{3}</tr></thead>'
        "<tbody><tr>{4}</tr></tbody></table>\n<p>{5}</p>"
    ).format(banner, TITLE[language], SUBTITLE[language], heads, cells, INTRO[language])


def _other(day: date, language: Language) -> Markup:
    return Markup('<span class="small other"><bdi>{0}</bdi></span>').format(other_date(day, language))


def _table(facts: LeafletFacts, language: Language) -> Markup:
    rows, former = [], ""
    for one in facts.protection.restrictions:
        who = f"{one.member_id} {one.kind}"
        head = Markup("") if who == former else _who(one, language)
        if one.pattern_id not in DEEDS:
            raise InputError(
                f"the sheet has no words for the contact {one.pattern_id!r}; known: {', '.join(DEEDS)}. Results of "
                "another version of theratrial are made again by theratrial run"
            )
        rows.append(
            Markup('<tr><th scope="row">{0}</th><td>{1}</td>{2}</tr>').format(
                head, DEEDS[one.pattern_id][language], _until(one, facts, language)
            )
        )
        former = who
    return Markup(
        '<section class="table"><h2>{0}</h2>\n<table><thead><tr><th scope="col">{1}</th><th scope="col">{2}</th>'
        '<th scope="col">{3}</th></tr></thead>\n<tbody>{4}</tbody></table></section>'
    ).format(
        _label("table", language),
        _label("who", language),
        _label("what", language),
        _label("until", language),
        Markup("\n").join(rows),
    )


def _who(one: ContactRestriction, language: Language) -> Markup:
    said = PEOPLE[one.kind][language]
    if not one.member_id:
        return Markup("{0}").format(said)
    number = PERSON_NUMBER[language].format(number=_number(one.member_id, language))
    return Markup('{0}<span class="small">{1}</span>').format(said, number)


def _until(one: ContactRestriction, facts: LeafletFacts, language: Language) -> Markup:
    """The last day of the restriction, always a whole one."""
    last = last_day(one, facts.protection)
    if last is None:
        return Markup('<td class="until">{0}</td>').format(_label("ask", language))
    if last == date.min:
        return Markup('<td class="until free">{0}</td>').format(_label("none", language))
    return Markup('<td class="until">{0}</td>').format(_day(last, language))


def last_day(one: ContactRestriction, protection: SessionProtection) -> date | None:
    """The last whole day of a restriction; `date.min` where none is needed, None where it is not settled."""
    upper = one.until_h.upper
    if one.until_h.value is None or upper is None or one.until_on is None or protection.judged_at_h is None:
        return None
    if upper <= protection.judged_at_h:
        return date.min
    return date.fromordinal(one.until_on.toordinal() - 1)


def _contraception(facts: LeafletFacts, language: Language) -> Markup:
    until = facts.protection.contraception_until
    if until is None:
        return Markup("{0}").format(CONTRACEPTION_ASK[language])
    said = '<b>{0}</b> (<span class="other"><bdi>{1}</bdi></span>)'
    day = Markup(said).format(own_date(until, language), other_date(until, language))
    return Markup("{0}").format(Markup(CONTRACEPTION[language]).format(day=day))


def _list(name: str, items: tuple[str | Markup, ...], language: Language) -> Markup:
    lines = Markup("\n").join(Markup("<li>{0}</li>").format(item) for item in items)
    return Markup("<section><h2>{0}</h2>\n<ul>{1}</ul></section>").format(_label(name, language), lines)


def _lines(facts: LeafletFacts, language: Language) -> Markup:
    """Lines that are filled by hand; who signed on the site, and when, is printed."""
    signed = Markup("")
    if facts.signed_by and facts.signed_at is not None:
        day = facts.signed_at.astimezone(facts.zone).date()
        signed = Markup("<bdi>{0}</bdi>{1}").format(facts.signed_by, Markup(" · ") + own_date(day, language))
    rows = Markup("").join(
        Markup('<tr><th scope="row">{0}</th><td>{1}</td></tr>').format(_label(name, language), said)
        for name, said in (("physicist", ""), ("department", ""), ("night", ""), ("signed", signed))
    )
    return Markup('<section><h2>{0}</h2>\n<table class="lines"><tbody>{1}</tbody></table></section>').format(
        _label("questions", language), rows
    )
