"""Django's entry for this app."""

from django.apps import AppConfig


class DicomNodeConfig(AppConfig):
    name = "theratrial.web.dicom_node"
    label = "dicom_node"
    default_auto_field = "django.db.models.BigAutoField"
