"""Addresses of this app."""

from django.urls import path

from theratrial.web.trials import views

app_name = "trials"
urlpatterns = [path("", views.overview, name="overview")]
