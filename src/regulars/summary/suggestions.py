"""What a marketer would look at first."""

from dataclasses import dataclass

import duckdb

from regulars.summary.words import money
from regulars.warehouse import read_built


@dataclass(frozen=True)
class Look:
    """A group of customers worth a look, and how to say so of one of them and of more."""

    condition: str
    one: str
    many: str


LOOKS = (
    Look(
        "importance = 'vip' and lifecycle_state in ('slipping_away', 'lost')",
        "1 of your VIPs is slipping away or lost, who has spent {amount} so far.",
        "{n} of your VIPs are slipping away or lost; they have spent {amount} so far.",
    ),
    Look(
        "lifecycle_state in ('active', 'slipping_away') and lifecycle_changes_on <= as_of_date + 14",
        "1 customer, who has spent {amount}, moves to slipping away or lost within 14 days unless an order comes.",
        "{n} customers move to slipping away or lost within 14 days unless they order; they have spent {amount}.",
    ),
    Look(
        "is_won_back and lifecycle_state in ('new', 'active')",
        "1 customer came back after being lost, worth {amount} so far: what brought the order?",
        "{n} customers came back after they were lost, worth {amount} so far: what brought them?",
    ),
    Look(
        "persona in ('potential_high_roller', 'one_hit_wonder')",
        "1 customer spent above average on one or two orders ({amount} in all): another is worth asking for.",
        "{n} customers spent above average on one or two orders ({amount} in all): another is worth asking for.",
    ),
    Look(
        "persona = 'window_shopper'",
        "1 person looked at products lately and never bought.",
        "{n} people looked at products lately and never bought.",
    ),
    Look(
        "customer_type = 'abandoned_cart'",
        "1 person who never bought has an open cart.",
        "{n} people who never bought have an open cart.",
    ),
)


def read_suggestions(connection: duckdb.DuckDBPyConnection, currency: str) -> tuple[str, ...]:
    """A sentence for each look that finds anybody."""
    found = []
    for look in LOOKS:
        ((count, amount),) = read_built(
            connection,
            f"select count(*), coalesce(sum(net_revenue_amount), 0) from marts.customer_segments"
            f" where {look.condition}",
        )
        if count:
            sentence = look.one if count == 1 else look.many
            found.append(sentence.format(n=f"{count:,}", amount=money(amount, currency)))
    return tuple(found)
