"""Audiences: what there is, what changed, what they brought; membership itself is SQL."""
