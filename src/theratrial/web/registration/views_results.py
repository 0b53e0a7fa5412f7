"""Page: results for the registry, outcomes reported against outcomes registered, the page in plain language."""

from __future__ import annotations

import json
from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from theratrial.errors import InputError
from theratrial.exchange.ctgov.write import ctgov_study
from theratrial.exchange.ictrp.write import ictrp_131
from theratrial.registry.outcomes_compared import ASPECTS, KINDS, RANKS, OutcomeComparison
from theratrial.registry.record import RegistrationRecord
from theratrial.registry.results_fields import with_results
from theratrial.registry.results_reported import ReportedResults
from theratrial.registry.words import Language, Text
from theratrial.report.registration.plain import plain_css, plain_language, plain_language_body
from theratrial.web.access import may, requires
from theratrial.web.registration import services
from theratrial.web.registration.brief import state_now
from theratrial.web.registration.results import Found, found_results, may_see
from theratrial.web.registration.shown import in_words, language
from theratrial.web.registration.views import page_context
from theratrial.web.registration.views_files import sent

FORMATS: Final = ("plain-en", "plain-fa", "ctgov-json", "ictrp-xml-131")
_TONES: Final = {"same": "good", "switched": "bad", "added": "warn", "missing": "bad"}


def _found(request: HttpRequest) -> tuple[Any, Found]:
    """State and results; refused before the data are locked to who may not see the endpoint."""
    if not may_see(request.user):
        raise PermissionDenied(_("results are shown before the lock to who may see the endpoint, then to all"))
    state = state_now()
    if state is None:
        raise Http404("no registration record")
    return state, found_results(state.history.current.record)


@requires("registration.view")
def results(request: HttpRequest) -> HttpResponse:
    """Flow, outcomes against the record, adverse events, the words for everybody."""
    return _page(request)


def _page(request: HttpRequest, refusal: str = "", status: int = 200) -> HttpResponse:
    state, found = _found(request)
    context = page_context(request, state, "results") | {"found": found, "refusal": refusal}
    if found.reported is not None:
        record = state.history.current.record
        tongue = request.GET.get("language", "")
        chosen: Language = "fa" if (tongue or language()) == "fa" else "en"
        compared = [_compared(one) for one in found.compared]
        context |= {
            "reported": found.reported, "flow": _flow(found.reported), "chosen": chosen,
            "compared": [one for one in compared if one["both"]], "alone": [one for one in compared if not one["both"]],
            "plain": plain_language_body(found.reported, record, language=chosen, top=2),
            "limitations": [in_words(one) for one in found.reported.limitations],
            "may_take": found.reported.locked and may(request.user, "registration.edit"),
        }  # fmt: skip
    return render(request, "registration/results.html", context, status=status)


@requires("registration.view")
def style(request: HttpRequest) -> HttpResponse:
    """Rules of style of the page in plain language."""
    return HttpResponse(plain_css(), content_type="text/css", headers={"Cache-Control": "private, max-age=3600"})


def _flow(reported: ReportedResults) -> list[tuple[str, int, str]]:
    """The steps as lines: words, number, what of them left."""
    flow = reported.flow
    lines = [(_("screened"), flow.screened, _counts(flow.screen_failures)), (_("treated"), flow.started, "")]
    lines += [(_("session %(n)s given") % {"n": number}, count, "") for number, count in flow.sessions_given]
    lines += [
        (_("primary outcome assessed"), flow.assessed, ""),
        (_("completed"), flow.completed, _counts(flow.not_completed)),
        (_("still in treatment or follow-up"), flow.ongoing, ""),
    ]
    return lines


def _counts(counts: Any) -> str:
    return "; ".join(f"{in_words(one.label)}: {one.count}" for one in counts)


def _compared(one: OutcomeComparison) -> dict[str, Any]:
    words = {side.aspect: in_words(side.reported) or in_words(side.registered) for side in one.sides}
    return {
        "both": one.kind in ("same", "switched"),
        "method": words.get("method", ""), "time": words.get("time_frame", ""),
        "kind": in_words(KINDS[one.kind]), "tone": _TONES[one.kind], "title": in_words(one.title),
        "message": in_words(one.message),
        "sides": [
            {
                "aspect": in_words(ASPECTS[side.aspect]), "registered": _side(side.aspect, side.registered),
                "reported": _side(side.aspect, side.reported), "same": side.same,
            }
            for side in one.sides
        ],
    }  # fmt: skip


def _side(aspect: str, words: Any) -> str:
    known = {one.en: one for one in RANKS.values()}
    return in_words(known.get(words.en, words)) if aspect == "rank" else in_words(words)


@requires("registration.view")
@require_POST
def download(request: HttpRequest) -> HttpResponse:
    """Results as a file; a draft while the data are not locked, and then it says so inside."""
    state, found = _found(request)
    wanted, record = request.POST.get("format", ""), state.history.current.record
    if found.reported is None or wanted not in FORMATS:
        raise Http404(wanted)
    draft = not found.reported.locked
    try:
        content, content_type, ending = _written(wanted, record, found.reported, draft)
    except InputError as error:
        return _page(request, str(error), 422)
    name = f"{record.registration.number or 'results'}-results-{wanted}{'-draft' if draft else ''}.{ending}"
    return sent(request, content, name, content_type, format=f"results-{wanted}", draft=draft,
                computation=str(found.computation.pk))  # fmt: skip


def _written(wanted: str, record: RegistrationRecord, reported: ReportedResults, draft: bool) -> tuple[bytes, str, str]:
    if wanted == "ctgov-json":
        study = ctgov_study(record, reported, draft=draft)
        return (json.dumps(study, ensure_ascii=False, indent=2) + "\n").encode(), "application/json", "json"
    if wanted == "ictrp-xml-131":
        return ictrp_131(with_results(record, reported, draft=draft)), "application/xml", "xml"
    tongue: Language = "fa" if wanted == "plain-fa" else "en"
    return plain_language(reported, record, language=tongue).encode(), "text/html; charset=utf-8", "html"


@requires("registration.edit")
@require_POST
def take(request: HttpRequest) -> HttpResponse:
    """Put the summary results of locked data into the draft."""
    state, found = _found(request)
    if found.reported is None:
        raise Http404("no results")
    if services.draft_of(request.user) is not None:
        return _page(request, _("You have a draft: sign it or throw it away, then take the results."), 422)
    try:
        record = with_results(state.history.current.record, found.reported)
    except InputError as error:
        return _page(request, str(error), 422)
    reason = Text(
        en=f"Summary results of the locked data, cut on {found.reported.data_cut.isoformat()}",
        fa=f"خلاصهٔ نتایج داده‌های قفل‌شده، تا {found.reported.data_cut.isoformat()}",
    )
    services.draft_kept(request.user, record=record, reason=reason, origin="owed")
    messages.success(request, _("The summary results are in your draft. Look at the difference, then sign."))
    return redirect("registration:preview")
