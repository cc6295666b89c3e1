"""What a window says about predictions of it, and the simple rules that everything else must beat."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

import duckdb
import numpy as np
import numpy.typing as npt

from regulars.predict import metrics
from regulars.predict.affinity.metrics import area_under_curve, lift

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LEAST_EXPECTED_IN_GROUP = 200
"""Expected buyers from which a tenth of the customers is judged: with fewer, chance alone is 7 % and more."""
LEAST_ITEM_BUYERS = 10
PLACES = 10
RECENCY_GROUPS = 20

Figures = dict[str, float | None]
Reasons = dict[str, str]


@dataclass
class Measured:
    """Figures by name, and why where there is none."""

    figures: Figures = field(default_factory=dict)
    reasons: Reasons = field(default_factory=dict)

    def set(self, name: str, value: float, why_not: str = "not a number: nothing to measure it on") -> None:
        """A figure, or null with a reason where it is no number."""
        if np.isfinite(value):
            self.figures[name] = float(value)
        else:
            self.miss(name, why_not)

    def miss(self, name: str, reason: str) -> None:
        """No figure, and why."""
        self.figures[name] = None
        self.reasons[name] = reason


@dataclass(frozen=True)
class Customers:
    """All n earlier buyers, sorted by id: what they did before, and within each horizon after, the as-of date."""

    ids: npt.NDArray[np.object_]
    order_days: Floats
    age_days: Floats
    recency_days: Floats
    mean_amount: Floats
    orders: dict[int, Floats]
    """By horizon; also by minus the horizon: of those before as-of − horizon, in the window that ends at as-of."""
    revenue: dict[int, Floats]
    days_to_next: dict[int, Floats]
    """NaN where she did not buy."""
    earlier_recency_days: dict[int, Floats]
    """At as-of − horizon; NaN where she had not bought by then."""

    def __len__(self) -> int:
        return len(self.ids)


@dataclass
class Predictions:
    """What a peer says of the n customers; missing entries are not measured."""

    probability: dict[int, Floats] = field(default_factory=dict)
    score: dict[int, Floats] = field(default_factory=dict)
    """Ranks customers; the probability where it is absent."""
    orders: Floats | None = None
    revenue: Floats | None = None
    days_to_next: Floats | None = None
    """Given that she buys within 90 days."""


def customers_of(connection: duckdb.DuckDBPyConnection, as_of: date, horizons: Iterable[int]) -> Customers:
    """From the table ``lines`` (customer_id, ordered_on, paid)."""
    wanted = sorted(set(horizons) | {30, 90})
    windows = ",".join(
        f"""
        count(*) filter (ordered_on >= as_of and ordered_on < as_of + {h}) as orders_{h},
        coalesce(sum(paid) filter (ordered_on >= as_of and ordered_on < as_of + {h}), 0) as revenue_{h},
        min(ordered_on - as_of) filter (ordered_on >= as_of and ordered_on < as_of + {h}) as days_{h},
        count(*) filter (ordered_on >= as_of - {h} and ordered_on < as_of) as orders_before_{h},
        min(as_of - {h} - ordered_on) filter (ordered_on < as_of - {h}) as recency_before_{h},
        min(ordered_on - (as_of - {h})) filter (ordered_on >= as_of - {h} and ordered_on < as_of) as days_before_{h}
        """
        for h in wanted
    )
    rows = connection.execute(
        f"""
        with days as (
            select customer_id, ordered_on, sum(paid) as paid, date '{as_of}' as as_of
            from lines group by customer_id, ordered_on
        )
        select customer_id,
            count(*) filter (ordered_on < as_of) as order_days, max(as_of - ordered_on) as age_days,
            min(as_of - ordered_on) filter (ordered_on < as_of) as recency_days,
            avg(paid) filter (ordered_on < as_of) as mean_amount, {windows}
        from days group by customer_id having count(*) filter (ordered_on < as_of) > 0 order by customer_id
        """
    ).fetchnumpy()

    def number(name: str) -> Floats:
        return np.ma.filled(rows[name].astype(np.float64), np.nan)

    return Customers(
        ids=np.asarray(rows["customer_id"], dtype=object),
        order_days=number("order_days"),
        age_days=number("age_days"),
        recency_days=number("recency_days"),
        mean_amount=number("mean_amount"),
        orders={h: number(f"orders_{h}") for h in wanted} | {-h: number(f"orders_before_{h}") for h in wanted},
        revenue={h: number(f"revenue_{h}") for h in wanted},
        days_to_next={h: number(f"days_{h}") for h in wanted} | {-h: number(f"days_before_{h}") for h in wanted},
        earlier_recency_days={h: number(f"recency_before_{h}") for h in wanted},
    )


def by_recency(customers: Customers) -> Predictions:
    """As many as of those as long silent came in the window before; the date: that window's middle for everybody."""
    found = Predictions()
    for horizon, earlier in customers.earlier_recency_days.items():
        found.score[horizon] = -customers.recency_days
        known = np.isfinite(earlier)
        came = customers.orders[-horizon][known]
        if not known.any():
            continue
        edges = np.unique(np.quantile(earlier[known], np.linspace(0, 1, RECENCY_GROUPS + 1)[1:-1]))
        group, now = (np.searchsorted(edges, days, side="left") for days in (earlier[known], customers.recency_days))
        size = np.bincount(group, minlength=len(edges) + 1)

        def share(amount: Floats, group: Ints = group, size: Ints = size, now: Ints = now) -> Floats:
            # One customer like all of them is added: no group says never or always.
            total = np.bincount(group, amount, minlength=len(size)) + amount.mean()
            return np.asarray(total / (size + 1))[now]

        found.probability[horizon] = share((came > 0).astype(float))
        if horizon == 90:
            found.orders = share(came)
            found.revenue = found.orders * customers.mean_amount.mean()
            days = customers.days_to_next[-horizon][known]
            if np.isfinite(days).any():
                found.days_to_next = np.full(len(customers), np.nanmedian(days))
    return found


def by_own_frequency(customers: Customers) -> Predictions:
    """Her own order days per day since her first, for ever; the date: her last order and mean gap, within 90 days."""
    found = Predictions()
    for horizon in customers.earlier_recency_days:
        expected = customers.order_days / np.maximum(customers.age_days, horizon) * horizon
        found.probability[horizon] = -np.expm1(-expected)
        found.score[horizon] = expected
        if horizon == 90:
            found.orders = expected
            found.revenue = expected * customers.mean_amount
    gap = (customers.age_days - customers.recency_days) / np.maximum(customers.order_days - 1, 1)
    gap = np.where(customers.order_days > 1, gap, 90.0)
    found.days_to_next = np.clip(gap - customers.recency_days, 0, 89)
    return found


def intent_figures(customers: Customers, predictions: Predictions, horizon: int) -> Measured:
    """Of one horizon; names without it."""
    found = Measured()
    came = customers.orders[horizon]
    bought = (came > 0).astype(np.float64)
    probability = predictions.probability.get(horizon)
    score = predictions.score.get(horizon, probability)
    if score is None or not np.isfinite(score).any():
        found.miss("auc", "no score")
    else:
        found.set("auc", metrics.area_under_curve(bought, _lowest_where_missing(score)), "all or none bought")
    names = ("log_loss", "calibration_error", "mean_probability", "group_error")
    known = np.isfinite(probability) if probability is not None else np.zeros(len(bought), dtype=bool)
    if probability is None or not known.any():
        for name in names:
            found.miss(name, "no probability")
    else:
        found.set("log_loss", metrics.log_loss(bought[known], probability[known]))
        found.set("calibration_error", metrics.calibration_error(bought[known], probability[known]))
        found.set("mean_probability", float(probability[known].mean()))
        found.set(
            "group_error",
            worst_group(bought[known], probability[known]),
            f"no tenth of the customers has {LEAST_EXPECTED_IN_GROUP} expected buyers",
        )
    if horizon != 90:
        return found
    _amounts(found, "orders", came, predictions.orders)
    _amounts(found, "revenue", customers.revenue[horizon], predictions.revenue)
    days = predictions.days_to_next
    told = (bought > 0) & np.isfinite(days) if days is not None else np.zeros(len(bought), dtype=bool)
    if days is None or not told.any():
        found.miss("next_order_mae_days", "no date" if days is None or bought.any() else "nobody bought")
        found.miss("next_order_told_share", "no date")
    else:
        found.set("next_order_mae_days", float(np.abs(days - customers.days_to_next[horizon])[told].mean()))
        found.set("next_order_told_share", float(told.sum() / bought.sum()))
    return found


def worst_group(bought: Floats, probability: Floats) -> float:
    """Largest |bought ÷ expected − 1| of tenths by probability with 200 expected buyers; NaN where none has."""
    groups = np.array_split(np.argsort(probability, kind="stable"), 10)
    errors = [
        abs(float(bought[group].sum() / probability[group].sum()) - 1)
        for group in groups
        if probability[group].sum() >= LEAST_EXPECTED_IN_GROUP
    ]
    return max(errors, default=float("nan"))


def _amounts(found: Measured, what: str, actual: Floats, expected: Floats | None) -> None:
    names = ("rmse", "bias") if what == "orders" else ("gini", "bias")
    known = np.isfinite(expected) if expected is not None else np.zeros(len(actual), dtype=bool)
    if expected is None or not known.any():
        for name in names:
            found.miss(f"{what}_{name}", f"no expected {what}")
        return
    if what == "orders":
        found.set("orders_rmse", metrics.root_mean_square_error(actual[known], expected[known]))
    else:
        found.set("revenue_gini", metrics.normalised_gini(actual[known], expected[known]), "no revenue in the window")
    found.set(f"{what}_bias", metrics.total_bias(actual[known], expected[known]), "nothing came in the window")


def _lowest_where_missing(score: Floats) -> Floats:
    lowest = float(np.nanmin(score))
    return np.where(np.isfinite(score), score, lowest - 1)


# -- items ------------------------------------------------------------------------------------------------------------
def make_item_tables(connection: duckdb.DuckDBPyConnection, as_of: date, horizon: int) -> dict[str, int]:
    """From ``item_days``: tables ``owned``, ``known_items`` and ``targets`` (customer_id, item, is_known, is_new)."""
    connection.execute(
        f"""
        create or replace temp table owned as
        select customer_id, item, count(*) as days, max(ordered_on) as last_on
        from item_days where ordered_on < date '{as_of}' group by all;
        create or replace temp table known_items as
        select item, count(*) filter (ordered_on >= date '{as_of}' - 30) as sold_30d, count(*) as sold
        from item_days where ordered_on < date '{as_of}' group by item;
        create or replace temp table targets as
        select days.customer_id, days.item, known_items.item is not null as is_known, owned.item is null as is_new
        from (
            select distinct customer_id, item from item_days
            where ordered_on >= date '{as_of}' and ordered_on < date '{as_of}' + {horizon}
        ) as days
        semi join (select distinct customer_id from lines where ordered_on < date '{as_of}') as before
            on days.customer_id = before.customer_id
        left join known_items on days.item = known_items.item
        left join owned on days.customer_id = owned.customer_id and days.item = owned.item
        """
    )
    row = connection.execute(
        """
        select (select count(*) from known_items), count(*), count(*) filter (not is_known),
            count(distinct customer_id), count(distinct customer_id) filter (is_known),
            count(distinct customer_id) filter (is_known and is_new)
        from targets
        """
    ).fetchone()
    assert row is not None
    names = (
        "items_before", "targets", "targets_of_unknown_items", "buyers", "buyers_of_known_items", "buyers_of_new_items",
    )  # fmt: skip
    return dict(zip(names, row, strict=True))


def make_simple_lists(connection: duckdb.DuckDBPyConnection) -> None:
    """``frequency_top``, ``frequency_new``, ``popularity_top`` and ``popularity_new`` (customer_id, item, place)."""
    for rule, order in {
        "frequency": "days desc, sold_30d desc, sold desc, item",
        "popularity": "sold_30d desc, sold desc, item",
    }.items():
        connection.execute(
            f"""
            create or replace temp table {rule}_top as
            with popular as (
                select *, 0 as days from known_items order by sold_30d desc, sold desc, item limit {PLACES}
            ), candidates as (
                select buyers.customer_id, item, sold_30d, sold, 0 as days
                from (select distinct customer_id from targets) as buyers cross join popular
                {
                "union all select customer_id, item, sold_30d, sold, days from owned join known_items using (item) "
                "semi join targets using (customer_id)"
                if rule == "frequency"
                else ""
            }
            ), best as (
                select customer_id, item, max(days) as days, any_value(sold_30d) as sold_30d, any_value(sold) as sold
                from candidates group by customer_id, item
            )
            select customer_id, item, row_number() over (partition by customer_id order by {order}) as place
            from best qualify place <= {PLACES}
            """
        )
    # What she never bought, by either rule: the most popular of it.
    connection.execute(
        f"""
        create or replace temp table popularity_new as
        with most as (
            select least(coalesce(max(items), 0), 1000) + {PLACES} as items
            from (select count(*) as items from owned semi join targets using (customer_id) group by customer_id)
        ), popular as (
            select item, row_number() over (order by sold_30d desc, sold desc, item) as popularity
            from known_items qualify popularity <= (select items from most)
        )
        select buyers.customer_id, popular.item,
            row_number() over (partition by buyers.customer_id order by popularity) as place
        from (select distinct customer_id from targets where is_new and is_known) as buyers cross join popular
        anti join owned on buyers.customer_id = owned.customer_id and popular.item = owned.item
        qualify place <= {PLACES};
        create or replace temp view frequency_new as select * from popularity_new
        """
    )


def list_figures(connection: duckdb.DuckDBPyConnection, top: str, new: str) -> Measured:
    """Of two tables or queries with (customer_id, item, place): the best ten, and the best ten she never bought."""
    found = Measured()
    ideal = np.cumsum(1 / np.log2(np.arange(2, PLACES + 2))).tolist()
    for prefix, source, condition in (
        ("known", top, "is_known"),
        ("all", top, "true"),
        ("new", new, "is_known and is_new"),
    ):
        row = connection.execute(
            f"""
            with wanted as (
                select customer_id, count(*) as items from targets where {condition} group by customer_id
            ), hits as (
                select listed.customer_id, count(*) as hits, sum(1 / log2(listed.place + 1)) as gain
                from ({source}) as listed
                inner join targets on listed.customer_id = targets.customer_id and listed.item = targets.item
                where listed.place <= {PLACES} and {condition} group by listed.customer_id
            )
            select
                avg(coalesce(hits, 0) / items),
                avg(coalesce(gain, 0) / {ideal}[least(items, {PLACES})])
            from wanted left join hits on wanted.customer_id = hits.customer_id
            """
        ).fetchone()
        assert row is not None
        for name, value in zip(("recall_at_10", "ndcg_at_10"), row, strict=True):
            found.set(f"{prefix}_{name}", np.nan if value is None else value, "no earlier buyer bought such an item")
    return found


def asked_items(connection: duckdb.DuckDBPyConnection, most: int) -> tuple[list[str], int]:
    """Known items with ten buyers in the window, at most so many, evenly chosen by id; and how many there are."""
    items = [
        row[0]
        for row in connection.execute(
            f"select item from targets where is_known group by item having count(*) >= {LEAST_ITEM_BUYERS} order by 1"
        ).fetchall()
    ]
    step = -(-len(items) // max(most, 1))
    return items[:: max(step, 1)], len(items)


def buyer_matrix(connection: duckdb.DuckDBPyConnection, customers: Customers, items: list[str]) -> list[Ints]:
    """For each item the positions of its buyers."""
    place = {item: position for position, item in enumerate(items)}
    position = {customer: number for number, customer in enumerate(customers.ids)}
    buyers: list[list[int]] = [[] for _ in items]
    for customer, item in connection.execute("select customer_id, item from targets").fetchall():
        if item in place:
            buyers[place[item]].append(position[customer])
    return [np.array(found, dtype=np.int64) for found in buyers]


def audience_figures(count: int, buyers: list[Ints], scores: Iterable[Floats]) -> Measured:
    """Means over items of how well ``scores`` (n numbers an item, in the order of ``buyers``) rank all n customers."""
    areas, lifts = [], []
    for found, score in zip(buyers, scores, strict=True):
        is_buyer = np.zeros(count, dtype=bool)
        is_buyer[found] = True
        score = _lowest_where_missing(np.asarray(score, dtype=np.float64))
        areas.append(area_under_curve(score, is_buyer))
        lifts.append(lift(score, is_buyer))
    measured = Measured()
    why = f"no item with {LEAST_ITEM_BUYERS} buyers in the window"
    measured.set("audience_auc", float(np.mean(areas)) if areas else np.nan, why)
    measured.set("audience_lift_at_10_percent", float(np.mean(lifts)) if lifts else np.nan, why)
    return measured


def frequency_audiences(
    connection: duckdb.DuckDBPyConnection, customers: Customers, items: list[str]
) -> Iterable[Floats]:
    """On how many days she bought it, then the latest to come."""
    position = {customer: number for number, customer in enumerate(customers.ids)}
    days: dict[str, list[tuple[int, int]]] = {item: [] for item in items}
    for customer, item, count in connection.execute("select customer_id, item, days from owned").fetchall():
        if item in days:
            days[item].append((position[customer], count))
    tie_break = 1 / (2 + customers.recency_days)
    for item in items:
        score = tie_break.copy()
        for customer, count in days[item]:
            score[customer] += count
        yield score
