"""The trial report: which sections, in which order, with which figures."""

from __future__ import annotations

from collections.abc import Sequence

from theratrial.errors import InputError
from theratrial.report.blocks import Block, Picture, Section
from theratrial.report.figures.contributions import contributions_figure
from theratrial.report.figures.counts import counts_figure, participant_counts_figure
from theratrial.report.figures.curves import curves_figure, organ_curves, participant_curves, states_figure
from theratrial.report.figures.dose_rates import dose_rates_figure
from theratrial.report.figures.doses import doses_figure
from theratrial.report.figures.flow import flow_figure
from theratrial.report.figures.interval import interval_figure
from theratrial.report.figures.swimmer import LANES, swimmer_figure
from theratrial.report.figures.waterfall import waterfall_figure
from theratrial.report.sections.analysis import analysis_section
from theratrial.report.sections.answer import answer_section
from theratrial.report.sections.cohort_ways import cohort_bars, ways_section
from theratrial.report.sections.curves import STATES, curves_section, states_by_region
from theratrial.report.sections.doses import doses_section
from theratrial.report.sections.eligibility import eligibility_section
from theratrial.report.sections.further_response import further_response_sections
from theratrial.report.sections.images import examples, gallery_section, images_section
from theratrial.report.sections.participants import course_section, flow_section
from theratrial.report.sections.protection import protection_section
from theratrial.report.sections.provenance import assumptions_section, notes_section, provenance_section
from theratrial.report.sections.response import response_section
from theratrial.report.sections.safety import counts_section, gates_section
from theratrial.report.sections.toxicity import toxicity_section
from theratrial.report.studio import Studio
from theratrial.report.texts import in_percent
from theratrial.report.traces import TraceBook
from theratrial.results.pictures import Pictures
from theratrial.results.values import ParticipantResult, TrialResult
from theratrial.safety.protection.release import release_limit


def report_sections(result: TrialResult, pictures: Pictures, studio: Studio) -> tuple[Section, ...]:
    """All sections of the report; figures are saved on the way."""
    book = TraceBook()
    treated = [one for one in result.participants if one.treated]
    sections = (
        answer_section(result, book, drawn=_interval(result, studio)),
        flow_section(result, drawn=_flow(result, studio)),
        course_section(result, book, drawn=_swimmers(treated, studio)),
        eligibility_section(result, book),
        doses_section(result, book, drawn=_doses(result, studio)),
        images_section(result, pictures, studio),
        curves_section(result, book, drawn=_curves(result, pictures, studio)),
        ways_section(result, drawn=_contributions(result, studio)),
        counts_section(result, book, drawn=_counts(result, studio)),
        gates_section(result, book),
        *(one for one in (toxicity_section(result, book, studio),) if one is not None),
        protection_section(result, book, drawn=_dose_rates(result, studio)),
        response_section(result, book, drawn=_waterfall(treated, studio)),
        *further_response_sections(result, book, studio),
        *(one for one in (analysis_section(result, book, studio),) if one is not None),
        notes_section(result),
        assumptions_section(result),
    )
    gallery = gallery_section(result, pictures, studio)
    # The register of traces is complete only when every other section is built.
    return (*sections, provenance_section(result, book), gallery)


def _interval(result: TrialResult, studio: Studio) -> tuple[Block, ...]:
    figure = interval_figure(result.endpoint)
    if figure is None:
        return ()
    proportion = result.endpoint.proportion
    assert proportion.value is not None
    between = ""
    if proportion.lower is not None and proportion.upper is not None:
        between = f", interval {in_percent(proportion.lower)} to {in_percent(proportion.upper)}"
    return (
        studio.vector(
            "endpoint",
            figure,
            alternative=f"Proportion {in_percent(proportion.value)}{between}",
            caption="One square per participant analysed; below, the proportion and what the data cannot exclude.",
        ),
    )


def _flow(result: TrialResult, studio: Studio) -> tuple[Block, ...]:
    flow = result.flow
    said = (
        f"{flow.screened} screened, {flow.treated} treated, {flow.response_assessed} assessed, {flow.analysed} analysed"
    )
    return (
        studio.vector(
            "flow",
            flow_figure(result),
            alternative=f"Participant flow: {said}",
            caption="Participant flow after CONSORT, without randomisation: a single arm.",
        ),
    )


def _swimmers(treated: Sequence[ParticipantResult], studio: Studio) -> tuple[Block, ...]:
    drawn: list[Picture] = []
    for start in range(0, len(treated), LANES):
        part = treated[start : start + LANES]
        drawn.append(
            studio.vector(
                f"course_{start // LANES + 1}",
                swimmer_figure(part),
                alternative=f"Course of {part[0].participant_id} to {part[-1].participant_id}, as in the tables below",
                caption="One lane per treated participant. Scans of a session stand beside it in order, not to scale. "
                "A gate stands on the day it was judged, at the latest "
                "at the end; the box is the response category, then the end.",
            )
        )
    return tuple(drawn)


def _doses(result: TrialResult, studio: Studio) -> tuple[Block, ...]:
    figure = doses_figure(result)
    if figure is None:
        return ()
    return (
        studio.vector(
            "doses",
            figure,
            alternative="Absorbed dose of each participant against the limit, organ by organ, as in the table below",
            caption="Absorbed dose over all sessions given, with its 95 % interval; the shape of the mark is the state "
            "of the curves by their points alone. The stroke above is what the gate holds against the limit, by the "
            "points alone and before a next session is added. An arrow has no upper end: the dose is undetermined "
            "and may be anywhere above the mark, which is what was observed at least.",
        ),
    )


def _curves(result: TrialResult, pictures: Pictures, studio: Studio) -> tuple[Block, ...]:
    drawn: list[Block] = []
    figure = curves_figure(organ_curves(result))
    if figure is not None:
        drawn.append(
            studio.vector(
                "curves",
                figure,
                alternative="Time-activity curves of every organ, all participants and sessions",
                caption="Activity at scan time, physical decay included, as share of what was administered. In the "
                "shaded part nothing was measured: a band there is published kinetics weighed with the points, a line "
                "without a band the half-life of the points; a rising curve with neither ends at its last scan.",
            )
        )
    chosen = [one for one in examples(result, pictures) if participant_curves(one)]
    chosen += [one for one in result.participants if participant_curves(one)]
    if chosen:
        one = chosen[0]
        single = curves_figure(participant_curves(one), labelled=True)
        if single is not None:
            drawn.append(
                studio.vector(
                    "curves_example",
                    single,
                    alternative=f"Time-activity curves of {one.participant_id}, organs and lesions, session by session",
                    caption=f"{one.participant_id}: every region with its lesions, session by session.",
                )
            )
    states = states_by_region(result)
    if states:
        others = sorted({state for counts in states.values() for state in counts} - set(STATES))
        drawn.append(
            studio.vector(
                "curve_states",
                states_figure(states, [*STATES, *others]),
                alternative="How many curves of each region are in each state; the table below says the same",
                caption="What two scans settle, region by region.",
            )
        )
    return tuple(drawn)


def _contributions(result: TrialResult, studio: Studio) -> tuple[Block, ...]:
    head = "median relative standard deviation: what would help most"
    drawn = contributions_figure(cohort_bars(result), studio.footline, head=head)
    if drawn is None:
        return ()
    return (
        studio.drawing(
            "contributions",
            drawn,
            alternative="Contributions to the uncertainty of the doses, region by region, as in the table below",
            caption="Variance of a session's absorbed dose by where it comes from: mean share over the cohort.",
        ),
    )


def _counts(result: TrialResult, studio: Studio) -> tuple[Block, ...]:
    drawn: list[Block] = []
    figure = counts_figure(result)
    if figure is not None:
        drawn.append(
            studio.vector(
                "counts",
                figure,
                alternative="Blood counts of all treated participants over time; the table below has the lowest",
                caption="Each line is a participant. Bands are CTCAE grades 2 and worse; grade 1 begins at the lower "
                "limit of each laboratory. A gate stands at the last value before it.",
            )
        )
    test = _worst_graded_test([one for one in result.participants if one.treated])
    single = None if test is None else participant_counts_figure(result, test)
    if test is not None and single is not None:
        name = test.replace("_", " ")
        drawn.append(
            studio.vector(
                "counts_by_participant",
                single,
                alternative=f"{name.capitalize()} of each treated participant with sessions and gates",
                caption=f"{name.capitalize()}, the test with the most severe grades, participant by participant: "
                "dashed lines are sessions, marks are gates as above, rings are nadirs.",
            )
        )
    return tuple(drawn)


def _worst_graded_test(treated: Sequence[ParticipantResult]) -> str | None:
    """The laboratory test that was graded most severely over the trial; None where none was graded."""
    severity: dict[str, int] = {}
    for one in treated:
        for point in one.laboratory:
            if point.grade is not None:
                # A grade weighs more than the count of the grade below it in any trial of a bearable size.
                severity[point.test] = severity.get(point.test, 0) + (10**point.grade if point.grade else 0)
    return max(sorted(severity), key=lambda test: severity[test], default=None)


def _dose_rates(result: TrialResult, studio: Studio) -> tuple[Block, ...]:
    names = {one.limit_name for person in result.participants for one in person.protection}
    try:
        limit = release_limit(names.pop()) if len(names) == 1 else None
    except InputError:
        limit = None
    figure = dose_rates_figure(result, limit)
    if figure is None:
        return ()
    return (
        studio.vector(
            "dose_rates",
            figure,
            alternative="Dose rate at 1 m after every session, with the curves through the readings",
            caption="A line is a session, points are its readings, net of the background and referred to 1 m. A line "
            "begins at its first reading.",
        ),
    )


def _waterfall(treated: Sequence[ParticipantResult], studio: Studio) -> tuple[Block, ...]:
    figure = waterfall_figure(treated)
    if figure is None:
        return ()
    return (
        studio.vector(
            "waterfall",
            figure,
            alternative="Change of the hottest target of each participant with the category, as in the table",
            caption="Change of the hottest target's uptake, from the greatest rise to the greatest fall; where new or "
            "resolved lesions decide, the word at the bar says so and the bar is for information; an outline "
            "to -100 % has nothing left to measure. The "
            "category also depends on new and resolved lesions, so it need not follow the thresholds alone.",
        ),
    )
