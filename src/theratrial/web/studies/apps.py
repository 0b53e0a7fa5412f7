"""Django's entry for this app."""

from django.apps import AppConfig


class StudiesConfig(AppConfig):
    name = "theratrial.web.studies"
    label = "studies"
    default_auto_field = "django.db.models.BigAutoField"
