"""Decides on the credentials of a request, before anybody looks whether there is what it asks for.

Three ways in: ``Authorization: Bearer``, ``Authorization: Basic``, and the signature of a signed
address. All that a request presents is checked, and the best of it counts.
"""

from __future__ import annotations

import base64
import binascii
import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from services.api.access.refusals import NotAdmitted, TooManyAttempts, WrongScope
from services.api.access.scopes import Scope, suffices
from services.api.access.signature import expired

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from services.api.access.attempts import Attempts
    from services.api.access.credentials import Credentials
    from services.api.access.keyring import Keyring
    from services.api.access.refusals import Refusal

__all__ = ["Asked", "Gate"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """What of a request matters here.

    Attributes:
        path: What a signature is for, see ``signed_path``.
        address: Of the client.
        needed: Scopes of which each would do; ``Scope(0)``: open to everybody.
        authorization: The header's bytes as latin-1; None: there is none.
        token, expires: The query's parameters; None: there is none.
    """

    path: str
    address: str
    needed: Scope
    authorization: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    expires: str | None = None


@dataclass(frozen=True, slots=True)
class _Found:
    """What one of the ways in gave: a scope, or what is wrong."""

    scope: Scope
    wrong: str
    late: bool = False


class Gate:
    """Stands before everything.

    Args:
        keyring: What is valid.
        attempts: Counts what is not.
        clock: The time of day, seconds since 1970: signed addresses end by it.
    """

    def __init__(
        self, keyring: Keyring, attempts: Attempts, clock: Callable[[], float] = time.time
    ) -> None:
        self._keyring = keyring
        self._attempts = attempts
        self._clock = clock

    def admit(self, asked: Asked) -> Scope:
        """Let a request in.

        Returns:
            What it may; ``Scope(0)``: a stranger at an open address.

        Raises:
            NotAdmitted: It presents nothing, something wrong, or a signature whose time is over.
            TooManyAttempts: Something wrong, again and again.
            WrongScope: Something right, but for something else.
        """
        found = list(self._look(asked, self._keyring.current()))
        granted = Scope(0)
        for one in found:
            granted |= one.scope
        if suffices(granted, asked.needed) or (not asked.needed and (granted or not found)):
            return granted
        raise self._refusal(asked, found, granted)

    def _refusal(self, asked: Asked, found: list[_Found], granted: Scope) -> Refusal:
        """What is wrong counts even beside what is right: else one signature covered guessing."""
        wrong = [one.wrong for one in found if not (one.scope or one.late)]
        if wrong:
            retry_after_s = self._attempts.failed(asked.address, ", ".join(wrong))
            if retry_after_s is not None:
                return TooManyAttempts(retry_after_s)
        if granted:
            return WrongScope()
        if wrong:
            return NotAdmitted("These credentials are not valid.")
        if found:
            log.debug("access refused to %s: the signed address has expired", asked.address)
            return NotAdmitted("This signed address has expired.")
        return NotAdmitted("Credentials are needed: a bearer token, or user and password.")

    def _look(self, asked: Asked, credentials: Credentials) -> Iterator[_Found]:
        if asked.authorization is not None:
            yield _by_header(asked.authorization, credentials)
        if asked.token is not None:
            expires = asked.expires or ""
            scope = credentials.by_signature(asked.token, asked.path, expires)
            if scope and expired(expires, self._clock()):
                yield _Found(Scope(0), "late signature", late=True)
            else:
                yield _Found(scope, "wrong signature")


def _by_header(authorization: str, credentials: Credentials) -> _Found:
    kind, _, value = authorization.partition(" ")
    presented = value.strip(" ").encode("latin-1", "replace")
    if kind.lower() == "bearer":
        return _Found(credentials.by_token(presented), "wrong bearer token")
    if kind.lower() == "basic":
        try:
            decoded = base64.b64decode(presented, validate=True)
        except binascii.Error:
            return _Found(Scope(0), "malformed Basic credentials")
        return _Found(credentials.by_password(decoded), "wrong user or password")
    return _Found(Scope(0), "credentials of an unknown kind")
