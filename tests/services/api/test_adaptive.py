"""The governor against clients of a given bandwidth; no sockets, no clock. Then real fan-outs."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.adaptive import Adaptation, Governor
from services.api.camera import Camera
from services.api.ladder import ladder
from services.api.variant import Variant
from services.api.watched import TooManyVariants
from tests.support.greenlets import turns_until
from tests.support.notes import Notes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from services.api.encoder import Encoder
    from shared.frame import FrameInfo
    from shared.naming import SegmentPaths
    from shared.settings import Settings

SHARES: Final = (1.0, 0.62, 0.25, 0.13, 0.05, 0.03)
"""Bytes of each step, as a share of the best one's."""


class Client:
    """A client that can take so much of what the best step needs: misses what comes too early."""

    def __init__(self, room: Callable[[float], float], fps: float = 30.0) -> None:
        self.governor = Governor(len(SHARES), 0.0)
        self.room = room
        self.fps = fps
        self.now = 0.0
        self.steps: list[int] = []
        self.sent: list[float] = []
        self._busy_until = 0.0

    def watch(self, seconds: float) -> None:
        """Offer it frames."""
        for _ in range(round(seconds * self.fps)):
            self.now += 1 / self.fps
            missed = self.now < self._busy_until
            if not missed:
                share = SHARES[self.governor.step]
                self._busy_until = self.now + share / self.room(self.now) / self.fps - 1e-9
                self.sent.append(self.now)
            self.governor.note(self.now, missed=missed)
            self.steps.append(self.governor.step)

    def rate(self, last_s: float) -> float:
        """Frames per second of late."""
        return sum(at > self.now - last_s for at in self.sent) / last_s


def test_client_that_follows_stays_on_the_best_step() -> None:
    client = Client(lambda _: 2.0)
    client.watch(120)
    assert set(client.steps) == {0}


def test_client_with_a_third_of_the_room_goes_down_soon_and_gets_all_frames() -> None:
    client = Client(lambda _: 1 / 3)
    client.watch(4)
    assert client.governor.step == 2
    client.watch(60)
    assert client.rate(60) >= 25, "probing must not cost much"


@pytest.mark.parametrize("room", [0.9, 0.5, 0.3, 0.2, 0.1, 0.04])
def test_each_client_ends_up_where_it_gets_three_quarters_of_its_frames(room: float) -> None:
    client = Client(lambda _: room)
    client.watch(300)
    assert client.rate(60) >= 20


def test_client_goes_up_again_when_it_can() -> None:
    client = Client(lambda now: 0.1 if now < 30 else 2.0)
    client.watch(30)
    assert client.governor.step >= 3
    client.watch(120)
    assert client.governor.step == 0


def test_probes_that_fail_become_rare() -> None:
    client = Client(lambda _: 1 / 3)
    client.watch(600)
    late = client.steps[-300 * 30 :]
    probes = sum(after < before for before, after in itertools.pairwise(late))
    assert 1 <= probes <= 6


def test_probe_that_holds_makes_the_next_one_come_soon_again() -> None:
    client = Client(lambda now: 1 / 3 if now < 300 else 0.8)
    client.watch(300)
    assert client.governor.quiet_s == 64
    quiets = []
    for _ in range(100):
        client.watch(1)
        quiets.append(client.governor.quiet_s)
    assert client.governor.step <= 1
    assert min(quiets) == 4


def test_short_hiccup_moves_nobody() -> None:
    client = Client(lambda now: 0.2 if 20 < now < 20.1 else 2.0)
    client.watch(60)
    assert set(client.steps) == {0}


def test_few_frames_per_second_are_judged_by_more_time() -> None:
    client = Client(lambda _: 0.2, fps=2.0)
    client.watch(2)
    assert client.governor.step == 0
    client.watch(20)
    assert client.governor.step > 0


def test_client_that_takes_nothing_ends_on_the_lowest_step() -> None:
    governor = Governor(3, 0.0)
    moves = [governor.note(number / 30, missed=True) for number in range(300)]
    assert governor.step == 2
    assert sum(moves) == 1, "two steps at once, then no further"


def test_ladder_of_one_step_is_never_left() -> None:
    governor = Governor(1, 0.0)
    assert not any(governor.note(number / 30, missed=number % 2 == 0) for number in range(900))
    assert governor.step == 0


@given(st.lists(st.tuples(st.floats(0.001, 2.0), st.booleans()), max_size=300), st.integers(1, 6))
def test_step_is_always_one_of_the_ladder_and_moves_are_said(
    frames: list[tuple[float, bool]], steps: int
) -> None:
    governor = Governor(steps, 0.0)
    now = 0.0
    for gap, missed in frames:
        before = governor.step
        now += gap
        assert governor.note(now, missed=missed) == (governor.step != before)
        assert 0 <= governor.step < steps
        assert 4 <= governor.quiet_s <= 64


def test_move_leaves_one_fan_out_and_joins_another(
    paths: SegmentPaths, settings: Settings, encoder: Encoder, write: Callable[..., FrameInfo]
) -> None:
    camera = Camera("video", paths, settings, encoder, lambda: False)
    write()
    camera.start()
    steps = ladder(Variant(85), 1)
    adaptation = Adaptation(camera, steps, 0.0)
    stream = Notes()
    stream.adaptation = adaptation
    adaptation.follow(stream)
    turns_until(lambda: len(stream.seen) == 1, "the first frame")
    assert camera.status()["auto"] == {"q85p": 1}
    adaptation.follow(stream)
    assert camera.clients() == 1, "to follow where it is already changes nothing"
    for number in range(60):
        adaptation.note(number / 30, missed=True)
    assert adaptation.step == 2
    adaptation.follow(stream)
    write()
    turns_until(lambda: len(stream.seen) == 2, "a frame of the lower step")
    assert [jpeg.quality for jpeg in stream.seen] == [85, 55]
    assert camera.status()["auto"] == {"q55w1280h1280": 1}
    adaptation.leave(stream)
    adaptation.leave(stream)
    assert camera.clients() == 0
    camera.stop()


@pytest.fixture
def narrow(paths: SegmentPaths, settings: Settings, encoder: Encoder) -> Iterator[Camera]:
    """A camera of which one variant may be watched beside the default one."""
    limits = settings.api.limits.model_copy(update={"max_variants": 1})
    api = settings.api.model_copy(update={"limits": limits})
    camera = Camera(
        "video", paths, settings.model_copy(update={"api": api}), encoder, lambda: False
    )
    yield camera
    camera.stop()


def too_slow(adaptation: Adaptation, since_s: float = 0.0) -> None:
    """Have a client miss so much for two seconds that it is to go down."""
    for number in range(60):
        adaptation.note(since_s + number / 30, missed=True)


def test_step_that_would_be_a_variant_too_many_is_not_taken(
    narrow: Camera, write: Callable[..., FrameInfo]
) -> None:
    write()
    narrow.start()
    steps = ladder(Variant(85), 1)
    other = Variant(12, passthrough=False)
    assert narrow.watched.begin(other)
    adaptation, stream = Adaptation(narrow, steps, 0.0), Notes()
    too_slow(adaptation)
    adaptation.follow(stream)
    assert (adaptation.step, adaptation.variant) == (0, steps[0]), "it stays"
    narrow.watched.end(other)
    too_slow(adaptation, 10.0)
    adaptation.follow(stream)
    assert adaptation.step > 0, "as soon as there is room it goes"
    too_slow(adaptation, 20.0)
    adaptation.follow(stream)
    assert adaptation.step > 2, "and further: its own step is free when it leaves"
    adaptation.leave(stream)
    adaptation.close()
    adaptation.close()
    assert narrow.watched.begin(other)


def test_lower_step_that_is_watched_is_taken_instead(
    narrow: Camera, write: Callable[..., FrameInfo]
) -> None:
    write()
    narrow.start()
    steps = ladder(Variant(85), 1)
    assert narrow.watched.begin(steps[4])
    adaptation, stream = Adaptation(narrow, steps, 0.0), Notes()
    too_slow(adaptation)
    adaptation.follow(stream)
    assert adaptation.variant == steps[4]
    adaptation.leave(stream)


def test_auto_with_a_size_of_its_own_may_find_no_step_at_all(narrow: Camera) -> None:
    assert narrow.watched.begin(Variant(12, passthrough=False))
    with pytest.raises(TooManyVariants, match="width=320"):
        Adaptation(narrow, ladder(Variant(85, width=320), 1), 0.0)
    assert Adaptation(narrow, ladder(Variant(85), 1), 0.0).step == 0
