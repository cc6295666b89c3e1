"""Requests and answers held to OpenAPI documents that somebody has; openapi-core is needed only where this is used."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from regulars.publish.fakes.listening import Request, Response

_METHODS = frozenset({"get", "post", "delete", "patch", "put"})


class Schemas:
    """The documents of a folder (`*.json`); `without` are paths that none of them describes and that are let pass.

    Raises
    ------
    FileNotFoundError: the folder has none. Nothing would be checked, and nobody would notice.
    """

    def __init__(self, folder: Path, without: frozenset[str] = frozenset()) -> None:
        from openapi_core import OpenAPI

        self._without = without
        self.apis: list[tuple[re.Pattern[str], frozenset[str], str, Any]] = []
        for path in sorted(folder.glob("*.json")):
            document = json.loads(path.read_text(encoding="utf-8"))
            # It holds for no other address than its own.
            server = document.get("servers", [{"url": "https://fake.example.com"}])[0]["url"]
            for template, operations in document["paths"].items():
                pattern = re.compile(re.sub(r"\{[^}]+\}", "[^/]+", template))
                self.apis.append((pattern, _METHODS & set(operations), server, OpenAPI.from_dict(document)))
        if not self.apis:
            raise FileNotFoundError(f"there are no OpenAPI documents in {folder}")

    def check(self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes) -> str:
        """What is wrong with a request, or nothing. Names of headers are in lower case."""
        server, api = self._find(method, path)
        if api is None:
            return "" if path in self._without else "no schema has this endpoint"
        errors = api.iter_request_errors(_asked(server, method, path, query, headers, body))
        return "; ".join(f"{error}: {getattr(error, 'schema_errors', '')} {error.__cause__}" for error in errors)

    def problems_of(self, request: Request, response: Response) -> list[str]:
        """What is wrong with an answer. One that there is no such thing (404) may be anything."""
        from openapi_core.testing import MockResponse

        server, api = self._find(request.method, request.path)
        if api is None or response.status == 404:
            return []
        body = response.body if isinstance(response.body, bytes) else json.dumps(response.body).encode()
        answer = MockResponse(body, status_code=response.status, content_type=response.headers.get("Content-Type", ""))
        asked = _asked(server, request.method, request.path, {}, request.headers, request.body)
        return [f"{error} {error.__cause__}" for error in api.iter_response_errors(asked, answer)]

    def _find(self, method: str, path: str) -> tuple[str, Any]:
        for pattern, methods, server, api in self.apis:
            if method.lower() in methods and pattern.fullmatch(path):
                return server, api
        return "", None


def _asked(
    server: str, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes
) -> Any:  # noqa: ANN401  (openapi-core has no types)
    from openapi_core.testing import MockRequest

    return MockRequest(
        server, method, path, args=dict(query), headers=dict(headers), data=body,
        content_type=headers.get("content-type", "application/json"),
    )  # fmt: skip
