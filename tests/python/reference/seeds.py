"""The rule tables that people edit, read as CSV from the project's seeds folder."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from .calendar_days import EPOCH

PROJECT = Path(__file__).resolve().parents[3]
WINDOW_SEEDS = ("gift_occasions", "peak_seasons")


def read_seeds(folder: Path | None = None) -> dict[str, pd.DataFrame]:
    """``rfm_tiers``, ``gift_occasions`` and ``peak_seasons``; the windows' ends as day numbers."""
    source = folder or PROJECT / "seeds"
    seeds = {"rfm_tiers": pd.read_csv(source / "rfm_tiers.csv")}
    for name in WINDOW_SEEDS:
        rows = pd.read_csv(source / f"{name}.csv", dtype="str", keep_default_na=False)
        for bound in ("starts_on", "ends_on"):
            rows[bound] = (pd.to_datetime(rows[bound]) - pd.Timestamp(EPOCH)).dt.days.astype("int64")
        seeds[name] = rows
    return seeds
