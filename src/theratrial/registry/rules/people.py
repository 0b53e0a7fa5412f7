"""People and places: whom to ask, whether they can be reached, and whether one place has one name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import combinations
from typing import Final

from theratrial.registry.found import Quote, Sentence, Severity
from theratrial.registry.record import Contact
from theratrial.registry.rules.frame import CONSISTENCY, IRCT, TRDS, Case, Found, quote, rule
from theratrial.registry.rules.quoting import shortened, whole_words
from theratrial.registry.rules.words import filled, of_irct, texts

_DIGITS: Final = str.maketrans("۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩", "01234567890123456789")
_MARKUP: Final = re.compile(
    r"</?[a-z][a-z0-9]*(?:\s[^<>]*)?/?>|&(?:nbsp|amp|lt|gt|quot|#\d+);|\\(?:geq?|leq?|times|mu|alpha|beta|pm|text)\b",
    re.IGNORECASE,
)
_PADDING: Final = re.compile(r"[^\S\n]{10,}|\n\s*\n\s*\n\s*\n")
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]{2,}")
_WORD: Final = re.compile(r"[A-Z][a-z]{4,}")
_PLACES: Final = re.compile(r"\.(?:city|province)$")
_SPOKEN: Final = re.compile(r"\.(?:city|province|organization|address|funding_title)$|funding_title$")
_MOST_WORDS: Final = 2000
"""Of names and addresses in one record; more of them are no names, and every pair is compared."""
_LONGEST_NAME: Final = 60
_ALIKE: Final = 0.85
"""Two transliterations of a place share this much: Boushehr and Bushehr 0.93, Golestan and Lorestan 0.75."""


def _contacts(case: Case) -> Iterator[tuple[str, Contact]]:
    record = case.record
    for name in ("registrant", "general_inquiries", "scientific_inquiries", "data_updating"):
        yield f"people.{name}", getattr(record.people, name)
    yield from ((f"ethics[{index}].contact", one.contact) for index, one in enumerate(record.ethics))
    yield from ((f"centres[{index}]", one) for index, one in enumerate(record.centres))
    yield from ((f"sponsors[{index}].contact", one.contact) for index, one in enumerate(record.sponsors))


def _inquiries(id_: str, name: str, item: int, what: tuple[str, str]) -> None:
    path = f"people.{name}"
    title = (f"Nobody is named for {what[0]} inquiries", f"برای پاسخ‌گویی {what[1]} کسی معرفی نشده است")

    @rule(id_, Severity.ERROR, TRDS.format(item), *title)
    def look(case: Case) -> Iterator[Found]:
        contact: Contact = getattr(case.record.people, name)
        if not contact.organization and not contact.name:
            yield Found(
                f"{path}.organization",
                Sentence(*title),
                Sentence(
                    "Name an organization and a function that answers, with address",
                    "سازمان و سمت پاسخ‌گو را با نشانی معرفی کنید",
                ),
            )


_inquiries("general-contact-missing", "general_inquiries", 7, ("general", "عمومی"))
_inquiries("scientific-contact-missing", "scientific_inquiries", 8, ("scientific", "علمی"))


@rule(
    "contact-unreachable",
    Severity.WARNING,
    TRDS.format("7, 8"),
    "A contact without telephone, e-mail or address",
    "مخاطبی بی تلفن، ایمیل یا نشانی",
)
def contact_unreachable(case: Case) -> Iterator[Found]:
    for name in ("general_inquiries", "scientific_inquiries"):
        contact: Contact = getattr(case.record.people, name)
        named = contact.organization or contact.name
        if named and not (contact.phone or contact.mobile or contact.email or contact.address):
            yield Found(
                f"people.{name}.email",
                Sentence(f"'{named}' cannot be reached", f"راهی برای تماس با «{named}» نیامده است"),
                Sentence(
                    "Give an address of the function rather than of a person: people leave",
                    "نشانی سمت را بدهید و نه شخص را: آدم‌ها جابه‌جا می‌شوند",
                ),
                (Quote(str(named), f"people.{name}.organization"),),
            )


@rule(
    "registrant-entity-missing",
    Severity.WARNING,
    IRCT,
    "The registrant's organization is empty",
    "سازمان ثبت‌کننده خالی است",
)
def registrant_entity_missing(case: Case) -> Iterator[Found]:
    registrant = case.record.people.registrant
    if not registrant.organization and (of_irct(case.record) or registrant != Contact()):
        yield Found(
            "people.registrant.organization",
            Sentence(
                "The registrant belongs to no organization by this record", "بنا بر این سوابق ثبت‌کننده سازمانی ندارد"
            ),
            Sentence("Enter the organization in the registrant's account", "سازمان را در حساب ثبت‌کننده وارد کنید"),
            (quote(case, "people.registrant.country"),),
        )


@rule(
    "postal-code-not-ten-digits",
    Severity.WARNING,
    "postal codes of Iran: 10 digits",
    "A postal code of Iran has not 10 digits",
    "کد پستی ایران ده رقم ندارد",
)
def postal_code_not_ten_digits(case: Case) -> Iterator[Found]:
    places: dict[str, list[str]] = {}
    for path, contact in _contacts(case):
        code = contact.postal_code.translate(_DIGITS).replace("-", "").replace(" ", "")
        iranian = "iran" in contact.country.en.casefold() or (not contact.country and of_irct(case.record))
        if code and iranian and not re.fullmatch(r"\d{10}", code):
            places.setdefault(contact.postal_code, []).append(f"{path}.postal_code")
    for code, paths in places.items():
        digits = sum(one.isdigit() for one in code)
        yield Found(
            paths[0],
            Sentence(
                f"'{code}' has {digits} digits, postal codes of Iran have 10; it stands in {len(paths)} "
                + ("place" if len(paths) == 1 else "places"),
                f"«{code}» {digits} رقم دارد و کد پستی ایران ۱۰ رقم؛ در {len(paths)} جا آمده است",
            ),
            Sentence("Ask the organization for its code", "کد را از سازمان بپرسید"),
            tuple(quote(case, path) for path in paths),
        )


@rule(
    "place-spelled-two-ways",
    Severity.WARNING,
    CONSISTENCY,
    "A place is spelled in two ways",
    "نام یک جا به دو گونه نوشته شده است",
)
def place_spelled_two_ways(case: Case) -> Iterator[Found]:
    """English only: transliterations part, the Persian name does not."""
    said: dict[str, list[str]] = {}
    places: set[str] = set()
    for one in filled(case.record):
        if one.field.kind == "text" and one.value.en and _SPOKEN.search(one.field.path):
            words = set(_WORD.findall(one.value.en))
            for word in words:
                said.setdefault(word, []).append(one.path)
            if _PLACES.search(one.field.path):
                places |= words
    if not places or len(said) > _MOST_WORDS:
        return
    for first, second in combinations(sorted(said), 2):
        if (first in places or second in places) and _one_name(first, second):
            yield Found(
                said[first][0],
                Sentence(
                    f"'{first}' ({len(said[first])} times) and '{second}' ({len(said[second])} times) are one place",
                    f"«{first}» ({len(said[first])} بار) و «{second}» ({len(said[second])} بار) نام یک جا هستند",
                ),
                Sentence(
                    "Use one spelling throughout, that of the organization's own web page",
                    "همه‌جا یک املا به کار برید، همان که سازمان خود به کار می‌برد",
                ),
                (quote(case, said[first][0]), quote(case, said[second][0])),
            )


def _one_name(first: str, second: str) -> bool:
    """Whether two words may be transliterations of one name."""
    shorter, longer = sorted((len(first), len(second)))
    # No more letters can be in common than the shorter one has; most pairs end here.
    return 2 * shorter >= _ALIKE * (shorter + longer) and longer < _LONGEST_NAME and _alike(first, second)


@lru_cache(maxsize=20_000)
def _alike(first: str, second: str) -> bool:
    one, other = first.casefold(), second.casefold()
    if one.startswith(other) or other.startswith(one):
        return False  # Tabriz and Tabrizi, Kerman and Kermanshah
    match = SequenceMatcher(None, one, other)
    return match.quick_ratio() >= _ALIKE and match.ratio() >= _ALIKE


@rule(
    "markup-in-text",
    Severity.WARNING,
    CONSISTENCY,
    "Marks of HTML or LaTeX stand in a text",
    "نشانه‌های HTML یا LaTeX در متن مانده است",
)
def markup_in_text(case: Case) -> Iterator[Found]:
    for path, words, _small in texts(case.record):
        if ("<" in words or "&" in words or "\\" in words) and (match := _MARKUP.search(words)):
            yield Found(
                path,
                Sentence(f"'{match[0]}' stands in the text", f"«{match[0]}» در متن آمده است"),
                Sentence("Write the sign itself, or a new line", "خود نشانه یا سطر تازه بنویسید"),
                (Quote(_near(words, match.start()), path),),
            )


@rule(
    "spaces-in-text",
    Severity.WARNING,
    CONSISTENCY,
    "A text is padded with spaces",
    "متن با فاصله پر شده است",
)
def spaces_in_text(case: Case) -> Iterator[Found]:
    for path, words, _small in texts(case.record):
        # Where no two blanks follow each other nothing is padded.
        if (
            ("  " in words or not words.isprintable())
            and len(words) != len(" ".join(words.split()))
            and (match := _PADDING.search(words))
        ):
            yield Found(
                path,
                Sentence(
                    f"{len(match[0])} spaces or empty lines in a row", f"{len(match[0])} فاصله یا سطر خالی پیاپی است"
                ),
                Sentence("Delete them", "آن‌ها را بردارید"),
                (Quote(shortened(" ".join(words.split()), longest=120), path),),
            )


def _near(words: str, place: int) -> str:
    return whole_words(words, max(0, place - 40), min(len(words), place + 60))


@rule(
    "email-out-of-pattern",
    Severity.WARNING,
    TRDS.format("7, 8"),
    "An e-mail address is none",
    "نشانی ایمیل درست نیست",
)
def email_out_of_pattern(case: Case) -> Iterator[Found]:
    for path, contact in _contacts(case):
        if contact.email and not _EMAIL.fullmatch(contact.email.strip()):
            yield Found(
                f"{path}.email",
                Sentence("The e-mail address cannot be one", "نشانی ایمیل نمی‌تواند درست باشد"),
                Sentence("Give one address, as name@example.org", "یک نشانی بنویسید، مانند name@example.org"),
            )
