"""E-mail addresses and telephone numbers in sentences are seen; numbers that are none are not."""

from __future__ import annotations

import pytest
from record_changes import running_trial, with_changes

from theratrial.registry.contact_words import contacts_in_prose
from theratrial.registry.fields import filled_fields
from theratrial.registry.reader import shipped_registration

GOOD = running_trial()


def kinds(words: str) -> list[str]:
    record = with_changes(GOOD, {"summary.aim": {"en": words}})
    return [one.kind for one in contacts_in_prose(filled_fields(record, blank=False))]


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("Write to data@example.org please", "email"),
        ("data (at) example.org", "email"),
        ("Call +98 21 0000 0000", "phone"),
        ("021-10000000", "phone"),
        ("Tel: 10000000", "phone"),
        ("تلفن ۰۲۱-۱۰۰۰۰۰۰۰", "phone"),
        ("همراه: ۰۹۱۰۰۰۰۰۰۰۰", "phone"),
    ],
)
def test_what_reaches_somebody_is_seen(words, kind):
    assert kinds(words) == [kind]


@pytest.mark.parametrize(
    "words",
    [
        "IRCT20240110000000N1, U1111-0000-0001, NCT00763412, 2004-000446-20, ORCID 0000-0002-1825-0097",
        "2024-01-10, 1400/07/26; 0.05 and 100,000/mm³; doi 10.1016/0140-6736(95)00123-4",
        "Scans at hours 0, 24, 48 and 72; visits at weeks 0 2 4 6 8 10 12 14; mobile SPECT at 24 hours",
        "3.7 GBq @ 24 h; see https://example.org/data",
    ],
)
def test_numbers_of_trials_days_and_scans_are_no_telephones(words):
    assert kinds(words) == []


@pytest.mark.parametrize("number", ["IRCT20240110000000N1", "IRCT20210612051548N3"])
def test_the_contact_fields_themselves_are_no_prose(number):
    record = shipped_registration(number)
    assert record.people.general_inquiries.email
    assert list(contacts_in_prose(filled_fields(record, blank=False))) == []
