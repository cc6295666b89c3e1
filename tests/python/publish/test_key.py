"""The key by which people are named: another one than the ledger was begun with is refused, or erased people return."""

import pytest

from regulars.publish.errors import PublishRefusedError
from regulars.publish.fakes.webhook import receiver
from regulars.publish.run import ask_to_erase, ledger_path, make_plans, run_syncs
from regulars.publish.settings import load_settings

from .shop import SECRET, Person, Shop


@pytest.fixture
def shop(tmp_path, monkeypatch):
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    with receiver(SECRET) as hook:
        shop = Shop(tmp_path, hook.url)
        shop.build(*[Person(f"c{number}", email=f"p{number}@example.com") for number in (1, 2)])
        yield shop


def key_file(shop):
    return ledger_path(shop.settings()).with_name("publish_ledger.duckdb.key")


def plans(shop):
    return make_plans(shop.settings(), shop.warehouse, list(shop.settings().syncs))


def erased(shop) -> None:
    settings = shop.settings()
    run_syncs(settings, shop.warehouse, list(settings.syncs))
    [erasure], problems = ask_to_erase(settings, shop.warehouse, request_id="r1", customer_ids=("c1",))
    assert (erasure.status, problems) == ("done", [])


def test_a_key_file_that_is_lost_is_not_made_anew_and_heals_when_it_is_back(shop):
    erased(shop)
    kept = key_file(shop).read_text()
    key_file(shop).unlink()
    settings = shop.settings()
    for act in (
        lambda: plans(shop),
        lambda: run_syncs(settings, shop.warehouse, list(settings.syncs)),
    ):
        with pytest.raises(PublishRefusedError, match=r"\.key, the key of the ledger, is gone, .* restore it"):
            act()
    assert not key_file(shop).exists()
    key_file(shop).write_text(kept)
    assert [(plan.add, plan.erased) for plan in plans(shop)] == [(0, 1), (0, 1)]


def test_another_key_file_is_refused(shop):
    plans(shop)
    key_file(shop).write_text("f" * 64)
    with pytest.raises(PublishRefusedError, match=r"\.key is another than the ledger was begun with"):
        plans(shop)


def test_another_key_secret_is_refused_and_a_short_one(shop, monkeypatch):
    path = shop.folder / "publish.yml"

    def plan():
        shop.settings()
        path.write_text(path.read_text().replace("destinations:", "key_secret: {env: PEOPLE_KEY}\ndestinations:", 1))
        settings = load_settings(path)
        return make_plans(settings, shop.warehouse, list(settings.syncs))

    monkeypatch.setenv("PEOPLE_KEY", "x" * 15)
    with pytest.raises(PublishRefusedError, match="fewer than 16 letters"):
        plan()
    monkeypatch.setenv("PEOPLE_KEY", "x" * 16)
    plan()
    monkeypatch.setenv("PEOPLE_KEY", "y" * 16)
    with pytest.raises(PublishRefusedError, match="the key in key_secret is another") as caught:
        plan()
    assert "yyy" not in str(caught.value)
    # Nor is a file made instead of it.
    with pytest.raises(PublishRefusedError, match="is gone"):
        plans(shop)
    assert not key_file(shop).exists()
