"""Doses, gates, responses, endpoints: computed in the background, reviewed, signed."""
