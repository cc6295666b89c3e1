"""`regulars audience diff`: who is in the audiences of one build and not in those of another."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from regulars.audiences.page import amount, cut, signed
from regulars.errors import UsageError, WarehouseError
from regulars.summary.words import counted
from regulars.warehouse import connect, read_built

CHANGED, ADDED, REMOVED, SAME = "rule changed", "added", "removed", ""
NAME_WIDTH = 34


@dataclass(frozen=True)
class Change:
    """What becomes of one audience."""

    audience: str
    status: str
    """``rule changed``, ``added``, ``removed``, or empty."""
    before_count: int
    after_count: int
    gained_count: int
    lost_count: int
    gained_revenue: Decimal
    lost_revenue: Decimal
    gained_potential_90d: Decimal | None
    lost_potential_90d: Decimal | None

    @property
    def differs(self) -> bool:
        """Whether anything about it is another than before."""
        return bool(self.status or self.gained_count or self.lost_count)


@dataclass(frozen=True)
class Comparison:
    """Two builds beside each other."""

    old_name: str
    new_name: str
    old_date: date | None
    new_date: date | None
    currency_code: str
    changes: tuple[Change, ...]
    affected_count: int
    """Different customers who come into an audience or leave one."""

    @property
    def differs(self) -> bool:
        """Whether any audience differs."""
        return any(change.differs for change in self.changes)

    def as_dict(self) -> dict[str, Any]:
        """The same as plain values, for ``--json``."""
        return asdict(self) | {"differs": self.differs}


def compare(old: Path, new: Path, old_name: str | None = None, new_name: str | None = None) -> Comparison:
    """Compare the audiences of two warehouses, neither of which is written to.

    Raises
    ------
    WarehouseError: one of them cannot be opened or has no audiences.
    UsageError: both are the same file.
    """
    if old.exists() and new.exists() and old.samefile(new):
        raise UsageError(
            f"{old} and {new} are the same file; name two builds, or compare revisions: --revisions BASE..HEAD"
        )
    for path in (old, new):
        with connect(path, read_only=True) as connection:
            _check_audiences(connection, path)
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        for alias, path in (("old", old), ("new", new)):
            connection.execute(f"attach '{str(path).replace(chr(39), chr(39) * 2)}' as {alias} (read_only)")
        return _compare(connection, old_name or str(old), new_name or str(new))


def _check_audiences(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    try:
        read_built(connection, "select 1 from marts.audience_overview, intermediate.int_audience_members limit 1")
    except WarehouseError as error:
        raise WarehouseError(f"{path} has no audiences; {error}") from error


def _compare(connection: duckdb.DuckDBPyConnection, old_name: str, new_name: str) -> Comparison:
    customers = """(
        select
            customer_id,
            net_revenue_amount as revenue,
            cast(purchase_probability_90d * expected_order_amount as numeric(18, 4)) as potential
        from {}.marts.customer_segments
    )"""
    connection.execute(
        f"""
        create temp table differences as
        select
            coalesce(before.audience, after.audience) as audience,
            coalesce(before.customer_id, after.customer_id) as customer_id,
            after.customer_id is not null as is_gained,
            case when after.customer_id is not null then arrived.revenue else gone.revenue end as revenue,
            case when after.customer_id is not null then arrived.potential else gone.potential end as potential
        from (select audience, customer_id from old.intermediate.int_audience_members) as before
        full outer join (select audience, customer_id from new.intermediate.int_audience_members) as after
            on before.audience = after.audience and before.customer_id = after.customer_id
        -- Who comes counts with what the new build knows of her, who goes with what the old one knew.
        left join {customers.format("new")} as arrived on after.customer_id = arrived.customer_id
        left join {customers.format("old")} as gone on before.customer_id = gone.customer_id
        where before.customer_id is null or after.customer_id is null
        """
    )
    rows = connection.execute(
        f"""
        with sums as (
            select
                audience,
                count(*) filter (is_gained) as gained,
                count(*) filter (not is_gained) as lost,
                coalesce(sum(revenue) filter (is_gained), 0) as gained_revenue,
                coalesce(sum(revenue) filter (not is_gained), 0) as lost_revenue,
                sum(potential) filter (is_gained) as gained_potential,
                sum(potential) filter (not is_gained) as lost_potential
            from differences
            group by audience
        )
        select
            coalesce(before.audience, after.audience) as audience,
            case
                -- An item of a family that nobody is in has no row; its family is neither new nor gone for that.
                when before.audience is null and old_rules.model_name is null then '{ADDED}'
                when after.audience is null and new_rules.model_name is null then '{REMOVED}'
                when old_rules.definition_hash <> new_rules.definition_hash then '{CHANGED}'
                else '{SAME}'
            end,
            coalesce(before.customer_count, 0),
            coalesce(after.customer_count, 0),
            coalesce(sums.gained, 0),
            coalesce(sums.lost, 0),
            coalesce(sums.gained_revenue, 0),
            coalesce(sums.lost_revenue, 0),
            coalesce(sums.gained_potential, case when sums.gained > 0 then null else 0 end),
            coalesce(sums.lost_potential, case when sums.lost > 0 then null else 0 end)
        from old.marts.audience_overview as before
        full outer join new.marts.audience_overview as after on before.audience = after.audience
        left join old.intermediate.int_audience_definitions as old_rules
            on coalesce(before.model_name, after.model_name) = old_rules.model_name
        left join new.intermediate.int_audience_definitions as new_rules
            on coalesce(after.model_name, before.model_name) = new_rules.model_name
        left join sums on coalesce(before.audience, after.audience) = sums.audience
        order by audience
        """
    ).fetchall()
    ((affected,),) = connection.execute("select count(distinct customer_id) from differences").fetchall()
    ((old_date, new_date, currency),) = connection.execute(
        """
        select
            (select max(as_of_date) from old.marts.audience_overview),
            (select max(as_of_date) from new.marts.audience_overview),
            coalesce((select max(currency_code) from new.marts.audience_overview), '')
        """
    ).fetchall()
    return Comparison(old_name, new_name, old_date, new_date, currency, tuple(Change(*row) for row in rows), affected)


def text_lines(found: Comparison) -> Iterator[str]:
    """The comparison as a person reads it in a terminal."""
    yield f"Audiences of {found.old_name} → {found.new_name}, as of {found.new_date}, amounts in {found.currency_code}"
    yield from _caution(found)
    changed = [change for change in found.changes if change.differs]
    if not changed:
        yield f"Nothing differs in {counted(len(found.changes), 'audience')}."
        return
    yield ""
    titles = ("before", "after", "gained", "lost", "revenue", "worth 90d")
    cells = [_cells(change) for change in changed]
    sizes = [max(map(len, column)) for column in zip(titles, *cells, strict=True)]
    name_width = min(NAME_WIDTH, max(len(change.audience) for change in changed))

    def line(name: str, values: tuple[str, ...], status: str) -> str:
        figures = "".join(f"  {value:>{size}}" for value, size in zip(values, sizes, strict=True))
        return f"{cut(name, name_width):<{name_width}}{figures}  {status}".rstrip()

    yield line("audience", titles, "")
    for change, values in zip(changed, cells, strict=True):
        yield line(change.audience, values, change.status)
    yield ""
    yield _total(found, changed)


def markdown_lines(found: Comparison) -> Iterator[str]:
    """The comparison as a comment on a pull request."""
    changed = [change for change in found.changes if change.differs]
    yield f"### Audiences: {found.old_name} → {found.new_name}"
    yield ""
    yield from _caution(found)
    if not changed:
        yield f"Nothing differs in {counted(len(found.changes), 'audience')}, as of {found.new_date}."
        return
    yield f"{_total(found, changed)} As of {found.new_date}; amounts in {found.currency_code}."
    yield ""
    yield "| audience | | before | after | gained | lost | revenue | worth 90d |"
    yield "|---|---|--:|--:|--:|--:|--:|--:|"
    for change in changed:
        name = change.audience.replace("|", "\\|")
        yield f"| `{name}` | {change.status} | {' | '.join(_cells(change))} |"


def _caution(found: Comparison) -> Iterator[str]:
    if found.old_date != found.new_date:
        yield f"The builds are as of {found.old_date} and {found.new_date}: what time alone changed is in it too."


def _cells(change: Change) -> tuple[str, ...]:
    return (
        f"{change.before_count:,}",
        f"{change.after_count:,}",
        signed(change.gained_count),
        signed(-change.lost_count),
        _both(change.gained_revenue, change.lost_revenue),
        _both(change.gained_potential_90d, change.lost_potential_90d),
    )


def _both(gained: Decimal | None, lost: Decimal | None) -> str:
    plus = f"+{amount(gained)}" if gained != 0 else ""
    minus = f"-{amount(lost)}" if lost != 0 else ""
    return " ".join(each for each in (plus, minus) if each) or "0"


def _total(found: Comparison, changed: list[Change]) -> str:
    return (
        f"{counted(found.affected_count, 'customer')} affected, in {len(changed)} of "
        f"{counted(len(found.changes), 'audience')}."
    )
