from __future__ import annotations

from services.api.openapi import problems


def test_every_refusal_without_credentials_is_among_the_refusals() -> None:
    assert set(problems.WITHOUT_CREDENTIALS) < set(problems.refusals())


def test_every_header_that_a_problem_names_is_described() -> None:
    named = {
        name for refusal in problems.refusals().values() for name in refusal.get("headers", {})
    }
    assert named == set(problems.headers(guarded=True))


def test_credentials_are_spoken_of_only_where_they_are_needed() -> None:
    texts = [
        problems.too_many_variants(guarded=guarded)["description"] for guarded in (True, False)
    ]
    assert ["credentials" in text for text in texts] == [True, False]


def test_the_examples_name_the_cameras_there_are() -> None:
    described = problems.unknown_camera(["video", "door"])
    example = described["content"]["application/problem+json"]["example"]
    assert example["cameras"] == ["video", "door"]
    assert "video, door" in example["detail"]
