"""Tokens, passwords and signing keys, and what each of them opens.

A check costs the same whatever is presented: everything known is compared, digests with digests,
and nothing ends early. Of tokens and passwords only digests are kept.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

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


_NO_KEY: Final = SigningKey(Scope(0), "", secrets.token_bytes(32))
"""Signs for nothing."""


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
        """What a signed address opens, were it not expired: its key is tried with every scope.

        Ids of keys are no secret. One that is not known costs the same as one that is.
        """
        claimed = key_id_of(token)
        key = next((known for known in self.keys if known.id == claimed), _NO_KEY)
        given = digest(token.encode("utf-8", "surrogatepass"))
        granted = Scope(0)
        for scope in Scope:
            wanted = sign(key.secret, key.id, str(scope.name).lower(), path, expires)
            right = hmac.compare_digest(given, digest(wanted.encode("utf-8")))
            if right and suffices(key.scope, scope):
                granted |= scope
        return granted

    def key(self, scope: Scope, key_id: str | None = None) -> SigningKey | None:
        """The first key that may sign for a scope; with ``key_id``, the one of that name."""
        for key in self.keys:
            if suffices(key.scope, scope) and key_id in {None, key.id}:
                return key
        return None


def _known(all_secrets: tuple[Secret, ...], presented: bytes) -> Scope:
    given = digest(presented)
    granted = Scope(0)
    for secret in all_secrets:
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
