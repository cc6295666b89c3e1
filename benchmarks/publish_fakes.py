"""A platform on loopback, in a process of its own, that counts what it is sent: `python publish_fakes.py webhook`.

Prints its address, then a line of JSON for each line it reads. `count` and `report`: what it was sent since the last
`report`. `wrong PATH`: how many people it has not as that warehouse has them, or has and should not. The receiver of
webhooks asks for no signature and no idempotency key, since not every tool can give them.
"""

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol

import psycopg
from psycopg.rows import dict_row
from publish_shop import people_of, plain

from regulars.publish.fakes.klaviyo import klaviyo
from regulars.publish.fakes.webhook import receiver

ACCOUNT = "Bench1"


class Counting(Protocol):
    """A platform that counts."""

    url: str

    def counts(self) -> dict[str, int]:
        """Since it began: `writes` and `reads` (requests), `rows`, and of them `again`: those it had as they were."""

    def people(self) -> dict[str, Any]:
        """By customer id, what it has of her."""


class Hook:
    """Who is there, by a receiver of webhooks that takes anything of the right shape in."""

    def __init__(self) -> None:
        self.url = ""
        self.there: dict[str, str] = {}
        self.writes = self.rows = self.again = 0

    def take_in(self, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:  # noqa: ARG002  (as the receiver has it)
        """One request. People are kept as text: as many as five million of them."""
        said = json.loads(body)
        for row in said["rows"]:
            if said["operation"] == "remove":
                self.there.pop(row["customer_id"], None)
                continue
            kept = json.dumps([row["identifiers"], row["properties"]], sort_keys=True)
            self.again += self.there.get(row["customer_id"]) == kept
            self.there[row["customer_id"]] = kept
        self.writes += 1
        self.rows += len(said["rows"])
        return 200, b""

    def counts(self) -> dict[str, int]:
        """As `Counting` has it."""
        return {"writes": self.writes, "reads": 0, "rows": self.rows, "again": self.again}

    def people(self) -> dict[str, Any]:
        """As `Counting` has it."""
        return {name: json.loads(kept) for name, kept in self.there.items()}


@contextmanager
def hook(_secret: str) -> Iterator[Counting]:
    """A receiver of webhooks."""
    taken = Hook()
    with receiver("any") as state:
        # Its own would ask for a signature, and keep every request.
        state.take_in = taken.take_in  # type: ignore[method-assign]
        taken.url = state.url
        yield taken


class Profiles:
    """Who is there, by the fake of Klaviyo, limits of rate left out."""

    def __init__(self, state: Any) -> None:  # noqa: ANN401  (the fake's Account)
        self.state, self.url = state, state.url

    def counts(self) -> dict[str, int]:
        """As `Counting` has it; what it has already is not counted."""
        written = [rows for method, path, rows in self.state.requests if method != "GET" and path != "/api/lists"]
        return {
            "writes": len(written), "reads": len(self.state.requests) - len(written), "rows": sum(written), "again": 0,
        }  # fmt: skip

    def people(self) -> dict[str, Any]:
        """As `Counting` has it."""
        on_list = self.state.on_list("everybody")
        attributes = [profile.attributes for profile in self.state.profiles.values()]
        return {
            one["external_id"]: [
                {"email": one.get("email"), "phone": one.get("phone_number"), "first_name": one.get("first_name")},
                one["properties"],
            ]
            for one in attributes
            if one["external_id"] in on_list
        }


@contextmanager
def profiles(secret: str) -> Iterator[Counting]:
    """An account at Klaviyo."""
    with klaviyo(ACCOUNT, secret) as state:
        yield Profiles(state)


class Database:
    """Who is there, in a serving table of a PostgreSQL that is safe against a loss of power, as a shop's is."""

    def __init__(self, server: Any) -> None:  # noqa: ANN401  (the Server of the tests)
        self.server, self.url = server, server.url()
        self.session = psycopg.connect(self.url, autocommit=True, row_factory=dict_row)

    def counts(self) -> dict[str, int]:
        """As `Counting` has it; a write is a statement that changes the table, and all rows are written but those that
        are there as they are.
        """
        found = self.session.execute(
            "select coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::int8 as rows from pg_stat_user_tables"
            " where relname = 'everybody'"
        ).fetchone()
        writes = re.findall(
            r'(?:copy|insert into|delete from)\s+"regulars"\s*\.\s*"everybody"', self.server.log, re.IGNORECASE
        )
        return {"writes": len(writes), "reads": 0, "rows": found["rows"] if found else 0, "again": 0}

    def people(self) -> dict[str, Any]:
        """As `Counting` has it."""
        return {
            one["customer_id"]: [one, one]
            for one in self.session.execute('select * from "regulars"."everybody"').fetchall()
        }


@contextmanager
def database(_secret: str) -> Iterator[Counting]:
    """A PostgreSQL of its own, as the tests have one."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "python"))
    from publish import postgres_server

    postgres_server.OPTIONS |= {"fsync": "on", "full_page_writes": "on", "log_statement": "mod"}
    with postgres_server.running_postgres() as server:
        yield Database(server)


def main() -> None:
    """Arguments: which platform, and the secret that it asks for."""
    name, secret = sys.argv[1:]
    # A client that is killed hangs up, which is no news.
    ThreadingHTTPServer.handle_error = lambda *_: None  # type: ignore[method-assign]
    with {"webhook": hook, "klaviyo": profiles, "postgres": database}[name](secret) as taken:
        print(taken.url, flush=True)
        before = taken.counts()
        for line in sys.stdin:
            word, _, path = line.strip().partition(" ")
            if word == "wrong":
                print(json.dumps({"wrong": wrong(taken.people(), Path(path))}), flush=True)
                continue
            now = taken.counts()
            print(json.dumps({key: now[key] - before[key] for key in now}), flush=True)
            if word == "report":
                before = now


def wrong(people: dict[str, Any], warehouse: Path) -> int:
    """How many people are not there as they should, or are and should not."""
    count = 0
    for name, kept in people_of(warehouse):
        found = people.pop(name, None)
        count += found is None or plain(*found) != plain(*kept)
    return count + len(people)


if __name__ == "__main__":
    main()
