"""The shops in which mutants have to show themselves, and which of their columns somebody else has computed as well."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
from project.harness import Project, Shop, Warehouse
from project.random_loads import RandomShop
from reference import compute, differences
from reference.agreement import KEYS, NOT_COMPARED, RELATIONS
from reference.calendar_days import day_number
from reference.seeds import read_seeds

from regulars.load.landing import TABLES

from . import shops
from .check import Case, build_case
from .hand_made import AS_OF
from .reasons import ReasonWriter

REASONS = {
    "customer_rfm": "rfm_tier_reason",
    "customer_lifecycle": "lifecycle_reason",
    "customer_importance": "importance_reason",
    "customer_personas": "persona_reason",
    "customer_types": "customer_type_reason",
    "customer_ad_segments": "ad_segment_reason",
}

# The vars of the second compilation: what is read only under them can show itself only there.
OTHER_VARS = {"customer_type_value": "margin", "just_passing_from_days": 200}

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
    }


def default_cases(project: Project, sample_shop: Shop, sample_as_of: str, folder: Path) -> list[Case]:
    """Every case of the default vars, each in agreement with the reference."""
    cases = [against_reference(project, name, shop, AS_OF, folder) for name, shop in hand_made_shops().items()]
    cases.append(against_reference(project, "season", shops.season(), AS_OF, folder, seasons=shops.SEASON))
    cases += histories(project)
    for seed, (size, as_of) in RANDOM_SHOPS.items():
        shop = RandomShop(seed)
        shop.load(size)
        rows = {table: list(found.values()) for table, found in shop.rows.items()}
        cases.append(against_reference(project, f"random {seed}", rows, as_of, folder))
    cases.append(against_reference(project, "sample", sample_shop, sample_as_of, folder))
    return cases


def other_cases(project: Project, folder: Path) -> list[Case]:
    """The cases of the other vars."""
    shops_by_name = hand_made_shops()
    wanted = ("rhythms", "half a unit", "half a unit later", *(name for name in shops_by_name if " her own" in name))
    cases = [margins(project, folder)]
    for name, shop in {
        "margin halves": shops.margin_halves(),
        **{name: shops_by_name[name] for name in wanted},
    }.items():
        cases.append(against_reference(project, f"{name}, other vars", shop, AS_OF, folder, variables=OTHER_VARS))
    return cases


def margins(project: Project, folder: Path) -> Case:
    """Value by margin, with the reasons written down by hand."""
    case = against_reference(project, "margins", shops.margins(), AS_OF, folder, variables=OTHER_VARS)
    warehouse = Warehouse(project, only_tables=True)
    build_case(warehouse, case)
    assert dict(warehouse.query("select customer_id, customer_type_reason from marts.customer_types")) == (
        shops.MARGIN_REASONS
    )
    warehouse.close()
    known = dict(case.known_columns)
    for mart in ("customer_types", "customer_segments"):
        known[mart] = (*known[mart], "customer_type_reason")
    return replace(case, known_columns=known)


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


def histories(project: Project) -> list[Case]:
    """Shops with a memory of past builds, many customers and one alone."""
    alone = {table: rows for table, rows in shops.few(2).items() if table != "customers"}
    return [
        history(project, "history", shops.few(2, 2, 2, 2), STAYS, CHANGES),
        history(project, "history of one", alone, STAYS[:3], {"b0": CHANGES["b0"]}),
    ]


def history(
    project: Project, name: str, shop: Shop, stays: Stays, expected: dict[str, tuple[str | None, str | None]]
) -> Case:
    """A shop whose builds have a past, which nobody can compute a second time: written down by hand."""
    values = ", ".join(
        f"('{customer}', '{tier}', {_quoted(before)}, date '{on}')" for customer, tier, before, on in stays
    )
    select = f"select * from (values {values}) as stays (customer_id, rfm_tier, previous_rfm_tier, entered_on)"
    known = ("customer_id", "previous_rfm_tier", "rfm_tier_changed_on")
    marts = {"customer_rfm": known, "customer_segments": known}
    case = Case(name, shop, AS_OF, known_columns=marts, tables={"int_rfm_tier_stays": select})
    warehouse = Warehouse(project, only_tables=True)
    build_case(warehouse, case)
    for mart in marts:
        found = warehouse.query(f"select {', '.join(known)} from marts.{mart}")
        assert {row[0]: (row[1], row[2] and str(row[2])) for row in found} == expected
    warehouse.close()
    return case


def against_reference(
    project: Project,
    name: str,
    shop: Shop,
    as_of: str,
    folder: Path,
    *,
    seasons: Sequence[dict[str, str]] = (),
    variables: dict[str, Any] | None = None,
) -> Case:
    """A case whose unchanged marts agree with the reference in every column the reference has, and in every reason.

    Raises
    ------
    AssertionError: where they do not; nothing could be learned from such a shop.
    """
    path = folder / name.replace(" ", "-") / "regulars.duckdb"
    path.parent.mkdir(parents=True)
    case = Case(name, shop, as_of, seasons=tuple(seasons))
    warehouse = Warehouse(project, path)
    build_case(warehouse, case)
    wide = [column for column, *_ in warehouse.query("describe marts.customer_segments")]
    created_on = dict(warehouse.query("select customer_id, created_on from marts.customer_facts"))
    reasons = {
        mart: warehouse.query(f"select {', '.join(KEYS.get(mart, ['customer_id']))}, {column} from marts.{mart}")
        for mart, column in REASONS.items()
    }
    warehouse.close()

    seeds = read_seeds()
    if seasons:
        ends = {
            end: [day_number(datetime.date.fromisoformat(row[end])) for row in seasons]
            for end in ("starts_on", "ends_on")
        }
        seeds["peak_seasons"] = pd.DataFrame(ends)
    frames = compute(path, as_of, seeds=seeds, **(variables or {}))
    found = differences(frames, path)
    if variables is None:
        written = ReasonWriter(frames, as_of).with_created_on(created_on).all()
        for mart, rows in reasons.items():
            for *key, reason in rows:
                expected = written[mart].get(key[0] if len(key) == 1 else tuple(key))
                if reason != expected:
                    found.append(f"{mart} {key}: {reason!r} should read {expected!r}")
    if found:
        raise AssertionError(f"shop {name!r} as of {as_of}: not what the reference says\n" + "\n".join(found[:10]))
    known = _known_columns(frames, wide, knows_reasons=variables is None)
    return Case(name, shop, as_of, known_columns=known, seasons=tuple(seasons))


def _known_columns(
    frames: dict[str, pd.DataFrame], wide: Sequence[str], *, knows_reasons: bool
) -> dict[str, tuple[str, ...]]:
    known: dict[str, tuple[str, ...]] = {}
    for name, frame in frames.items():
        model = RELATIONS.get(name, name).rpartition(".")[2]
        known[model] = tuple(column for column in frame.columns if column not in NOT_COMPARED.get(name, []))
        if knows_reasons and name in REASONS:
            known[model] = (*known[model], REASONS[name])
    of_customers = {
        column for name in frames if KEYS.get(name, ["customer_id"]) == ["customer_id"] for column in known[name]
    }
    # The flags of the wide table say what the reference's ad segments say, one customer at a time.
    flags = {column for column in wide if column.startswith("is_")}
    known["customer_segments"] = tuple(column for column in wide if column in of_customers | flags)
    return known


def landing_rows(path: Path) -> Shop:
    """The landing tables of a database file as rows."""
    with duckdb.connect(str(path), read_only=True) as connection:
        connection.execute("set timezone = 'UTC'")
        shop: Shop = {}
        for table in TABLES:
            cursor = connection.execute(f"select columns(*)::varchar from {table.relation}")
            names = [column[0] for column in cursor.description or ()]
            shop[table.name] = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return shop


def _quoted(text: str | None) -> str:
    return "null" if text is None else f"'{text}'"
