"""Shops with somebody on each side of every boundary, so that a boundary moved by one shows.

Each shop is the smallest in which its boundaries can be reached: averages, medians and percentiles are of a whole shop.
"""

from __future__ import annotations

import datetime

from project.harness import Shop

from .hand_made import HandMade, day


def rhythms() -> Shop:
    """A typical gap of 45.5 days, and people on every boundary of lifecycle, personas, carts and e-mail."""
    shop = HandMade()
    shop.product("lamp", "light", unit_cost=4).product("chair", "seating", unit_cost=5, tags="gift")
    # 40 gaps: half of 45 days, half of 46.
    for number in range(20):
        shop.buys(f"pace{number:02}", 20 + number, 65 + number, 111 + number, price=20 + number, product="lamp")
    # Own rhythm of 90 days: 120 days are 4/3 of it, 270 three times.
    for ago in (119, 120, 121, 269, 270, 271):
        shop.buys(f"ninety{ago}", ago, ago + 90, ago + 180, price=30)
    # Own rhythm of 3 days: the floors of 14 and 60 days decide. Of one day: never under one.
    for ago in (5, 13, 14, 15, 20, 59, 60, 61):
        shop.buys(f"three{ago}", ago, ago + 3, ago + 6, price=8)
    shop.buys("daily", 40, 41, 42, price=500)
    # One order: new up to 30 days. Two orders: halfway between the own gap and the shop's.
    for ago in (1, 2, 28, 29, 30, 31, 32):
        shop.buys(f"once{ago:02}", ago, price=25)
    for ago in (88, 89, 90, 91, 92, 120, 121):
        shop.buys(f"twice{ago:03}", ago, ago + 90, price=12)
    # Orders of one day are one order day; gaps of 90 and 91 days have a median between them.
    shop.buys("sameday", 50, 50, price=11)
    shop.buys("between", 30, 120, 211, price=11)
    # Personas: recency 120 and 390, three orders, above and below the shop's average, engaged or not.
    for ago in (119, 120, 121, 389, 390, 391, 392):
        for count in (2, 3):
            for price in (9, 900):
                name = f"r{ago}n{count}p{price}"
                shop.buys(name, ago, *(ago + 200 * step for step in range(1, count)), price=price)
                if ago > 390:
                    shop.buys(name + "e", ago, *(ago + 200 * step for step in range(1, count)), price=price)
                    shop.mails(name + "e", "clicked", 90)
    # Known for 89, 90 and 91 days without an order; seen on the site, or opening e-mails.
    for ago in (1, 88, 89, 90, 91):
        shop.profile(f"known{ago}", created_at=f"{day(ago)} 00:00:00+00", email_consent=True)
    shop.profile("unknown age")
    for count in (1, 2, 3, 4):
        for ago in (1, 89, 90, 91):
            looks, opens = f"looks{count}d{ago}", f"opens{count}d{ago}"
            shop.profile(looks, created_at=f"{day(200)} 00:00:00+00", tracking_consent=True)
            shop.visits(looks, "viewed_product", *[ago] * count)
            shop.profile(opens, created_at=f"{day(200)} 00:00:00+00", email_consent=count > 2)
            shop.mails(opens, "opened", *[ago] * count, is_machine_open=False)
    shop.profile("no consent", created_at=f"{day(200)} 00:00:00+00", tracking_consent=False)
    shop.visits("no consent", "added_to_cart", 3)
    shop.mails("machine", "opened", 3, is_machine_open=True)
    shop.mails("perhaps", "opened", 3)
    # An espresso shot: engaged seven days ago, and no order since.
    for ago in (6, 7, 8):
        shop.mails(f"espresso{ago}", "clicked", ago)
        shop.buys(f"espresso{ago}", 100, price=40)
    shop.mails("at once", "clicked", 3, at="12:00:00").buys("at once", 3, price=40)
    shop.mails("before order", "clicked", 3, at="11:59:59").buys("before order", 3, price=40)
    shop.mails("after order", "clicked", 3, at="12:00:01").buys("after order", 3, price=40)
    # Carts: of 30 days, closed by an order at the same moment, by a pending one, not by a test.
    for ago in (1, 29, 30, 31):
        for kind in ("added_to_cart", "started_checkout"):
            shop.profile(f"{kind}{ago}", tracking_consent=True, created_at=f"{day(200)} 00:00:00+00")
            shop.visits(f"{kind}{ago}", kind, ago)
    for name, at, status in (
        ("same moment", "12:00:00", "paid"),
        ("just before", "11:59:59", "paid"),
        ("pending later", "13:00:00", "pending"),
        ("cancelled later", "13:00:00", "cancelled"),
        ("test later", "13:00:00", "test"),
    ):
        shop.profile(name, tracking_consent=True, created_at=f"{day(200)} 00:00:00+00")
        shop.visits(name, "added_to_cart", 4).buys(name, 4, at=at, price=33, status=status)
    # Subscribed: five e-mails and nothing opened; an own margin; very little money.
    for count in (4, 5, 6):
        for consent in (True, False):
            name = f"silent{count}{consent}"
            shop.profile(name, email_consent=consent, created_at=f"{day(200)} 00:00:00+00")
            shop.mails(name, "received", *[10] * count).buys(name, 15, price=14, product="lamp")
    shop.mails("silent6True", "opened", 91)
    shop.profile("late silence", email_consent=True)
    shop.mails("late silence", "received", *[10] * 5).buys("late silence", 200, price=14)
    shop.buys("pennies", 15, price="0.5").buys("one", 15, 40, price="0.5")
    # Half of the spend in each of two categories, a little less, a little more; a guest who is nobody.
    shop.buys("halves", 15, price=20, product="lamp").buys("halves", 15, price=20, product="chair")
    shop.buys("less", 15, price="19.9999", product="lamp").buys("less", 15, price="20.0001", product="chair")
    shop.buys("half a lamp", 15, price=20, product="lamp", quantity=0.5)
    # The chair was withdrawn by a later load of the order: it is no category of hers.
    shop.buys("no chair", 15, price=20, product="lamp")
    shop.add("order_lines", **(shop.shop["order_lines"][-1] | {"line_number": 2, "product_id": "chair", "quantity": 0}))
    shop.buys(None, 15, price=50, discount=45)
    # The first channel: the smaller order id of one moment; an order that is not valid counts for nothing.
    shop.buys("channels", 70, price=20, status="cancelled", channel="none")
    shop.buys("channels", 60, price=20, status="cancelled", channel="none")
    shop.buys("channels", 60, price=20, channel="search").buys("channels", 60, price=20, channel="ads")
    shop.buys("channels", 50, price=20, channel="letters")
    for channel in ("search", "ads", "letters"):
        shop.add("marketing_spend", day=day(60), channel=channel, amount=30, currency="EUR")
    # Her first order has the larger id, and her second one the moment of somebody else's first.
    shop.buys("late id", 50, price=20, channel="ads").buys("late id", 60, price=20, channel="search")
    shop.buys("same moment as late id", 50, price=20)
    # Refusals after the consent, before it, at its instant, and of somebody whose consent has no date.
    for name, consent_at in (("late", "11:59:59"), ("same", "12:00:00"), ("early", "12:00:01"), ("undated", None)):
        for kind in ("unsubscribed", "marked_spam"):
            updated_at = consent_at and f"{day(20)} {consent_at}+00"
            shop.profile(f"{kind} {name}", email_consent=True, consent_updated_at=updated_at)
            shop.mails(f"{kind} {name}", kind, 20)
    shop.profile("refused without consent", email_consent=False).mails("refused without consent", "unsubscribed", 20)
    # Gifts, with proof.
    shop.buys("giver", 33, price=20, is_gift=True).buys("giver", 13, price=20, gift_note="for you")
    return shop.shop


def won_back() -> Shop:
    """Few gaps, so that 90 days are typical: who was lost, as of the day before the last order, and who was not."""
    shop = HandMade()
    # Two order days before the last: halfway between their gap of 10 and the typical 90; three: their own 40.
    for silence in (148, 149, 150, 151):
        shop.buys(f"twice{silence}", 10, 11 + silence, 21 + silence, price=20)
    for silence in (119, 120, 121):
        shop.buys(f"thrice{silence}", 10, 11 + silence, 51 + silence, 91 + silence, price=20)
    for silence in (58, 59, 60, 61):
        shop.buys(f"floor{silence}", 10, 11 + silence, 14 + silence, 17 + silence, price=20)
    # An order on the day before does not exist as of that day; one two days before does.
    shop.buys("day before", 10, 11, 500, price=20).buys("two before", 10, 12, 500, price=20)
    return shop.shop


def first_gap() -> Shop:
    """No gap had closed when they came back: 90 days are expected, so 269 days of silence are not lost and 270 are."""
    shop = HandMade()
    for silence in (266, 267, 268, 269, 270, 271, 272, 273):
        shop.buys(f"silent{silence}", 10, 11 + silence, price=20)
    return shop.shop


def thirtieth_gap() -> Shop:
    """Until the thirtieth gap closes 90 days are typical, afterwards 10: who came back on which side of that day?"""
    shop = HandMade()
    for number in range(28):
        shop.buys(f"pace{number:02}", 60, 70, price=20)
    shop.buys("thirtieth", 30, 40, price=20)
    # It closes 30 days ago and is known from the day after: as of the day before an order of 28 days ago, not of 29.
    for last in (27, 28, 29, 30, 31):
        shop.buys(f"back{last}", last, last + 100, price=20)
    return shop.shop


def many_gaps(count: int, longer: int) -> Shop:
    """So many gaps, some of 21 days and the others of 10; one customer without a rhythm, and one of the best."""
    shop = HandMade()
    for number in range(count - 2):
        shop.buys(f"pace{number:02}", 50, 71 if number < longer else 60, price=20)
    shop.buys("newcomer", 40, price=20).buys("best", 20, 30, 40, price=20)
    return shop.shop


def fast() -> Shop:
    """A typical gap of 3 days: a newcomer is no longer active when she stops being new."""
    shop = HandMade()
    for number in range(30):
        shop.buys(f"pace{number:02}", 1 + number, 4 + number, price=20)
    for ago in (1, 5, 13, 14, 29, 30, 31):
        shop.buys(f"once{ago}", ago, price=30)
        shop.buys(f"cheap{ago}", ago, price=3)
    return shop.shop


def ranks(buyers: int) -> Shop:
    """So many buyers, each with one order more than the one before: 21 give percent ranks of just .75, .8, .9."""
    shop = HandMade()
    prices = {buyers: 11, buyers - 2: 16, buyers - 4: 30}
    for number in range(1, buyers + 1):
        days = [3 + 2 * step + number % 3 for step in range(number)]
        shop.buys(f"b{number:02}", *days, price=prices.get(number, 12))
    return shop.shop


def top_fifth() -> Shop:
    """Two orders are enough to be in the top fifth by orders; and the best have a rhythm."""
    shop = HandMade()
    for number in range(8):
        shop.buys(f"once{number}", 20 + number, price=10 + number)
    shop.buys("two", 20, 110, price="50.0023").buys("slow", 20, 111, price=50).buys("one day", 20, 20, price=50)
    return shop.shop


def few(*order_counts: int) -> Shop:
    """Buyers with so many orders each: ranks among hardly anybody."""
    shop = HandMade()
    for number, orders in enumerate(order_counts):
        shop.buys(f"b{number}", *(10 + 30 * step + number for step in range(orders)), price=10 + number)
    shop.profile("looker", created_at=f"{day(100)} 00:00:00+00")
    return shop.shop


def likely(*chances: float) -> Shop:
    """Buyers with these chances to order within 30 days, among others of whom nothing counts; their next orders are
    expected to be the smaller the likelier they are.
    """
    shop = HandMade()
    for number, chance in enumerate(chances):
        amount = f"{10 * (len(chances) - number)}.0049"
        shop.buys(f"b{number}", 20 + number, price=12 + number)
        shop.predicts(
            f"b{number}",
            purchase_probability_30d=chance,
            expected_orders_365d=2 * chance,
            expected_order_amount=amount,
            expected_revenue_365d=10 * chance,
            basis="btyd" if number % 2 else "blend",
        )
    much = {
        "purchase_probability_30d": 0.99,
        "expected_orders_365d": 50,
        "expected_order_amount": 9999,
        "expected_revenue_365d": 9999,
    }
    # No model says so; nobody says anything; somebody who gave back all she ever bought; and one who only looked.
    shop.buys("history", 30, 60, price=15).predicts("history", basis="history", **much)
    shop.buys("nothing said", 31, 61, price=16)
    shop.buys("gave it back", 32, price=17).predicts("gave it back", **much)
    order = shop.shop["orders"][-1]["order_id"]
    shop.add("refunds", refund_id="r1", order_id=order, amount=17, refunded_at=f"{day(9)} 12:00:00+00")
    shop.profile("looker", created_at=f"{day(100)} 00:00:00+00")
    return shop.shop


def expected() -> Shop:
    """Orders and revenue of the next year come on top of those so far, and turn the order of the buyers round."""
    shop = HandMade()
    for number, (orders, revenue) in enumerate(
        [("6", "0"), ("4.5", "90.0049"), ("3.249", "80"), ("2.05", "70"), ("0.25", "200"), ("0", "0")]
    ):
        shop.buys(f"b{number}", *(10 + 30 * step + number for step in range(number + 1)), price=10 + number)
        shop.predicts(
            f"b{number}",
            purchase_probability_30d=0.5,
            expected_orders_365d=orders,
            expected_order_amount=20,
            expected_revenue_365d=revenue,
            basis="btyd" if number % 2 else "blend",
        )
    for number in range(5):
        shop.buys(f"c{number}", *(12 + 30 * step + number for step in range(number + 2)), price=25 - number)
    return shop.shop


def no_mail() -> Shop:
    """No e-mail source: nobody is known to be silent."""
    shop = HandMade()
    for ago in (100, 389, 390, 391, 392):
        shop.profile(f"b{ago}", email_consent=True).buys(f"b{ago}", ago, price=10)
        shop.buys(f"c{ago}", ago, ago + 5, ago + 700, price=30)
    shop.profile("active", email_consent=True).buys("active", 5, price=10)
    shop.profile("nobody", email_consent=True, created_at=f"{day(300)} 00:00:00+00")
    shop.profile("newcomer", created_at=f"{day(30)} 00:00:00+00")
    return shop.shop


def nothing_lately() -> Shop:
    """No order within a year: there is no average, and nobody is above it."""
    shop = HandMade()
    shop.buys("a", 366, 400, price=10).buys("b", 500, price=90).buys("c", 370, 371, 372, price=5)
    shop.mails("c", "clicked", 10).mails("a", "clicked", 91)
    return shop.shop


def edge_of_the_year() -> Shop:
    """An order of 365 days ago counts in the average until tomorrow, one of 366 days ago does not."""
    shop = HandMade()
    shop.buys("edge", 365, price=60).buys("outside", 366, price=1000)
    shop.buys("inside", 364, price=30).buys("now", 5, price="12.3476")
    shop.buys("above", 6, price=26).buys("middle", 7, 8, price=19)
    return shop.shop


def sliding(oldest: str, older: str, own: str, newest: str) -> Shop:
    """Orders leave the year one after the other, and the average comes to be exactly one customer's own."""
    shop = HandMade()
    # What costs nothing has a margin as large as its price: the same shop for both measures of value.
    shop.product("free", unit_cost=0)
    for name, ago, price in (("oldest", 350, oldest), ("older", 300, older), ("own", 100, own), ("newest", 50, newest)):
        shop.buys(name, ago, price=price, product="free")
    return shop.shop


def half_a_unit(*prices: str) -> Shop:
    """An average that ends in half a ten-thousandth, before the order of 300 days ago leaves the year or afterwards."""
    shop = HandMade()
    shop.product("free", unit_cost=0)
    for number, price in enumerate(prices):
        shop.buys(f"b{number}", 300 if number == 0 else 20 + number, price=price, product="free")
    return shop.shop


def discounts() -> Shop:
    """Ten discounted buyers, each with a share of her own: the ninetieth percentile is the second largest, .14."""
    shop = HandMade()
    for number in range(2, 8):
        shop.buys(f"d{number:02}", 20 + number, 50 + number, price=100, discount=3 * number)
        shop.buys(f"d{number:02}", 10 + number, price=100)
    shop.buys("much", 15, 25, price=100, discount="13.5").buys("once", 15, price=100, discount=60)
    # Always at a discount of 3/8 of the reference: a score of exactly one half.
    shop.buys("exactly", 15, 25, price=100, discount="5.25")
    # A ten-thousandth less of twenty thousand million is a score below one half in the fourteenth decimal.
    shop.buys("hardly", 15, price=10_000_000_000, discount=525_000_000)
    shop.buys("hardly", 25, price=10_000_000_000, discount="524999999.9999")
    shop.buys("never", 15, 25, price=100)
    # Guests do not count, however large their discounts.
    shop.buys(None, 15, price=100, discount=90).buys(None, 16, price=100, discount=95)
    return shop.shop


def full_price() -> Shop:
    """Nobody had a discount worth the name; and four of seven spent less than `c`: one too few for the top fifth."""
    shop = HandMade()
    # Half a thousandth off is rounding, of which nobody becomes a sale shopper.
    shop.buys("a", 10, 40, price=10, discount="0.005").buys("b", 15, price=20).buys("c", 15, 16, 17, price=20)
    shop.buys("d", 15, price=5).buys("e", 15, price=5).buys("f", 15, price=200).buys("g", 15, price=200)
    return shop.shop


# An even number of weeks, with a median between 8 and 12; then an odd one, with a median of 10 and 12 next to it.
FIRST_YEAR = {
    **dict.fromkeys((6, 8, 14, 15, 16, 17, 52), 8.0),
    **{21: 12.0, 9: 14.9, 7: 15.0, 11: 30.0, 39: 30.0, 40: 30.0, 1: 30.0},
}
SECOND_YEAR = {
    **dict.fromkeys((6, 8, 14, 15, 16, 17, 18), 8.0),
    **{11: 10.0, 21: 12.0, 22: 12.0, 7: 15.0, 9: 15.0, 39: 30.0, 40: 30.0, 1: 30.0},
}


def peaks(first_year: int, second_year: int) -> Shop:
    """Two years of weeks, one of them at exactly one and a half times the median, one just below it in one year."""
    shop = _weeks(first_year, second_year)
    # A week that is high before October reaches into it in this year.
    shop.buys("first of October", (day(0) - datetime.date(2023, 10, 1)).days, price=1)
    return shop.shop


def _weeks(first_year: int, second_year: int) -> HandMade:
    shop = HandMade()
    for year, weeks in ((first_year, FIRST_YEAR), (second_year, SECOND_YEAR)):
        for week, revenue in weeks.items():
            for weekday in (1, 7):
                ago = (day(0) - datetime.date.fromisocalendar(year, week, weekday)).days
                shop.buys(f"{year} week {week} day {weekday}", ago, price=revenue / 2)
    return shop


SEASON = [{"peak_season": "spring", "starts_on": str(day(40)), "ends_on": str(day(30))}]


def season() -> Shop:
    """A season that somebody has written down, and orders on both sides of both its ends."""
    shop = HandMade()
    # Written down is written down: the week in which the shop sold most is no season.
    shop.buys("big week", 100, price=500)
    for ago in (29, 30, 35, 40, 41):
        shop.buys(f"at{ago}", ago, price=10).buys(f"half{ago}", ago, 120, price=10)
        shop.buys(f"third{ago}", ago, 120, 140, price=10)
    return shop.shop


def margins() -> Shop:
    """For value by margin: known, unknown, negative, and ending in half a ten-thousandth."""
    shop = HandMade()
    shop.product("a", "x", unit_cost=4).product("b", "x", unit_cost="4.0001").product("c", "x")
    shop.product("dear", "y", unit_cost=30)
    shop.buys("known", 20, 40, price=10, product="a").buys("finer", 20, price=10, product="b")
    shop.buys("finer", 30, price=10, product="a").buys("unknown", 25, price=10, product="c")
    shop.buys("loss", 300, price=10, product="dear").buys("no product", 25, price=10)
    shop.buys("passing", 150, price=3, product="a").buys("passed", 201, price=3, product="a")
    shop.buys("not yet", 200, price=3, product="a").buys("dear", 150, price=50, product="a")
    return shop.shop


def margin_halves() -> Shop:
    """A margin per order that ends in half a ten-thousandth, and one just below the shop's average of 6."""
    shop = HandMade()
    for product, cost in (("low", "4.0001"), ("even", "4"), ("high", "3.9998")):
        shop.product(product, "x", unit_cost=cost)
    shop.buys("finer", 20, price=10, product="low").buys("finer", 30, price=10, product="even")
    shop.buys("below", 20, price=10, product="low").buys("above", 20, price=10, product="high")
    return shop.shop


SLIPPING = "slipping away by the time since the last order."
MARGIN_REASONS = {
    "known": "Margin per order 6.00 EUR, at or above the shop's 5.22; active by the time since the last order.",
    "finer": "Margin per order 6.00 EUR, at or above the shop's 5.22; active by the time since the last order.",
    "unknown": "Margin per order unknown; new by the time since the last order.",
    "no product": "Margin per order unknown; new by the time since the last order.",
    "loss": "Margin per order -20.00 EUR, below the shop's 5.22; lost by the time since the last order.",
    "passing": f"Margin per order -1.00 EUR, below the shop's 5.22; {SLIPPING}",
    "passed": f"Margin per order -1.00 EUR, below the shop's 5.22; {SLIPPING}",
    "not yet": f"Margin per order -1.00 EUR, below the shop's 5.22; {SLIPPING}",
    "dear": f"Margin per order 46.00 EUR, at or above the shop's 5.22; {SLIPPING}",
}
