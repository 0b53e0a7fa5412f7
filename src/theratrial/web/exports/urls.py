"""Addresses of this app."""

from django.urls import path

from theratrial.web.exports import (
    archive_views,
    derived,
    document_views,
    odm_views,
    sharing_views,
    standards_views,
    views,
)

app_name = "exports"
urlpatterns = [
    path("", views.index, name="index"),
    path("folder/", views.folder, name="folder"),
    path("listings/", views.listing, name="listing"),
    path("ledger/", views.ledger, name="ledger"),
    path("certified-copy/", views.certified, name="certified"),
    path("packages/", views.packages, name="packages"),
    path("packages/<uuid:pk>/", views.package, name="package"),
    path("odm/history/", odm_views.history, name="odm-history"),
    path("odm/snapshot/", odm_views.snapshot, name="odm-snapshot"),
    path("certified-copy/participant/", views.certified_participant, name="certified-participant"),
    path("archive/", archive_views.archive, name="archive"),
    path("derived-images/", derived.ask, name="derived-images"),
    path("standards/", standards_views.index, name="standards"),
    path("standards/list/", standards_views.listed, name="standards-list"),
    path("standards/ask/", standards_views.ask, name="standard-ask"),
    path("standards/<uuid:pk>/", standards_views.fetched, name="standard"),
    path("documents/", document_views.index, name="documents"),
    path("documents/list/", document_views.listed, name="documents-list"),
    path("documents/ask/", document_views.ask, name="document-ask"),
    path("documents/<uuid:pk>/", document_views.read, name="document"),
    path("documents/<uuid:pk>/pdf/", document_views.fetched, name="document-pdf"),
    path("sharing/", sharing_views.index, name="sharing"),
    path("sharing/list/", sharing_views.listed, name="sharing-list"),
    path("sharing/ask/", sharing_views.ask, name="sharing-ask"),
    path("sharing/texts/", sharing_views.texts, name="sharing-texts"),
    path("sharing/texts/decide/", sharing_views.decide, name="sharing-decide"),
    path("sharing/<uuid:pk>/", sharing_views.release, name="sharing-release"),
    path("sharing/<uuid:pk>/sign/", sharing_views.sign, name="sharing-sign"),
    path("sharing/<uuid:pk>/package/", sharing_views.fetched, name="sharing-package"),
]
