"""Addresses under ``/network/``."""

from django.urls import path

from theratrial.web.dicom_node import fetch_views, peer_views

app_name = "dicom_node"
urlpatterns = [
    path("peers/", peer_views.peers, name="peers"),
    path("peers/enter/", peer_views.enter, name="peer-enter"),
    path("peers/<int:pk>/", peer_views.peer, name="peer"),
    path("peers/<int:pk>/close/", peer_views.close, name="peer-close"),
    path("peers/<int:pk>/echo/", peer_views.echo, name="peer-echo"),
    path("fetch/", fetch_views.page, name="fetch"),
    path("fetch/find/", fetch_views.find, name="find"),
    path("fetch/begin/", fetch_views.begin, name="fetch-begin"),
]
