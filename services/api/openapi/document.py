"""The description as a whole; what is in it stands in the modules beside this one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.api.access.exposure import is_on
from services.api.openapi import compat, mosaic, parameters, pictures, problems, site, status

if TYPE_CHECKING:
    from services.api.openapi.parts import Json
    from shared.settings import Settings

__all__ = ["describe"]

_ABOUT: Final = """\
Live pictures of one or more cameras, as MJPEG streams and single frames, and the numbers to them.

Every address takes GET, HEAD and OPTIONS. Parameters nobody knows are ignored. Errors are problem \
documents (RFC 9457) that say what is wrong and what is allowed.

Ranges and cameras are those of the settings in force.
"""
_POLICY: Final = """\
Addresses, parameters, headers and fields that stand here stay as they are within a major version; \
new ones may come with any release, so ignore what you do not know. The sentences of problem \
documents are for people and may change. What is to go is first marked as deprecated here, and \
answers then carry Deprecation (RFC 9745) and Sunset (RFC 8594) for at least one minor release. \
Nothing is deprecated now: /stream/video/shm and its like are no old names but stay, for they mean \
the Video Module's ring whatever video.use_shared_memory says.
"""
_GUARDED: Final = """\
Credentials are needed: a bearer token, user and password, or a signed address. Each opens what \
its scope does: view the pictures and pages, metrics the numbers, admin everything.
"""
_OPEN: Final = "No credentials are needed: api.auth is off.\n"

_TAGS: Final = {
    "streams": "Endless pictures.",
    "frames": "One picture at a time.",
    "compatibility": "What clients of mjpg-streamer and µStreamer ask for.",
    "numbers": "How cameras and clients fare.",
    "health": "For whoever watches over the service.",
    "pages": "For people, and what the pages need.",
}
_SCHEMES: Final[dict[str, Json]] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token of the setting api.auth.token or of the credentials file.",
    },
    "basic": {
        "type": "http",
        "scheme": "basic",
        "description": "User and password of the credentials file; or any user, and a token.",
    },
    "signed": {
        "type": "apiKey",
        "in": "query",
        "name": "token",
        "description": "A signed address, for clients that send no credential: token and expires "
        "are made by python -m services.api.url and open this one path until then.",
    },
}
_READINESS: Final[Json] = {
    "type": "object",
    "description": "A stranger gets the status only.",
    "required": ["status"],
    "properties": {
        "status": {"type": "string", "enum": ["ready", "not ready", "shutting down"]},
        **{
            name: status.STATUS["properties"][name]
            for name in ("camera", "online", "condition", "reason", "advice", "age_ms")
        },
    },
}


def describe(settings: Settings, version: str) -> Json:
    """Make the document.

    Args:
        settings: In force: ranges, cameras, whether credentials are needed.
        version: Of this release.
    """
    guarded = is_on(settings.api.auth)
    operations = (
        pictures.operations(settings, guarded=guarded)
        | mosaic.operations(settings, guarded=guarded)
        | compat.operations(guarded=guarded)
        | site.operations(settings, guarded=guarded)
    )
    refusals = problems.refusals()
    if not guarded:
        refusals = {name: refusals[name] for name in problems.WITHOUT_CREDENTIALS}
    components: Json = {
        "schemas": {
            "Status": status.STATUS,
            "MosaicStatus": mosaic.STATUS,
            "Cameras": site.CAMERAS,
            "Clock": site.CLOCK,
            "Readiness": _READINESS,
            "State": compat.STATE,
            "Problem": problems.PROBLEM,
        },
        "parameters": parameters.parameters(settings)
        | mosaic.parameters(list(settings.camera_segments())),
        "headers": problems.headers(guarded=guarded) | pictures.headers(),
        "responses": refusals,
    }
    if guarded:
        components["securitySchemes"] = _SCHEMES
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Ringcast",
            "version": version,
            "summary": "Live pictures of cameras over HTTP.",
            "description": "\n".join((_ABOUT, _GUARDED if guarded else _OPEN, _POLICY)),
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/", "description": "Where this document came from."}],
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": {
            path: operation.document(guarded=guarded) for path, operation in operations.items()
        },
        "components": components,
    }
