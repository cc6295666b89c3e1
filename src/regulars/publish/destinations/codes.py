"""Codes and pointers that others say, which may quote whom they are about: nothing of a person gets through."""

import re

UNREADABLE = "unreadable_code"
_CODE = re.compile(r"[A-Za-z0-9_.:/+\[\]-]{1,80}")
_MOST_DIGITS = 5
"""Of a whole code, whatever stands between them: no telephone number is as short, and few codes are longer."""
_LONGEST_NUMBER = 9_999_999
"""Error numbers of platforms have seven digits at most."""


def readable(said: object) -> str:
    """A code or pointer as it was said, if it can hold neither an e-mail address nor a phone number; else UNREADABLE.

    It is a word of up to 80 letters, digits and `_.:/+[]-`, with five digits at most.
    """
    code = str(said) if isinstance(said, int) and not isinstance(said, bool) else said
    if not isinstance(code, str) or not _CODE.fullmatch(code) or sum(map(str.isdigit, code)) > _MOST_DIGITS:
        return UNREADABLE
    return code


def readable_number(said: object) -> int:
    """A number as it was said, if it is one and has seven digits at most; else 0."""
    if not isinstance(said, int) or isinstance(said, bool):
        return 0
    return said if abs(said) <= _LONGEST_NUMBER else 0
