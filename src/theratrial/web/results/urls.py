"""Addresses of this app."""

from django.urls import path

from theratrial.web.results import (
    adverse_views,
    analysis_views,
    dosimetry_views,
    figure_views,
    gate_views,
    protection_views,
    report_views,
    response_over_views,
    response_views,
    safety_views,
    toxicity_views,
    views,
)

app_name = "results"
urlpatterns = [
    path("", views.index, name="index"),
    path("progress/", views.progress, name="progress"),
    path("start/", views.start, name="start"),
    path("analysis/", analysis_views.analysis, name="analysis"),
    path("analysis/figure/<str:name>.svg", analysis_views.figure, name="analysis-figure"),
    path("gates/", gate_views.gates, name="gates"),
    path("deviations/", gate_views.deviations, name="deviations"),
    path("response/", response_over_views.over_participants, name="response-over"),
    path("response/figure/<str:name>.svg", response_over_views.figure, name="response-over-figure"),
    path("computation/<uuid:pk>/report.html", report_views.report, name="report"),
    path("computation/<uuid:pk>/dosimetry/<str:code>.html", report_views.dosimetry_page, name="dosimetry-page"),
    path("participant/<str:code>/", dosimetry_views.dosimetry, name="participant"),
    path("participant/<str:code>/start/", dosimetry_views.start, name="participant-start"),
    path("participant/<str:code>/session/<int:session>/sign/", dosimetry_views.sign_session, name="sign-dosimetry"),
    path("participant/<str:code>/session/<int:session>/trace/<str:region>/", dosimetry_views.trace, name="trace"),
    path("participant/<str:code>/figure/curves-<int:session>-<str:kind>.svg", figure_views.curves, name="curves"),
    path("participant/<str:code>/figure/limits.svg", figure_views.limits, name="limits"),
    path("participant/<str:code>/figure/laboratory-<str:test>.svg", figure_views.laboratory, name="laboratory-figure"),
    path("safety/", toxicity_views.safety_over_all, name="safety-over-all"),
    path("safety/stopping.svg", toxicity_views.stopping_drawing, name="stopping-figure"),
    path("participant/<str:code>/toxicity/", toxicity_views.toxicity, name="toxicity"),
    path("participant/<str:code>/safety/", safety_views.safety, name="safety"),
    path("participant/<str:code>/safety/event/", safety_views.event_new, name="event-new"),
    path("participant/<str:code>/safety/event/<uuid:pk>/", safety_views.event_edit, name="event-edit"),
    path("ctcae/", adverse_views.terms, name="ctcae"),
    path("serious/", adverse_views.serious, name="serious"),
    path("serious/listing.csv", adverse_views.serious_csv, name="serious-csv"),
    path("participant/<str:code>/safety/event/<uuid:pk>/report/", adverse_views.report_new, name="serious-report-new"),
    path("participant/<str:code>/safety/event/<uuid:pk>/form/", adverse_views.sheet, name="serious-sheet"),
    path("participant/<str:code>/safety/event/<uuid:pk>/form.pdf", adverse_views.sheet_pdf, name="serious-sheet-pdf"),
    path("participant/<str:code>/safety/report/<uuid:pk>/", adverse_views.report_edit, name="serious-report-edit"),
    path("participant/<str:code>/safety/pregnancy/", adverse_views.pregnancy_new, name="pregnancy-new"),
    path("participant/<str:code>/protection/", protection_views.protection, name="protection"),
    path(
        "participant/<str:code>/protection/<int:session>/sign/", protection_views.sign_session, name="sign-protection"
    ),
    path(
        "participant/<str:code>/protection/<int:session>/<str:language>.pdf", protection_views.leaflet, name="leaflet"
    ),
    path("participant/<str:code>/response/", response_views.response, name="response"),
    path("participant/<str:code>/response/reading/", response_views.reading_new, name="reading-new"),
    path("participant/<str:code>/response/reading/<uuid:pk>/", response_views.reading_edit, name="reading-edit"),
    path("participant/<str:code>/response/sign/", response_views.sign_reading, name="sign-reading"),
    path("participant/<str:code>/response/adjudicate/", response_views.adjudicate, name="adjudicate"),
    path("participant/<str:code>/gate/<int:session>/", gate_views.gate, name="gate"),
    path("participant/<str:code>/gate/<int:session>/sign/", gate_views.sign_gate, name="sign-gate"),
]
