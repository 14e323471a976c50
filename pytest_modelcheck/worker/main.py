"""The process that measures the base: this tree's tests, measuring only, on that tree's sources. Another one collects
that tree's own tests.

Started as a file, with a job (JSON) as its argument: until the imports are led to the other tree, it must import
nothing that might be the user's.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

READS = "reads.json"  # beside the record


def main(job_file: str) -> None:
    """Run the job; its record is in `job["result"]` afterwards."""
    job = json.loads(Path(job_file).read_text("utf-8"))
    socket = job.get("serve", {}).get("address", "")
    _end_with_parent(Path(job["root"]), Path(job["tree"]).parent, socket, os.dup(0))
    sys.path[:] = job["path"]
    if "keys" in job:
        from pytest_modelcheck.worker.timing.paired import compare_all

        compare_all(job)
        return

    from pytest_modelcheck.worker.reads import Reads
    from pytest_modelcheck.worker.redirect import Redirect

    reads = Reads(Path(job["tree"]).parent)
    reads.watch()
    redirect = Redirect.of(job)
    sys.meta_path.insert(0, redirect)

    serves = job.get("serve")
    if serves and serves["alone"]:
        record: dict[str, Any] = {}
    elif job["patterns"] is None:
        from pytest_modelcheck.worker.demanding import demanded

        record = demanded(job)
    else:
        from pytest_modelcheck.worker.measuring import measured

        record = measured(job, redirect)
    leaks = redirect.leaks()
    if leaks:
        record = {"error": f"modules that should be the base's came from this tree: {', '.join(leaks[:5])}"}
    reads.save(Path(job["result"]).with_name(READS))
    if not serves or "error" in record:
        _save(Path(job["result"]), record)
        return
    from pytest_modelcheck.worker.serving import listening, serve

    with listening(serves["address"]) as server:  # before the record says that it can be asked
        _save(Path(job["result"]), record)
        serve(server, job, redirect)


def _save(path: Path, record: Any) -> None:
    from pytest_modelcheck.records.plain import to_json

    temporary = path.with_suffix(".part")
    temporary.write_text(to_json(record), "ascii")
    temporary.replace(path)


def _end_with_parent(root: Path, folder: Path, socket: str, pipe: int) -> None:
    """When the parent is gone, its end of the pipe is closed: take the worktree away, and the socket with a folder of
    its own, and go too.
    """

    def wait() -> None:
        os.read(pipe, 1)
        from pytest_modelcheck.base.git import remove

        try:
            remove(root, folder)
            if socket and Path(socket).parent != folder:
                Path(socket).unlink(missing_ok=True)
                Path(socket).parent.rmdir()
        finally:
            os.killpg(0, signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()


if __name__ == "__main__":
    main(sys.argv[1])
