"""Django's entry for this app."""

from django.apps import AppConfig


class ResultsConfig(AppConfig):
    name = "theratrial.web.results"
    label = "results"
    default_auto_field = "django.db.models.BigAutoField"
