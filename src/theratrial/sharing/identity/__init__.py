"""A trial's records and results with codes, moved dates and no typed words: what every shared document is made from.

Not the documents are cleaned, but what they are made from: the study report, the data sets and the analytic code then
come out without identity by the same programs as at home, and their numbers are the same ones.
"""

from theratrial.sharing.identity.cleaner import Cleaner
from theratrial.sharing.identity.leaks import dates_moved, leaks_in
from theratrial.sharing.identity.records import shared_folder, trial_cleaner
from theratrial.sharing.identity.results import shared_result

__all__ = ["Cleaner", "dates_moved", "leaks_in", "shared_folder", "shared_result", "trial_cleaner"]
