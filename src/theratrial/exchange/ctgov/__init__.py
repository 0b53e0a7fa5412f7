"""ClinicalTrials.gov's JSON of the v2 interface: a study read into a record, and a record written as a study."""
