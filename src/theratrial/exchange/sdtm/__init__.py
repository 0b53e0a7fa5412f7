"""SDTM (SDTMIG 3.4): the records and results of a trial as the data sets that regulators take."""
