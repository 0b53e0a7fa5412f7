"""The inspector's archive: one sealed file with everything of a trial or of one participant, and what verifies it."""
