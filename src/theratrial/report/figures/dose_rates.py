"""Dose rate at 1 m after every session: readings, the curve through them, and the release limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from theratrial.report.figures.canvas import new_figure
from theratrial.report.style import ACCENT, MUTED, drawing
from theratrial.results.values import TrialResult
from theratrial.safety.protection.release import ReleaseLimit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DAYS_SHOWN: Final = 21.0


def dose_rates_figure(result: TrialResult, limit: ReleaseLimit | None) -> Figure | None:
    """All sessions on one logarithmic axis; None where no curve was made.

    The limit is drawn only where it is a dose rate at 1 m: at another distance it is another number here.
    """
    shown = [one for person in result.participants for one in person.protection if one.curve]
    if not shown:
        return None
    figure = new_figure(3.2)
    with drawing():
        axes = figure.subplots()
        for one in shown:
            curve = [point for point in one.curve if point.hours_after <= _DAYS_SHOWN * 24]
            days = [point.hours_after / 24 for point in curve]
            axes.plot(days, [point.dose_rate_uSv_per_h for point in curve], color=ACCENT, linewidth=0.7, alpha=0.55)
            axes.plot(
                [point.hours_after / 24 for point in one.rates],
                [point.dose_rate_uSv_per_h for point in one.rates],
                linestyle="none",
                marker="o",
                markersize=2.6,
                color=ACCENT,
            )
        if limit is not None and limit.value is not None and limit.quantity == "dose_rate" and limit.distance_m == 1:
            axes.axhline(limit.value, color=MUTED, linestyle="--", linewidth=0.9)
            axes.annotate(
                f"release limit {limit.value:g} uSv/h".replace("u", "µ", 1),
                (0.995, limit.value),
                xycoords=("axes fraction", "data"),
                ha="right",
                va="bottom",
                fontsize=7,
                color=MUTED,
            )
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.set_xlim(0, _DAYS_SHOWN)
        axes.set_xlabel("Days since the administration of the session")
        axes.set_ylabel("Dose rate at 1 m [µSv/h]")
    return figure
