"""Gift orders: one piece of evidence, or two of three clues."""

from __future__ import annotations

import pandas as pd

from .rules import Rules


def is_gift_order(
    orders: pd.DataFrame, lines: pd.DataFrame, profiles: pd.DataFrame, occasions: pd.DataFrame, rules: Rules
) -> pd.Series:
    profiles = profiles.set_index("customer_id")
    homes = _ordering_profiles(orders, profiles)
    evidence_tags = {tag.strip().lower() for tag in (*rules.gift_wrap_tags, *rules.gift_card_tags)}
    gift_tags = {tag.strip().lower() for tag in rules.gift_tags}
    evidence = (
        orders["is_gift"].fillna(False).astype(bool)
        | orders["gift_note"].notna()
        | orders["order_id"].isin(_orders_with_tag(lines, evidence_tags))
    )
    clues = (
        _ships_elsewhere(orders, homes).astype(int)
        + _in_gift_window(orders, homes, occasions, rules).astype(int)
        + orders["order_id"].isin(_orders_with_tag(lines, gift_tags)).astype(int)
    )
    return evidence | (clues >= rules.gift_clues)


def _ordering_profiles(orders: pd.DataFrame, profiles: pd.DataFrame) -> pd.DataFrame:
    """The profile each order was placed with: of its own customer id; without one, of the customer it resolves to."""
    own = orders["source_customer_id"]
    placed_with = own.where(own.notna(), orders["customer_id"])
    return profiles.reindex(pd.Index(placed_with.array)).set_axis(orders.index)


def _orders_with_tag(lines: pd.DataFrame, tags: set[str]) -> set[str]:
    tagged = lines.dropna(subset=["tags"])
    spelled = tagged["tags"].drop_duplicates()
    holding = {text for text in spelled if tags & {tag.strip().lower() for tag in text.split(",")}}
    return set(tagged.loc[tagged["tags"].isin(holding), "order_id"])


def _plain(text: pd.Series) -> pd.Series:
    """Lower case, without blanks: neither makes a name another name."""
    return text.str.lower().str.replace(" ", "")


def _ships_elsewhere(orders: pd.DataFrame, homes: pd.DataFrame) -> pd.Series:
    """Name, country or postal code of the delivery differs from that profile's, each only where both are known."""
    name = _plain(homes["first_name"].fillna("") + " " + homes["last_name"].fillna(""))
    own = {
        "ship_to_name": name.where(name != ""),
        "ship_to_country": homes["country"],
        "ship_to_postal_code": homes["postal_code"],
    }
    differs = pd.Series(False, index=orders.index)
    for column, at_home in own.items():
        shipped, home = _plain(orders[column]), _plain(at_home)
        differs |= shipped.notna() & home.notna() & (shipped != home)
    return differs


def _in_gift_window(orders: pd.DataFrame, homes: pd.DataFrame, occasions: pd.DataFrame, rules: Rules) -> pd.Series:
    country = orders["ship_to_country"]
    country = country.where(country.notna(), homes["country"])
    if rules.shop_country is not None:
        country = country.fillna(rules.shop_country)
    country = country.astype("str").str.upper()
    window_days: dict[str, set[int]] = {}
    for occasion in occasions.itertuples():
        window_days.setdefault(occasion.country, set()).update(range(occasion.starts_on, occasion.ends_on + 1))
    inside = [
        day in window_days.get(place, ()) if isinstance(place, str) else False
        for place, day in zip(country, orders["day"], strict=True)
    ]
    return pd.Series(inside, index=orders.index, dtype=bool)
