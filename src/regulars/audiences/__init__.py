"""Audiences: what they brought, measured against people who were held back."""
