from __future__ import annotations

from dataclasses import asdict
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.encoding import Encoding
from services.api.variant import (
    BadParameters,
    StreamOptions,
    Variant,
    parse_options,
    parse_raw_options,
)
from shared.settings_stream import StreamSettings

LIMITS = StreamSettings()


def test_no_parameters_give_the_defaults_of_the_settings() -> None:
    expected = StreamOptions(Variant(85, None, None, passthrough=True), fps=30)
    assert parse_options({}, LIMITS) == expected


def test_every_parameter_is_read() -> None:
    query = {"quality": "1", "fps": "60", "width": "640", "height": "480", "advance_headers": "1"}
    expected = StreamOptions(Variant(1, 640, 480, passthrough=False), fps=60, advance_headers=True)
    assert parse_options(query, LIMITS) == expected


NARROW: Final = StreamSettings.model_validate(
    {
        "quality": {
            "min_jpeg_quality": 20,
            "default_jpeg_quality": 70,
            "max_jpeg_quality": 80,
        },
        "framerate": {"min_fps": 2, "default_fps": 12, "max_fps": 25},
        "resolution": {
            "default_width": 320,
            "default_height": 200,
            "max_width": 800,
            "max_height": 600,
        },
    }
)


def test_defaults_are_the_configured_ones() -> None:
    expected = StreamOptions(Variant(70, 320, 200, passthrough=True), fps=12)
    assert parse_options({}, NARROW) == expected


def test_default_size_is_for_clients_that_name_no_size_at_all() -> None:
    """Else a client that asks for 640 wide gets a picture that fits into 640 x 200."""
    assert parse_options({"width": "640"}, NARROW).variant.height is None
    assert parse_options({"height": "480"}, NARROW).variant.width is None


@pytest.mark.parametrize(
    ("name", "within", "beyond"),
    [
        ("quality", "20", "19"),
        ("quality", "80", "81"),
        ("fps", "2", "1.9"),
        ("fps", "25", "25.1"),
        ("width", "800", "801"),
        ("height", "600", "601"),
    ],
)
def test_limits_are_the_configured_ones(name: str, within: str, beyond: str) -> None:
    options = parse_options({name: within}, NARROW)
    asked = {"fps": options.fps} if name == "fps" else asdict(options.variant)
    assert asked[name] == float(within)
    with pytest.raises(BadParameters, match=name):
        parse_options({name: beyond}, NARROW)


def test_unknown_parameters_are_ignored() -> None:
    assert parse_options({"timestamp": "123", "bypassCache": "x"}, LIMITS) == parse_options(
        {}, LIMITS
    )


def test_clients_that_differ_in_rate_and_framing_share_a_variant() -> None:
    queries = ({"fps": "5"}, {"fps": "9", "advance_headers": "1"}, {"t": "17"})
    assert len({parse_options(query, LIMITS).variant for query in queries}) == 1


def test_all_wrong_values_are_reported_together() -> None:
    query = {"quality": "500", "fps": "fast", "width": "-1", "height": "1_0"}
    with pytest.raises(BadParameters) as error:
        parse_options(query, LIMITS)
    assert {p.name: p.value for p in error.value.problems} == query
    assert "quality='500' is not a whole number from 1 to 100, or auto" in str(error.value)
    assert "fps='fast' is not a number from 1 to 60" in str(error.value)


@given(st.text(max_size=12), st.text(max_size=12))
def test_any_text_is_a_value_in_range_or_refused(quality: str, fps: str) -> None:
    try:
        options = parse_options({"quality": quality, "fps": fps}, LIMITS)
    except BadParameters:
        return
    assert 1 <= options.variant.quality <= 100
    assert 1 <= options.fps <= 60


@given(
    st.integers(1, 8000),
    st.integers(1, 8000),
    st.integers(1, 8000) | st.none(),
    st.integers(1, 8000) | st.none(),
)
def test_pictures_fit_inside_and_are_never_enlarged(
    width: int, height: int, box_width: int | None, box_height: int | None
) -> None:
    fitted = Variant(85, box_width, box_height).fit(width, height)
    assert 1 <= fitted[0] <= min(width, box_width or width)
    assert 1 <= fitted[1] <= min(height, box_height or height)
    if box_width is None and box_height is None:
        assert fitted == (width, height)


def test_aspect_is_kept() -> None:
    assert Variant(85, 640, None).fit(1920, 1080) == (640, 360)
    assert Variant(85, 640, 100).fit(1920, 1080) == (178, 100)


def test_auto_gives_a_ladder_below_what_everybody_else_gets() -> None:
    options = parse_options({"quality": "auto", "width": "640"}, LIMITS)
    assert options.variant == parse_options({"width": "640"}, LIMITS).variant
    assert options.ladder[0] == options.variant
    assert len(options.ladder) > 1
    assert parse_options({"quality": "85"}, LIMITS).ladder == ()


def test_wrong_quality_is_told_of_auto() -> None:
    with pytest.raises(BadParameters, match="not a whole number from 20 to 80, or auto"):
        parse_options({"quality": "AUTO"}, NARROW)


def test_ladder_keeps_to_the_lowest_quality_allowed() -> None:
    options = parse_options({"quality": "auto"}, NARROW)
    assert min(step.quality for step in options.ladder) >= 20


@pytest.mark.parametrize("name", ["extra_headers", "dual_final_frames", "zero_data"])
@pytest.mark.parametrize(("text", "on"), [("1", True), ("true", True), ("0", False), ("", False)])
def test_switches_are_off_unless_asked_for(name: str, text: str, *, on: bool) -> None:
    assert getattr(parse_options({name: text}, StreamSettings()), name) is on
    assert getattr(parse_options({}, StreamSettings()), name) is False


def test_a_client_may_have_a_name() -> None:
    assert parse_options({"key": "kitchen-wall.2"}, StreamSettings()).key == "kitchen-wall.2"


@pytest.mark.parametrize("text", ["a b", "a/b", "x" * 65, "\n"])
def test_a_name_that_would_spoil_a_list_is_refused(text: str) -> None:
    with pytest.raises(BadParameters, match="1 to 64 characters"):
        parse_options({"key": text}, StreamSettings())


def test_uncompressed_streams_have_a_form_and_no_quality() -> None:
    options = parse_raw_options({"fps": "5", "width": "320", "quality": "auto"}, LIMITS)
    assert options.variant == Variant(100, 320, passthrough=False, encoding=Encoding.RAW)
    assert options == parse_raw_options({"fps": "5", "width": "320", "quality": "3"}, LIMITS)
    assert (options.fps, options.ladder) == (5, ())
    assert parse_raw_options({"format": "y4m"}, LIMITS).variant.encoding is Encoding.I420
    gray = parse_raw_options({"format": "multipart", "pixel_format": "gray8"}, LIMITS)
    assert gray.variant.encoding is Encoding.GRAY8


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ({"format": "npy"}, "format"),
        ({"pixel_format": "yuyv"}, "pixel_format"),
        ({"format": "y4m", "pixel_format": "bgr24"}, "pixel_format"),
        ({"quality": "0"}, "quality"),
    ],
)
def test_forms_that_do_not_exist_are_refused(query: dict[str, str], name: str) -> None:
    with pytest.raises(BadParameters) as error:
        parse_raw_options(query, LIMITS)
    assert [problem.name for problem in error.value.problems] == [name]


@given(st.integers(1, 8000), st.integers(1, 8000), st.integers(1, 500), st.integers(1, 500))
def test_planes_of_color_need_even_sizes(width: int, height: int, most: int, high: int) -> None:
    size = Variant(85, most, high).become(Encoding.I420).fit(width, height)
    assert [length % 2 for length in size] == [0, 0]
    assert min(size) >= 2
