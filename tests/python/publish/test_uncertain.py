"""What nobody knows for certain is neither forgotten nor taken to be done: an address that may still be listed."""

import json
from datetime import timedelta

import pytest

from regulars.publish.fakes.google import Outcome

from .world import Clock, Customer, Line, Said, Stumble, World, new, people, sent, sha256


def there(world: World, place: str) -> set[str]:
    """The hashes that an ad platform has."""
    if place == "google":
        return {one.partition(":")[2] for one in world.fakes.google.lists["1"]}
    return {one.partition(":")[2] for audience in world.fakes.meta.audiences.values() for one in audience.members}


class Refusing(Line):
    """Every removal is refused."""

    def __init__(self, said: Said) -> None:
        super().__init__(None)
        self.said = said

    def request(self, method, url, **more):
        if method == "DELETE" or url.endswith(":remove"):
            return Said(self.said.status, {}, self.said.parts[0])
        return super().request(method, url, **more)


GOOGLE_REFUSES = {"error": {"code": 400, "status": "INVALID_ARGUMENT", "details": [{"fieldViolations": [
    {"field": "audience_members.audience_members[0].user_data", "reason": "INVALID_SHA256_FORMAT"}
]}]}}  # fmt: skip
META_REFUSES = {"error": {"code": 100, "message": "no", "error_subcode": 1}}


@pytest.mark.parametrize(("place", "answer"), [("meta", META_REFUSES), ("google", GOOGLE_REFUSES), ("google", None)])
def test_an_old_address_whose_removal_is_refused_is_not_forgotten(tmp_path, fakes, place, answer):
    world = new(tmp_path, fakes, place, people=people(1, 2))
    for _ in range(2):
        sent(world)
    old = sha256("p1@example.com")
    world.people["c1"] = Customer(email="new1@example.com")
    world.build()
    if answer is None:
        # The job fails, and that is known when it is asked about.
        fakes.google.outcomes = [Outcome("FAILED", reason="PROCESSING_ERROR_REASON_INTERNAL_ERROR")]
        [result] = sent(world)
    else:
        [result] = sent(world, Refusing(Said(400, {}, json.dumps(answer).encode())))
    assert (result.rejected, result.pending, result.is_done) == (1, 1, False)
    assert there(world, place) == {old, sha256("p2@example.com")}
    # While it waits she is not sent by her new address; once it succeeds, she is.
    [result] = sent(world)
    assert there(world, place) == {old, sha256("p2@example.com")}
    world.moment += timedelta(hours=2)
    for _ in range(2):
        [result] = sent(world)
    assert result.is_done
    assert there(world, place) == {sha256("new1@example.com"), sha256("p2@example.com")}


def test_who_was_perhaps_added_by_what_is_refused_when_it_is_sent_again_is_known(tmp_path, fakes):
    # The life of seed 5: the first job took her, with counts that nobody understands; the second one failed.
    world = new(tmp_path, fakes, "google", people=people(1))
    fakes.google.outcomes = [Outcome(record_count=99), Outcome("FAILED")]
    sent(world)
    [result] = sent(world)
    assert result.rejected == 1
    assert there(world, "google") == {sha256("p1@example.com")}
    world.people["c1"] = Customer(email="p1@example.com", has_ads_consent=False)
    world.build()
    for _ in range(2):
        sent(world, force=True)
    assert there(world, "google") == set()


def test_who_was_perhaps_added_by_what_is_refused_in_part_is_known(tmp_path, fakes):
    world = new(tmp_path, fakes, "webhook", people=people(1, 2))
    # Taken, and the answer lost.
    sent(world, Line(Clock().client()._pool, (Stumble(0, 60, "lost"),)))
    assert set(fakes.webhook.people["loyal"]) == {"c1", "c2"}
    fakes.webhook.seen.clear()
    fakes.webhook.refuse = lambda row: "wrong" if row["customer_id"] == "c2" else ""
    [result] = sent(world)
    assert (result.acknowledged, result.rejected) == (1, 1)
    fakes.behave()
    world.people.pop("c2")
    world.build()
    sent(world, force=True)
    assert set(fakes.webhook.people["loyal"]) == {"c1"}
