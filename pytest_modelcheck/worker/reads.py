"""What a process reads: the files, the folders that user code lists, and what nobody can know afterwards.

A base's figures may be used again as long as all that they were made from is the same. What this cannot see, or what
may be another thing each time (a network, another process), is a doubt, and then they are not kept.
"""

from __future__ import annotations

import functools
import json
import os
import pathlib
import site
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

PROCESS = "starts a process"
DOUBTS = {  # audit events
    "subprocess.Popen": PROCESS,
    "os.system": PROCESS,
    "os.posix_spawn": PROCESS,
    "os.exec": PROCESS,
    "os.fork": PROCESS,
    "socket.connect": "uses the network",
    "socket.sendto": "uses the network",
    "socket.getaddrinfo": "uses the network",
    "sqlite3.connect": "uses a database",
}
READERS = {
    "safetensors": "safe_open",
    "torch.jit._serialization": "load",
    "torchvision.io.image": "read_file",
}
"""Functions that open the file they are given out of Python's sight, by module."""
UNSEEN = ("cv2", "h5py", "tables", "netCDF4", "tensorflow", "pyarrow", "lmdb", "tokenizers", "sentencepiece",
          "decord", "av", "torchaudio", "soundfile", "SimpleITK", "rasterio", "osgeo")  # fmt: skip
"""Modules that may open files so."""
CHANCE = ("/dev/urandom", "/dev/random", "/dev/hwrng")
OWN = "pytest_modelcheck."
OURS = "pytest_modelcheck.records.environment"  # it asks git for the commit


class Reads:
    """Listens from `watch` on; `own` is the folder of the job, whose contents are known."""

    def __init__(self, own: Path) -> None:
        self.own = own
        self.files: set[str] = set()
        self.folders: set[str] = set()
        self.written: set[str] = set()
        self.doubts: set[str] = set()

    def watch(self) -> None:
        """Begin. It cannot be ended: an audit hook stays until the process ends."""
        _standard(), _packages()  # what they ask is not to be asked while it is listened to
        sys.meta_path.insert(0, _Told())
        sys.addaudithook(self._hear)
        self._watch_stat()

    def _watch_stat(self) -> None:
        """Whether a file is there can be asked without opening it, and no audit hook hears of that."""
        stat = os.stat

        @functools.wraps(stat)
        def told(path: Any, *arguments: Any, **keywords: Any) -> os.stat_result:
            if not isinstance(path, int) and _is_users():
                self._opened(path, "rb", 0)
            return stat(path, *arguments, **keywords)

        for able in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks):
            if stat in able:
                able.add(told)
        os.stat = told
        if accessor := getattr(pathlib, "_NormalAccessor", None):  # of Python 3.10
            accessor.stat = staticmethod(told)

    def save(self, path: Path) -> None:
        """Write down what was read so far."""
        told = {"files": self._told(self.files | _loaded()), "folders": self._told(self.folders)}
        loaded = [f"{name} is loaded, which opens files unseen" for name in UNSEEN if name in sys.modules]
        path.write_text(json.dumps({**told, "doubts": sorted(self.doubts) + loaded}), "ascii")

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            self._opened(*arguments)
        elif event in DOUBTS and not (DOUBTS[event] == PROCESS and _is_known()):
            self.doubts.add(f"it {DOUBTS[event]}")
        elif event == "ctypes.dlopen":
            if os.sep in str(arguments[0]):
                self._opened(arguments[0], "rb", 0)
        elif event in ("os.listdir", "os.scandir"):
            path = _absolute(arguments[0])
            if path and _is_users():
                self.folders.add(path)

    def _opened(self, name: object, mode: object, flags: object) -> None:
        path = _absolute(name)
        if path in CHANCE:
            self.doubts.add("it draws from the system's random numbers")
        elif path:
            anew = isinstance(mode, str) and mode[:1] in ("w", "x")
            anew = anew or (
                mode is None and isinstance(flags, int) and bool(flags & (os.O_TRUNC | os.O_EXCL))
            )
            if anew and path not in self.files:
                self.written.add(path)
            elif path not in self.written:
                self.files.add(path)

    def _told(self, paths: set[str]) -> list[str]:
        """Without what is known otherwise: the base's sources, and what is installed."""
        own = tuple(f"{folder}{os.sep}" for folder in (self.own, "/proc", "/sys", "/dev"))
        known = own + _standard() + _packages()
        return sorted({path for path in map(_source, paths) if not path.startswith(known)})


class _Told:
    """A finder that has the functions of `READERS` tell what they open."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: Any = None
    ) -> ModuleSpec | None:
        if name not in READERS:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            loader: Any = spec.loader
            loader.exec_module = functools.partial(_execute, loader.exec_module, READERS[name])
        return spec


def _execute(execute: Callable[[ModuleType], None], reader: str, module: ModuleType) -> None:
    execute(module)
    read: Callable[..., Any] | None = getattr(module, reader, None)
    if read is not None:
        setattr(module, reader, _telling(read))


def _telling(read: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(read)
    def told(path: Any, *arguments: Any, **keywords: Any) -> Any:
        sys.audit("open", path, "rb", 0)
        return read(path, *arguments, **keywords)

    return told


def _absolute(path: Any) -> str:
    """Where a path leads now; empty for a number, which was opened before."""
    with suppress(TypeError, ValueError, OSError):
        return os.path.abspath(os.fsdecode(path if path is not None else "."))
    return ""


def _frames() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        yield frame
        frame = frame.f_back


def _outside() -> Iterator[FrameType]:
    """The frames that led here, outside the standard library and this file, the nearest first."""
    for frame in _frames():
        file = frame.f_code.co_filename
        is_standard = file.startswith(("<frozen", *_standard())) and not file.startswith(_packages())
        if file != __file__ and not is_standard:
            yield frame


def _is_users() -> bool:
    """Whether a call comes from the user's code: through the standard library at most."""
    frame = next(_outside(), None)
    return (
        frame is not None and not frame.f_code.co_filename.startswith(_packages()) and not _is_in(frame, OWN)
    )


def _is_known() -> bool:
    """Whether a process is started by ours, or by an installed distribution while it is imported."""
    for frame in _outside():
        if _is_in(frame, OURS):
            return True
        if not frame.f_code.co_filename.startswith(_packages()):
            return False
        if frame.f_code.co_name == "<module>":
            return True
    return False


def _is_in(frame: FrameType, beginning: str) -> bool:
    return str(frame.f_globals.get("__name__")).startswith(beginning)


@functools.cache
def _standard() -> tuple[str, ...]:
    """The folders of the standard library."""
    return _both(sysconfig.get_path(name) for name in ("stdlib", "platstdlib"))


@functools.cache
def _packages() -> tuple[str, ...]:
    """The folders of installed distributions."""
    paths = [sysconfig.get_path(name) for name in ("purelib", "platlib")]
    return _both([*paths, *site.getsitepackages(), site.getusersitepackages()])


def _both(paths: Iterable[str]) -> tuple[str, ...]:
    """Folders as they are called and as they are."""
    return tuple(
        dict.fromkeys(f"{found}{os.sep}" for path in paths for found in (path, os.path.realpath(path)))
    )


def _source(path: str) -> str:
    """The source of a file of bytecode."""
    folder, name = os.path.split(path)
    if os.path.basename(folder) != "__pycache__":
        return path
    return os.path.join(os.path.dirname(folder), f"{name.partition('.')[0]}.py")


def _loaded() -> set[str]:
    files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    return {os.path.abspath(file) for file in files if isinstance(file, str)}
