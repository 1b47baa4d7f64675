from __future__ import annotations

import base64
import dataclasses
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.access.attempts import LIMIT, Attempts
from services.api.access.gate import Asked, Gate
from services.api.access.keyring import Keyring
from services.api.access.refusals import NotAdmitted, Refusal, TooManyAttempts, WrongScope
from services.api.access.scopes import Scope
from services.api.access.signature import sign
from shared.settings_api import AuthSettings

if TYPE_CHECKING:
    from pathlib import Path

TOKEN, VIEW, METRICS = "token-of-everything", "view-view-view-view", "metrics-metrics-metrics"
KEY = b"key-key-key-key-key"
NOW_S = 1_000_000.0
PATH = "/stream/video"
NUMBERS = Scope.VIEW | Scope.METRICS


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Gate:
    path: Path = tmp_path_factory.mktemp("gate") / "credentials"
    path.write_text(
        f"view token {VIEW}\nmetrics token {METRICS}\nadmin basic älice:pässword\n"
        f"view key door {KEY.decode()}\n",
        encoding="utf-8",
    )
    settings = AuthSettings.model_validate({"token": TOKEN, "credentials_file": path})
    return Gate(Keyring(settings), Attempts(lambda: 0.0), lambda: NOW_S)


def bearer(token: str) -> str:
    return f"Bearer {token}"


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


def asked(
    authorization: str | None = None, needed: Scope = Scope.VIEW, address: str = "192.0.2.1"
) -> Asked:
    return Asked(PATH, address, needed, authorization)


def signed(expires: float, path: str = PATH, scope: str = "view") -> Asked:
    text = str(int(expires))
    token = sign(KEY, "door", scope, path, text)
    return dataclasses.replace(asked(), token=token, expires=text)


@pytest.mark.parametrize(
    ("authorization", "scope"),
    [
        (bearer(TOKEN), Scope.ADMIN),
        (bearer(VIEW), Scope.VIEW),
        (f"bEARER   {VIEW} ", Scope.VIEW),
        (basic("älice:pässword"), Scope.ADMIN),
        (basic(f"anybody:{TOKEN}"), Scope.ADMIN),
        (basic(f":{VIEW}"), Scope.VIEW),
    ],
)
def test_right_credentials_open_their_scope(gate: Gate, authorization: str, scope: Scope) -> None:
    assert gate.admit(asked(authorization)) == scope


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        bearer(TOKEN[:-1]),
        bearer(TOKEN + "é"),
        bearer("älice:pässword"),
        "Basic ",
        "Basic !!!!",
        "Basic YWxpY2U",
        basic("älice:wrong"),
        basic("älice"),
        basic("nobody:pässword"),
        basic(TOKEN),
        f"Digest {TOKEN}",
        TOKEN,
    ],
)
def test_wrong_credentials_open_nothing(gate: Gate, authorization: str) -> None:
    with pytest.raises(NotAdmitted, match="not valid"):
        gate.admit(asked(authorization, address=f"of {authorization}"))


def test_without_credentials_only_open_addresses_are_answered(gate: Gate) -> None:
    with pytest.raises(NotAdmitted, match="Credentials are needed"):
        gate.admit(asked())
    assert gate.admit(asked(needed=Scope(0))) == Scope(0)
    assert gate.admit(asked(bearer(VIEW), Scope(0))) == Scope.VIEW
    with pytest.raises(NotAdmitted):
        gate.admit(asked(bearer("wrong-wrong-wrong-wrong"), Scope(0), "open but wrong"))


def test_a_right_credential_for_something_else_is_told_so(gate: Gate) -> None:
    with pytest.raises(WrongScope):
        gate.admit(asked(bearer(METRICS), Scope.VIEW))
    with pytest.raises(WrongScope):
        gate.admit(asked(bearer(VIEW), Scope.ADMIN))
    assert gate.admit(asked(bearer(METRICS), NUMBERS)) == Scope.METRICS


def test_a_signature_opens_its_path_until_it_expires(gate: Gate) -> None:
    assert gate.admit(signed(NOW_S + 1)) == Scope.VIEW
    with pytest.raises(NotAdmitted, match="expired"):
        gate.admit(signed(NOW_S))
    for other in ("/stream/video/frame", "/stream/videO", "/stream/video/", "/"):
        with pytest.raises(NotAdmitted, match="not valid"):
            gate.admit(dataclasses.replace(signed(NOW_S + 1, other), address=other))
    longer = dataclasses.replace(signed(NOW_S + 1), expires=str(int(NOW_S) + 2), address="longer")
    with pytest.raises(NotAdmitted, match="not valid"):
        gate.admit(longer)
    without = dataclasses.replace(signed(NOW_S + 1), expires=None, address="without")
    with pytest.raises(NotAdmitted, match="not valid"):
        gate.admit(without)


def test_a_signing_key_is_no_token_and_a_token_is_no_signature(gate: Gate) -> None:
    with pytest.raises(NotAdmitted):
        gate.admit(asked(bearer(KEY.decode()), address="key as token"))
    with pytest.raises(NotAdmitted):
        gate.admit(dataclasses.replace(asked(address="token in url"), token=TOKEN, expires="9" * 9))


def test_the_best_of_what_is_presented_counts(gate: Gate) -> None:
    stale = dataclasses.replace(signed(NOW_S + 1), authorization=basic("proxy:other-service"))
    assert gate.admit(stale) == Scope.VIEW
    late = dataclasses.replace(signed(NOW_S - 1), authorization=bearer(TOKEN))
    assert gate.admit(late) == Scope.ADMIN


def test_after_ten_wrong_ones_429_and_the_right_one_gets_in_all_the_same(gate: Gate) -> None:
    wrong = asked(bearer("wrong-wrong-wrong-wrong"), address="198.51.100.1")
    for _ in range(LIMIT):
        with pytest.raises(NotAdmitted):
            gate.admit(wrong)
    with pytest.raises(TooManyAttempts) as refused:
        gate.admit(wrong)
    assert refused.value.retry_after_s == 60
    assert gate.admit(dataclasses.replace(wrong, authorization=bearer(VIEW))) == Scope.VIEW


def test_neither_missing_nor_expired_credentials_count_as_wrong(gate: Gate) -> None:
    for _ in range(3 * LIMIT):
        with pytest.raises(NotAdmitted):
            gate.admit(asked(address="198.51.100.2"))
        with pytest.raises(NotAdmitted):
            gate.admit(dataclasses.replace(signed(NOW_S - 1), address="198.51.100.2"))


@pytest.mark.parametrize("cover", [NOW_S - 1, NOW_S + 1])
def test_a_signature_does_not_cover_guessing(gate: Gate, cover: float) -> None:
    guess = dataclasses.replace(
        signed(cover),
        authorization=basic("älice:guess"),
        needed=Scope.ADMIN,
        address=f"198.51.100.3, {cover}",
    )
    for _ in range(LIMIT):
        with pytest.raises(NotAdmitted if cover < NOW_S else WrongScope):
            gate.admit(guess)
    with pytest.raises(TooManyAttempts):
        gate.admit(guess)


@given(
    st.none() | st.text(st.characters(max_codepoint=255)),
    st.none() | st.text(),
    st.none() | st.text(),
    st.text(),
)
def test_whatever_is_presented_is_refused_by_a_refusal(
    gate: Gate, authorization: str | None, token: str | None, expires: str | None, path: str
) -> None:
    request = Asked(path, "203.0.113.1", Scope.VIEW, authorization, token, expires)
    with pytest.raises(Refusal):
        gate.admit(request)


def test_the_request_does_not_show_its_secrets() -> None:
    request = dataclasses.replace(signed(NOW_S), authorization=bearer(TOKEN))
    assert TOKEN not in repr(request)
    assert str(request.token) not in repr(request)
