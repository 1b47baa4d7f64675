from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.greenlets import let_run
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.testing import FlaskClient

    from shared.frame import FrameInfo


def test_process_is_healthy_without_any_camera(http: FlaskClient) -> None:
    answer = http.get("/healthz")
    assert (answer.status_code, answer.json) == (200, {"status": "ok"})


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
