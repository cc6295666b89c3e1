"""Phone numbers in E.164, parsed by `phonenumbers` (the data of Google's libphonenumber).

Its parser takes 20 to 50 µs a number, as much as a whole profile may take at 20,000 a second. Numbers written with
digits, blanks and the usual punctuation need none of its leniency: country code, national prefix and length are looked
up in its own tables, in 1 to 4 µs; every other number goes the long way. Tests hold both ways to the same answers.
"""

import re
from dataclasses import dataclass
from functools import cache, lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneMetadata, PhoneNumberFormat, ValidationResult

_PUNCTUATION = {ord(character): None for character in " -.()/"}
_LONGEST_CALLING_CODE = 3
_MOST_ROUNDS = 3


@dataclass(frozen=True)
class _Plan:
    """What of a region's numbering plan decides over a number without oddities.

    ``lengths`` are of the number without its country code, in digits.
    """

    calling_code: str
    lengths: frozenset[int]
    national_prefix: re.Pattern[str] | None
    has_transform: bool
    national_number: re.Pattern[str]
    international_prefix: re.Pattern[str] | None


def _plan(metadata: PhoneMetadata | None) -> _Plan | None:
    if metadata is None or metadata.general_desc is None or metadata.general_desc.national_number_pattern is None:
        return None
    prefix, abroad = metadata.national_prefix_for_parsing, metadata.international_prefix
    return _Plan(
        calling_code=str(metadata.country_code),
        lengths=frozenset(metadata.general_desc.possible_length)
        - frozenset(metadata.general_desc.possible_length_local_only),
        national_prefix=re.compile(prefix) if prefix else None,
        has_transform=bool(metadata.national_prefix_transform_rule),
        national_number=re.compile(metadata.general_desc.national_number_pattern),
        international_prefix=re.compile(abroad) if abroad else None,
    )


@cache
def _plan_of_region(region: str) -> _Plan | None:
    return _plan(PhoneMetadata.metadata_for_region(region, None))


@cache
def _plan_of_calling_code(digits: str) -> _Plan | None:
    if int(digits) not in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
        return None
    region = phonenumbers.region_code_for_country_code(int(digits))
    return _plan(PhoneMetadata.metadata_for_region_or_calling_code(int(digits), region))


def _is_plain_e164(text: str) -> bool:
    """Whether the parser would find the number possible and give it back as it is; False also where that is not known.

    Not so where the number goes on with what could be a national prefix, as in +44 (0)20.
    """
    digits = text[1:]
    if not (digits.isascii() and digits.isdigit()) or digits[0] == "0":
        return False
    for size in range(1, _LONGEST_CALLING_CODE + 1):
        plan = _plan_of_calling_code(digits[:size])
        if plan is not None:
            number = digits[size:]
            prefix = None if plan.national_prefix is None else plan.national_prefix.match(number)
            return len(number) in plan.lengths and (prefix is None or prefix.end() == 0)
    return False


def _looked_up(text: str, region: str | None) -> str | None:
    """The E.164 form of a number without oddities, None where the parser has to decide."""
    digits = text.translate(_PUNCTUATION)
    if digits.startswith("+"):
        return digits if _is_plain_e164(digits) else None
    plan = None if region is None else _plan_of_region(region)
    if plan is None or not (digits.isascii() and digits.isdigit()) or digits.startswith(plan.calling_code):
        return None
    if plan.international_prefix is not None and plan.international_prefix.match(digits):
        return None
    prefix = None if plan.national_prefix is None else plan.national_prefix.match(digits)
    if prefix is not None and prefix.end() > 0:
        is_rewritten = plan.has_transform and (not prefix.groups() or prefix.groups()[-1] is not None)
        if is_rewritten or plan.national_number.fullmatch(digits):
            return None
        digits = digits[prefix.end() :]
    number = f"+{plan.calling_code}{digits}"
    return number if len(digits) in plan.lengths and _is_plain_e164(number) else None


@lru_cache(maxsize=65_536)
def parsed(text: str, region: str | None) -> str | None:
    """The number in E.164 as the parser of `phonenumbers` finds it, 20 to 50 µs; None if it cannot be one.

    The answer is parsed again until it stays the same: `+49 00 30 123456` is first +49030123456, then +4930123456.
    """
    for _ in range(_MOST_ROUNDS):
        try:
            number = phonenumbers.parse(text, region)
        except NumberParseException:
            return None
        if phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE:
            return None
        found = phonenumbers.format_number(number, PhoneNumberFormat.E164)
        if found == text or _is_plain_e164(found):
            return found
        text = found
    return None


def e164(text: str, region: str | None) -> str | None:
    """The number in E.164: `+`, country code, number, digits only.

    Parameters
    ----------
    text: the number as written, without invisible characters.
    region: ISO 3166-1 alpha-2 code, upper case, of the country whose numbers are written without a country code; None
        or a code without numbers of its own: only numbers with `+` are understood.

    Returns
    -------
    None where no number is found, or none of a length that can be dialled from abroad. "Possible", not "valid": a
    shop's numbers outlive the list of allotted blocks, and the platforms do not ask for more.

    Source: https://github.com/daviddrysdale/python-phonenumbers, "is_possible_number".
    """
    return _looked_up(text, region) or parsed(text, region)
