"""The analytic code of a release: what another group needs to recompute the published tables from the shared ones."""
