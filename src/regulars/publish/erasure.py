"""Erase people everywhere they were ever sent, and never send them again.

A request is first a file in the inbox beside the ledger, readable for nobody else: so it is kept even while another run
has the ledger, and that run leaves the person out from its next batch on. Then it becomes a tombstone (a keyed hash,
which blocks the person under any customer id), one target for each destination that ever received her, and evidence:
request, status, time. When all targets are done, the file and every row that names her go.
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import duckdb

from regulars.publish import identifiers
from regulars.publish.destinations import Answer, Batch, Destination, Person, hashes_of
from regulars.publish.destinations.files import FilesDestination
from regulars.publish.errors import DestinationError, PublishRefusedError
from regulars.publish.ledger import Ledger, write_private
from regulars.publish.plan import CONTACTS, PROPERTIES
from regulars.publish.settings import Settings, Sync
from regulars.publish.tombstones import (
    BARE_PHONE,
    COMMON_DIGITS,
    MAILBOX,
    USUAL_DIGITS,
    USUAL_EMAIL,
    common_of_email,
    customer_names,
    email_forms,
    email_names,
    phone_forms,
    phone_names,
)

REQUEST_ID = re.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
MOST_ALIKE = 10
"""An address of more customers than this is nobody's own, but what a till writes where none was given."""


@dataclass(frozen=True)
class Request:
    """Who is to be erased: customers, an address in lower case, a number in E.164."""

    request_id: str
    requested_at: str
    customer_ids: tuple[str, ...] = ()
    email: str = ""
    phone: str = ""


@dataclass(frozen=True)
class Erased:
    """How far a request is: the evidence, without the person."""

    request_id: str
    status: str
    requested_at: str
    done_at: str | None
    targets: dict[str, str]
    earlier: tuple[str, ...] = ()
    """Requests before this one that erased the person, or somebody of her address or number."""

    def as_dict(self) -> dict[str, object]:
        """For `--json`."""
        return asdict(self)


def inbox(ledger: Path) -> Path:
    """The folder of requests that are not done."""
    return ledger.with_name(ledger.name + ".erasures")


def asked_for(
    request_id: str, requested_at: str, customer_ids: tuple[str, ...], email: str = "", phone: str = ""
) -> Request:
    """A request in the words of whoever asked, checked.

    Raises
    ------
    PublishRefusedError: the id is no name of a file, nobody is named, or by something that is no address or number.
    """
    if not REQUEST_ID.fullmatch(request_id):
        raise PublishRefusedError(
            "the id of a request is made of at most 100 letters and digits, and of . _ - after the first of them"
        )
    if not (customer_ids or email or phone):
        raise PublishRefusedError("say who is to be erased, by a customer id, an address or a number")
    if not all(name.strip() for name in customer_ids):
        raise PublishRefusedError("a customer id is empty")
    address, number = identifiers.email(email), identifiers.phone(phone, None)
    if email and address is None:
        raise PublishRefusedError("this is no e-mail address; nobody was erased")
    if phone and number is None:
        raise PublishRefusedError(
            "this is no phone number with its country code; write it with a +, such as +45 20 12 34 56"
        )
    return Request(request_id, requested_at, customer_ids, address or "", number or "")


def why_taken(ledger: Ledger, request_id: str) -> str:
    """Why the id of a request cannot be given to a new one: the ledger has it, and the inbox has not; or nothing."""
    is_open = (inbox(ledger.path) / f"{request_id}.json").exists()
    for (status,) in ledger.fetch("select status from erasure_request where request_id = $request", request=request_id):
        if status == "done":
            return f"the request {request_id} is done; give another id"
        if not is_open:
            return f"there is a request {request_id} of another worker; give another id"
    return ""


def keep_request(ledger: Path, request: Request) -> None:
    """Put a request into the inbox.

    Raises
    ------
    PublishRefusedError: there is one of that id already that asks for somebody else, or the folder cannot be written.
    """
    path = inbox(ledger) / f"{request.request_id}.json"
    if path.exists():
        before = _read(path)
        # It may name more by now: whom the warehouse knows by what was asked.
        is_same = set(request.customer_ids) <= set(before.customer_ids)
        if not is_same or (before.email, before.phone) != (request.email, request.phone):
            raise PublishRefusedError(
                f"there is a request {request.request_id} for somebody else that is not done; give another id"
            )
        return
    write_private(path, json.dumps(asdict(request)).encode())


def rewrite_request(ledger: Path, request: Request) -> None:
    """Keep more of a request than was known when it was made."""
    write_private(inbox(ledger) / f"{request.request_id}.json", json.dumps(asdict(request)).encode())


def _read(path: Path) -> Request:
    said = json.loads(path.read_text(encoding="utf-8"))
    return Request(**(said | {"customer_ids": tuple(said["customer_ids"])}))


def open_requests(ledger: Path) -> list[Request]:
    """The requests that are not done, by their ids."""
    return [_read(path) for path in sorted(inbox(ledger).glob("*.json"))]


def erased_customers(ledger: Ledger) -> set[str]:
    """Customers that open requests name, or whose address or number they do."""
    return {
        customer_id
        for request in open_requests(ledger.path)
        for customer_id in (*request.customer_ids, *customers_of(ledger, [request.email], [request.phone]))
    }


def customers_of(ledger: Ledger, emails: Iterable[str] = (), phones: Iterable[str] = ()) -> set[str]:
    """The customers whom the warehouse knows by one of some addresses or numbers (E.164), however it writes them."""
    addresses = {form for email in emails for form in email_forms(email)}
    numbers = {form for phone in phones for form in phone_forms(phone, None)}
    if not addresses and not numbers:
        return set()
    # SQL finds whom it may be about, Python who it is. What is written with other signs than usual, all goes to Python.
    found = ledger.planning.execute(
        f"select customer_id, email, phone, country from {CONTACTS} where len($locals) > 0 and ("
        f" list_contains($locals, {MAILBOX}) or not regexp_full_match(email, '{USUAL_EMAIL}')) or len($ends) > 0 and ("
        f" list_contains($ends, right({BARE_PHONE}, {COMMON_DIGITS}))"
        f" or not regexp_full_match({BARE_PHONE}, '{USUAL_DIGITS}'))",
        {
            "locals": [common_of_email(form) for form in sorted(addresses)],
            "ends": [form[-COMMON_DIGITS:] for form in sorted(numbers)],
        },
    ).fetchall()
    return {
        customer_id
        for customer_id, email, phone, country in found
        if not addresses.isdisjoint(email_forms(email)) or not numbers.isdisjoint(phone_forms(phone, country))
    }


def _sent_under(ledger: Ledger, hashes: Sequence[str | None]) -> set[str]:
    """Customers who were sent, or are on their way, under one of some hashes."""
    return {
        customer_id
        for table in ("sync_state", "sync_batch_row")
        for (customer_id,) in ledger.fetch(
            f"select distinct customer_id from {table} where sent_as <> '' and exists"
            " (select 1 from (select unnest(cast($hashes as varchar[])) as hashed) as asked"
            f" where strpos({table}.sent_as, asked.hashed) > 0)",
            hashes=[each for each in hashes if each],
        )
    }


def _whom_it_means(ledger: Ledger, request: Request) -> set[str]:
    """The customers of a request: those it names, and who has its address or number, or had it when she was sent."""
    found = set(request.customer_ids)
    for has_it, forms in (
        (
            customers_of(ledger, emails=[request.email]),
            (identifiers.email(request.email), identifiers.google_email(request.email)),
        ),
        (
            customers_of(ledger, phones=[request.phone]),
            (identifiers.phone(request.phone, None), identifiers.meta_phone(request.phone, None)),
        ),
    ):
        # Whose it is now counts: who had it before has another one, and another request.
        found |= has_it or _sent_under(ledger, [identifiers.sha256_hex(form) for form in forms if form])
    return found


def _contacts(ledger: Ledger, customer_ids: Iterable[str]) -> dict[str, dict[str, str | None]]:
    """What the warehouse knows of customers: email, phone and country."""
    return {
        customer_id: {"email": email, "phone": phone, "country": country}
        for customer_id, email, phone, country in ledger.planning.execute(
            f"select customer_id, email, phone, country from {CONTACTS}"
            " where customer_id in (select unnest($customers::varchar[]))",
            {"customers": sorted(customer_ids)},
        ).fetchall()
    }


def check_warehouse(ledger: Ledger) -> None:
    """Refuse a warehouse that does not say who is who.

    Raises
    ------
    PublishRefusedError: it has no contacts of customers.
    """
    for table in (CONTACTS, PROPERTIES):
        try:
            ledger.planning.execute(f"select 1 from {table} limit 0")
        except duckdb.CatalogException as error:
            raise PublishRefusedError(
                f"the warehouse has no {table.removeprefix('shop.')}, without which nobody can say who is meant; run"
                " dbt build first"
            ) from error


def bury(ledger: Ledger, request: Request, key: bytes, now: datetime) -> tuple[Request, list[str]]:
    """Tombstones and targets of a request that is new; before anything else, so that nobody adds her again.

    Returns the request with everybody it means, and sentences about what whoever asked has to know.
    """
    known = ledger.fetch("select status from erasure_request where request_id = $request", request=request.request_id)
    own = customer_names(key, request.customer_ids)
    own |= email_names(key, request.email) | phone_names(key, request.phone, None)
    if known == [("done",)] and not own <= _buried(ledger, own, request.request_id):
        # It was kept while nobody could look into the ledger, and has the id of a request for somebody else.
        path = inbox(ledger.path) / f"{request.request_id}.json"
        request = replace(request, request_id=f"{request.request_id[:91]}-{uuid4().hex[:8]}")
        rewrite_request(ledger.path, request)
        path.unlink()
        known = []
    customers = _whom_it_means(ledger, request)
    if known:
        return _naming(ledger, request, customers), []
    emails = [
        email
        for contacts in _contacts(ledger, customers).values()
        if (email := identifiers.email(contacts["email"])) is not None
    ]
    problems = []
    alike = customers_of(ledger, emails=emails) - customers
    if len(alike) > MOST_ALIKE:
        problems.append(
            f"erasure {request.request_id}: {len(alike):,} other customers have the same address, so it is nobody's own"
            " and they are not erased, but none of them is sent any more"
        )
    else:
        customers |= alike
    contacts = _contacts(ledger, customers)
    nobody = _who_is_nobody(ledger, request, customers, contacts, _buried(ledger, own), key)
    problems += [f"erasure {request.request_id}: {nobody}"] if nobody else []
    names = own | customer_names(key, customers)
    for found in contacts.values():
        names |= email_names(key, found["email"]) | phone_names(key, found["phone"], found["country"])
    request = _naming(ledger, request, customers)
    with ledger.transaction():
        ledger.execute(
            "insert into erasure_request (request_id, status, requested_at)"
            " values ($request, 'open', cast($at as timestamp))",
            request=request.request_id, at=request.requested_at,
        )  # fmt: skip
        for name in sorted(names):
            ledger.execute(
                "insert into tombstone (person_key, request_id) values ($name, $request)",
                name=name, request=request.request_id,
            )  # fmt: skip
        _note_targets(ledger, request, now)
    return request, problems


def _naming(ledger: Ledger, request: Request, customers: set[str]) -> Request:
    """The request with more customers than it named, kept."""
    if customers <= set(request.customer_ids):
        return request
    request = replace(request, customer_ids=tuple(sorted(customers)))
    rewrite_request(ledger.path, request)
    return request


def _buried(ledger: Ledger, names: set[str], request_id: str = "") -> set[str]:
    """Those of some names that there are tombstones of, by one request or by any."""
    return {
        name
        for (name,) in ledger.fetch(
            "select person_key from tombstone where person_key in (select unnest(cast($names as varchar[])))"
            " and ($request = '' or request_id = $request)",
            names=sorted(names), request=request_id,
        )
    }  # fmt: skip


def _who_is_nobody(
    ledger: Ledger,
    request: Request,
    customers: set[str],
    contacts: dict[str, dict[str, str | None]],
    buried: set[str],
    key: bytes,
) -> str:
    """A sentence about what of a request nobody is known by: mistyped, most likely. Who was erased before is known."""
    known = set(contacts)
    for table in ("sync_state", "sync_batch_row", "sync_reject"):
        known |= {
            customer_id
            for (customer_id,) in ledger.fetch(
                f"select distinct customer_id from {table}"
                " where customer_id in (select unnest(cast($customers as varchar[])))",
                customers=sorted(customers),
            )
        }
    count = len(request.customer_ids)
    missing = [name for name in request.customer_ids if name not in known and not customer_names(key, [name]) <= buried]
    if missing:
        what = f"{len(missing)} of the {count} customer ids" if count > 1 else "this customer id"
    elif customers or buried:
        return ""
    else:
        what = "this " + " or ".join(
            word for word, said in (("address", request.email), ("number", request.phone)) if said
        )
    return f"nobody of {what} is in the warehouse or the ledger; it is remembered, and she would not be added"


def _note_targets(ledger: Ledger, request: Request, now: datetime) -> None:
    """Every sync that ever received the person."""
    for customer_id in request.customer_ids:
        ledger.execute(
            "insert into erasure_target (request_id, sync_id, customer_id, status, code, changed_at)"
            " select distinct $request, ever.sync_id, $customer, 'open', '', cast($now as timestamp) from ("
            " select sync_id from sync_state where customer_id = $customer"
            " union select batch.sync_id from sync_batch as batch inner join sync_batch_row as batch_row"
            " on batch.batch_id = batch_row.batch_id where batch_row.customer_id = $customer) as ever"
            " where not exists (select 1 from erasure_target as known where known.request_id = $request"
            " and known.sync_id = ever.sync_id and known.customer_id = $customer)",
            request=request.request_id, customer=customer_id, now=now,
        )  # fmt: skip


def erase_everywhere(
    ledger: Ledger,
    settings: Settings,
    request_ids: Sequence[str],
    destination_of: Callable[[Sync], Destination | FilesDestination],
    now: datetime,
) -> list[str]:
    """Carry out requests that are buried, wherever the person was ever sent to; sentences of what could not be done.

    What came into the inbox since is not buried and waits: carried out, it would be done with nobody remembered.
    """
    problems: list[str] = []
    syncs = {settings.sync_id(sync): sync for sync in settings.syncs}
    requests = [request for request in open_requests(ledger.path) if request.request_id in request_ids]
    with ledger.alone() as is_alone:
        if requests and not is_alone:
            # It might be adding her just now, by a plan that knows nothing of the request.
            return [
                f"erasure {request.request_id}: another worker runs with this ledger; erase again after it"
                for request in requests
            ]
        for request in requests:
            problems += _carry_out(ledger, syncs, request, destination_of, now)
    return problems


def _carry_out(
    ledger: Ledger,
    syncs: dict[str, Sync],
    request: Request,
    destination_of: Callable[[Sync], Destination | FilesDestination],
    now: datetime,
) -> list[str]:
    """One request at every destination; sentences of what could not be."""
    problems: list[str] = []
    with ledger.transaction():
        # Another worker may have sent her since.
        _note_targets(ledger, request, now)
        # Where she was only ever refused, there is nothing to erase but that.
        ledger.execute(
            "delete from sync_reject where customer_id in (select unnest(cast($customers as varchar[])))",
            customers=list(request.customer_ids),
        )
    targets = ledger.fetch(
        "select sync_id, case when code like 'job %' then code else '' end, customer_id from erasure_target"
        " where request_id = $request and status <> 'done' order by 1, 2, 3",
        request=request.request_id,
    )
    # A job is asked for those only whom it was given: others may have been found since.
    for sync_id, job in sorted({(sync_id, job) for sync_id, job, _ in targets}):
        customers = [customer_id for *target, customer_id in targets if target == [sync_id, job]]
        problem, code = _erase_at(ledger, syncs.get(sync_id), sync_id, customers, job, request, destination_of)
        with ledger.transaction():
            ledger.execute(
                "update erasure_target set status = $status, code = $code, changed_at = $now"
                " where request_id = $request and sync_id = $sync"
                " and customer_id in (select unnest(cast($customers as varchar[])))",
                status="open" if problem else "done", code=code, now=now, request=request.request_id,
                sync=sync_id, customers=customers,
            )  # fmt: skip
            if not problem:
                _forget(ledger, sync_id, customers)
        if problem:
            problems.append(f"erasure {request.request_id}: {problem}")
    left = ledger.fetch(
        "select 1 from erasure_target where request_id = $request and status <> 'done' limit 1",
        request=request.request_id,
    )
    if not left:
        with ledger.transaction():
            ledger.execute(
                "update erasure_request set status = 'done', done_at = $now where request_id = $request",
                now=now, request=request.request_id,
            )  # fmt: skip
            # The evidence keeps where and when, and not who.
            ledger.execute(
                "update erasure_target set customer_id = '' where request_id = $request",
                request=request.request_id,
            )
        (inbox(ledger.path) / f"{request.request_id}.json").unlink(missing_ok=True)
    return problems


def _erase_at(
    ledger: Ledger,
    sync: Sync | None,
    sync_id: str,
    customers: list[str],
    job: str,
    request: Request,
    destination_of: Callable[[Sync], Destination | FilesDestination],
) -> tuple[str, str]:
    """Erase people at one destination, or ask how that `job` went; what is in the way, and a code, or nothing."""
    if sync is None:
        return f"publish.yml names {sync_id} no more, which received the person; put it back to erase there", "gone"
    on_the_way = ledger.fetch(
        "select 1 from sync_batch_row as batch_row"
        " inner join sync_batch as batch on batch_row.batch_id = batch.batch_id where batch.sync_id = $sync"
        " and batch_row.customer_id in (select unnest(cast($customers as varchar[]))) limit 1",
        sync=sync_id, customers=customers,
    )  # fmt: skip
    if on_the_way:
        return f"{sync_id} has not said yet what became of a batch with the person; apply again", "under_way"
    try:
        answer = _asked(destination_of(sync), sync, _people(ledger, sync_id, customers, request), job)
    except (DestinationError, PublishRefusedError) as error:
        return f"{sync_id}: {error}; the request is kept, and the next run tries again", job or "not_reached"
    if answer.outcome == "accepted":
        return f"{sync_id} took the request and has not said yet that it is done; the next run asks", answer.code
    if answer.outcome == "acknowledged" and not answer.rejected:
        return "", answer.code[:80]
    return f"{sync_id}: {answer.message or answer.code}; the next run tries again", answer.code[:80]


def _asked(destination: Destination | FilesDestination, sync: Sync, people: Sequence[Person], known: str) -> Answer:
    """Ask for an erasure, or how the one went that an earlier run asked for (`job` and its id).

    An answer that is accepted only has that as its code.
    """
    job = known.removeprefix("job ")
    answer = Answer("accepted", remote_id=job) if job else destination.erase(sync.object_name, people)
    if answer.outcome == "accepted" and not isinstance(destination, FilesDestination):
        job = answer.remote_id
        answer = destination.poll(Batch("remove", sync.object_name, sync.object_name, "", len(people)), job, b"")
    return replace(answer, code=f"job {job}") if answer.outcome == "accepted" else answer


def _people(ledger: Ledger, sync_id: str, customers: list[str], request: Request) -> list[Person]:
    """What is still known of people: by the ledger, by the warehouse, by the request."""
    contacts = _contacts(ledger, customers)
    sent: dict[str, tuple[str, str]] = {
        customer_id: (sent_as or "", remote_id or "")
        for customer_id, sent_as, remote_id in ledger.fetch(
            "select customer_id, sent_as, remote_id from sync_state where sync_id = $sync"
            " and customer_id in (select unnest(cast($customers as varchar[])))",
            sync=sync_id, customers=customers,
        )
    }  # fmt: skip
    return [
        _person(ledger, request, customer_id, contacts.get(customer_id), *sent.get(customer_id, ("", "")))
        for customer_id in customers
    ]


def _person(
    ledger: Ledger,
    request: Request,
    customer_id: str,
    contacts: dict[str, str | None] | None,
    sent_as: str,
    remote_id: str,
) -> Person:
    """One of them: as the shop knows her, and by what else whoever asked knows her."""
    asked: dict[str, str | None] = {"email": request.email or None, "phone": request.phone or None}
    if contacts is None:
        return Person(customer_id, asked, sent_as, remote_id)
    number = identifiers.phone(contacts["phone"], contacts["country"])
    known = {"email": identifiers.email(contacts["email"]), "phone": number}
    others = customers_of(ledger, phones=[number]) - set(request.customer_ids) if number else set()
    return Person(
        customer_id, contacts, sent_as, remote_id,
        asked={name: value for name, value in asked.items() if value and value != known[name]},
        is_number_shared=bool(others),
    )  # fmt: skip


def _forget(ledger: Ledger, sync_id: str, customers: list[str]) -> None:
    """Nothing names them any more; and who was sent under a hash of theirs went with them, so she is sent again."""
    hashes = {
        hashed
        for (sent_as,) in ledger.fetch(
            "select sent_as from sync_state where sync_id = $sync and sent_as <> ''"
            " and customer_id in (select unnest(cast($customers as varchar[])))",
            sync=sync_id, customers=customers,
        )
        for hashed in hashes_of(sent_as)
    }  # fmt: skip
    if hashes:
        ledger.execute(
            "update sync_state set source_hash = '' where sync_id = $sync and removed_at is null"
            " and exists (select 1 from (select unnest(cast($hashes as varchar[])) as hashed) as gone"
            " where strpos(sync_state.sent_as, gone.hashed) > 0)",
            sync=sync_id, hashes=sorted(hashes),
        )  # fmt: skip
    ledger.execute(
        "delete from sync_state where sync_id = $sync"
        " and customer_id in (select unnest(cast($customers as varchar[])))",
        sync=sync_id, customers=customers,
    )  # fmt: skip


def read_erasures(ledger: Ledger) -> list[Erased]:
    """Every request and how far it is, the newest first."""
    return [
        Erased(
            request_id,
            status,
            requested_at,
            done_at,
            dict(
                ledger.fetch(
                    "select sync_id, max(status) from erasure_target where request_id = $request group by sync_id"
                    " order by sync_id",
                    request=request_id,
                )
            ),
            _earlier(ledger, request_id),
        )
        for request_id, status, requested_at, done_at in ledger.fetch(
            "select request_id, status, cast(requested_at as varchar), cast(done_at as varchar) from erasure_request"
            " order by requested_at desc, request_id"
        )
    ]


def _earlier(ledger: Ledger, request_id: str) -> tuple[str, ...]:
    """The requests that had found somebody somewhere by the same customer id, address or number before."""
    found = ledger.fetch(
        "select distinct before.request_id from tombstone as own"
        " inner join tombstone as before on own.person_key = before.person_key and before.request_id <> own.request_id"
        " inner join erasure_target as target on before.request_id = target.request_id"
        " inner join erasure_request as mine on own.request_id = mine.request_id"
        " inner join erasure_request as asked on before.request_id = asked.request_id"
        " where own.request_id = $request and asked.requested_at <= mine.requested_at order by before.request_id",
        request=request_id,
    )
    return tuple(before for (before,) in found)
