"""Which optional inputs the shop did not bring, and what cannot be known for want of them."""

from dataclasses import dataclass

import duckdb

INPUTS = {
    "refunds": "no refunds",
    "customers": "no customer profiles",
    "email_consents": "no profiles that say yes or no to e-mail",
    "email_events": "no e-mail events",
    "web_events": "no site events",
    "tracking_consents": "no profiles that say yes or no to tracking",
    "products": "no products",
    "product_categories": "no products with a category",
    "product_costs": "no products with a cost",
    "marketing_spend": "no marketing spend",
    "exchange_rates": "no exchange rates",
}


@dataclass(frozen=True)
class MissingInput:
    """An input that is off, or has no row before the as-of date."""

    input: str
    absent_without: str
    """The segments and columns that are empty or unknown without it."""

    @property
    def words(self) -> str:
        """What is missing, for a sentence."""
        return INPUTS.get(self.input, f"no {self.input.replace('_', ' ')}")


def read_missing_inputs(connection: duckdb.DuckDBPyConnection) -> tuple[MissingInput, ...] | None:
    """The missing inputs, best known first; None where an older build did not write them down."""
    try:
        rows = connection.execute(
            "select input_name, absent_without from intermediate.int_inputs where not has_rows order by input_name"
        ).fetchall()
    except (duckdb.CatalogException, duckdb.BinderException):
        return None
    order = list(INPUTS)
    rows.sort(key=lambda row: order.index(row[0]) if row[0] in order else len(order))
    return tuple(MissingInput(*row) for row in rows)
