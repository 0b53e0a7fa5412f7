"""Arms and interventions of a study as the intervention groups of a record."""

from __future__ import annotations

from typing import Any

from theratrial.exchange.ctgov.parsed import Node
from theratrial.exchange.ctgov.vocabulary import coded_of
from theratrial.exchange.ctgov.write import group_label, intervention_type_words
from theratrial.registry.words import Coded


def read_interventions(module: Node) -> tuple[list[dict[str, Any]], str]:
    """The intervention groups, and the arms in words where they say more than the interventions do.

    The record joins arm and intervention. Each intervention becomes a group; arms of one intervention of the same name
    are that group; other arms, with what is given in them, go as words into the summary of the groups.
    """
    arms, listed = module["armGroups"].entries(), module["interventions"].entries()
    joined = len(arms) == len(listed) and all(_same(arm, one) for arm, one in zip(arms, listed, strict=True))
    found = [_intervention(one, number) for number, one in enumerate(listed, 1)]
    if joined:
        for arm, one, made in zip(arms, listed, found, strict=True):
            if arm["type"].words == "PLACEBO_COMPARATOR" and not one["type"]:
                arm["type"].take()
                made["category"] = Coded(code="placebo")
    words = "" if joined else "\n\n".join(filter(None, map(_arm_words, arms)))
    _take_links(arms, listed)
    return [one for one in found if any(one.values())], words


def _same(arm: Node, one: Node) -> bool:
    """Whether an arm is its intervention and adds nothing."""
    names, labels = arm["interventionNames"].entries(), one["armGroupLabels"].entries()
    same = (
        one["name"].words != ""
        and arm["label"].words == one["name"].words
        and not arm["description"]
        and [name.words for name in names] == [_named(one)]
        and [label.words for label in labels] == [arm["label"].words]
        and (not arm["type"] or (arm["type"].words == "PLACEBO_COMPARATOR" and not one["type"]))
    )
    if same:
        arm["label"].take()
    return same


def _named(one: Node) -> str:
    kind = one["type"].words
    return f"{intervention_type_words(kind)}: {one['name'].words}" if kind else one["name"].words


def _intervention(one: Node, number: int) -> dict[str, Any]:
    name = one["name"].text()
    category = coded_of("intervention_category", one["type"].words) if one["type"].words else None
    if category is not None:
        one["type"].take()
    return {
        "name": "" if name == group_label(number) else name,
        "description": one["description"].text(),
        "category": category or Coded(),
        "keywords": [words for other in one["otherNames"].entries() if (words := other.text())],
    }


def _arm_words(arm: Node) -> str:
    """``Label (Placebo Comparator): description`` and the interventions given in it."""
    kind = arm["type"].text()
    head = arm["label"].text() + (f" ({intervention_type_words(kind)})" if kind else "")
    description = arm["description"].text()
    names = [words for name in arm["interventionNames"].entries() if (words := name.text())]
    first = f"{head}: {description}" if head and description else head or description
    return "\n".join(filter(None, (first, f"Interventions: {'; '.join(names)}" if names else "")))


def _take_links(arms: list[Node], listed: list[Node]) -> None:
    """Links between arms and interventions are placed where each says what the other says."""
    given = {(arm["label"].words, name.words) for arm in arms for name in arm["interventionNames"].entries()}
    linked = {(label.words, _named(one)) for one in listed for label in one["armGroupLabels"].entries()}
    for arm in arms:
        for name in arm["interventionNames"].entries():
            if name.words and (arm["label"].words, name.words) in linked:
                name.take()
    for one in listed:
        for label in one["armGroupLabels"].entries():
            if label.words and (label.words, _named(one)) in given:
                label.take()
