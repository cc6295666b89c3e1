"""Proofs over the whole compiled project: properties, change dates, incremental builds."""
