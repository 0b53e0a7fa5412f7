"""How complete a record is by the 24 items of the WHO Trial Registration Data Set, and which fields were counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from theratrial.registry.fields import value_at
from theratrial.registry.found import Sentence
from theratrial.registry.periods import months_later
from theratrial.registry.record import RegistrationRecord
from theratrial.registry.words import is_blank

State = Literal["present", "partial", "absent", "not_yet_due", "not_applicable"]

_OVER: Final = ("complete", "completed", "terminated")
_BEGUN: Final = ("recruiting", "suspended", *_OVER)


@dataclass(frozen=True, slots=True)
class ItemCompleteness:
    """One item of the data set: its fields that hold something, and those that should and do not.

    ``not_yet_due`` is what can only be known later; ``not_applicable`` what the data set asks for "if any", where the
    record names none.
    """

    number: int
    title: Sentence
    state: State
    filled: tuple[str, ...]
    lacking: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Completeness:
    """All 24 items in their order."""

    items: tuple[ItemCompleteness, ...]

    @property
    def applicable(self) -> int:
        """Items that are due now and apply."""
        return sum(item.state not in ("not_yet_due", "not_applicable") for item in self.items)

    @property
    def present(self) -> int:
        """Items that are wholly there."""
        return sum(item.state == "present" for item in self.items)

    @property
    def score(self) -> Sentence:
        """``13 of 23``; a partial item does not count."""
        return Sentence(f"{self.present} of {self.applicable}", f"{self.present} از {self.applicable}")


@dataclass(frozen=True, slots=True)
class _Asked:
    """What an item asks of a record: each entry a field, or fields of which one is enough."""

    fields: tuple[tuple[str, ...], ...]
    due: bool = True
    applies: bool = True


def completeness(record: RegistrationRecord, *, today: date | None = None) -> Completeness:
    """The state of each item of the data set.

    Assumes that results (item 23) fall due twelve months after completion, and completion (item 22) with the end of
    recruitment. The answer "undecided" on sharing (item 24) is one that the data set allows, and counts.

    Parameters
    ----------
    today
        For results of a trial that was completed less than a year ago; None takes them as due.

    References
    ----------
    WHO Trial Registration Data Set, version 1.3.1.

    Examples
    --------
    >>> from theratrial.registry.reader import shipped_registration
    >>> found = completeness(shipped_registration("IRCT20210612051548N3"))
    >>> found.items[10].title.en, found.items[10].state
    ('Countries of recruitment', 'absent')
    """
    found = []
    for number, (title, asked) in enumerate(_ITEMS, 1):
        found.append(_item(record, number, title, asked(record, today)))
    return Completeness(tuple(found))


def _item(record: RegistrationRecord, number: int, title: Sentence, asked: _Asked) -> ItemCompleteness:
    filled: list[str] = []
    lacking: list[str] = []
    for choices in asked.fields:
        there = [path for path in choices if _holds(record, path)]
        (filled if there else lacking).append(there[0] if there else choices[0])
    state: State = "present" if not lacking else "partial" if filled else "absent"
    if lacking and not asked.due:
        state = "not_yet_due"
    elif not filled and not asked.applies:
        state = "not_applicable"
    return ItemCompleteness(number, title, state, tuple(filled), tuple(lacking))


def _holds(record: RegistrationRecord, path: str) -> bool:
    value = value_at(record, path)
    # A text or code without words is a value that is empty, and says so itself.
    return not is_blank(value) and (value == 0 or bool(value))


def _fields(*paths: str) -> Callable[[RegistrationRecord, date | None], _Asked]:
    """An item that asks for the same fields of every record; ``a|b`` where either is enough."""
    choices = tuple(tuple(path.split("|")) for path in paths)
    return lambda _record, _today: _Asked(choices)


def _each(group: str, *names: str) -> Callable[[RegistrationRecord, date | None], _Asked]:
    """An item that asks for fields of every member of a group, and for one member at least."""

    def asked(record: RegistrationRecord, _today: date | None) -> _Asked:
        members = range(max(1, len(value_at(record, group))))
        return _Asked(
            tuple(tuple(f"{group}[{index}].{one}" for one in name.split("|")) for index in members for name in names)
        )

    return asked


def _contact(name: str) -> Callable[[RegistrationRecord, date | None], _Asked]:
    path = f"people.{name}"
    return _fields(
        f"{path}.organization|{path}.name",
        f"{path}.address|{path}.city",
        f"{path}.phone|{path}.mobile",
        f"{path}.email",
    )


def _secondary_sponsor(record: RegistrationRecord, _today: date | None) -> _Asked:
    kinds = [one.kind.code for one in record.sponsors]
    index = kinds.index("secondary_sponsor") if "secondary_sponsor" in kinds else len(kinds)
    return _Asked(((f"sponsors[{index}].contact.organization",),), applies=False)


def _primary_sponsor(record: RegistrationRecord, _today: date | None) -> _Asked:
    """The one that is called so; registries that do not say so mean every one that is not called otherwise."""
    kinds = [one.kind.code for one in record.sponsors]
    wanted = next((kind for kind in ("primary_sponsor", "") if kind in kinds), None)
    index = kinds.index(wanted) if wanted is not None else len(kinds)
    return _Asked(((f"sponsors[{index}].contact.organization", f"sponsors[{index}].contact.name"),))


def _support(record: RegistrationRecord, _today: date | None) -> _Asked:
    titles = tuple(f"sponsors[{index}].funding_title" for index in range(len(record.sponsors)))
    funders = tuple(
        f"sponsors[{index}].contact.organization"
        for index, one in enumerate(record.sponsors)
        if one.kind.code == "funder"
    )
    return _Asked((titles + funders + ("recruitment.funding_source",),))


def _secondary_ids(record: RegistrationRecord, _today: date | None) -> _Asked:
    members = range(len(record.secondary_ids))
    others = tuple((f"secondary_ids[{index}].{name}",) for index in members for name in ("number", "authority"))
    return _Asked((("registration.utn",), *others))


def _design(record: RegistrationRecord, _today: date | None) -> _Asked:
    wanted = [f"design.{name}" for name in ("purpose", "phase", "randomization", "blinding", "assignment")]
    if not record.registration.number.startswith("IRCT") or record.design.study_type:
        wanted.insert(0, "design.study_type")  # IRCT registers interventional trials alone and prints no type.
    if record.design.description:
        wanted = ["design.description"] + [path for path in wanted if _holds(record, path)]
    return _Asked(tuple((path,) for path in wanted))


def _first_enrolment(record: RegistrationRecord, _today: date | None) -> _Asked:
    begun = record.recruitment.status.code in _BEGUN
    expected, actual = ("recruitment.expected_start",), ("recruitment.actual_start",)
    if begun and record.recruitment.actual_start is None:
        return _Asked((expected, actual))
    return _Asked((actual,) if begun else ((*expected, *actual),))


def _sample_size(record: RegistrationRecord, _today: date | None) -> _Asked:
    target, reached = ("recruitment.target_sample_size",), ("recruitment.actual_sample_size",)
    return _Asked((target, reached) if record.recruitment.status.code in _OVER else (target,))


def _completion(record: RegistrationRecord, _today: date | None) -> _Asked:
    return _Asked((("recruitment.trial_completion",),), due=record.recruitment.status.code in _OVER)


def _results(record: RegistrationRecord, today: date | None) -> _Asked:
    recruitment = record.recruitment
    ended = recruitment.trial_completion or recruitment.actual_end
    due = recruitment.status.code in _OVER
    if due and today is not None and ended is not None:
        due = months_later(ended.gregorian, 12) < today
    names = (
        "posted_on|results.first_published_on",
        "participant_flow",
        "baseline",
        "outcome_measures",
        "adverse_events",
    )
    choices = tuple(tuple(f"results.{name}".split("|")) for name in names)
    given = not is_blank(record.results.model_dump())
    return _Asked(choices, due=due or given)


def _sharing(record: RegistrationRecord, _today: date | None) -> _Asked:
    """When the answer is yes: also what, when, to whom and where."""
    plan = ("sharing.individual_participant_data",)
    if record.sharing.individual_participant_data.code != "yes":
        return _Asked((plan,))
    details = ("title_and_details", "when", "to_whom", "where")
    return _Asked((plan, *((f"sharing.{name}", "sharing.comments") for name in details)))


_ITEMS: Final[tuple[tuple[Sentence, Callable[[RegistrationRecord, date | None], _Asked]], ...]] = (
    (
        Sentence("Primary registry and trial identifying number", "مرکز ثبت اصلی و شمارهٔ کارآزمایی"),
        _fields("registration.number", "registration.registry|registration.url"),
    ),
    (Sentence("Date of registration", "تاریخ ثبت"), _fields("registration.registered_on")),
    (Sentence("Secondary identifying numbers", "شماره‌های ثانویه"), _secondary_ids),
    (Sentence("Sources of monetary or material support", "منابع حمایت مالی یا مادی"), _support),
    (Sentence("Primary sponsor", "حمایت‌کنندهٔ اصلی"), _primary_sponsor),
    (Sentence("Secondary sponsors", "حمایت‌کنندگان دیگر"), _secondary_sponsor),
    (Sentence("Contact for public queries", "مخاطب پرسش‌های عمومی"), _contact("general_inquiries")),
    (Sentence("Contact for scientific queries", "مخاطب پرسش‌های علمی"), _contact("scientific_inquiries")),
    (Sentence("Public title", "عنوان عمومی"), _fields("public_title")),
    (Sentence("Scientific title", "عنوان علمی"), _fields("scientific_title")),
    (Sentence("Countries of recruitment", "کشورهای بیمارگیری"), _fields("recruitment.countries")),
    (Sentence("Health conditions studied", "بیماری‌های مورد مطالعه"), _each("conditions", "description")),
    (Sentence("Interventions", "مداخله‌ها"), _each("interventions", "description|name")),
    (
        Sentence("Key inclusion and exclusion criteria", "شرایط عمدهٔ ورود و عدم ورود"),
        _fields(
            "eligibility.inclusion",
            "eligibility.exclusion",
            "eligibility.age_from|eligibility.age_to",
            "eligibility.sex",
        ),
    ),
    (Sentence("Study type and design", "نوع و طراحی مطالعه"), _design),
    (Sentence("Date of first enrolment", "تاریخ نخستین بیمارگیری"), _first_enrolment),
    (Sentence("Sample size", "حجم نمونه"), _sample_size),
    (Sentence("Recruitment status", "وضعیت بیمارگیری"), _fields("recruitment.status")),
    (Sentence("Primary outcomes", "پیامدهای اولیه"), _each("primary_outcomes", "description", "timepoint", "method")),
    (
        Sentence("Key secondary outcomes", "پیامدهای ثانویهٔ اصلی"),
        _each("secondary_outcomes", "description", "timepoint", "method"),
    ),
    (
        Sentence("Ethics review", "بررسی اخلاق"),
        _each("ethics", "contact.organization", "approved_on", "status|reference", "contact.address|contact.email"),
    ),
    (Sentence("Completion date", "تاریخ خاتمه"), _completion),
    (Sentence("Summary results", "خلاصهٔ نتایج"), _results),
    (Sentence("Sharing of individual participant data", "انتشار داده‌های شرکت‌کنندگان"), _sharing),
)
