"""Django's entry for this app."""

from django.apps import AppConfig


class RegistrationConfig(AppConfig):
    name = "theratrial.web.registration"
    label = "registration"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.db.models.signals import post_migrate

        from theratrial.web.registration.taking import taken_over

        post_migrate.connect(taken_over, sender=self, dispatch_uid="registration.taken_over")
