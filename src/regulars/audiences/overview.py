"""What `regulars audience list` and `show` read from a build."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from regulars.errors import UsageError, WarehouseError
from regulars.warehouse import check_finished, read_built

LOOKS_SHOWN = 6
FOLDER = Path("models") / "audiences"

Row = dict[str, Any]


@dataclass(frozen=True)
class Look:
    """One day on which a build looked at an audience: who was new in it, who was gone, who was in."""

    looked_on: date
    entered_count: int
    left_count: int
    member_count: int


@dataclass(frozen=True)
class Member:
    """A customer of an audience and why she is in it; no name, no address."""

    customer_id: str
    reason: str
    entered_on: date | None
    arm: str


@dataclass(frozen=True)
class Audience:
    """One audience with all that the warehouse knows about it."""

    figures: Row
    file: Path
    arms: dict[str, int]
    looks: tuple[Look, ...]
    members: tuple[Member, ...]
    holdout_share: float
    """Of its customers, held back of it or of every audience."""
    experiment: tuple[Row, ...]
    """Its rows of `marts.experiment_results`."""
    newest_look: date | None

    def as_dict(self) -> Row:
        """The same as plain values, for ``--json``."""
        return self.figures | {
            "file": str(self.file),
            "arms": self.arms,
            "looks": [vars(look) for look in self.looks],
            "members": [vars(member) for member in self.members],
            "holdout_share": self.holdout_share,
            "experiment": self.experiment,
        }


def read_overview(connection: duckdb.DuckDBPyConnection) -> list[Row]:
    """Every audience with the columns of `marts.audience_overview`; families together, else the largest revenue first.

    Raises
    ------
    WarehouseError: nothing is built, a build stopped half-way, or the audiences describe another day than the segments.
    """
    check_finished(connection)
    found = _read_audiences(connection, "select * from marts.audience_overview")
    ((segments_date,),) = read_built(connection, "select max(as_of_date) from marts.customer_segments")
    dates = {row["as_of_date"] for row in found}
    if dates and segments_date and dates != {segments_date}:
        raise WarehouseError(
            f"the audiences are as of {max(dates)}, the segments as of {segments_date}; run dbt build to its end"
        )
    worth: dict[str, Any] = {}
    for row in found:
        worth[row["model_name"]] = worth.get(row["model_name"], 0) + row["net_revenue_amount"]
    return sorted(
        found,
        key=lambda row: (
            family_of(row["audience"]) is not None,
            -worth[row["model_name"]],
            row["model_name"],
            -row["net_revenue_amount"],
            row["audience"],
        ),
    )


def newest_look(connection: duckdb.DuckDBPyConnection) -> date | None:
    """The newest day on which a build looked at any audience; later than today where a past day was built since."""
    (row,) = _read_audiences(
        connection, "select max(entered_on) as newest from intermediate.int_audience_memory where row_kind = 'seen'"
    )
    newest: date | None = row["newest"]
    return newest


def family_of(audience: str) -> str | None:
    """The family of ``interested_in_brands:Taiga``; None of an audience that stands alone."""
    family, colon, _ = audience.partition(":")
    return family if colon else None


def nobody_called(name: str, known: Iterable[str]) -> UsageError:
    """The refusal of an unknown name, with the names it may have been meant to be."""
    names = sorted(known)
    families = {name.partition(":")[0] for name in names if ":" in name}
    asked = name.removeprefix("aud_")
    near = difflib.get_close_matches(asked, [*names, *families], n=3, cutoff=0.5)
    if asked in families:
        near = [each for each in names if each.startswith(f"{asked}:")]
        return UsageError(f'audience "{name}" is a family; name one of it: {", ".join(near)}')
    hint = f"the nearest are {', '.join(near)}; " if near else ""
    return UsageError(f'there is no audience "{name}"; {hint}see them all: regulars audience list')


def read_audience(connection: duckdb.DuckDBPyConnection, name: str, member_count: int) -> Audience:
    """One audience with its arms, its newest looks and some of its members.

    Raises
    ------
    UsageError: there is none of this name; the message names the nearest.
    WarehouseError: the audiences are not built, or a build stopped half-way.
    """
    rows = {row["audience"]: row for row in read_overview(connection)}
    figures = rows.get(name) or rows.get(name.removeprefix("aud_"))
    if figures is None:
        raise nobody_called(name, rows)
    audience = figures["audience"]
    arms = {arm: figures[f"{arm}_count"] for arm in ("treatment", "control", "held_out")}
    ((holdout_share,),) = read_built(
        connection,
        "select 1 - (1 - coalesce(max(holdout_share), 0)) * (1 - coalesce(max(global_holdout_share), 0))"
        " from intermediate.int_audience_definitions where model_name = ?",
        figures["model_name"],
    )
    return Audience(
        figures=figures,
        file=FOLDER / f"{figures['model_name']}.sql",
        arms=arms,
        looks=_looks(connection, figures["model_name"], audience),
        members=tuple(
            Member(*row)
            for row in read_built(
                connection,
                # In the order of a hash: the smallest ids are the oldest customers, and no example of the rest.
                "select customer_id, reason, entered_on, arm from marts.audience_members"
                " where audience = ? order by md5(customer_id) limit ?",
                audience,
                member_count,
            )
        ),
        holdout_share=holdout_share,
        experiment=tuple(
            _read_audiences(
                connection,
                "select * from marts.experiment_results where audience = ? order by comparison_arm, metric",
                audience,
            )
        ),
        newest_look=newest_look(connection),
    )


def _read_audiences(connection: duckdb.DuckDBPyConnection, query: str, *parameters: object) -> list[Row]:
    try:
        found = read_built(connection, query, *parameters)
    except WarehouseError as error:
        if isinstance(error.__cause__, duckdb.CatalogException):
            raise WarehouseError("the audiences are not built in this warehouse yet; run: dbt build") from error
        raise
    columns = [name for name, *_ in connection.description or []]
    return [dict(zip(columns, values, strict=True)) for values in found]


def _looks(connection: duckdb.DuckDBPyConnection, model_name: str, audience: str) -> tuple[Look, ...]:
    rows = read_built(
        connection,
        """
        with looks as (
            select distinct entered_on as looked_on
            from intermediate.int_audience_memory
            where row_kind = 'seen' and model_name = ?
            order by looked_on desc
            limit ?
        )

        select
            looks.looked_on,
            count(case when stays.entered_on = looks.looked_on then 1 end),
            count(case when stays.left_on = looks.looked_on then 1 end),
            count(
                case
                    when stays.entered_on <= looks.looked_on and coalesce(stays.left_on > looks.looked_on, true) then 1
                end
            )
        from looks
        left join marts.audience_history as stays
            on stays.audience = ? and stays.entered_on <= looks.looked_on
        group by looks.looked_on
        order by looks.looked_on
        """,
        model_name,
        LOOKS_SHOWN,
        audience,
    )
    return tuple(Look(*row) for row in rows)
