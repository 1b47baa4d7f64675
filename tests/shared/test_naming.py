"""One place knows what the files of a camera are called."""

from __future__ import annotations

import fnmatch
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.naming import (
    is_camera_name,
    ring_of_camera,
    segment_name,
    segment_paths,
    variant_paths,
    variants_left,
)

suffixes = st.from_regex(r"[a-z0-9]{1,24}", fullmatch=True)
names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", fullmatch=True)
SHM = Path("/dev/shm")  # noqa: S108 - never opened


def test_the_three_files_of_a_camera_lie_side_by_side() -> None:
    paths = segment_paths("front", SHM)

    assert paths.ring == SHM / "front.ring"
    assert paths.lock == SHM / "front.lock"
    assert paths.socket == SHM / "front.sock"
    assert paths.endpoint == "ipc:///dev/shm/front.sock"


def test_the_topic_of_a_camera_is_part_of_the_protocol() -> None:
    assert segment_paths("billiards_video").topic.hex() == "54bf89dd5a78c379"


@given(names)
def test_the_name_can_be_read_back_from_the_path_of_the_ring(name: str) -> None:
    assert segment_name(segment_paths(name, SHM).ring) == name


@given(names, names)
def test_two_cameras_share_no_file_and_no_topic(one: str, other: str) -> None:
    assume(one != other)
    first, second = segment_paths(one, SHM), segment_paths(other, SHM)

    assert {first.ring, first.lock, first.socket}.isdisjoint(
        {second.ring, second.lock, second.socket}
    )
    assert first.topic != second.topic


def test_a_temporary_matches_its_own_pattern_and_no_other_cameras_files() -> None:
    """A camera may be called ``a.ring.tmp.x``: clearing up after ``a`` must not touch its ring."""
    paths = segment_paths("a", SHM)
    greedy = segment_paths(paths.temporary().name, SHM)

    assert fnmatch.fnmatchcase(paths.temporary().name, paths.temporary_pattern)
    for path in (greedy.ring, greedy.lock, greedy.socket, greedy.temporary()):
        assert not fnmatch.fnmatchcase(path.name, paths.temporary_pattern)


@pytest.mark.parametrize(
    "name", ["", "a" * 65, ".hidden", "-x", "a/b", "../a", "a b", "ä", "a\n", "a\0"]
)
def test_a_name_that_is_no_plain_file_name_is_refused_with_the_rule(name: str) -> None:
    with pytest.raises(ValueError, match=r"1 to 64 characters of A-Z a-z 0-9 _ \. -") as caught:
        segment_paths(name)
    assert repr(name) in str(caught.value)


def test_a_socket_path_may_have_107_bytes_and_not_one_more() -> None:
    room = 107 - len("/") - len("/a.sock")
    segment_paths("a", Path("/" + "d" * room))

    with pytest.raises(ValueError, match="has 108 bytes; the kernel takes at most 107"):
        segment_paths("a", Path("/" + "d" * (room + 1)))


def test_bytes_are_counted_not_characters() -> None:
    with pytest.raises(ValueError, match="the kernel takes at most 107"):
        segment_paths("a", Path("/" + "ä" * 50))


@pytest.mark.parametrize("path", ["front.lock", ".ring", "a b.ring", "front.ring.bak"])
def test_the_path_of_no_ring_has_no_name(path: str) -> None:
    with pytest.raises(ValueError, match="is not the path of a ring"):
        segment_name(Path(path))


def test_a_variant_is_named_after_its_camera() -> None:
    variant = variant_paths(segment_paths("front", SHM), "q40w640")

    assert variant.ring == SHM / "front~q40w640.ring"
    assert segment_name(variant.ring) == "front~q40w640"


@given(names, names, suffixes, suffixes)
def test_two_variants_share_no_file_and_no_topic(
    one: str, other: str, suffix: str, other_suffix: str
) -> None:
    assume((one, suffix) != (other, other_suffix))
    first = variant_paths(segment_paths(one, SHM), suffix)
    second = variant_paths(segment_paths(other, SHM), other_suffix)

    assert first.ring != second.ring
    assert first.topic != second.topic


def test_no_camera_can_have_the_name_of_a_variant() -> None:
    with pytest.raises(ValueError, match="is not valid"):
        segment_paths("front~q85")


@pytest.mark.parametrize("suffix", ["", "Q85", "q85.ring", "q 1", "q" * 25])
def test_a_suffix_that_is_no_plain_one_is_refused(suffix: str) -> None:
    with pytest.raises(ValueError, match="1 to 24 characters of a-z 0-9"):
        variant_paths(segment_paths("front", SHM), suffix)


def test_a_variant_whose_name_would_be_too_long_has_a_digest() -> None:
    directory = Path("/" + "d" * 40)
    camera = segment_paths("a" * 60, directory)
    variant, other = variant_paths(camera, "q85"), variant_paths(camera, "q40")

    assert len(bytes(variant.socket)) <= 107
    assert variant.name.endswith("~q85")
    assert variant.name != other.name

    with pytest.raises(ValueError, match="the kernel takes at most 107"):
        variant_paths(segment_paths("a", Path("/" + "d" * 98)), "q85")


def test_what_is_left_of_a_cameras_variants_is_found_and_nothing_else(tmp_path: Path) -> None:
    for name in ("front~q85.lock", "front~q85.ring", "front~q40.ring.tmp.00", "front~.lock"):
        (tmp_path / name).touch()
    for name in ("front.ring", "front2~q85.ring", "~q85.ring", "back~q85.sock"):
        (tmp_path / name).touch()

    left = variants_left(segment_paths("front", tmp_path))

    assert [variant.name for variant in left] == ["front~q40", "front~q85"]


@given(names)
def test_ring_of_a_camera_is_known_by_its_file(name: str) -> None:
    assume(not name.startswith("mosaic"))
    paths = segment_paths(name, SHM)
    assert ring_of_camera(paths.ring.name) == name
    others = (paths.lock, paths.socket, paths.temporary(), variant_paths(paths, "q85").ring)
    assert {ring_of_camera(other.name) for other in others} == {None}


@pytest.mark.parametrize("name", ["mosaic", "mosaic-0123456789abcdef", "a b", "", "-a", "a~q85"])
def test_ring_of_no_camera_is_told_apart(name: str) -> None:
    assert ring_of_camera(f"{name}.ring") is None
    assert not is_camera_name(name)


@pytest.mark.parametrize(
    ("name", "possible"),
    [
        ("door", True),
        ("A_b-9", True),
        ("mosaics", True),
        ("mosaic-hall", True),
        ("x" * 64, True),
        ("x" * 65, False),
        ("front.door", False),
        ("door/../gate", False),
    ],
)
def test_camera_name_can_stand_in_a_url(name: str, possible: bool) -> None:  # noqa: FBT001 - a case
    assert is_camera_name(name) is possible
