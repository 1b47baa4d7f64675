"""Why a request is refused before anything is looked for: one class per answer.

No sentence here says what there is or is not behind the door.
"""

from __future__ import annotations

__all__ = ["NotAdmitted", "Refusal", "TooManyAttempts", "UnknownHost", "WrongScope"]


class Refusal(Exception):  # noqa: N818 - named after what it is
    """Base of those below; never raised itself."""


class UnknownHost(Refusal):
    """The request names a host that is not ours: 421."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"This server is not asked as {host!r}. Names it is to answer to stand in the setting "
            "api.http.allowed_hosts (RINGCAST_API__HTTP__ALLOWED_HOSTS)."
        )


class NotAdmitted(Refusal):
    """No credential, a wrong one, or one whose time is over: 401."""


class WrongScope(Refusal):
    """A right credential, for something else: 403."""

    def __init__(self) -> None:
        super().__init__("This credential is not for what was asked.")


class TooManyAttempts(Refusal):
    """Wrong credentials again and again from one address: 429.

    Attributes:
        retry_after_s: When wrong ones are counted anew.
    """

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(
            "Too many wrong credentials from this address. Right ones are taken at any time."
        )
        self.retry_after_s = retry_after_s
