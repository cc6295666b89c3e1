"""An account that keeps to the official schemas, and a list that a destination has opened."""

import re
import warnings
from pathlib import Path

import pytest

from regulars.publish.fakes.klaviyo import WITHOUT_SCHEMA, klaviyo
from regulars.publish.fakes.openapi import Schemas

from .customers import KEY, destination

OFFICIAL = Path(__file__).parents[5] / "shared" / "data" / "klaviyo_openapi"


@pytest.fixture(scope="session")
def schemas():
    if not OFFICIAL.exists():
        warnings.warn(f"no request is held to Klaviyo's official schemas: {OFFICIAL} is not there", stacklevel=1)
        return None
    return Schemas(OFFICIAL, WITHOUT_SCHEMA)


@pytest.fixture
def account(schemas):
    with klaviyo("AbC123", KEY) as state:
        if schemas:
            state.check = schemas.check
            take_in = state.take_in

            def held(request):
                response = take_in(request)
                state.problems += schemas.problems_of(request, response)
                return response

            state.take_in = held
        yield state
        assert state.problems == []
        assert all(profile.consent == "NEVER_SUBSCRIBED" for profile in state.profiles.values())
        assert not [path for _, path, _ in state.requests if re.search("subscri|suppress|client", path)]


@pytest.fixture
def loyal(account):
    """A list with nobody on it, and a destination that has opened it."""
    list_id = account.add_list("loyal")
    target = destination(account)
    assert target.open_object("loyal") == list_id
    account.requests.clear()
    return target, list_id
