"""What stands at the front of a release."""

from __future__ import annotations

from collections.abc import Sequence

from theratrial.results.values import TrialResult
from theratrial.sharing.plan import HELD, Plan
from theratrial.sharing.tables.values import Risk


def release_readme(
    plan: Plan, numbers: int, dates: int, risk: Risk | None, names: Sequence[str], result: TrialResult
) -> str:
    """The README of a release: what is in it, under which conditions, how it was made, how risky it is."""
    virtual = "**The participants of this trial are virtual: the data are simulated.**\n\n" if result.simulated else ""
    shared = [one for one in plan.items if one.answer == "yes"]
    items = "\n".join(
        f"| {one.title} | {'; '.join(HELD[one.item])} | {one.when or 'not said'} | {one.to_whom or 'not said'} | "
        f"{one.conditions or 'not said'} |"
        for one in shared
    )
    withheld = ", ".join(f"{one.title} ({one.answer})" for one in plan.items if one.answer != "yes") or "nothing"
    risky = "\n".join(f"- {one}" for one in risk.sentences) if risk is not None else "No individual data are in it."
    folders = sorted({name.partition("/")[0] + ("/" if "/" in name else "") for name in names})
    return f"""# {result.trial_id}: shared by the sharing plan

{result.scientific_title}

{virtual}## What is in it

| item | what | when | to whom | conditions |
|---|---|---|---|---|
{items}

Not shared: {withheld}.

Folders and files: {", ".join(f"`{one}`" for one in folders)}. `release.json` lists every file with its SHA-256,
the plan and the proof.

## How identities were removed

Participants, sites, batches, devices and staff have codes under a secret key that is not here. All dates of a
participant are moved by her own number of days; intervals are exact. Texts that somebody typed are withheld unless a
person read and allowed them. Ages above 89 are 90. Documents and data sets were made from records and results that had
been treated so; none was edited afterwards.

Proof, made before the release was written: {numbers} numbers with their intervals are the same as at home; {dates}
dates are moved by exactly the shift; every text file was searched for the trial's own ids, UIDs, dates and typed texts,
without a find.

## Risk that somebody is recognised

{risky}

Whoever uses the data must not try to find out who the participants are.
"""
