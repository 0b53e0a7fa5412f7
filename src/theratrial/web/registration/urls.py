"""Addresses of this app."""

from django.urls import path

from theratrial.web.registration import views

app_name = "registration"
urlpatterns = [
    path("", views.record, name="record"),
    path("versions/<int:number>/", views.record, name="version"),
    path("record.css", views.style, name="style"),
    path("check/", views.check, name="check"),
]
