"""What is learnt from, and what is held out to judge it."""

from datetime import timedelta

import numpy as np

from regulars.predict.affinity.snapshot import Snapshot


def split(ordered: list[Snapshot], horizon_days: int, seed: int) -> tuple[list[Snapshot], Snapshot]:
    """What to learn from, and what to hold out; ``ordered`` by date, at least one."""
    held_out = ordered[-1]
    learnt = [each for each in ordered[:-1] if each.on + timedelta(days=horizon_days) <= held_out.on]
    if learnt:
        return learnt, held_out
    half = np.random.default_rng(seed).random(len(held_out.customers)) < 0.5
    return [held_out.part(np.flatnonzero(half))], held_out.part(np.flatnonzero(~half))
