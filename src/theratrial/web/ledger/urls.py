"""Addresses of this app."""

from django.urls import path

from theratrial.web.ledger import two_person_views

app_name = "ledger"
urlpatterns = [path("requests/", two_person_views.two_person_requests, name="requests")]
