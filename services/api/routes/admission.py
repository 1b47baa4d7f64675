"""Before any address is looked for: whom we are asked as, how, and who asks.

A stranger gets the same answer whatever there is or is not: routing comes afterwards.
"""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from flask import Response, g, request

from services.api.access.gate import Asked
from services.api.access.refusals import NotAdmitted, TooManyAttempts, UnknownHost, WrongScope
from services.api.access.scopes import Scope
from services.api.routes import client_address, door
from services.api.routes.problems import problem

if TYPE_CHECKING:
    from flask import Flask

__all__ = ["granted", "register"]

_METHODS: Final = ("GET", "HEAD", "OPTIONS")
_OPEN: Final = Scope(0)
_NUMBERS: Final = Scope.VIEW | Scope.METRICS
_NEEDED: Final = {
    "page": Scope.VIEW,
    "streams": Scope.VIEW,
    "frames": Scope.VIEW,
    "raw": Scope.VIEW,
    "clock": Scope.VIEW,
    "status": _NUMBERS,
    "reference": _NUMBERS,
    "metrics": Scope.METRICS,
    "health": _OPEN,
    "websocket": Scope.VIEW,
    "compat": Scope.VIEW,
}
"""Scopes of which each would do, by blueprint; a new one is for admins until it stands here."""

_PENALTY_S: Final = 0.25
"""What each further wrong guess of an address costs the connection it comes by."""

_CHALLENGES: Final = ('Basic realm="ringcast", charset="UTF-8"', 'Bearer realm="ringcast"')


def register(app: Flask) -> None:
    """Have every request looked at first."""
    app.before_request(_admit)
    app.register_error_handler(UnknownHost, _unknown_host)
    app.register_error_handler(NotAdmitted, _not_admitted)
    app.register_error_handler(WrongScope, _wrong_scope)
    app.register_error_handler(TooManyAttempts, _too_many_attempts)


def granted() -> Scope:
    """What the client of the present request may; everything where nobody needs credentials."""
    scope: Scope = g.get("granted", Scope(0))
    return scope


def _admit() -> Response | None:
    """Answer what is not to go on; None lets it."""
    door().hosts.check(request.headers.get("Host"))
    if request.method not in _METHODS:
        detail = "Nothing here can be changed: there is GET, HEAD and OPTIONS."
        return problem(HTTPStatus.METHOD_NOT_ALLOWED, detail, {"Allow": ", ".join(_METHODS)})
    if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
        allowed = door().origins.preflight(request.headers.get("Origin"))
        if allowed is not None:
            return Response(status=HTTPStatus.NO_CONTENT, headers=allowed)
    gate = door().gate
    if gate is None:
        g.granted = Scope.ADMIN
    elif request.endpoint != "health.healthz":
        g.granted = gate.admit(
            Asked(
                path=request.path,
                address=client_address(),
                needed=_needed(),
                authorization=request.headers.get("Authorization"),
                token=request.args.get("token"),
                expires=request.args.get("expires"),
            )
        )
    return None


def _needed() -> Scope:
    if request.endpoint is None:  # nothing there: anybody who is known may be told so
        return _NUMBERS
    if request.endpoint == "static":
        return Scope.VIEW
    return _NEEDED.get(request.blueprint or "", Scope.ADMIN)


def _unknown_host(error: UnknownHost) -> Response:
    return problem(HTTPStatus.MISDIRECTED_REQUEST, str(error))


def _not_admitted(error: NotAdmitted) -> Response:
    response = problem(HTTPStatus.UNAUTHORIZED, str(error))
    for challenge in _CHALLENGES:
        response.headers.add("WWW-Authenticate", challenge)
    return response


def _wrong_scope(error: WrongScope) -> Response:
    return problem(HTTPStatus.FORBIDDEN, str(error))


def _too_many_attempts(error: TooManyAttempts) -> Response:
    time.sleep(_PENALTY_S)  # gevent's: nobody else waits
    headers = {"Retry-After": str(error.retry_after_s)}
    return problem(HTTPStatus.TOO_MANY_REQUESTS, str(error), headers)
