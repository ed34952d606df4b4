"""The photographs in a ``--face``."""

from pipeline.face_list import photographs_of, with_photographs


def test_photographs_are_found_once_each_and_in_order() -> None:
    assert photographs_of("largest,track:1") == ()
    assert photographs_of("like:b.jpg,track:1,like:a/a.png,like:b.jpg") == ("b.jpg", "a/a.png")


def test_their_paths_can_be_changed_and_nothing_else() -> None:
    assert with_photographs("all,like:b.jpg,track:1", "/x/{}".format) == "all,like:/x/b.jpg,track:1"
    assert with_photographs("largest", "/x/{}".format) == "largest"
