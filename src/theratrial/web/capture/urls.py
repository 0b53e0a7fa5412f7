"""Addresses of this app."""

from django.urls import URLPattern

from theratrial.web.capture import form_urls

app_name = "capture"
urlpatterns: list[URLPattern] = [
    *form_urls.urlpatterns,
]
