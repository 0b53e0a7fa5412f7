"""Django's entry for this app."""

from django.apps import AppConfig


class LedgerConfig(AppConfig):
    name = "theratrial.web.ledger"
    label = "ledger"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.core.checks import Tags, register
        from django.db.backends.signals import connection_created
        from django.db.models.signals import post_migrate, pre_migrate

        from theratrial.web.ledger.connection import functions_registered
        from theratrial.web.ledger.triggers import after_migrations, before_migrations, triggers_checked

        connection_created.connect(functions_registered, dispatch_uid="ledger.functions")
        pre_migrate.connect(before_migrations, dispatch_uid="ledger.before_migrations")
        post_migrate.connect(after_migrations, dispatch_uid="ledger.after_migrations")
        register(triggers_checked, Tags.database)
