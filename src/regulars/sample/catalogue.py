"""The range: categories, products with a long tail, and what goes with what."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from regulars.sample.columns import (
    Bools,
    Floats,
    Ints,
    booleans,
    chosen,
    instants,
    money,
    nulled,
    numbered,
    table_of,
)
from regulars.sample.settings import ShopSettings


@dataclass(frozen=True)
class Category:
    """One category of the range."""

    name: str
    share: float
    """Share of the lines, before seasons and accessories."""
    median_price: float
    """In the reporting currency."""
    spread: float
    """Standard deviation of the logarithm of the price."""
    things: tuple[str, ...]
    season: tuple[float, ...] = (1.0,) * 12
    """Weight by month, at most 1."""
    accessory_category: str | None = None
    accessory_share: float = 0.0
    """Share of this category's lines that bring an accessory into the same order."""
    accessory_ranks: tuple[int, int] = (0, 1)
    """Popularity ranks, in the accessory's category, of the usual accessory and of the one in four."""
    mean_quantity: float = 1.1


_SUMMER = (0.3, 0.3, 0.4, 0.6, 0.9, 1.0, 1.0, 0.8, 0.5, 0.3, 0.3, 0.3)
_WINTER = (1.0, 0.8, 0.5, 0.3, 0.2, 0.2, 0.2, 0.2, 0.4, 0.7, 0.9, 1.0)
_DRY = (0.5, 0.5, 0.7, 0.9, 1.0, 1.0, 0.9, 0.9, 0.8, 0.7, 0.5, 0.5)

CATEGORIES = (
    Category("tents", 0.05, 160, 0.45, ("Tent", "Tarp", "Bivouac", "Family tent"), _SUMMER, "care", 0.50, (0, 1), 1.0),
    Category(
        "bicycles", 0.03, 340, 0.35, ("Bicycle", "Gravel bike", "City bike"), _DRY, "bicycle_parts", 0.45, (0, 1), 1.0
    ),
    Category("bicycle_parts", 0.10, 22, 0.5, ("Lock", "Lamp", "Tyre", "Bell", "Pump"), _DRY),
    Category("footwear", 0.12, 95, 0.35, ("Boots", "Trail shoes", "Sandals"), (1.0,) * 12, "care", 0.20, (2, 1), 1.0),
    Category("clothing", 0.24, 55, 0.5, ("Jacket", "Fleece", "Trousers", "Shirt", "Wool socks")),
    Category("cooking", 0.10, 28, 0.5, ("Stove", "Kettle", "Mug", "Cutlery set"), _SUMMER, "food", 0.25, (1, 3), 1.2),
    Category("food", 0.09, 7, 0.3, ("Porridge", "Dried stew", "Energy bar", "Coffee"), (1.0,) * 12, mean_quantity=2.6),
    Category(
        "care",
        0.08,
        11,
        0.35,
        ("Mosquito repellent", "Waterproofing", "Boot wax", "Sun cream"),
        _DRY,
        mean_quantity=1.3,
    ),
    Category("climbing", 0.06, 48, 0.55, ("Harness", "Chalk bag", "Karabiner", "Rope by the metre")),
    Category("winter", 0.06, 75, 0.5, ("Snowshoes", "Sledge", "Ski wax", "Head torch"), _WINTER),
    Category("books", 0.06, 18, 0.3, ("Map", "Trail guide", "Field notebook")),
    Category("gifts", 0.01, 25, 0.6, ("Gift card", "Gift wrap", "Gift box")),
)
CATEGORY_NAMES = tuple(category.name for category in CATEGORIES)
CATEGORY_COUNT = len(CATEGORIES)
GIFTS = CATEGORY_NAMES.index("gifts")
CLIMBING = CATEGORY_NAMES.index("climbing")

BRANDS = (
    "Fjordlys", "Granit", "Nordvind", "Monte Alba", "Taiga", "Havørn", "Sentiero", "Kivi", "Loch & Lane", "Brisa",
    "Ulven", "Papavero", "Vidde", "Zimovka", "Skogsro", "Plain Label",
)  # fmt: skip
BRANDS_PER_CATEGORY = 5
ADJECTIVES = (
    "Light", "Solid", "Classic", "Alpine", "Coastal", "Compact", "Evening", "Forest", "Granite", "Island", "Junior",
    "Long-distance", "Midnight", "Northern", "Original", "Pocket", "Quiet", "River", "Stormproof", "Trail", "Urban",
    "Weekend", "Wide", "Four-season",
)  # fmt: skip

ZIPF_EXPONENT = 1.05
MISSING_COST_SHARE = 0.06
MISSING_CATEGORY_SHARE = 0.01
INACTIVE_SHARE = 0.05
OUT_OF_STOCK_SHARE = 0.08
GIFT_TAG_SHARE = 0.08
MIN_PRODUCTS = 120
MAX_PRODUCTS = 20_000


@dataclass(frozen=True)
class Catalogue:
    """The products; arrays have one value a product, products of a category lie together, the popular first."""

    category: Ints
    price_cents: Ints
    accessory: Ints
    """The product that goes with it, −1 for none."""
    is_by_the_metre: Bools
    cumulative: Floats
    """Category number + share of the category's sales up to and with the product: one search finds a product."""
    gift_wrap: int
    gift_card: int
    seasonal: Floats
    """Category × month: the chance that a line drawn from a customer's taste stands; else the month's taste decides."""
    month_taste: Floats
    """Month × category: cumulative taste of the whole shop in a month."""
    mean_dear_cents: Floats
    mean_cheap_cents: Floats
    """By category: mean price of the dearer and of the cheaper of two products drawn by popularity."""
    titles: pa.Array
    ids: pa.Array
    table: pa.Table

    def draw(self, category: Ints, uniform: Floats) -> Ints:
        """A product of each category by popularity; ``uniform`` in [0, 1)."""
        found = np.searchsorted(self.cumulative, category + uniform, side="right")
        return np.minimum(found, len(self.category) - 1)


def product_count(customer_count: int) -> int:
    """A bigger shop has a longer tail; the square root keeps sales per product growing too."""
    return int(np.clip(6 * np.sqrt(customer_count), MIN_PRODUCTS, MAX_PRODUCTS))


def catalogue_of(settings: ShopSettings) -> Catalogue:
    """Make the range of a shop."""
    random = settings.generator("catalogue")
    total = product_count(settings.customer_count)
    # Half of the tail is spread evenly, so that the small categories have something to choose from too.
    weights = np.array([0.5 * item.share + 0.5 / CATEGORY_COUNT for item in CATEGORIES])
    sizes = np.maximum(4, np.floor(weights * total).astype(np.int64))
    category = np.repeat(np.arange(CATEGORY_COUNT), sizes)
    count = len(category)
    first = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    rank = np.arange(count) - first[category]

    median = np.array([item.median_price for item in CATEGORIES])
    spread = np.array([item.spread for item in CATEGORIES])
    price = median[category] * np.exp(spread[category] * random.standard_normal(count))
    price_cents = np.maximum(195, np.round(price * 2).astype(np.int64) * 50 - 5)

    gift_card, gift_wrap = int(first[GIFTS]), int(first[GIFTS]) + 1
    price_cents[gift_card], price_cents[gift_wrap] = 5000, 395

    share = (rank + 1.0) ** -ZIPF_EXPONENT
    share_of_category = share / np.bincount(category, weights=share)[category]
    cumulative = np.cumsum(share_of_category)

    thing = np.array([rank[i] % len(CATEGORIES[k].things) for i, k in enumerate(category)])
    brand = (category * 3 + random.integers(0, BRANDS_PER_CATEGORY, count)) % len(BRANDS)
    accessory = np.full(count, -1, dtype=np.int64)
    for number, item in enumerate(CATEGORIES):
        if item.accessory_category is not None:
            target = CATEGORY_NAMES.index(item.accessory_category)
            usual, other = item.accessory_ranks
            rank_of_accessory = np.where(random.random(count) < 0.25, other, usual)
            accessory = np.where(category == number, first[target] + rank_of_accessory, accessory)

    by_the_metre = (category == CLIMBING) & (thing == 3)
    dear, cheap = _extremes(category, share_of_category, price_cents)
    seasonal = np.array([item.season for item in CATEGORIES])
    shares = np.array([item.share for item in CATEGORIES])
    month_weights = (shares[:, None] * seasonal).T
    month_taste = np.cumsum(month_weights / month_weights.sum(axis=1, keepdims=True), axis=1)

    titles = _titles(category, thing, brand, rank)
    ids = numbered("p", np.arange(1, count + 1), width=5)
    table = _table(settings, random, category, price_cents, brand, titles, ids, gift_card, gift_wrap)
    return Catalogue(
        category=category,
        price_cents=price_cents,
        accessory=accessory,
        is_by_the_metre=by_the_metre,
        cumulative=cumulative,
        gift_wrap=gift_wrap,
        gift_card=gift_card,
        seasonal=seasonal,
        month_taste=month_taste,
        mean_dear_cents=dear,
        mean_cheap_cents=cheap,
        titles=titles,
        ids=ids,
        table=table,
    )


def _extremes(category: Ints, share: Floats, price_cents: Ints) -> tuple[Floats, Floats]:
    """Mean of the dearer and of the cheaper of two independent draws, by category."""
    dear, cheap = np.zeros(CATEGORY_COUNT), np.zeros(CATEGORY_COUNT)
    for number in range(CATEGORY_COUNT):
        of_category = category == number
        order = np.argsort(price_cents[of_category], kind="stable")
        prices = price_cents[of_category][order].astype(np.float64)
        below = np.concatenate([[0.0], np.cumsum(share[of_category][order])])
        dear[number] = np.sum(prices * np.diff(below**2))
        cheap[number] = np.sum(prices * -np.diff((1 - below) ** 2))
    return dear, cheap


def _titles(category: Ints, thing: Ints, brand: Ints, rank: Ints) -> pa.Array:
    names = []
    for i in range(len(category)):
        item = CATEGORIES[category[i]]
        base = item.things[thing[i]]
        if item.name == "gifts" and rank[i] < 2:
            names.append(base)
            continue
        round_number = rank[i] // (len(item.things) * len(ADJECTIVES))
        adjective = ADJECTIVES[(rank[i] // len(item.things)) % len(ADJECTIVES)]
        suffix = f" {round_number + 1}" if round_number else ""
        names.append(f"{BRANDS[brand[i]]} {adjective} {base}{suffix}")
    return pa.array(names, type=pa.string())


def _table(
    settings: ShopSettings,
    random: np.random.Generator,
    category: Ints,
    price_cents: Ints,
    brand: Ints,
    titles: pa.Array,
    ids: pa.Array,
    gift_card: int,
    gift_wrap: int,
) -> pa.Table:
    count = len(category)
    cost_cents = np.round(price_cents * random.uniform(0.42, 0.68, count)).astype(np.int64)
    age_days = random.integers(0, 900, count)
    created = (settings.first_day - age_days) * 86400 + 8 * 3600
    is_gift_like = random.random(count) < GIFT_TAG_SHARE
    tags = chosen(["", "gift"], is_gift_like.astype(np.int64)).to_pylist()
    for i in range(count):
        extra = ["summer"] if CATEGORIES[category[i]].season == _SUMMER else []
        tags[i] = ", ".join([word for word in [tags[i], *extra] if word])
    tags[gift_card], tags[gift_wrap] = "gift_card", "Gift_Wrap, service"
    tag_column = pa.array([text or None for text in tags], type=pa.string())
    is_special = (np.arange(count) == gift_card) | (np.arange(count) == gift_wrap)
    return table_of(
        "products",
        {
            "product_id": ids,
            "title": titles,
            "category": nulled(
                chosen(CATEGORY_NAMES, category), (random.random(count) < MISSING_CATEGORY_SHARE) & ~is_special
            ),
            "brand": nulled(chosen(BRANDS, brand), is_special),
            "tags": tag_column,
            "unit_cost": money(cost_cents, null=random.random(count) < MISSING_COST_SHARE),
            "unit_price": money(price_cents),
            "is_active": booleans((random.random(count) >= INACTIVE_SHARE) | is_special),
            "is_in_stock": booleans((random.random(count) >= OUT_OF_STOCK_SHARE) | is_special),
            "created_at": instants(created),
        },
    )
