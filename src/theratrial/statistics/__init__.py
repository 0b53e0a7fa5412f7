"""Endpoints as numbers: proportions with their intervals, and what they mean for n."""

from theratrial.statistics.proportion import METHODS, Proportion, proportion
from theratrial.statistics.wording import proportion_in_plain_words, proportion_sentence

__all__ = ["METHODS", "Proportion", "proportion", "proportion_in_plain_words", "proportion_sentence"]
