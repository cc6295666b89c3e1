"""Asking Klaviyo's API: its headers and pages, and what its answers mean that are not the ones hoped for.

Nothing that Klaviyo says in words is ever repeated, since its errors quote what was sent: only codes that are words,
ids, and names of attributes leave this module.

Source: https://developers.klaviyo.com/en/docs/rate_limits_and_error_handling
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from regulars.publish.destinations import Answer
from regulars.publish.destinations.codes import readable
from regulars.publish.destinations.encoding import to_json
from regulars.publish.http import Client, Reply
from regulars.publish.settings import Klaviyo

_JSON_API = "application/vnd.api+json"
_MOST_PAGES = 101
"""The errors of a whole import, 10,000 at 100 a page, and one more; links that never end are not followed."""
_WORD = re.compile("[a-z][a-z0-9_]{0,39}")
_REMOTE_ID = re.compile(r"[A-Za-z0-9_.:=+/-]{1,200}")

_HOPELESS = {
    401: "Klaviyo does not know the key (401); check api_key",
    403: "Klaviyo forbids it to this key (403); it needs the scopes accounts:read, lists:read, lists:write,"
    " profiles:read, profiles:write and, to erase, data-privacy:write",
    404: "Klaviyo has no such list or address (404); check object and url",
    405: "Klaviyo does not take this there (405); check url",
    410: "Klaviyo no longer takes this revision (410); check revision",
}


class Talk:
    """Requests of one call, counted."""

    def __init__(self, settings: Klaviyo, api_key: str, client: Client) -> None:
        self._client, self._url, self._account = client, settings.url, settings.account_id
        self._headers = {
            "Authorization": f"Klaviyo-API-Key {api_key}",
            "revision": settings.revision,
            "Accept": _JSON_API,
        }
        self.requests = 0

    def ask(
        self,
        method: str,
        path: str,
        bucket: str,
        query: Mapping[str, str] | None = None,
        *,
        document: object = None,
        body: bytes = b"",
        is_once: bool = False,
    ) -> Reply:
        """One request until it is answered; `document` is what `data` says. Klaviyo limits each endpoint by itself."""
        if document is not None:
            body = to_json({"data": document})
        headers = self._headers | ({"Content-Type": _JSON_API} if body else {})
        address = self._url + path + (f"?{urlencode(query, quote_via=quote)}" if query else "")
        reply = self._client.request(
            method, address, headers, body, bucket=f"klaviyo/{self._account}/{bucket}", is_once=is_once
        )
        self.requests += reply.attempts
        return reply

    def answer(self, outcome: Any, **said: Any) -> Answer:  # noqa: ANN401  (the fields of Answer)
        """An answer with the requests so far."""
        return Answer(outcome, requests=self.requests, **said)


def pages(
    talk: Talk, path: str, bucket: str, query: Mapping[str, str]
) -> Iterator[tuple[Reply, list[dict[str, Any]] | None]]:
    """Page after page; None in place of the last one that could not be had.

    Of the link to the next page only the cursor is taken, so that the key goes nowhere else.
    """
    cursor = ""
    for _ in range(_MOST_PAGES):
        reply = talk.ask("GET", path, bucket, {**query, "page[cursor]": cursor} if cursor else query)
        said = read(reply)
        if reply.status != 200 or not isinstance(said.get("data"), list):
            yield reply, None
            return
        yield reply, listed(said["data"])
        links = said.get("links")
        following = links.get("next") if isinstance(links, dict) else None
        cursor = parse_qs(urlsplit(following).query).get("page[cursor]", [""])[0] if isinstance(following, str) else ""
        if not cursor:
            return


def read(reply: Reply) -> dict[str, Any]:
    """The JSON of an answer; empty if it is none."""
    try:
        said = json.loads(reply.body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def listed(said: object) -> list[dict[str, Any]]:
    """The resources of a list that are objects."""
    return [one for one in said if isinstance(one, dict)] if isinstance(said, list) else []


def id_of(resource: object) -> str:
    """An id, or nothing if there is none that could be one."""
    found = resource.get("id") if isinstance(resource, dict) else None
    return found if isinstance(found, str) and _REMOTE_ID.fullmatch(found) else ""


def word(code: object) -> str:
    """Klaviyo's code if it is a word; anything else could hold what was sent."""
    return code if isinstance(code, str) and _WORD.fullmatch(code) and readable(code) == code else "rejected"


def error_code(reply: Reply) -> str:
    """The code of the first error of an answer, as `word` has it."""
    errors = listed(read(reply).get("errors"))
    return word(errors[0].get("code")) if errors else "rejected"


def pointer_of(said: Mapping[str, Any]) -> str:
    """Where an error says it is; empty if it does not. May hold what was sent: only to be read here."""
    source = said.get("source")
    pointer = source.get("pointer") if isinstance(source, dict) else None
    return pointer if isinstance(pointer, str) else ""


def refusal(reply: Reply, requests: int = 1) -> Answer:
    """What an answer means that is not the one hoped for. Nothing that Klaviyo says in words is repeated."""
    if reply.status == 413:
        return Answer(
            "failed",
            code="413",
            is_too_large=True,
            message="Klaviyo takes no request as large (413)",
            requests=requests,
        )
    if reply.status in {0, 429} or reply.status >= 500:
        return Answer(
            "unknown" if reply.attempts else "failed",
            code=str(reply.status) if reply.status else "no_answer",
            message=f"Klaviyo: {reply.what_happened}; the next run goes on",
            is_hopeless=True,
            requests=requests,
        )
    if reply.status < 300:
        return unreadable(reply, requests)
    errors = listed(read(reply).get("errors"))
    is_about_list = any("/relationships/lists" in pointer_of(error) for error in errors)
    if reply.status in {400, 409, 422} and not is_about_list:
        # The bytes alone decide over these: earlier attempts fared the same.
        code = error_code(reply)
        return Answer(
            "failed",
            code=code,
            message=f"Klaviyo refused the request ({reply.status} {code}); check revision and object",
            requests=requests,
        )
    # An earlier attempt may have been taken in, and only its answer lost.
    return Answer(
        "failed" if reply.attempts == 1 else "unknown",
        code=str(reply.status),
        message=_HOPELESS[404]
        if is_about_list
        else _HOPELESS.get(
            reply.status, f"Klaviyo's address answers {reply.status}; check url, is there a proxy before it?"
        ),
        is_hopeless=True,
        requests=requests,
    )


def unreadable(reply: Reply, requests: int) -> Answer:
    """An answer that cannot be read leaves open what was done."""
    kind = readable(reply.headers.get("Content-Type", "none").split(";")[0])
    return Answer(
        "unknown",
        code="not_json",
        message=f"the answer is not what Klaviyo says ({kind}); is there a proxy before it?",
        is_hopeless=True,
        requests=requests,
    )
