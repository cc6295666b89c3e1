"""The landing tables: the one authority on their names, columns, types, keys and allowed values.

The loader creates and fills these tables, the documentation prints them, dbt declares them as sources. They are append
only: a corrected row is a new version with a later ``_loaded_at``, and the newest version of a key wins in staging.
"""

from dataclasses import dataclass
from typing import Literal

import duckdb

SCHEMA = "raw"
LOADED_AT = "_loaded_at"

ColumnType = Literal["text", "integer", "quantity", "amount", "rate", "boolean", "timestamp", "date", "json"]

SQL_TYPES: dict[ColumnType, str] = {
    "text": "varchar",
    "integer": "bigint",
    "quantity": "decimal(18, 4)",
    "amount": "decimal(18, 4)",
    "rate": "decimal(18, 8)",
    "boolean": "boolean",
    "timestamp": "timestamp with time zone",
    "date": "date",
    "json": "varchar",
}

ORDER_STATUSES = ("paid", "pending", "cancelled", "refunded", "partially_refunded", "test")
EMAIL_EVENT_TYPES = ("received", "opened", "clicked", "unsubscribed", "marked_spam", "bounced")
WEB_EVENT_TYPES = ("active_on_site", "viewed_product", "added_to_cart", "started_checkout")


@dataclass(frozen=True)
class Column:
    """One column of a landing table."""

    name: str
    type: ColumnType
    description: str
    required: bool = False
    """A null here rejects the row."""
    allowed: tuple[str, ...] = ()
    """The only values, compared in lower case; empty: any."""
    unknown_reason: str = "unknown_value"
    """Reason code of a row whose value is not in ``allowed``."""
    is_currency: bool = False
    is_past: bool = False
    """An instant later than a day from now cannot be true and rejects the row."""
    minimum: int | None = None

    @property
    def sql_type(self) -> str:
        """The DuckDB type."""
        return SQL_TYPES[self.type]


@dataclass(frozen=True)
class Table:
    """One landing table."""

    name: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    description: str
    needs_order: bool = False
    """Its order_id must be among the orders once the whole batch is read."""
    any_of: tuple[str, ...] = ()
    """At least one of these columns must hold a value."""

    @property
    def relation(self) -> str:
        """Name with schema."""
        return f"{SCHEMA}.{self.name}"

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names in order, without ``_loaded_at``."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """The column of that name."""
        return next(column for column in self.columns if column.name == name)


def _status() -> Column:
    return Column(
        "status",
        "text",
        f"State of the order: {', '.join(ORDER_STATUSES)}.",
        required=True,
        allowed=ORDER_STATUSES,
        unknown_reason="unknown_status",
    )


def _event_type(allowed: tuple[str, ...]) -> Column:
    return Column(
        "event_type",
        "text",
        f"What happened: {', '.join(allowed)}.",
        required=True,
        allowed=allowed,
        unknown_reason="unknown_event_type",
    )


def _currency() -> Column:
    return Column("currency", "text", "ISO 4217 code, for example EUR.", required=True, is_currency=True)


TABLES: tuple[Table, ...] = (
    Table(
        name="orders",
        key=("order_id",),
        description="One row per order (each version of it). The only table a shop must bring, with order_lines.",
        columns=(
            Column("order_id", "text", "Key of the order.", required=True),
            Column("customer_id", "text", "Key of the customer; null: guest."),
            Column("email", "text", "E-mail address given with the order."),
            Column("ordered_at", "timestamp", "When the order was placed.", required=True, is_past=True),
            _status(),
            _currency(),
            Column("shipping_amount", "amount", "Shipping and other charges that are no products."),
            Column("tax_amount", "amount", "Tax contained in the order."),
            Column("discount_codes", "text", "Codes used, separated by commas."),
            Column("channel", "text", "Where the order came from, for example google_ads."),
            Column("is_gift", "boolean", "The buyer marked the order as a gift."),
            Column("gift_note", "text", "Message for the receiver."),
            Column("ship_to_name", "text", "Name of the receiver."),
            Column("ship_to_country", "text", "ISO 3166 alpha-2 code of the country of delivery."),
            Column("ship_to_postal_code", "text", "Postal code of the delivery."),
        ),
    ),
    Table(
        name="order_lines",
        key=("order_id", "line_number"),
        description="One row per line of an order.",
        needs_order=True,
        columns=(
            Column("order_id", "text", "The order.", required=True),
            Column("line_number", "integer", "Number of the line within its order.", required=True),
            Column("product_id", "text", "The product."),
            Column("product_title", "text", "Title of the product when it was sold."),
            Column("quantity", "quantity", "Units sold.", required=True),
            Column("unit_price", "amount", "Price of one unit before the line's discount.", required=True),
            Column("discount_amount", "amount", "Reduction of the whole line, positive.", minimum=0),
        ),
    ),
    Table(
        name="refunds",
        key=("refund_id",),
        description="One row per refund of an order or of one of its lines.",
        needs_order=True,
        columns=(
            Column("refund_id", "text", "Key of the refund.", required=True),
            Column("order_id", "text", "The order it belongs to.", required=True),
            Column("refunded_at", "timestamp", "When the money went back.", required=True, is_past=True),
            Column("amount", "amount", "Money given back, positive.", required=True, minimum=0),
            Column("line_number", "integer", "The line it belongs to; null: the whole order."),
            Column("quantity", "quantity", "Units taken back, positive.", minimum=0),
        ),
    ),
    Table(
        name="customers",
        key=("customer_id",),
        description="One row per customer profile.",
        columns=(
            Column("customer_id", "text", "Key of the customer.", required=True),
            Column("email", "text", "E-mail address."),
            Column("phone", "text", "Phone number."),
            Column("first_name", "text", "First name."),
            Column("last_name", "text", "Last name."),
            Column("country", "text", "ISO 3166 alpha-2 code."),
            Column("postal_code", "text", "Postal code."),
            Column("language", "text", "Language code, for example de."),
            Column("created_at", "timestamp", "When the profile was made.", is_past=True),
            Column("email_consent", "boolean", "May be written to by e-mail."),
            Column("sms_consent", "boolean", "May be written to by SMS."),
            Column("ads_user_data_consent", "boolean", "Data may be sent to advertising platforms."),
            Column("ads_personalization_consent", "boolean", "Advertising may be personalised."),
            Column("tracking_consent", "boolean", "Site behaviour may be used."),
            Column("consent_updated_at", "timestamp", "When the consents were last given or taken back.", is_past=True),
            Column("acquisition_channel", "text", "Channel that first brought the customer."),
            Column("attributes", "json", "Anything else, as a JSON object."),
        ),
    ),
    Table(
        name="products",
        key=("product_id",),
        description="One row per product.",
        columns=(
            Column("product_id", "text", "Key of the product.", required=True),
            Column("title", "text", "Title."),
            Column("category", "text", "Category."),
            Column("brand", "text", "Brand."),
            Column("tags", "text", "Tags, separated by commas."),
            Column("unit_cost", "amount", "What one unit costs the shop."),
            Column("unit_price", "amount", "List price of one unit."),
            Column("is_active", "boolean", "Is on sale."),
            Column("is_in_stock", "boolean", "Can be delivered."),
            Column("created_at", "timestamp", "When it came into the range.", is_past=True),
        ),
    ),
    Table(
        name="email_events",
        key=("event_id",),
        description="One row per e-mail event.",
        any_of=("customer_id", "email"),
        columns=(
            Column("event_id", "text", "Key of the event.", required=True),
            Column("customer_id", "text", "The customer."),
            Column("email", "text", "E-mail address, where the customer is not known by id."),
            _event_type(EMAIL_EVENT_TYPES),
            Column("occurred_at", "timestamp", "When it happened.", required=True, is_past=True),
            Column("campaign_id", "text", "The campaign or message."),
            Column("is_machine_open", "boolean", "An opening by a mail program, not a person; null: not known."),
        ),
    ),
    Table(
        name="web_events",
        key=("event_id",),
        description="One row per event on the site.",
        any_of=("customer_id", "email"),
        columns=(
            Column("event_id", "text", "Key of the event.", required=True),
            Column("customer_id", "text", "The customer."),
            Column("email", "text", "E-mail address, where the customer is not known by id."),
            _event_type(WEB_EVENT_TYPES),
            Column("product_id", "text", "The product, where the event is about one."),
            Column("occurred_at", "timestamp", "When it happened.", required=True, is_past=True),
        ),
    ),
    Table(
        name="marketing_spend",
        key=("day", "channel"),
        description="One row per day and channel.",
        columns=(
            Column("day", "date", "Calendar day.", required=True, is_past=True),
            Column("channel", "text", "Channel, spelled as in orders.channel.", required=True),
            Column("amount", "amount", "Money spent.", required=True),
            _currency(),
        ),
    ),
    Table(
        name="exchange_rates",
        key=("day", "currency"),
        description="One row per day and currency.",
        columns=(
            Column("day", "date", "Calendar day.", required=True, is_past=True),
            _currency(),
            Column(
                "rate", "rate", "Units of the reporting currency for one unit of this one.", required=True, minimum=0
            ),
        ),
    ),
)

TABLES_BY_NAME: dict[str, Table] = {table.name: table for table in TABLES}

REJECTED_ROWS = Table(
    name="rejected_rows",
    key=("file", "line", "table_name", "reason_code"),
    description="Rows that could not be used, with the reason. Personal data may be in row_json.",
    columns=(
        Column("file", "text", "Path of the file, as given."),
        Column("line", "integer", "First physical line of the row in a text file; row number in Parquet and Excel."),
        Column("table_name", "text", "Landing table the row was meant for."),
        Column("reason_code", "text", "Why, as a stable code."),
        Column("message", "text", "Why, as a sentence."),
        Column("row_json", "json", "The row as read."),
    ),
)

LOADED_FILES = Table(
    name="loaded_files",
    key=("file", "table_name", LOADED_AT),
    description="One row per file and landing table of each committed load.",
    columns=(
        Column("file", "text", "Path of the file, as given."),
        Column("sha256", "text", "Digest of the file and of the options that decide how it is read."),
        Column("preset", "text", "Preset, or the name of the mapping file."),
        Column("table_name", "text", "Landing table."),
        Column("row_count", "integer", "Rows read for this table."),
        Column("loaded_count", "integer", "Rows added."),
        Column("unchanged_count", "integer", "Rows stored already, or repeated within the file."),
        Column("rejected_count", "integer", "Rows rejected."),
    ),
)


def create_statement(table: Table) -> str:
    """The `create table if not exists` of a table. The checks are the loader's, so columns stay nullable."""
    columns = ",\n    ".join(f'"{column.name}" {column.sql_type}' for column in table.columns)
    loaded_at = f"{LOADED_AT} {SQL_TYPES['timestamp']} not null"
    return f"create table if not exists {table.relation} (\n    {columns},\n    {loaded_at}\n)"


def create_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the schema and every landing table that is not there yet."""
    connection.execute(f"create schema if not exists {SCHEMA}")
    for table in (*TABLES, REJECTED_ROWS, LOADED_FILES):
        connection.execute(create_statement(table))
