"""Response, safety and statistics beside other programs and published tables, for the validation page.

The tests of each room hold far more of each source; here stands what a statistician or a radiologist would look up
first. Two peers give known wrong answers; they were run once and what they said is kept:

- pyrecist 0.1.0 (PyPI, MIT) has no complete response and sums whatever stands on a day
  (tests/response/test_recist_peer.py tells of the run).
- edc-reportable 0.3.38 (PyPI, GPL) on Django 4.2, ``grading_data/ctcae_v5.py``, the only CTCAE table it has: grade 1 of
  gamma-glutamyltransferase is ``2.50*ULN<x<=2.50*ULN``, an empty interval, which its own ``GradeReference`` refuses
  with "Lower and upper bound cannot be equal. Got 160.0=160.0"; grade 4 begins at 10 times the limit in place of 20.
  Loaded through its ``ValueReferenceGroup`` with a normal range of 12 to 64 IU/L (its own for men), ``get_grade``
  answered None for 65, 100, 128 and 159, 2 for 160 and 160.5, 3 for 320 and 4 for 640 and 1279.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from theratrial.response.pet.eortc import eortc
from theratrial.response.pet.scans import PetLesion, PetScan
from theratrial.response.recist.best import Assessment, best_overall
from theratrial.response.recist.lesions import Lesion, Visit, micrometres
from theratrial.response.recist.options import RecistOptions
from theratrial.response.recist.timepoint import time_points
from theratrial.safety.samples import Sample
from theratrial.safety.term_grades import term_grades
from theratrial.statistics import METHODS, kaplan_meier
from theratrial.statistics import proportion as interval
from theratrial.statistics.agreement import cohen_kappa
from theratrial.statistics.designs.bayesian import Beta, futility_boundary, predictive_probability, probability_above
from theratrial.statistics.designs.stopping import characteristics, pocock_boundary
from theratrial.statistics.designs.two_stage import two_stage

Validation = Callable[..., None]

ULN = 64.0
ULN_GGT = [(65, 0, 1), (100, 0, 1), (159, 0, 1), (160, 2, 1), (160.5, 2, 2), (320, 3, 2), (640, 4, 3), (1279, 4, 3)]
"""Value [U/L], grade of edc-reportable (0: it answered None), grade of the print: to 2.5, 5 and 20 times the limit."""


@pytest.mark.parametrize(("value", "peer", "printed"), ULN_GGT)
def test_gamma_gt_beside_edc_reportable(value: float, peer: int, printed: int, validation: Validation) -> None:
    (found,) = term_grades("gamma_glutamyltransferase", Sample(value, "U/L", None, ULN, ULN), "5.0")
    assert found.grade == printed, "NCI CTCAE 5.0: grade 1 > ULN to 2.5, 2 to 5, 3 to 20, 4 above 20 x ULN"
    wrong = (
        "its grade 1 is the empty interval 2.50 x ULN < x <= 2.50 x ULN, so that it has none"
        if value < 160
        else "an end belongs to its higher grade, and its grade 4 begins at 10 x ULN; printed are > 2.5, > 5 and > 20"
    )
    validation(
        f"CTCAE 5.0 grade of gamma-GT {value:g} U/L, upper limit 64",
        expected=peer,
        got=printed,
        unit="1",
        source="PyPI edc-reportable 0.3.38, run once",
        absolute=1 if peer != printed else 1e-9,
        not_matched_because=wrong if peer != printed else "",
    )


def _overall(rows: list[list[float | None]]) -> list[str]:
    visits = []
    for month, row in enumerate(rows, 1):
        lesions = []
        for number, length in enumerate(row):
            if length is not None:
                um = micrometres(str(length)) if length else None
                status = "measured" if um else "absent"
                lesions.append(Lesion(f"T{number}", "target", status, um, False, f"organ {number}"))  # type: ignore[arg-type]
        visits.append(Visit(date(2024, month, 1), tuple(lesions)))
    options = RecistOptions(partial_stays="once_assigned", confirmation_days=None)
    return [point.overall for point in time_points(tuple(visits), options)]


PYRECIST = [
    ("sums 30, 24, 21, 25.2, 26", [[30], [24], [21], [25.2], [26]], ["SD", "PR", "PR", "PD"], ""),
    ("sums 100, 70, 70, 80, 80, 80", [[100], [70], [70], [80], [80], [80]], ["PR"] * 5, ""),
    ("two targets gone, twice", [[20, 20], [0, 0], [0, 0]], ["PR", "PR"], "it has no complete response"),
    (
        "one of two targets not measured",
        [[20, 20], [20, None], [20, 20]],
        ["PR", "PD"],
        "it takes what was not measured for gone, then for regrown",
    ),
]


@pytest.mark.parametrize(("what", "rows", "peer", "wrong"), PYRECIST)
def test_time_points_beside_pyrecist(
    what: str, rows: list[list[float | None]], peer: list[str], wrong: str, validation: Validation
) -> None:
    ours = _overall(rows)
    validation(
        f"RECIST 1.1, {what}: visits judged alike",
        expected=len(peer),
        got=sum(one == other for one, other in zip(ours, peer, strict=True)),
        unit="1",
        source="PyPI pyrecist 0.1.0, run once",
        absolute=len(peer) if wrong else 1e-9,
        not_matched_because=wrong,
    )


# pharmaverse/admiralonco, tests of derive_param_confirmed_bor, confirmed after 28 days.
ADMIRALONCO = [
    ("2020-01-01", "2020-01-01 PR, 2020-02-01 CR, 2020-02-16 NE, 2020-03-01 CR, 2020-04-01 SD", "CR"),
    ("2019-12-12", "2020-01-01 SD, 2020-02-01 PR, 2020-03-01 SD, 2020-03-13 CR", "SD"),
    ("2019-11-11", "2019-11-12 CR, 2019-12-02 CR, 2020-01-01 SD", "SD"),
    ("2019-12-30", "2020-01-01 PR, 2020-03-01 SD, 2020-04-01 SD, 2020-05-01 PR, 2020-05-15 NON-CR/NON-PD", "SD"),
    ("2020-01-01", "2020-01-01 PR, 2020-01-10 SD, 2020-01-20 PR, 2020-05-15 NON-CR/NON-PD", "NON-CR/NON-PD"),
    ("2020-02-02", "2020-02-06 PR, 2020-02-16 CR, 2020-03-30 PR", "SD"),
    ("2020-02-02", "2020-02-06 PR, 2020-02-16 CR, 2020-04-01 NE", "NE"),
    ("2020-04-01", "", "MISSING"),
    ("2020-02-01", "2020-02-16 PD, 2020-03-06 SD", "PD"),
]


def test_best_responses_beside_admiralonco(validation: Validation) -> None:
    alike = 0
    for start, course, expected in ADMIRALONCO:
        visits = [Assessment(date.fromisoformat(one.split()[0]), one.split()[1]) for one in course.split(", ") if one]
        found = best_overall(visits, reference=date.fromisoformat(start), options=RecistOptions(stable_days=28))
        alike += found.response == expected
    validation(
        "confirmed best overall responses of nine subjects judged alike",
        expected=9,
        got=alike,
        unit="1",
        source="pharmaverse/admiralonco, tests of derive_param_confirmed_bor",
        absolute=1e-9,
    )


def test_eortc_pet_thresholds(validation: Validation) -> None:
    """Young 1999: the least fall of a partial response after one cycle, and the rise that is not yet progression."""

    def category(after: float) -> str:
        one, two = (PetScan((PetLesion("A", uptake, False),)) for uptake in (10.0, after))
        return eortc(one, two, first_cycle=True).category

    partial = max(after for after in (tenth / 10 for tenth in range(60, 100)) if category(after) == "PMR")
    stable = max(after for after in (tenth / 10 for tenth in range(100, 140)) if category(after) == "SMD")
    for what, expected, got in (("fall of a partial response", -15, partial), ("rise still stable", 25, stable)):
        validation(
            f"EORTC 1999, {what} after one cycle",
            expected=expected,
            got=(got - 10) * 10,
            unit="%",
            source="Young et al., Eur J Cancer 1999;35:1773 (by secondary sources)",
            absolute=1e-6,
        )


VECTORS = [
    ("5.0", "platelets", ((24, 4), (25, 3), (49, 3), (50, 2), (74, 2), (75, 1), (100, 0)), 100.0),
    ("6.0", "platelets", ((9, 4), (10, 3)), 100.0),
    ("6.0", "neutrophils", ((0.09, 4), (0.1, 3), (0.49, 3), (0.5, 2), (0.99, 2), (1, 1), (1.49, 1), (1.5, 0)), None),
]


@pytest.mark.parametrize(("version", "test", "ladder", "lower"), VECTORS)
def test_ctcae_vectors_of_admiral(
    version: str, test: str, ladder: tuple[tuple[float, int], ...], lower: float | None, validation: Validation
) -> None:
    for value, grade in ladder:
        found = [one.grade for one in term_grades(test, Sample(value, "10^9/L", lower, None), version)]
        validation(
            f"CTCAE {version} grade of {test} {value:g}",
            expected=grade,
            got=-1 if found[0] is None else found[0],
            unit="1",
            source="pharmaverse/admiral, tests of derive_var_atoxgr_dir",
            absolute=1e-9,
        )


# Newcombe, Stat Med 1998;17:857, table I: 15 of 148 at 95 %.
NEWCOMBE = {
    "clopper_pearson": (0.0578, 0.1617),
    "wilson": (0.0624, 0.1605),
    "mid_p": (0.0601, 0.1581),
}


@pytest.mark.parametrize("method", NEWCOMBE)
def test_intervals_of_newcombe(method: str, validation: Validation) -> None:
    assert method in METHODS
    found = interval(15, 148, method)
    for end, expected, got in zip(
        ("lower", "upper"), NEWCOMBE[method], (found.lower_fraction, found.upper_fraction), strict=True
    ):
        validation(
            f"{method.replace('_', ' ')} interval of 15 of 148, {end} end",
            expected=expected,
            got=got,
            unit="1",
            source="Newcombe, Stat Med 1998;17:857, table I",
            absolute=5.1e-5,
        )


FREIREICH = [6, 6, 6, 7, 10, 13, 16, 22, 23, 6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
R_SURVFIT = {6: (0.857, 0.620, 0.952), 13: (0.690, 0.432, 0.849), 23: (0.448, 0.188, 0.680)}


def test_survival_beside_r(validation: Validation) -> None:
    curve = kaplan_meier([float(one) for one in FREIREICH], [True] * 9 + [False] * 12, transform="log_log")
    for step in curve.steps:
        if int(step.time) in R_SURVFIT and step.events:
            got = (step.survival_fraction, step.lower_fraction, step.upper_fraction)
            for what, expected, ours in zip(
                ("survival", "lower limit", "upper limit"), R_SURVFIT[int(step.time)], got, strict=True
            ):
                validation(
                    f"{what} at {step.time:g} weeks, 6-MP arm of Freireich, log-log",
                    expected=expected,
                    got=ours,
                    unit="1",
                    source="R 4.2.2, survival 3.5.3, survfit",
                    absolute=5.1e-4,
                )


def test_kappa_beside_statpsych(validation: Validation) -> None:
    found = cohen_kappa([[31, 12], [4, 58]])
    printed = {"kappa": 0.6756757, "standard error": 0.07344761, "lower limit": 0.5317210, "upper limit": 0.8196303}
    got = (found.value, found.standard_error, found.lower, found.upper)
    for (what, expected), ours in zip(printed.items(), got, strict=True):
        validation(
            f"agreement of two readers 31, 12, 4, 58: {what}",
            expected=expected,
            got=ours,
            unit="1",
            source="R package statpsych, help of ci.kappa",
            absolute=6e-8,
        )


def test_kappa_beside_statsmodels(validation: Validation) -> None:
    peer = pytest.importorskip("statsmodels.stats.inter_rater")
    table = [[5, 2, 0, 0], [1, 4, 1, 0], [0, 1, 3, 1], [0, 0, 1, 2]]
    for weighting in ("unweighted", "linear", "quadratic"):
        other = peer.cohens_kappa(table, wt=None if weighting == "unweighted" else weighting)
        found = cohen_kappa(table, weighting)
        for what, expected, ours in (
            ("kappa", other.kappa, found.value),
            ("standard error", other.std_kappa, found.standard_error),
        ):
            validation(
                f"agreement in four categories, {weighting}: {what}",
                expected=float(expected),
                got=ours,
                unit="1",
                source="statsmodels cohens_kappa, run beside",
                absolute=1e-9,
            )


SIMON = [
    (0.1, 0.3, 0.05, 0.2, (1, 10, 5, 29, 15.0), (1, 15, 5, 25, 19.5)),
    (0.2, 0.4, 0.05, 0.2, (3, 13, 12, 43, 20.6), (4, 18, 10, 33, 22.3)),
    (0.3, 0.5, 0.05, 0.2, (5, 15, 18, 46, 23.6), (6, 19, 16, 39, 25.7)),
]


@pytest.mark.parametrize(("p0", "p1", "alpha", "beta", "optimal", "minimax"), SIMON)
def test_designs_of_simon(
    p0: float,
    p1: float,
    alpha: float,
    beta: float,
    optimal: tuple[float, ...],
    minimax: tuple[float, ...],
    validation: Validation,
) -> None:
    found = two_stage(p0, p1, alpha=alpha, beta=beta, n_max=60)
    for name, design, printed in (("optimal", found.optimal, optimal), ("minimax", found.minimax, minimax)):
        got = (design.r1, design.n1, design.r, design.n, design.expected_n)
        for what, expected, ours in zip(("r1", "n1", "r", "n", "expected n"), printed, got, strict=True):
            validation(
                f"Simon {name} design {p0:g} against {p1:g}: {what}",
                expected=expected,
                got=ours,
                unit="1",
                source="Simon, Control Clin Trials 1989;10:1, tables 1 and 2",
                absolute=0.051 if what == "expected n" else 1e-9,
            )


def test_boundaries_and_bayesian_rules(validation: Validation) -> None:
    limits = pocock_boundary(15, 0.2, overall=0.05)
    rows = [
        ("stopping in vain, Pocock-type, 15 participants, 0.2, 0.05", 0.0437, characteristics(limits, 0.2).stop),
        ("stopping at a rate of 0.4, the same boundary", 0.471, characteristics(limits, 0.4).stop),
        ("expected participants at 0.4, the same boundary", 11.97, characteristics(limits, 0.4).expected_n),
    ]
    for what, expected, got in rows:
        digits = 5.1e-3 if expected > 1 else 5.1e-4 if expected > 0.1 else 5.1e-5
        source = "R package clinfun, toxbdry, and a dynamic programme of others"
        validation(what, expected=expected, got=got, unit="1", source=source, absolute=digits)
    prior = (Beta(0.6, 0.4),)
    validation(
        "predictive probability after 16 of 23, to 40, prior Beta(0.6, 0.4)",
        expected=0.5655589,
        got=predictive_probability(prior, 16, 23, 40, 0.6, 0.9),
        unit="1",
        source="Lee and Liu, Clin Trials 2008;5:93; R package phase1b",
        absolute=5.1e-8,
    )
    validation(
        "probability above 0.6 after 16 of 23, prior Beta(0.6, 0.4)",
        expected=0.8359808,
        got=probability_above(prior, 16, 23, 0.6),
        unit="1",
        source="R package phase1b, tests",
        absolute=5.1e-8,
    )
    looks = (10, 15, 20, 25, 30, 35, 40)
    printed = (1, 2, 3, 5, 7, 9, 11)
    boundary = futility_boundary(looks, 0.2, cut_off=0.9, shape=1)
    for look, most, limit in zip(looks, printed, boundary, strict=True):
        validation(
            f"BOP2 futility boundary at {look} participants, null 0.2",
            expected=most,
            got=-1 if limit is None else limit,
            unit="1",
            source="README of the R package BOP2FE",
            absolute=1e-9,
        )
