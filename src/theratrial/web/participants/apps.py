"""Django's entry for this app."""

from django.apps import AppConfig


class ParticipantsConfig(AppConfig):
    name = "theratrial.web.participants"
    label = "participants"
    default_auto_field = "django.db.models.BigAutoField"
