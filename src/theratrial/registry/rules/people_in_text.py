"""What leaves with every public copy though it should not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from theratrial.registry.contact_words import contacts_in_prose
from theratrial.registry.found import Quote, Sentence, Severity
from theratrial.registry.rules.frame import TRDS, Case, Found, rule
from theratrial.registry.rules.quoting import whole_words
from theratrial.registry.rules.words import filled

_KINDS: Final = {"email": ("An e-mail address", "نشانی ایمیل"), "phone": ("A telephone number", "شمارهٔ تلفن")}
_AROUND: Final = 40


@rule(
    "contact-in-text",
    Severity.WARNING,
    TRDS.format("7, 8"),
    "An e-mail address or telephone number stands in a text",
    "نشانی ایمیل یا شمارهٔ تلفن در متن آمده است",
)
def contact_in_text(case: Case) -> Iterator[Found]:
    """Contact fields are left out of public copies; sentences are not rewritten."""
    for one in contacts_in_prose(filled(case.record)):
        en, fa = _KINDS[one.kind]
        begin, end = max(0, one.start - _AROUND), min(len(one.words), one.end + _AROUND)
        yield Found(
            one.path,
            Sentence(
                f"{en} stands in the text; every public copy of the record carries it",
                f"{fa} در متن آمده است و با هر نسخهٔ همگانی سوابق بیرون می‌رود",
            ),
            Sentence(
                "Write it into the contact fields, or name an office or a web address instead",
                "آن را در فیلدهای تماس بنویسید یا به‌جای آن از دفتر یا نشانی وب نام ببرید",
            ),
            (Quote(whole_words(one.words, begin, end), one.path),),
        )
