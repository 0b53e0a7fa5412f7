"""The reporting checklist as a table, and the lines to sign."""

from __future__ import annotations

from theratrial.report.blocks import Cell, Section, Signatures, Table, Text
from theratrial.report.checklist import checklist
from theratrial.results.values import ParticipantResult, TrialResult


def checklist_section(result: TrialResult, one: ParticipantResult) -> Section:
    """Every item, present with its value or named as missing."""
    items = checklist(result, one)
    present = sum(item.filled.is_present for item in items)
    rows = tuple(
        (
            Cell(f"{index}. {item.item}", below=item.group),
            Cell(
                "● present" if item.filled.is_present else "○ missing",
                style="nowrap" if item.filled.is_present else "nowrap missing",
            ),
            Cell(
                item.filled.said.removeprefix("missing: "), style="wrap" if item.filled.is_present else "wrap missing"
            ),
        )
        for index, item in enumerate(items, 1)
    )
    said = Text(
        "Filled by machine from the results, after the EANM guidance on reporting of clinical dosimetry (Lassmann M et "
        "al., Eur J Nucl Med Mol Imaging 2011;38:192-200). The items are in our words and have not been collated with "
        "the checklist of that publication. Missing says that the results do not hold it, not that nobody has it."
    )
    table = Table(
        f"{present} of {len(items)} items present",
        ("Item", "State", "Value, or what is missing"),
        rows,
        style="dense checklist",
    )
    return Section("checklist", "Reporting checklist", (said, table))


def signatures_section(one: ParticipantResult) -> Section:
    """Lines for the physicist and the physician."""
    return Section(
        "signatures",
        "Signatures",
        (
            Signatures(
                ("Medical physicist", "Nuclear medicine physician"),
                f"I have read the dosimetry of {one.participant_id} on this page, with what it does not contain.",
            ),
        ),
    )
