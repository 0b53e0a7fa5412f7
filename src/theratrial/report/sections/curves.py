"""Time-activity curves and what two scans cannot see."""

from __future__ import annotations

from collections import Counter

from theratrial.report.blocks import Block, Cell, Folded, Section, Table, Text
from theratrial.report.dosimetry_values import is_population
from theratrial.report.style import DETERMINACY_SIGNS
from theratrial.report.texts import count, words
from theratrial.report.traces import TraceBook
from theratrial.results.values import RegionDoseResult, TrialResult

STATES = ("determined", "bounded", "extrapolated", "rising", "single_point", "undetermined")


def _region(title: str, kind: str) -> str:
    return "Lesions" if kind == "lesion" else title


def states_by_region(result: TrialResult) -> dict[str, Counter[str]]:
    """Region -> how many curves are in each state; all lesions together."""
    found: dict[str, Counter[str]] = {}
    for one in result.participants:
        for session in one.sessions:
            for dose in session.doses:
                found.setdefault(_region(dose.title, dose.kind), Counter())[dose.determinacy] += 1
    return found


def _states(result: TrialResult) -> Table:
    found = states_by_region(result)
    others = sorted({state for counts in found.values() for state in counts} - set(STATES))
    states = [*STATES, *others]
    rows = tuple(
        (Cell(region), *(Cell(str(counts[state]), style="number") for state in states))
        for region, counts in found.items()
    )
    head = tuple(f"{DETERMINACY_SIGNS.get(state, '')} {words(state)}".strip() for state in states)
    return Table("Curves by state", ("Region", *head), rows)


def scan_times(result: TrialResult) -> tuple[str, ...]:
    """Nominal hours of the scans that curves rest on, as words."""
    hours = {
        round(point.hours_after / 12) * 12
        for one in result.participants
        for session in one.sessions
        for dose in session.doses
        for point in dose.points
    }
    return tuple(f"{hour} h" for hour in sorted(hours))


def _rising(result: TrialResult) -> Table | None:
    """Which regions still rise at the last scan, by participant."""
    rows = []
    for one in result.participants:
        sessions: dict[str, list[str]] = {}
        for session in one.sessions:
            for dose in session.doses:
                if dose.determinacy == "rising":
                    name = dose.title if dose.kind == "organ" else words(dose.region_name)
                    sessions.setdefault(name, []).append(str(session.session))
        if sessions:
            said = "; ".join(f"{name} (session {', '.join(numbers)})" for name, numbers in sorted(sessions.items()))
            rows.append((Cell(one.participant_id), Cell(said, style="wrap")))
    if not rows:
        return None
    return Table("Regions still rising at the last scan", ("Participant", "Regions"), tuple(rows), style="dense")


def _state(dose: RegionDoseResult) -> Cell:
    more = (Cell("value by published kinetics and the points"),) if is_population(dose) else ()
    said = f"{DETERMINACY_SIGNS.get(dose.determinacy, '')} {words(dose.determinacy)}".strip()
    return Cell(said, style=f"state {dose.determinacy}", below=dose.determinacy_reason, more=more)


def _every_curve(result: TrialResult, book: TraceBook) -> Table:
    rows = []
    for one in result.participants:
        for session in one.sessions:
            for dose in session.doses:
                name = dose.title if dose.kind == "organ" else dose.region_name
                rows.append(
                    (
                        Cell(f"{one.participant_id}, session {session.session}, {name}"),
                        _state(dose),
                        book.quantity(dose.effective_half_life_h),
                        book.quantity(dose.time_integrated_activity_MBq_h),
                        book.quantity(dose.extrapolated_fraction),
                        book.quantity(dose.absorbed_dose_Gy),
                    )
                )
    return Table(
        "Every curve",
        (
            "Curve",
            "State by the points alone",
            "Effective half-life, points alone",
            "Time-integrated activity",
            "After the last scan",
            "Absorbed dose of the session",
        ),
        tuple(rows),
        style="dense",
    )


def _kinetics(result: TrialResult) -> tuple[Text, ...]:
    """What published kinetics add, where they are used."""
    doses = [dose for one in result.participants for session in one.sessions for dose in session.doses]
    used = [dose for dose in doses if is_population(dose)]
    if not used:
        return ()
    priors = dict.fromkeys(dose.details.population.prior for dose in used if dose.details.population is not None)
    names = dict.fromkeys(prior.split(",")[0] for prior in priors)
    unsure = sum(dose.determinacy not in ("determined", "bounded") for dose in used)
    return (
        Text(
            f"{len(used)} of {count(len(doses), 'curve')} weigh their points with published kinetics "
            f"({', '.join(names) or 'as their traces name'}); what is reported of them is the middle of that, and its "
            f"interval holds what the points leave open. {unsure} of these have no value by their points alone: the "
            "state says so wherever the value stands, and the gate holds the points alone."
        ),
    )


def curves_section(result: TrialResult, book: TraceBook, *, drawn: tuple[Block, ...] = ()) -> Section:
    """Curves."""
    states = states_by_region(result)
    title = "Time-activity curves"
    if not states:
        return Section("curves", title, (Text("No curve: no session was imaged.", "quiet"),))
    total = sum(sum(counts.values()) for counts in states.values())
    sure = sum(counts["determined"] for counts in states.values())
    times = " and ".join(scan_times(result)) or "no scan"
    blocks: list[Block] = [
        Text(
            f"{sure} of {count(total, 'curve')} are determined by their points. Scans at {times} see neither what "
            "happened before the first scan (fast components, uptake) nor whether a region clears after the last one. "
            "By its points alone a region that still rises at the last scan has no time-integrated activity, and "
            "clearance that the noise cannot tell from physical decay is only bounded. Later scans would be needed: "
            "`theratrial schedule adequacy PROTOCOL` says with numbers what the planned times can and cannot settle "
            "for each organ and lesion, and which time would help most."
        ),
        *_kinetics(result),
        *drawn,
        _states(result),
    ]
    rising = _rising(result)
    blocks += [rising] if rising else []
    blocks.append(Folded(f"Every curve ({total})", (_every_curve(result, book),)))
    return Section("curves", title, tuple(blocks))
