"""What goes wrong, as it is answered: problem documents of RFC 9457, each with an example."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from services.api.openapi.parts import Json, body, header, ref, response

__all__ = [
    "PROBLEM",
    "WITHOUT_CREDENTIALS",
    "bad_parameters",
    "failed",
    "headers",
    "no_frame",
    "not_delimited",
    "nothing_there",
    "problem",
    "range_not_satisfiable",
    "refusals",
    "too_many_variants",
    "unknown_camera",
]

_UNAVAILABLE: Final = (
    "No frame: the camera is gone and the attach timeout is over, its source gives none in time, "
    "or the server shuts down."
)


def problem(
    status: HTTPStatus,
    when: str,
    detail: str,
    headers: tuple[str, ...] = ("Cache-Control",),
    **more: object,
) -> Json:
    """One such answer.

    Args:
        status: Its code.
        when: It is given.
        detail: Of the example, a sentence.
        headers: Names of components.
        more: Further members of the example.
    """
    example = {"type": "about:blank", "title": status.phrase, "status": status.value}
    content = body(
        "application/problem+json", ref("schemas", "Problem"), {**example, "detail": detail, **more}
    )
    return response(when, content, headers)


def bad_parameters() -> Json:
    """A value outside its range."""
    return problem(
        HTTPStatus.BAD_REQUEST,
        "A parameter is outside its range; every wrong one is named, with what is allowed.",
        "quality='101' is not a whole number from 1 to 100, or auto",
        parameters=[
            {"name": "quality", "value": "101", "allowed": "a whole number from 1 to 100, or auto"}
        ],
    )


def unknown_camera(cameras: list[str]) -> Json:
    """No such camera."""
    return problem(
        HTTPStatus.NOT_FOUND,
        "There is no such camera.",
        f"There is no camera 'attic'. Known cameras: {', '.join(cameras)}.",
        cameras=cameras,
    )


def nothing_there() -> Json:
    """No such file."""
    return problem(
        HTTPStatus.NOT_FOUND,
        "There is no such file.",
        "There is nothing at /static/page.txt. Known cameras: video.",
        cameras=["video"],
    )


def range_not_satisfiable() -> Json:
    """Bytes behind the end of a file."""
    return problem(
        HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
        "The file has no such range.",
        "The server cannot provide the requested range.",
    )


def no_frame(also: str = "") -> Json:
    """Nothing to be shown now."""
    return problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        f"{_UNAVAILABLE} {also}".strip(),
        "Video Module is not running. Start it with: python -m services.video",
        ("Cache-Control", "Retry-After"),
        why="the Video Module has died",
    )


def too_many_variants(*, guarded: bool) -> Json:
    """So many sizes and qualities are watched that there is no room for one more."""
    also = " Or wrong credentials were sent again and again." if guarded else ""
    return problem(
        HTTPStatus.TOO_MANY_REQUESTS,
        f"As many sizes and qualities are streamed as api.limits.max_variants allows.{also}",
        "?quality=31 is one size or quality too many: 16 are watched already, as many as "
        "api.limits.max_variants allows for a camera and worker. Ask for one of those, for none, "
        "or for quality=auto.",
        ("Cache-Control", "Retry-After"),
        variants=["?quality=30", "?width=640"],
        setting="api.limits.max_variants",
    )


def failed() -> Json:
    """The picture cannot be encoded."""
    return problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "This frame cannot be encoded, such as a damaged JPEG of the camera.",
        "stream generation error",
        why="frame 17: cannot be decoded",
    )


def not_delimited() -> Json:
    """The server in front of the application keeps no stream open-ended."""
    return problem(
        HTTPStatus.HTTP_VERSION_NOT_SUPPORTED,
        "The stream would go out in chunks. Streams are answered as HTTP/1.0, whatever was asked.",
        "A stream is only given as HTTP/1.0. Ask for it so, by its usual address.",
    )


def refusals() -> dict[str, Json]:
    """What any address may answer before it is even looked at, by name of the component."""
    found = {
        "401": problem(
            HTTPStatus.UNAUTHORIZED,
            "No credentials, or wrong ones, or a signed address whose time is over.",
            "Credentials are needed: a bearer token, or user and password.",
            ("Cache-Control", "WWW-Authenticate"),
        ),
        "403": problem(
            HTTPStatus.FORBIDDEN,
            "The credentials are right, but for something else.",
            "This credential is not for what was asked.",
        ),
        "405": problem(
            HTTPStatus.METHOD_NOT_ALLOWED,
            "Another method than GET, HEAD and OPTIONS.",
            "Nothing here can be changed: there is GET, HEAD and OPTIONS.",
            ("Cache-Control", "Allow"),
        ),
        "411": problem(
            HTTPStatus.LENGTH_REQUIRED,
            "The request has a body of no stated length.",
            "Nothing here takes a body: send none.",
        ),
        "413": problem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            "The request has a body that is too large: none is needed.",
            "Nothing here takes a body, least of all one of more than 65536 bytes.",
        ),
        "421": problem(
            HTTPStatus.MISDIRECTED_REQUEST,
            "The Host is none of api.http.allowed_hosts.",
            "This server is not asked as 'evil.example'. Names it is to answer to stand in the "
            "setting api.http.allowed_hosts (RINGCAST_API__HTTP__ALLOWED_HOSTS).",
        ),
        "429": problem(
            HTTPStatus.TOO_MANY_REQUESTS,
            "Wrong credentials were sent again and again.",
            "Too many wrong credentials from this address. Right ones are taken at any time.",
            ("Cache-Control", "Retry-After"),
        ),
    }
    return {f"Refused{status}": described for status, described in found.items()}


WITHOUT_CREDENTIALS: Final = ("Refused405", "Refused411", "Refused413", "Refused421")
"""Those of ``refusals`` that have nothing to do with who asks."""

PROBLEM: Final[Json] = {
    "type": "object",
    "description": "RFC 9457. Some problems have further members, such as parameters or cameras.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "description": "Always about:blank: the status says the kind."},
        "title": {"type": "string", "description": "The status in words."},
        "status": {"type": "integer", "description": "The status code."},
        "detail": {"type": "string", "description": "What went wrong and what to do, a sentence."},
        "why": {"type": "string", "description": "What was found, for operators."},
        "setting": {"type": "string", "description": "The setting that is in the way."},
        "limit": {"type": "integer", "description": "Its value."},
        "cameras": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Those there are, where another one was asked for.",
        },
        "variants": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Those that are being watched.",
        },
        "mosaics": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Those that are being composed, as query strings.",
        },
        "parameters": {
            "type": "array",
            "description": "Every parameter that is wrong.",
            "items": {
                "type": "object",
                "required": ["name", "value", "allowed"],
                "properties": {
                    "name": {"type": "string"},
                    "value": {"type": "string"},
                    "allowed": {"type": "string"},
                },
            },
        },
    },
}


def headers(*, guarded: bool) -> dict[str, Json]:
    """The header fields of these answers, by name of the component.

    Args:
        guarded: Whether credentials are needed.
    """
    text: Json = {"type": "string"}
    found = {
        "Cache-Control": header("Live answers are kept by nobody: no-store.", text),
        "Retry-After": header(
            "When to ask again, seconds.", {"type": "string", "pattern": "^[0-9]+$"}
        ),
        "Allow": header("The methods there are.", text),
    }
    if guarded:
        challenge = header("How credentials may be sent: Basic and Bearer.", text)
        found["WWW-Authenticate"] = challenge
    return found
