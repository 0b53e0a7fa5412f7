"""Radiation protection at discharge: dose rates around a treated patient, release, contact restrictions."""
