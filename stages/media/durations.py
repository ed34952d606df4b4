"""How long the last packet of a stream lasts, so that the whole lasts as long as it should.

MP4 stores how far decoding times are apart, and for the last packet its duration; their sum is how
long the track is shown, counted from the first picture. With reordered pictures of uneven length,
or a gap near the end, the sum falls short, and players (and FFmpeg) drop the pictures that lie
behind the end. So the last packet in decoding order fills up what is missing.
"""

from collections.abc import Iterable, Iterator

from av.packet import Packet
from av.video.stream import VideoStream


class ClosingDuration:
    """Lets packets of one encode through one behind; the last one gets its duration at the end.

    Times are in the packets' own time base. ``end`` is when the last picture shown ends.
    """

    def __init__(self, end: int) -> None:
        self._end = end
        self._offset = 0
        self._held: Packet[VideoStream] | None = None

    def pass_on(self, packets: Iterable["Packet[VideoStream]"]) -> Iterator["Packet[VideoStream]"]:
        """Yield what was held and hold the latest.

        Raises:
            ValueError: a packet without time stamps.
        """
        for packet in packets:
            if packet.pts is None or packet.dts is None:
                raise ValueError("the encoder gave a packet without time stamps")
            if self._held is None:
                self._offset = packet.pts - packet.dts
            else:
                yield self._held
            self._held = packet

    def last(self) -> Iterator["Packet[VideoStream]"]:
        """Yield the last packet, if there was any."""
        if self._held is not None:
            self._held.duration = max(1, self._end - self._offset - (self._held.dts or 0))
            yield self._held
            self._held = None
