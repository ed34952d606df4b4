"""Labels of appearance: each follows what it is named after."""

import numpy as np
import pytest

from stages import appearance as module
from stages.appearance import APPEARANCE, Appearance, appearance
from stages.outline import _MESH_OVAL
from stages.skin import CHEEKS

SKIN = (200, 160, 140)


def face() -> np.ndarray:
    """(468, 2) mesh of a face from the front, 80 between the eyes, in a picture of 256."""
    p = np.full((468, 2), 128.0, np.float32)
    turn = np.arange(36) / 36 * 2 * np.pi
    oval = np.stack([68 * np.sin(turn), -72 * np.cos(turn)], axis=1)
    p[list(_MESH_OVAL)] = np.array((128, 132)) + oval
    for (corners, lids), x in zip(module.EYES, (88, 168), strict=True):
        p[list(corners)] = ((x - 12, 110), (x + 12, 110))
        p[list(lids)] = ((x, 107), (x, 113))
    # yaw_of looks at the outer corners and the tip of the nose.
    p[[33, 133, 362, 263]] = ((76, 110), (100, 110), (156, 110), (180, 110))
    p[[168, 4, 2]] = ((128, 108), (128, 138), (128, 148))
    p[[61, 291, 0, 13, 14, 17]] = (
        (108, 170), (148, 170), (128, 164), (128, 169), (128, 171), (128, 178)
    )  # fmt: skip
    ring(p, CHEEKS[0], (88, 145), 9)
    ring(p, CHEEKS[1], (168, 145), 9)
    ring(p, module.BROWS[0], (88, 92), 6)
    ring(p, module.BROWS[1], (168, 92), 6)
    ring(p, module.CHIN, (128, 192), 7)
    ring(p, module.FOREHEAD, (128, 74), 8)
    ring(p, module.MOUSTACHE, (128, 156), 5, but=(0, 2))
    ring(p, module.LOWER_LIP, (128, 175), 4, but=(14, 17))
    return p


def ring(
    p: np.ndarray, points: tuple[int, ...], centre: tuple[float, float], radius: float,
    but: tuple[int, ...] = (),
) -> None:  # fmt: skip
    turn = np.arange(len(points)) / len(points) * 2 * np.pi
    for point, angle in zip(points, turn, strict=True):
        if point not in but:
            p[point] = np.array(centre) + radius * np.array([np.sin(angle), -np.cos(angle)])


def seen(p: np.ndarray, *spots: tuple[tuple[int, int], int, tuple[int, int, int]]) -> Appearance:
    """Labels of a skin-coloured picture with discs (centre, radius, colour) painted on it."""
    crop = np.full((256, 256, 3), SKIN, np.uint8)
    y, x = np.mgrid[:256, :256]
    for centre, radius, colour in spots:
        crop[(x - centre[0]) ** 2 + (y - centre[1]) ** 2 <= radius**2] = colour
    return appearance(crop, p)


def changed(before: Appearance, after: Appearance) -> dict[str, float]:
    both = zip(APPEARANCE, before.values(), after.values(), strict=True)
    return {name: b - a for name, a, b in both if not np.isclose(a, b, atol=1e-3)}


def test_a_bare_face_has_shares_of_the_eyes_distance() -> None:
    found = seen(face())
    assert found.eyes == pytest.approx(0.25) and found.lips == pytest.approx(12 / 80)
    assert found.pitch == pytest.approx(0.25)
    assert found.beard == found.lipstick == found.fringe == found.side_light == 0


@pytest.mark.parametrize(
    ("name", "points", "move", "sign"),
    [
        ("pitch", (4,), (0, -5), 1),
        ("eyes", (159, 386), (0, -3), 1),
        ("brows", tuple(p for brow in module.BROWS for p in brow), (0, -4), 1),
        ("lips", (0,), (0, -3), 1),
        ("width", (234,), (-8, 0), 1),
    ],
)
def test_geometry_follows_its_landmarks(
    name: str, points: tuple[int, ...], move: tuple[float, float], sign: int
) -> None:
    p = face()
    p[list(points)] += move
    found = changed(seen(face()), seen(p))
    assert list(found) == [name] and np.sign(found[name]) == sign


@pytest.mark.parametrize(
    ("name", "centre", "radius", "colour", "least"),
    [
        ("beard", (128, 192), 14, (60, 45, 40), 15),
        ("lipstick", (128, 175), 9, (200, 40, 60), 15),
        ("side_light", (88, 145), 16, (235, 195, 175), 5),
        ("hair", (128, 40), 60, (250, 240, 230), 5),
        ("brow_dark", (88, 92), 12, (30, 20, 20), 15),
        ("fringe", (128, 74), 12, (30, 20, 20), 15),
    ],
)
def test_colours_follow_their_parts(
    name: str,
    centre: tuple[int, int],
    radius: int,
    colour: tuple[int, int, int],
    least: float,
) -> None:
    parts = [(centre, radius, colour)]
    if name == "brow_dark":
        parts.append(((168, 92), radius, colour))
    found = changed(seen(face()), seen(face(), *parts))
    assert found[name] > least
    assert not set(found) & {"pitch", "eyes", "brows", "lips", "width"}, "geometry saw a colour"


def test_a_turned_head_keeps_its_shares() -> None:
    """Seen from the side everything across shrinks by the cosine, and is taken back."""
    turned = face()
    turned[:, 0] = 128 + (turned[:, 0] - 128) * np.cos(np.radians(35))
    turned[4, 0] += 0.5 * 104 * np.sin(np.radians(35))  # the tip stands out by half the length
    before, after = seen(face()), seen(turned)
    for name in ("eyes", "brows", "lips", "width"):
        assert getattr(after, name) == pytest.approx(getattr(before, name), rel=0.02), name


def test_parts_outside_the_picture_are_unknown() -> None:
    p = face()
    p[:, 1] -= 90
    found = seen(p)
    assert np.isnan(found.hair) and np.isfinite(found.beard)
