"""Stage: the faces of a clip on one sheet, with the numbers that ``--face track:N`` takes."""

from typing import ClassVar

import cv2
import numpy as np
from pydantic import Field

from pipeline.failure import NothingToEdit
from pipeline.stage import Context, Resources, Stage
from stages.artifacts import F32, F64, U8, SourceClip, Tracks, Video
from stages.contact_sheet import contact_sheet, fit, write_png, write_text
from stages.look_artifacts import Picture
from stages.media.mux import time_shift
from stages.media.reader import read_planes

_AROUND = 0.4
"""What a cell shows about a face, as a share of its larger side, on each side."""


class DrawTracks(Stage):
    """A row a track: a whole frame with every face in it, then this one at even times."""

    resources: ClassVar[Resources] = Resources(cpus=1, memory_gb=0.5)

    looks: int = Field(default=5, ge=1)
    """Cells beside the whole frame."""
    size: int = Field(default=240, ge=64)
    """Side of a cell in pixels."""
    most: int = Field(default=24, ge=1)
    """Rows; tracks are sorted by how much of the picture they fill, and later ones are named only
    in words."""

    def run(self, clip: SourceClip, video: Video, tracks: Tracks, context: Context) -> Picture:
        """Raises NothingToEdit: there is no face."""
        ids = np.unique(tracks.track).tolist()
        if not ids:
            raise NothingToEdit(f"No face was found in {clip.path.name}.")
        rows_of = {track: np.flatnonzero(tracks.track == track) for track in ids}
        drawn = ids[: self.most]
        # (frame) -> (track, column, row of the table); column 0 is the whole frame.
        wanted: dict[int, list[tuple[int, int, int]]] = {}
        for track in drawn:
            middle = rows_of[track][len(rows_of[track]) // 2]
            for column, row in enumerate([middle, *self._spread(rows_of[track])]):
                wanted.setdefault(int(tracks.frame[row]), []).append((track, column, int(row)))
        seconds = video.seconds - float(time_shift(video))
        cells: dict[tuple[int, int], U8] = {}
        for done, at in enumerate(sorted(wanted)):
            (frame,) = read_planes(clip.path, video, at, at + 1, threads=context.threads)
            picture, here = frame.rgb(), np.flatnonzero(tracks.frame == at)
            for track, column, row in wanted[at]:
                if column == 0:
                    cell = self._whole(picture, tracks, here, track)
                else:
                    cell = self._face(picture, tracks.box[row], track)
                write_text(cell, f"{seconds[at]:.2f} s", (4, cell.shape[0] - 6))
                cells[track, column] = cell
            context.progress(done + 1, len(wanted))
        told = [self._line(track, tracks, rows_of[track], seconds) for track in ids]
        columns = [1 + len(self._spread(rows_of[track])) for track in drawn]
        sheet = contact_sheet(
            [[cells[t, c] for c in range(n)] for t, n in zip(drawn, columns, strict=True)],
            [f"track {track}" for track in drawn],
            size=self.size,
        )
        file = context.scratch / "faces.png"
        write_png(file, sheet)
        return Picture(file, tuple(told))

    def _spread(self, rows: np.ndarray) -> list[int]:
        """Rows at even distances, first and last excluded."""
        share = (np.arange(self.looks) + 0.5) / self.looks
        return [int(rows[i]) for i in np.unique((share * len(rows)).astype(int))]

    def _whole(self, picture: U8, tracks: Tracks, here: np.ndarray, track: int) -> U8:
        small = fit(picture, self.size).copy()
        scale = small.shape[1] / picture.shape[1]
        # Its own box last, over the others.
        for row in sorted(here, key=lambda row: int(tracks.track[row]) == track):
            number = int(tracks.track[row])
            corner = _draw(small, tracks.box[row] * scale, number, 3 if number == track else 1)
            write_text(small, str(number), corner)
        return small

    def _face(self, picture: U8, box: F32, track: int) -> U8:
        centre, side = (box[:2] + box[2:]) / 2, float((box[2:] - box[:2]).max())
        reach = side * (0.5 + _AROUND)
        scale = self.size / (2 * reach)
        move = np.array([[scale, 0, self.size / 2], [0, scale, self.size / 2]], np.float64)
        move[:, 2] -= scale * centre
        kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        cell = cv2.warpAffine(picture, move, (self.size, self.size), flags=kind)
        shown = np.ascontiguousarray(cell, np.uint8)
        _draw(shown, (box.reshape(2, 2) * scale + move[:, 2]).reshape(4), track, 1)
        return shown

    def _line(self, track: int, tracks: Tracks, rows: np.ndarray, seconds: np.ndarray) -> str:
        first, last = int(tracks.frame[rows[0]]), int(tracks.frame[rows[-1]])
        height = float(np.median(tracks.box[rows, 3] - tracks.box[rows, 1]))
        unseen = int(tracks.interpolated[rows].sum())
        lost = f", {unseen} of them not seen by the detector" if unseen else ""
        return (
            f"track {track}: {seconds[first]:.2f} to {seconds[last]:.2f} s, "
            f"{len(rows)} frames ({first} to {last}){lost}, face {height:.0f} pixels tall"
        )


def _draw(picture: U8, box: F32 | F64, track: int, thickness: int) -> tuple[int, int]:
    """Draw a box in its track's colour; returns where its number may stand."""
    hue = np.array([[[(track * 47) % 180, 220, 255]]], np.uint8)
    colour = cv2.cvtColor(hue, cv2.COLOR_HSV2RGB)[0, 0].tolist()
    x0, y0, x1, y1 = (round(float(v)) for v in box)
    cv2.rectangle(picture, (x0, y0), (x1, y1), colour, thickness, cv2.LINE_AA)
    return x0 + 3, min(max(y0 + 13, 26), picture.shape[0] - 22)
