"""Uncertainty from outline to BED after the EANM guidance of 2018, by contribution (docs/methods/uncertainty.md)."""
