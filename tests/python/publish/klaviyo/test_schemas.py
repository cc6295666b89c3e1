"""The fake of Klaviyo holds requests to the OpenAPI documents that it is given."""

import json
import subprocess
import sys

import pytest

from regulars.publish.destinations.klaviyo import KlaviyoDestination
from regulars.publish.fakes.klaviyo import klaviyo
from regulars.publish.settings import Klaviyo

from ..ads import Time
from .conftest import OFFICIAL

LISTS = {
    "openapi": "3.0.0",
    "info": {"title": "lists", "version": "1"},
    "paths": {
        "/api/lists": {
            "get": {"responses": {"200": {"description": "lists"}}},
            "post": {
                "requestBody": {"content": {"application/vnd.api+json": {"schema": {"required": ["data", "colour"]}}}},
                "responses": {"201": {"description": "made"}},
            },
        }
    },
}


def opened(account):
    settings = Klaviyo(type="klaviyo", account_id="AbC123", api_key={"env": "X"}, url=account.url)
    return KlaviyoDestination(settings, "key", Time().client(5)).open_object("loyal people")


def test_what_a_document_does_not_allow_is_refused_and_noted(tmp_path):
    (tmp_path / "lists.json").write_text(json.dumps(LISTS))
    with klaviyo("AbC123", "key", tmp_path) as account, pytest.raises(Exception, match="Klaviyo refused"):
        opened(account)
    [problem] = account.problems
    assert problem.startswith("POST /api/lists")
    assert "'colour' is a required property" in problem


def test_a_folder_without_documents_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="no OpenAPI documents"), klaviyo("AbC123", "key", tmp_path):
        pass


def test_what_is_sent_keeps_to_the_official_documents():
    if not OFFICIAL.exists():
        pytest.skip(
            f"no request is held to Klaviyo's official schemas, as {OFFICIAL} is not there (a clone has it not)"
        )
    with klaviyo("AbC123", "key", OFFICIAL) as account:
        assert opened(account) in account.lists
        assert account.problems == []


def test_without_documents_openapi_core_is_not_imported():
    code = "import sys; import regulars.publish.fakes.klaviyo; sys.exit('openapi_core' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
