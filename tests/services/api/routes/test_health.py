from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

from services.api.app import create_app
from tests.support.greenlets import let_run
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.testing import FlaskClient

    from shared.frame import FrameInfo
    from shared.settings import Settings


def test_process_is_healthy_without_any_camera(http: FlaskClient) -> None:
    answer = http.get("/healthz")
    assert (answer.status_code, answer.json) == (200, {"status": "ok"})


def test_server_that_shuts_down_is_not_ready_and_begins_no_stream(
    settings: Settings, write: Callable[..., FrameInfo]
) -> None:
    api = settings.api.model_copy(update={"drain_spread_sec": 60})
    app = create_app(settings.model_copy(update={"api": api}))
    cameras, http = app.extensions["ringcast"], app.test_client()
    cameras.start(SimpleNamespace(alive=True))
    write()

    def ready() -> bool:
        let_run(0.01)
        return http.get("/readyz").status_code == 200

    wait_until(ready, "frames", 10.0)
    cameras.lifecycle.leave()
    answer = http.get("/readyz")
    assert answer.json is not None
    assert (answer.status_code, answer.json["status"]) == (503, "shutting down")
    let_run(0.5)
    for path in ("/stream/video", "/stream/video/raw", "/?action=stream"):
        refused = http.get(path)
        assert refused.status_code == 503
        assert refused.headers["Retry-After"] == "1"
        assert "shutting down" in (refused.json or {})["detail"]
    assert http.get("/healthz").status_code == 200
    cameras.stop()


def test_readiness_follows_the_frames(http: FlaskClient, write: Callable[..., FrameInfo]) -> None:
    answer = http.get("/readyz")
    assert answer.status_code == 503
    assert "Retry-After" in answer.headers
    assert answer.json is not None
    assert answer.json["condition"] == "gone"
    write(online=False, reason="unplugged")

    def ready() -> bool:
        let_run(0.01)
        return http.get("/readyz").status_code == 200

    wait_until(ready, "frames", 10.0)
    answer = http.get("/readyz")
    assert answer.json is not None
    assert (answer.json["online"], answer.json["reason"]) == (False, "unplugged")
