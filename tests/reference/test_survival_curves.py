"""Survival curves that others published or computed: Freireich's 6-MP arm, Miller's aml data, R and statsmodels beside.

The session behind the numbers, R 4.2.2 with survival 3.5.3 (Debian 12), shortened to the lines that are tested:

    > t <- c(6,6,6,7,10,13,16,22,23,6,9,10,11,17,19,20,25,32,32,34,35); s <- c(rep(1,9),rep(0,12))
    > summary(survfit(Surv(t,s)~1,conf.type="log-log"))
     time n.risk n.event survival std.err lower 95% CI upper 95% CI
        6     21       3    0.857  0.0764        0.620        0.952
        7     17       1    0.807  0.0869        0.563        0.923
       10     15       1    0.753  0.0963        0.503        0.889
       13     12       1    0.690  0.1068        0.432        0.849
       16     11       1    0.627  0.1141        0.368        0.805
       22      7       1    0.538  0.1282        0.268        0.747
       23      6       1    0.448  0.1346        0.188        0.680
    > survfit(Surv(t,s)~1,conf.type="log-log")        median 23, 0.95LCL 13, 0.95UCL NA
    > survfit(Surv(t,s)~1,conf.type="log")            median 23, 0.95LCL 16, 0.95UCL NA
    > survfit(Surv(t,s)~1,conf.type="plain")          median 23, 0.95LCL 13, 0.95UCL NA
    > survfit(Surv(t,1-s)~1,conf.type="log-log")      median 25, 0.95LCL 11, 0.95UCL 32
    > a <- aml[aml$x=="Maintained",]
    > summary(survfit(Surv(time,status)~1,data=a,conf.type="log-log"))
        9     11       1    0.909  0.0867       0.5081        0.987
       13     10       1    0.818  0.1163       0.4474        0.951
       18      8       1    0.716  0.1397       0.3502        0.899
       23      7       1    0.614  0.1526       0.2658        0.835
       31      5       1    0.491  0.1642       0.1673        0.753
       34      4       1    0.368  0.1627       0.0928        0.657
       48      2       1    0.184  0.1535       0.0117        0.525
    > survfit(...,conf.type="log-log")   median 31, 13, NA;  "log": 31, 18, NA;  "plain": 31, 18, 48
    > survfit(Surv(a$time,1-a$status)~1,conf.type="log-log")   median 103, 13, NA
    > survfit(Surv(c(1,2,3,4),c(1,1,1,1))~1,conf.type="log-log")   median 2.5, 1, NA

lifelines 0.30.3, run beside, gives the log-log limits of Freireich's data to six digits as tested; its median of the
last example is 2, because it takes the first time at one half and not the middle of the while the curve lies there.
"""

from __future__ import annotations

import json
import shutil
import subprocess

import numpy as np
import pytest

from theratrial.statistics.survival import KaplanMeier, Transform, kaplan_meier, reverse_kaplan_meier

# Freireich et al., Blood 1963;21:699, remission in weeks under 6-mercaptopurine; as in Kleinbaum and Klein.
FREIREICH = [6, 6, 6, 7, 10, 13, 16, 22, 23, 6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
REMISSION_ENDED = [True] * 9 + [False] * 12
# Miller, Survival Analysis (1981), as in R's `aml`, x == "Maintained".
AML = [9, 13, 13, 18, 23, 28, 31, 34, 45, 48, 161]
RELAPSED = [True, True, False, True, True, False, True, True, False, True, False]
TRANSFORMS: tuple[Transform, ...] = ("log_log", "log", "plain")


def events_only(curve: KaplanMeier) -> list[tuple[float, int, int, float, float | None, float | None]]:
    return [
        (step.time, step.at_risk, step.events, step.survival_fraction, step.lower_fraction, step.upper_fraction)
        for step in curve.steps
        if step.events
    ]


def medians(curve: KaplanMeier) -> tuple[float | None, float | None, float | None]:
    return curve.median, curve.median_lower, curve.median_upper


def test_freireichs_remissions_are_estimated_as_published() -> None:
    found = events_only(kaplan_meier(FREIREICH, REMISSION_ENDED))
    assert [one[:3] for one in found] == [
        (6, 21, 3), (7, 17, 1), (10, 15, 1), (13, 12, 1), (16, 11, 1), (22, 7, 1), (23, 6, 1)
    ]  # fmt: skip
    printed = [0.8571, 0.8067, 0.7529, 0.6902, 0.6275, 0.5378, 0.4482]
    assert [one[3] for one in found] == pytest.approx(printed, abs=0.5e-4)


def test_the_log_log_limits_of_freireichs_remissions_are_those_of_r_and_lifelines() -> None:
    found = events_only(kaplan_meier(FREIREICH, REMISSION_ENDED))
    lower = [0.619718, 0.563147, 0.503200, 0.431610, 0.367511, 0.267779, 0.188052]
    upper = [0.951552, 0.922809, 0.889362, 0.849066, 0.804912, 0.746791, 0.680143]
    assert [one[4] for one in found] == pytest.approx(lower, abs=1e-6)
    assert [one[5] for one in found] == pytest.approx(upper, abs=1e-6)


def test_the_median_has_the_bounds_of_the_transform_that_r_gives() -> None:
    found = {one: medians(kaplan_meier(FREIREICH, REMISSION_ENDED, transform=one)) for one in TRANSFORMS}
    assert found == {"log_log": (23, 13, None), "log": (23, 16, None), "plain": (23, 13, None)}
    found = {one: medians(kaplan_meier(AML, RELAPSED, transform=one)) for one in TRANSFORMS}
    assert found == {"log_log": (31, 13, None), "log": (31, 18, None), "plain": (31, 18, 48)}


def test_aml_under_maintenance_is_estimated_as_in_r() -> None:
    found = events_only(kaplan_meier(AML, RELAPSED))
    assert [one[0] for one in found] == [9, 13, 18, 23, 31, 34, 48]
    assert [one[3] for one in found] == pytest.approx([0.909, 0.818, 0.716, 0.614, 0.491, 0.368, 0.184], abs=5e-4)
    assert [one[4] for one in found] == pytest.approx(
        [0.5081, 0.4474, 0.3502, 0.2658, 0.1673, 0.0928, 0.0117], abs=0.5e-4
    )
    assert [one[5] for one in found] == pytest.approx([0.987, 0.951, 0.899, 0.835, 0.753, 0.657, 0.525], abs=5e-4)


def test_follow_up_is_the_curve_turned_round_as_in_r() -> None:
    assert medians(reverse_kaplan_meier(FREIREICH, REMISSION_ENDED)) == (25, 11, 32)
    # It lies at one half from 45 on and ends at 161.
    assert medians(reverse_kaplan_meier(AML, RELAPSED)) == (103, 13, None)


def test_a_curve_that_lies_at_one_half_for_a_while_has_its_median_in_the_middle_as_in_r() -> None:
    assert medians(kaplan_meier([1, 2, 3, 4], [True] * 4)) == (2.5, 1, None)


def cases() -> list[tuple[list[float], list[bool]]]:
    generator = np.random.default_rng(6)
    made = [([float(one) for one in FREIREICH], REMISSION_ENDED), ([float(one) for one in AML], RELAPSED)]
    for size in (1, 2, 3, 5, 8, 15, 15, 15, 40, 200):
        times = generator.integers(1, 30, size).tolist()
        made.append(([float(one) for one in times], (generator.random(size) < 0.6).tolist()))
    return made


def test_statsmodels_beside_it_gives_the_same_survival_and_standard_errors() -> None:
    survfunc = pytest.importorskip("statsmodels.duration.survfunc", reason="statsmodels is not installed")
    for times, events in cases():
        peer = survfunc.SurvfuncRight(np.asarray(times), np.asarray(events, dtype=int))
        ours = {
            step.time: step for step in kaplan_meier(times, events, transform="plain", level=0.6826894921370859).steps
        }
        for time, survival, error in zip(peer.surv_times, peer.surv_prob, peer.surv_prob_se, strict=True):
            step = ours[float(time)]
            assert step.survival_fraction == pytest.approx(survival, abs=1e-12)
            if 0 < survival < 1 and survival - error > 0:
                # One standard error to each side at this level.
                assert step.survival_fraction - (step.lower_fraction or 0) == pytest.approx(error, rel=1e-9)


R_SESSION = """
suppressMessages(library(survival))
data <- %s
for (one in data) for (type in c("log-log", "log", "plain")) for (turned in c(FALSE, TRUE)) {
  status <- if (turned) 1 - one$s else one$s
  f <- survfit(Surv(one$t, status) ~ 1, conf.type = type)
  m <- summary(f)$table[c("median", "0.95LCL", "0.95UCL")]
  cat(paste(c("M", m), collapse = " "), "\\n")
  for (i in seq_along(f$time)) cat(paste(c("S", format(c(f$time[i], f$n.risk[i], f$n.event[i], f$n.censor[i],
    f$surv[i], f$lower[i], f$upper[i]), digits = 15, trim = TRUE)), collapse = " "), "\\n")
}
"""


@pytest.fixture(scope="module")
def rscript() -> str:
    found = shutil.which("Rscript")
    if found is None:
        pytest.skip("Rscript absent; apt-get install --no-install-recommends r-base-core r-cran-survival")
    asked = subprocess.run([found, "-e", "library(survival)"], capture_output=True, check=False)
    if asked.returncode:
        pytest.skip("R has no package survival; apt-get install --no-install-recommends r-cran-survival")
    return found


def test_r_beside_it_gives_the_same_curves_limits_and_medians(rscript: str) -> None:
    data = ", ".join(
        f"list(t=c({', '.join(map(str, times))}), s=c({', '.join(str(int(one)) for one in events)}))"
        for times, events in cases()
    )
    said = subprocess.run(
        [rscript, "-"], input=R_SESSION % f"list({data})", capture_output=True, text=True, check=True
    ).stdout.splitlines()
    lines = iter(line.split() for line in said)
    compared = 0
    for times, events in cases():
        for transform in TRANSFORMS:
            for turn in (kaplan_meier, reverse_kaplan_meier):
                curve = turn(times, events, transform=transform)
                kind, *shown = next(lines)
                assert kind == "M"
                got = [float("nan") if one is None else one for one in medians(curve)]
                assert got == pytest.approx([number(one) for one in shown], nan_ok=True), (times, events, transform)
                for step in curve.steps:
                    kind, *shown = next(lines)
                    assert kind == "S"
                    time, risk, had, left, survival, lower, upper = (number(one) for one in shown)
                    assert (step.time, step.at_risk, step.events, step.censored) == (time, risk, had, left)
                    assert step.survival_fraction == pytest.approx(survival, abs=1e-12)
                    # R writes 1 to 1, or NA, where nobody has had the event yet; ours writes nothing.
                    if 0 < step.survival_fraction < 1:
                        assert [step.lower_fraction, step.upper_fraction] == pytest.approx([lower, upper], abs=1e-10)
                        compared += 1
    assert next(lines, None) is None
    assert compared > 500


def number(text: str) -> float:
    return float("nan") if text == "NA" else float(text)


def test_binom_test_of_r_gives_the_exact_interval_p_value_and_bound(rscript: str) -> None:
    from theratrial.statistics import one_sided_bound, proportion
    from theratrial.statistics.designs.single_stage import p_value

    session = """for (x in 0:15) {
      one <- binom.test(x, 15, 0.3, alternative = "greater"); both <- binom.test(x, 15)$conf.int
      shown <- format(c(x, one$p.value, one$conf.int[1], both), digits = 15, trim = TRUE)
      cat(paste0("[", paste(shown, collapse = ","), "]\\n"))
    }"""
    said = subprocess.run([rscript, "-e", session], capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(said) == 16
    for line in said:
        x, value, bound, lower, upper = json.loads(line)
        ours = proportion(int(x), 15)
        assert [ours.lower_fraction, ours.upper_fraction] == pytest.approx([lower, upper], abs=1e-9)
        assert p_value(int(x), 15, 0.3) == pytest.approx(value, rel=1e-9)
        assert one_sided_bound(int(x), 15, "lower") == pytest.approx(bound, abs=1e-9)
