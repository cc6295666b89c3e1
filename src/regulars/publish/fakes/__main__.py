"""`python -m regulars.publish.fakes webhook|klaviyo|meta|google`: a place to publish to, without an account.

It prints a `publish.yml` that brings an audience to it, and a line for each request: method, path, how many rows, and
the answer; never what was in it. Ctrl-C ends it, and it forgets everybody.
"""

import json
import shlex
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import typer

from regulars.publish.fakes.google import GoogleFake
from regulars.publish.fakes.klaviyo import Account
from regulars.publish.fakes.listening import Request, Response, listening
from regulars.publish.fakes.meta import MetaFake
from regulars.publish.fakes.webhook import Receiver

SETTINGS = """\
# A ledger of its own. When the fake ends, it forgets everybody; so, to the next one: apply --resend.
ledger: fake_{kind}_ledger.duckdb
destinations:
  fake: {{{destination}}}
syncs:
  - {{audience: slipping_away, destination: fake, {sync}}}
"""


class Kind(StrEnum):
    """Which platform."""

    WEBHOOK = "webhook"
    KLAVIYO = "klaviyo"
    META = "meta"
    GOOGLE = "google"


PORTS = {Kind.WEBHOOK: 8787, Kind.KLAVIYO: 8788, Kind.META: 8789, Kind.GOOGLE: 8790}
"""Where each listens by default; the webhook where publish.example.yml has it."""
SECRETS = {kind: f"REGULARS_{kind.upper()}_SECRET" for kind in Kind} | {Kind.WEBHOOK: "REGULARS_RECEIVER_SECRET"}
"""The variable that each secret is looked for in."""
DESTINATIONS = {
    Kind.WEBHOOK: "type: webhook, url: {url}/audiences, signing_secret: {{env: {variable}}}",
    Kind.KLAVIYO: "type: klaviyo, url: {url}, account_id: FakeAc, api_key: {{env: {variable}}}",
    Kind.META: "type: meta, url: {url}, ad_account: act_1234567890, access_token: {{env: {variable}}},"
    " create_audiences: true",
    Kind.GOOGLE: "type: google, url: {url}, token_url: {url}/token, operating_account: 123-456-7890,"
    " credentials: {{env: {variable}}}",
}
SYNCS = {
    Kind.WEBHOOK: "purpose: email, properties: [rfm_tier]",
    Kind.KLAVIYO: "purpose: email, properties: [rfm_tier]",
    Kind.META: "purpose: ads, identifiers: [email, phone]",
    # Lists are not made by the API of Google: this one is there.
    Kind.GOOGLE: "purpose: ads, identifiers: [email, phone], object: '1'",
}


@dataclass(frozen=True)
class Running:
    """A fake that listens."""

    url: str
    settings: str
    """A whole `publish.yml`."""
    variable: str
    """What the settings look for the secret in."""
    secret: str
    """What to put there."""


@contextmanager
def running(kind: Kind, port: int, secret: str, say: Callable[[str], None]) -> Iterator[Running]:
    """A fake on a port of 127.0.0.1 (0: a free one) until the block ends; `say` hears of each request.

    Raises
    ------
    OSError: the port is taken, or not ours to take.
    """
    state: Receiver | Account | MetaFake | GoogleFake
    match kind:
        case Kind.WEBHOOK:
            state = Receiver(secret)
            take_in = as_receiver(state)
        case Kind.KLAVIYO:
            state = Account("FakeAc", secret)
            take_in = as_klaviyo(state)
        case Kind.META:
            state = MetaFake(token=secret)
            take_in = state.take_in
        case Kind.GOOGLE:
            state = GoogleFake(refresh_token=secret, lists={"1": {}})
            take_in = state.take_in
            # As Google hands it out for a person, of whom no key has to be made.
            words = {"client_id": "fake", "client_secret": "fake", "refresh_token": secret}
            secret = json.dumps({"type": "authorized_user", **words})
    with listening(told(take_in, state.requests, state.problems, say), lambda _: None, port) as url:
        state.url = url
        destination = DESTINATIONS[kind].format(url=url, variable=SECRETS[kind])
        yield Running(url, SETTINGS.format(kind=kind, destination=destination, sync=SYNCS[kind]), SECRETS[kind], secret)


def as_receiver(state: Receiver) -> Callable[[Request], Response]:
    """A receiver of webhooks, as `listening` asks it."""

    def take_in(request: Request) -> Response:
        return Response(*state.take_in(request.headers, request.body))

    return take_in


def as_klaviyo(state: Account) -> Callable[[Request], Response]:
    """Klaviyo, as `listening` asks it: it counts requests when they arrive."""

    def take_in(request: Request) -> Response:
        state.arrive(request)
        return state.take_in(request)

    return take_in


def told(
    take_in: Callable[[Request], Response],
    requests: Sequence[tuple[str, str, int]],
    problems: Sequence[str],
    say: Callable[[str], None],
) -> Callable[[Request], Response]:
    """The same, and a line of each request. Of its query nothing is said: Klaviyo's has customer ids in it."""

    def take_in_and_tell(request: Request) -> Response:
        known, wrong = len(requests), len(problems)
        response = take_in(request)
        rows = requests[-1][2] if len(requests) > known else 0
        line = f"{request.method} {request.path}" + (f", {rows:,} rows" if rows else "") + f" → {response.status}"
        if response.status == 401:
            line += ": another secret than the one above"
        say(line + "".join(f": {problem}" for problem in problems[wrong:]))
        return response

    return take_in_and_tell


def main(
    kind: Annotated[Kind, typer.Argument(help="Which platform.")],
    port: Annotated[
        int | None, typer.Option(help="Of 127.0.0.1; 0: a free one. Default: 8787 to 8790, in that order.")
    ] = None,
    secret: Annotated[str, typer.Option(help="The one that requests must come with; no real one.")] = "fake",
) -> None:
    """Listen as one of the platforms, to try publishing without an account. Ctrl-C ends it."""
    for ends in (signal.SIGINT, signal.SIGTERM):
        # A shell that starts it in the background tells it not to hear Ctrl-C.
        signal.signal(ends, signal.default_int_handler)
    try:
        with running(kind, PORTS[kind] if port is None else port, secret, typer.echo) as fake:
            typer.echo(
                f"{kind} listens at {fake.url}, and forgets everybody when Ctrl-C ends it. In another terminal:\n\n"
                f"export {fake.variable}={shlex.quote(fake.secret)}\n"
                f"cat > fake_{kind}.yml <<'END'\n{fake.settings}END\n"
                f"regulars publish apply --settings fake_{kind}.yml\n"
            )
            threading.Event().wait()
    except KeyboardInterrupt:
        typer.echo("ended")
    except OSError as error:
        typer.echo(f"error: the port cannot be had ({error.strerror}); give another with --port", err=True)
        raise typer.Exit(2) from error


if __name__ == "__main__":
    # As `regulars` itself looks.
    alone = typer.Typer(add_completion=False, rich_markup_mode=None)
    alone.command()(main)
    alone()
