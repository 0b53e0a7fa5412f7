"""Kinetics known of a population, and what a patient's points add to them.

Not imported by `theratrial.dosimetry` itself, since it needs scipy.
"""

from theratrial.dosimetry.population.posterior import PosteriorState, PosteriorTia, posterior_tia
from theratrial.dosimetry.population.prior import KineticPrior, kinetic_prior, prior_names
from theratrial.dosimetry.population.tables import prior_name_for, prior_region_name, reference_mass_g

__all__ = [
    "KineticPrior",
    "PosteriorState",
    "PosteriorTia",
    "kinetic_prior",
    "posterior_tia",
    "prior_name_for",
    "prior_names",
    "prior_region_name",
    "reference_mass_g",
]
