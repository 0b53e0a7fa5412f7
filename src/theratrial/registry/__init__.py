"""The registration record of a trial: content and both calendars of its dates."""
