"""What the tests of Klaviyo share: customers, batches of them, a destination whose time passes only when it sleeps."""

import dataclasses
from itertools import count

from regulars.publish.destinations import Answer, Batch, Encoded, Row
from regulars.publish.destinations.klaviyo import KlaviyoDestination
from regulars.publish.http import Client
from regulars.publish.settings import Klaviyo

KEY = "pk_canary_secret"
CANARIES = ("canary", "5559876543", "pk_", "zyx")
PHONE = "+1 (555) 987-6543"


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self):
        self.now, self.pauses = 1020.5, []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.pauses.append(seconds)
        self.now += seconds


def destination(account, *, clock=None, **more):
    clock = clock or Clock()
    configured = Klaviyo(
        type="klaviyo", api_key={"env": "KLAVIYO_KEY"}, **({"account_id": "AbC123", "url": account.url} | more)
    )
    client = Client(2.0, 20.0, sleep=clock.sleep, clock=clock, chance=lambda: 0.5)
    return KlaviyoDestination(configured, KEY, client)


def person(number, **more):
    contacts = {"email": f"Canary.{number}@Example.com", "first_name": "Canary", "country": "US"}
    given = {"contacts": contacts, "properties": {"tier": "canary gold", "revenue": "12.50"}} | more
    return Row(f"canary-{number}", **given)


def removal(number, remote_id=""):
    return Row(f"canary-{number}", remote_id=remote_id)


_keys = count()


def batch_of(operation, rows, list_id="L00001"):
    return Batch(operation, "loyal", list_id, f"{next(_keys):032x}", len(rows))


def clean(said):
    """Nothing of what was sent stands in what is said."""
    assert not [canary for canary in CANARIES if canary in repr(said).lower()], said
    for field in dataclasses.fields(said) if isinstance(said, Answer) else ():
        assert not [canary for canary in CANARIES if canary in str(getattr(said, field.name)).lower()]
    return said


def body_of(target, batch, rows):
    encoded = [clean(target.encode(batch.operation, row)) for row in rows]
    assert all(isinstance(one, Encoded) for one in encoded)
    return target.body(batch, [one.body for one in encoded])


def sent(target, batch, body):
    return clean(target.send(batch, body))


def done(target, batch, body):
    """Send, and poll until it is over."""
    answer = sent(target, batch, body)
    polls = 0
    while answer.outcome == "accepted" and not answer.is_hopeless:
        polls += 1
        assert polls < 20
        answer = clean(target.poll(batch, answer.remote_id, body))
    return answer


def publish(target, operation, rows, list_id):
    batch = batch_of(operation, rows, list_id)
    return done(target, batch, body_of(target, batch, rows))


def asked(account, part=""):
    return [(method, path) for method, path, _ in account.requests if part in path]
