"""A process that publishes or mirrors, and kills itself: `python -m publish.killed JOB SOURCE OUT N`.

It ends by SIGKILL when it has written N files; half of the next one lies in the working directory then.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from creditledger.publish.mirroring import mirror
from creditledger.publish.publishing import publish
from creditledger.web.place import Folder
from publish.histories import history


def kill_at(number: int) -> None:
    """Arrange for the end of this process."""
    write = Folder.write
    written = 0

    def counted(folder: Folder, path: str, data: bytes) -> None:
        nonlocal written
        write(folder, path, data)
        written += 1
        if written == number:
            (folder.directory / ".work").mkdir(exist_ok=True)
            (folder.directory / ".work" / "half").write_bytes(data[: len(data) // 2])
            os.kill(os.getpid(), signal.SIGKILL)

    setattr(Folder, "write", counted)  # noqa: B010  # mypy would object to an assignment, and that is the point


if __name__ == "__main__":
    job, source, out, count = sys.argv[1:]
    kill_at(int(count))
    if job == "publish":
        publish(source, out)
    else:
        mirror(source, Path(out), trust=history().trust)
