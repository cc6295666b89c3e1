"""The files that Meta and Google Ads take by upload: header and columns, hashed as each asks for it. Pure functions.

The rules of hashing are those of the destinations :mod:`meta` and :mod:`google`; here are only the names of columns.
An upload knows no external id at either platform, so the customer id is not in it.

Sources
-------
Meta: https://www.facebook.com/business/help/2082575038703844 ("How to format a customer list") and, for `value`,
    https://www.facebook.com/business/help/1033094474356222
Google: https://support.google.com/google-ads/answer/7659867 ("Format your customer data file"): country and zip are
    not hashed, and the four columns of an address come together or not at all
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from regulars.errors import UsageError
from regulars.publish.destinations import Unsendable, google, meta
from regulars.publish.identifiers import Platform

META_HEADER = {
    "email": "email",
    "phone": "phone",
    "first_name": "fn",
    "last_name": "ln",
    "postal_code": "zip",
    "country": "country",
}
META_VALUE = "value"
GOOGLE_HEADER = {
    "email": "Email",
    "phone": "Phone",
    "first_name": "First Name",
    "last_name": "Last Name",
    "country": "Country",
    "postal_code": "Zip",
}
ADDRESS = ("first_name", "last_name", "country", "postal_code")


@dataclass(frozen=True)
class Upload:
    """A file to be: `columns` has one list for each name in `header`, each with the rows that can be sent, in order."""

    header: tuple[str, ...]
    columns: tuple[list[str], ...] = field(repr=False)
    unsendable: dict[int, Unsendable]
    """Rows that are not in the file, by their place in what was given, from 0 on, and why."""


def customer_match(
    platform: Platform,
    rows: Sequence[Mapping[str, str | None]],
    sends: Collection[str],
    values: Sequence[object] | None = None,
) -> Upload:
    """Header and columns of an upload.

    Parameters
    ----------
    platform: META or GOOGLE.
    rows: the contacts of n people, as a `Row` has them: the country is there to read phone numbers by.
    sends: which of them go into the file. Google's address needs first name, last name, country and postal code; if one
        of them is not to go, none of the four does.
    values: for Meta, what each of the n people is worth to a seed of lookalikes, as text or numbers.

    Raises
    ------
    UsageError: the platform has no such file, takes no values, or nothing of what is to go identifies anybody.
    ValueError: there are not as many values as rows.
    """
    header = _header(platform, sends, has_values=values is not None)
    names = frozenset(header)
    columns: dict[str, list[str]] = {name: [] for name in header}
    unsendable: dict[int, Unsendable] = {}
    for place, (row, value) in enumerate(zip(rows, values if values is not None else [None] * len(rows), strict=True)):
        if platform is Platform.META:
            found = meta.hashed_contacts(row, names)
            is_usable = meta.is_usable(found)
        else:
            found = google.hashed_contacts(row, has_addresses="postal_code" in names)
            is_usable = not names.isdisjoint(found)
        if not is_usable:
            unsendable[place] = Unsendable("no_identifier")
            continue
        if META_VALUE in names:
            number = meta.lookalike_value(value)
            if isinstance(number, Unsendable):
                unsendable[place] = number
                continue
            found[META_VALUE] = number
        for name, column in columns.items():
            column.append(found.get(name, ""))
    return Upload(tuple(header.values()), tuple(columns.values()), unsendable)


def _header(platform: Platform, sends: Collection[str], *, has_values: bool) -> dict[str, str]:
    """Names of contacts, and what their columns are called there, in the order of the file."""
    if platform is Platform.META:
        header = {name: column for name, column in META_HEADER.items() if name in sends}
        is_enough = {"email", "phone"} & header.keys() or {"first_name", "last_name", "postal_code"} <= header.keys()
        if has_values:
            header[META_VALUE] = META_VALUE
    elif platform is Platform.GOOGLE:
        has_address = set(ADDRESS) <= set(sends)
        header = {
            name: column
            for name, column in GOOGLE_HEADER.items()
            if name in sends and (has_address or name not in ADDRESS)
        }
        is_enough = bool(header)
        if has_values:
            raise UsageError("Google's customer match files have no column of values; leave value out")
    else:
        raise UsageError(f"{platform} has no customer match file; there are {Platform.META} and {Platform.GOOGLE}")
    if not is_enough:
        raise UsageError(
            f"identifiers: nobody is known at {platform} by {', '.join(sorted(sends)) or 'nothing'}; add email or phone"
        )
    return header
