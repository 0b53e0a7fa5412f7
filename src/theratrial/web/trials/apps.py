"""Django's entry for this app."""

from django.apps import AppConfig


class TrialsConfig(AppConfig):
    name = "theratrial.web.trials"
    label = "trials"
    default_auto_field = "django.db.models.BigAutoField"
