"""A record as ICTRP XML: the profile of the 2009 DTD, and the one that carries the whole WHO data set 1.3.1."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from theratrial.errors import InputError
from theratrial.exchange.ictrp import wording
from theratrial.exchange.ictrp.elements import ILLEGAL, trial_nodes
from theratrial.exchange.ictrp.leaves import by_top, leaves
from theratrial.exchange.ictrp.upload import NAMESPACE, read_upload
from theratrial.registry.codes import code_list
from theratrial.registry.people import public_record
from theratrial.registry.record import Contact, RegistrationRecord, Sponsor
from theratrial.registry.words import Coded, RecordDate, Text

Pair = tuple[str, object]
# Dates after 2050 are read back only beside WHO's elements, whatever the reader's day.
_READ_BACK_ON: Final = date(2000, 1, 1)


def ictrp_2009(record: RegistrationRecord, *, contacts: bool = False) -> bytes:
    """The record as a file that is valid against WHO's DTD of 2009; every list has a member, blank where none is known.

    Parameters
    ----------
    contacts
        Whether names, telephones and addresses of people are written.

    Raises
    ------
    InputError
        The record holds a character that XML cannot.
    """
    shown = record if contacts else public_record(record)
    return _file(_trial(shown, is_131=False), "")


def ictrp_131(record: RegistrationRecord, *, contacts: bool = False) -> bytes:
    """The record with results and ethics reviews, and in ``record_values`` all that WHO's elements cannot carry.

    Every field of an item of the data set comes back exactly; recruitment centres and fields of no item do not.
    """
    shown = record if contacts else public_record(record)
    body = list(_trial(shown, is_131=True))
    read = read_upload(next(trial_nodes(BytesIO(_file(body, "")))).node, today=_READ_BACK_ON).record
    kept, found = by_top(leaves(shown)), by_top(leaves(read))
    beside: list[str] = []
    for top in dict.fromkeys([*kept, *found]):
        if kept.get(top) != found.get(top):
            values = kept.get(top) or {top: ""}
            beside += [
                f"      <value path={quoteattr(path)}>{_safe(value, path)}</value>" for path, value in values.items()
            ]
    wrapped = [f'    <record_values xmlns="{NAMESPACE}">', *beside, "    </record_values>"] if beside else []
    return _file(body, "\n".join(wrapped))


def trial_values(record: RegistrationRecord) -> Iterator[Pair]:
    """Name and value of WHO's elements of a record that hold words, as the 1.3.1 profile has them."""
    for block in _blocks(record, is_131=True):
        for pairs in block.members:
            yield from pairs


def _file(body: Iterable[str], beside: str) -> bytes:
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<trials>", "  <trial>", *body, *([beside] if beside else [])]
    return "\n".join([*lines, "  </trial>", "</trials>", ""]).encode("utf-8")


def _safe(value: object, where: str) -> str:
    words = "" if value is None else str(value)
    if bad := ILLEGAL.search(words):
        raise InputError(f"{where} holds the character U+{ord(bad[0]):04X}, which XML cannot carry; take it out")
    return escape(words, {"\r": "&#13;"})


def _element(name: str, value: object, indent: int = 6) -> str:
    return f"{' ' * indent}<{name}>{_safe(value, name)}</{name}>"


@dataclass(slots=True)
class _Block:
    """An element with the elements in it; with `member`, each list of them stands in an element of that name."""

    name: str
    members: Iterable[Iterable[Pair]]
    member: str = ""

    def lines(self) -> Iterator[str]:
        yield f"    <{self.name}>"
        for pairs in self.members:
            if self.member:
                yield f"      <{self.member}>"
            for key, value in pairs:
                yield _element(key, value, 8 if self.member else 6)
            if self.member:
                yield f"      </{self.member}>"
        yield f"    </{self.name}>"


def _block(name: str, pairs: Iterable[Pair]) -> _Block:
    return _Block(name, (pairs,))


def _list(name: str, member: str, values: Iterable[object]) -> _Block:
    return _block(name, [(member, value) for value in list(values) or [""]])


def _nested(name: str, member: str, members: Iterable[list[Pair]]) -> _Block:
    return _Block(name, members, member)


def _day(day: RecordDate | None) -> str:
    return "" if day is None else day.gregorian.isoformat()[: {"day": 10, "month": 7, "year": 4}[day.precision]]


def _code(list_name: str, value: Coded) -> str:
    if not value.code:
        return str(value.text)
    entry = code_list(list_name)[value.code]
    return entry.ictrp or entry.en


def _names(sponsors: Iterable[Sponsor]) -> list[Text]:
    return [one.contact.organization for one in sponsors if one.contact.organization]


def _trial(record: RegistrationRecord, *, is_131: bool) -> Iterator[str]:
    for block in _blocks(record, is_131=is_131):
        yield from block.lines()


def _blocks(record: RegistrationRecord, *, is_131: bool) -> Iterator[_Block]:
    primary, secondary, support = _sponsors(record)
    criteria = record.eligibility
    yield _block("main", _main(record, primary, is_131=is_131))
    people = record.people
    yield _nested(
        "contacts",
        "contact",
        [_contact("Public", people.general_inquiries), _contact("Scientific", people.scientific_inquiries)],
    )
    yield _list("countries", "country2", record.recruitment.countries)
    yield _block(
        "criteria",
        [
            ("inclusion_criteria", criteria.inclusion),
            ("agemin", criteria.age_from),
            ("agemax", criteria.age_to),
            ("gender", _code("sex", criteria.sex)),
            ("exclusion_criteria", criteria.exclusion),
        ],
    )
    conditions, interventions = record.conditions, record.interventions
    codes = [f"{one.icd10}: {one.icd10_description}" if one.icd10_description else one.icd10 for one in conditions]
    yield _list("health_condition_code", "hc_code", codes)
    yield _list("health_condition_keyword", "hc_keyword", [word for one in conditions for word in one.keywords])
    kinds = [_code("intervention_category", one.category) for one in interventions]
    yield _list("intervention_code", "i_code", kinds)
    yield _list("intervention_keyword", "i_keyword", [word for one in interventions for word in one.keywords])
    yield _list("primary_outcome", "prim_outcome", [_outcome(one) for one in record.primary_outcomes])
    yield _list("secondary_outcome", "sec_outcome", [_outcome(one) for one in record.secondary_outcomes])
    yield _list("secondary_sponsor", "sponsor_name", secondary)
    ids = [[("sec_id", one.number), ("issuing_authority", one.authority)] for one in record.secondary_ids]
    yield _nested("secondary_ids", "secondary_id", ids or [[("sec_id", ""), ("issuing_authority", "")]])
    yield _list("source_support", "source_name", support)
    if is_131:
        yield _ethics(record)


def _main(record: RegistrationRecord, primary: object, *, is_131: bool) -> Iterator[Pair]:
    registration, recruitment, design = record.registration, record.recruitment, record.design
    actual = recruitment.actual_start is not None
    yield "trial_id", registration.number
    yield "utrn", registration.utn
    yield "reg_name", registration.registry
    yield "date_registration", _day(registration.registered_on)
    yield "primary_sponsor", primary
    yield "public_title", record.public_title
    yield "acronym", registration.acronym
    yield "scientific_title", record.scientific_title
    yield "scientific_acronym", registration.scientific_acronym
    yield "date_enrolment", _day(recruitment.first_enrolment)
    yield "type_enrolment", "actual" if actual else "anticipated" if recruitment.expected_start else ""
    yield "target_size", recruitment.target_sample_size
    yield "recruitment_status", _code("recruitment_status", recruitment.status)
    yield "url", registration.url
    yield "study_type", _code("study_type", design.study_type)
    yield "study_design", wording.design_words(design)
    yield "phase", _code("phase", design.phase)
    yield "hc_freetext", "; ".join(str(one.description) for one in record.conditions if one.description)
    yield "i_freetext", "\n\n".join(_intervention(one) for one in record.interventions if one.description or one.name)
    if is_131:
        yield from _results(record)


def _results(record: RegistrationRecord) -> Iterator[Pair]:
    results = record.results
    yield "results_actual_enrolment", record.recruitment.actual_sample_size
    yield "results_date_completed", _day(record.recruitment.trial_completion)
    yield "results_url_link", " ".join(results.urls)
    yield "results_summary", results.summary
    yield "results_date_posted", _day(results.posted_on)
    yield "results_date_first_publication", _day(results.first_published_on)
    yield "results_baseline_char", results.baseline
    yield "results_participant_flow", results.participant_flow
    yield "results_adverse_events", results.adverse_events
    yield "results_outcome_measures", results.outcome_measures
    yield "results_url_protocol", results.protocol_url
    yield "results_IPD_plan", _code("sharing", record.sharing.individual_participant_data)
    yield "results_IPD_description", record.sharing.title_and_details


def _sponsors(record: RegistrationRecord) -> tuple[object, list[Text], list[Text]]:
    """Primary sponsor, secondary ones, sources of support; the first sponsor of no stated role is the primary one."""
    by_role: dict[str, list[Sponsor]] = {"primary_sponsor": [], "secondary_sponsor": [], "funder": [], "": []}
    for one in record.sponsors:
        by_role[one.kind.code].append(one)
    first = by_role["primary_sponsor"] or by_role[""][:1]
    others = [one for one in by_role["primary_sponsor"][1:] + by_role[""] if one not in first[:1]]
    funding = [record.recruitment.funding_source] + [one.funding_title for one in record.sponsors]
    support = dict.fromkeys(one for one in [*_names(by_role["funder"]), *funding] if one)
    name = first[0].contact.organization if first else ""
    return name, _names(by_role["secondary_sponsor"] + others), list(support)


def _contact(kind: str, contact: Contact) -> list[Pair]:
    # A registry that keeps a name in one piece cannot say which part is which.
    return [
        ("type", kind),
        ("firstname", ""),
        ("middlename", ""),
        ("lastname", contact.name),
        ("address", contact.address),
        ("city", contact.city),
        ("country1", contact.country),
        ("zip", contact.postal_code),
        ("telephone", contact.phone),
        ("email", contact.email),
        ("affiliation", contact.organization),
    ]


def _outcome(one: object) -> str:
    description, timepoint, method = (str(getattr(one, name)) for name in ("description", "timepoint", "method"))
    parts = [
        description,
        f"Timepoint: {timepoint}" if timepoint else "",
        f"Method of measurement: {method}" if method else "",
    ]
    return ". ".join(part.removesuffix(".") for part in parts if part)


def _intervention(one: object) -> str:
    parts = (str(getattr(one, "name")), str(getattr(one, "description")))  # noqa: B009
    return ": ".join(part for part in parts if part)


def _ethics(record: RegistrationRecord) -> _Block:
    reviews: list[list[Pair]] = []
    for one in record.ethics:
        status, approved = _code("ethics_status", one.status), _day(one.approved_on)
        contact = one.contact
        address = contact.address
        reviews.append(
            [
                ("status", status),
                ("approval_date", approved),
                ("contact_name", contact.organization),
                ("contact_address", address),
                ("contact_phone", contact.phone),
                ("contact_email", contact.email),
            ]
        )
    names = ("status", "approval_date", "contact_name", "contact_address", "contact_phone", "contact_email")
    return _nested("ethics_reviews", "ethics_review", reviews or [[(name, "") for name in names]])
