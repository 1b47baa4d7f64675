from __future__ import annotations

import hashlib

import pytest

from services.api.access.credentials import Credentials, Secret, SigningKey, digest, of_setting
from services.api.access.scopes import Scope
from services.api.access.signature import sign
from shared.settings_api import AuthSettings

TOKEN = "a-token-of-more-than-sixteen"  # noqa: S105 - of nobody
PATH = "/stream/video"


def known() -> Credentials:
    return Credentials(
        tokens=(Secret(Scope.VIEW, digest(TOKEN.encode())),),
        passwords=(Secret(Scope.METRICS, digest(b"alice:pass:word")),),
        keys=(SigningKey(Scope.VIEW, "door", b"k" * 16),),
    )


def test_a_token_opens_its_scope_and_is_a_password_of_every_user() -> None:
    credentials = known()
    assert credentials.by_token(TOKEN.encode()) == Scope.VIEW
    assert credentials.by_password(b"whoever:" + TOKEN.encode()) == Scope.VIEW
    assert credentials.by_password(b":" + TOKEN.encode()) == Scope.VIEW


def test_a_password_belongs_to_its_user() -> None:
    credentials = known()
    assert credentials.by_password(b"alice:pass:word") == Scope.METRICS
    for wrong in (b"bob:pass:word", b"alice:pass", b"alice", b"", b":", b"alice:pass:word "):
        assert credentials.by_password(wrong) == Scope(0)
    assert credentials.by_token(b"alice:pass:word") == Scope(0)


@pytest.mark.parametrize("wrong", [b"", TOKEN[:-1].encode(), TOKEN.upper().encode(), b"\xff" * 20])
def test_what_is_nearly_a_token_opens_nothing(wrong: bytes) -> None:
    assert known().by_token(wrong) == Scope(0)


def test_nobody_is_let_in_by_nothing_at_all() -> None:
    empty = Credentials()
    assert not empty
    assert not empty.by_token(b"")
    assert not empty.by_password(b"")
    assert not empty.by_signature("", "", "")
    assert not empty.by_signature(sign(b"", "", "admin", PATH, "1"), PATH, "1")


def test_a_signature_opens_what_its_key_may_and_no_more() -> None:
    credentials = known()
    right = sign(b"k" * 16, "door", "view", PATH, "99")
    assert credentials.by_signature(right, PATH, "99") == Scope.VIEW
    for scope in ("metrics", "admin"):
        token = sign(b"k" * 16, "door", scope, PATH, "99")
        assert credentials.by_signature(token, PATH, "99") == Scope(0)
    other = sign(b"k" * 16, "gate", "view", PATH, "99")
    assert credentials.by_signature(other, PATH, "99") == Scope(0)
    for path, expires in ((PATH + "/frame", "99"), (PATH, "98"), (PATH, "099"), (PATH + "/", "99")):
        assert credentials.by_signature(right, path, expires) == Scope(0)
    for position in range(len(right)):
        letter = "A" if right[position] != "A" else "B"
        changed = right[:position] + letter + right[position + 1 :]
        assert credentials.by_signature(changed, PATH, "99") == Scope(0)


def test_every_secret_is_compared_whatever_is_presented(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same work for unknown users: the number of comparisons must not tell who exists."""
    compared: list[int] = []

    def count(one: bytes, other: bytes) -> bool:
        assert len(one) == len(other) == hashlib.sha256().digest_size, "digests, never secrets"
        compared[-1] += 1
        return one == other

    monkeypatch.setattr("services.api.access.credentials.hmac.compare_digest", count)
    credentials = known() | known()
    for presented in (b"alice:pass:word", b"alice:wrong", b"nobody:wrong", b"", b"x" * 5000):
        compared.append(0)
        credentials.by_password(presented)
    assert set(compared) == {4}
    compared.clear()
    for key_id in ("door", "unknown"):
        compared.append(0)
        credentials.by_signature(sign(b"x" * 16, key_id, "view", PATH, "9"), PATH, "9")
    compared.append(0)
    credentials.by_signature("nonsense", PATH, "9")
    assert set(compared) == {3}


def test_the_token_of_the_settings_opens_everything_and_signs() -> None:
    credentials = of_setting(AuthSettings.model_validate({"token": TOKEN}))
    assert credentials.by_token(TOKEN.encode()) == Scope.ADMIN
    key = credentials.key(Scope.VIEW)
    assert key is not None
    assert key.id == "token"
    assert TOKEN.encode() not in key.secret
    assert of_setting(AuthSettings()) == Credentials()


def test_the_key_for_a_scope_is_the_first_that_may_or_the_one_named() -> None:
    keys = (
        SigningKey(Scope.METRICS, "one", b"1" * 16),
        SigningKey(Scope.VIEW, "two", b"2" * 16),
        SigningKey(Scope.ADMIN, "three", b"3" * 16),
    )
    credentials = Credentials(keys=keys)
    assert credentials.key(Scope.VIEW) == keys[1]
    assert credentials.key(Scope.VIEW, "three") == keys[2]
    assert credentials.key(Scope.VIEW, "one") is None
    assert credentials.key(Scope.ADMIN, "two") is None


def test_nothing_secret_is_in_the_repr() -> None:
    text = repr(known() | of_setting(AuthSettings.model_validate({"token": TOKEN})))
    for secret in (TOKEN, "pass:word", "kkkk", repr(digest(TOKEN.encode()))):
        assert secret not in text
