"""One builder for each part of the report: values of the trial -> blocks."""
