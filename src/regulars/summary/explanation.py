"""Why one customer carries her labels: the reasons and change dates that the marts hold."""

import shlex
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import duckdb

from regulars.errors import UsageError
from regulars.warehouse import check_finished, read_built

LABELS = (
    ("lifecycle", "lifecycle_state", "lifecycle_reason", "lifecycle_changes_on"),
    ("importance", "importance", "importance_reason", None),
    ("RFM tier", "rfm_tier", "rfm_tier_reason", None),
    ("persona", "persona", "persona_reason", "persona_changes_on"),
    ("customer type", "customer_type", "customer_type_reason", "customer_type_changes_on"),
)

CONSENTS = (
    ("e-mail", "has_email_consent"),
    ("SMS", "has_sms_consent"),
    ("user data for ads", "has_ads_user_data_consent"),
    ("personalised ads", "has_ads_personalization_consent"),
    ("tracking on the site", "has_tracking_consent"),
)

ANSWERS = {True: "given", False: "refused", None: "none recorded"}


@dataclass(frozen=True)
class LabelReason:
    """One label: its kind, its code, the sentence that gives the numbers, and the day time alone changes it."""

    kind: str
    code: str
    reason: str
    changes_on: date | None


@dataclass(frozen=True)
class Consent:
    """What a customer said to one use of her data: ``given``, ``refused``, or ``none recorded``, which counts as no."""

    use: str
    answer: str


@dataclass(frozen=True)
class Explanation:
    """All labels of one customer as of one date, and her consents."""

    customer_id: str
    as_of_date: date
    labels: tuple[LabelReason, ...]
    ad_segments: tuple[LabelReason, ...]
    consents: tuple[Consent, ...]

    def as_dict(self) -> dict[str, Any]:
        """The same as plain values, for ``--json``."""
        return asdict(self)


def explain_customer(connection: duckdb.DuckDBPyConnection, customer_id: str) -> Explanation:
    """Read one customer's labels.

    Raises
    ------
    UsageError: no customer has this id; the message says whose it is instead, if it is anybody's.
    WarehouseError: the marts are not built, or a build stopped half-way.
    """
    check_finished(connection)
    columns = ", ".join(
        f"{code}, {reason}, {changes_on or 'cast(null as date)'}" for _, code, reason, changes_on in LABELS
    )
    rows = read_built(
        connection, f"select as_of_date, {columns} from marts.customer_segments where customer_id = ?", customer_id
    )
    if not rows:
        raise _nobody(connection, customer_id)
    ((as_of_date, *values),) = rows
    ad_segments = read_built(
        connection,
        "select ad_segment, ad_segment_reason from marts.customer_ad_segments where customer_id = ? order by 1",
        customer_id,
    )
    return Explanation(
        customer_id=customer_id,
        as_of_date=as_of_date,
        labels=tuple(LabelReason(kind, *values[place * 3 : place * 3 + 3]) for place, (kind, *_) in enumerate(LABELS)),
        ad_segments=tuple(LabelReason("ad segment", code, reason, None) for code, reason in ad_segments),
        consents=_consents(connection, customer_id),
    )


def _consents(connection: duckdb.DuckDBPyConnection, customer_id: str) -> tuple[Consent, ...]:
    """The marts say false for everything but a yes; the profiles still tell a no from silence."""
    rows = read_built(
        connection,
        f"select {', '.join(column for _, column in CONSENTS)} from intermediate.int_customer_profiles"
        " where customer_id = ?",
        customer_id,
    )
    answers = rows[0] if rows else (None,) * len(CONSENTS)
    return tuple(Consent(use, ANSWERS[answer]) for (use, _), answer in zip(CONSENTS, answers, strict=True))


def _nobody(connection: duckdb.DuckDBPyConnection, given: str) -> UsageError:
    """Why an id is no customer's: a merged id, an e-mail address, an order, or nothing of this shop."""
    for query, sentence in (
        (
            "select customer_id from marts.customer_identities where source_customer_id = ?",
            '"{given}" shares an e-mail with another id and is one customer with it',
        ),
        (
            "select customer_id from marts.customer_identities where identity_key = 'email:' || md5(lower(trim(?)))",
            '"{given}" is the e-mail address of a customer',
        ),
        ("select customer_id from marts.fct_orders where order_id = ?", '"{given}" is an order of a customer'),
    ):
        found = read_built(connection, query, given)
        if found and found[0][0] is not None:
            return UsageError(f"{sentence.format(given=given)}: regulars explain {shlex.quote(found[0][0])}")
        if found:
            return UsageError(f'"{given}" is an order of a guest; guests are no customers and have no segments')
    ((customers,),) = read_built(connection, "select count(*) from marts.customer_segments")
    if not customers:
        return UsageError(f'no customer has the id "{given}": this shop has no customers (regulars summary says why)')
    return UsageError(
        f'no customer has the id "{given}"; the ids are in marts.customer_segments, column customer_id. '
        "One who came with a newer load is there after the next dbt build"
    )
