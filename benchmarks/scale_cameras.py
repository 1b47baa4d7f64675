"""What many cameras cost on one host, in words: from benchmarks/results/cameras.json; no I/O."""

from __future__ import annotations

from typing import Any, Final

from benchmarks.report import table

__all__ = ["cameras_text"]

_CASES: Final = {
    "one": "one, nobody watches",
    "all": "all, nobody watches",
    "wall": "a wall of all, small and slow",
    "full": "all watched as they are",
}
_HEADINGS: Final = (
    *("case", "cameras", "slowest camera, fps", "Video Modules, cores", "API, cores"),
    *("memory, MB", "slowest client, fps"),
)


def cameras_text(document: dict[str, Any]) -> str:
    """A table of the cases that were measured.

    Args:
        document: As ``benchmarks/cameras.py`` writes it.
    """
    machine = document["machine"]
    lines = [_line(words, document[case]) for case, words in _CASES.items() if document.get(case)]
    where = (
        f"`{document['source']}`, {document['slots']} slots; {machine['cores']} cores, "
        f"{machine['model']}; {machine['date']}, commit {machine['commit']}; load average before "
        f"it {machine['load_average_at_start']}."
    )
    return f"{table(_HEADINGS, lines)}\n\n{where}"


def _line(words: str, case: dict[str, Any]) -> list[str]:
    query = f" ({case['query']})" if case.get("query") else ""
    clients = case.get("clients")
    return [
        words + query,
        str(case["cameras"]),
        f"{case['fps_lowest']:.1f}",
        *(f"{case['cores'][role]:.2f}" for role in ("videos", "api")),
        f"{case['video_pss_mb']['all'] + case['api_pss_mb']['all']:.0f}",
        f"{clients['fps_lowest']:.1f}" if clients else "-",
    ]
