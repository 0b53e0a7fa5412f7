"""Users, roles, sites, ethics approvals, delegation log, sign-in."""
