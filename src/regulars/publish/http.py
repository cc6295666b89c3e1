"""The one HTTP client: a pool of connections, retries with full jitter, `Retry-After`, a deadline for each request."""

import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import urllib3

AGAIN = frozenset({429, 500, 502, 503, 504})
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 60.0
LONGEST_ANSWER = 10_000_000
READ_AT_ONCE = 65_536
LONGEST_UNHEARD = 5
"""Attempts after which an address where nobody listens is given up, whatever the deadline."""
NOBODY = frozenset({"nobody listens there", "there is no such host", "the certificate is not trusted"})
TIMED_OUT = (urllib3.exceptions.TimeoutError, TimeoutError)


@dataclass(frozen=True)
class Reply:
    """The last answer to a request, or none: `status` 0 and why."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    attempts: int
    """0: nothing was sent, as it asks to wait for longer than there is time."""
    problem: str = ""

    @property
    def what_happened(self) -> str:
        """In words, where there was no word that is final: no answer and why, too many requests, or a server error."""
        times = f", tried {self.attempts} times" if self.attempts > 1 else ""
        if self.attempts == 0:
            return self.problem
        if self.status == 0:
            return f"{self.problem}{times}"
        if self.status == 429:
            return f"asked too often (429{times})" + (f", {self.problem}" if self.problem else "")
        return f"server error {self.status}{times}"


@dataclass
class Client:
    """Requests to one host. Clock, sleep and chance are given, so that tests need none of them."""

    timeout_seconds: float
    deadline_seconds: float
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    chance: Callable[[], float] = random.random
    connections: int = 8
    _pool: urllib3.PoolManager = field(init=False)
    _full_at: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        self._pool = urllib3.PoolManager(num_pools=4, maxsize=self.connections, retries=False)

    def request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, *, bucket: str = "", is_once: bool = False
    ) -> Reply:
        """Send the same bytes until somebody answers with a word that is final, or the deadline is over.

        429, 5xx, time-outs and broken connections are tried again, unless `is_once`; nothing else is. Requests of one
        `bucket` share a limit: when an answer says that nothing is left of it (`RateLimit-Remaining: 0`,
        `RateLimit-Reset` in seconds), all of them wait, whichever thread they are in; if that is longer than a minute
        and the deadline, nothing is sent. The deadline counts from the first byte sent, not from the wait.
        """
        too_long = self._wait_for(bucket)
        if too_long:
            return Reply(0, {}, b"", 0, too_long)
        end = self.clock() + self.deadline_seconds
        attempts, status, answered, problem = 0, 0, b"", ""
        seen: Mapping[str, str] = {}
        while True:
            attempts += 1
            left = max(min(self.timeout_seconds, end - self.clock()), 0.01)
            step = "request"
            try:
                reply = self._pool.request(
                    method,
                    url,
                    headers=dict(headers),
                    body=body,
                    redirect=False,
                    timeout=urllib3.Timeout(total=left),
                    preload_content=False,
                )
                step = "answer"
                try:
                    answered = self._read(reply, end)
                    status, seen, problem = reply.status, reply.headers, ""
                    self._note_limit(bucket, seen, is_refused=status == 429)
                finally:
                    reply.release_conn()
            except (urllib3.exceptions.HTTPError, OSError) as error:
                is_cut_short = isinstance(error, TIMED_OUT) and left < self.timeout_seconds
                if attempts == 1 or not is_cut_short:
                    status, seen, answered, problem = 0, {}, b"", _plain(error, step)
                # Else the deadline is over, and what was said before says more.
            except ValueError:
                # Its words repeat the header, and with it a secret.
                if step == "request":
                    return Reply(0, {}, b"", attempts - 1, "a header has a letter that none may have; check the secret")
                status, seen, answered, problem = 0, {}, b"", "the answer cannot be read"
            if is_once or (status and status not in AGAIN) or (problem in NOBODY and attempts >= LONGEST_UNHEARD):
                break
            pause = self._pause(attempts, seen)
            is_told = status == 429 and self._asked(seen) is not None
            if is_told and bucket:
                with self._lock:
                    self._full_at[bucket] = max(self._full_at.get(bucket, 0.0), self.clock() + pause)
            if self.clock() + pause >= end:
                if is_told:
                    problem = self._until(pause)
                break
            self.sleep(pause)
        return Reply(status, seen, answered, attempts, problem)

    def _read(self, reply: urllib3.BaseHTTPResponse, end: float) -> bytes:
        """The body, as it comes: a time-out of the socket would begin anew with every byte that drips in."""
        parts, size = [], 0
        while size <= LONGEST_ANSWER and (part := reply.read1(READ_AT_ONCE, decode_content=True)):
            parts.append(part)
            size += len(part)
            if self.clock() > end:
                reply.close()
                raise TimeoutError
        return b"".join(parts)

    def _wait_for(self, bucket: str) -> str:
        """Until the bucket is full again; if that is too long, nothing is waited for, and this says until when."""
        while True:
            with self._lock:
                pause = self._full_at.get(bucket, 0.0) - self.clock()
            if pause <= 0:
                return ""
            if pause > max(self.deadline_seconds, LONGEST_PAUSE_SECONDS):
                return self._until(pause)
            self.sleep(min(pause, LONGEST_PAUSE_SECONDS))

    def _until(self, pause: float) -> str:
        try:
            return f"it asks to wait until {self.now() + timedelta(seconds=pause):%Y-%m-%d %H:%M} UTC"
        except OverflowError:
            return "it asks to wait for ever"

    def _note_limit(self, bucket: str, headers: Mapping[str, str], *, is_refused: bool) -> None:
        """What an answer says of its bucket: the draft of IETF's RateLimit headers, as Klaviyo and others send them."""
        left, reset = headers.get("RateLimit-Remaining", ""), headers.get("RateLimit-Reset", "")
        if bucket and _is_number(reset) and (is_refused or left == "0"):
            with self._lock:
                self._full_at[bucket] = max(self._full_at.get(bucket, 0.0), self.clock() + float(reset))

    def _pause(self, attempts: int, headers: Mapping[str, str]) -> float:
        """Seconds to wait: full jitter, and what `Retry-After` says at least; it may say 0 again and again."""
        highest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** (attempts - 1))
        return max(float(self.chance() * highest), self._asked(headers) or 0.0)

    def _asked(self, headers: Mapping[str, str]) -> float | None:
        """What `Retry-After` says, seconds or a date; None if it says nothing, or what nobody can read."""
        asked = headers.get("Retry-After", "").strip()
        if _is_number(asked):
            return float(asked)
        try:
            when = parsedate_to_datetime(asked)
            when = when if when.tzinfo else when.replace(tzinfo=UTC)
            return max((when - self.now()).total_seconds(), 0.0)
        except (ValueError, OverflowError, TypeError, LookupError):
            return None


def _is_number(said: str) -> bool:
    """Digits; `isdigit` alone is also true of those that no number is read from, such as `²`."""
    return said.isascii() and said.isdigit()


def _plain(error: Exception, step: str) -> str:
    """What went wrong, without the address and what stood in it."""
    if step == "answer" and type(error).__name__ == "ProtocolError":
        return "the answer broke off"
    names = {
        "ConnectTimeoutError": "no connection in time",
        "ReadTimeoutError": "no answer in time",
        "NewConnectionError": "nobody listens there",
        "ProtocolError": "the connection was closed before an answer",
        "IncompleteRead": "the answer broke off",
        "TimeoutError": "the answer came too slowly",
        "SSLError": "the certificate is not trusted",
        "NameResolutionError": "there is no such host",
    }
    return names.get(type(error).__name__, type(error).__name__)
