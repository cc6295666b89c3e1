"""The same rows from every format, encoding and number style come out the same; or are refused."""

import gzip
import io
import json
import zipfile
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet
import pytest

HEADER = ["order_id", "customer_id", "ordered_at", "status", "currency", "shipping_amount", "gift_note"]
ROWS = [
    ["1", "c1", "2024-01-15T10:30:00Z", "paid", "EUR", "4.90", "für Zoë"],
    ["2", "", "2024-01-16T00:00:00Z", "pending", "USD", "", 'two\nlines, and a "quote"'],
]
STORED = [
    ("1", "c1", datetime(2024, 1, 15, 10, 30, tzinfo=UTC), "paid", "EUR", Decimal("4.9000"), "für Zoë"),
    ("2", None, datetime(2024, 1, 16, tzinfo=UTC), "pending", "USD", None, 'two\nlines, and a "quote"'),
]


def delimited(mark: str = ",", end: str = "\n") -> str:
    def cell(text: str) -> str:
        doubled = text.replace('"', '""')
        return f'"{doubled}"' if any(sign in text for sign in f'{mark}"\n') else text

    return "".join(mark.join(cell(text) for text in row) + end for row in [HEADER, *ROWS])


def workbook(rows: list[list[str]]) -> bytes:
    """A minimal .xlsx with inline strings."""

    def escaped(text: str) -> str:
        return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")

    lines = "".join(
        "<row>" + "".join(f'<c t="inlineStr"><is><t>{escaped(cell)}</t></is></c>' for cell in row) + "</row>"
        for row in rows
    )
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"><Default Extension="xml" '
        'ContentType="application/xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
        f'Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook {main} xmlns:r="{office}"><sheets>'
        '<sheet name="Orders" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
        f'Type="{office}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f"<worksheet {main}><sheetData>{lines}</sheetData></worksheet>",
    }
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, '<?xml version="1.0" encoding="UTF-8"?>' + text)
    return target.getvalue()


def parquet(**types: pa.DataType) -> bytes:
    columns = {name: [row[index] or None for row in ROWS] for index, name in enumerate(HEADER)}
    table = pa.table(columns)
    for name, kind in types.items():
        index = table.schema.get_field_index(name)
        values = [
            None if text is None else (Decimal(text) if name == "shipping_amount" else text) for text in columns[name]
        ]
        if name == "shipping_amount" and pa.types.is_floating(kind):
            values = [None if value is None else float(value) for value in values]
        if name == "ordered_at":
            values = [datetime.fromisoformat(text).replace(tzinfo=None) for text in columns[name]]
        table = table.set_column(index, name, pa.array(values, kind))
    target = io.BytesIO()
    pyarrow.parquet.write_table(table, target)
    return target.getvalue()


def json_lines() -> str:
    objects = [{key: value or None for key, value in zip(HEADER, row, strict=True)} for row in ROWS]
    objects[0]["shipping_amount"] = 4.90  # type: ignore[assignment]
    objects[1].pop("customer_id")
    return "\n".join(json.dumps(item) for item in objects) + "\n"


def zstd(text: str) -> bytes:
    return pa.Codec("zstd").compress(text.encode(), asbytes=True)


FILES = {
    "comma": ("orders.csv", delimited().encode(), []),
    "windows line ends": ("orders.csv", delimited(end="\r\n").encode(), []),
    "semicolon": ("orders.csv", delimited(";").encode(), []),
    "pipe": ("orders.txt", delimited("|").encode(), []),
    "tab": ("orders.tsv", delimited("\t").encode(), []),
    "byte order mark": ("orders.csv", delimited().encode("utf-8-sig"), []),
    "utf-16": ("orders.csv", delimited().encode("utf-16"), []),
    "utf-16 big endian": ("orders.csv", b"\xfe\xff" + delimited().encode("utf-16-be"), []),
    "utf-16 declared": ("orders.csv", delimited().encode("utf-16-le"), ["--encoding", "utf-16-le"]),
    "latin-1 declared": ("orders.csv", delimited().encode("latin-1"), ["--encoding", "latin-1"]),
    "gzip": ("orders.csv.gz", gzip.compress(delimited().encode()), []),
    "zstd": ("orders.csv.zst", zstd(delimited()), []),
    "blank lines": ("orders.csv", ("\n" + delimited() + "\n\n").encode(), []),
    "other table by option": ("export.csv", delimited().encode(), ["--table"]),
    "titles as people write them": ("orders.csv", delimited().replace("order_id", "Order ID").encode(), []),
    "json lines": ("orders.jsonl", json_lines().encode(), []),
    "json lines, gzip": ("orders.ndjson.gz", gzip.compress(json_lines().encode()), []),
    "excel": ("orders.xlsx", workbook([HEADER, *ROWS]), []),
    "parquet of text": ("orders.parquet", parquet(), []),
    "parquet of types": (
        "orders.parquet",
        parquet(ordered_at=pa.timestamp("us"), shipping_amount=pa.float64()),
        [],
    ),
    "parquet of decimals": (
        "orders.parquet",
        parquet(ordered_at=pa.timestamp("ms", "UTC"), shipping_amount=pa.decimal128(10, 2)),
        [],
    ),
    "parquet of floats": ("orders.parquet", parquet(shipping_amount=pa.float32()), []),
}


@pytest.mark.parametrize("kind", FILES)
def test_the_same_rows_come_out_of_every_format(shop, kind) -> None:
    name, content, options = FILES[kind]
    path = shop.write(name, content)
    words = [f"--table=orders={path}"] if options == ["--table"] else [path, *options]
    outcome = shop.load(*words)
    assert outcome.exit_code == 0, outcome.error
    assert shop.query(f"select {', '.join(HEADER)} from raw.orders order by order_id") == STORED
    assert path.read_bytes() == content


def test_latin_1_that_is_not_declared_is_refused_row_by_row(shop) -> None:
    outcome = shop.load(shop.write("orders.csv", delimited().encode("latin-1")))
    assert outcome.exit_code == 1
    assert "--encoding latin-1" in outcome.output
    assert shop.reasons() == [(2, "invalid_utf8")]


NUMBERS = [
    ("4.9", [], "4.9000"),
    ("+4.", [], "4.0000"),
    (".5", [], "0.5000"),
    ("-1e3", [], "-1000.0000"),
    ("0.00005", [], "0.0001"),
    ("1,234.50", [], "1234.5000"),
    ("1,234,567.5", [], "1234567.5000"),
    ("1,234", [], None),
    ("1.234,50", [], None),
    ("4,9", ["--decimal-comma"], "4.9000"),
    ("4,9", ["--decimal", "comma"], "4.9000"),
    ("1.234,50", ["--decimal-comma"], "1234.5000"),
    ("1.234", ["--decimal-comma"], None),
    ("1.234", ["--decimal-comma", "--thousands", "point"], "1234.0000"),
    ("1,234", ["--thousands", "comma"], "1234.0000"),
    ("1 234,5", ["--decimal-comma", "--thousands", "space"], "1234.5000"),
    ("1'234.5", ["--thousands", "apostrophe"], "1234.5000"),
    ("12,34", ["--thousands", "comma"], None),
    ("1234", ["--thousands", "comma"], "1234.0000"),
]


@pytest.mark.parametrize(("text", "options", "value"), NUMBERS)
def test_numbers_are_read_right_or_refused(shop, text, options, value) -> None:
    path = shop.write("orders.csv", f"{';'.join(HEADER[:6])}\n1;c;2024-01-15;paid;EUR;{text}\n")
    outcome = shop.load(path, *options)
    if value is None:
        assert outcome.exit_code == 1
        assert shop.reasons() == [(2, "unparsable_number")]
    else:
        assert outcome.exit_code == 0
        assert shop.query("select shipping_amount from raw.orders") == [(Decimal(value),)]


TIMES = [
    ("2024-01-15", [], "2024-01-15T00:00:00"),
    ("2024-01-15 10:30", [], "2024-01-15T10:30:00"),
    ("2024-01-15T10:30:00.123456Z", [], "2024-01-15T10:30:00.123456"),
    ("2024-01-15 10:30:00 UTC", [], "2024-01-15T10:30:00"),
    ("2024-01-15 10:30:00 -0500", [], "2024-01-15T15:30:00"),
    ("2024-01-15T10:30:00+05:30", [], "2024-01-15T05:00:00"),
    ("2024-01-15T10:30+02", [], "2024-01-15T08:30:00"),
    ("2024-01-15 10:30", ["--time-zone", "Europe/Berlin"], "2024-01-15T09:30:00"),
    ("2024-05-15 10:30", ["--time-zone", "Europe/Berlin"], "2024-05-15T08:30:00"),
    ("2024-01-15T10:30Z", ["--time-zone", "Europe/Berlin"], "2024-01-15T10:30:00"),
    ("15/01/2024 10:30", ["--date-format", "%d/%m/%Y %H:%M"], "2024-01-15T10:30:00"),
    ("15/01/2024 10:30 +0200", ["--date-format", "%d/%m/%Y %H:%M %z"], "2024-01-15T08:30:00"),
    ("01/15/2024 10:30", ["--date-format", "%d/%m/%Y %H:%M"], None),
    ("15/01/2024", [], None),
    ("2024-01", [], None),
    ("-infinity", [], None),
]


@pytest.mark.parametrize(("text", "options", "value"), TIMES)
def test_times_are_read_right_or_refused(shop, text, options, value) -> None:
    outcome = shop.load(shop.orders(f"1,c,{text},paid,EUR"), *options)
    if value is None:
        assert outcome.exit_code == 1
        assert shop.reasons() == [(2, "unparsable_timestamp")]
    else:
        assert outcome.exit_code == 0
        assert shop.query("select ordered_at from raw.orders")[0][0].replace(tzinfo=None).isoformat() == value


def test_json_lines_that_are_no_objects_are_rejected(shop) -> None:
    good = json.dumps(dict(zip(HEADER, ROWS[0], strict=True)))
    content = good.encode() + b'\n[1]\n{"order_id": NaN}\n{"order_id": "\xff"}\n{"order_id": "\\ud800"}\nnot json\n'
    assert shop.load(shop.write("orders.jsonl", content), "--max-reject-share", "1").exit_code == 0
    assert shop.count("orders") == 1
    reasons = dict(shop.reasons())
    assert reasons.pop(4) == "invalid_utf8"
    assert reasons == dict.fromkeys((2, 3, 5, 6), "invalid_json")


def test_parquet_numbers_that_are_no_amounts_are_rejected(shop) -> None:
    table = pa.table(
        {
            "order_id": ["1", "2", "3", "4"],
            "ordered_at": pa.array([datetime(2024, 1, 1)] * 4, pa.timestamp("us")),
            "status": ["paid"] * 4,
            "currency": ["EUR"] * 4,
            "shipping_amount": [float("nan"), float("-inf"), 1e13, 0.1],
        }
    )
    pyarrow.parquet.write_table(table, shop.folder / "orders.parquet")
    assert shop.load(shop.folder / "orders.parquet", "--max-reject-share", "1").exit_code == 0
    assert shop.reasons() == [(1, "number_not_finite"), (2, "number_not_finite"), (3, "number_out_of_range")]
    assert shop.query("select order_id, shipping_amount from raw.orders") == [("4", Decimal("0.1000"))]


def test_files_folders_and_globs_mean_the_same(shop) -> None:
    shop.orders("1,c,2024-01-15,paid,EUR", name="orders-2023.csv")
    shop.orders("2,c,2024-01-15,paid,EUR", name="orders_2024.csv")
    shop.write("order_lines.csv", "order_id,line_number,quantity,unit_price\n1,1,1,1\n2,1,1,1\n")
    shop.write("truth.json", "{}")
    outcome = shop.load(shop.folder)
    assert outcome.exit_code == 0
    assert (shop.count("orders"), shop.count("order_lines")) == (2, 2)
    assert "truth.json: left out" in outcome.output
    assert "already loaded" in shop.load(shop.folder / "orders*.csv").output


def test_columns_that_nothing_uses_are_named(shop) -> None:
    path = shop.orders(
        "1,c,2024-01-15,paid,EUR,x,y", header="order_id,customer_id,ordered_at,status,currency,mood,size"
    )
    assert "columns not used: mood, size" in shop.load(path).output
