"""Tokens, passwords and signing keys, and what each of them opens.

A check costs the same whatever is presented: everything known is compared, digests with digests,
and nothing ends early. Of tokens and passwords only digests are kept.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from services.api.access.scopes import Scope, suffices
from services.api.access.signature import TOKEN_KEY_ID, derived_key, key_id_of, sign

if TYPE_CHECKING:
    from shared.settings_api import AuthSettings

__all__ = ["Credentials", "Secret", "SigningKey", "digest", "of_setting"]


def digest(secret: bytes) -> bytes:
    """What is kept of a secret, and compared."""
    return hashlib.sha256(secret).digest()


@dataclass(frozen=True, slots=True)
class Secret:
    """A token, or user and password as ``user:password``, by its digest."""

    scope: Scope
    digest: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that signs addresses."""

    scope: Scope
    id: str
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Credentials:
    """All that is valid at a time. Every ``by_…`` gives ``Scope(0)`` for what is not valid."""

    tokens: tuple[Secret, ...] = ()
    passwords: tuple[Secret, ...] = ()
    keys: tuple[SigningKey, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.tokens or self.passwords or self.keys)

    def __or__(self, other: Credentials) -> Credentials:
        return Credentials(
            self.tokens + other.tokens,
            self.passwords + other.passwords,
            self.keys + other.keys,
        )

    def by_token(self, token: bytes) -> Scope:
        """What a bearer token opens."""
        return _known(self.tokens, token)

    def by_password(self, user_and_password: bytes) -> Scope:
        """What ``user:password`` opens; a token is a password of every user."""
        password = user_and_password.partition(b":")[2]
        return _known(self.passwords, user_and_password) | _known(self.tokens, password)

    def by_signature(self, token: str, path: str, expires: str) -> Scope:
        """What a signed address opens, were it not expired: every key is tried with every scope."""
        claimed = key_id_of(token) or ""
        given = digest(token.encode("utf-8", "surrogatepass"))
        granted = Scope(0)
        for key in self.keys:
            for scope in Scope:
                name = str(scope.name).lower()
                wanted = sign(key.secret, claimed, name, path, expires).encode("utf-8")
                right = hmac.compare_digest(given, digest(wanted))
                if right and key.id == claimed and suffices(key.scope, scope):
                    granted |= scope
        return granted

    def key(self, scope: Scope, key_id: str | None = None) -> SigningKey | None:
        """The first key that may sign for a scope; with ``key_id``, the one of that name."""
        for key in self.keys:
            if suffices(key.scope, scope) and key_id in {None, key.id}:
                return key
        return None


def _known(secrets: tuple[Secret, ...], presented: bytes) -> Scope:
    given = digest(presented)
    granted = Scope(0)
    for secret in secrets:
        if hmac.compare_digest(secret.digest, given):
            granted |= secret.scope
    return granted


def of_setting(settings: AuthSettings) -> Credentials:
    """What ``api.auth.token`` is: a token that opens everything, and a key derived from it."""
    if settings.token is None:
        return Credentials()
    text = settings.token.get_secret_value()
    return Credentials(
        tokens=(Secret(Scope.ADMIN, digest(text.encode("utf-8"))),),
        keys=(SigningKey(Scope.ADMIN, TOKEN_KEY_ID, derived_key(text)),),
    )
