"""Who is who: customer ids and e-mails resolved to one customer, and that customer's attributes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import pandas as pd

from .frames import look_up
from .rules import Rules

CONSENTS = [
    "email_consent",
    "sms_consent",
    "ads_user_data_consent",
    "ads_personalization_consent",
    "tracking_consent",
]
PLAIN_ATTRIBUTES = ["country", "language", "acquisition_channel"]
SOURCES = ("customers", "orders", "email_events", "web_events")


def normalised(emails: pd.Series) -> pd.Series:
    text = emails.str.strip(" ").str.lower()
    return text.where(text != "")


def email_customer_id(email: str) -> str:
    return "email_" + hashlib.md5(email.encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Identities:
    """Maps from a source identity to the resolved customer."""

    by_id: pd.Series
    by_email: pd.Series

    def resolve(self, rows: pd.DataFrame) -> pd.Series:
        """The customer of each row by its customer_id, else by its e-mail; missing for guests."""
        from_id = look_up(rows["customer_id"], self.by_id)
        from_email = look_up(normalised(rows["email"]), self.by_email)
        return from_id.where(rows["customer_id"].notna(), from_email)


def resolve_identities(tables: dict[str, pd.DataFrame], rules: Rules) -> Identities:
    ids = _customer_ids(tables)
    emails = _emails_without_id(tables)
    shared = ids.dropna(subset=["email"])
    survivors = shared.drop_duplicates("email").set_index("email")["customer_id"]
    if rules.merge_customers_by_email:
        owners = survivors
        by_id = ids.set_index("customer_id")["email"].pipe(look_up, survivors)
        by_id = by_id.where(by_id.notna(), by_id.index.to_series())
    else:
        id_counts = shared["email"].value_counts()
        owners = survivors[survivors.index.map(id_counts) == 1]
        by_id = pd.Series(ids["customer_id"].to_numpy(), index=ids["customer_id"].to_numpy(), dtype="str")
    by_email = pd.Series(
        [owners[email] if email in owners.index else email_customer_id(email) for email in emails],
        index=pd.Index(emails, dtype="str"),
        dtype="str",
    )
    return Identities(by_id.astype("str"), by_email)


def _customer_ids(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Every customer id with its e-mail, the earliest seen first, ties by the smallest id."""
    ids = pd.concat([tables[name]["customer_id"] for name in SOURCES]).dropna().drop_duplicates()
    profiles = tables["customers"].set_index("customer_id")
    orders = tables["orders"].dropna(subset=["customer_id"])
    with_email = orders.assign(email=normalised(orders["email"])).dropna(subset=["email"])
    order_email = (
        with_email.sort_values(["ordered_at", "order_id"]).drop_duplicates("customer_id", keep="last")
    ).set_index("customer_id")["email"]
    profile_email = look_up(ids, normalised(profiles["email"]))
    first_order = look_up(ids, orders.groupby("customer_id")["ordered_at"].min())
    created = look_up(ids, profiles["created_at"])
    frame = pd.DataFrame(
        {
            "customer_id": ids,
            "email": profile_email.where(profile_email.notna(), look_up(ids, order_email)),
            "first_seen": pd.concat([created, first_order], axis=1).min(axis=1),
        }
    )
    return frame.sort_values(["first_seen", "customer_id"], na_position="last").reset_index(drop=True)


def _emails_without_id(tables: dict[str, pd.DataFrame]) -> list[str]:
    emails = [
        normalised(tables[name].loc[tables[name]["customer_id"].isna(), "email"])
        for name in ("orders", "email_events", "web_events")
    ]
    return sorted(set(pd.concat(emails).dropna()))


def customers(tables: dict[str, pd.DataFrame], identities: Identities) -> pd.DataFrame:
    """One row per resolved customer with its attributes, consents and the day it was first heard of."""
    everyone = pd.Index(sorted(set(identities.by_id) | set(identities.by_email)), dtype="str")
    profiles = tables["customers"].assign(resolved=look_up(tables["customers"]["customer_id"], identities.by_id))
    frame = pd.DataFrame(index=everyone)
    for attribute in PLAIN_ATTRIBUTES:
        frame[attribute] = _attribute(profiles, attribute).reindex(everyone)
    newest_consent = profiles.sort_values("customer_id").sort_values(
        ["consent_updated_at", "created_at"], ascending=False, na_position="last", kind="stable"
    )
    stated = [*CONSENTS, "consent_updated_at"]
    frame[stated] = newest_consent.drop_duplicates("resolved").set_index("resolved")[stated].reindex(everyone)
    frame["created_on"] = _created_on(tables, profiles, identities).reindex(everyone)
    return frame


def _attribute(profiles: pd.DataFrame, attribute: str) -> pd.Series:
    """The surviving profile's value where it has one, else the newest profile's that has."""
    known = profiles.dropna(subset=[attribute])
    known = known.assign(is_other=(known["customer_id"] != known["resolved"]).astype(int)).sort_values("customer_id")
    known = known.sort_values("created_at", ascending=False, na_position="last", kind="stable")
    known = known.sort_values("is_other", kind="stable")
    return known.drop_duplicates("resolved").set_index("resolved")[attribute]


def _created_on(tables: dict[str, pd.DataFrame], profiles: pd.DataFrame, identities: Identities) -> pd.Series:
    """Local day of the profile's creation, first order of any status or first event, whichever was first."""
    seen = [profiles[["resolved", "day"]]]
    for name in ("orders", "email_events", "web_events"):
        rows = tables[name]
        seen.append(pd.DataFrame({"resolved": identities.resolve(rows), "day": rows["day"]}))
    return pd.concat(seen).dropna().groupby("resolved")["day"].min()
