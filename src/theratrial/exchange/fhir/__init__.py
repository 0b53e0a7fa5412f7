"""The trial as FHIR R5: one Bundle with the study, who may join, and the plan of what is done when."""

from theratrial.exchange.fhir.bundle import fhir_bundle, fhir_json

__all__ = ["fhir_bundle", "fhir_json"]
