"""``{% said text %}``: a sentence of the core in the reader's language; ``{% said_plain text %}`` without markup."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString

from theratrial.web.sentences import shown
from theratrial.web.templatetags.shown import number

register = template.Library()
_REMEMBERED = "theratrial_words"


def _user(context: Any) -> Any:
    return getattr(context.get("request"), "user", None)


@register.simple_tag(takes_context=True)
def said(context: Any, text: Any) -> SafeString:
    """Persian where the page is Persian, with the English as its title; else the English."""
    request = context.get("request")
    words = getattr(request, _REMEMBERED, None)
    if words is None and shown.speaks_persian():
        # Once per request: a page says hundreds of sentences.
        words = shown.words_in_force()
        if request is not None:
            setattr(request, _REMEMBERED, words)
    return shown.said_markup(text, _user(context), words)


@register.simple_tag(takes_context=True)
def value_said(context: Any, value: Any, unit: str = "") -> SafeString:
    """A value that is a number or a word, with its unit: ``69 years``, ``female``; a dash where it is missing."""
    text = "" if value is None else str(value)
    if any(map(str.isalpha, text)):
        return said(context, text)
    figure = escape(number(context, text))
    if not unit:
        return figure
    words = shown.said_plain(unit, _user(context))
    # A unit that is a word stands in the direction of the page, a symbol left to right behind its number.
    kind = "nowrap" if shown.is_persian(words) else "ltr nowrap"
    return format_html('<span class="{}">{} {}</span>', kind, figure, words)


@register.simple_tag(takes_context=True)
def said_plain(context: Any, text: Any, longest: int = 0) -> str:
    """For attributes, options and shortened texts."""
    whole = shown.said_plain(text, _user(context))
    return whole if not longest or len(whole) <= longest else f"{whole[: longest - 1]}…"
