"""Mappings: which column of a file becomes which column of a landing table. A preset is one that ships with us."""

import difflib
import fnmatch
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from regulars.errors import UsageError
from regulars.load.landing import TABLES_BY_NAME

PRESETS = ("generic", "online-retail", "shopify-orders", "woocommerce-orders", "klaviyo-events")


class _Loader(yaml.SafeLoader):
    """YAML in which NO is Norway and a date is text: only true and false are booleans."""


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag != "tag:yaml.org,2002:timestamp" and (tag != "tag:yaml.org,2002:bool" or first in "tTfF")
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Lookup(_Strict):
    """A value taken from another file of the same folder, by key."""

    file: str
    """Glob on the file's name, in the folder of the file that is loaded."""
    key: str
    """Column of the other file that is compared."""
    value: str
    """Column of the other file that is taken."""
    combine: Literal["only", "sum", "min", "max"] = "only"
    """What to do with several rows of one key; `only` refuses rows that differ."""


def _text(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


class ColumnSource(_Strict):
    """Where the values of one landing column come from."""

    source: Annotated[list[str], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)] = Field(
        default_factory=list, alias="from"
    )
    """Name of the file's column; several: the first that the file has."""
    value: Annotated[str | None, BeforeValidator(_text)] = None
    """The same value for every row."""
    values: dict[Annotated[str, BeforeValidator(_text)], Annotated[str | None, BeforeValidator(_text)]] = Field(
        default_factory=dict
    )
    """Translation of values; what is not listed stays as it is."""
    default: Annotated[str | None, BeforeValidator(_text)] = None
    """Taken where the column is empty."""
    lookup: Lookup | None = None
    optional: bool = False
    """The file may lack the column."""

    @model_validator(mode="after")
    def _one_origin(self) -> "ColumnSource":
        if not self.source and self.value is None:
            raise ValueError(
                "say where it comes from: `from: <column of the file>` or `value: <the same for all rows>`"
            )
        if self.source and self.value is not None:
            raise ValueError("`from` and `value` exclude each other; for empty cells use `default`")
        if self.lookup and not self.source:
            raise ValueError("a lookup needs `from`: the column of this file that holds the key")
        return self


def _column(value: object) -> object:
    return {"from": value} if isinstance(value, str | list) else value


ColumnEntry = Annotated[ColumnSource, BeforeValidator(_column)]


class TableMapping(_Strict):
    """One landing table out of the files whose names match."""

    table: str
    match: str
    columns: dict[str, ColumnEntry]

    @model_validator(mode="after")
    def _known(self) -> "TableMapping":
        if self.table not in TABLES_BY_NAME:
            raise ValueError(f"{self.table} is no landing table{did_you_mean(self.table, TABLES_BY_NAME)}")
        names = TABLES_BY_NAME[self.table].column_names
        for name in self.columns:
            if name not in names:
                raise ValueError(f"{self.table} has no column {name}{did_you_mean(name, names)}")
        return self


class InvoiceRules(_Strict):
    """How a list of invoice lines is read: what is a product, what a country name means."""

    product_pattern: str
    currency: str
    countries: dict[str, str | None]


class Mapping(_Strict):
    """A whole mapping file."""

    name: str = ""
    description: str = ""
    hint: str = ""
    """Said when a file lacks a column."""
    layout: Literal["generic", "tables", "invoice_lines", "order_rows", "events"] = "tables"
    time_zone: str | None = None
    date_format: str | None = None
    decimal: Literal[".", ","] | None = None
    thousands: Literal[",", ".", " ", "'"] | None = None
    encoding: str | None = None
    delimiter: str | None = None
    tables: list[TableMapping] = Field(default_factory=list)
    fields: dict[str, ColumnEntry] = Field(default_factory=dict)
    invoices: InvoiceRules | None = None

    @model_validator(mode="after")
    def _complete(self) -> "Mapping":
        if self.layout == "tables" and not self.tables:
            raise ValueError("`tables` lists nothing; name at least one landing table with its columns")
        if self.layout == "invoice_lines" and self.invoices is None:
            raise ValueError("the layout invoice_lines needs `invoices`")
        return self

    def tables_for(self, file_name: str) -> list[TableMapping]:
        """Entries whose pattern matches the file's name."""
        return [entry for entry in self.tables if fnmatch.fnmatch(file_name.lower(), entry.match.lower())]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`; did you mean a or b?` for close names, or the list of all when nothing is close."""
    names = list(known)
    close = difflib.get_close_matches(name.lower(), names, n=3, cutoff=0.6)
    if close:
        return f"; did you mean {' or '.join(close)}?"
    return f"; known: {', '.join(names)}" if len(names) <= 24 else ""


def preset(name: str) -> Mapping:
    """A preset by name.

    Raises
    ------
    UsageError: there is none of that name.
    """
    if name not in PRESETS:
        raise UsageError(f"there is no preset {name}{did_you_mean(name, PRESETS)}")
    text = resources.files("regulars.load").joinpath(f"presets/{name}.yml").read_text("utf-8")
    return parse(text, f"preset {name}")


def read(path: Path) -> Mapping:
    """A mapping file.

    Raises
    ------
    UsageError: missing, no YAML, or not a mapping; with the line and what would be right.
    """
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError as error:
        raise UsageError(f"{path} does not exist; --mapping wants a YAML file (docs/map-your-own-shop.md)") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read as UTF-8 text: {error}") from error
    mapping = parse(text, str(path))
    return mapping.model_copy(update={"name": mapping.name or path.stem})


def parse(text: str, origin: str) -> Mapping:
    """A mapping out of YAML text; ``origin`` names it in errors."""
    try:
        node = yaml.compose(text, Loader=_Loader)
        data = yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}" if mark else ""
        raise UsageError(f"{origin}{where} is not YAML: {getattr(error, 'problem', error)}") from error
    if not isinstance(data, dict):
        raise UsageError(f"{origin} line 1: expected keys such as `tables:`; see docs/map-your-own-shop.md")
    try:
        return Mapping.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        path = [part for part in first["loc"] if part != "[key]"]
        words = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            words = f"unknown key{did_you_mean(str(path[-1]), _keys_at(path))}"
        place = ".".join(str(part) for part in path) or "the file"
        more = f" ({len(error.errors()) - 1} more)" if len(error.errors()) > 1 else ""
        raise UsageError(f"{origin} line {_line(node, path)}: {place}: {words}{more}") from error


def _keys_at(path: list[str | int]) -> list[str]:
    """Keys that may stand where ``path`` ends."""
    model: type[BaseModel] = Mapping
    if len(path) > 1:
        parts: dict[str, type[BaseModel]] = {
            "tables": TableMapping,
            "fields": ColumnSource,
            "invoices": InvoiceRules,
        }
        model = parts.get(str(path[0]), Mapping)
        if "lookup" in path[:-1]:
            model = Lookup
        elif "columns" in path[:-1]:
            model = ColumnSource
    return [field.alias or name for name, field in model.model_fields.items()]


def _line(node: yaml.Node | None, path: list[str | int]) -> int:
    """Line of the deepest node on the path."""
    line = 1
    for part in path:
        if isinstance(node, yaml.MappingNode):
            match = next(((key, value) for key, value in node.value if key.value == str(part)), None)
            if match is None:
                break
            line = match[0].start_mark.line + 1
            node = match[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
    return line
