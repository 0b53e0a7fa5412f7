"""The schedule: epochs, elements, encounters, activities, and the timeline over them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from theratrial.exchange.usdm.making import Instance, Maker, chained
from theratrial.exchange.usdm.stops import Activities, Stop, stops_in_order
from theratrial.exchange.usdm.timeline import main_timeline
from theratrial.protocol.schema import Form, Protocol

_EPOCHS: Final = ("screening", "treatment", "follow_up")
_EPOCH_TITLES: Final = ("Screening", "Treatment", "Follow-up")


@dataclass(frozen=True, slots=True)
class Schedule:
    """What the design holds of the schedule."""

    epochs: list[Instance]
    elements: list[Instance]
    cells: list[Instance]
    encounters: list[Instance]
    activities: list[Instance]
    surrogates: list[Instance]
    timeline: Instance


def schedule(make: Maker, protocol: Protocol, arms: list[Instance], therapy: Instance | None) -> Schedule:
    """Screening, then the session with scans and visits, then the gate: back to the session, or on to the follow-up."""
    surrogates = _surrogates(make, protocol)
    activities = Activities(make, protocol, surrogates)
    stops = stops_in_order(protocol, activities, therapy)
    epochs = _epochs(make)
    encounters = [_encounter(make, one) for one in stops]
    timeline = main_timeline(make, protocol, stops, chained(encounters), epochs)
    elements = _elements(make, therapy)
    cells = [
        make.make("StudyCell", armId=arm["id"], epochId=epoch["id"], elementIds=[element["id"]])
        for arm in arms
        for epoch, element in zip(epochs, elements, strict=True)
    ]
    every = chained(list(activities.made.values()))
    return Schedule(epochs, elements, cells, encounters, every, list(surrogates.values()), timeline)


def _surrogates(make: Maker, protocol: Protocol) -> dict[str, Instance]:
    found: dict[str, Instance] = {}
    for key, clause in protocol.forms.items():
        form: Form | None = clause.reading
        if form is None:
            continue
        made = make.make(
            "BiomedicalConceptSurrogate",
            name=key,
            label=form.title,
            description=", ".join(item.label for item in form.items),
            reference=f"form {key} of the protocol",
            notes=[],
        )
        made["extensionAttributes"] = [make.clause(f"forms.{key}", clause)]
        found[key] = made
    return found


def _epochs(make: Maker) -> list[Instance]:
    return chained(
        [
            make.make(
                "StudyEpoch",
                name=name.upper(),
                label=title,
                description=f"{title} epoch",
                type=make.code(f"epoch_{name}"),
                previousId=None,
                nextId=None,
                notes=[],
            )
            for name, title in zip(_EPOCHS, _EPOCH_TITLES, strict=True)
        ]
    )


def _elements(make: Maker, therapy: Instance | None) -> list[Instance]:
    rules = (
        ("Informed consent", "Eligibility signed"),
        ("First administration", "The gate does not let a further session be given, or all sessions are given"),
        ("End of treatment", "Last assessment of the response or last contact"),
    )
    found = []
    for name, title, (begins, ends) in zip(_EPOCHS, _EPOCH_TITLES, rules, strict=True):
        found.append(
            make.make(
                "StudyElement",
                name=name.upper(),
                label=title,
                description=title,
                transitionStartRule=_rule(make, f"{name}_begins", begins),
                transitionEndRule=_rule(make, f"{name}_ends", ends),
                studyInterventionIds=[therapy["id"]] if therapy is not None and name == "treatment" else [],
                notes=[],
            )
        )
    return found


def _rule(make: Maker, name: str, text: str) -> Instance:
    return make.make("TransitionRule", name=name.upper(), label=None, description=None, text=text)


def _encounter(make: Maker, stop: Stop) -> Instance:
    made = make.make(
        "Encounter",
        name=stop.name.upper(),
        label=stop.label,
        description=None,
        type=make.code("visit"),
        previousId=None,
        nextId=None,
        scheduledAtId=None,
        environmentalSettings=[make.code("hospital")],
        contactModes=[make.code("in_person")],
        transitionStartRule=None,
        transitionEndRule=None,
        notes=[],
    )
    if stop.clause is not None:
        made["extensionAttributes"] = [make.clause(f"schedule.{stop.name}", stop.clause)]
    return made
