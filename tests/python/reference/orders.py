"""Order facts: exact money by line, refunds put on their lines, validity, gift evidence and peaks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from .currency import rates_on
from .frames import look_up
from .gifts import is_gift_order
from .money import RATE_SCALE, TICKS_PER_UNIT, multiply_divide
from .peaks import is_peak_order
from .rules import Rules

UNCATEGORISED = "uncategorised"
VALID = "valid"
PAID = ("paid", "partially_refunded")
BY_STATUS = ("test", "cancelled", "pending", "refunded")


@dataclass(frozen=True)
class OrderFacts:
    """``orders`` one row an order, ``lines`` one row a line; both of existing orders, whatever their validity."""

    orders: pd.DataFrame
    lines: pd.DataFrame

    @property
    def valid(self) -> pd.DataFrame:
        return self.orders[self.orders["order_validity"] == VALID]


def order_facts(
    tables: dict[str, pd.DataFrame],
    resolved: pd.Series,
    seeds: dict[str, pd.DataFrame],
    reporting: str | None,
    rules: Rules,
) -> OrderFacts:
    orders = tables["orders"].assign(source_customer_id=tables["orders"]["customer_id"], customer_id=resolved)
    orders["rate"] = rates_on(orders["day"], orders["currency"], tables["exchange_rates"], reporting)
    lines = _lines(tables, orders)
    refunds = _refunds(tables["refunds"], orders)
    lines = _with_refunds(lines, refunds)
    orders = _with_amounts(orders, lines, refunds)
    orders["is_paid_back"] = _net_in_own_currency(orders, lines, refunds) <= 0
    orders["order_validity"] = _validity(orders)
    orders["is_gift_order"] = is_gift_order(orders, lines, tables["customers"], seeds["gift_occasions"], rules)
    orders["is_peak_order"] = is_peak_order(orders, orders["order_validity"] == VALID, seeds["peak_seasons"], rules)
    least = rules.least_discount_share
    is_enough = orders["discount_amount"] * least.denominator >= orders["gross_amount"] * least.numerator
    orders["is_discounted"] = ((orders["discount_amount"] > 0) & is_enough).fillna(False).astype(bool)
    return OrderFacts(orders, lines)


def _lines(tables: dict[str, pd.DataFrame], orders: pd.DataFrame) -> pd.DataFrame:
    """Lines in the reporting currency, each amount rounded once; zero where the order has no rate."""
    products = tables["products"].set_index("product_id")
    # a line of nothing was withdrawn
    lines = tables["order_lines"][tables["order_lines"]["quantity"].fillna(0) != 0]
    lines = lines.merge(orders[["order_id", "rate"]], on="order_id")
    lines = lines.sort_values(["order_id", "line_number"]).reset_index(drop=True)
    rate = lines["rate"].fillna(0).to_numpy(dtype=np.int64)
    quantity = lines["quantity"].fillna(0).to_numpy(dtype=np.int64)
    price = lines["unit_price"].fillna(0).to_numpy(dtype=np.int64)
    own_gross = multiply_divide(quantity, price, TICKS_PER_UNIT)
    discount = lines["discount_amount"].fillna(0).to_numpy(dtype=np.int64)
    lines["own_net"] = own_gross - discount
    lines["gross"] = multiply_divide(own_gross, rate, RATE_SCALE)
    lines["discount"] = multiply_divide(discount, rate, RATE_SCALE)
    lines["quantity"] = quantity
    lines["category"] = look_up(lines["product_id"], products["category"]).fillna(UNCATEGORISED)
    lines["unit_cost"] = look_up(lines["product_id"], products["unit_cost"])
    lines["tags"] = look_up(lines["product_id"], products["tags"])
    return lines


def _refunds(refunds: pd.DataFrame, orders: pd.DataFrame) -> pd.DataFrame:
    known = refunds.merge(orders[["order_id", "rate"]], on="order_id").reset_index(drop=True)
    known["refunded"] = multiply_divide(
        known["amount"].fillna(0).to_numpy(dtype=np.int64),
        known["rate"].fillna(0).to_numpy(dtype=np.int64),
        RATE_SCALE,
    )
    return known


def _with_refunds(lines: pd.DataFrame, refunds: pd.DataFrame) -> pd.DataFrame:
    """A refund of a line lessens that line; any other is spread over the order's lines by their net before refunds."""
    numbered = refunds.merge(
        lines[["order_id", "line_number"]], on=["order_id", "line_number"], how="left", indicator=True
    )
    on_line = (numbered["_merge"] == "both") & numbered["line_number"].notna()
    by_line = numbered[on_line].groupby(["order_id", "line_number"])[["refunded", "quantity"]].sum().reset_index()
    lines = lines.merge(
        by_line.rename(columns={"quantity": "refunded_quantity"}), on=["order_id", "line_number"], how="left"
    )
    spread = _spread(numbered.loc[~on_line, ["order_id", "refunded"]], lines)
    lines = lines.join(spread.rename("spread"))
    lines["refund"] = (lines["refunded"].fillna(0) + lines["spread"].fillna(0)).astype("int64")
    lines["net"] = lines["gross"] - lines["discount"] - lines["refund"]
    # all of a line's money back and no word of how many: all of it came back
    is_all_back = (
        (lines["refunded_quantity"] == 0)
        & (lines["refunded"] > 0)
        & (lines["refunded"] >= lines["gross"] - lines["discount"])
    )
    returned = lines["refunded_quantity"].fillna(0).where(~is_all_back.fillna(False).astype(bool), lines["quantity"])
    lines["net_quantity"] = (lines["quantity"] - returned).astype("int64")
    return lines.drop(columns=["refunded", "spread", "refunded_quantity"])


def _spread(refunds: pd.DataFrame, lines: pd.DataFrame) -> pd.Series:
    """What each line (by its index) bears of the refunds of its order that name no line, by what its own ones leave."""
    refunds = refunds.groupby("order_id", as_index=False)["refunded"].sum()
    base = lines[lines["order_id"].isin(set(refunds["order_id"]))]
    base = base.assign(line_net=(base["gross"] - base["discount"] - base["refunded"].fillna(0)).clip(lower=0))
    pairs = refunds.merge(
        base[["order_id", "line_number", "line_net"]].astype({"line_net": "int64"}).reset_index(names="line"),
        on="order_id",
    )
    if pairs.empty:
        return pd.Series(dtype="int64")
    order_net = pairs.groupby("order_id")["line_net"].transform("sum").to_numpy(dtype=np.int64)
    can_divide = order_net > 0
    share = multiply_divide(
        pairs["refunded"].to_numpy(dtype=np.int64),
        pairs["line_net"].to_numpy(dtype=np.int64),
        np.where(can_divide, order_net, 1),
    )
    pairs["share"] = np.where(can_divide, share, 0)
    rest = pairs["refunded"] - pairs.groupby("order_id")["share"].transform("sum")
    largest = pairs.sort_values(["order_id", "line_net", "line_number"], ascending=[True, False, True])
    bears_rest = pairs.index.isin(largest.drop_duplicates("order_id").index)
    pairs["share"] += np.where(bears_rest, rest, 0)
    return pairs.groupby("line")["share"].sum()


def _with_amounts(orders: pd.DataFrame, lines: pd.DataFrame, refunds: pd.DataFrame) -> pd.DataFrame:
    """Sums of the order; an order whose currency has no rate has no amounts at all."""
    sums = lines.groupby("order_id")[["gross", "discount"]].sum()
    sums = sums.join(refunds.groupby("order_id")["refunded"].sum(), how="outer")
    sums = sums.reindex(orders["order_id"]).fillna(0).astype("int64")
    has_rate = orders["rate"].notna().to_numpy()
    amounts = {"gross_amount": "gross", "discount_amount": "discount", "refund_amount": "refunded"}
    for amount, source in amounts.items():
        orders[amount] = pd.array(sums[source].to_numpy(), dtype="Int64")
        orders.loc[~has_rate, amount] = pd.NA
    orders["net_amount"] = orders["gross_amount"] - orders["discount_amount"] - orders["refund_amount"]
    return orders


def _net_in_own_currency(orders: pd.DataFrame, lines: pd.DataFrame, refunds: pd.DataFrame) -> pd.Series:
    own = lines.groupby("order_id")["own_net"].sum().sub(refunds.groupby("order_id")["amount"].sum(), fill_value=0)
    return look_up(orders["order_id"], own).fillna(0).astype("int64")


def _validity(orders: pd.DataFrame) -> np.ndarray:
    """First match wins: the status, then the missing rate, then nothing paid.

    A fully refunded order is no purchase, even where rounding the converted parts leaves a tick: so nothing is paid
    when nothing is left in the order's own currency either.
    """
    nothing_paid = (orders["net_amount"] <= 0).fillna(True) | orders["is_paid_back"]
    conditions = [(orders["status"] == status).to_numpy(dtype=bool) for status in BY_STATUS]
    conditions += [~orders["status"].isin(PAID).to_numpy(dtype=bool)]
    conditions += [orders["rate"].isna().to_numpy(), nothing_paid.to_numpy(dtype=bool)]
    return np.select(conditions, [*BY_STATUS, "unknown_status", "no_exchange_rate", "nothing_paid"], VALID)
