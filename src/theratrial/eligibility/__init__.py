"""Is a participant eligible? Each criterion: met, not met or not known, with the lines it rests on."""

from theratrial.eligibility.criteria import CriterionResult, EligibilityResult, Verdict, eligibility
from theratrial.eligibility.moment import eligibility_moment

__all__ = ["CriterionResult", "EligibilityResult", "Verdict", "eligibility", "eligibility_moment"]
