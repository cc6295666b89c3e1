"""The list of rejects names who is wanted and was refused, and nobody else."""

import pytest

from regulars.publish.fakes.webhook import receiver
from regulars.publish.run import run_syncs
from regulars.publish.status import read_status

from .shop import SECRET, Person, Shop


@pytest.mark.parametrize("after", [[], [Person("c2", tier="gold")]], ids=["she left", "she is as she was acknowledged"])
def test_who_has_nothing_to_be_sent_any_more_is_struck_off(tmp_path, monkeypatch, after):
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    with receiver(SECRET) as hook:
        hook.refuse = lambda row: "no_silver" if row.get("properties", {}).get("rfm_tier") == "silver" else ""
        shop = Shop(tmp_path, hook.url)
        settings = shop.settings()
        shop.build(Person("c1"), *after)
        run_syncs(settings, shop.warehouse, [settings.syncs[0]])
        shop.build(Person("c1"), Person("c2", tier="silver"))
        [result] = run_syncs(settings, shop.warehouse, [settings.syncs[0]])
        assert result.codes == {"no_silver": 1}
        shop.build(Person("c1"), *after)
        [result] = run_syncs(settings, shop.warehouse, [settings.syncs[0]])
        assert (result.planned, result.requests) == (0, 0)
        assert read_status(settings)[0][0].rejected == 0
