"""How the rows of events name a person: by id, by e-mail, or both."""

import numpy as np
import pyarrow as pa

from regulars.sample.columns import Ints, nulled
from regulars.sample.people import EMAIL_ONLY, People

EMAIL_NAMED_OUT_OF_TEN = 3
"""Of ten account holders, so many are known to the e-mail tool by their address only."""


def email_tool_names(people: People, person: Ints) -> tuple[pa.Array, pa.Array]:
    """Customer ids and e-mail addresses as the e-mail tool knows them."""
    by_email = (people.account == EMAIL_ONLY) | (people.number % 10 < EMAIL_NAMED_OUT_OF_TEN)
    return _names(people, person, by_email, keeps_both=(people.number % 10) == EMAIL_NAMED_OUT_OF_TEN)


def site_names(people: People, person: Ints) -> tuple[pa.Array, pa.Array]:
    """Customer ids and e-mail addresses as the site knows them: who has an account is signed in."""
    return _names(people, person, people.account == EMAIL_ONLY, keeps_both=np.zeros(len(people), dtype=bool))


def _names(people: People, person: Ints, by_email: np.ndarray, keeps_both: np.ndarray) -> tuple[pa.Array, pa.Array]:
    index = pa.array(person)
    ids = nulled(people.ids, by_email)
    emails = nulled(people.emails, ~by_email & ~keeps_both)
    return ids.take(index), emails.take(index)
