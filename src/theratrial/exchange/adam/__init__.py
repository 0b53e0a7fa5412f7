"""Analysis data sets in the shape of ADaM (ADaMIG 1.3): from results to records that are traceable to SDTM."""
