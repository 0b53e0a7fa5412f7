"""Words of the record's pages: sentences in the reader's language, labels, what a finding asks to do."""

from __future__ import annotations

import re
from dataclasses import fields as fields_of
from dataclasses import replace
from typing import Final

from django.utils.translation import get_language, get_language_bidi
from django.utils.translation import gettext as _

from theratrial.registry.check import RULES
from theratrial.registry.fields import field_of, sections
from theratrial.registry.found import Finding, Sentence
from theratrial.registry.trial_facts import Fact, TrialFacts
from theratrial.registry.words import Language, Text

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:, [0-9]{4}/[0-9]{2}/[0-9]{2})?|[0-9]{4}/[0-9]{2}/[0-9]{2}")
# "«4-6 weeks after ...»": without a hold its number would stand at the far end.
_LATIN_QUOTE: Final = re.compile("«([^«»\u0590-\u08ff]*[A-Za-z][^«»\u0590-\u08ff]*)»")


def language() -> Language:
    """The reader's, of the two that a record has."""
    return "fa" if get_language() == "fa" else "en"


def in_words(sentence: Sentence | Text | None) -> str:
    """A sentence in the reader's language; the other one where it has none."""
    if sentence is None:
        return ""
    return dates_held(getattr(sentence, language()) or sentence.en or sentence.fa)


def dates_held(words: str) -> str:
    """Right to left, dates and quoted Latin words would be turned around by what stands about them: they are held."""
    if not get_language_bidi():
        return words
    return _LATIN_QUOTE.sub("«\u2066\\1\u2069»", _DATE.sub("\u2066\\g<0>\u2069", words))


def codes_of(facts: TrialFacts) -> frozenset[str]:
    """Participants whom the evidence of the facts names: ``consents: P01, 2022-01-22``."""
    found = (getattr(facts, one.name) for one in fields_of(facts))
    named = (re.fullmatch(r"\w+: (.+), [0-9-]{10}", one.evidence) for one in found if isinstance(one, Fact))
    return frozenset(match[1] for match in named if match)


def without_codes(words: str, codes: frozenset[str]) -> str:
    """A sentence for who may not see participants: who they are is left out, what holds of them stays."""
    if not codes:
        return words
    either = "|".join(re.escape(one) for one in sorted(codes, key=len, reverse=True))
    return re.sub(rf"(?<![\w-])(?:{either})(?![\w-])", "***", words)


def finding_without_codes(found: Finding, codes: frozenset[str]) -> Finding:
    """A finding for who may not see participants, in both languages."""
    if not codes:
        return found

    def told(sentence: Sentence) -> Sentence:
        return Sentence(without_codes(sentence.en, codes), without_codes(sentence.fa, codes))

    quotes = tuple(replace(one, text=without_codes(one.text, codes)) for one in found.quotes)
    return replace(found, message=told(found.message), remedy=told(found.remedy), quotes=quotes)


def label_of(path: str) -> str:
    """The label of a field's path where it stands alone: ``Primary outcomes 1: Description``."""
    try:
        field = field_of(path)
    except KeyError:
        return path
    words = field.label(language()).rstrip(":")
    if field.group:
        index = int(path.partition("[")[2].partition("]")[0] or 0)
        return f"{section_title(field.section)} {index + 1}: {words}"
    return f"{section_title(field.section)}: {words}" if path.startswith("people.") else words


def section_title(name: str) -> str:
    """Heading of a section."""
    return next((one.title(language()) for one in sections() if one.name == name), name)


_ROOMS: Final = {
    "dates": "dates", "live": "dates", "required": "required", "answers": "required", "protocol": "protocols",
    "planned": "protocols", "outcomes": "outcomes", "treatment": "treatment", "criteria": "criteria",
    "people": "people", "results": "results",
}  # fmt: skip
"""Beginning of a room of rules (module) -> the task that their findings are settled in."""


def task_of(rule: str) -> str:
    """Which task the findings of a rule belong to: the room that the rule stands in."""
    room = RULES[rule].look.__module__.rpartition(".")[2] if rule in RULES else ""
    return next((task for name, task in _ROOMS.items() if room.startswith(name)), "other")


def task_words(task: str) -> tuple[str, str]:
    """Title of a task, and what it asks for in one sentence."""
    return {
        "dates": (
            _("Bring status, dates and numbers up to date"),
            _("Most of it is in the trial's own data: take the proposed update, then send it to the registry."),
        ),
        "outcomes": (
            _("Say what is measured"),
            _("Each outcome: what is measured in a participant, by which method, when, and how it is summarized."),
        ),
        "treatment": (
            _("Describe the treatment so that it can be repeated"),
            _("Activity, mass, cycles, imaging and the rule to stop, as the protocol has them."),
        ),
        "criteria": (
            _("Make the criteria agree, and complete them"),
            _("Summary, titles and criteria say the same; what the treatment needs is asked for."),
        ),
        "required": (
            _("Fill in what is missing"),
            _("Answers that a registry asks of every trial, and languages."),
        ),
        "protocols": (
            _("Settle what differs from the protocol"),
            _("Somebody has to say which of the two holds; an amendment changes both."),
        ),
        "people": (
            _("Check organizations and addresses"),
            _("Whoever reads the record must reach somebody."),
        ),
        "results": (
            _("Report the results"),
            _("Summary results are owed whatever they are."),
        ),
    }.get(task, (_("Other findings"), ""))


def severity_words(severity: str) -> str:
    """Severity in one word."""
    return {"error": _("error"), "warning": _("warning"), "info": _("note")}[severity]


def tone(severity: str) -> str:
    """Class of the tag."""
    return {"error": "bad", "warning": "warn", "info": "neutral"}[severity]


def item_state_words(state: str) -> str:
    """State of an item of the data set."""
    return {
        "present": _("complete"),
        "partial": _("in part"),
        "absent": _("absent"),
        "not_yet_due": _("not yet due"),
        "not_applicable": _("does not apply"),
    }[state]


def item_tone(state: str) -> str:
    """Class of the tag."""
    return {"present": "good", "partial": "warn", "absent": "bad"}.get(state, "neutral")
