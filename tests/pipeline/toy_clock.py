"""A clock that tests move."""


class Clock:
    """In place of a module's ``time``."""

    now = 1000.0

    def monotonic(self) -> float:
        """Seconds."""
        return self.now
