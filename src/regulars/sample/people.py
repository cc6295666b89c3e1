"""The people of a shop: who they are, and the parameters that their behaviour is drawn from."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from regulars.sample.catalogue import CATEGORIES, CATEGORY_COUNT
from regulars.sample.columns import (
    Bools,
    Floats,
    Ints,
    booleans,
    chosen,
    instants,
    joined,
    nulled,
    numbered,
    table_of,
    where,
)
from regulars.sample.seasons import SENSITIVITY_SHARES, Seasons, seconds_at
from regulars.sample.settings import ShopSettings


@dataclass(frozen=True)
class Country:
    """Where people live, what they speak and pay in."""

    code: str
    share: float
    language: str
    currency: str
    dialling: str
    first_names: tuple[str, ...]
    last_names: tuple[str, ...]


_DANISH = (
    ("Asta", "Birk", "Clara", "Ditte", "Elmer", "Freja", "Gorm", "Hjalte", "Ida", "Jeppe", "Karla", "Lærke"),
    (
        "Agerlund",
        "Brandvig",
        "Dalsgård",
        "Engholt",
        "Fabervik",
        "Grønlykke",
        "Havnsø",
        "Kjærby",
        "Lundtofte",
        "Møllehave",
    ),
)
_SWEDISH = (
    ("Alva", "Björn", "Cornelia", "Disa", "Edvin", "Folke", "Greta", "Hillevi", "Isak", "Juni", "Knut", "Lovis"),
    ("Almkvist", "Bergsjö", "Dahlås", "Ekhammar", "Forsvall", "Granlid", "Hedåker", "Kvarnbäck", "Lindesund", "Norrby"),
)
_NORWEGIAN = (
    ("Aksel", "Bodil", "Dagny", "Eirik", "Frøya", "Gunnar", "Hedda", "Ivar", "Jorunn", "Kåre", "Liv", "Magnhild"),
    ("Aspelund", "Bråten", "Dokkedal", "Elvestad", "Fossgård", "Granmo", "Hegglien", "Kvistad", "Lyngnes", "Mørkved"),
)
_ITALIAN = (
    ("Agnese", "Bruno", "Caterina", "Dario", "Elisa", "Fabrizio", "Ginevra", "Ilaria", "Lorenzo", "Martina", "Nicolò"),
    (
        "Altobelli",
        "Bevilacqua",
        "Cantarella",
        "D'Angelmo",
        "Fiordaliso",
        "Gualtieri",
        "Lombardini",
        "Montefiore",
        "Pratesi",
    ),
)
_RUSSIAN = (
    ("Анна", "Борис", "Вера", "Глеб", "Дарья", "Егор", "Зоя", "Илья", "Ксения", "Лев", "Мария"),
    ("Берёзкин", "Ветров", "Горин", "Дубов", "Журавлин", "Зимин", "Камышев", "Лугов", "Морозкин", "Озеров"),
)
_ENGLISH = (
    ("Alice", "Barnaby", "Clementine", "Dexter", "Edith", "Felix", "Gwen", "Hugo", "Imogen", "Jasper", "Kitty", "Leo"),
    ("Ashdown", "Barleycroft", "Coldwell", "Drystone", "Elderfield", "Fernsby", "Greenhalgh", "Hollowmere", "O'Marsh"),
)

COUNTRIES = (
    Country("DK", 0.20, "da", "DKK", "+45", *_DANISH),
    Country("SE", 0.13, "sv", "SEK", "+46", *_SWEDISH),
    Country("GB", 0.11, "en", "GBP", "+44", *_ENGLISH),
    Country("IT", 0.20, "it", "EUR", "+39", *_ITALIAN),
    Country("NO", 0.09, "nb", "EUR", "+47", *_NORWEGIAN),
    Country("FI", 0.07, "sv", "EUR", "+358", *_SWEDISH),
    Country("LV", 0.08, "ru", "EUR", "+371", *_RUSSIAN),
    Country("IE", 0.12, "en", "EUR", "+353", *_ENGLISH),
)
COUNTRY_CODES = tuple(country.code for country in COUNTRIES)
NORWAY = COUNTRY_CODES.index("NO")

_FIRST_NAMES = tuple(name for country in COUNTRIES for name in country.first_names)
_LAST_NAMES = tuple(name for country in COUNTRIES for name in country.last_names)
_FIRST_COUNTS = np.array([len(country.first_names) for country in COUNTRIES])
_LAST_COUNTS = np.array([len(country.last_names) for country in COUNTRIES])
_FIRST_STARTS = np.concatenate([[0], np.cumsum(_FIRST_COUNTS)[:-1]])
_LAST_STARTS = np.concatenate([[0], np.cumsum(_LAST_COUNTS)[:-1]])

CHANNELS = ("organic_search", "google_ads", "meta_ads", "email", "affiliate", "direct")
CHANNEL_SHARES = (0.28, 0.26, 0.18, 0.06, 0.08, 0.14)

ROLES = (
    "buyer",
    "browser",
    "abandoner",
    "fan",
    "reader",
    "faded_reader",
    "silent_subscriber",
    "unreachable",
    "newcomer",
)
"""Buyers, and one role for each way of not buying; what a role does is in ``email_events.py`` and ``web_events.py``."""
ROLE_SHARES = (0.80, 0.035, 0.03, 0.025, 0.025, 0.025, 0.02, 0.02, 0.02)
BUYER, BROWSER, ABANDONER, FAN, READER, FADED_READER, SILENT, UNREACHABLE, NEWCOMER = range(len(ROLES))

ACCOUNT_KINDS = ("profile", "email_only", "id_without_profile")
ACCOUNT_SHARES = (0.945, 0.045, 0.010)
PROFILE, EMAIL_ONLY, ID_ONLY = range(len(ACCOUNT_KINDS))

# Pareto/NBD: purchases of a living customer are a Poisson process with a rate ~ gamma(PURCHASE_SHAPE) /
# PURCHASE_SCALE_DAYS, and a customer drops out at a rate ~ gamma(DROPOUT_SHAPE) / DROPOUT_SCALE_DAYS.
PURCHASE_SHAPE = 1.25
PURCHASE_SCALE_DAYS = 118.0
MAX_PURCHASE_RATE = 0.2
DROPOUT_SHAPE = 0.8
DROPOUT_SCALE_DAYS = 450.0

AFFINITY_CONCENTRATION = 4.0
SECOND_ACCOUNT_SHARE = 0.02
REGISTERED_EARLY_SHARE = 0.15
FAVOURITE_COUNT = 3
UNSUBSCRIBE_SHARE = 0.09
SPAM_SHARE = 0.006
RECENT_DAYS = 90

_ATTRIBUTES = (
    '{"found_us": "friend"}',
    '{"found_us": "fair", "has_dog": true}',
    '{"shoe_size": 42}',
    '{"shoe_size": 38, "club": "Trail & Tide"}',
    '{"club": "Fjällvänner", "note": "prefers \\"slow\\" delivery"}',
    '{"newsletter_source": "footer"}',
)
_EMAIL_DOMAINS = ("example.com", "example.org", "mail.example.com", "post.example.org")


@dataclass(frozen=True)
class People:
    """One chunk of people; arrays have one value a person, moments are days since the start of the shop."""

    number: Ints
    """Number of the person in the whole shop, from 1."""
    role: Ints
    account: Ints
    country: Ints
    joined_at: Floats
    """When the profile was made; of people without one, their first order."""
    first_order_at: Floats
    """Infinite for people who never buy."""
    purchase_rate: Floats
    """Orders a day while alive, in an average season, after the first order; 0 for people who never buy."""
    dropout_rate: Floats
    dropout_at: Floats
    """May lie after the end of the shop; infinite for people who never buy."""
    season_sensitivity: Ints
    premium: Floats
    """Chance of taking the dearer of two products."""
    discount_proneness: Floats
    gift_proneness: Floats
    loyalty: Floats
    """Chance that a line is one of the person's favourites."""
    affinity: Floats
    """People × categories; rows sum to 1."""
    lines_mean: Floats
    has_second_account: Bools
    second_account_at: Floats
    channel: Ints
    email_consent: Bools
    left_list_at: Floats
    """When the person unsubscribed; infinite for those who did not."""
    marked_spam: Bools
    open_rate: Floats
    has_machine_opens: Bools
    tracking_consent: Bools
    tracking_unknown: Bools
    emails: pa.Array
    ids: pa.Array
    names: pa.Array
    postal_codes: pa.Array

    def __len__(self) -> int:
        """Number of people."""
        return len(self.number)

    @property
    def second_ids(self) -> pa.Array:
        """The id of the second account, for everybody."""
        return numbered("c9", self.number, width=8)


def people_of(settings: ShopSettings, seasons: Seasons, chunk: int) -> tuple[People, pa.Table]:
    """The people of one chunk and their rows of the landing table ``customers``."""
    random = settings.generator("people", chunk)
    count = settings.people_in(chunk)
    days = float(settings.day_count)
    number = np.arange(count, dtype=np.int64) + chunk * settings.chunk_size + 1

    role = random.choice(len(ROLES), count, p=ROLE_SHARES)
    is_buyer = role == BUYER
    account = np.where(is_buyer, random.choice(len(ACCOUNT_KINDS), count, p=ACCOUNT_SHARES), PROFILE)
    country = random.choice(len(COUNTRIES), count, p=[item.share for item in COUNTRIES])

    arrived = np.interp(random.random(count), seasons.arrival, np.arange(seasons.day_count + 1))
    arrived = _moved_to_fit_role(random, arrived, role, days)
    waits = random.random(count) < REGISTERED_EARLY_SHARE
    wait = np.where(waits, random.exponential(40.0, count), random.uniform(0.0, 0.01, count))
    first_order_at = np.where(is_buyer, np.minimum(arrived + wait, days - 1e-6), np.inf)

    purchase_rate = np.minimum(random.gamma(PURCHASE_SHAPE, 1.0 / PURCHASE_SCALE_DAYS, count), MAX_PURCHASE_RATE)
    dropout_rate = random.gamma(DROPOUT_SHAPE, 1.0 / DROPOUT_SCALE_DAYS, count)
    lifetime = random.standard_exponential(count) / np.maximum(dropout_rate, 1e-9)
    dropout_at = first_order_at + lifetime

    affinity = random.gamma(
        AFFINITY_CONCENTRATION * np.array([item.share for item in CATEGORIES]), size=(count, CATEGORY_COUNT)
    )
    affinity /= affinity.sum(axis=1, keepdims=True)

    second = is_buyer & (account == PROFILE) & (random.random(count) < SECOND_ACCOUNT_SHARE)
    # Not in the first days, so that most of them order with both ids.
    second_at = np.where(second, arrived + random.uniform(5.0, 200.0, count), np.inf)

    consent = random.random(count) < 0.72
    consent |= np.isin(role, (FAN, READER, FADED_READER, SILENT, NEWCOMER))
    consent &= role != UNREACHABLE
    may_leave = consent & is_buyer
    left_list_at = np.where(
        may_leave & (random.random(count) < UNSUBSCRIBE_SHARE), random.uniform(arrived, days), np.inf
    )
    marked_spam = np.isfinite(left_list_at) & (random.random(count) < SPAM_SHARE / UNSUBSCRIBE_SHARE)
    tracking = (random.random(count) < 0.68) | np.isin(role, (BROWSER, ABANDONER))
    tracking_unknown = ~np.isin(role, (BROWSER, ABANDONER)) & (random.random(count) < 0.06)

    first_name = _FIRST_STARTS[country] + random.integers(0, _FIRST_COUNTS[country])
    last_name = _LAST_STARTS[country] + random.integers(0, _LAST_COUNTS[country])
    domain = random.integers(0, len(_EMAIL_DOMAINS), count)
    first_names, last_names = chosen(_FIRST_NAMES, first_name), chosen(_LAST_NAMES, last_name)
    emails = joined(
        chosen(_SLUGS_FIRST, first_name), ".", chosen(_SLUGS_LAST, last_name), ".", numbered("", number), "@",
        chosen(_EMAIL_DOMAINS, domain),
    )  # fmt: skip

    people = People(
        number=number,
        role=role,
        account=account,
        country=country,
        joined_at=np.where(account == PROFILE, arrived, np.minimum(first_order_at, days)),
        first_order_at=first_order_at,
        purchase_rate=np.where(is_buyer, purchase_rate, 0.0),
        dropout_rate=np.where(is_buyer, dropout_rate, 0.0),
        dropout_at=dropout_at,
        season_sensitivity=random.choice(len(SENSITIVITY_SHARES), count, p=SENSITIVITY_SHARES),
        premium=random.beta(1.2, 1.2, count),
        discount_proneness=random.beta(0.5, 1.0, count),
        gift_proneness=random.beta(0.4, 4.0, count),
        loyalty=random.beta(1.2, 4.5, count),
        affinity=affinity,
        lines_mean=random.gamma(6.0, 1.0 / 6.0, count),
        has_second_account=second,
        second_account_at=second_at,
        channel=random.choice(len(CHANNELS), count, p=CHANNEL_SHARES),
        email_consent=consent,
        left_list_at=left_list_at,
        marked_spam=marked_spam,
        open_rate=random.beta(1.3, 3.2, count),
        has_machine_opens=random.random(count) < 0.35,
        tracking_consent=tracking,
        tracking_unknown=tracking_unknown,
        emails=emails,
        ids=numbered("c", number, width=8),
        names=joined(first_names, " ", last_names),
        postal_codes=numbered("", 1000 + (number * 7919) % 9000),
    )
    return people, _profiles(settings, random, people, first_names, last_names)


def _moved_to_fit_role(random: np.random.Generator, arrived: Floats, role: Ints, days: float) -> Floats:
    """Newcomers come in the last weeks; those who were once eager came long ago; a young shop has only what it has."""
    count = len(arrived)
    recent = days - random.uniform(2.0, RECENT_DAYS - 5.0, count)
    long_ago = random.uniform(0.0, max(0.3 * days, 1.0), count)
    earlier = np.minimum(arrived, days - RECENT_DAYS - 30.0)
    arrived = np.where(role == NEWCOMER, recent, arrived)
    arrived = np.where(role == FADED_READER, long_ago, arrived)
    arrived = np.where((role == SILENT) | (role == UNREACHABLE), earlier, arrived)
    return np.clip(arrived, 0.0, max(days - 0.5, 0.0))


def _slug(name: str) -> str:
    """A name as people write it in an address: small plain letters."""
    return "".join(_PLAIN.get(letter, letter) for letter in name.lower())


_PLAIN = {
    "æ": "ae", "ø": "oe", "å": "aa", "ä": "a", "ö": "o", "ò": "o", "'": "", " ": "",
    "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ё": "yo", "ж": "zh", "з": "z", "и": "i", "й": "j",
    "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u", "ф": "f",
    "х": "h", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "sch", "ы": "y", "ь": "", "э": "e", "ю": "yu", "я": "ya",
}  # fmt: skip
_SLUGS_FIRST = tuple(_slug(name) for name in _FIRST_NAMES)
_SLUGS_LAST = tuple(_slug(name) for name in _LAST_NAMES)


def _profiles(
    settings: ShopSettings, random: np.random.Generator, people: People, first_names: pa.Array, last_names: pa.Array
) -> pa.Table:
    count = len(people)
    created = seconds_at(people.joined_at, settings)
    left = np.isfinite(people.left_list_at)
    consent_at = np.where(left, seconds_at(np.where(left, people.left_list_at, 0.0), settings), created)
    subscribed = people.email_consent & ~left
    consent_unknown = ~people.email_consent & (random.random(count) < 0.2) & (people.role != UNREACHABLE)
    ads = random.random(count) < 0.55
    dialling = chosen([country.dialling for country in COUNTRIES], people.country)
    languages = chosen([country.language for country in COUNTRIES], people.country)
    speaks_english = random.random(count) < 0.05
    columns = {
        "customer_id": people.ids,
        "email": people.emails,
        "phone": nulled(
            joined(dialling, numbered("555", people.number % 1_000_000, width=6)), random.random(count) < 0.6
        ),
        "first_name": first_names,
        "last_name": last_names,
        "country": chosen(COUNTRY_CODES, people.country),
        "postal_code": people.postal_codes,
        "language": where(speaks_english, chosen(["en"], np.zeros(count, dtype=np.int64)), languages),
        "created_at": instants(created, null=random.random(count) < 0.002),
        "email_consent": booleans(subscribed, null=consent_unknown),
        "sms_consent": booleans(random.random(count) < 0.22),
        "ads_user_data_consent": booleans(ads),
        "ads_personalization_consent": booleans(ads & (random.random(count) < 0.85)),
        "tracking_consent": booleans(people.tracking_consent, null=people.tracking_unknown),
        "consent_updated_at": instants(consent_at),
        "acquisition_channel": chosen(CHANNELS, people.channel, null=random.random(count) < 0.08),
        "attributes": chosen(
            _ATTRIBUTES, random.integers(0, len(_ATTRIBUTES), count), null=random.random(count) < 0.85
        ),
    }
    table = table_of("customers", columns)
    # The second account repeats the person: same address, made later, its own consents.
    second = np.flatnonzero(people.has_second_account & (people.second_account_at < settings.day_count))
    second_created = seconds_at(people.second_account_at[second], settings)
    again = table.take(pa.array(second))
    for name, column in (
        ("customer_id", people.second_ids.take(pa.array(second))),
        ("created_at", instants(second_created)),
        ("consent_updated_at", instants(second_created)),
        ("email_consent", booleans(random.random(len(second)) < 0.6)),
    ):
        again = again.set_column(again.schema.get_field_index(name), again.schema.field(name), column)
    own = table.filter(booleans(people.account == PROFILE))
    return pa.concat_tables([own, again])
