"""Addresses of this app."""

from django.urls import path

from theratrial.web.trials import protocol_views, views

app_name = "trials"
urlpatterns = [
    path("", views.overview, name="overview"),
    path("progress/", views.progress, name="progress"),
    path("protocol/", protocol_views.protocol_page, name="protocol"),
    path("protocol/versions/", protocol_views.versions, name="versions"),
    path("protocol/versions/load/", protocol_views.version_load, name="version-load"),
    path("protocol/versions/<int:number>/", protocol_views.version_page, name="version"),
    path("protocol/versions/<int:number>/clauses/", protocol_views.protocol_page, name="protocol-version"),
    path("protocol/versions/<int:number>/release/", protocol_views.version_release, name="version-release"),
]
