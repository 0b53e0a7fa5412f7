"""The documents of the trial: clinical study report (ICH E3), statistical analysis plan, data-safety report."""
