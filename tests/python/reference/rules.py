"""Every threshold of the specification with its default, under the name of its dbt var."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any


@dataclass(frozen=True)
class Rules:
    """The vars a build is made with; ratios are exact fractions, because a boundary is either reached or not."""

    # the shop
    shop_timezone: str = "UTC"
    shop_country: str | None = None
    reporting_currency: str | None = None
    has_refunds: bool = True
    has_customers: bool = True
    has_products: bool = True
    has_email_events: bool = True
    has_web_events: bool = True
    has_marketing_spend: bool = True
    has_exchange_rates: bool = True
    merge_customers_by_email: bool = True
    require_tracking_consent: bool = True
    count_unflagged_opens: bool = True

    # shop average order value
    aov_window_days: int | None = 365
    average_order_value: Decimal | None = None

    # lifecycle
    default_gap_days: int = 90
    min_gaps_for_typical: int = 30
    new_customer_days: int = 30
    slipping_ratio: Fraction = Fraction(4, 3)
    slipping_floor_days: int = 14
    lost_ratio: Fraction = Fraction(3)
    lost_floor_days: int = 60

    # importance
    vip_percent_rank: Fraction = Fraction(9, 10)
    frequent_percent_rank: Fraction = Fraction(3, 4)

    # personas
    recent_purchase_days: int = 120
    lapsed_purchase_days: int = 390
    just_passing_from_days: int = 120
    frequent_orders: int = 3
    recent_engagement_days: int = 90
    frequent_engagements: int = 3
    too_new_days: int = 90
    espresso_engagement_days: int = 7

    # customer types
    customer_type_value: str = "aov"
    open_cart_days: int = 30

    # ad segments
    least_discount_share: Fraction = Fraction(1, 1000)
    best_customer_orders: int = 2
    best_customer_percent_rank: Fraction = Fraction(4, 5)
    sale_shopper_orders: int = 2
    sale_shopper_score: Fraction = Fraction(1, 2)
    sale_reference_percent: int = 90
    sale_discount_weight: Fraction = Fraction(4, 5)
    core_category_share: Fraction = Fraction(1, 2)
    disengaged_emails: int = 5
    likely_buyer_percent_rank: Fraction = Fraction(4, 5)
    likely_high_value_percent_rank: Fraction = Fraction(4, 5)
    peak_season_orders: int = 2
    peak_season_share: Fraction = Fraction(1, 2)
    peak_week_ratio: Fraction = Fraction(3, 2)
    peak_years: int = 2
    peak_last_month: int = 9
    gift_clues: int = 2
    gift_tags: tuple[str, ...] = ("gift",)
    gift_wrap_tags: tuple[str, ...] = ("gift_wrap",)
    gift_card_tags: tuple[str, ...] = ("gift_card",)

    def __post_init__(self) -> None:
        if self.customer_type_value not in ("aov", "margin"):
            raise ValueError(f"customer_type_value is {self.customer_type_value!r}; expected 'aov' or 'margin'")

    @classmethod
    def from_vars(cls, given: dict[str, Any]) -> Rules:
        """Rules from dbt vars as YAML holds them: ratios as text or numbers, tags as lists."""
        fields = {name: field.type for name, field in cls.__dataclass_fields__.items()}
        unknown = sorted(set(given) - set(fields))
        if unknown:
            raise ValueError(f"the reference knows no var named {', '.join(unknown)}")
        return cls(**{name: _converted(value, str(fields[name])) for name, value in given.items()})


def _converted(value: Any, kind: str) -> Any:
    if value is None:
        return None
    if kind == "Fraction":
        return Fraction(str(value).replace(" ", ""))
    if kind.startswith("Decimal"):
        return Decimal(str(value))
    if kind.startswith("tuple"):
        return tuple(value)
    return value
