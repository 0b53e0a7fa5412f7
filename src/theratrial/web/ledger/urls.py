"""Addresses of this app."""

from django.urls import path

from theratrial.web.ledger import redaction_views, two_person_views, views

app_name = "ledger"
urlpatterns = [
    path("", views.index, name="list"),
    path("export/", views.export, name="export"),
    path("row/<str:entity>/<str:entity_id>/", views.row, name="row"),
    path("participant/<str:code>/", views.participant, name="participant"),
    path("as-of/", views.as_of, name="as-of"),
    path("verify/", views.verify, name="verify"),
    path("verify/start/", views.verify_start, name="verify-start"),
    path("requests/", two_person_views.two_person_requests, name="requests"),
    path("redactions/", redaction_views.redactions, name="redactions"),
    path("redactions/ask/", redaction_views.ask, name="redaction-ask"),
    path("redactions/<int:pk>/decide/", redaction_views.decide, name="redaction-decide"),
]
