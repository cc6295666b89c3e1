"""The dates of change mean what they say: as of that date the label has changed, as of the day before it has not.

The later computation sees the same rows, cut at the first as-of date: nothing else has happened in between.
"""

import datetime
import random

from .raw_shop import AS_OF, ago, line, make_shop, order, segments, segments_as_of

LABELS = {
    "customer_lifecycle": ("lifecycle_state", "lifecycle_changes_on"),
    "customer_personas": ("persona", "persona_changes_on"),
    "customer_types": ("customer_type", "customer_type_changes_on"),
}


def random_shop(seed, customers=60):
    chance = random.Random(seed)
    tables = {"orders": [], "order_lines": [], "customers": [], "email_events": [], "web_events": []}
    for number in range(customers):
        name = f"c{number}"
        tables["customers"].append(
            {
                "customer_id": name,
                "created_at": ago(chance.randint(1, 400), "12:00:00"),
                "email_consent": chance.random() < 0.5,
                "tracking_consent": chance.random() < 0.7,
            }
        )
        rhythm = chance.choice([3, 20, 90, 300])
        day = chance.randint(1, 420)
        for position in range(chance.choice([0, 0, 1, 1, 2, 3, 5])):
            tables["orders"].append(order(f"{name}-{position}", name, ago(day)))
            tables["order_lines"].append(line(f"{name}-{position}", str(chance.randint(5, 60))))
            day += chance.randint(1, 2 * rhythm)
        for position in range(chance.choice([0, 0, 1, 4])):
            event = {
                "event_id": f"{name}-{position}",
                "customer_id": name,
                "occurred_at": ago(chance.randint(1, 120), "12:00:00"),
            }
            tables["email_events"].append({**event, "event_type": chance.choice(["opened", "clicked", "received"])})
            kind = chance.choice(["viewed_product", "added_to_cart", "active_on_site"])
            tables["web_events"].append({**event, "event_type": kind})
    return tables


def test_labels_change_on_the_date_given_and_not_the_day_before():
    seed = 2
    shop = make_shop(**random_shop(seed))
    today = segments_as_of(shop, AS_OF, with_changes=True)
    chance = random.Random(seed)
    later = {}

    def label_on(frame, column, customer, day):
        if day not in later:
            later[day] = segments_as_of(shop, day.isoformat())
        return later[day][frame].loc[customer, column]

    for frame, (label, changes_on) in LABELS.items():
        changing = today[frame][today[frame][changes_on].notna()]
        for customer in chance.sample(list(changing.index), 6):
            now, day = changing.loc[customer, label], changing.loc[customer, changes_on]
            assert label_on(frame, label, customer, day) != now, (customer, day)
            assert label_on(frame, label, customer, day - datetime.timedelta(days=1)) == now, (customer, day)


def test_labels_without_a_date_never_change():
    shop = make_shop(**random_shop(3))
    today = segments_as_of(shop, AS_OF, with_changes=True)
    for days_later in (1, 60, 200, 400, 900, 1_500):
        later = segments_as_of(shop, ago(-days_later))
        for frame, (label, changes_on) in LABELS.items():
            stays = today[frame][changes_on].isna()
            assert (later[frame].loc[stays, label] == today[frame].loc[stays, label]).all()


def test_changes_can_be_left_out():
    frames = segments({"a": [(ago(5), "1")]}, AS_OF, with_changes=False)
    assert all(changes_on not in frames[frame].columns for frame, (_, changes_on) in LABELS.items())
