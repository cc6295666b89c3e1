"""From relations to rows: odd shops, gates, shuffled rows."""

import json
from datetime import date, timedelta

import duckdb
import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from regulars.predict.affinity import nodes
from regulars.predict.affinity.snapshot import CUSTOMER_FACTS, ITEM_FACTS, PAIR_FACTS

AS_OF = date(2026, 1, 1)
PAST = (AS_OF - timedelta(days=90), AS_OF - timedelta(days=180))


class Shop:
    """The relations that the nodes read, of a shop in which even customers buy even items."""

    def __init__(self, customers: int, items: int, buyers: int | None = None, past=PAST, shuffled: bool = False):
        self.connection = duckdb.connect()
        self.connection.execute("set threads = 1")
        random = np.random.default_rng(7)
        rows = {"customers": [], "facts": [], "pairs": [], "outcomes": []}
        for on in (AS_OF, *past):
            bought = dict.fromkeys(range(items), 0)
            for customer in range(customers):
                name = f"c{customer:04d}"
                facts = [*map(float, random.integers(1, 9, len(CUSTOMER_FACTS)))]
                rows["customers"].append([on, name, customer % 4, customer + 1, 0.4, *facts])
                mine = [item for item in range(items) if item % 2 == customer % 2 and random.random() < 0.5] or [0]
                for item in mine:
                    bought[item] += 1
                    times = [float(random.integers(1, 5))] * len(PAIR_FACTS)
                    rows["pairs"].append([on, name, customer % 4, customer + 1, "product", item, *times])
                if random.random() < 0.5 and on != AS_OF:
                    rows["outcomes"].append([on, name, "product", int(random.choice(mine))])
            for item in range(items):
                values = [0.1] * len(ITEM_FACTS)
                values[ITEM_FACTS.index("buyer_count")] = float(bought[item])
                values[ITEM_FACTS.index("typical_gap_days")] = 30.0
                rows["facts"].append([on, "product", item, *values])
        doubles = {name: ", ".join(f"{column} double" for column in columns) for name, columns in (
            ("customers", CUSTOMER_FACTS), ("facts", ITEM_FACTS), ("pairs", PAIR_FACTS)
        )}  # fmt: skip
        who = "customer_id varchar, customer_bucket bigint, random_rank bigint"
        columns = {
            "customers": f"snapshot_on date, {who}, purchase_probability_90d double, {doubles['customers']}",
            "facts": f"snapshot_on date, kind varchar, item_key bigint, {doubles['facts']}",
            "pairs": f"snapshot_on date, {who}, kind varchar, item_key bigint, {doubles['pairs']}",
            "outcomes": "snapshot_on date, customer_id varchar, kind varchar, item_key bigint",
            "items": "kind varchar, item varchar, item_key bigint",
            "snapshots": "snapshot_on date, snapshot_role varchar",
            "wanted": "interest varchar, kind varchar, item_key bigint",
        }
        rows["items"] = [["product", f"item {item}", item] for item in range(items)]
        rows["snapshots"] = [[AS_OF, "scoring"], *([on, "training"] for on in past)]
        rows["wanted"] = [["chosen", "product", min(items - 1, 2)]] if items else []
        for name, declared in columns.items():
            self.connection.execute(f"create table {name} ({declared})")
            found = rows[name]
            if shuffled:
                np.random.default_rng(1).shuffle(found)
            if found:
                marks = ", ".join("?" * len(found[0]))
                self.connection.executemany(f"insert into {name} values ({marks})", found)
        count = customers if buyers is None else buyers
        self.connection.execute(
            f"create table gate as select date '{AS_OF}' as as_of_date, {count} as buyer_count,"
            f" {count} as repeat_buyer_count,"
            " 400 as history_days, 1 as idle_days, 100 as prediction_min_buyers, 180 as prediction_min_history_days,"
            " 30 as prediction_max_idle_days, 100 as prediction_min_repeat_buyers, 7 as retrain_after_days,"
            " 'abc' as settings_fingerprint"
        )

    def tables(self, which: str) -> nodes.Tables:
        table = self.connection.table
        today = table("customers").filter(f"snapshot_on = date '{AS_OF}'")
        past = table("customers").filter(f"snapshot_on < date '{AS_OF}'")
        return nodes.Tables(
            table("snapshots"),
            past if which == "training" else today,
            table("items"),
            table("facts"),
            table("pairs"),
            table("outcomes"),
            past,
        )

    def trained(self):
        return nodes.train_if_due(self.connection.table("gate"), self.tables("training"), None, training_rows=20_000)

    def stored(self, trained):
        self.connection.register("stored", trained)
        return self.connection.table("stored")

    def scores(self, trained):
        return nodes.score_customers(
            self.connection.table("gate"), self.tables("scoring"), self.stored(trained),
            top=3, neighbour_customers=1000, buckets=4,
        ).read_all()  # fmt: skip

    def audiences(self, trained):
        return nodes.score_interests(
            self.connection.table("gate"), self.tables("scoring"), self.stored(trained),
            self.connection.table("wanted"),
            neighbour_customers=1000, buckets=4,
        ).read_all()  # fmt: skip


@pytest.fixture(scope="module")
def learnt():
    shop = Shop(200, 8)
    return shop, shop.trained()


def test_everybody_gets_the_items_and_the_row_says_from_what(learnt):
    shop, trained = learnt
    [row] = trained.to_pylist()
    assert row["gate_reason"] is None
    figures = {(each["model"], each["metric"]) for each in json.loads(row["measures"])}
    assert {("affinity_product", name) for name in ("recall_at_10", "ndcg_at_10", "calibration_error")} <= figures
    assert {("audience_product", name) for name in ("auc", "lift_of_top_tenth", "share_for_50")} <= figures
    scores = shop.scores(trained)
    assert scores.schema == nodes.SCORES
    assert len(scores) == 200 * 3
    assert set(scores["model_version"].to_pylist()) == {row["model_version"]}
    assert set(scores["model_state"].to_pylist()) == {"fresh"}
    # The chance that she comes at all is that of purchase intent.
    assert max(scores["purchase_probability_90d"].to_pylist()) <= 0.4


def test_an_interest_is_an_audience_with_tiers(learnt):
    shop, trained = learnt
    audience = shop.audiences(trained)
    assert audience.schema == nodes.INTERESTS
    assert set(audience["capture_share"].to_pylist()) <= {0.5, 0.7, 0.9}
    best = audience.filter(np.array(audience["capture_share"].to_pylist()) == 0.5)
    even = [int(name[1:]) % 2 == 0 for name in best["customer_id"].to_pylist()]
    assert np.mean(even) > 0.9


def test_a_shop_with_too_little_to_learn_from_ranks_but_foretells_nothing():
    shop = Shop(12, 4)
    shop.connection.execute("update customers set purchase_probability_90d = null")
    audience = shop.audiences(shop.trained())
    assert len(audience)
    assert audience["purchase_probability_90d"].null_count == len(audience)
    assert set(audience["basis"].to_pylist()) == {"history"}
    assert len(set(audience["score"].to_pylist())) > 1


def test_fixed_weights_foretell_nothing_even_where_purchase_intent_does():
    shop = Shop(12, 4)
    audience = shop.audiences(shop.trained())
    assert audience["purchase_probability_90d"].null_count == len(audience) > 0


def test_nobody_is_interested_in_what_nobody_ever_bought(learnt):
    _, trained = learnt
    shop = Shop(200, 8)
    # Known to the catalogue only: all its orders were cancelled.
    shop.connection.execute("insert into wanted values ('unsold', 'product', 99)")
    assert set(shop.audiences(trained)["interest"].to_pylist()) == {"chosen"}


def test_an_item_whose_buyers_are_none_is_not_asked_for(learnt):
    _, trained = learnt
    shop = Shop(200, 8)
    shop.connection.execute("insert into wanted values ('returned', 'product', 7)")
    shop.connection.execute("update facts set buyer_count = 0 where item_key = 7")
    shop.connection.execute("delete from pairs where item_key = 7")
    assert set(shop.audiences(trained)["interest"].to_pylist()) == {"chosen"}


def test_whom_purchase_intent_gives_no_chance_gets_none(learnt):
    shop, trained = learnt
    learnt_from = shop.audiences(trained)
    assert learnt_from["purchase_probability_90d"].null_count == 0
    assert set(learnt_from["basis"].to_pylist()) == {"items"}
    other = Shop(200, 8)
    other.connection.execute("update customers set purchase_probability_90d = null where customer_bucket = 0")
    by_customer = {row["customer_id"]: row["purchase_probability_90d"] for row in other.audiences(trained).to_pylist()}
    unsaid = {name for name in by_customer if int(name[1:]) % 4 == 0}
    assert unsaid
    assert {name for name, chance in by_customer.items() if chance is None} == unsaid


def test_the_order_of_rows_means_nothing(learnt):
    shop, trained = learnt
    other = Shop(200, 8, shuffled=True)
    again = other.trained()
    assert again.equals(trained)
    by = [("customer_id", "ascending"), ("rank", "ascending")]
    assert other.scores(again).sort_by(by).equals(shop.scores(trained).sort_by(by))


@pytest.mark.parametrize(
    ("customers", "items", "past"), [(0, 0, ()), (1, 1, ()), (1, 1, PAST), (50, 3, PAST), (200, 1, PAST), (150, 2, ())]
)
def test_odd_shops_get_what_their_data_carries(customers, items, past):
    shop = Shop(customers, items, past=past)
    trained = shop.trained()
    [row] = trained.to_pylist()
    if customers < 100 or not past:
        assert row["gate_reason"]
    assert row["basis"] == (None if not customers else "history")
    assert len(shop.scores(trained)) == customers * min(items, 3)
    shop.audiences(trained)


def test_a_young_model_is_kept(learnt):
    shop, trained = learnt
    stored = shop.stored(trained)
    again = nodes.train_if_due(shop.connection.table("gate"), shop.tables("training"), stored, training_rows=20_000)
    assert len(again) == 0


def test_without_a_model_nobody_is_scored(learnt):
    shop, trained = learnt
    assert len(shop.scores(trained.slice(0, 0))) == 0


@pytest.mark.parametrize("step", ["trained", "scores", "audiences"])
def test_every_step_works_with_one_thread_and_leaves_it_so(step):
    """Whoever gave threads back would change the last bits of a model that is trained beside it."""
    shop = Shop(120, 8)
    asked = () if step == "trained" else (shop.trained(),)
    with threadpool_limits(limits=2):
        getattr(shop, step)(*asked)
        assert {pool["num_threads"] for pool in threadpool_info()} == {1}
