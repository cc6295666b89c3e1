"""The data dictionary: a page of every table that people query, edit or fill, from the words in the project's YAML."""

from collections.abc import Iterable

from regulars.docs.project import GRAIN, LANDING, MARTS, SEEDS, Table

PARTS = {
    MARTS: "Marts: what to query",
    SEEDS: "Seeds: rule tables to edit",
    LANDING: "Landing tables: what a shop brings",
}
INTRODUCTION = """# Data dictionary

Look up what a column means, in which unit, and when it is empty. Most questions about customers are answered by
`marts.customer_segments` alone. A var named in a text changes the rule; [vars.md](vars.md) explains each one.

`regulars docs dictionary` writes this page from the descriptions in `models/` and `seeds/`: change the words there."""


def render(tables: Iterable[Table]) -> str:
    """The page as Markdown: a list of the tables, then a section for each mart, seed and landing table."""
    shown = list(tables)
    blocks = [INTRODUCTION]
    for part, title in PARTS.items():
        members = [table for table in shown if table.part[0] == part]
        if members:
            blocks += [f"## {title}", _list_of(members), *(_section(table) for table in members)]
    return "\n\n".join(blocks) + "\n"


def gaps(tables: Iterable[Table]) -> list[str]:
    """What the YAML leaves unsaid, one sentence each: descriptions, grains, types, and contracts of marts."""
    found: list[str] = []
    for table in tables:
        if not table.description:
            found.append(f"{table.name}: has no description")
        elif not table.grain or (table.part[0] != SEEDS and not table.description.startswith(GRAIN)):
            found.append(f'{table.name}: its description must begin with the grain, "{GRAIN} per …"')
        if not table.columns:
            found.append(f"{table.name}: no column is described")
        if table.part[0] == MARTS and table.is_sql and not table.has_contract:
            found.append(f"{table.name}: is a mart without an enforced contract")
        for column in table.columns:
            if not column.description:
                found.append(f"{table.name}.{column.name}: has no description")
            if not column.data_type:
                found.append(f"{table.name}.{column.name}: has no data_type")
    return found


def differences(expected: str, committed: str) -> list[str]:
    """Names of the sections that differ between two versions of the page, in the order of the expected one."""
    wanted, present = _by_heading(expected), _by_heading(committed)
    return [name for name in dict.fromkeys([*wanted, *present]) if wanted.get(name) != present.get(name)]


def _list_of(tables: list[Table]) -> str:
    rows = [f"| [{table.name}](#{table.name}) | {_cell(_row(table))} |" for table in tables]
    return "\n".join(["| table | one row is |", "|---|---|", *rows])


def _row(table: Table) -> str:
    return table.grain.removeprefix(GRAIN).removeprefix(" per ").removeprefix(": ").strip()


def _section(table: Table) -> str:
    rows = [f"| `{column.name}` | {column.data_type} | {_cell(column.description)} |" for column in table.columns]
    return "\n".join(
        [
            f"### {table.name}",
            "",
            table.description,
            "",
            f"In the warehouse: `{table.relation}`.",
            "",
            "| column | type | meaning |",
            "|---|---|---|",
            *rows,
        ]
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _by_heading(page: str) -> dict[str, str]:
    sections: dict[str, str] = {}
    name = "the introduction"
    for line in page.splitlines():
        if line.startswith("#"):
            name = line.lstrip("#").strip()
        sections[name] = sections.get(name, "") + line + "\n"
    return sections
