"""Each lesion through the trial, and dose against response."""

from __future__ import annotations

from typing import Final

from theratrial.report.blocks import Block, Cell, Section, Table, Text
from theratrial.report.figures.dose_response import dose_response_figure
from theratrial.report.studio import Studio
from theratrial.report.texts import count, number, words
from theratrial.report.traces import TraceBook
from theratrial.results.criteria import DoseResponse, LesionCourse
from theratrial.results.values import TrialResult
from theratrial.trace import Quantity

_INTRODUCTION: Final = (
    "Each lesion by its name through screening PET, therapy scans, response PET and CT. Exploratory: no test was made, "
    "and a strong fall at a high dose may both come from high uptake at baseline."
)


def lesion_courses_section(result: TrialResult, book: TraceBook, studio: Studio) -> Section | None:
    """The section; None where no lesion was followed."""
    lesions = [(one.participant_id, lesion) for one in result.participants for lesion in one.criteria.lesions]
    if not lesions:
        return None
    blocks: list[Block] = [Text(_INTRODUCTION)]
    found = result.criteria.dose_response
    figure = dose_response_figure([one.criteria for one in result.participants])
    if found is not None and figure is not None:
        blocks += [Text(_rho(found))]
        blocks.append(
            studio.vector(
                "lesion_dose_response",
                figure,
                alternative=f"Absorbed dose and change of uptake of {count(found.lesions, 'lesion')}, as in the table",
                caption="A mark is a lesion; its shape is the state of its dose, the bar its 95 % interval. Resolved "
                "lesions have no percentage and stand on the line below; doses without value or upper bound stand "
                "apart to the right. Neither is in the coefficient.",
            )
        )
    blocks.append(_table(lesions, book))
    return Section("lesion_courses", "Lesions followed through the trial", tuple(blocks))


def _rho(found: DoseResponse) -> str:
    of = f"{count(found.lesions, 'lesion')} of {count(found.participants, 'participant')}"
    left = [
        said
        for said in (
            f"{found.resolved} resolved without a percentage" if found.resolved else "",
            f"{found.undetermined} with an undetermined dose" if found.undetermined else "",
        )
        if said
    ]
    beside = f" Not in it: {' and '.join(left)}." if left else ""
    rho = found.rank_correlation
    if rho.value is None:
        return f"Rank correlation of dose and change over {of}: {rho.note}.{beside}"
    between = ""
    if rho.lower is not None and rho.upper is not None:
        between = f", 95 % interval {number(rho.lower, digits=2)} to {number(rho.upper, digits=2)}"
    note = f"; {rho.note}" if rho.note else ""
    said = f"Spearman's rank correlation of dose and change over {of}: {number(rho.value, digits=2)}"
    return f"{said}{between}{note}.{beside}"


def _table(lesions: list[tuple[str, LesionCourse]], book: TraceBook) -> Table:
    rows = []
    for who, one in lesions:
        by_session = ", ".join(f"{each.session}: {_gray(each.absorbed_dose_Gy)}" for each in one.session_doses)
        dose = book.quantity(one.absorbed_dose_Gy, absent=one.matched_by)
        rows.append(
            (
                Cell(f"{who}, {one.lesion_id}", below=words(one.role)),
                Cell(words(one.site) or "not known"),
                book.quantity(one.baseline_uptake, absent="not measured"),
                dose,
                Cell(words(one.determinacy) or "no dose", below=f"by session [Gy] {by_session}" if by_session else ""),
                book.quantity(one.response_uptake, absent=words(one.status_response)),
                book.quantity(one.change_percent, absent=_no_change(one), signed=True),
                book.quantity(one.length_change_percent, absent="not measured twice", signed=True),
            )
        )
    return Table(
        "Lesions: uptake, absorbed dose over all sessions, uptake and size at response",
        ("Lesion", "Site", "Baseline", "Absorbed dose", "State", "Response", "Change", "Diameter on CT"),
        tuple(rows),
        style="dense",
    )


def _gray(dose: Quantity) -> str:
    return "undetermined" if dose.value is None else number(dose.value)


def _no_change(one: LesionCourse) -> str:
    return "resolved" if one.status_response == "resolved" else "not known"
