"""What stands at the front of a release."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from theratrial.sharing.plan import Plan
from theratrial.sharing.tables.values import Risk


@dataclass(frozen=True, slots=True)
class ReleaseHead:
    """Which trial a release is of."""

    trial_id: str
    title: str
    protocol_hash: str
    simulated: bool


@dataclass(frozen=True, slots=True)
class SharedImages:
    """The images of a release, already proven."""

    files: Mapping[str, tuple[str, int]]
    """Path below the folder of images -> SHA-256 and bytes."""
    objects: int
    participants: int
    quantities: int
    """Numbers recomputed before and after."""

    @property
    def counts(self) -> dict[str, int]:
        """For the manifest."""
        return {"objects": self.objects, "participants": self.participants, "quantities_compared": self.quantities}


class Proven(Protocol):
    """What the README says of the proof."""

    @property
    def numbers(self) -> int:
        """Numbers compared with those at home."""

    @property
    def dates(self) -> int:
        """Dates compared with their shift."""

    @property
    def searched(self) -> int:
        """Files searched."""

    @property
    def not_searched(self) -> tuple[str, ...]:
        """Files that were not."""


def release_readme(
    plan: Plan, proof: Proven, risk: Risk | None, names: Sequence[str], head: ReleaseHead, images: SharedImages | None
) -> str:
    """The README of a release: what is in it, under which conditions, how it was made, how risky it is."""
    virtual = "**The participants of this trial are virtual: the data are simulated.**\n\n" if head.simulated else ""
    items = "\n".join(
        f"| {one.title} | {'; '.join(plan.holds(one.item))} | {one.when or 'not said'} | {one.to_whom or 'not said'} | "
        f"{one.conditions or 'not said'} |"
        for one in plan.leaving
    )
    home = [
        f"{one.title}: {plan.said_outside(one.item) or one.answer}"
        for one in plan.items
        if not plan.shared(one.item)
    ]  # fmt: skip
    removed, said = "\n\n".join(_removed(plan)), _list(_proven(proof, images))
    folders = sorted({name.partition("/")[0] + ("/" if "/" in name else "") for name in names})
    not_shared = _list(home)
    return f"""# {head.trial_id}: shared by the sharing plan

{head.title}

{virtual}## What is in it

| item | what | when | to whom | conditions |
|---|---|---|---|---|
{items}

Not shared:

{not_shared or "- nothing"}

Folders and files: {", ".join(f"`{one}`" for one in folders)}. `release.json` has the plan, the proof, and every other
file with its SHA-256, images and this README included; `sha256sum --check SHA256SUMS` in this folder compares all of
them. The files themselves are not signed: compare the SHA-256 of `release.json` with the one that the sender tells you.

## How identities were removed

{removed}

## What was proven before this was written

{said}

## Risk that somebody is recognised

{_list(_risks(plan, risk))}

Whoever uses the data must not try to find out who the participants are.
"""


def _list(sentences: Iterable[str]) -> str:
    return "\n".join(f"- {one}" for one in sentences)


def _removed(plan: Plan) -> Iterator[str]:
    individual, report = plan.shared("individual_participant_data"), plan.shared("clinical_study_report")
    if not (individual or report):
        yield "No data of single participants are in it."
        return
    dates = (
        "All dates of a participant are days of the study: day 1 is the day of her first treatment, of screening where "
        "she had none, and there is no day 0."
        if plan.dates == "study_days"
        else "All dates of a participant are moved by her own number of days, which nobody has but the sender: "
        "intervals are exact; days of the calendar, and the order of two participants, mean nothing. First and last "
        "day of the trial are not said: TS masks them (TSVALNF `MSK`), and the data sets give 1970-01-01 as the day "
        "of their making."
    )
    yield (
        "Participants, sites, batches, devices and staff have codes under a secret key that is not here. "
        f"{dates} Ages above 89 are 90. Documents and data sets were made from records and results that had been "
        "treated so; none was edited afterwards."
    )
    yield (
        "Texts that somebody typed are withheld unless a person read and allowed them: in `data/tables` the cell is "
        "empty; in data sets, results and report it is empty too, or `withheld` (SDTM: `WITHHELD`) stands in its place."
    )
    if plan.withdrawn:
        who = "1 participant" if plan.withdrawn == 1 else f"{plan.withdrawn} participants"
        yield (
            f"**{who} withdrew the use of data: nothing of theirs is here. The published numbers count them, so that "
            "what is computed from these data differs from what was published.**"
        )


def _proven(proof: Proven, images: SharedImages | None) -> Iterator[str]:
    if proof.numbers:
        yield f"{proof.numbers} numbers of the results, with their intervals, are the same as at home."
    if proof.dates:
        yield f"{proof.dates} dates of the results are moved by exactly the shift of their participant."
    yield (
        f"{proof.searched} files were searched for the trial's own ids, UIDs, dates and typed texts, without a find; "
        "of a PDF, its text as far as a reader of PDFs finds it."
    )
    if proof.not_searched:
        yield f"Not searched, but shared as it was given: {', '.join(f'`{one}`' for one in proof.not_searched)}."
    if images is not None:
        yield (
            f"Images: {images.quantities} quantities of {images.objects} objects of {images.participants} participants "
            "are the same before and after, and none of their strings was found (`images/report.html`)."
        )


def _risks(plan: Plan, risk: Risk | None) -> Iterator[str]:
    if risk is not None:
        yield from risk.sentences
    elif plan.shared("clinical_study_report"):
        yield "The study report lists single participants under codes, with their values."
    else:
        yield "No individual data are in it."
