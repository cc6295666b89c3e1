"""A made-up shop of any size, the same for the same seed, with its true parameters beside it."""
