"""Audiences as code: what there is, a new one, what a change does to them, and how they were in the past."""
