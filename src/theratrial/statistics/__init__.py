"""Endpoints as numbers: proportions with their intervals, and what they mean for n."""

from theratrial.statistics.intervals import METHODS
from theratrial.statistics.proportion import Proportion, one_sided_bound, proportion
from theratrial.statistics.survival import KaplanMeier, kaplan_meier, reverse_kaplan_meier
from theratrial.statistics.wording import proportion_in_plain_words, proportion_sentence

__all__ = [
    "METHODS",
    "KaplanMeier",
    "Proportion",
    "kaplan_meier",
    "one_sided_bound",
    "proportion",
    "proportion_in_plain_words",
    "proportion_sentence",
    "reverse_kaplan_meier",
]
