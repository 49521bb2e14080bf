"""Telling how far a fit is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# What happens and how far it is: ("compiling …", 0.3). Called from other threads too.
Progress = Callable[[str, float], None]

_USUAL_SECONDS = 20.0  # what a first compilation takes


@contextmanager
def clock(text: str, say: Progress) -> Iterator[None]:
    """Report progress by the clock while something runs that cannot report it."""
    done, began = threading.Event(), time.monotonic()

    def tick() -> None:
        while not done.wait(0.25):
            passed = time.monotonic() - began
            say(text, passed / (passed + _USUAL_SECONDS / 3))

    say(text, 0.0)
    thread = threading.Thread(target=tick, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        say(text, 1.0)
