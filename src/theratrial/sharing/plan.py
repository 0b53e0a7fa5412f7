"""The sharing plan of a trial: what is chosen for each of the seven items, and what stands in the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from theratrial.protocol.schema import SHARED_ITEMS, Protocol, SharingAnswer
from theratrial.registry.record import RegistrationRecord

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
    message: str
    blocks: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan as the protocol has it, beside the registration record."""

    items: tuple[SharedItem, ...]
    with_images: bool
    dates: Literal["moved", "study_days"]
    hindrances: tuple[Hindrance, ...]

    def shared(self, item: str) -> bool:
        """Whether the item is shared: only a yes is."""
        return next(one.answer for one in self.items if one.item == item) == "yes"

    @property
    def nothing(self) -> bool:
        """Whether no item is shared."""
        return not any(one.answer == "yes" for one in self.items)


def sharing_plan(protocol: Protocol, record: RegistrationRecord | None) -> Plan:
    """The plan; undecided is never yes, and where protocol and registration disagree nothing may leave.

    A clause without a reading is seven times undecided.
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
    return Plan(tuple(items), with_images, dates, tuple(_hindrances(items, with_images)))


def _hindrances(items: list[SharedItem], with_images: bool) -> list[Hindrance]:
    found = []
    answers = {one.item: one.answer for one in items}
    for one in items:
        if one.answer == "yes" and one.registered and one.registered != "yes":
            found.append(
                Hindrance(
                    one.item,
                    f"the protocol shares it, the registration record says {one.registered!r}: update the record first",
                    blocks=True,
                )
            )
        if one.answer == "yes" and not (one.when and one.to_whom and one.conditions):
            lacking = [
                word for word, said in (("when", one.when), ("to whom", one.to_whom), ("conditions", one.conditions))
                if not said
            ]  # fmt: skip
            found.append(Hindrance(one.item, f"the plan does not say {', '.join(lacking)}", blocks=False))
    if answers["analytic_code"] == "yes" and answers["individual_participant_data"] != "yes":
        found.append(Hindrance("analytic_code", "without the individual data it has nothing to run on", blocks=False))
    if answers["individual_participant_data"] == "yes" and answers["data_dictionary"] != "yes":
        found.append(Hindrance("data_dictionary", "the individual data can hardly be read without it", blocks=False))
    if with_images and answers["individual_participant_data"] != "yes":
        found.append(
            Hindrance("individual_participant_data", "images are part of it and leave only with a yes", blocks=False)
        )
    return found
