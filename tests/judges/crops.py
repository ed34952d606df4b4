"""Crops the judges look at, from five landmarks."""

import cv2
import numpy as np

ARCFACE_112 = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655],
     [70.7299, 92.2041]]
)  # fmt: skip


def arcface_crop(rgb: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(112, 112, 3): the similarity that brings five points nearest to ArcFace's template."""
    matrix = similarity(points, ARCFACE_112)
    return cv2.warpAffine(rgb, matrix, (112, 112), flags=cv2.INTER_AREA)


def similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """(2, 3) least-squares similarity taking ``source`` to ``target`` (Umeyama 1991)."""
    a, b = source - source.mean(0), target - target.mean(0)
    u, s, vt = np.linalg.svd(b.T @ a)
    d = np.array([1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = u @ np.diag(d) @ vt
    scale = (s * d).sum() / (a**2).sum()
    shift = target.mean(0) - scale * rotation @ source.mean(0)
    return np.hstack([scale * rotation, shift[:, None]])


def ffhq_crop(rgb: np.ndarray, points: np.ndarray, size: int = 256) -> np.ndarray:
    """(size, size, 3) FFHQ-aligned crop: methods.md 2.2, with YuNet's eyes for the eye centres."""
    left, right, _, mouth_left, mouth_right = points.astype(np.float64)
    eye, mouth = (left + right) / 2, (mouth_left + mouth_right) / 2
    e2e, e2m = right - left, mouth - eye
    x = e2e - np.array([-e2m[1], e2m[0]])
    x *= max(2.0 * np.hypot(*e2e), 1.8 * np.hypot(*e2m)) / np.hypot(*x)
    y = np.array([-x[1], x[0]])
    c = eye + 0.1 * e2m
    corners = np.array([c - x - y, c - x + y, c + x - y])
    target = np.array([[0, 0], [0, size], [size, 0]])
    # A large face is first averaged, so that the warp does not alias.
    matrix = cv2.getAffineTransform(corners.astype(np.float32), target.astype(np.float32))
    matrix[:, 2] -= 0.5 - 0.5 * matrix[:, :2].sum(1)
    ratio = 2 * np.hypot(*x) / size
    if ratio > 1.5:
        rgb = cv2.GaussianBlur(rgb, (0, 0), 0.4 * ratio)
    return cv2.warpAffine(rgb, matrix, (size, size), flags=cv2.INTER_LINEAR,
                          borderMode=cv2.BORDER_REFLECT)  # fmt: skip


def face_chip(crop: np.ndarray, size: int) -> np.ndarray:
    """The inner face of an FFHQ crop, (size, size, 3): what dlib and face-api.js cut out.

    face-api.js puts the mean of both eyes and the mouth at (0.50, 0.43) of a box whose side is
    the eye-mouth distance / 0.45. With FFHQ's typical proportions that is this box.
    """
    full = round(size * 1.5)
    left, top = (full - size) // 2, round(full * 27 / 96)
    small = cv2.resize(crop, (full, full), interpolation=cv2.INTER_AREA)
    return small[top : top + size, left : left + size]
