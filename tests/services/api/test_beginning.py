from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from services.api.beginning import log_begin, urls
from shared.settings import load_settings
from shared.version import version

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_addresses_are_spelt_as_a_browser_takes_them() -> None:
    listening = [("127.0.0.1", 8000), ("::1", 8000, 0, 0), "/run/api.sock"]
    assert urls(listening, secure=False) == [
        "http://127.0.0.1:8000/",
        "http://[::1]:8000/",
        "unix:/run/api.sock",
    ]
    assert urls(listening[:1], secure=True) == ["https://127.0.0.1:8000/"]


def test_the_block_says_what_runs_here(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = tmp_path / "config.json"
    config.write_text("{}", encoding="utf-8")
    environ = {
        "RINGCAST_VIDEO__USE_SHARED_MEMORY": "true",
        "RINGCAST_CAMERAS": '{"video": {}, "door": {"shared_memory_name": "door_ring"}}',
        "RINGCAST_API__AUTH__TOKEN": "token-0f-everything",
        "RINGCAST_API__LIMITS__MAX_STREAMS_PER_ADDRESS": "3",
    }
    caplog.set_level(logging.INFO)
    log_begin(load_settings(config, environ), [("0.0.0.0", 80)], 2)  # noqa: S104 - not bound
    record: Any = caplog.records[-1]
    assert record.getMessage() == "the API starts"
    assert record.start == {
        "version": version(),
        "url": "http://0.0.0.0:80/",
        "workers": 2,
        "cameras": "video (ring billiards_video), door (ring door_ring)",
        "authentication": "on (api.auth.mode=auto)",
        "streams": "at most 1000, 3 per address",
        "variants": "at most 16 per camera",
    }


def test_the_block_says_where_cameras_are_found(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = tmp_path / "config.json"
    config.write_text("{}", encoding="utf-8")
    environ = {
        "RINGCAST_VIDEO__USE_SHARED_MEMORY": "true",
        "RINGCAST_API__DISCOVER_CAMERAS": "true",
    }
    caplog.set_level(logging.INFO)
    log_begin(load_settings(config, environ), [("127.0.0.1", 80)], 2)
    record: Any = caplog.records[-1]
    assert record.start["cameras"] == (
        "video (ring billiards_video), and what is found in /dev/shm"
    )
