"""What of a study found no place in the record, each with its path and the reason."""

from __future__ import annotations

import re
from typing import Final

from theratrial.exchange.ctgov.parsed import Node
from theratrial.registry.imported import Unplaced

BESIDE: Final = "stands beside the study"
_NO_FIELD: Final = "the record has no field for it"
_WHOLE_SECTIONS: Final = ("resultsSection", "annotationSection", "documentSection", "derivedSection")
_REASONS: Final = (
    (r"resultsSection\b", "results are not read into the record of the registration"),
    (r"derivedSection\b", "the registry computed it"),
    (r".*\.stdAges\b", "the registry computed it from the ages"),
    (r".*(CompletionDateStruct|completionDateStruct)\.type", "the record holds the date, not whether it is expected"),
    (r".*statusModule\..*(Post|Qc|Submit|Verified).*", "a date of the registry's own handling"),
    (r".*otherOutcomes\b", "the record has primary and secondary outcomes only"),
    (r".*\.(centralContacts|overallOfficials)\[[1-9]", "the record has one person for each purpose"),
    (r".*locations\[[0-9]+\]\.contacts\[[1-9]", "the record has one person for each centre"),
    (r".*locations\[[0-9]+\]\.status", "the record has one status for all centres"),
)


def left_over(study: Node) -> list[Unplaced]:
    """Every value of a study that was not taken, in the order of the file, and what stands beside the study."""
    book = study.book
    beside = [
        Unplaced(path, path.rpartition(".")[2], shown, why)
        for path, (why, shown) in book.reasons.items()
        if why == BESIDE
    ]
    found = []
    for key in study.value:
        if key in _WHOLE_SECTIONS:
            found += _modules(study[key])
        else:
            found += [_unplaced(leaf) for leaf in study[key].leaves() if leaf.path not in book.taken]
    return beside + found


def _modules(section: Node) -> list[Unplaced]:
    """One line for each module of a section that is not read."""
    if not isinstance(section.value, dict):
        return [_unplaced(leaf) for leaf in section.leaves()]
    found = []
    for key in section.value:
        module = section[key]
        count = sum(1 for _ in module.leaves())
        if count:
            found.append(Unplaced(module.path, key, f"{count} values", _reason(module.path)))
    return found


def _unplaced(leaf: Node) -> Unplaced:
    why, suggestion = leaf.book.reasons.get(leaf.path, (_reason(leaf.path), ""))
    name = re.sub(r"\[[0-9]+\]$", "", leaf.path).rpartition(".")[2]
    return Unplaced(leaf.path, name, leaf.shown, why, suggestion)


def _reason(path: str) -> str:
    return next((why for pattern, why in _REASONS if re.match(pattern, path.removeprefix("studies[0]."))), _NO_FIELD)
