"""Reported results made by hand, and any that add up: no number is real."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from hypothesis import strategies as st

from theratrial.registry.found import Sentence
from theratrial.registry.results_reported import (
    AdverseEventRow,
    AdverseEventsReported,
    BaselineMeasure,
    Counted,
    Origin,
    OutcomeReported,
    ParticipantFlow,
    ReportedResults,
)

SEED = "IRCT20210612051548N3"
PEOPLE = Sentence("participants", "شرکت‌کننده")


def counted(label: str, count: int) -> Counted:
    return Counted(Sentence(label, f"«{label}»"), count)


def primary(**changes: Any) -> OutcomeReported:
    """10 of 15, with its exact interval as printed in tables."""
    told: dict[str, Any] = {
        "rank": "primary",
        "registered": "primary_outcomes[0]",
        "title": Sentence("Proportion of patients with complete, partial or stable response", "نسبت بیماران با پاسخ"),
        "description": Sentence("Image-based response by PERCIST", "پاسخ تصویری"),
        "time_frame": Sentence("4 to 6 weeks after the last session", "۴ تا ۶ هفته پس از آخرین نوبت"),
        "population": Sentence("Everyone treated at least once", "همهٔ درمان‌شدگان"),
        "kind": "proportion",
        "unit": PEOPLE,
        "analysed": 15,
        "counts": (
            counted("Complete response", 1),
            counted("Partial response", 4),
            counted("Stable disease", 5),
            counted("Progressive disease", 5),
        ),
        "numerator": 10,
        "value": 10 / 15,
        "lower": 0.3838,
        "upper": 0.8818,
        "confidence_level": 0.95,
        "interval_method": "clopper_pearson",
        "origin": Origin("statistics.proportion.clopper_pearson", "1", "endpoint.proportion"),
    }
    return OutcomeReported(**told | changes)


def reported(**changes: Any) -> ReportedResults:
    told: dict[str, Any] = {
        "number": SEED,
        "protocol": f"{SEED}, 1",
        "data_cut": date(2023, 6, 21),
        "locked": True,
        "simulated": False,
        "arm_title": Sentence("Treated participants", "درمان‌شدگان"),
        "arm_description": Sentence("A product, intravenous", "یک فرآورده"),
        "flow": ParticipantFlow(
            screened=19,
            screen_failures=(counted("ECOG 3", 4),),
            started=15,
            sessions_given=((1, 15), (2, 11)),
            assessed=14,
            completed=9,
            not_completed=(counted("Death", 1), counted("Lost to follow-up", 2)),
            ongoing=3,
        ),
        "baseline": (
            BaselineMeasure(
                Sentence("Age at screening", "سن"),
                "mean",
                Sentence("years", "سال"),
                14,
                1,
                53.61,
                11.33,
                52.0,
                34.0,
                68.0,
            ),
            BaselineMeasure(
                Sentence("Sex", "جنس"), "counts", PEOPLE, 15, 0, counts=(Counted(Sentence("Female", "زن"), 15),)
            ),
        ),
        "outcomes": (primary(),),
        "adverse": AdverseEventsReported(
            Sentence("From consent", "از رضایت"),
            15,
            1,
            2,
            7,
            0.0,
            (
                AdverseEventRow("Platelet count decreased", "CTCAE 5.0", "", True, 2, 2, 15),
                AdverseEventRow("Platelet count decreased", "CTCAE 5.0", "", False, 7, 9, 15),
            ),
        ),
        "limitations": (Sentence("One group of 15", "یک گروه ۱۵ نفری"),),
        "made_with": "theratrial 0",
    }
    return ReportedResults(**told | changes)


WORDS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20).filter(
    lambda words: not re.search("none|nan|inf", words, re.IGNORECASE)
) | st.sampled_from(("<b>bold</b>", "a & b", '"quoted"', "STARTED", "متن", "Female", "Sex", "Age at screening"))
SENTENCE = st.builds(Sentence, WORDS, WORDS | st.just(""))
NUMBER = st.floats(-1e9, 1e9, allow_nan=False) | st.sampled_from((0.0, 1e-9, 15.0))


@st.composite
def counts_of(draw: st.DrawFn, total: int) -> tuple[Counted, ...]:
    """Either everybody in one category each, or categories that overlap."""
    labels = draw(st.lists(SENTENCE, min_size=1, max_size=4))
    if draw(st.booleans()):
        cuts = sorted(draw(st.lists(st.integers(0, total), min_size=len(labels) - 1, max_size=len(labels) - 1)))
        sizes = [high - low for low, high in zip([0, *cuts], [*cuts, total], strict=True)]
    else:
        sizes = [draw(st.integers(0, total)) for _ in labels]
    return tuple(Counted(label, size) for label, size in zip(labels, sizes, strict=True))


@st.composite
def _outcome(draw: st.DrawFn, started: int) -> OutcomeReported:
    kind = draw(st.sampled_from(("proportion", "counts", "mean", "median", "number")))
    analysed = draw(st.integers(0, started))
    told: dict[str, Any] = {}
    if kind == "proportion" and analysed:
        numerator = draw(st.integers(0, analysed))
        told |= {"numerator": numerator, "value": numerator / analysed, "counts": draw(counts_of(analysed))}
        if draw(st.booleans()):
            value = numerator / analysed
            told |= {"lower": value * draw(st.floats(0, 1)), "upper": value + (1 - value) * draw(st.floats(0, 1))}
            told |= {"confidence_level": 0.95, "interval_method": draw(st.sampled_from(("clopper_pearson", "wilson")))}
    elif kind == "counts":
        told["counts"] = draw(counts_of(analysed))
    elif kind != "proportion" and analysed and draw(st.booleans()):
        told["value"] = draw(NUMBER)
        if kind == "mean" and draw(st.booleans()):
            told["standard_deviation"] = draw(st.floats(0, 1e6))
        elif kind == "median":
            told |= {"lower": told["value"] - 1.0, "upper": told["value"] + 1.0}
    return OutcomeReported(
        rank=draw(st.sampled_from(("primary", "secondary", "other"))),
        registered=draw(st.sampled_from(("", "primary_outcomes[0]", "secondary_outcomes[3]"))),
        title=draw(SENTENCE),
        description=draw(SENTENCE),
        time_frame=draw(SENTENCE),
        population=draw(SENTENCE),
        kind=kind,
        unit=draw(SENTENCE),
        analysed=analysed,
        note=draw(st.none() | SENTENCE),
        **told,
    )


@st.composite
def _measure(draw: st.DrawFn, started: int) -> BaselineMeasure:
    known = draw(st.integers(0, started))
    title, unit = draw(SENTENCE), draw(SENTENCE)
    if draw(st.booleans()):
        return BaselineMeasure(title, "counts", unit, known, started - known, counts=draw(counts_of(known)))
    mean = draw(NUMBER) if known else None
    spread = draw(st.floats(0, 1e6)) if known > 1 else None
    return BaselineMeasure(title, "mean", unit, known, started - known, mean, spread, mean, mean, mean)


@st.composite
def _adverse(draw: st.DrawFn, started: int) -> AdverseEventsReported:
    rows = []
    for _ in range(draw(st.integers(0, 4)) if started else 0):
        affected = draw(st.integers(1, started))
        rows.append(
            AdverseEventRow(
                draw(WORDS), "CTCAE 5.0", draw(st.sampled_from(("", "Blood"))), draw(st.booleans()),
                affected, affected + draw(st.integers(0, 5)), started, draw(st.booleans()),
            )
        )  # fmt: skip
    affected_by = {
        kind: max((row.affected for row in rows if row.serious is kind), default=0) for kind in (True, False)
    }
    return AdverseEventsReported(
        draw(SENTENCE),
        started,
        draw(st.none() | st.integers(0, started)),
        affected_by[True],
        affected_by[False],
        0.0,
        tuple(rows),
    )


@st.composite
def any_reported(draw: st.DrawFn) -> ReportedResults:
    """Results of any trial that add up, locked or not."""
    failures = tuple(Counted(draw(SENTENCE), draw(st.integers(0, 9))) for _ in range(draw(st.integers(0, 3))))
    left = tuple(Counted(draw(SENTENCE), draw(st.integers(0, 9))) for _ in range(draw(st.integers(0, 3))))
    completed, ongoing = draw(st.integers(0, 30)), draw(st.integers(0, 9))
    started = completed + ongoing + sum(one.count for one in left)
    given = tuple((session, draw(st.integers(0, started))) for session in range(1, draw(st.integers(1, 4))))
    return reported(
        locked=draw(st.booleans()),
        simulated=draw(st.booleans()),
        arm_title=draw(SENTENCE),
        arm_description=draw(SENTENCE),
        flow=ParticipantFlow(
            started + sum(one.count for one in failures), failures, started, given,
            draw(st.integers(0, started)), completed, left, ongoing,
        ),
        baseline=tuple(draw(_measure(started)) for _ in range(draw(st.integers(0, 3)))),
        outcomes=tuple(draw(_outcome(started)) for _ in range(draw(st.integers(0, 3)))),
        adverse=draw(_adverse(started)),
        limitations=tuple(draw(st.lists(SENTENCE, max_size=2))),
    )  # fmt: skip
