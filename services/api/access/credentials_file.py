"""The credentials file: one credential per line, its scopes first.

::

    # scopes       kind    what
    view           token   3f1c0c5d7a8e4b0f9d21
    metrics        token   5a77c1a09be24e6c8a11
    admin          basic   alice:correct horse battery staple
    view,metrics   basic   wall:entrance-hall-display
    view           key     door-2026 9c2e4d11f0a94be7b1d3

``token`` is sent as bearer token, or as the password of any user; ``basic`` is a user and a
password; ``key`` signs addresses (``python -m services.api.url``) and is never sent. Tokens and
keys have at least 16 characters without spaces, passwords at least 8. Empty lines and lines that
begin with ``#`` mean nothing. Several of a kind may be valid at a time: so a new one is handed out
before the old one goes.

No message repeats what stands in the file but a line's number: where one thing is expected a secret
may stand by mistake.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from services.api.access.credentials import Credentials, Secret, SigningKey, digest
from services.api.access.scopes import Scope, scope_named
from services.api.access.signature import TOKEN_KEY_ID
from shared.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Reading", "identity", "parse", "read"]

_MIN_SECRET: Final = 16
_MIN_PASSWORD: Final = 8
_MAX_BYTES: Final = 1 << 20
_KEY_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,32}")

Identity = tuple[int, ...]
"""Changes whenever the file does: what an editor, a rename or a container's mount moves."""


@dataclass(frozen=True)
class Reading:
    """What one look into the file gave.

    Attributes:
        credentials: Those in it.
        identity: Of the file that was read.
        public: Whether everybody on the machine may read it.
    """

    credentials: Credentials
    identity: Identity
    public: bool


def identity(status: os.stat_result) -> Identity:
    """What tells one state of the file from another."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def read(path: Path) -> Reading:
    """Read the file.

    Raises:
        ConfigError: It cannot be read, or lines of it are wrong: a sentence for each.
    """
    try:
        # not to hang should it be a pipe
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise ConfigError([f"credentials file {path} is not a regular file"])
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError([f"credentials file {path} cannot be read: {error.strerror}"]) from error
    if len(content) > _MAX_BYTES:
        raise ConfigError([f"credentials file {path} is larger than {_MAX_BYTES} bytes"])
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problem = f"credentials file {path}, line {line}: is not UTF-8"
        raise ConfigError([problem]) from None  # the error has the bytes in it
    credentials = parse(text, f"credentials file {path}")
    return Reading(credentials, identity(status), bool(status.st_mode & stat.S_IROTH))


def parse(text: str, name: str = "credentials") -> Credentials:
    """Read credentials, one per line.

    Args:
        text: The content of the file.
        name: What messages call it.

    Raises:
        ConfigError: With a sentence for every wrong line.
    """
    credentials, problems = Credentials(), list[str]()
    taken: dict[tuple[str, str], int] = {}
    for number, line in enumerate(text.split("\n"), 1):
        words = line.strip()
        if not words or words.startswith("#"):
            continue
        try:
            known_as, one = _credential(words)
        except ValueError as error:
            problems.append(f"{name}, line {number}: {error}")
            continue
        credentials |= one
        if known_as is not None and taken.setdefault(known_as, number) != number:
            problems.append(f"{name}, line {number}: is there already, on line {taken[known_as]}")
    if problems:
        raise ConfigError(problems)
    return credentials


def _credential(line: str) -> tuple[tuple[str, str] | None, Credentials]:
    """One line: kind and name of what may be there once only, and the credential."""
    scopes, kind, value = (*line.split(None, 2), "", "")[:3]
    scope = _scopes(scopes)
    if kind == "token":
        _long_enough(value, "a token")
        return None, Credentials(tokens=(Secret(scope, digest(value.encode("utf-8"))),))
    if kind == "basic":
        user, colon, password = value.partition(":")
        if not (user and colon) or len(password) < _MIN_PASSWORD:
            raise ValueError(
                f"basic needs user:password, the password of at least {_MIN_PASSWORD} characters"
            )
        secret = Secret(scope, digest(value.encode("utf-8")))
        return (kind, user), Credentials(passwords=(secret,))
    if kind == "key":
        key_id, secret_text = (*value.split(None, 1), "", "")[:2]
        if _KEY_ID.fullmatch(key_id) is None or key_id == TOKEN_KEY_ID:
            raise ValueError(
                "key needs an id of 1 to 32 characters of A-Z a-z 0-9 _ - (not "
                f"{TOKEN_KEY_ID!r}, which is api.auth.token's), then the secret"
            )
        _long_enough(secret_text, "a key")
        key = SigningKey(scope, key_id, secret_text.encode("utf-8"))
        return (kind, key_id), Credentials(keys=(key,))
    raise ValueError("after the scopes must stand token, basic or key")


def _scopes(text: str) -> Scope:
    """Scopes joined by commas."""
    scope = Scope(0)
    try:
        for name in text.split(","):
            scope |= scope_named(name)
    except ValueError:
        raise ValueError(
            "must begin with its scopes: view, metrics, admin, or several joined by commas"
        ) from None
    return scope


def _long_enough(secret: str, what: str) -> None:
    if len(secret) < _MIN_SECRET or len(secret.split()) != 1:
        raise ValueError(f"{what} must have at least {_MIN_SECRET} characters, and no spaces")
