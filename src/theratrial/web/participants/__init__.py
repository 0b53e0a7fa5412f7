"""Screening, consent, eligibility, schedule, visits."""
