"""Identifiers as each platform wants them: normalised, then hashed where it matches by hash. One authority for both.

Everything takes plain text as the shop has it and gives the identifier, or None for what cannot be one; the callers
count those (:func:`left_out_count`). Nothing here raises on a value, logs one, or keeps one longer than a call, but for
the phones the parser had to look at (65,536 at most, in memory).

Sources
-------
Meta: https://developers.facebook.com/docs/marketing-api/audiences/guides/custom-audiences#hash ("hashing and
    normalization for multi-key") and, for what that page leaves open,
    https://developers.facebook.com/docs/marketing-api/conversions-api/parameters/customer-information-parameters
Google: https://developers.google.com/data-manager/api/devguides/concepts/formatting and the words of `AddressInfo` in
    https://developers.google.com/data-manager/api/reference/rest/v1/UserData
Klaviyo: https://developers.klaviyo.com/en/reference/bulk_import_profiles (2026-07-15, `phone_number`).

Choices where they are silent
-----------------------------
- A value that is a SHA-256 already (64 hexadecimal digits) is refused in every field that is hashed: our source is
  plain, and whether such a value was normalised, salted or hashed by other rules cannot be seen. External ids pass.
- Lower case, not case folding: folding makes `ss` of `ß`, which no platform does.
- NFC, not NFKC: `e` with a combining accent is the same text as `é`, but a ligature or a superscript is another. Only
  the full-width forms that Japanese keyboards write (`Ｍａｒｙ`, `＠`) become ASCII.
- Characters without a glyph (zero-width, soft hyphen, direction, byte order mark) come from copy and paste; they go.
"""

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa

from regulars.errors import UsageError
from regulars.publish import phones

NORMALISER_VERSION = 1
"""Raised with every change of any rule here: lists are planned anew then, since hashes of old and new differ."""

_LONGEST_EMAIL = 254  # characters, RFC 5321, section 4.5.3.1.3, less the angle brackets
_HASHED = re.compile("[0-9A-Fa-f]{64}")
# Only what can never stand in an address is refused: real mailboxes break the finer rules (`a..b@docomo.ne.jp`).
_LOCAL_PART = r"[^\s\x00-\x20\x7f-\x9f\ud800-\udfff\"(),:;<>@\[\\\]]+"
_LABEL = r"[^\s\x00-,./:-`{-\x9f\ud800-\udfff]+"
_EMAIL = re.compile(rf"{_LOCAL_PART}@(?:{_LABEL}\.)+{_LABEL}")
_GMAIL_DOMAINS = frozenset({"gmail.com", "googlemail.com"})
_COUNTRY_SYNONYMS = {"UK": "GB", "EL": "GR"}
"""Reserved beside ISO 3166-1, and what shops write: the United Kingdom, and Greece as the European Union writes it."""
_US_POSTAL_CODE = re.compile("([0-9]{5})(?:[0-9]{4})?")
_UK_POSTAL_CODE = re.compile("([a-z]{1,2}[0-9][a-z0-9]?[0-9])[a-z]{2}")
# The words that Google's own formatter takes off, https://github.com/googleads/data-manager-java, `UserDataFormatter`.
_TITLES = frozenset({"mr", "mrs", "ms", "dr"})
_SUFFIXES = frozenset(
    {"jr", "sr", "2nd", "3rd", "ii", "iii", "iv", "v", "vi", "cpa", "dc", "dds", "vm", "jd", "md", "phd"}
)

_FULL_WIDTH = {0xFF01 + offset: 0x21 + offset for offset in range(94)} | {0x3000: 0x20}
_BLANK_LETTERS = frozenset({0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0})
"""Letters and marks without a glyph: the grapheme joiner, fillers of Hangul, inherent vowels of Khmer."""


def _has_no_glyph(code_point: int) -> bool:
    is_variation_selector = 0xFE00 <= code_point <= 0xFE0F or 0xE0100 <= code_point <= 0xE01EF
    is_format = unicodedata.category(chr(code_point)) == "Cf"
    return is_format or is_variation_selector or code_point in _BLANK_LETTERS


class _Visible(dict[int, int | None]):
    """For `str.translate`: full-width forms as ASCII, nothing without a glyph. Decides each character once."""

    def __missing__(self, code_point: int) -> int | None:
        kept = None if _has_no_glyph(code_point) else _FULL_WIDTH.get(code_point, code_point)
        self[code_point] = kept
        return kept


class _Letters(dict[int, int | None]):
    """For `str.translate`: letters, their marks and digits of every script, nothing else. Decides each once."""

    def __missing__(self, code_point: int) -> int | None:
        category = unicodedata.category(chr(code_point))
        is_kept = category[0] in "LN" or category in ("Mn", "Mc")
        kept = code_point if is_kept and not _has_no_glyph(code_point) else None
        self[code_point] = kept
        return kept


_VISIBLE = _Visible()
_LETTERS = _Letters()


class Platform(StrEnum):
    """Where identifiers go."""

    META = "meta"
    GOOGLE = "google"
    KLAVIYO = "klaviyo"


class Field(StrEnum):
    """Columns of customers that identify a person somewhere. City, state, gender and birthday are not in our data."""

    EMAIL = "email"
    PHONE = "phone"
    FIRST_NAME = "first_name"
    LAST_NAME = "last_name"
    COUNTRY = "country"
    POSTAL_CODE = "postal_code"
    EXTERNAL_ID = "external_id"


def sha256_hex(text: str) -> str:
    """SHA-256 of the text in UTF-8, as 64 lower-case hexadecimal digits.

    Raises
    ------
    UnicodeEncodeError: if the text has half a surrogate pair; no normal form has one.
    """
    return hashlib.sha256(text.encode()).hexdigest()


def _text(value: str | None) -> str | None:
    """The value as a person sees it, without blanks around it; None if nothing is left, or if it is a hash already."""
    if value is None:
        return None
    if not value.isascii():
        value = unicodedata.normalize("NFC", value.translate(_VISIBLE))
    text = value.strip()
    return None if not text or (len(text) == 64 and _HASHED.fullmatch(text)) else text


def _lower(text: str) -> str:
    return text.lower() if text.isascii() else unicodedata.normalize("NFC", text.lower())


def email(value: str | None) -> str | None:
    """An e-mail address, trimmed, in lower case; the form of Meta and Klaviyo.

    Returns
    -------
    None if it is no address: not one `@`, blanks or brackets inside, a domain without a dot, above 254 characters. The
    domain stays as written (no punycode).

    Source: Meta, `EMAIL`: "Trim leading and trailing white space, and convert all characters to lowercase".
    """
    text = _text(value)
    if text is None:
        return None
    text = _lower(text)
    return text if len(text) <= _LONGEST_EMAIL and _EMAIL.fullmatch(text) else None


def google_email(value: str | None) -> str | None:
    """An e-mail address as :func:`email`; for gmail.com and googlemail.com without dots and `+suffix` before the `@`.

    Both domains stay as they are, and other domains keep dots and suffix, Google Workspace's among them.

    Returns
    -------
    None if it is no address, or if nothing stands before the `@` then. Blanks inside make it no address: the page would
    have them removed, but Google's formatter calls it invalid, and a person's address cannot be guessed.

    Source: Google, `email_address`.
    """
    text = email(value)
    if text is None:
        return None
    local_part, _, domain = text.rpartition("@")
    if domain not in _GMAIL_DOMAINS:
        return text
    local_part = local_part.partition("+")[0].replace(".", "")
    return f"{local_part}@{domain}" if local_part else None


def phone(value: str | None, country: str | None) -> str | None:
    """A phone number in E.164, with `+`; the form of Google and Klaviyo. An extension is dropped.

    Parameters
    ----------
    value: the number as written.
    country: the customer's, ISO 3166-1 alpha-2; decides only over numbers written without a country code.

    Returns
    -------
    None if it cannot be parsed, or has a length that cannot be dialled from abroad.

    Source: Google, `phone_number`: "Use the E.164 format"; Klaviyo, `phone_number`: "in E.164 format".
    """
    text = _text(value)
    return None if text is None else phones.e164(text, country_code(country))


def meta_phone(value: str | None, country: str | None) -> str | None:
    """A phone number as :func:`phone` without the `+`: digits that begin with the country code, which is never 0.

    Source: Meta, `PHONE`: "Remove symbols, letters, and any leading zeroes. You should prefix the country code".
    """
    number = phone(value, country)
    return None if number is None else number[1:]


def meta_name(value: str | None) -> str | None:
    """A first or last name in lower case: letters, marks and digits of every script, without blanks and punctuation.

    Returns
    -------
    None if no letter is left.

    Source: Meta, `FN` and `LN`: "Lowercase only, no punctuation. Special characters in UTF-8 format"; that blanks go
    too is what Meta's own library does (https://github.com/facebook/capi-param-builder, "whitespace_and_punctuation").
    Symbols such as emoji go with the punctuation.
    """
    text = _text(value)
    if text is None:
        return None
    if text.isascii() and text.isalpha():
        return text.lower()
    name = unicodedata.normalize("NFC", text.lower().translate(_LETTERS))
    return name if any(character.isalpha() for character in name) else None


def _google_words(value: str | None) -> list[str]:
    text = _text(value)
    words = [] if text is None else [meta_name(word) for word in text.lower().replace(",", " ").split()]
    return [word for word in words if word is not None]


def google_first_name(value: str | None) -> str | None:
    """A first name in lower case without punctuation and without a title before it; words stay apart by one blank.

    Returns
    -------
    None if no letter is left, or only a title.

    Source: Google, `AddressInfo.given_name`: "all lowercase, with no punctuation, no leading or trailing whitespace";
    "Don't include prefixes such as Mrs."
    """
    words = _google_words(value)
    while words and words[0] in _TITLES:
        words = words[1:]
    return " ".join(words) or None


def google_last_name(value: str | None) -> str | None:
    """A last name in lower case without punctuation and without suffixes behind it; words stay apart by one blank.

    A word that stands alone is the name, whatever it is: Vi and Sr are families.

    Returns
    -------
    None if no letter is left.

    Source: Google, `AddressInfo.family_name`: as the first name; "Don't include suffixes such as Jr."
    """
    words = _google_words(value)
    while len(words) > 1 and words[-1] in _SUFFIXES:
        words = words[:-1]
    return " ".join(words) or None


def plain_name(value: str | None) -> str | None:
    """A name as a person would read it: trimmed, in NFC. For Klaviyo, which greets with it and does not match by it."""
    return None if value is None else unicodedata.normalize("NFC", value).strip() or None


def country_code(value: str | None) -> str | None:
    """A country as two upper-case letters, ISO 3166-1 alpha-2; None if it is anything else. UK and EL are GB and GR.

    Source: Google, `region_code`: "2-letter region code in ISO-3166-1 alpha-2"; not hashed.
    """
    text = _text(value)
    if text is None or len(text) != 2 or not (text.isascii() and text.isalpha()):
        return None
    code = text.upper()
    return _COUNTRY_SYNONYMS.get(code, code)


def meta_country(value: str | None) -> str | None:
    """A country as two lower-case letters; None if it is anything else.

    Source: Meta, `COUNTRY`: "Use lowercase, 2-letter country codes in ISO 3166-1 alpha-2"; hashed.
    """
    code = country_code(value)
    return None if code is None else code.lower()


def meta_postal_code(value: str | None, country: str | None) -> str | None:
    """A postal code in lower case without blanks and dashes; five digits in the US, area to sector in the UK.

    `M1 1AE` becomes `m11` in the UK, `94105-1234` becomes `94105` in the US.

    Returns
    -------
    None if nothing is left, and in the US if it has neither five nor nine digits.

    Source: Meta, `ZIP`: "Use lowercase, and no white space. For the US, use only the first 5 digits. For the UK, use
    the Area/District/Sector format"; dashes: the page of customer information parameters, `zp`.
    """
    text = _text(value)
    if text is None:
        return None
    code = unicodedata.normalize("NFC", text.lower().translate(_LETTERS))
    region = country_code(country)
    if region == "US":
        whole = _US_POSTAL_CODE.fullmatch(code)
        return whole[1] if whole else None
    if region == "GB" and (whole := _UK_POSTAL_CODE.fullmatch(code)):
        return whole[1]
    return code or None


def google_postal_code(value: str | None) -> str | None:
    """A postal code, trimmed and otherwise as written.

    Source: Google, `postal_code`: "Trim leading and trailing whitespace"; not hashed.
    """
    return _text(value)


def external_id(value: str | None) -> str | None:
    """The shop's own id, to the letter; None if it is blank. Never hashed.

    Source: Meta, external identifiers: "you should also use the exact format when you send the IDs".
    """
    return value if value is not None and value.strip() else None


@dataclass(frozen=True)
class Rule:
    """How a field goes to a platform.

    ``normalise`` takes the value and the customer's country; ``is_repeated`` says that few values make up a column, so
    that each is worked out once.
    """

    normalise: Callable[[str | None, str | None], str | None]
    is_hashed: bool
    is_repeated: bool = False


def _alone(normalise: Callable[[str | None], str | None]) -> Callable[[str | None, str | None], str | None]:
    return lambda value, _country: normalise(value)


_EXTERNAL_ID = Rule(_alone(external_id), is_hashed=False)
RULES: dict[Platform, dict[Field, Rule]] = {
    Platform.META: {
        Field.EMAIL: Rule(_alone(email), is_hashed=True),
        Field.PHONE: Rule(meta_phone, is_hashed=True),
        Field.FIRST_NAME: Rule(_alone(meta_name), is_hashed=True, is_repeated=True),
        Field.LAST_NAME: Rule(_alone(meta_name), is_hashed=True, is_repeated=True),
        Field.COUNTRY: Rule(_alone(meta_country), is_hashed=True, is_repeated=True),
        Field.POSTAL_CODE: Rule(meta_postal_code, is_hashed=True, is_repeated=True),
        Field.EXTERNAL_ID: _EXTERNAL_ID,
    },
    Platform.GOOGLE: {
        Field.EMAIL: Rule(_alone(google_email), is_hashed=True),
        Field.PHONE: Rule(phone, is_hashed=True),
        Field.FIRST_NAME: Rule(_alone(google_first_name), is_hashed=True, is_repeated=True),
        Field.LAST_NAME: Rule(_alone(google_last_name), is_hashed=True, is_repeated=True),
        Field.COUNTRY: Rule(_alone(country_code), is_hashed=False, is_repeated=True),
        Field.POSTAL_CODE: Rule(_alone(google_postal_code), is_hashed=False, is_repeated=True),
        Field.EXTERNAL_ID: _EXTERNAL_ID,
    },
    Platform.KLAVIYO: {
        Field.EMAIL: Rule(_alone(email), is_hashed=False),
        Field.PHONE: Rule(phone, is_hashed=False),
        Field.FIRST_NAME: Rule(_alone(plain_name), is_hashed=False, is_repeated=True),
        Field.LAST_NAME: Rule(_alone(plain_name), is_hashed=False, is_repeated=True),
        Field.EXTERNAL_ID: _EXTERNAL_ID,
    },
}


def rule_of(platform: Platform, field: Field) -> Rule:
    """How the field goes to the platform.

    Raises
    ------
    UsageError: if the platform does not know a person by that field.
    """
    rules = RULES[platform]
    if field not in rules:
        raise UsageError(f"{platform} knows nobody by {field}; it takes {', '.join(rules)}")
    return rules[field]


def normalised(value: str | None, country: str | None, platform: Platform, field: Field) -> str | None:
    """The value in the platform's normal form, before any hash; None if it cannot be an identifier.

    Raises
    ------
    UsageError: as :func:`rule_of`.
    """
    return rule_of(platform, field).normalise(value, country)


def identifier(value: str | None, country: str | None, platform: Platform, field: Field) -> str | None:
    """The value as the platform gets it: the normal form, hashed where it is hashed there.

    Raises
    ------
    UsageError: as :func:`rule_of`.
    """
    rule = rule_of(platform, field)
    form = rule.normalise(value, country)
    return sha256_hex(form) if form is not None and rule.is_hashed else form


def normalised_column(
    values: Sequence[str | None] | pa.Array,
    countries: Sequence[str | None] | pa.Array,
    platform: Platform,
    field: Field,
) -> list[str | None]:
    """A column as the platform gets it: :func:`identifier` of each row, with values that come again worked out once.

    Parameters
    ----------
    values: n values, a list or an Arrow array of text.
    countries: the country of each of the n customers, ISO 3166-1 alpha-2, None where unknown.

    Returns
    -------
    n identifiers, None where a row has none.

    Raises
    ------
    UsageError: as :func:`rule_of`.
    ValueError: if there are not as many countries as values.
    """
    rule = rule_of(platform, field)
    normalise, is_hashed = rule.normalise, rule.is_hashed
    seen: dict[tuple[str | None, str | None], str | None] = {}
    column: list[str | None] = []
    for row in zip(_listed(values), _listed(countries), strict=True):
        if rule.is_repeated and row in seen:
            column.append(seen[row])
            continue
        form = normalise(*row)
        if is_hashed and form is not None:
            form = sha256_hex(form)
        if rule.is_repeated:
            seen[row] = form
        column.append(form)
    return column


def left_out_count(values: Iterable[str | None] | pa.Array, identifiers: Iterable[str | None]) -> int:
    """How many rows had something written that could not be made an identifier; blank ones had nothing to leave out."""
    rows = zip(_listed(values), identifiers, strict=True)
    return sum(found is None and value is not None and bool(value.strip()) for value, found in rows)


def _listed(values: Iterable[str | None] | pa.Array) -> Iterable[str | None]:
    return values.to_pylist() if isinstance(values, pa.Array | pa.ChunkedArray) else values
