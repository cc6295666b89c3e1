"""The key by which people are named where nobody may read who they are: tombstones, rejects, logs."""

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from regulars.publish.errors import PublishRefusedError
from regulars.publish.ledger import Ledger
from regulars.publish.settings import Settings

LENGTH_BYTES = 32
BLOCK_BYTES = 64
"""Of SHA-256, by RFC 2104."""
SHORTEST_SECRET = 16
"""Letters. What can be guessed, names people to whoever reads the ledger."""


def read_key(settings: Settings, ledger: Ledger) -> bytes:
    """The key of `key_secret`, or else of a file beside the ledger, which is made for a ledger that never had a key.

    The ledger notes by which key it was begun, and takes no other: by it no tombstone would be found, and people who
    were erased would be sent again.

    Raises
    ------
    SecretError: `key_secret` is not where the settings say.
    PublishRefusedError: it is too short, the file is gone or cannot be read or made, or the key is another.
    """
    noted = ledger.fetch("select fingerprint from ledger_key")
    if settings.key_secret is not None:
        where = "key_secret"
        key = settings.key_secret.read().encode()
        if len(key.decode()) < SHORTEST_SECRET:
            raise PublishRefusedError(
                f"key_secret has fewer than {SHORTEST_SECRET} letters and could be guessed; take a secret such as"
                " `openssl rand -hex 32` makes"
            )
    else:
        path = ledger.path.with_name(ledger.path.name + ".key")
        where = str(path)
        if not path.exists() and noted:
            raise PublishRefusedError(
                f"{path}, the key of the ledger, is gone, and by a new one people who were erased would be sent again;"
                " restore it from a backup, and everything is as before"
            )
        key = _key_of_file(path)
    mine = person_key(key, "ledger", "regulars_publish")
    if not noted:
        ledger.execute("insert into ledger_key select $mine where not exists (select 1 from ledger_key)", mine=mine)
        noted = ledger.fetch("select fingerprint from ledger_key")
    if (mine,) not in noted:
        raise PublishRefusedError(
            f"the key in {where} is another than the ledger was begun with, and by another one people who were erased"
            " would be sent again; put the old one back, and everything is as before (workers that share a ledger need"
            " the same)"
        )
    return key


def _key_of_file(path: Path) -> bytes:
    """The key in a file, which is made if there is none."""
    try:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            pass
        else:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(secrets.token_hex(LENGTH_BYTES))
        key = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise PublishRefusedError(f"the key of the ledger, {path}, cannot be read or made: {error}") from error
    if len(key) != 2 * LENGTH_BYTES:
        # Killed while it was being made, or cut: with another key no tombstone would be found again.
        raise PublishRefusedError(f"{path} is not whole; restore it, or delete it if nothing was ever published")
    return key.encode()


def person_key(key: bytes, kind: str, value: str) -> str:
    """HMAC-SHA256 (RFC 2104) of a `customer` id, or of a form of an `email` or a `phone` as tombstones know it."""
    return hmac.new(key, f"{kind}:{value}".encode(), hashlib.sha256).hexdigest()


def person_key_macro(key: bytes) -> str:
    """A DuckDB macro that gives the same: `person_key('customer:' || customer_id)`."""
    block = hashlib.sha256(key).digest() if len(key) > BLOCK_BYTES else key
    block = block.ljust(BLOCK_BYTES, b"\0")
    inner = bytes(byte ^ 0x36 for byte in block).hex()
    outer = bytes(byte ^ 0x5C for byte in block).hex()
    return (
        "create or replace temp macro person_key(said) as"
        f" sha256(unhex('{outer}') || unhex(sha256(unhex('{inner}') || encode(said))))"
    )
