"""A record without what points at a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from theratrial.registry.record import PERSONAL, Contact, EthicsReview, RegistrationRecord, Sponsor
from theratrial.registry.words import Text

Holder = TypeVar("Holder", EthicsReview, Sponsor)


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


def with_contacts_of(record: RegistrationRecord, known: RegistrationRecord) -> RegistrationRecord:
    """A record that names nobody, as a public copy does, with the people that are known at the same organizations.

    Examples
    --------
    >>> from theratrial.registry.reader import shipped_registration
    >>> record = shipped_registration("IRCT20210612051548N3")
    >>> with_contacts_of(public_record(record), record) == record
    True
    """
    if public_record(record) != record:
        return record
    roles = type(record.people).model_fields
    people = {role: _filled(getattr(record.people, role), getattr(known.people, role)) for role in roles}
    return record.model_copy(
        update={
            "people": record.people.model_copy(update=people),
            "centres": tuple(_filled_each(record.centres, known.centres)),
            "ethics": _filled_contacts(record.ethics, known.ethics),
            "sponsors": _filled_contacts(record.sponsors, known.sponsors),
        }
    )


def _filled_contacts(holders: tuple[Holder, ...], known: tuple[Holder, ...]) -> tuple[Holder, ...]:
    contacts = _filled_each([one.contact for one in holders], [one.contact for one in known])
    return tuple(one.model_copy(update={"contact": new}) for one, new in zip(holders, contacts, strict=True))


def _filled_each(contacts: Sequence[Contact], known: Sequence[Contact]) -> list[Contact]:
    return [_filled(one, known[index]) if index < len(known) else one for index, one in enumerate(contacts)]


def _filled(contact: Contact, known: Contact) -> Contact:
    here, there = contact.organization, known.organization
    same = here == there or bool(here.en and here.en == there.en) or bool(here.fa and here.fa == there.fa)
    return contact.model_copy(update={name: getattr(known, name) for name in PERSONAL}) if same else contact
