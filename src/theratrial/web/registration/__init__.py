"""The registration record of the trial: its versions, their check, what the record owes to the trial."""
