"""Mutants of policies: which small faults no test would notice."""
