"""Addresses under ``/dicomweb/``, as the standard names them: without a slash at the end."""

from django.urls import path

from theratrial.web.dicom_node import dicomweb_views as views

_SERIES = "studies/<str:study>/series/<str:series>"
_INSTANCE = f"{_SERIES}/instances/<str:instance>"

app_name = "dicomweb"
urlpatterns = [
    path("studies", views.studies, name="studies"),
    path("series", views.all_series, name="all-series"),
    path("instances", views.all_instances, name="all-instances"),
    path("studies/<str:study>", views.study, name="study"),
    path("studies/<str:study>/metadata", views.study_metadata, name="study-metadata"),
    path("studies/<str:study>/series", views.series_of, name="series-of"),
    path("studies/<str:study>/instances", views.instances_of_study, name="instances-of-study"),
    path(_SERIES, views.series, name="series"),
    path(f"{_SERIES}/metadata", views.series_metadata, name="series-metadata"),
    path(f"{_SERIES}/instances", views.instances_of_series, name="instances-of-series"),
    path(_INSTANCE, views.instance, name="instance"),
    path(f"{_INSTANCE}/metadata", views.instance_metadata, name="instance-metadata"),
    path(f"{_INSTANCE}/frames/<str:numbers>", views.frames, name="frames"),
]
