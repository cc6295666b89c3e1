"""Profiles and lists of a Klaviyo account. Consent is never touched: no subscribe, no unsubscribe, no suppression.

A batch of additions and updates is one bulk import job that names the list, so that import and membership are one
request. A batch of removals takes profiles off the list and leaves them otherwise as they are. Klaviyo knows people by
`external_id`, which is our customer id, so nothing hashed has to be kept.

What is kept of a batch of additions is the request itself and, behind a line feed, who has properties to lose:
`[[place, customer_id, [property, …]], …]`. A bulk import cannot clear a property, so `poll` does it once the job is
complete, person by person. After the job and not before it, because then a profile is there to be changed and none is
made by the clearing itself, who was refused is left alone, and a person whose property cannot be cleared can still be
rejected. Unsetting is the same however often it is done, and until `poll` says `acknowledged` nothing newer is sent of
that person: both are safe to replay.

Sources: https://developers.klaviyo.com/en/reference/bulk_import_profiles and its neighbours, revision 2026-07-15.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from threading import Lock
from typing import Any
from urllib.parse import quote

from regulars.publish import identifiers
from regulars.publish.destinations import (
    Answer,
    Batch,
    Capabilities,
    Encoded,
    Operation,
    Person,
    Rejected,
    Row,
    Unsendable,
    renamed,
)
from regulars.publish.destinations.encoding import to_json
from regulars.publish.destinations.klaviyo_api import (
    Talk,
    error_code,
    id_of,
    listed,
    pages,
    pointer_of,
    read,
    refusal,
    unreadable,
    word,
)
from regulars.publish.errors import DestinationError
from regulars.publish.http import Client, Reply
from regulars.publish.settings import Klaviyo

# https://developers.klaviyo.com/en/reference/bulk_import_profiles: "up to 10,000 profiles per request. The maximum
# allowed payload size is 5MB. The maximum allowed payload size per-profile is 100KB." Taken as powers of ten, and with
# room for the envelope and a comma per profile.
MOST_PROFILES = 10_000
MOST_REQUEST_BYTES = 5_000_000
MOST_PROFILE_BYTES = 100_000
_ENVELOPE_BYTES = 100_000
# https://developers.klaviyo.com/en/reference/remove_profiles_from_list: "a maximum of 1000 profiles per call".
MOST_REMOVALS = 1_000
# https://developers.klaviyo.com/en/reference/get_profiles: `page[size]` at most 100, so one page answers one question.
MOST_LOOKED_UP = 100
_LONGEST_FILTER = 6_000  # characters; servers and proxies stop at 8 kB of address
# https://developers.klaviyo.com/en/reference/get_errors_for_bulk_import_profiles_job: `page[size]` at most 100.
ERRORS_PER_PAGE = 100
# A request that is refused for some of its rows is sent without them; so often, and then it is halved.
_MOST_ROUNDS = 5

_LIST_ID = re.compile("[A-Za-z0-9]{6}")
_PROFILE_POINTER = re.compile(r"/data/attributes/profiles/data/(\d{1,5})(?:/|$)")
_UNSEARCHABLE = re.compile(r'["\\\x00-\x1f\x7f]')
"""What may not stand between the quotes of a filter: Klaviyo does not say how it would be escaped."""
_ATTRIBUTES = frozenset({"email", "phone_number", "external_id", "first_name", "last_name", "location", "properties"})
_PLACES = frozenset({"country", "zip"})

_plain_name = lru_cache(maxsize=65_536)(identifiers.plain_name)
_country_code = lru_cache(maxsize=1_024)(identifiers.country_code)


@dataclass
class KlaviyoDestination:
    """One account. Stateless but for having looked once whose key it is."""

    settings: Klaviyo
    api_key: str = field(repr=False)
    client: Client = field(repr=False)
    sends: frozenset[str] = frozenset({"email", "phone", "first_name", "last_name", "country", "postal_code"})
    """The contacts that may leave the shop; a row has the country in any case, to read phone numbers by."""
    capabilities: Capabilities = field(
        default=Capabilities(
            rows_per_batch=MOST_PROFILES,
            bytes_per_batch=MOST_REQUEST_BYTES - _ENVELOPE_BYTES,
            removals_per_batch=MOST_REMOVALS,
            clears_by_null=False,
        ),
        repr=False,
    )
    _is_right_account: bool = field(default=False, init=False, repr=False)
    _lock: Lock = field(default_factory=Lock, init=False, repr=False)

    def open_object(self, object_name: str, known_id: str = "") -> str:
        """The id of the list of that name, or of that id; a list is made where there is none.

        An object that is both, the id of one list and the name of another, is refused: nobody could tell which is
        meant. So are two lists of that name.

        Raises
        ------
        DestinationError: another account's key, two lists that could be meant, the list of last time renamed, or
        Klaviyo refused or is not there.
        """
        talk = Talk(self.settings, self.api_key, self.client)
        trouble = self._account_trouble(talk)
        if trouble:
            raise DestinationError(trouble.message)
        if _UNSEARCHABLE.search(object_name):
            raise DestinationError(
                "the name of a Klaviyo list may have no quotation marks, backslashes or line breaks here; "
                "write the list's id as object"
            )
        found = set(_lists_named(talk, object_name))
        if _LIST_ID.fullmatch(object_name) and _is_list(talk, object_name):
            found.add(object_name)
        if known_id and known_id not in found and _is_list(talk, known_id):
            raise renamed("list", known_id, object_name)
        if not found:
            found = self._made_list(talk, object_name)
        if len(found) > 1:
            raise DestinationError(
                f"Klaviyo has {len(found)} lists that {object_name} could mean: {', '.join(sorted(found))}; "
                "write the id of one as object, or rename or delete the others"
            )
        return found.pop()

    def _made_list(self, talk: Talk, name: str) -> set[str]:
        """Make it, asking once: a request that is sent again by itself could make two of one name.

        Source: https://developers.klaviyo.com/en/reference/create_list (150 a day).
        """
        wanted = {"type": "list", "attributes": {"name": name}}
        reply = talk.ask("POST", "/api/lists", "new_list", document=wanted, is_once=True)
        list_id = id_of(read(reply).get("data")) if reply.status == 201 else ""
        # Its answer may have been lost: then the list is there.
        found = {list_id} if list_id else set(_lists_named(talk, name))
        if not found:
            raise DestinationError(refusal(reply).message)
        return found

    def encode(self, operation: Operation, row: Row) -> Encoded | Unsendable:
        """A profile of an import, with what it has to lose behind a line feed; of a removal, who it is.

        A profile needs an e-mail address or a phone number: one with neither can be reached by nobody.
        """
        if operation == "remove":
            return Encoded(to_json([row.customer_id, row.remote_id]))
        # She could be added but never be found again to be removed.
        if not row.customer_id.strip() or _UNSEARCHABLE.search(row.customer_id):
            return Unsendable("customer_id_not_searchable", "customer_id")
        country = row.contacts.get("country")
        contacts = {name: value for name, value in row.contacts.items() if name in self.sends}
        attributes: dict[str, Any] = {"external_id": row.customer_id}
        email = identifiers.email(contacts.get("email"))
        if email:
            attributes["email"] = email
        given_phone = contacts.get("phone")
        phone = identifiers.phone(given_phone, country) if given_phone else None
        if phone:
            attributes["phone_number"] = phone
        if not email and not phone:
            return Unsendable("no_identifier", "email")
        first_name, last_name = _plain_name(contacts.get("first_name")), _plain_name(contacts.get("last_name"))
        if first_name:
            attributes["first_name"] = first_name
        if last_name:
            attributes["last_name"] = last_name
        if "country" in contacts or "postal_code" in contacts:
            location = {
                "country": _country_code(contacts.get("country")), "zip": _plain_name(contacts.get("postal_code"))
            }  # fmt: skip
            location = {name: value for name, value in location.items() if value}
            if location:
                attributes["location"] = location
        # A null is nothing to a bulk import; what it would clear stands in `cleared`.
        properties = row.properties
        if None in properties.values():
            properties = {name: value for name, value in properties.items() if value is not None}
        if properties:
            attributes["properties"] = properties
        try:
            body = to_json({"type": "profile", "attributes": attributes})
        except UnicodeEncodeError:
            # Half a surrogate pair, in a name or a property.
            return Unsendable("not_unicode")
        except (ValueError, TypeError):
            return Unsendable("not_json", "properties")
        if len(body) > MOST_PROFILE_BYTES:
            return Unsendable("profile_too_large", "properties")
        if row.cleared:
            body += b"\n" + to_json([row.customer_id, sorted(row.cleared)])
        return Encoded(body)

    def body(self, batch: Batch, rows: Sequence[bytes]) -> bytes:
        """The request of an import, then what is to be cleared; of removals `[[customer_id, profile id or ""], …]`."""
        if batch.operation == "remove":
            return b"[%s]" % b",".join(rows)
        profiles: list[bytes] = []
        clearings: list[bytes] = []
        for place, row in enumerate(rows):
            profile, _, clearing = row.partition(b"\n")
            profiles.append(profile)
            if clearing:
                clearings.append(b"[%d,%s]" % (place, clearing[1:-1]))
        request = _import_request(batch.object_id, b",".join(profiles))
        return request + (b"\n[%s]" % b",".join(clearings) if clearings else b"")

    def send(self, batch: Batch, body: bytes) -> Answer:
        """Start the import, or take people off the list. Both say the same when said twice."""
        talk = Talk(self.settings, self.api_key, self.client)
        trouble = self._account_trouble(talk)
        if trouble:
            return trouble
        return _remove(talk, batch, body) if batch.operation == "remove" else _import(talk, batch, body)

    def poll(self, batch: Batch, remote_id: str, body: bytes) -> Answer:  # noqa: ARG002  (the body says it all)
        """How the job went; when it is complete, its errors by row, and properties are cleared.

        A job that was cancelled has perhaps done a part: `unknown`, so that the same bytes go again another day. Where
        only the asking fails, the job stands as it was: `accepted`, and hopeless for now.
        """
        talk = Talk(self.settings, self.api_key, self.client)
        job_id, left_out = _unpacked(remote_id)
        fields = {"fields[profile-bulk-import-job]": "status,total_count,completed_count,failed_count"}
        reply = talk.ask("GET", f"/api/profile-bulk-import-jobs/{quote(job_id, safe='')}", "job", fields)
        if reply.status == 404:
            return talk.answer(
                "unknown", code="job_gone", message="Klaviyo does not know the import job any more; it is sent again"
            )
        job = read(reply).get("data")
        if reply.status != 200 or not isinstance(job, dict) or not isinstance(job.get("attributes"), dict):
            return _still_accepted(talk, remote_id, reply)
        said = job["attributes"]
        status = said.get("status")
        if status == "cancelled":
            return talk.answer(
                "unknown",
                code="job_cancelled",
                is_hopeless=True,
                message="the import job was cancelled at Klaviyo; its people are sent again by the next run",
            )
        if status != "complete":
            code = status if status in {"queued", "processing"} else "strange_status"
            return talk.answer("accepted", remote_id=remote_id, code=code)
        rejected = dict(left_out)
        if _has_errors(said):
            trouble = _add_errors(talk, remote_id, body, said.get("failed_count"), rejected)
            if trouble:
                return trouble
        remote_ids: list[tuple[int, str]] = []
        for place, customer_id, names in _clearings(body):
            if place in rejected:
                continue
            reply = talk.ask("POST", "/api/profile-import", "profile", document=_clearing_request(customer_id, names))
            if reply.status in {200, 201}:
                profile_id = id_of(read(reply).get("data"))
                if profile_id:
                    remote_ids.append((place, profile_id))
            elif reply.status in {400, 404, 409, 413, 422}:
                rejected[place] = Rejected(place, error_code(reply), "properties")
            else:
                return _still_accepted(talk, remote_id, reply)
        return talk.answer(
            "acknowledged",
            rejected=tuple(rejected[place] for place in sorted(rejected)),
            remote_ids=tuple(remote_ids),
            remote_id=job_id,
        )

    def erase(self, object_name: str, people: Sequence[Person]) -> Answer:  # noqa: ARG002  (whatever the list)
        """Ask Klaviyo to delete them with all it has: by profile, by e-mail address and by phone number.

        By all of them, since she may also be there under her address or number alone, from a form of the shop's. Not by
        a number that is somebody else's too, whose profile it might be. Klaviyo deletes within days; who is not there
        is erased.
        """
        talk = Talk(self.settings, self.api_key, self.client)
        trouble = self._account_trouble(talk)
        if trouble:
            return trouble
        found, trouble = _profile_ids(
            talk, [person.customer_id for person in people if not _UNSEARCHABLE.search(person.customer_id)]
        )
        if trouble:
            return trouble
        rejected: dict[int, Rejected] = {}
        has_asked = False
        for place, person in enumerate(people):
            profile_ids = sorted(
                {*found.get(person.customer_id, ()), *([person.remote_id] if person.remote_id else [])}
            )
            wanted: list[dict[str, Any]] = [{"id": profile_id, "attributes": {}} for profile_id in profile_ids]
            wanted += [{"attributes": one} for one in _known_as(person)]
            for profile in wanted:
                reply = talk.ask(
                    "POST",
                    "/api/data-privacy-deletion-jobs",
                    "deletion",
                    document={
                        "type": "data-privacy-deletion-job",
                        "attributes": {"profile": {"data": {"type": "profile", **profile}}},
                    },
                )
                if reply.status in {200, 202, 204, 404}:
                    has_asked = True
                    continue
                if reply.status not in {400, 409, 422}:
                    answer = refusal(reply, talk.requests)
                    return replace(answer, outcome="unknown") if has_asked else answer
                rejected.setdefault(place, Rejected(place, error_code(reply), "id" if "id" in profile else "contacts"))
        return talk.answer("acknowledged", rejected=tuple(rejected.values()))

    def _account_trouble(self, talk: Talk) -> Answer | None:
        """Whether the key opens the account that the settings name; asked once. Another's people would be written to.

        Source: https://developers.klaviyo.com/en/reference/get_accounts (scope accounts:read; 1/s, 15/min).
        """
        with self._lock:
            if self._is_right_account:
                return None
            reply = talk.ask("GET", "/api/accounts", "accounts", {"fields[account]": "public_api_key"})
            if reply.status != 200:
                return replace(refusal(reply, talk.requests), outcome="failed")
            found = [id_of(account) for account in listed(read(reply).get("data"))]
            if not found or not all(found):
                return replace(unreadable(reply, talk.requests), outcome="failed")
            if found != [self.settings.account_id]:
                return talk.answer(
                    "failed",
                    code="other_account",
                    is_hopeless=True,
                    message=f"api_key opens the Klaviyo account {', '.join(found)}, and account_id says "
                    f"{self.settings.account_id}; nothing was sent",
                )
            self._is_right_account = True
            return None


def _import_request(list_id: str, profiles: bytes) -> bytes:
    """What Klaviyo is sent; `profiles` are joined by commas."""
    return (
        b'{"data":{"type":"profile-bulk-import-job","attributes":{"profiles":{"data":[%s]}},'
        b'"relationships":{"lists":{"data":[{"type":"list","id":%s}]}}}}' % (profiles, to_json(list_id))
    )


def _clearing_request(customer_id: str, names: Sequence[str]) -> dict[str, Any]:
    """Source: https://developers.klaviyo.com/en/reference/create_or_update_profile, `patch_properties`."""
    return {
        "type": "profile",
        "attributes": {"external_id": customer_id},
        "meta": {"patch_properties": {"unset": list(names)}},
    }


def _clearings(body: bytes) -> Iterator[tuple[int, str, list[str]]]:
    """Places of those who have properties to lose, who they are, and which."""
    _, _, said = body.partition(b"\n")
    yield from json.loads(said) if said else []


def _profiles_of(body: bytes) -> list[dict[str, Any]]:
    """The profiles of an import, as they were sent."""
    request, _, _ = body.partition(b"\n")
    profiles: list[dict[str, Any]] = json.loads(request)["data"]["attributes"]["profiles"]["data"]
    return profiles


def _import(talk: Talk, batch: Batch, body: bytes) -> Answer:
    """Start a job. Rows that Klaviyo names as wrong when it is asked are left out and the rest is sent.

    Who was left out travels in the `remote_id`, behind a blank, to the `poll` that reports of all rows.
    """
    request, _, _ = body.partition(b"\n")
    left_out: dict[int, Rejected] = {}
    places: list[int] = []
    profiles: list[dict[str, Any]] = []
    for _ in range(_MOST_ROUNDS):
        reply = talk.ask("POST", "/api/profile-bulk-import-jobs", "import", body=request)
        if reply.status == 202:
            job_id = id_of(read(reply).get("data"))
            if not job_id:
                return unreadable(reply, talk.requests)
            return talk.answer("accepted", remote_id=_packed(job_id, left_out))
        if reply.status != 400:
            return refusal(reply, talk.requests)
        if not places:
            profiles = _profiles_of(body)
            places = list(range(len(profiles)))
        found = _wrong_rows(reply, places, profiles)
        if not found:
            return refusal(reply, talk.requests)
        left_out |= found
        places = [place for place in places if place not in found]
        if not places:
            return talk.answer("acknowledged", rejected=tuple(left_out[place] for place in sorted(left_out)))
        kept = (to_json(profiles[place]) for place in places)
        request = _import_request(batch.object_id, b",".join(kept))
    return talk.answer(
        "failed",
        code="too_many_wrong_rows",
        is_too_large=True,
        message=f"Klaviyo refused the import {_MOST_ROUNDS} times for other rows; it is tried in halves",
    )


def _wrong_rows(reply: Reply, places: Sequence[int], profiles: Sequence[dict[str, Any]]) -> dict[int, Rejected]:
    """Rows that a refusal points at; nothing if it also complains of something that is no row."""
    found: dict[int, Rejected] = {}
    for error in listed(read(reply).get("errors")):
        pointer = pointer_of(error)
        match = _PROFILE_POINTER.match(pointer)
        if not match or int(match[1]) >= len(places):
            return {}
        place = places[int(match[1])]
        found.setdefault(place, Rejected(place, word(error.get("code")), _attribute(pointer, profiles[place])))
    return found


def _packed(job_id: str, left_out: Mapping[int, Rejected]) -> str:
    rows = ",".join(f"{one.place}:{one.code}:{one.pointer}" for _, one in sorted(left_out.items()))
    return f"{job_id} {rows}".rstrip()


def _unpacked(remote_id: str) -> tuple[str, dict[int, Rejected]]:
    job_id, _, rows = remote_id.partition(" ")
    parts = [row.split(":", 2) for row in rows.split(",") if row]
    return job_id, {int(place): Rejected(int(place), code, pointer) for place, code, pointer in parts}


def _has_errors(said: Mapping[str, Any]) -> bool:
    """Whether a complete job has errors to be fetched. Counts may be null, and then nobody knows: look."""
    failed, completed, total = said.get("failed_count"), said.get("completed_count"), said.get("total_count")
    if failed != 0:
        return True
    return isinstance(completed, int) and isinstance(total, int) and completed < total


def _add_errors(
    talk: Talk, remote_id: str, body: bytes, failed_count: object, rejected: dict[int, Rejected]
) -> Answer | None:
    """Add the rows that a job refused to `rejected`; an answer instead if it cannot be known which they are."""
    profiles = _profiles_of(body)
    by_value: dict[tuple[str, str], int] = {}
    for place, profile in enumerate(profiles):
        for name in ("external_id", "email", "phone_number"):
            if name in profile["attributes"]:
                by_value[name, profile["attributes"][name]] = place
    sent = [place for place in range(len(profiles)) if place not in rejected]
    job_id, _ = _unpacked(remote_id)
    listed_count = 0
    path = f"/api/profile-bulk-import-jobs/{quote(job_id, safe='')}/import-errors"
    for reply, errors in pages(talk, path, "errors", {"page[size]": str(ERRORS_PER_PAGE)}):
        if errors is None:
            return _still_accepted(talk, remote_id, reply)
        for error in errors:
            said = error.get("attributes")
            said = said if isinstance(said, dict) else {}
            found = _place_of(said, by_value, sent)
            if found is None:
                return talk.answer(
                    "unknown",
                    code="error_without_row",
                    message="Klaviyo names an error of the import but not whose it is; it is sent again",
                )
            listed_count += 1
            pointer = _attribute(pointer_of(said), profiles[found])
            rejected.setdefault(found, Rejected(found, word(said.get("code")), pointer))
    if isinstance(failed_count, int) and failed_count > listed_count:
        return talk.answer(
            "unknown",
            code="errors_missing",
            message=f"Klaviyo says {failed_count} rows failed and names {listed_count}; the batch is sent again",
        )
    return None


def _place_of(said: Mapping[str, Any], by_value: Mapping[tuple[str, str], int], sent: Sequence[int]) -> int | None:
    """Which row an import error is about: by the payload it repeats, else by its pointer; a lone row anyway."""
    payload = said.get("original_payload")
    payload = payload if isinstance(payload, dict) else {}
    inner = payload.get("attributes")
    for values in (payload, inner if isinstance(inner, dict) else {}):
        for name in ("external_id", "email", "phone_number"):
            value = values.get(name)
            if isinstance(value, str) and (name, value) in by_value:
                return by_value[name, value]
    match = _PROFILE_POINTER.match(pointer_of(said))
    if match and int(match[1]) < len(sent):
        return sent[int(match[1])]
    return sent[0] if len(sent) == 1 else None


def _remove(talk: Talk, batch: Batch, body: bytes) -> Answer:
    """Take people off the list; a person that Klaviyo does not know is not on it."""
    people: list[tuple[str, str]] = [(customer_id, remote_id) for customer_id, remote_id in json.loads(body)]
    found, trouble = _profile_ids(talk, [customer_id for customer_id, remote_id in people if not remote_id])
    if trouble:
        return trouble
    known = {customer_id: {remote_id} for customer_id, remote_id in people if remote_id}
    reply = _taken_off(talk, batch.object_id, {**found, **known})
    if reply is not None and reply.status in {400, 404} and known:
        # A profile that we knew is gone, or was merged into another.
        again, trouble = _profile_ids(talk, list(known))
        if trouble:
            return trouble
        found |= again
        reply = _taken_off(talk, batch.object_id, found)
    if reply is not None and reply.status not in {200, 202, 204}:
        return refusal(reply, talk.requests)
    return talk.answer(
        "acknowledged",
        remote_ids=tuple(
            (place, min(found[customer_id])) for place, (customer_id, _) in enumerate(people) if customer_id in found
        ),
    )


def _taken_off(talk: Talk, list_id: str, profiles: Mapping[str, set[str]]) -> Reply | None:
    """None if there was nobody to take off."""
    profile_ids = sorted({profile_id for ids in profiles.values() for profile_id in ids})
    if not profile_ids:
        return None
    return talk.ask(
        "DELETE",
        f"/api/lists/{quote(list_id, safe='')}/relationships/profiles",
        "list_members",
        document=[{"type": "profile", "id": profile_id} for profile_id in profile_ids],
    )


def _known_as(person: Person) -> list[dict[str, str]]:
    """By which address and which number her profile is to be deleted, each once."""
    country = person.contacts.get("country")
    emails = [identifiers.email(said.get("email")) for said in (person.contacts, person.asked)]
    phones = [identifiers.phone(person.asked.get("phone"), None)]
    if not person.is_number_shared:
        phones.insert(0, identifiers.phone(person.contacts.get("phone"), country))
    return [
        *({"email": email} for email in dict.fromkeys(emails) if email),
        *({"phone_number": phone} for phone in dict.fromkeys(phones) if phone),
    ]


def _profile_ids(talk: Talk, customer_ids: Sequence[str]) -> tuple[dict[str, set[str]], Answer | None]:
    """What Klaviyo calls those people; who is not there is left out. An answer if it could not be asked."""
    found: dict[str, set[str]] = {}
    for some in _chunks(customer_ids):
        query = {
            "filter": f"any(external_id,[{','.join(to_json(customer_id).decode() for customer_id in some)}])",
            "fields[profile]": "external_id",
            "page[size]": str(MOST_LOOKED_UP),
        }
        wanted = set(some)
        for reply, profiles in pages(talk, "/api/profiles", "profiles", query):
            if profiles is None:
                # Only asked so far: nothing was done.
                return {}, replace(refusal(reply, talk.requests), outcome="failed")
            for profile in profiles:
                said = profile.get("attributes")
                external_id = said.get("external_id") if isinstance(said, dict) else None
                profile_id = id_of(profile)
                if isinstance(external_id, str) and external_id in wanted and profile_id:
                    found.setdefault(external_id, set()).add(profile_id)
    return found, None


def _chunks(customer_ids: Iterable[str]) -> Iterator[list[str]]:
    """As many at a time as one question may name, and its address may be long."""
    some: list[str] = []
    length = 0
    for customer_id in customer_ids:
        more = len(quote(customer_id, safe="")) + len("%22%22%2C")
        if some and (len(some) == MOST_LOOKED_UP or length + more > _LONGEST_FILTER):
            yield some
            some, length = [], 0
        some.append(customer_id)
        length += more
    if some:
        yield some


def _is_list(talk: Talk, list_id: str) -> bool:
    """Whether there is a list of that id.

    Raises
    ------
    DestinationError: Klaviyo refused or is not there.
    """
    reply = talk.ask("GET", f"/api/lists/{list_id}", "list", {"fields[list]": "name"})
    if reply.status not in {200, 404}:
        raise DestinationError(refusal(reply).message)
    return reply.status == 200


def _lists_named(talk: Talk, name: str) -> list[str]:
    """Ids of the lists of exactly that name.

    Raises
    ------
    DestinationError: Klaviyo refused or is not there.
    """
    query = {"filter": f"equals(name,{to_json(name).decode()})", "fields[list]": "name"}
    found: list[str] = []
    for reply, lists in pages(talk, "/api/lists", "lists", query):
        if lists is None:
            raise DestinationError(refusal(reply).message)
        for one in lists:
            said = one.get("attributes")
            if isinstance(said, dict) and said.get("name") == name and id_of(one):
                found.append(id_of(one))
    return found


def _attribute(pointer: str, profile: Mapping[str, Any]) -> str:
    """What of a profile a pointer is about: `email`, `location/zip`, `properties/tier`. Nothing that is not a name."""
    first, second = ([*pointer.rpartition("/attributes/")[2].split("/"), "", ""])[:2]
    if first not in _ATTRIBUTES:
        return ""
    names = _PLACES if first == "location" else profile["attributes"].get(first)
    is_name = second in names if first in {"location", "properties"} and names else False
    # `_packed` parts rows by commas and colons.
    return f"{first}/{second}" if is_name and not set(second) & set(",: ") else first


def _still_accepted(talk: Talk, remote_id: str, reply: Reply) -> Answer:
    """The job stands as it was; only asking went wrong. Bytes are not sent again for that."""
    why = refusal(reply, talk.requests)
    return talk.answer("accepted", remote_id=remote_id, code=why.code, message=why.message, is_hopeless=True)
