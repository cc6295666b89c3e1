"""A warehouse made by hand with the tables that the summary reads, for shops too odd to be worth a build."""

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from regulars.cli import app

Write = Callable[..., None]
Say = Callable[..., str]

TABLES = """
create schema raw;
create schema seeds;
create schema intermediate;
create schema marts;
create table raw.rejected_rows (reason_code varchar);
create table seeds.segment_labels (segment_kind varchar, code varchar, language varchar, label varchar);
create table intermediate.int_shop_facts (
    as_of_date date, currency_code varchar, average_order_amount numeric(18, 4), typical_gap_days double
);
create table intermediate.int_typical_gap_by_day (gap_count bigint);
create table intermediate.int_inputs (input_name varchar, has_rows boolean, absent_without varchar);
create table intermediate.int_customer_profiles (
    customer_id varchar, has_email_consent boolean, has_sms_consent boolean, has_ads_user_data_consent boolean,
    has_ads_personalization_consent boolean, has_tracking_consent boolean
);
create table marts.customer_identities (identity_key varchar, source_customer_id varchar, customer_id varchar);
create table marts.customer_ad_segments (customer_id varchar, ad_segment varchar, ad_segment_reason varchar);
create table marts.fct_orders (
    order_id varchar, customer_id varchar, line_count bigint default 1, refund_amount numeric(18, 4) default 0,
    net_amount numeric(18, 4) default 0, order_validity varchar default 'valid',
    is_valid boolean default true, is_guest_order boolean default false
);
create table marts.customer_segments (
    customer_id varchar, as_of_date date default '2026-01-01', order_count bigint default 0,
    net_revenue_amount numeric(18, 4) default 0, is_won_back boolean default false,
    lifecycle_state varchar default 'prospect', lifecycle_reason varchar default 'r', lifecycle_changes_on date,
    importance varchar default 'none', importance_reason varchar default 'r',
    rfm_tier varchar default 'prospects', rfm_tier_reason varchar default 'r',
    persona varchar default 'dead_weight', persona_reason varchar default 'r', persona_changes_on date,
    customer_type varchar default 'unreachable', customer_type_reason varchar default 'r', customer_type_changes_on date
);
"""


@pytest.fixture
def hand_made(tmp_path: Path) -> Path:
    """A built shop as of 2026-01-01 in which nothing has happened yet."""
    database = tmp_path / "shop.duckdb"
    with duckdb.connect(database) as connection:
        connection.execute(TABLES)
        connection.execute("insert into intermediate.int_shop_facts values ('2026-01-01', 'EUR', null, 90)")
    return database


@pytest.fixture
def write(hand_made: Path) -> Write:
    """Run statements in the warehouse made by hand."""

    def run(*statements: str) -> None:
        with duckdb.connect(hand_made) as connection:
            for statement in statements:
                connection.execute(statement)

    return run


@pytest.fixture
def say(hand_made: Path) -> Say:
    """What a verb prints about the warehouse made by hand; it must leave with 0."""

    def run(*words: str) -> str:
        result = CliRunner().invoke(app, [*words, "--database", str(hand_made)], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    return run
