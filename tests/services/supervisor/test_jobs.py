"""What the settings say is to run."""

from __future__ import annotations

from services.supervisor.jobs import API, jobs_of
from shared.settings import Settings, load_settings


def settings(**environ: str) -> Settings:
    return load_settings(environ=environ)


MANY = '{"door": {"source": "0"}, "yard": {}, "hall": {"source": "1"}}'


def test_without_cameras_it_is_one_video_module() -> None:
    [job] = jobs_of(settings(), with_api=False)
    assert job.name == "Video Module"
    assert job.command[1:] == ("-m", "services.video")


def test_every_camera_with_a_source_has_a_video_module_and_the_api_is_last() -> None:
    jobs = jobs_of(settings(RINGCAST_CAMERAS=MANY), with_api=True)
    assert [job.name for job in jobs] == ["Video Module of door", "Video Module of hall", API]
    assert jobs[1].command[1:] == ("-m", "services.video", "--camera=hall")


def test_a_job_is_another_one_when_what_it_rests_on_is() -> None:
    before = jobs_of(settings(RINGCAST_CAMERAS=MANY), with_api=True)

    def changed(**environ: str) -> list[str]:
        after = jobs_of(settings(**{"RINGCAST_CAMERAS": MANY, **environ}), with_api=True)
        return [job.name for job, old in zip(after, before, strict=True) if job != old]

    assert changed() == []
    assert changed(RINGCAST_CAMERAS__DOOR__SOURCE="7") == ["Video Module of door"]
    assert changed(RINGCAST_API__LIMITS__MAX_STREAMS="3") == [API]
    assert changed(RINGCAST_CAMERAS__DOOR__SHARED_MEMORY_NAME="x") == ["Video Module of door", API]
    assert changed(LOG_LEVEL="DEBUG") == [job.name for job in before]
