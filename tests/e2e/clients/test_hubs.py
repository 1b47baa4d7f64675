"""What Home Assistant, OctoPrint, Moonraker and Frigate are told in docs/clients.md.

None of them is run here: tests do with those settings what they do.
"""

from __future__ import annotations

import configparser
import itertools
import re
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import jinja2
import numpy as np
import pytest
import requests
import yaml

from tests.support.mjpeg_client import MjpegClient
from tests.support.nginx import Nginx
from tests.support.recipes import assert_pattern_colors, program, recipe, sequences
from tests.support.streams import assert_telling, picture

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.support.processes import Api, Services

pytestmark = [pytest.mark.process, pytest.mark.e2e]

MIGRATION: Final = (Path(__file__).parents[3] / "docs" / "migration.md").read_text(encoding="utf-8")
FRIGATE_MJPEG: Final = [
    *("-avoid_negative_ts", "make_zero", "-fflags", "nobuffer", "-flags", "low_delay"),
    *("-strict", "experimental", "-fflags", "+genpts+discardcorrupt"),
    *("-use_wallclock_as_timestamps", "1"),
]
"""What ``preset-http-mjpeg-generic`` stands for in Frigate 0.18, but for the user agent."""


def first_jpeg(chunks: Iterable[bytes]) -> bytes:
    """The picture Home Assistant finds: from the first FFD8 to the first FFD9, wherever."""
    seen = b""
    for chunk in chunks:
        seen += chunk
        start, end = seen.find(b"\xff\xd8"), seen.find(b"\xff\xd9")
        if start >= 0 and end >= 0:
            return seen[start : end + 2]
    raise AssertionError("the stream ended without a picture")


def test_home_assistant_finds_the_picture(running: Api) -> None:
    camera = yaml.safe_load(recipe("home-assistant-mjpeg", running.url))
    assert set(camera) == {"mjpeg_url", "still_image_url", "verify_ssl"}
    still = requests.get(camera["still_image_url"], timeout=10)
    assert still.headers["Content-Type"] == "image/jpeg"
    with requests.get(camera["mjpeg_url"], stream=True, timeout=10) as stream:
        live = first_jpeg(stream.iter_content(102400))
    for jpeg in (still.content, live):
        assert_pattern_colors(picture(jpeg))
        assert len(sequences([picture(jpeg)])) == 1


def test_home_assistant_has_the_state_of_the_camera(running: Api) -> None:
    (rest,) = yaml.safe_load(recipe("home-assistant-rest", running.url))["rest"]
    status = requests.get(rest["resource"], timeout=10).json()
    (online,), (fps,) = rest["binary_sensor"], rest["sensor"]
    values = [
        jinja2.Template(sensor["value_template"]).render(value_json=status)
        for sensor in (online, fps)
    ]
    assert values[0] == "True"
    assert 25 < float(values[1]) < 35


def test_octoprint_takes_snapshots_newer_than_its_request(running: Api) -> None:
    webcam = yaml.safe_load(recipe("octoprint", running.url))["plugins"]["classicwebcam"]
    for _ in range(3):
        asked = time.time()
        snapshot = requests.get(webcam["snapshot"], stream=True, timeout=webcam["snapshotTimeout"])
        snapshot.raise_for_status()
        jpeg = b"".join(snapshot.iter_content(chunk_size=1024))
        assert float(snapshot.headers["X-Timestamp"]) >= asked - 0.005
        assert_pattern_colors(picture(jpeg))
    with MjpegClient(webcam["stream"]) as stream:
        assert_telling(stream.next_part())


def test_moonraker_hands_out_addresses_that_work(running: Api) -> None:
    file = configparser.ConfigParser()
    file.read_string(recipe("moonraker", running.url))
    webcam = file["webcam ringcast"]
    assert webcam["service"] == "mjpegstreamer-adaptive"
    numbers = [
        int(requests.get(webcam["snapshot_url"], timeout=5).headers["X-Frame-Number"])
        for _ in range(3)
    ]
    assert all(later > earlier for earlier, later in itertools.pairwise(numbers))
    with MjpegClient(webcam["stream_url"]) as stream:
        assert_telling(stream.next_part())


PRINTER: Final = """
location /webcam/ {
    postpone_output 0;
    proxy_buffering off;
    proxy_ignore_headers X-Accel-Buffering;
    proxy_pass http://mjpgstreamer1/;
}
"""
"""As nginx is set up on MainsailOS; it asks under the name of its upstream."""


def test_printers_nginx_goes_on_to_work(service: Services, tmp_path: Path) -> None:
    (line,) = re.findall(r"^RINGCAST_API__PORT=8080 (.*) make run$", MIGRATION, re.MULTILINE)
    service.variables = dict([line.split("=")])
    api = service.both()
    upstream = f"upstream mjpgstreamer1 {{ ip_hash; server {urlsplit(api.url).netloc}; }}"
    with Nginx(tmp_path, PRINTER, upstreams=upstream) as nginx:
        snapshot = requests.get(f"{nginx.url}/webcam/?action=snapshot", timeout=5)
        snapshot.raise_for_status()
        assert_pattern_colors(picture(snapshot.content))
        with requests.get(f"{nginx.url}/webcam/?action=stream", stream=True, timeout=5) as stream:
            assert_pattern_colors(picture(first_jpeg(stream.iter_content(1024))))


@pytest.mark.parametrize("role", ["record", "detect"])
def test_frigate_decodes_each_of_its_inputs(running: Api, role: str) -> None:
    camera = yaml.safe_load(recipe("frigate", running.url))["cameras"]["ringcast"]
    assert camera["ffmpeg"]["input_args"] == "preset-http-mjpeg-generic"
    (path,) = (put["path"] for put in camera["ffmpeg"]["inputs"] if put["roles"] == [role])
    detect = camera["detect"]
    width, height, fps = detect["width"], detect["height"], detect["fps"]
    command = [program("ffmpeg"), "-loglevel", "error", *FRIGATE_MJPEG, "-i", path]
    command += ["-vf", f"fps={fps},scale={width}:{height}", "-frames:v", "3"]
    command += ["-f", "rawvideo", "-pix_fmt", "bgr24", "-"]
    done = subprocess.run(command, capture_output=True, check=True, timeout=50)
    images = np.frombuffer(done.stdout, np.uint8).reshape(-1, height, width, 3)
    assert len(images) == 3
    assert_pattern_colors(images[-1])
