"""The compiled SQL and the independent reference agree on random shops: merged people, refunds, currencies."""

from __future__ import annotations

import datetime
import random

import pytest
from reference import compute, differences

from .compiled import compiled_project
from .harness import Warehouse
from .random_loads import DAYS, FIRST_DAY, RandomShop

OTHER_VARS = {
    "customer_type_value": "margin",
    "just_passing_from_days": 200,
    "aov_window_days": 120,
    "slipping_ratio": 1.5,
    "frequent_engagements": 2,
    "recent_engagement_days": 45,
}


@pytest.mark.parametrize("seed", range(100, 106))
@pytest.mark.parametrize("variables", [{}, OTHER_VARS], ids=["default vars", "other vars"])
def test_reference_and_compiled_sql_agree(tmp_path, seed, variables):
    shop = RandomShop(seed)
    chance = random.Random(seed)
    shop.load(chance.choice([60, 120, 200]))
    as_of = str(FIRST_DAY + datetime.timedelta(days=chance.randrange(250, DAYS + 300)))
    path = tmp_path / "regulars.duckdb"
    warehouse = Warehouse(compiled_project(**variables), path)
    warehouse.fill({table: list(rows.values()) for table, rows in shop.rows.items()})
    warehouse.build(as_of)
    warehouse.close()
    assert differences(compute(path, as_of, **variables), path) == []
