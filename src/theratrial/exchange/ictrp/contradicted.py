"""WHO's elements of a 1.3.1 file that say otherwise than the values beside them: one was edited, the other was not."""

from __future__ import annotations

from collections.abc import Container
from functools import cache
from typing import Final

from theratrial.exchange.ictrp.draft import Draft
from theratrial.exchange.ictrp.elements import Node
from theratrial.registry.record import RegistrationRecord

_SPONSORS: Final = ("sponsors", "recruitment.funding_source")
_START: Final = ("recruitment.expected_start", "recruitment.actual_start")
_ENDINGS: Final = ("name", "organization", "address", "city", "country", "postal_code", "phone", "email")
_CONTACT: Final = tuple(
    f"people.{role}.{name}" for role in ("general_inquiries", "scientific_inquiries") for name in _ENDINGS
)
_DESIGN: Final = tuple(
    f"design.{name}" for name in ("randomization", "blinding", "placebo", "assignment", "purpose", "description")
)
_OTHERS: Final[dict[str, tuple[str, ...]]] = {
    "date_enrolment": _START,
    "type_enrolment": _START,
    "phase": ("design.phase",),
    "study_design": _DESIGN,
    "primary_sponsor": _SPONSORS,
    "sponsor_name": _SPONSORS,
    "source_name": _SPONSORS,
    **dict.fromkeys(("hc_freetext", "hc_code", "hc_keyword"), ("conditions",)),
    **dict.fromkeys(("i_freetext", "i_code", "i_keyword"), ("interventions",)),
    "prim_outcome": ("primary_outcomes",),
    "sec_outcome": ("secondary_outcomes",),
    "sec_id": ("secondary_ids",),
    "issuing_authority": ("secondary_ids",),
    "country2": ("recruitment.countries",),
    "agemin": ("eligibility.age_from",),
    "agemax": ("eligibility.age_to",),
    "gender": ("eligibility.sex",),
    "results_url_link": ("results.urls",),
    **dict.fromkeys(("lastname", "address", "city", "country1", "zip", "telephone", "email", "affiliation"), _CONTACT),
    **dict.fromkeys(
        ("status", "approval_date", "contact_name", "contact_address", "contact_phone", "contact_email"), ("ethics",)
    ),
}


def tell_contradicted(draft: Draft, trial: Node, record: RegistrationRecord) -> None:
    """Tell of each element whose field was taken from our values, and that our writer would not have written so."""
    there = _elements(trial, draft.given)
    if not there:
        return
    written = _written(record, there)
    for name, nodes in there.items():
        expected = written.get(name, [])
        for node in nodes:
            words = " ".join(node.text.split())
            if words in expected:
                expected.remove(words)
            else:
                draft.note(
                    node,
                    f"'{words}' is not what the values in <record_values> say, and they were taken; if the element is "
                    "right, take those values out of the file and read it again",
                )


def _elements(trial: Node, given: frozenset[str]) -> dict[str, list[Node]]:
    """Elements with words, of fields for which there are values of ours."""
    found: dict[str, list[Node]] = {}
    fields = _fields()
    waiting = [one for one in trial.children if one.key != "record_values"]
    while waiting:
        node = waiting.pop()
        if node.children:
            waiting += node.children
        if node.text and not node.children and not given.isdisjoint(fields.get(node.key, ())):
            found.setdefault(node.key, []).append(node)
    return found


@cache
def _fields() -> dict[str, tuple[str, ...]]:
    """Fields or groups that an element speaks of, by its name in small letters."""
    from theratrial.exchange.ictrp.upload import CODES, COUNTS, DATES, STRINGS, TEXTS

    plain = {**TEXTS, **STRINGS, **DATES, **COUNTS, **{key: path for key, (path, _) in CODES.items()}}
    return {key: (path,) for key, path in plain.items()} | _OTHERS


def _written(record: RegistrationRecord, wanted: Container[str]) -> dict[str, list[str]]:
    """Words of the elements of these names that the writer makes of a record, by name."""
    from theratrial.exchange.ictrp.write import trial_values

    found: dict[str, list[str]] = {}
    for name, value in trial_values(record):
        key = name.casefold()
        if key in wanted:
            found.setdefault(key, []).append("" if value is None else " ".join(str(value).split()))
    return found
