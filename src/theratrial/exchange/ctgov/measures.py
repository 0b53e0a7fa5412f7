"""Baseline and outcome measures as ClinicalTrials.gov tables them: classes, categories, measurements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from theratrial.registry.found import Sentence
from theratrial.registry.results_reported import BaselineMeasure, Counted, OutcomeReported, ReportedResults
from theratrial.registry.results_words import level_percent, mean_and_spread, method_words, number, percent

_TYPES: Final = {"primary": "PRIMARY", "secondary": "SECONDARY", "other": "OTHER_PRE_SPECIFIED"}
_PARAMETERS: Final = {"mean": "MEAN", "median": "MEDIAN", "number": "NUMBER", "proportion": "NUMBER"}
_AGE: Final = "Age at screening"
_SEX: Final = "Sex"
_BOTH: Final = ("Female", "Male")
_NO_SPREAD: Final = "One participant has no spread"
_PEOPLE: Final = "Participants"


def denominator(group: str, count: int) -> dict[str, Any]:
    """So many participants of the group."""
    return {"units": _PEOPLE, "counts": [{"groupId": group, "value": str(count)}]}


def baseline_measures(reported: ReportedResults, group: str) -> list[dict[str, Any]]:
    """Every characteristic that somebody has a value of, under the registry's own title where it has one."""
    return [_baseline(one, group) for one in reported.baseline if one.number_known]


def _baseline(one: BaselineMeasure, group: str) -> dict[str, Any]:
    found: dict[str, Any] = {"title": _title(one)}
    if one.missing:
        found["populationDescription"] = f"{one.missing} participants have no value"
        found["denoms"] = [denominator(group, one.number_known)]
    if one.kind == "mean" and one.mean is not None:
        if one.median is not None and one.minimum is not None and one.maximum is not None:
            found["description"] = f"Median {number(one.median)}, range {number(one.minimum)} to {number(one.maximum)}"
        return found | {
            "paramType": "MEAN",
            "dispersionType": "STANDARD_DEVIATION",
            "unitOfMeasure": one.unit.en,
            "classes": [{"categories": [{"measurements": [_spread(one.mean, one.standard_deviation, group)]}]}],
        }
    return found | {
        "paramType": "COUNT_OF_PARTICIPANTS",
        "unitOfMeasure": _PEOPLE,
        "classes": _classes(_sexes(one), one.number_known, group),
    }


def _title(one: BaselineMeasure) -> str:
    if one.title.en == _AGE and one.kind == "mean":
        return "Age, Continuous"
    return "Sex: Female, Male" if _is_sex(one) else one.title.en


def _is_sex(one: BaselineMeasure) -> bool:
    return one.title.en == _SEX and {part.label.en for part in one.counts} <= set(_BOTH)


def _sexes(one: BaselineMeasure) -> Sequence[Counted]:
    """The registry wants both sexes; who is of neither, is not of the other: the count is 0, not missing."""
    if not _is_sex(one) or sum(part.count for part in one.counts) != one.number_known:
        return one.counts
    counts = {part.label.en: part.count for part in one.counts}
    return [Counted(Sentence(name), counts.get(name, 0)) for name in _BOTH]


def _spread(value: float, deviation: float | None, group: str) -> dict[str, str]:
    shown, spread = mean_and_spread(value, deviation)
    found = {"groupId": group, "value": shown, "spread": spread or "NA"}
    return found if spread else found | {"comment": _NO_SPREAD}


def _classes(counts: Sequence[Counted], total: int, group: str) -> list[dict[str, Any]]:
    """Categories of one class where everybody is in exactly one; else a class for each."""
    cells = [(part.label.en, {"groupId": group, "value": str(part.count)}) for part in counts]
    if sum(part.count for part in counts) == total:
        return [{"categories": [{"title": title, "measurements": [cell]} for title, cell in cells]}]
    return [{"title": title, "categories": [{"measurements": [cell]}]} for title, cell in cells]


def outcome_measures(reported: ReportedResults, whole: dict[str, str], group: str) -> list[dict[str, Any]]:
    """Every outcome; a proportion by categories is followed by a table of them."""
    found = []
    for one in reported.outcomes:
        found.append(_outcome(one, whole, group))
        if one.kind == "proportion" and one.counts and one.analysed:
            found.append(_categories(one, whole, group))
    return found


def _head(one: OutcomeReported, whole: dict[str, str], group: str) -> dict[str, Any]:
    note = one.note.en if one.note is not None else ""
    texts = {
        "description": one.description.en,
        "populationDescription": ". ".join(text for text in (one.population.en, note) if text),
        "timeFrame": one.time_frame.en,
    }
    return {
        "type": _TYPES[one.rank],
        "title": one.title.en,
        **{key: text for key, text in texts.items() if text},
        "reportingStatus": "POSTED",
        "groups": [whole],
        "denoms": [denominator(group, one.analysed)],
    }


def _outcome(one: OutcomeReported, whole: dict[str, str], group: str) -> dict[str, Any]:
    found = _head(one, whole, group)
    if one.kind == "counts":
        found |= {"paramType": "COUNT_OF_PARTICIPANTS", "unitOfMeasure": _PEOPLE}
        return found | ({"classes": _classes(one.counts, one.analysed, group)} if one.analysed and one.counts else {})
    found |= {"paramType": _PARAMETERS[one.kind], "unitOfMeasure": _unit(one)}
    if dispersion := _dispersion(one):
        found["dispersionType"] = dispersion
    if not one.analysed:
        return found
    found["classes"] = [{"categories": [{"measurements": [_measurement(one, group)]}]}]
    analyses = _analyses(one, group)
    return found | ({"analyses": analyses} if analyses else {})


def _unit(one: OutcomeReported) -> str:
    return "percentage of participants" if one.kind == "proportion" else one.unit.en


def _dispersion(one: OutcomeReported) -> str:
    if one.lower is not None and one.upper is not None:
        level = level_percent(one)
        return f"{level}% Confidence Interval" if level else "Full Range"
    return "Standard Deviation" if one.kind == "mean" else ""


def _measurement(one: OutcomeReported, group: str) -> dict[str, str]:
    if one.value is None:
        why = one.note.en if one.note is not None else "It could not be determined"
        return {"groupId": group, "value": "NA", "comment": why}
    found = {"groupId": group, "value": _said(one, one.value)}
    if one.lower is not None and one.upper is not None:
        return found | {"lowerLimit": _said(one, one.lower), "upperLimit": _said(one, one.upper)}
    return _spread(one.value, one.standard_deviation, group) if one.kind == "mean" else found


def _said(one: OutcomeReported, value: float) -> str:
    return percent(value) if one.kind == "proportion" else number(value)


def _analyses(one: OutcomeReported, group: str) -> list[dict[str, Any]]:
    """The interval, and by which method it was made: the table alone does not say."""
    level = level_percent(one)
    if one.value is None or one.lower is None or one.upper is None or not level:
        return []
    counted = f"{one.numerator} of {one.analysed} participants. " if one.numerator is not None else ""
    method = f"{counted}Interval: {method_words(one.interval_method).en}" if one.interval_method else counted
    found: dict[str, Any] = {
        "groupIds": [group],
        "paramType": _unit(one),
        "paramValue": _said(one, one.value),
        "ciPctValue": level,
        "ciNumSides": "TWO_SIDED",
        "ciLowerLimit": _said(one, one.lower),
        "ciUpperLimit": _said(one, one.upper),
    }
    return [found | ({"estimateComment": method.strip()} if method.strip() else {})]


def _categories(one: OutcomeReported, whole: dict[str, str], group: str) -> dict[str, Any]:
    return _head(one, whole, group) | {
        "type": "OTHER_PRE_SPECIFIED",
        "title": f"{one.title.en}: participants by category",
        "paramType": "COUNT_OF_PARTICIPANTS",
        "unitOfMeasure": _PEOPLE,
        "classes": _classes(one.counts, one.analysed, group),
    }
