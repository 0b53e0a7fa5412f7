"""Django's entry for this app."""

from django.apps import AppConfig


class ExportsConfig(AppConfig):
    name = "theratrial.web.exports"
    label = "exports"
    default_auto_field = "django.db.models.BigAutoField"
