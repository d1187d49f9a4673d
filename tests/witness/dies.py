"""A witness that is killed in the midst of a request: `python -m witness.dies DIRECTORY MOMENT OLD SIZE`."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from creditledger.witness.state import Seen
from witness.toylog import SEED, Bench, Clock, ToyLog, open_state


def main(place: Path, moment: str, old: int, size: int) -> None:
    """Answers one request, and is killed before what was judged is stored, or after, before the answer is given."""
    log = ToyLog()
    with open_state(place) as state:
        store = state.update

        def update(origin: str, judge: Callable[[Seen | None], Seen]) -> Seen:
            def die(seen: Seen | None) -> Seen:
                found = judge(seen)
                if moment == "before":
                    os.kill(os.getpid(), signal.SIGKILL)
                return found

            done = store(origin, die)
            os.kill(os.getpid(), signal.SIGKILL)
            return done

        state.update = update  # type: ignore[method-assign]  # the moment to die at is within
        answer = Bench(state, [log], Clock(), seed=SEED).add(log.request(old, size))
        print(answer.status, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
