"""Django's entry for this app."""

from django.apps import AppConfig


class CaptureConfig(AppConfig):
    name = "theratrial.web.capture"
    label = "capture"
    default_auto_field = "django.db.models.BigAutoField"
