"""The time of the machines, which may pass faster than ours: minutes of work in seconds."""

from collections.abc import Callable

SLOWEST, FASTEST = 0.1, 1000.0


class Tempo:
    """Seconds that only grow, at a speed that may be changed while they do."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._speed = 1.0
        self._since = clock()
        self._passed = self._since

    @property
    def speed(self) -> float:
        """How many of the machines' seconds pass in one of ours."""
        return self._speed

    def now(self) -> float:
        """The machines' time, in seconds."""
        if self._speed == 1.0 and self._passed == self._since:
            return self._clock()
        return self._passed + (self._clock() - self._since) * self._speed

    def run_at(self, speed: float) -> None:
        """Change the speed from now on.

        Raises:
            ValueError: slower than a tenth or faster than a thousand times.
        """
        if not SLOWEST <= speed <= FASTEST:
            raise ValueError(f"The speed must be {SLOWEST:g} to {FASTEST:g}, not {speed:g}.")
        self._passed, self._since = self.now(), self._clock()
        self._speed = speed
