"""A record without what points at a person."""

from __future__ import annotations

import re
from typing import Final

from theratrial.registry.fields import Filled, filled_fields
from theratrial.registry.record import PERSONAL, Contact, RegistrationRecord
from theratrial.registry.words import Text

_ADDRESS: Final = re.compile(r"[\w.+-]{1,64}@[\w-]{1,64}\.\w|(?:\+|\b00)[\d\u06f0-\u06f9][\d\u06f0-\u06f9 ()-]{7,20}")


def public_record(record: RegistrationRecord) -> RegistrationRecord:
    """The record as it may be given to anybody: organizations, functions and places stay, names and numbers go.

    Examples
    --------
    >>> from theratrial.registry.reader import shipped_registration
    >>> public_record(shipped_registration("IRCT20210612051548N3")).people.data_updating.email
    ''
    """
    people = record.people
    return record.model_copy(
        update={
            "people": people.model_copy(
                update={role: _public(getattr(people, role)) for role in type(people).model_fields}
            ),
            "centres": tuple(_public(centre) for centre in record.centres),
            "ethics": tuple(one.model_copy(update={"contact": _public(one.contact)}) for one in record.ethics),
            "sponsors": tuple(one.model_copy(update={"contact": _public(one.contact)}) for one in record.sponsors),
        }
    )


def _public(contact: Contact) -> Contact:
    return contact.model_copy(update={name: Text() if name == "name" else "" for name in PERSONAL})


def addresses_in_words(record: RegistrationRecord) -> tuple[Filled, ...]:
    """Fields in whose words an e-mail address or telephone number stands: `public_record` alters no words."""
    found = filled_fields(public_record(record), blank=False)
    return tuple(
        one
        for one in found
        if isinstance(one.value, Text) and _ADDRESS.search(f"{one.value.said('en')}\n{one.value.said('fa')}")
    )
