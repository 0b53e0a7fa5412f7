"""Django's entry for this app."""

from django.apps import AppConfig


class PharmacyConfig(AppConfig):
    name = "theratrial.web.pharmacy"
    label = "pharmacy"
    default_auto_field = "django.db.models.BigAutoField"
