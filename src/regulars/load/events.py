"""The layout `events`: e-mail and site events in one file, told apart by their type."""

from regulars.load.casting import identifier, quote
from regulars.load.landing import EMAIL_EVENT_TYPES, TABLES_BY_NAME, WEB_EVENT_TYPES, Column, Table
from regulars.load.mapping import Mapping
from regulars.load.staging import Context, Output, Prepared, cast_rows

FIELDS = Table(
    name="email_events",
    key=("event_id",),
    description="One row of the file.",
    any_of=("customer_id", "email"),
    columns=(
        *TABLES_BY_NAME["email_events"].columns[:3],
        Column(
            "event_type",
            "text",
            "What happened.",
            required=True,
            allowed=(*EMAIL_EVENT_TYPES, *WEB_EVENT_TYPES),
            unknown_reason="unknown_event_type",
        ),
        *TABLES_BY_NAME["email_events"].columns[4:],
        TABLES_BY_NAME["web_events"].column("product_id"),
    ),
)


def prepare(context: Context, mapping: Mapping) -> Prepared:
    """E-mail events and site events out of one file."""
    ignored = cast_rows(context, FIELDS, mapping.fields, "load_event_cast")
    outputs = []
    for name, types in (("email_events", EMAIL_EVENT_TYPES), ("web_events", WEB_EVENT_TYPES)):
        table = TABLES_BY_NAME[name]
        columns = ", ".join(identifier(column) for column in table.column_names)
        context.connection.execute(
            f"create or replace temp view load_out_{name} as select _line, {columns} from load_event_cast "
            f"where _fault is null and event_type in ({', '.join(quote(kind) for kind in types)})"
        )
        outputs.append(Output(table, f"load_out_{name}"))
    return Prepared(outputs, ignored)
