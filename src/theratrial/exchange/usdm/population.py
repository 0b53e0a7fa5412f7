"""Who is studied: population, eligibility criteria, analysis sets."""

from __future__ import annotations

from typing import Final
from xml.sax.saxutils import escape

from theratrial.exchange.usdm.making import CONDITION_URL, VERBATIM_URL, Instance, Maker, chained
from theratrial.protocol.condition_words import condition_words
from theratrial.protocol.schema import Protocol

_SEXES: Final = {"female": ("female",), "male": ("male",), "all": ("female", "male")}
_LETTERS: Final = {"inclusion": "I", "exclusion": "E"}


def design_population(make: Maker, protocol: Protocol, criteria: list[Instance]) -> Instance:
    """The population of the design."""
    reading = protocol.population.reading
    made = make.make(
        "StudyDesignPopulation",
        name="POPULATION",
        label="Study population",
        description=reading.condition if reading else None,
        includesHealthySubjects=False,
        plannedEnrollmentNumber=make.quantity(reading.sample_size) if reading else None,
        plannedCompletionNumber=None,
        plannedSex=[make.code(one) for one in _SEXES[reading.sex]] if reading else [],
        criterionIds=[one["id"] for one in criteria],
        plannedAge=None,
        notes=[],
        cohorts=[],
    )
    # USDM's age is a range with two ends; where the protocol has no upper one, the criterion tells the age instead.
    if reading is not None and reading.maximum_age_years is not None:
        made["plannedAge"] = make.value_range(reading.minimum_age_years, reading.maximum_age_years, "year")
    made["extensionAttributes"] = [make.clause("population", protocol.population)]
    return made


def eligibility(make: Maker, protocol: Protocol) -> tuple[list[Instance], list[Instance]]:
    """(criteria, their items): the sentence of the document as text, the typed condition as extension."""
    variables = {one.id: one for one in protocol.variables}
    criteria, items = [], []
    counts = {"inclusion": 0, "exclusion": 0}
    for key, clause in protocol.eligibility.items():
        reading = clause.reading
        if reading is None:
            continue
        counts[reading.kind] += 1
        verbatim = " ".join(one.text for one in clause.verbatim)
        item = make.make(
            "EligibilityCriterionItem",
            name=key,
            label=reading.title,
            description=condition_words(reading.condition, variables),
            text=f"<p>{escape(verbatim or reading.title)}</p>",
            dictionaryId=None,
            notes=[],
        )
        made = make.make(
            "EligibilityCriterion",
            name=key,
            label=reading.title,
            description=None,
            category=make.code(reading.kind),
            identifier=f"{_LETTERS[reading.kind]}{counts[reading.kind]:02d}",
            criterionItemId=item["id"],
            notes=[],
        )
        made["extensionAttributes"] = [
            make.clause(f"eligibility.{key}", clause),
            make.extension(CONDITION_URL, reading.condition),
            *([make.extension(VERBATIM_URL, verbatim)] if verbatim else []),
        ]
        criteria.append(made)
        items.append(item)
    return chained(criteria), items


def analysis_populations(make: Maker, protocol: Protocol, population: Instance) -> dict[str, Instance]:
    """Id of the analysis set -> AnalysisPopulation."""
    found: dict[str, Instance] = {}
    for key, clause in protocol.analysis_sets.items():
        reading = clause.reading
        if reading is None:
            continue
        made = make.make(
            "AnalysisPopulation",
            name=key,
            label=reading.title,
            description=reading.condition,
            text=reading.title,
            subsetOfIds=[population["id"]],
            notes=[],
        )
        made["extensionAttributes"] = [
            make.clause(f"analysis_sets.{key}", clause), make.extension(CONDITION_URL, reading.condition),
        ]  # fmt: skip
        found[key] = made
    return found
