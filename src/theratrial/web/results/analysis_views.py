"""The analysis of the trial: how the answer moves, what so many participants can show, times to event.

It tells of each participant how she counts, so it is for those alone who may see the endpoint, as the report is.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from theratrial.errors import InputError
from theratrial.report.figures.forest import forest_figure
from theratrial.report.figures.power import power_figure
from theratrial.report.figures.survival import survival_figure
from theratrial.report.style import drawing
from theratrial.results.analysis import TrialAnalysis
from theratrial.results.rebuild import rebuilt
from theratrial.statistics.intervals import NAMES
from theratrial.web.access import requires
from theratrial.web.results import selectors
from theratrial.web.results.blinding import hidden_records
from theratrial.web.results.models import TrialResultRow

_SVG_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
_KEPT: Final = 8
_DRAWN: Final[dict[tuple[Any, str], bytes]] = {}
"""(computation, figure) -> SVG; the oldest goes first."""


def _analysis(request: HttpRequest) -> tuple[TrialAnalysis | None, TrialResultRow | None]:
    """The latest analysis; None where nothing was computed, the protocol has no plan, or an older version computed."""
    if hidden_records(request.user):
        raise PermissionDenied(_("readers see the report once their own readings are signed"))
    row = selectors.latest_trial_result()
    if row is None or "analysis" not in row.content:
        return None, row
    try:
        found = rebuilt(TrialAnalysis, row.content["analysis"])
    except InputError:
        return None, row
    return (found if found.estimand else None), row


@requires("endpoint.view")
def analysis(request: HttpRequest) -> HttpResponse:
    """Estimand, intercurrent events, every way of counting, test, one participant's weight, times to event."""
    found, row = _analysis(request)
    context: dict[str, Any] = {"result": row, "age": selectors.trial_age(), "analysis": found}
    if found is not None and row is not None:
        context |= {
            "endpoint": row.content["endpoint"],
            "rows": [(one, NAMES.get(one.interval_method, one.interval_method)) for one in found.proportions],
        }
    return render(request, "results/analysis.html", context)


@requires("endpoint.view")
def figure(request: HttpRequest, name: str) -> HttpResponse:
    """A figure of the analysis as SVG: ``sensitivity``, ``power`` or ``survival-<id>``."""
    found, row = _analysis(request)
    content = b""
    if found is not None and row is not None:
        key = (row.computation_id, name)
        content = _DRAWN[key] if key in _DRAWN else _kept(key, found, row.content["endpoint"]["analysed"])
    if not content:
        raise Http404(name)
    answer = HttpResponse(content, content_type="image/svg+xml")
    answer.headers["Content-Security-Policy"] = _SVG_POLICY
    return answer


def _kept(key: tuple[Any, str], found: TrialAnalysis, analysed: int) -> bytes:
    """The figure, drawn once by each process: what is computed is written once."""
    drawn = _drawn(found, analysed, key[1])
    if drawn is None:
        return b""
    content = BytesIO()
    with drawing():
        drawn.savefig(content, format="svg", metadata={"Date": None, "Creator": None})
    while len(_DRAWN) >= _KEPT:
        _DRAWN.pop(next(iter(_DRAWN)), None)
    _DRAWN[key] = content.getvalue()
    return _DRAWN[key]


def _drawn(found: TrialAnalysis, analysed: int, name: str) -> Any:
    test = found.test
    if name == "sensitivity":
        return forest_figure(found.proportions, None if test is None else test.null_fraction)
    if name == "power":
        return None if test is None else power_figure(found.power, test, analysed)
    wanted = next((one for one in found.survival if name == f"survival-{one.survival_id}"), None)
    return None if wanted is None else survival_figure(wanted)
