"""Klaviyo: who is erased has no profile any more, and nothing of anybody's is said."""

from regulars.publish.destinations import Person, Rejected
from regulars.publish.fakes.listening import Fault

from .customers import PHONE, clean, person, publish, removal


def test_erasing_deletes_her_profile_and_the_one_under_her_address_alone(account, loyal):
    target, list_id = loyal
    publish(target, "upsert", [person(1), person(2), person(3)], list_id)
    form = account.add_profile({"email": "canary.form@example.com"})
    known = account.profile("canary-2")
    merged = account.add_profile({"email": "canary.merged@example.com"})
    people = [
        Person("canary-1", {"email": "Canary.form@example.com", "country": "US"}),
        Person("canary-2", remote_id=known.id),
        Person("canary-9"),
        Person("canary-8", remote_id=merged.id),
        Person('canary"', {"phone": PHONE, "country": "US"}),
    ]
    expected = {account.profile("canary-1").id, form.id, known.id, merged.id}
    answer = clean(target.erase("loyal", people))
    assert (answer.outcome, answer.rejected) == ("acknowledged", ())
    assert set(account.deleted) == expected
    assert account.on_list("loyal") == {"canary-3"}
    assert clean(target.erase("loyal", people)).outcome == "acknowledged"


def test_erasing_deletes_the_profile_under_her_number_alone_unless_it_is_somebody_elses_too(account, loyal):
    target, _ = loyal
    other = account.add_profile({"phone_number": "+15559876543"})
    contacts = {"email": "canary.1@example.com", "phone": PHONE, "country": "US"}
    target.erase("loyal", [Person("canary-1", contacts, is_number_shared=True)])
    assert account.deleted == []
    target.erase("loyal", [Person("canary-1", contacts)])
    assert account.deleted == [other.id]


def test_erasing_deletes_the_profiles_by_which_whoever_asked_knows_her(account, loyal):
    target, _ = loyal
    asked = {"email": "canary.2@example.com", "phone": "+15559876543"}
    others = [
        account.add_profile({"email": asked["email"]}), account.add_profile({"phone_number": asked["phone"]})
    ]  # fmt: skip
    clean(target.erase("loyal", [Person("canary-1", {"email": "canary.1@example.com"}, asked=asked)]))
    assert account.deleted == [one.id for one in others]


def test_who_cannot_be_erased_is_rejected_and_the_others_are_gone(account, loyal):
    target, list_id = loyal
    publish(target, "upsert", [person(1), person(2)], list_id)
    account.faults = [Fault(400, {}, b'{"errors": [{"code": "invalid", "detail": "canary"}]}', on="deletion")]
    answer = clean(target.erase("loyal", [Person("canary-1"), Person("canary-2")]))
    assert answer.rejected == (Rejected(0, "invalid", "id"),)
    assert {row.attributes["external_id"] for row in account.profiles.values()} == {"canary-1"}


def test_erasing_that_breaks_off_is_unknown_once_somebody_is_gone(account, loyal):
    target, list_id = loyal
    publish(target, "upsert", [person(1), person(2)], list_id)
    people = [Person("canary-1"), Person("canary-2")]
    account.faults = [Fault(401, on="deletion")]
    assert clean(target.erase("loyal", people)).outcome == "failed"
    account.faults = [Fault(is_taken_in=True, status=202, on="deletion"), Fault(401, on="deletion")]
    answer = clean(target.erase("loyal", people))
    assert (answer.outcome, answer.is_hopeless) == ("unknown", True)
    assert target.erase("loyal", people).outcome == "acknowledged"
    assert account.profiles == {}


def test_secrets_are_in_no_repr(account, loyal):
    clean(loyal[0])
    clean(loyal[0].encode("upsert", person(1)))
    clean(loyal[0].encode("remove", removal(1)))
