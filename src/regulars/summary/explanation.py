"""Why one customer carries her labels: the reasons and change dates that the marts hold."""

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import duckdb

from regulars.errors import UsageError, WarehouseError

LABELS = (
    ("lifecycle", "lifecycle_state", "lifecycle_reason", "lifecycle_changes_on"),
    ("importance", "importance", "importance_reason", None),
    ("RFM tier", "rfm_tier", "rfm_tier_reason", None),
    ("persona", "persona", "persona_reason", "persona_changes_on"),
    ("customer type", "customer_type", "customer_type_reason", "customer_type_changes_on"),
)


@dataclass(frozen=True)
class LabelReason:
    """One label: its kind, its code, the sentence that gives the numbers, and the day time alone changes it."""

    kind: str
    code: str
    reason: str
    changes_on: date | None


@dataclass(frozen=True)
class Explanation:
    """All labels of one customer as of one date."""

    customer_id: str
    as_of_date: date
    labels: tuple[LabelReason, ...]
    ad_segments: tuple[LabelReason, ...]

    def as_dict(self) -> dict[str, Any]:
        """The same as plain values, for ``--json``."""
        return asdict(self)


def explain_customer(connection: duckdb.DuckDBPyConnection, customer_id: str) -> Explanation:
    """Read one customer's labels.

    Raises
    ------
    UsageError: no customer has this id.
    WarehouseError: the marts are not built.
    """
    columns = ", ".join(
        f"{code}, {reason}, {changes_on or 'cast(null as date)'}" for _, code, reason, changes_on in LABELS
    )
    try:
        row = connection.execute(
            f"select as_of_date, {columns} from marts.customer_segments where customer_id = ?", [customer_id]
        ).fetchone()
        ad_segments = connection.execute(
            "select ad_segment, ad_segment_reason from marts.customer_ad_segments where customer_id = ? order by 1",
            [customer_id],
        ).fetchall()
        if row is None:
            merged_into = connection.execute(
                "select customer_id from marts.customer_identities where source_customer_id = ?", [customer_id]
            ).fetchone()
    except duckdb.CatalogException as error:
        raise WarehouseError("the segments are not built in this warehouse yet; run: dbt build") from error
    if row is None and merged_into is not None:
        raise UsageError(
            f'"{customer_id}" shares an e-mail with another id and is one customer with it: '
            f"regulars explain {merged_into[0]}"
        )
    if row is None:
        raise UsageError(f'no customer has the id "{customer_id}"; ids are in marts.customer_segments.customer_id')
    as_of_date, *values = row
    labels = tuple(LabelReason(kind, *values[place * 3 : place * 3 + 3]) for place, (kind, *_) in enumerate(LABELS))
    return Explanation(
        customer_id=customer_id,
        as_of_date=as_of_date,
        labels=labels,
        ad_segments=tuple(LabelReason("ad segment", code, reason, None) for code, reason in ad_segments),
    )
