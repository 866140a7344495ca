"""Waiting for what happens by itself, and never longer than said."""

import time

# Between two looks: short against every deadline here, long enough to leave the server the processor.
PAUSE_SECONDS = 0.02


def eventually(look, seconds: float, what: str):
    """The first true answer of `look`, which is asked until the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        answer = look()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(PAUSE_SECONDS)
