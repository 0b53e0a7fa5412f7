"""Addresses. Each app owns its own list; a view without a declared permission answers nobody."""

from django.urls import include, path

urlpatterns = [
    path("", include("theratrial.web.trials.urls")),
    path("people/", include("theratrial.web.people.urls")),
    path("participants/", include("theratrial.web.participants.urls")),
    path("records/", include("theratrial.web.capture.urls")),
    path("pharmacy/", include("theratrial.web.pharmacy.urls")),
    path("images/", include("theratrial.web.studies.urls")),
    path("network/", include("theratrial.web.dicom_node.urls")),
    path("dicomweb/", include("theratrial.web.dicom_node.dicomweb_urls")),
    path("results/", include("theratrial.web.results.urls")),
    path("ledger/", include("theratrial.web.ledger.urls")),
    path("registration/", include("theratrial.web.registration.urls")),
    path("exports/", include("theratrial.web.exports.urls")),
]
handler403 = "theratrial.web.trials.views.refused"
handler404 = "theratrial.web.trials.views.not_found"
handler500 = "theratrial.web.trials.views.failed"
