"""The same session by other ways: routes from counts to activity, integrals, engines, and where uncertainty is from."""

from __future__ import annotations

from theratrial.quantification.conjugate_view_bias import published_planar_bias
from theratrial.report.blocks import Cell, Table, Text
from theratrial.report.dosimetry_values import (
    POPULATION_METHOD,
    against_reported,
    is_population,
    same_day_differences,
    total_relative_sd,
    without_note,
)
from theratrial.report.figures.contributions import ContributionBar, part_name
from theratrial.report.figures.time_activity import region_label
from theratrial.report.texts import in_percent, number
from theratrial.report.traces import TraceBook
from theratrial.results.dosimetry import EngineDose, RouteResult
from theratrial.results.values import RegionDoseResult, SessionResult

_ENGINE_COLUMNS = (
    ("Local deposition", ("local_deposition",)),
    ("S values: organs of the phantom, lesions as spheres", ("s_values", "sphere")),
    ("Voxel kernel", ("voxel_kernel",)),
)
ROUTES_NOTE = (
    "The reported route is SPECT; planar and hybrid are integrated the same way where their own points allow, and the "
    "cell says where not. Activities of the same day compare counts to activity alone, an hour or so apart and without "
    "decay between. Published ratios stand beside ours for comparison and correct nothing."
)


def signed_percent(value: float) -> str:
    """A difference in percent, without a sign where it is too small to be seen.

    Examples
    --------
    >>> signed_percent(4.04), signed_percent(-0.02), signed_percent(-12.0)
    ('+4.0 %', '0.0 %', '-12.0 %')
    """
    shown = f"{value:+.1f}"
    return "0.0 %" if float(shown) == 0 else f"{shown} %"


def published_ratios(region_id: str) -> str:
    """Published planar over reference dose for a region, in words; "" where there is none for it."""
    return "; ".join(
        f"{bias.ratio:.2f} ({bias.region}, {bias.radiopharmaceutical}, {bias.patients} patients, against "
        f"{bias.reference_route.upper() if bias.reference_route == 'spect' else bias.reference_route}: {bias.citation})"
        for bias in published_planar_bias(region_id)
    )


def _route_cell(dose: RegionDoseResult, route: RouteResult | None, book: TraceBook) -> Cell:
    if route is None:
        return Cell("not quantified", style="missing")
    cell = book.quantity(route.time_integrated_activity_MBq_h)
    more = []
    if route.difference_percent.value is not None:
        said = f"{signed_percent(route.difference_percent.value)} against reported"
        more.append(Cell(said, "", book.anchor(route.difference_percent.trace)))
    by_points = route.time_integrated_activity_MBq_h.trace.method != POPULATION_METHOD
    if by_points and is_population(dose) and route.time_integrated_activity_MBq_h.value is not None:
        more.append(Cell("by its points alone, so the difference holds the curve too"))
    if differences := same_day_differences(dose, route):
        said = ", ".join(f"{signed_percent(value)} at {hours:.0f} h" for hours, value in differences)
        more.append(Cell(f"activity {said}"))
    warnings = dict.fromkeys(warning for point in route.points for warning in point.warnings)
    more += [Cell(warning) for warning in warnings]
    return Cell(cell.text, cell.hint, cell.anchor, cell.style, cell.below, tuple(more))


def _ratio_cell(dose: RegionDoseResult) -> Cell:
    routes = {route.route: route.time_integrated_activity_MBq_h.value for route in dose.details.routes}
    planar, hybrid, spect = routes.get("planar"), routes.get("hybrid"), dose.time_integrated_activity_MBq_h.value
    said = [
        f"{planar / other:.2f} of {name}" for name, other in (("hybrid", hybrid), ("SPECT", spect)) if planar and other
    ]
    published = published_ratios(dose.region_id) if dose.kind == "organ" else ""
    more = (Cell(f"published: {published}"),) if published else (Cell("nothing published is shipped"),)
    return Cell("; ".join(said) or "not known", style="number" if said else "missing", more=more)


def routes_table(session: SessionResult, book: TraceBook) -> Table | None:
    """SPECT, planar and hybrid side by side; None where no other route was computed."""
    if not any(dose.details.routes for dose in session.doses):
        return None
    rows = []
    for dose in session.doses:
        routes = {route.route: route for route in dose.details.routes}
        rows.append(
            (
                Cell(region_label(dose)),
                book.quantity(without_note(dose.time_integrated_activity_MBq_h)),
                _route_cell(dose, routes.get("planar"), book),
                _route_cell(dose, routes.get("hybrid"), book),
                _ratio_cell(dose),
            )
        )
    return Table(
        "Three routes to time-integrated activity",
        ("Region", "SPECT, reported", "Planar", "Hybrid", "Planar over the others"),
        tuple(rows),
        style="dense",
    )


def alternatives_table(session: SessionResult, book: TraceBook) -> Table | None:
    """The same points integrated otherwise, each with what speaks against it."""
    titles = {one.curve_method: one.title for dose in session.doses for one in dose.details.alternatives}
    if not titles:
        return None
    rows = []
    for dose in session.doses:
        made = {one.curve_method: one for one in dose.details.alternatives}
        cells = []
        for method in titles:
            one = made.get(method)
            if one is None:
                cells.append(Cell("not computed", style="quiet"))
                continue
            cell = book.quantity(without_note(one.time_integrated_activity_MBq_h))
            difference = against_reported(one.time_integrated_activity_MBq_h, dose.time_integrated_activity_MBq_h)
            more = [] if difference is None else [Cell(f"{signed_percent(difference)} against reported")]
            said = f"against it: {one.flag}" if one.flag else "nothing known speaks against it here"
            # An undetermined value has said why already, in the same words.
            more += [] if one.time_integrated_activity_MBq_h.value is None else [Cell(said)]
            cells.append(Cell(cell.text, cell.hint, cell.anchor, cell.style, cell.below, tuple(more)))
        rows.append(
            (Cell(region_label(dose)), book.quantity(without_note(dose.time_integrated_activity_MBq_h)), *cells)
        )
    head = ("Region", "Reported", *titles.values())
    return Table("The same points by other ways of integrating", head, tuple(rows), style="dense")


def _engine_cell(one: EngineDose, book: TraceBook) -> Cell:
    parts = {
        "electrons": one.electron_Gy,
        "own photons": one.photon_self_Gy,
        "photons from elsewhere": one.photon_cross_Gy,
    }
    known = ", ".join(f"{name} {number(value)} Gy" for name, value in parts.items() if value is not None)
    without = ", ".join(name for name, value in parts.items() if value is None)
    said = "; ".join(part for part in (known, f"not told apart or not counted: {without}" if without else "") if part)
    if one.alpha_Gy is not None:
        said += f"; alpha, not in the sum: {number(one.alpha_Gy)} Gy"
    cell = book.quantity(without_note(one.absorbed_dose_Gy))
    more = [Cell(said)]
    if one.difference_percent is not None:
        more.append(Cell(f"{signed_percent(one.difference_percent)} against local deposition: {one.because}"))
    elif one.because:
        more.append(Cell(one.because))
    return Cell(cell.text, cell.hint, cell.anchor, cell.style, cell.below, tuple(more))


def engines_table(session: SessionResult, book: TraceBook) -> Table | None:
    """The reported time-integrated activity by every engine, and what makes the difference."""
    columns = [
        column
        for column in _ENGINE_COLUMNS
        if any(one.engine in column[1] for dose in session.doses for one in dose.details.engines)
    ]
    if not columns:
        return None
    rows = []
    for dose in session.doses:
        cells = []
        for _, names in columns:
            one = next((engine for engine in dose.details.engines if engine.engine in names), None)
            cells.append(Cell("not computed", style="quiet") if one is None else _engine_cell(one, book))
        rows.append((Cell(region_label(dose)), *cells))
    return Table(
        "The same time-integrated activity by every engine",
        ("Region", *(title for title, _ in columns)),
        tuple(rows),
        style="dense",
    )


def contribution_bars(session: SessionResult) -> list[ContributionBar]:
    """Contributions to each region's uncertainty, for the figure."""
    found = []
    for dose in session.doses:
        uncertainty = dose.details.uncertainty
        if uncertainty is None or not uncertainty.parts:
            continue
        shares = tuple((part.part, part.share_of_variance) for part in uncertainty.parts)
        help_most = uncertainty.would_help_most
        remark = f"{help_most} would help most" if help_most else "nothing stands out"
        found.append(ContributionBar(region_label(dose), shares, total_relative_sd(dose), remark))
    return found


def contributions_table(session: SessionResult, book: TraceBook) -> Table | None:
    """The same in numbers."""
    parts = list(
        dict.fromkeys(
            part.part for dose in session.doses if (u := dose.details.uncertainty) is not None for part in u.parts
        )
    )
    if not parts:
        return None
    rows = []
    for dose in session.doses:
        uncertainty = dose.details.uncertainty
        if uncertainty is None:
            rows.append((Cell(region_label(dose)), *(Cell("no dose", style="quiet") for _ in range(len(parts) + 3))))
            continue
        by_part = {part.part: part for part in uncertainty.parts}
        total = total_relative_sd(dose)
        rows.append(
            (
                Cell(region_label(dose)),
                book.cell("not known" if total is None else in_percent(total), uncertainty.trace, style="number"),
                *(
                    Cell(_sd_text(by_part[part].relative_sd), by_part[part].why, style="number")
                    if part in by_part
                    else Cell("no part", style="quiet")
                    for part in parts
                ),
                Cell("; ".join(uncertainty.not_in_interval) or "nothing named"),
                Cell(uncertainty.would_help_most or "nothing stands out"),
            )
        )
    head = ("Region", "Together", *(part_name(part) for part in parts), "Not in the interval", "Would help most")
    return Table("Relative standard deviation of the absorbed dose by contribution", head, tuple(rows), style="dense")


def _sd_text(relative_sd: float) -> str:
    return "below 0.1 %" if 0 < relative_sd < 0.0005 else in_percent(relative_sd)


def contributions_text() -> Text:
    """How to read the bars."""
    return Text(
        "Each bar is the variance of one dose, divided by where it comes from; the number beside it is one relative "
        "standard deviation. The longest part is what a better measurement would shorten first.",
        "quiet",
    )
