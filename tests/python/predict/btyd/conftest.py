"""The CDNOW sample, and simulated shops that several tests look at."""

from dataclasses import dataclass

import pandas as pd
import pytest
from conftest import real_data

from predict.btyd.simulate import Simulated, simulate
from regulars.predict.btyd import bgnbd, mbgnbd
from regulars.predict.btyd.geometric import Parameters
from regulars.predict.btyd.statistics import Floats, Histories, Ints, histories_of

CALIBRATION_END = pd.Timestamp("1997-09-30")


@dataclass(frozen=True)
class Cdnow:
    """2,357 customers who first bought in early 1997; one customer-day is one order."""

    histories: Histories
    """By the end of the 39th week, 1997-09-30, the calibration period of the papers."""
    orders_after: Ints
    """Order days in the 39 weeks after it."""
    repeat_count: Ints
    """Repeat orders in the calibration period and their mean amount, of those who have one."""
    repeat_mean: Floats


@pytest.fixture(scope="session")
def cdnow() -> Cdnow:
    lines = pd.read_parquet(real_data("cdnow_sample.parquet"))
    lines["day"] = pd.to_datetime(lines["order_date"])
    days = lines.groupby(["customer_id", "day"], as_index=False)["amount"].sum()
    known = days[days["day"] <= CALIBRATION_END]
    first = known.groupby("customer_id")["day"].min()
    last = known.groupby("customer_id")["day"].max()
    repeats = known[known["day"] > known["customer_id"].map(first)].groupby("customer_id")["amount"]
    later = days[days["day"] > CALIBRATION_END].groupby("customer_id").size()
    return Cdnow(
        histories_of(
            known.groupby("customer_id").size().to_numpy() - 1,
            (last - first).dt.days.to_numpy(),
            (CALIBRATION_END - first).dt.days.to_numpy(),
        ),
        later.reindex(first.index, fill_value=0).to_numpy(),
        repeats.size().to_numpy(),
        repeats.mean().to_numpy(),
    )


TRUE_MODELS = {
    "bgnbd": bgnbd.parameters_of(0.6, 900.0, 0.8, 2.5),
    "mbgnbd": mbgnbd.parameters_of(0.9, 700.0, 0.7, 2.0),
}


@pytest.fixture(scope="session", params=list(TRUE_MODELS))
def shop(request: pytest.FixtureRequest) -> tuple[Parameters, Simulated]:
    """200,000 customers of each model, and the parameters that made them."""
    true = TRUE_MODELS[request.param]
    return true, simulate(true, 200_000, longest_age_days=5_000, horizon_days=2_000.0, seed=11)
