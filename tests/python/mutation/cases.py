"""The shops in which mutants have to show themselves, and which of their columns somebody else has computed as well."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
from project.harness import Project, Shop, Warehouse
from project.random_loads import RandomShop
from project.stand_ins import given_intent
from reference import compute, differences
from reference.agreement import KEYS, NOT_COMPARED, RELATIONS
from reference.calendar_days import day_number
from reference.predictions import read_predictions
from reference.rules import Rules
from reference.seeds import read_seeds

from . import shops
from .check import Case
from .hand_made import AS_OF, PREDICTED
from .reasons import ReasonWriter

REASONS = {
    "customer_rfm": "rfm_tier_reason",
    "customer_lifecycle": "lifecycle_reason",
    "customer_importance": "importance_reason",
    "customer_personas": "persona_reason",
    "customer_types": "customer_type_reason",
    "customer_ad_segments": "ad_segment_reason",
}

FLAGS = {
    "is_best_customer": "best_customers",
    "is_sale_shopper": "sale_shoppers",
    "is_full_price_shopper": "full_price_shoppers",
    "is_gift_buyer": "gift_buyers",
    "is_disengaged": "disengaged",
    "is_peak_season_buyer": "peak_season_buyers",
    "is_likely_to_buy_30d": "likely_to_buy_30d",
    "is_likely_high_order_value": "likely_high_order_value",
}

# The vars of the second compilation: what is read only under them can show itself only there.
OTHER_VARS = {
    "customer_type_value": "margin",
    "just_passing_from_days": 200,
    "best_customer_orders": 3,
    "sale_shopper_orders": 1,
    "disengaged_emails": 1,
    "peak_season_orders": 3,
}

DATABASE_FILE = "regulars.duckdb"

RANDOM_SHOPS = {5: (150, "2025-02-01"), 9: (150, "2025-06-20"), 13: (250, "2025-04-01")}


def hand_made_shops() -> dict[str, Shop]:
    """The boundary shops, the ones that notice most first."""
    return {
        "rhythms": shops.rhythms(),
        "ranks of 21": shops.ranks(21),
        "discounts": shops.discounts(),
        "won back": shops.won_back(),
        "peaks": shops.peaks(2022, 2023),
        # The first Thursday of these years is the first and the seventh of January.
        "peaks of other years": shops.peaks(2015, 2021),
        # Week 39 ends on the last of September, then two days before it; and on the first of October in both.
        "peaks before October": shops.peaks(2018, 2019),
        "peaks in October": shops.peaks(2017, 2023),
        "fast": shops.fast(),
        "no mail": shops.no_mail(),
        "nothing lately": shops.nothing_lately(),
        "edge of the year": shops.edge_of_the_year(),
        "first gap": shops.first_gap(),
        "thirtieth gap": shops.thirtieth_gap(),
        "29 gaps": shops.many_gaps(29, 10),
        "30 gaps": shops.many_gaps(30, 15),
        "31 gaps": shops.many_gaps(31, 15),
        "ranks of 28": shops.ranks(28),
        "top fifth": shops.top_fifth(),
        "one buyer": shops.few(1),
        "one loyal buyer": shops.few(2),
        "two buyers": shops.few(1, 3),
        "rising to her own": shops.sliding("2", "8", "10", "12"),
        "falling to her own": shops.sliding("18", "12", "10", "8"),
        "rising from her own": shops.sliding("6", "12", "10", "12"),
        "falling from her own": shops.sliding("14", "8", "10", "8"),
        "half a unit": shops.half_a_unit("10.0003", "10.0001", "10.0002", "10"),
        "half a unit later": shops.half_a_unit("10.0004", "10.0001", "10.0002"),
        "full price": shops.full_price(),
        "expected": shops.expected(),
        # What is left of a mean in whole millionths is less than her own chance, and she is alone all the same.
        "one prediction": shops.likely(0.1234564),
        "two predictions": shops.likely(0.1, 0.3),
        # The fifth of six has a percent rank of just .8, and the mean of all: no more than it, a hair more.
        "as likely as all": shops.likely(0.1, 0.1, 0.1, 0.1, 0.2, 0.6),
        "hardly likelier": shops.likely(0.1, 0.1, 0.1, 0.099999, 0.2, 0.6),
        # The fourth is above the mean as well, and that is not enough; 61.249 and 30.749 are 61.2 and 30.7 percent.
        "four likely": shops.likely(0.01, 0.01, 0.01, 0.5, 0.61249, 0.70245),
        "equally likely": shops.likely(0.3, 0.3, 0.3),
    }


Job = Callable[[Project, Path], Case]
"""Builds one case in a folder."""


def default_jobs(sample: Path, sample_as_of: str) -> list[Job]:
    """Every case of the default vars, the ones that take longest first."""
    jobs: list[Job] = [
        partial(against_reference, name="sample", shop=sample, as_of=sample_as_of, makes_up_predictions=True),
        *(partial(random_shop, seed=seed) for seed in RANDOM_SHOPS),
        *(partial(against_reference, name=name, shop=shop) for name, shop in hand_made_shops().items()),
        partial(against_reference, name="season", shop=shops.season(), seasons=shops.SEASON),
    ]
    # Shops with a memory of past builds, many customers and one alone.
    alone = {table: rows for table, rows in shops.few(2).items() if table != "customers"}
    jobs.append(partial(history, name="history", shop=shops.few(2, 2, 2, 2), stays=STAYS, expected=CHANGES))
    jobs.append(partial(history, name="history of one", shop=alone, stays=STAYS[:3], expected={"b0": CHANGES["b0"]}))
    return jobs


def other_jobs() -> list[Job]:
    """The cases of the other vars."""
    shops_by_name = hand_made_shops()
    wanted = ("rhythms", "half a unit", "half a unit later", *(name for name in shops_by_name if " her own" in name))
    return [
        margins,
        *(
            partial(against_reference, name=f"{name}, other vars", shop=shop, variables=OTHER_VARS)
            for name, shop in {
                "margin halves": shops.margin_halves(),
                **{name: shops_by_name[name] for name in wanted},
            }.items()
        ),
    ]


def build_cases(project: Project, jobs: Sequence[Job], folder: Path, processes: int = 2) -> list[Case]:
    """Do the jobs."""
    folders = [folder / f"case-{number}" for number in range(len(jobs))]
    with ProcessPoolExecutor(processes) as pool:
        return list(pool.map(_do, jobs, [project] * len(jobs), folders))


def _do(job: Job, project: Project, folder: Path) -> Case:
    folder.mkdir(parents=True)
    return job(project, folder)


def margins(project: Project, folder: Path) -> Case:
    """Value by margin, with the reasons written down by hand."""
    case = against_reference(project, folder, name="margins", shop=shops.margins(), variables=OTHER_VARS)
    found = _rows(case.path, "select customer_id, customer_type_reason from marts.customer_types")
    assert dict(found) == shops.MARGIN_REASONS
    known = dict(case.known_columns)
    for mart in ("customer_types", "customer_segments"):
        known[mart] = (*known[mart], "customer_type_reason")
    return replace(case, known_columns=known)


def random_shop(project: Project, folder: Path, *, seed: int) -> Case:
    """A shop that nobody thought about."""
    size, as_of = RANDOM_SHOPS[seed]
    shop = RandomShop(seed)
    shop.load(size)
    rows = {table: list(found.values()) for table, found in shop.rows.items()}
    return against_reference(project, folder, name=f"random {seed}", shop=rows, as_of=as_of, makes_up_predictions=True)


# Customer, tier, tier before, day: what earlier builds have written down. Expected: the newest change as of the date.
Stays = Sequence[tuple[str, str, str | None, str]]
STAYS: Stays = (
    ("b0", "active", None, "2024-01-01"),
    ("b0", "loyal", "active", "2024-02-01"),
    ("b0", "at_risk", "loyal", "2024-03-01"),
    ("b1", "active", None, "2024-01-01"),
    ("b2", "loyal", None, "2024-01-01"),
    ("b2", "active", "loyal", AS_OF),
    ("b3", "active", None, "2024-01-01"),
    ("b3", "dormant", "active", "2024-02-01"),
    ("b3", "loyal", "dormant", "2024-07-01"),
    ("gone", "loyal", None, "2024-01-01"),
    ("gone", "dormant", "loyal", "2024-02-01"),
)
CHANGES: dict[str, tuple[str | None, str | None]] = {
    "b0": ("loyal", "2024-03-01"),
    "b1": (None, None),
    "b2": ("loyal", AS_OF),
    "b3": ("active", "2024-02-01"),
    "looker": (None, None),
}


def history(
    project: Project,
    folder: Path,
    *,
    name: str,
    shop: Shop,
    stays: Stays,
    expected: dict[str, tuple[str | None, str | None]],
) -> Case:
    """A shop whose builds have a past, which nobody can compute a second time: written down by hand."""
    values = ", ".join(
        f"('{customer}', '{tier}', {_quoted(before)}, date '{on}')" for customer, tier, before, on in stays
    )
    select = f"select * from (values {values}) as stays (customer_id, rfm_tier, previous_rfm_tier, entered_on)"
    known = ("customer_id", "previous_rfm_tier", "rfm_tier_changed_on")
    marts = {"customer_rfm": known, "customer_segments": known}
    warehouse = Warehouse(project, folder / DATABASE_FILE, only_tables=True)
    warehouse.fill(shop)
    warehouse.build(AS_OF)
    given = "int_rfm_tier_stays"
    warehouse.connection.execute(f"create or replace table {project.by_name[given].relation} as {select}")
    warehouse.build(AS_OF, project.consumers(given))
    warehouse.close()
    for mart in marts:
        found = _rows(folder / DATABASE_FILE, f"select {', '.join(known)} from marts.{mart}")
        assert {row[0]: (row[1], row[2] and str(row[2])) for row in found} == expected
    return Case(name, folder / DATABASE_FILE, AS_OF, known_columns=marts, given_models=frozenset({given}))


def against_reference(
    project: Project,
    folder: Path,
    *,
    name: str,
    shop: Shop | Path,
    as_of: str = AS_OF,
    seasons: Sequence[dict[str, str]] = (),
    variables: dict[str, Any] | None = None,
    makes_up_predictions: bool = False,
) -> Case:
    """A case whose unchanged marts agree with the reference in every column the reference has, in every reason, and in
    every flag of an ad segment.

    Parameters
    ----------
    shop: its landing rows, or a database file that has them.
    seasons: rows of the seed peak_seasons.
    variables: the vars the project was compiled with.
    makes_up_predictions: for some of its customers; otherwise there are those that the shop says.

    Raises
    ------
    AssertionError: where they do not; nothing could be learned from such a shop.
    """
    path = folder / DATABASE_FILE
    if not makes_up_predictions:
        rows = [] if isinstance(shop, Path) else shop.get(PREDICTED, [])
        project = project.with_sql(PREDICTED, given_intent(rows))
    _build(project, path, shop, as_of, seasons)
    wide = [column for column, *_ in _rows(path, "describe marts.customer_segments")]

    seeds = read_seeds()
    if seasons:
        ends = {
            end: [day_number(datetime.date.fromisoformat(row[end])) for row in seasons]
            for end in ("starts_on", "ends_on")
        }
        seeds["peak_seasons"] = pd.DataFrame(ends)
    frames = compute(path, as_of, seeds=seeds, **(variables or {}))
    found = differences(frames, path)
    # What customer types say of a margin is written down by hand (`margins`).
    with_reasons = {mart: column for mart, column in REASONS.items() if not variables or mart != "customer_types"}
    created_on = dict(_rows(path, "select customer_id, created_on from marts.customer_facts"))
    with duckdb.connect(str(path), read_only=True) as connection:
        predictions = read_predictions(connection)
    written = ReasonWriter(frames, predictions, as_of, created_on, Rules.from_vars(variables or {})).all()
    for mart, column in with_reasons.items():
        listed = ", ".join([*KEYS.get(mart, ["customer_id"]), column])
        for *key, reason in _rows(path, f"select {listed} from marts.{mart}"):
            expected = written[mart].get(key[0] if len(key) == 1 else tuple(key))
            if reason != expected:
                found.append(f"{mart} {key}: {reason!r} should read {expected!r}")
    found += _flag_differences(frames, predictions, path)
    if found:
        raise AssertionError(f"shop {name!r} as of {as_of}: not what the reference says\n" + "\n".join(found[:10]))
    known = _known_columns(frames, wide, with_reasons)
    return Case(name, path, as_of, known_columns=known)


def _build(project: Project, path: Path, shop: Shop | Path, as_of: str, seasons: Sequence[dict[str, str]]) -> None:
    warehouse = Warehouse(project, path, only_tables=True)
    if isinstance(shop, Path):
        warehouse.copy_landing(shop)
    else:
        warehouse.fill(shop)
    for season in seasons:
        warehouse.connection.execute(
            f"insert into seeds.peak_seasons ({', '.join(season)}) values ({', '.join('?' for _ in season)})",
            list(season.values()),
        )
    warehouse.build(as_of)
    warehouse.close()


def _rows(path: Path, statement: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(statement).fetchall()


def _flag_differences(frames: dict[str, pd.DataFrame], predictions: pd.DataFrame, path: Path) -> list[str]:
    """Where a flag of the wide table does not say what the reference's ad segments say."""
    members = {
        segment: set(found) for segment, found in frames["customer_ad_segments"].groupby("ad_segment")["customer_id"]
    }
    facts = frames["customer_facts"]
    predicted = set(facts.loc[facts["order_count"] > 0, "customer_id"]) & set(predictions.index)
    found = []
    for flag, segment in FLAGS.items():
        for customer, stands in _rows(path, f"select customer_id, {flag} from marts.customer_segments"):
            is_unknown = segment.startswith("likely_") and customer not in predicted
            expected = None if is_unknown else customer in members.get(segment, ())
            if stands != expected:
                found.append(f"customer_segments {customer}: {flag} is {stands}, should be {expected}")
    return found


def _known_columns(
    frames: dict[str, pd.DataFrame], wide: Sequence[str], reasons: Mapping[str, str]
) -> dict[str, tuple[str, ...]]:
    known: dict[str, tuple[str, ...]] = {}
    for name, frame in frames.items():
        model = RELATIONS.get(name, name).rpartition(".")[2]
        known[model] = tuple(column for column in frame.columns if column not in NOT_COMPARED.get(name, []))
        if name in reasons:
            known[model] = (*known[model], reasons[name])
    of_customers = {
        column for name in frames if KEYS.get(name, ["customer_id"]) == ["customer_id"] for column in known[name]
    }
    # The flags of the wide table say what the reference's ad segments say, one customer at a time (`FLAGS`).
    flags = {column for column in wide if column.startswith("is_")}
    known["customer_segments"] = tuple(column for column in wide if column in of_customers | flags)
    return known


def _quoted(text: str | None) -> str:
    return "null" if text is None else f"'{text}'"
