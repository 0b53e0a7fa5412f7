"""Django's entry for this app."""

from django.apps import AppConfig


class PeopleConfig(AppConfig):
    name = "theratrial.web.people"
    label = "people"
    default_auto_field = "django.db.models.BigAutoField"
