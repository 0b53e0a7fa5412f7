"""Over the cohort: how the routes compare, and where the uncertainty of the doses comes from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, median, quantiles

from theratrial.report.blocks import Block, Cell, Section, Table, Text
from theratrial.report.dosimetry_values import same_day_differences, total_relative_sd
from theratrial.report.figures.contributions import ContributionBar, part_name
from theratrial.report.sections.session_ways import published_ratios, signed_percent
from theratrial.report.texts import count, in_percent
from theratrial.results.values import RegionDoseResult, TrialResult

ROUTES = ("planar", "hybrid")


def doses_by_region(result: TrialResult) -> dict[str, list[RegionDoseResult]]:
    """Region -> its doses in every session of everybody; all lesions together."""
    found: dict[str, list[RegionDoseResult]] = {}
    for one in result.participants:
        for session in one.sessions:
            for dose in session.doses:
                found.setdefault("Lesions" if dose.kind == "lesion" else dose.title, []).append(dose)
    return found


def _spread(values: Sequence[float]) -> str:
    if len(values) < 4:
        return f"of {count(len(values), 'session')}"
    low, _, high = quantiles(values, n=4, method="inclusive")
    return f"middle half {signed_percent(low)} to {signed_percent(high)}, of {count(len(values), 'session')}"


def _difference_cell(doses: Sequence[RegionDoseResult], name: str) -> Cell:
    routes = [route for dose in doses for route in dose.details.routes if route.route == name]
    known = [value for route in routes if (value := route.difference_percent.value) is not None]
    if not known:
        return Cell("not quantified", style="missing")
    return Cell(signed_percent(median(known)), style="number", below=_spread(known))


def _same_day_cell(doses: Sequence[RegionDoseResult]) -> Cell:
    found = [
        percent
        for dose in doses
        for route in dose.details.routes
        if route.route == "planar"
        for _, percent in same_day_differences(dose, route)
    ]
    if not found:
        return Cell("not quantified", style="missing")
    return Cell(signed_percent(median(found)), style="number", below=f"of {count(len(found), 'pair')}")


def routes_table(result: TrialResult) -> Table | None:
    """Median difference of planar and hybrid against SPECT; None where no view was quantified."""
    regions = doses_by_region(result)
    if not any(dose.details.routes for doses in regions.values() for dose in doses):
        return None
    rows = []
    for title, doses in regions.items():
        published = "" if title == "Lesions" else published_ratios(doses[0].region_id)
        rows.append(
            (
                Cell(title),
                _difference_cell(doses, "planar"),
                _difference_cell(doses, "hybrid"),
                _same_day_cell(doses),
                Cell(published or "nothing published is shipped", style="" if published else "quiet"),
            )
        )
    return Table(
        "Planar and hybrid against SPECT, median over sessions",
        (
            "Region",
            "Planar, time-integrated activity",
            "Hybrid, time-integrated activity",
            "Planar, activity of the same day",
            "Published planar over reference dose",
        ),
        tuple(rows),
        style="dense",
    )


def cohort_bars(result: TrialResult) -> list[ContributionBar]:
    """Mean share of each contribution, and the middle relative standard deviation of the region's doses."""
    found = []
    for title, doses in doses_by_region(result).items():
        budgets = [u for dose in doses if (u := dose.details.uncertainty) is not None and u.parts]
        if not budgets:
            continue
        parts = dict.fromkeys(part.part for budget in budgets for part in budget.parts)
        mean = {
            name: fmean(
                math.fsum(part.share_of_variance for part in budget.parts if part.part == name) for budget in budgets
            )
            for name in parts
        }
        shares = tuple(sorted(mean.items(), key=lambda entry: -entry[1]))
        sds = [sd for dose in doses if (sd := total_relative_sd(dose)) is not None]
        helps = [budget.would_help_most for budget in budgets if budget.would_help_most]
        most = max(dict.fromkeys(helps), key=helps.count, default="")
        remark = f"{most} would help most in {helps.count(most)} of {len(budgets)}" if most else "nothing stands out"
        found.append(ContributionBar(title, shares, median(sds) if sds else None, remark))
    return found


def contributions_table(result: TrialResult) -> Table | None:
    """Median share of each contribution, region by region."""
    rows, parts = [], []
    regions = doses_by_region(result)
    for doses in regions.values():
        for dose in doses:
            if dose.details.uncertainty is not None:
                parts += [part.part for part in dose.details.uncertainty.parts]
    parts = list(dict.fromkeys(parts))
    if not parts:
        return None
    for title, doses in regions.items():
        budgets = [u for dose in doses if (u := dose.details.uncertainty) is not None and u.parts]
        sds = [sd for dose in doses if (sd := total_relative_sd(dose)) is not None]
        cells = [Cell(in_percent(median(sds)), style="number") if sds else Cell("not known", style="missing")]
        for name in parts:
            shares = [
                math.fsum(part.share_of_variance for part in budget.parts if part.part == name) for budget in budgets
            ]
            cells.append(
                Cell(in_percent(median(shares)), style="number") if shares else Cell("not known", style="missing")
            )
        rows.append((Cell(title, below=f"of {count(len(budgets), 'dose')}"), *cells))
    head = ("Region", "Relative standard deviation", *(f"{part_name(part)}, share of variance" for part in parts))
    return Table("Where the uncertainty of a session's doses comes from, medians", head, tuple(rows), style="dense")


def ways_section(result: TrialResult, *, drawn: tuple[Block, ...] = ()) -> Section:
    """Routes and uncertainty over the cohort."""
    title = "Routes and uncertainty of the doses"
    routes, contributions = routes_table(result), contributions_table(result)
    blocks: list[Block] = []
    if routes is not None:
        blocks += [
            Text(
                "Doses are reported by SPECT. The whole-body views are quantified beside it, alone (planar) and scaled "
                "to one SPECT (hybrid). Known bias: published planar doses lie above or below three-dimensional ones "
                "by more than a factor of two, and the sources do not agree in direction; nothing here is corrected by "
                "them."
            ),
            routes,
        ]
    if contributions is not None:
        blocks += [*drawn, contributions]
    if not blocks:
        blocks.append(Text("No other route and no contribution to the uncertainty was computed.", "quiet"))
    return Section("ways", title, tuple(blocks))
