"""What fakes of platforms share: a server on loopback, and the faults that a request may meet on its way.

Answers leave in one packet (buffered, without Nagle's delay), so that a kept connection does not wait 40 ms for each;
and a server that is told to end does so within 5 ms.
"""

import json
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit


@dataclass
class Fault:
    """What one request meets: before it is taken in, or after (`is_taken_in`), so that only the answer is another."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    is_taken_in: bool = False
    closes: bool = False
    """No answer at all: the connection ends."""
    hangs: bool = False
    """No answer at all for as long as the client waits."""
    is_truncated: bool = False
    """It is taken in, and the answer that was meant is cut in the middle."""
    is_dripped: bool = False
    """It is taken in, and the answer that was meant comes in packets of one byte."""
    on: str = ""
    """Only a request whose path has this in it meets the fault, others pass it by; at Klaviyo, the name of an endpoint
    (a key of `LIMITS`)."""


@dataclass(frozen=True)
class Request:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str] = field(repr=False)
    """Names in lower case."""
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class Response:
    """What a platform answers; `body` becomes JSON unless it is bytes."""

    status: int
    body: Mapping[str, Any] | bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def next_fault(faults: list[Fault], is_met: Callable[[str], bool]) -> Fault | None:
    """The first fault with such an `on`, which is taken off the list."""
    for number, fault in enumerate(faults):
        if is_met(fault.on):
            return faults.pop(number)
    return None


class Fails(Protocol):
    """A platform with faults to come."""

    faults: list[Fault]


def by_path(platform: Fails) -> Callable[[Request], Fault | None]:
    """What a request meets where `on` is a part of its path."""
    return lambda request: next_fault(platform.faults, lambda on: on in request.path)


@contextmanager
def listening(
    take_in: Callable[[Request], Response], arrive: Callable[[Request], Fault | None], port: int = 0
) -> Iterator[str]:
    """Serve on a port of 127.0.0.1 (0: a free one) until the block ends; its address.

    Each request arrives, which says what it meets, and is taken in unless that keeps it out; one after another.
    """
    lock, ended = threading.Lock(), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1
        disable_nagle_algorithm = True

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            parts = urlsplit(self.path)
            request = Request(
                self.command,
                parts.path,
                dict(parse_qsl(parts.query, keep_blank_values=True)),
                {name.lower(): value for name, value in self.headers.items()},
                body,
            )
            with lock:
                fault = arrive(request)
                is_meant = fault is None or fault.is_truncated or fault.is_dripped
                response = Response(200)
                if fault is None or fault.is_taken_in or is_meant:
                    response = take_in(request)
            if fault is not None and not is_meant:
                response = Response(fault.status, fault.body, fault.headers)
            if fault is not None and fault.hangs:
                ended.wait()
            if fault is not None and (fault.closes or fault.hangs):
                self.close_connection = True
                return
            self._answer(response, fault or Fault())

        def _answer(self, response: Response, fault: Fault) -> None:
            answer = response.body if isinstance(response.body, bytes) else json.dumps(response.body).encode()
            self.send_response(response.status)
            for name, value in response.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            for start in range(len(answer) if fault.is_dripped else 0):
                self.wfile.write(answer[start : start + 1])
                self.wfile.flush()
            if not fault.is_dripped:
                self.wfile.write(answer[: len(answer) // 2] if fault.is_truncated else answer)
                self.wfile.flush()
            if fault.is_truncated:
                self.close_connection = True

        do_GET = do_POST = do_DELETE = do_PATCH = do_PUT = _serve  # noqa: N815  (the names that http.server looks for)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: what came in is in the state."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401  (as in socketserver)
            """A client that hung up is no news; an error of the fake's own is."""
            if not isinstance(sys.exception(), OSError):
                super().handle_error(request, client_address)

    server = Server(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.005,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        ended.set()
        server.shutdown()
        server.server_close()
        thread.join()
