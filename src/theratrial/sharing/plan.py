"""The sharing plan of a trial: what is chosen for each of the seven items, and what stands in the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from theratrial.protocol.schema import SHARED_ITEMS, Protocol, SharingAnswer
from theratrial.registry.record import RegistrationRecord
from theratrial.trialfolder.records import TrialFolder
from theratrial.trialfolder.withdrawals import data_use_withdrawn

TITLES: Final[Mapping[str, str]] = {
    "individual_participant_data": "Individual participant data",
    "study_protocol": "Study protocol",
    "statistical_analysis_plan": "Statistical analysis plan",
    "informed_consent_form": "Informed consent form",
    "clinical_study_report": "Clinical study report",
    "analytic_code": "Analytic code",
    "data_dictionary": "Data dictionary",
}
HELD: Final[Mapping[str, tuple[str, ...]]] = {
    "individual_participant_data": (
        "the record tables under codes, dates moved, typed texts withheld, with their risk",
        "SDTM and ADaM made from them, as Dataset-JSON and transport files with define.xml",
        "the results under the same codes",
    ),
    "study_protocol": ("the protocol as a document in the order of ICH M11", "the protocol file", "USDM 4.0"),
    "statistical_analysis_plan": ("the analysis plan as HTML and PDF",),
    "informed_consent_form": ("the blank form, from the file you name",),
    "clinical_study_report": ("the study report as HTML and PDF, under codes and moved dates",),
    "analytic_code": ("a program that recomputes the published tables and figures from the shared data alone",),
    "data_dictionary": ("every column of every shared table: meaning, type, unit, what was done to it",),
}
"""What a yes releases, in words."""
IMAGES: Final = "the images without identity, with the proof that no number changed"
TABLES_BY_DAY: Final = (
    "the record tables under codes, with days of the study in place of dates, typed texts withheld, with their risk",
)
"""All that is shared of individual data where the plan asks for days of the study: everything else carries dates."""
_INDIVIDUAL: Final = "individual_participant_data"


@dataclass(frozen=True, slots=True)
class SharedItem:
    """One of the seven items."""

    item: str
    answer: SharingAnswer
    when: str
    to_whom: str
    conditions: str
    where: str
    registered: str
    """The answer of the registration record; "" where there is no record or it says nothing."""

    @property
    def title(self) -> str:
        """What people call it."""
        return TITLES[self.item]


@dataclass(frozen=True, slots=True)
class Hindrance:
    """What must be settled before a release is made, or told with it."""

    item: str
    """"" where it is said of the whole plan."""
    message: str
    blocks: bool = False
    """Nothing at all leaves before this is settled."""
    holds_back: bool = False
    """This item stays home although it has a yes; the others leave."""

    @property
    def title(self) -> str:
        """What people call the item."""
        return TITLES.get(self.item, "The sharing plan")

    @property
    def weight(self) -> str:
        """What it does to a release, in words."""
        return "stops a release" if self.blocks else "stays home" if self.holds_back else "note"


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan as the protocol has it, beside the registration record."""

    items: tuple[SharedItem, ...]
    with_images: bool
    """Whether images leave with the individual data; never beside days of the study, for they carry moved dates."""
    dates: Literal["moved", "study_days"]
    hindrances: tuple[Hindrance, ...]
    withdrawn: int = 0
    """Participants who withdrew the use of their data."""

    def shared(self, item: str) -> bool:
        """Whether the item is shared: only a yes is, and only if nothing holds it back."""
        answer = next(one.answer for one in self.items if one.item == item)
        return answer == "yes" and not self.held_back(item)

    def held_back(self, item: str) -> str:
        """Why an item with a yes stays home; empty where it does not."""
        return "; ".join(one.message for one in self.hindrances if one.holds_back and one.item == item)

    def said_outside(self, item: str) -> str:
        """The same for whoever gets the release: without the advice to those at home."""
        found = [one.message for one in self.hindrances if one.holds_back and one.item == item]
        return "; ".join(one.partition(" -> ")[0] for one in found)

    @property
    def leaving(self) -> tuple[SharedItem, ...]:
        """The items that a release holds."""
        return tuple(one for one in self.items if self.shared(one.item))

    @property
    def nothing(self) -> bool:
        """Whether no item is shared."""
        return not self.leaving

    @property
    def data_sets(self) -> bool:
        """Whether SDTM and ADaM leave with the individual data."""
        return self.shared(_INDIVIDUAL) and self.dates == "moved"

    @property
    def results(self) -> bool:
        """Whether the results leave: not where the cohort's numbers count somebody who withdrew the use of her data."""
        return self.data_sets and not self.withdrawn

    def holds(self, item: str) -> tuple[str, ...]:
        """What a yes to an item releases under this plan, in words."""
        if item != _INDIVIDUAL:
            return HELD[item]
        if self.dates == "study_days":
            return TABLES_BY_DAY
        return HELD[item][:-1] if self.withdrawn else HELD[item]


def plan_of_trial(folder: TrialFolder) -> Plan:
    """The plan of a trial folder, with those in it who withdrew the use of their data."""
    withdrawn = sum(data_use_withdrawn(folder, one) for one in folder.participant_ids)
    return sharing_plan(folder.protocol, folder.registration, withdrawn)


def sharing_plan(protocol: Protocol, record: RegistrationRecord | None, withdrawn: int = 0) -> Plan:
    """The plan; undecided is never yes, and where protocol and registration disagree nothing may leave.

    A clause without a reading is seven times undecided.

    Parameters
    ----------
    withdrawn
        Participants who withdrew the use of their data: what counts or tells of them stays home.
    """
    reading = protocol.sharing.reading
    items = []
    for item in SHARED_ITEMS:
        terms = reading.terms.get(item) if reading is not None else None
        answer: SharingAnswer = getattr(reading, item) if reading is not None else "undecided"
        conditions = (terms.conditions if terms else "") or (reading.conditions if reading is not None else "")
        items.append(
            SharedItem(
                item=item,
                answer=answer,
                when=terms.when if terms else "",
                to_whom=terms.to_whom if terms else "",
                conditions=conditions,
                where=terms.where if terms else "",
                registered=str(getattr(record.sharing, item).code) if record is not None else "",
            )
        )
    with_images = reading.with_images if reading is not None else False
    dates = reading.dates if reading is not None else "moved"
    answers = {one.item: one.answer for one in items}
    found = [one for item in items for one in _of_item(item)]
    found += _of_the_whole(answers, with_images=with_images, recorded=record is not None)
    found += _of_days(answers, with_images=with_images) if dates == "study_days" else ()
    found += _of_withdrawn(answers, withdrawn) if withdrawn else ()
    return Plan(tuple(items), with_images and dates == "moved", dates, tuple(found), withdrawn)


def _of_item(one: SharedItem) -> Iterator[Hindrance]:
    if one.answer != "yes":
        return
    if one.registered and one.registered != "yes":
        yield Hindrance(
            one.item,
            f"the protocol shares it, the registration record says {one.registered!r}: update the record first",
            blocks=True,
        )
    said = (("when", one.when), ("to whom", one.to_whom), ("conditions", one.conditions))
    if lacking := [word for word, text in said if not text]:
        yield Hindrance(one.item, f"the plan does not say {', '.join(lacking)}")


def _of_the_whole(answers: Mapping[str, str], *, with_images: bool, recorded: bool) -> Iterator[Hindrance]:
    individual = answers[_INDIVIDUAL] == "yes"
    if "yes" in answers.values() and not recorded:
        yield Hindrance("", "there is no registration record here: nobody compared its answers with this plan")
    if answers["analytic_code"] == "yes" and not individual:
        yield Hindrance("analytic_code", "without the individual data it has nothing to run on")
    if individual and answers["data_dictionary"] != "yes":
        yield Hindrance("data_dictionary", "the individual data can hardly be read without it")
    if with_images and not individual:
        yield Hindrance(_INDIVIDUAL, "images are part of it and leave only with a yes")


def _of_days(answers: Mapping[str, str], *, with_images: bool) -> Iterator[Hindrance]:
    """Days of the study and moved dates of the same people together would be more than either choice meant."""
    if answers[_INDIVIDUAL] == "yes":
        kept = "SDTM, ADaM, results and images carry" if with_images else "SDTM, ADaM and results carry"
        yield Hindrance(
            _INDIVIDUAL,
            f"the plan asks for days of the study: the record tables alone are shared, for {kept} moved dates "
            "(`dates: moved` shares them)",
        )
    if answers["clinical_study_report"] == "yes":
        yield Hindrance(
            "clinical_study_report",
            "it carries moved dates, and the plan asks for days of the study -> choose `dates: moved`, or no report",
            holds_back=True,
        )
    if answers["analytic_code"] == "yes":
        yield Hindrance(
            "analytic_code",
            "it runs on ADaM, which carries moved dates, and the plan asks for days of the study -> choose "
            "`dates: moved`, or no analytic code",
            holds_back=True,
        )


def _of_withdrawn(answers: Mapping[str, str], withdrawn: int) -> Iterator[Hindrance]:
    people = "1 participant" if withdrawn == 1 else f"{withdrawn} participants"
    who = f"{people} who withdrew the use of data"
    if answers[_INDIVIDUAL] == "yes":
        yield Hindrance(
            _INDIVIDUAL,
            f"{who}: nothing of theirs is shared, and the file of results stays home, for the cohort's numbers count "
            "them. The published numbers less these data give theirs: whoever answers for the trial decides whether "
            "the rest may leave",
        )
    if answers["clinical_study_report"] == "yes":
        yield Hindrance(
            "clinical_study_report",
            f"it counts and tells of {who}; without them it would say what was not published -> sponsor and ethics "
            "committee decide whether the published report at home may be given",
            holds_back=True,
        )
    if answers["analytic_code"] == "yes":
        yield Hindrance(
            "analytic_code",
            f"it compares with the published tables, which count {who}; the shared data cannot give those numbers -> "
            "give the published tables themselves, if the sponsor decides so",
            holds_back=True,
        )
