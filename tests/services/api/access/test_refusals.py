from __future__ import annotations

from services.api.access.refusals import Refusal, TooManyAttempts, UnknownHost, WrongScope


def test_an_unknown_host_is_told_the_setting() -> None:
    assert "'evil.example'" in str(UnknownHost("evil.example"))
    assert "api.http.allowed_hosts" in str(UnknownHost("evil.example"))


def test_refusals_say_nothing_of_what_there_is() -> None:
    for refusal in (WrongScope(), TooManyAttempts(5)):
        assert isinstance(refusal, Refusal)
        for word in ("camera", "stream", "view", "metrics", "admin"):
            assert word not in str(refusal)
    assert TooManyAttempts(5).retry_after_s == 5
