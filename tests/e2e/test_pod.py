"""Kubernetes pods really run: two plain containers, a third that looks on, a relay of the first.

What is played is deploy/kubernetes, but for what ``tests/support/playable.py`` states. Needs root,
Debian's podman, and a Docker engine to build the images: ``tests/e2e/docker/engine.sh up``.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Final

import psutil
import pytest

from tests.e2e.docker.podman import pod_running, podman_with
from tests.e2e.docker.stack import IMAGES, build_images, run
from tests.e2e.test_containers import check_picture, wait_for_another_epoch
from tests.support.manifests import containers, documents, quantity_bytes
from tests.support.mjpeg_client import EndOfStream, MjpegClient
from tests.support.processes import wait_until
from tests.support.secrets import FILE, VIEW

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.docker.podman import Pod, Podman
    from tests.support.mjpeg_client import Part

pytestmark = [
    pytest.mark.docker,
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.timeout(240),
]

VISION: Final = "ringcast-vision:e2e"
PLAYED: Final = {
    "ringcast-video:dev": f"localhost/{IMAGES['VIDEO_IMAGE']}",
    "ringcast-api:dev": f"localhost/{IMAGES['API_IMAGE']}",
    "ringcast-vision:dev": f"localhost/{VISION}",
}
HELD: Final = {("ringcast", "credentials"): FILE, ("ringcast-relay", "token"): VIEW}
STREAM: Final = "/stream/video"
LOOK_S: Final = 60.0
"""Watchdog: the test pattern crosses the detector's threshold every few seconds."""
SHOWN: Final = {"Authorization": f"Bearer {VIEW}"}


@pytest.fixture(scope="module")
def podman() -> Iterator[Podman]:
    """Podman with the images of video, API and the vision module."""
    built = build_images()
    dockerfile = "deploy/kubernetes/overlays/vision/Dockerfile"
    base = f"VIDEO_IMAGE={built['video']}"
    run(["docker", "build", "-f", dockerfile, "--build-arg", base, "-t", VISION, "examples"])
    with podman_with([*built.values(), VISION]) as it:
        yield it


@pytest.fixture(scope="module")
def pod(podman: Podman) -> Iterator[Pod]:
    """The pod, streaming."""
    with pod_running(podman, documents("plain-pod"), PLAYED, HELD) as it:
        yield it


def watch(pod: Pod) -> MjpegClient:
    return MjpegClient(pod.address + STREAM, headers=SHOWN)


def rising(parts: list[Part]) -> bool:
    numbers = [part.number for part in parts]
    return numbers == sorted(set(numbers))


def test_it_streams_through_the_published_port(pod: Pod) -> None:
    with watch(pod) as client:
        parts = list(client.parts(60))
    for part in parts:
        check_picture(part)
    assert rising(parts)
    assert len({part.epoch for part in parts}) == 1


def test_a_stranger_sees_nothing(pod: Pod) -> None:
    assert pod.answers(STREAM) == pod.answers("/") == 401


@pytest.mark.parametrize("service", ["video", "api"])
def test_containers_may_do_nothing_they_need_not(pod: Pod, service: str) -> None:
    facts = pod.inspect(service)
    assert facts["HostConfig"]["ReadonlyRootfs"] is True
    assert facts["HostConfig"]["Privileged"] is False
    limit = containers(documents("plain-pod"))[service]["resources"]["limits"]["memory"]
    assert facts["HostConfig"]["Memory"] == quantity_bytes(limit)
    status = pod.run_in(service, "cat", "/proc/1/status")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert fields["Uid"].split() == fields["Gid"].split() == ["10001"] * 4
    assert int(fields["CapEff"], 16) == int(fields["CapBnd"], 16) == 0
    assert fields["NoNewPrivs"] == "1"
    assert fields["Seccomp"] == "2"
    with pytest.raises(AssertionError, match="Read-only file system"):
        pod.run_in(service, "touch", "/app/written")


def shared_pages_bytes(pod: Pod, service: str) -> int:
    """Pages of shared memory that count as a container's, by its own control group."""
    places = "/sys/fs/cgroup/memory/memory.stat", "/sys/fs/cgroup/memory.stat"
    program = (
        "import pathlib\n"
        f"text = next(p for p in map(pathlib.Path, {places}) if p.exists()).read_text()\n"
        "print(dict(line.split() for line in text.splitlines())['shmem'])"
    )
    return int(pod.run_in(service, "python", "-c", program))


def test_ring_counts_into_the_memory_of_the_container_that_writes_it(pod: Pod) -> None:
    """What the limits in deploy/kubernetes are computed on."""
    ring_bytes = 8 * 1920 * 1080 * 3
    assert shared_pages_bytes(pod, "video") >= ring_bytes
    assert shared_pages_bytes(pod, "api") < ring_bytes


def test_probes_know_fresh_from_stale(pod: Pod) -> None:
    every = containers(documents("plain-pod"))
    alive = every["video"]["livenessProbe"]["exec"]["command"]
    assert every["video"]["startupProbe"]["exec"]["command"] == alive
    fresh = every["api"]["readinessProbe"]["httpGet"]["path"]
    process_only = every["api"]["livenessProbe"]["httpGet"]["path"]
    pod.run_in("video", *alive)
    assert pod.answers(fresh) == pod.answers(process_only) == 200
    pod.signal("video", signal.SIGSTOP)
    try:
        with pytest.raises(AssertionError, match="the Video Module hangs"):
            # Only its first process stands still; this is another one.
            pod.run_in("video", *alive)
        wait_until(lambda: pod.answers(fresh) == 503, "to be told that frames are stale")
        assert pod.answers(process_only) == 200
    finally:
        pod.signal("video", signal.SIGCONT)
    wait_until(lambda: pod.answers(fresh) == 200, "fresh frames again")
    pod.run_in("video", *alive)


def test_open_stream_resumes_after_video_was_killed(pod: Pod) -> None:
    api, restarts = pod.pid("api"), pod.inspect("video")["RestartCount"]
    with watch(pod) as client:
        before = list(client.parts(10))[-1]
        pod.crash("video")
        after = wait_for_another_epoch(client, before.epoch)
        check_picture(after)
        parts = [after, *client.parts(30)]
    for part in parts:
        check_picture(part)
    assert rising(parts)
    assert {part.epoch for part in parts} == {after.epoch}
    assert pod.inspect("video")["RestartCount"] == restarts + 1
    assert pod.pid("api") == api, "the same process all the time"


def test_api_that_was_killed_comes_back_to_the_same_ring(pod: Pod) -> None:
    video = pod.pid("video")
    with watch(pod) as client:
        before = list(client.parts(10))[-1]
        pod.crash("api")
        with pytest.raises(EndOfStream) as ended:
            list(client.parts())
        assert not ended.value.clean
    wait_until(lambda: pod.answers("/readyz") == 200, "the API again")
    with watch(pod) as client:
        parts = list(client.parts(20))
    for part in parts:
        check_picture(part)
    assert rising([before, *parts])
    assert {part.epoch for part in parts} == {before.epoch}
    assert pod.pid("video") == video


def test_both_end_by_themselves_and_down_leaves_nothing(podman: Podman) -> None:
    with pod_running(podman, documents("plain-pod"), PLAYED, HELD) as pod:
        assert "billiards_video.ring" in pod.left_in_memory()
        processes = [psutil.Process(pod.pid(service)) for service in ("video", "api")]
        with watch(pod) as client:
            list(client.parts(3))
            # 137 would be SIGKILL: the grace period was over.
            assert pod.stop("api") == 0
            with pytest.raises(EndOfStream) as ended:
                list(client.parts())
            assert ended.value.clean, "with the closing boundary"
        assert pod.stop("video") == 0, "last, as a sidecar"
        assert pod.left_in_memory() == []
        pod.down()
        assert pod.left() == []
        assert pod.answers("/healthz") == 0
        assert not any(process.is_running() for process in processes)


def test_vision_module_reads_the_ring_of_the_pod(podman: Podman) -> None:
    with pod_running(podman, documents("vision"), PLAYED, HELD) as pod:
        wait_until(lambda: "watching pattern://" in pod.said("vision"), "the vision module")
        wait_until(lambda: "motion (" in pod.said("vision"), "motion to be seen", LOOK_S)
        said = len(pod.said("vision"))
        pod.crash("video")
        wait_until(lambda: "\nframe " in pod.said("vision")[said - 1 :], "more to be seen", LOOK_S)
        assert pod.inspect("vision")["RestartCount"] == 0
        with pytest.raises(AssertionError, match="Read-only file system"):
            pod.run_in("vision", "touch", "/dev/shm/written")  # noqa: S108


def test_relay_pod_passes_on_what_its_origin_encodes(podman: Podman, pod: Pod) -> None:
    with (
        pod_running(podman, documents("relay"), PLAYED, HELD, pod.network_address()) as relay,
        watch(pod) as at_origin,
        watch(relay) as at_relay,
    ):
        originals = {(part.epoch, part.number): part.jpeg for part in at_origin.parts(60)}
        assert len(at_relay.headers["x-hops"].split(",")) == 2
        passed_on = [part for part in at_relay.parts(30) if part.online]
        assert rising(passed_on)
        common = [part for part in passed_on if (part.epoch, part.number) in originals]
        assert common, "the origin's numbers"
        for part in common:
            assert part.jpeg == originals[part.epoch, part.number]
            check_picture(part)
