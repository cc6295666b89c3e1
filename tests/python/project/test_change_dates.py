"""`…_changes_on` is exact: rebuilt as of that date the label is another one, as of every day before it the same.

Nothing happens in between: the rows stay as they are and only the as-of date moves. The orders' own tables then cannot
change, so a later date needs only the models that look at the calendar; one test holds such a rebuild against a whole
one.
`REGULARS_CHANGE_DATES=all` tries every date of the sample shop of 2,000 customers instead of those of 150.
"""

from __future__ import annotations

import datetime
import os
from pathlib import Path

import pytest

from regulars.load.landing import TABLES

from .comparison import assert_same
from .compiled import compiled_project
from .harness import Project, Warehouse
from .random_loads import DAYS, FIRST_DAY, RandomShop
from .test_random_shops_agree import OTHER_VARS

LABELS = {
    "lifecycle_state": "lifecycle_changes_on",
    "persona": "persona_changes_on",
    "customer_type": "customer_type_changes_on",
}
CUSTOMERS = None if os.environ.get("REGULARS_CHANGE_DATES") == "all" else 150
QUIET_DAYS = 1_200

# The same rows before every later date: these models hold the same whatever the date.
FIXED = (
    *("fct_orders", "fct_order_lines", "int_order_days", "int_customer_orders", "customer_category_facts"),
    *("customer_identities", "int_identity_sightings", "int_customer_profiles", "dim_customers", "dim_products"),
    *("int_peak_weeks", "int_customer_peak_orders", "int_typical_gap_by_day", "int_gift_days", "int_acquisition_costs"),
    *("int_order_refunds", "int_line_refunds", "int_foreign_orders", "int_order_line_amounts"),
)
INSTANTS = {
    "orders": "ordered_at",
    "refunds": "refunded_at",
    "customers": "created_at",
    "email_events": "occurred_at",
    "web_events": "occurred_at",
}


class Calendar:
    """One shop of which only the as-of date moves."""

    def __init__(self, warehouse: Warehouse, today: datetime.date) -> None:
        self.warehouse = warehouse
        self.today = today
        for table, column in INSTANTS.items():
            warehouse.connection.execute(f"delete from raw.{table} where {column} >= '{today} 00:00:00+00'")
        warehouse.connection.execute(f"delete from raw.marketing_spend where day >= '{today}'")
        warehouse.build(today)
        wanted = {"customer_lifecycle", "customer_personas", "customer_types"}
        needed = [
            model
            for model in warehouse.project.consumers("int_as_of")
            if model.name in wanted
            or wanted.intersection(user.name for user in warehouse.project.consumers(model.name))
        ]
        self.moving = [
            warehouse.project.by_name["int_as_of"],
            *(model for model in needed if model.name not in FIXED),
        ]
        self.labels_today = self._read(f"{', '.join(LABELS)}, {', '.join(LABELS.values())}")

    def _read(self, columns: str) -> dict[str, tuple[object, ...]]:
        found = self.warehouse.query(
            f"select customer_id, {columns} from marts.customer_lifecycle"
            " inner join marts.customer_personas using (customer_id)"
            " inner join marts.customer_types using (customer_id)"
        )
        return {row[0]: row[1:] for row in found}

    def labels_on(self, day: datetime.date) -> dict[str, tuple[object, ...]]:
        self.warehouse.build(day, self.moving)
        return self._read(", ".join(LABELS))

    def change_dates(self) -> set[datetime.date]:
        return {day for row in self.labels_today.values() for day in row[len(LABELS) :] if day is not None}

    def wrong_on(self, day: datetime.date) -> list[str]:
        """Customers whose label on a day is not what the date of change promises."""
        found = []
        later = self.labels_on(day)
        assert later.keys() == self.labels_today.keys()
        for customer, row in self.labels_today.items():
            for position, label in enumerate(LABELS):
                now, then, changes_on = row[position], later[customer][position], row[len(LABELS) + position]
                if changes_on is not None and changes_on <= self.today:
                    found.append(f"{customer}: {label} {now} was to change on {changes_on}, before {self.today}")
                elif changes_on == day and then == now:
                    found.append(f"{customer}: {label} is still {now} on {day}, the day of change")
                elif (changes_on is None or day < changes_on) and then != now:
                    found.append(f"{customer}: {label} {now} is {then} on {day} already; change promised: {changes_on}")
        return found


def assert_dates_are_exact(calendar: Calendar) -> int:
    dates = calendar.change_dates()
    days = {day for date in dates for day in (date - datetime.timedelta(days=1), date) if day > calendar.today}
    days |= {calendar.today + datetime.timedelta(days=step) for step in range(1, QUIET_DAYS, 170)}
    wrong = [text for day in sorted(days) for text in calendar.wrong_on(day)]
    assert not wrong, "\n".join(wrong[:20])
    return len(dates)


def sample_warehouse(project: Project, path: Path, customers: int | None) -> tuple[Warehouse, datetime.date]:
    """The first customers of the sample shop, with everything that is theirs."""
    warehouse = Warehouse(project, only_tables=True)
    warehouse.copy_landing(path)
    [(newest,)] = warehouse.query(
        "select max(day) from (select max(ordered_at)::date as day from raw.orders"
        " union all select max(occurred_at)::date from raw.email_events"
        " union all select max(occurred_at)::date from raw.web_events)"
    )
    if customers is not None:
        warehouse.connection.execute(
            f"create temp table kept as select customer_id from raw.customers order by customer_id limit {customers}"
        )
        for table in ("orders", "customers", "email_events", "web_events"):
            warehouse.connection.execute(
                f"delete from raw.{table}"
                " where customer_id is null or customer_id not in (select customer_id from kept)"
            )
        for table in ("order_lines", "refunds"):
            warehouse.connection.execute(
                f"delete from raw.{table} where order_id not in (select order_id from raw.orders)"
            )
    return warehouse, newest + datetime.timedelta(days=1)


def test_sample_shop_labels_change_on_the_promised_date_and_not_before(project, built_sample_shop):
    warehouse, today = sample_warehouse(project, built_sample_shop, CUSTOMERS)
    assert assert_dates_are_exact(Calendar(warehouse, today)) > 50
    warehouse.close()


def test_moving_only_the_calendar_models_is_a_whole_rebuild(project, built_sample_shop):
    warehouse, today = sample_warehouse(project, built_sample_shop, 100)
    calendar = Calendar(warehouse, today)
    later = today + datetime.timedelta(days=77)
    moved = calendar.labels_on(later)
    fixed = {name: warehouse.content(warehouse.project.by_name[name].relation) for name in FIXED}
    warehouse.build(later)
    assert calendar._read(", ".join(LABELS)) == moved
    assert_same(fixed, {name: warehouse.content(warehouse.project.by_name[name].relation) for name in FIXED})
    warehouse.close()


@pytest.fixture(scope="module")
def other_shop_project():
    return compiled_project(**OTHER_VARS)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("variables", ["default", "other"])
def test_random_shop_labels_change_on_the_promised_date(project, other_shop_project, seed, variables):
    """Merged people, refunds, currencies, margins: rarer in the sample shop."""
    warehouse = Warehouse(project if variables == "default" else other_shop_project, only_tables=True)
    shop = RandomShop(seed)
    shop.load(200)
    warehouse.fill({table: list(rows.values()) for table, rows in shop.rows.items()})
    assert_dates_are_exact(Calendar(warehouse, FIRST_DAY + datetime.timedelta(days=DAYS - 60 * seed)))
    warehouse.close()


def test_landing_tables_with_an_instant_are_all_cut_at_today():
    dated = {table.name for table in TABLES if any(column.type == "timestamp" for column in table.columns)}
    assert dated == set(INSTANTS) | {"products"}
