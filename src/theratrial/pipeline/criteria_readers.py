"""One answer of the answers by each reader, under any set of criteria."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from theratrial.results.criteria import CriteriaResult, ReaderCategory
from theratrial.trialfolder.records import Row


@dataclass(frozen=True, slots=True)
class Read:
    """The category by one reader's lesions; `label` names the baseline too where it is another reader's."""

    label: str
    reader: str
    result: CriteriaResult


def of_readers(reads: Sequence[Read], adjudication: Row | None, *, adjudicates: str) -> CriteriaResult:
    """The readers' answer where it is one, else that of the adjudicated reader, else NE with the reason.

    Parameters
    ----------
    reads
        By reader; one at least. The last is shown where they agree.
    adjudication
        The line that says whose reading stands; None where none does.
    adjudicates
        What an adjudication would be of, for the reason.
    """
    shown = reads[-1].result
    if len(reads) == 1:
        return replace(shown, readers=_categories(reads))
    # Every reader's assessments stay: a best response without the visits it rests on cannot be reviewed.
    every = tuple(one for read in reads for one in read.result.assessments)
    named = ", ".join(f"{one.label} {one.result.category}" for one in reads)
    inputs = {name: where for one in reads for name, where in one.result.trace.inputs.items()}
    if len({one.result.category for one in reads}) == 1:
        return replace(
            shown,
            because=f"{shown.because} (by {reads[-1].label}; the readers agree: {named})",
            assessments=every,
            readers=_categories(reads),
            trace=replace(shown.trace, inputs=inputs),
        )
    mine = [] if adjudication is None else [one for one in reads if one.reader == adjudication["chosen_reader"]]
    if adjudication is not None and mine and len({one.result.category for one in mine}) == 1:
        stands = mine[-1].result
        said = f"adjudicated by {adjudication['adjudicator']} to {mine[-1].label}: {adjudication['reason']}"
        return replace(
            stands,
            because=f"{stands.because} (the readers differ: {named}; {said})",
            assessments=every,
            readers=_categories(reads),
            trace=replace(stands.trace, inputs=inputs | {"adjudication": adjudication.source}),
        )
    return replace(
        shown,
        category="NE",
        controlled=None,
        because=f"not assessable: the readers differ ({named}) and adjudication of {adjudicates} is not recorded",
        reader="",
        assessments=every,
        cautions=tuple(dict.fromkeys(caution for read in reads for caution in read.result.cautions)),
        readers=_categories(reads),
        trace=replace(shown.trace, inputs=inputs),
    )


def _categories(reads: Sequence[Read]) -> tuple[ReaderCategory, ...]:
    return tuple(ReaderCategory(one.label, one.result.category, one.result.because) for one in reads)
