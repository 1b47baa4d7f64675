"""Compose "isolated": a memory of the stack's own, and nothing of it on the host.

Needs a Docker engine: ``tests/e2e/docker/engine.sh up`` brings one.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import pytest

from tests.e2e.docker.stack import build_images, run, running_stack, stack_without_video
from tests.e2e.test_containers import ISOLATED, check_picture, wait_for_another_epoch
from tests.support.mjpeg_client import EndOfStream, MjpegClient, get
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.docker.stack import Stack

pytestmark = [
    pytest.mark.docker,
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.timeout(240),
]
