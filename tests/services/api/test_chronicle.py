from __future__ import annotations

from services.api.chronicle import Chronicle


def test_frames_of_all_lives_add_up_though_each_begins_at_one() -> None:
    chronicle = Chronicle()
    assert (chronicle.captured_total, chronicle.lost_total, chronicle.lives) == (0, 0, 0)
    chronicle.see(77, 100, 3)
    chronicle.see(77, 120, 4)
    chronicle.see(77, 110, 1)  # a look that came late
    assert (chronicle.captured_total, chronicle.lost_total, chronicle.lives) == (120, 4, 1)
    chronicle.see(55, 10, 2)  # the clock was set back meanwhile
    assert (chronicle.captured_total, chronicle.lost_total, chronicle.lives) == (130, 6, 2)


def test_ring_made_anew_by_the_same_process_goes_on_counting() -> None:
    chronicle = Chronicle()
    chronicle.see(1, 100, 3)
    chronicle.see(2, 101, 4)  # pictures have become larger
    assert (chronicle.captured_total, chronicle.lost_total, chronicle.lives) == (101, 4, 2)
    chronicle.see(3, 1, 0)
    assert (chronicle.captured_total, chronicle.lost_total, chronicle.lives) == (102, 4, 3)


def test_longest_chronicle_is_gone_on_from() -> None:
    long, short = Chronicle(), Chronicle()
    long.see(1, 50, 0)
    long.see(2, 10, 0)
    short.see(2, 10, 0)
    told = [Chronicle.of(each.document()) for each in (short, long)]
    on = Chronicle.longest(told)
    on.see(2, 15, 0)
    assert (on.captured_total, on.lives) == (65, 2)
    assert Chronicle.longest([]) == Chronicle()
