"""Sections 5 to 8: ethics, administration, introduction, objectives; no person is named."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from theratrial.report.blocks import Cell, Terms, Text
from theratrial.report.study.blocks import Block
from theratrial.report.study.inputs import Desk
from theratrial.report.study.parts import nothing_recorded, table, table_or, to_write
from theratrial.report.study.tables.counting import counted_cell


def committees(desk: Desk) -> Block:
    """Ethics committees with reference and date of approval."""
    voice = desk.voice
    rows = [
        (
            Cell(voice.core(clause.reading.committee)),
            Cell(clause.reading.reference),
            Cell(voice.day(clause.reading.approved_on)),
            Cell(clause.reading.protocol_version or "–"),
        )
        for clause in desk.folder.protocol.ethics
        if clause.reading is not None
    ]
    head = (voice("Committee"), voice("Reference"), voice("Approved on"), voice("Protocol version"))
    return table_or(voice, voice("Ethics approvals"), head, rows)


def _consent(desk: Desk) -> tuple[Block, ...]:
    voice = desk.voice
    rows = desk.folder.rows("consents")
    if not rows:
        return (nothing_recorded(voice),)
    versions: dict[tuple[str, str], dict[str, str]] = {}
    for row in rows:
        versions.setdefault((row["form_version"], row["language"]), {})[row["participant_id"]] = row.source
    shown = [
        (Cell(version), Cell(language), counted_cell(desk.book, len(people), people))
        for (version, language), people in sorted(versions.items())
    ]
    before = sum(
        bool(one.sessions and one.consented_at and one.consented_at < one.sessions[0].injected_at)
        for one in desk.treated
    )
    said = voice(
        "{n} of {treated} treated participants signed before the first therapy injection.",
        n=before,
        treated=len(desk.treated),
    )
    head = (voice("Version of the form"), voice("Language"), voice("Participants"))
    return (Text(said), table(voice("Consents"), head, shown, style="narrow short"))


def _administration(desk: Desk) -> tuple[Block, ...]:
    voice, record = desk.voice, desk.folder.registration
    if record is None:
        return (to_write(voice),)
    rows = []
    for one in record.sponsors:
        if one.contact.organization:
            rows.append((voice("Sponsor"), voice.registered(one.contact.organization)))
    for name, contact in (
        (voice("Scientific inquiries"), record.people.scientific_inquiries),
        (voice("Updates of the record"), record.people.data_updating),
    ):
        said = voice.listed(voice.registered(part) for part in (contact.position, contact.organization) if part)
        if said:
            rows.append((name, said))
    for centre in record.centres:
        said = voice.listed(voice.registered(part) for part in (centre.organization, centre.city) if part)
        if said:
            rows.append((voice("Centre"), said))
    sites = sorted({one.site_id for one in desk.result.participants})
    rows.append((voice("Centres in the records"), voice.listed(sites)))
    return (
        Terms(tuple(rows)),
        Text(voice("Names of people are left out; section 16.1.4 is the place for them."), "quiet"),
    )


def _objectives(desk: Desk) -> tuple[Block, ...]:
    voice, record = desk.voice, desk.folder.registration
    if record is None:
        return (to_write(voice),)
    rows = [(voice("Aim, as registered"), voice.registered(record.summary.aim) or voice("not recorded"))]
    for name, outcomes in (
        (voice("Primary outcome"), record.primary_outcomes),
        (voice("Secondary outcome"), record.secondary_outcomes),
    ):
        for outcome in outcomes:
            parts = [voice.registered(one) for one in (outcome.description, outcome.timepoint, outcome.method) if one]
            rows.append((name, voice.clauses(parts)))
    if not record.secondary_outcomes:
        rows.append((voice("Secondary outcome"), voice("none registered")))
    return (Terms(tuple(rows)),)


BUILDERS: Mapping[str, Callable[[Desk], tuple[Block, ...]]] = {
    "5.1": lambda desk: (committees(desk),),
    "5.3": _consent,
    "6": _administration,
    "8": _objectives,
}
