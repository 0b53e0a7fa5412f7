"""Plans of a protocol beyond its conduct: further response criteria, toxicity rules, radiation protection, analysis."""
