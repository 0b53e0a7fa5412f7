"""Who met which criterion, why somebody was not treated, and what each criterion says."""

from __future__ import annotations

from theratrial.report.blocks import Block, Cell, Heading, Section, Table, Terms, Text
from theratrial.report.texts import day
from theratrial.report.traces import TraceBook
from theratrial.results.values import CriterionResult, ParticipantResult, TrialResult

_SIGNS = {"met": "✓", "not met": "✗", "not known": "?"}
_STYLES = {"met": "met", "not met": "notmet", "not known": "unknown"}


def _passes(criterion: CriterionResult) -> str:
    """Reading aid for an exclusion criterion: passing it means that it does not apply."""
    if criterion.kind == "inclusion" or criterion.truth == "not known":
        return criterion.truth
    return "does not exclude" if criterion.truth == "met" else "excludes"


def _all_criteria(result: TrialResult) -> list[CriterionResult]:
    """Inclusion first, otherwise in the order of the protocol."""
    found = [criterion for one in result.participants for criterion in one.eligibility.criteria]
    return sorted(found, key=lambda criterion: criterion.kind == "exclusion")


def _matrix(result: TrialResult, book: TraceBook) -> Table:
    known: dict[str, CriterionResult] = {}
    for criterion in _all_criteria(result):
        known.setdefault(criterion.criterion_id, criterion)
    letters = {criterion_id: label for label, criterion_id in _labels(known)}
    rows = []
    for one in result.participants:
        judged = {criterion.criterion_id: criterion for criterion in one.eligibility.criteria}
        cells = [Cell(one.participant_id)]
        for criterion_id in known:
            if criterion_id not in judged:
                cells.append(Cell("?", "not judged", style="sign unknown"))
                continue
            criterion = judged[criterion_id]
            hint = f"{criterion.title}: {_passes(criterion)}; {criterion.because}"
            style = f"sign {_STYLES[criterion.truth]}"
            cells.append(book.cell(_SIGNS[criterion.truth], criterion.trace, hint=hint, style=style))
        verdict = one.eligibility.verdict
        cells.append(
            Cell(one.selection.result, one.selection.because, book.anchor(one.selection.trace), style="nowrap")
        )
        cells.append(book.cell(verdict, one.eligibility.trace, style=f"eligible {verdict.replace(' ', '-')}"))
        cells.append(Cell("yes" if one.treated else "no"))
        rows.append(tuple(cells))
    return Table(
        "Eligibility: participants and criteria",
        ("Participant", *(letters[criterion_id] for criterion_id in known), "Selection read", "Verdict", "Treated"),
        tuple(rows),
        "✓ passes, ✗ does not pass, ? not known. An exclusion criterion (E) that passes is one that does not apply.",
        style="matrix",
    )


def _labels(known: dict[str, CriterionResult]) -> list[tuple[str, str]]:
    """(I1, id), (E1, id): short heads of the columns, in the order of the protocol."""
    numbers = {"inclusion": 0, "exclusion": 0}
    labels = []
    for criterion_id, criterion in known.items():
        numbers[criterion.kind] += 1
        labels.append((f"{criterion.kind[0].upper()}{numbers[criterion.kind]}", criterion_id))
    return labels


def _titled(criterion: CriterionResult) -> str:
    return criterion.title.rstrip(".")


def _reasons(one: ParticipantResult) -> tuple[Cell, ...]:
    failing = [criterion for criterion in one.eligibility.criteria if criterion.truth == "not met"]
    unknown = [criterion for criterion in one.eligibility.criteria if criterion.truth == "not known"]
    said = [f"{_titled(criterion)}: {_passes(criterion)} ({criterion.because})" for criterion in failing]
    open_ones = [f"{_titled(criterion)} ({criterion.because})" for criterion in unknown]
    if not said and not open_ones and one.selection.result != "positive":
        said.append(f"selection read {one.selection.result}: {one.selection.because}")
    if one.disposition_reason:
        said.append(one.disposition_reason)
    return (
        Cell(one.participant_id),
        Cell(day(one.screened_on), style="nowrap"),
        Cell(day(one.consented_at) if one.consented_at else "no consent recorded", style="nowrap"),
        Cell(one.eligibility.verdict),
        Cell(
            "; ".join(said) or ("no reason recorded" if not open_ones else "criteria not known"),
            style="wrap",
            below=f"Not known: {'; '.join(open_ones)}" if open_ones else "",
        ),
    )


def eligibility_section(result: TrialResult, book: TraceBook) -> Section:
    """Eligibility."""
    if not result.participants:
        return Section("eligibility", "Eligibility", (Text("Nobody has been screened.", "quiet"),))
    known: dict[str, CriterionResult] = {}
    for criterion in _all_criteria(result):
        known.setdefault(criterion.criterion_id, criterion)
    blocks: list[Block] = [_matrix(result, book)]
    untreated = [one for one in result.participants if not one.treated]
    if untreated:
        blocks.append(
            Table(
                "Why the others were not treated",
                ("Participant", "Screened", "Consented", "Eligibility", "Reasons"),
                tuple(_reasons(one) for one in untreated),
                style="dense",
            )
        )
    unclear = [one for one in result.participants if one.treated and one.eligibility.verdict != "eligible"]
    if unclear:
        blocks.append(
            Table(
                "Treated without being eligible by the records",
                ("Participant", "Screened", "Consented", "Eligibility", "Reasons"),
                tuple(_reasons(one) for one in unclear),
                style="dense",
            )
        )
    verbatim = tuple(
        (f"{label} {known[criterion_id].title}", known[criterion_id].verbatim or "no sentence of the record")
        for label, criterion_id in _labels(known)
    )
    blocks += [Heading("The criteria in the words of the registered record"), Terms(verbatim, style="verbatim")]
    return Section("eligibility", "Eligibility", tuple(blocks))
