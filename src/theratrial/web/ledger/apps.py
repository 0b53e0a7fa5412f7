"""Django's entry for this app."""

from django.apps import AppConfig


class LedgerConfig(AppConfig):
    name = "theratrial.web.ledger"
    label = "ledger"
    default_auto_field = "django.db.models.BigAutoField"
