"""
A disk that forgets: a SQLite VFS under which the power goes, and what was not synced may be gone with it.

The product is not changed: the VFS is put in front of SQLite's own one, in the very library that Python's `sqlite3`
uses, as the default for every connection. Reads, locks and shared memory are SQLite's own; what is written is passed
on too, so that everybody sees it, and is remembered until it is synced. At a cut, each file holds what was last synced
and, by chance, none, some or all of what was written since, the last write perhaps torn at a sector's edge. A file
whose name was not synced into its folder may be missing, and one whose deletion was not may be back.

What is assumed of a disk is what SQLite assumes: a write that is torn harms no byte beside it (`powersafe overwrite`),
and a sync that has returned holds. What SQLite's own VFS does about folders is done here: a journal or log that it may
create syncs its folder with its first sync, a deletion does when it is asked to. What the product does by itself (its
syncs of folders, and the renames that put new files in place) takes a step of the disk as well.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import threading
from contextlib import contextmanager
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_int, c_int64, c_void_p
from dataclasses import dataclass, field
from errno import EIO
from functools import partial
from pathlib import Path
from random import Random
from unittest.mock import patch

OK, IOERR = 0, 10
CREATE, MAIN_DB, MAIN_JOURNAL, SUPER_JOURNAL, LOG = 0x4, 0x100, 0x800, 0x4000, 0x80000
JOURNALS = MAIN_JOURNAL | SUPER_JOURNAL | LOG
SECTORS = (512, 4096)
NO_MMAP = 2
"""The version of a file's methods up to which SQLite reads by calls alone."""

OPEN = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, POINTER(c_int))
DELETE = CFUNCTYPE(c_int, c_void_p, c_char_p, c_int)
CLOSE = CFUNCTYPE(c_int, c_void_p)
WRITE = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)
TRUNCATE = CFUNCTYPE(c_int, c_void_p, c_int64)
SYNC = CFUNCTYPE(c_int, c_void_p, c_int)


class Vfs(ctypes.Structure):
    """`sqlite3_vfs`, as far as it is changed here."""

    _fields_ = [
        ("version", c_int),
        ("file_size", c_int),
        ("longest_path", c_int),
        ("next", c_void_p),
        ("name", c_char_p),
        ("app_data", c_void_p),
        ("open", OPEN),
        ("delete", DELETE),
        ("rest", c_void_p * 14),
    ]


class Methods(ctypes.Structure):
    """`sqlite3_io_methods`, as far as they are changed here."""

    _fields_ = [
        ("version", c_int),
        ("close", CLOSE),
        ("read", c_void_p),
        ("write", WRITE),
        ("truncate", TRUNCATE),
        ("sync", SYNC),
        ("rest", c_void_p * 13),
    ]


_FOR_GOOD: list[ForgetfulDisk] = []
"""SQLite has its address: a connection that nobody closed calls it when it is collected, long after the tests of it."""


class NoSharedLibraryError(Exception):
    """Python's `sqlite3` hides its SQLite, so that no VFS can be put in front of it."""


@dataclass
class File:
    """A file's content as of its last sync, and what was written since: (offset, bytes), or (length, None)."""

    synced: bytearray
    unsynced: list[tuple[int, bytes | None]] = field(default_factory=list)

    def sync(self) -> None:
        """Make everything last."""
        for write in self.unsynced:
            _apply(self.synced, write)
        self.unsynced.clear()

    def after_a_cut(self, dice: Random) -> bytes:
        """Give what the disk may hold of it now."""
        content = bytearray(self.synced)
        for write in _survivors(self.unsynced, dice):
            _apply(content, write)
        return bytes(content)


class Power:
    """
    What keeps the files of *home* alive: after *steps* writes, syncs and deletions it goes, during the last of them.

    *on_cut* is called in the moment of the cut, and nothing else happens meanwhile.
    """

    def __init__(self, home: Path, *, steps: int, dice: Random, on_cut=lambda: None) -> None:
        self.is_on, self.steps_left = True, steps
        self._home, self._dice, self._on_cut = home, dice, on_cut
        self.lock = threading.RLock()
        self._image: dict[str, bytes] = {}
        self._living = {path.name: File(bytearray(path.read_bytes())) for path in _databases(home)}
        self._named = dict(self._living)
        self._renamed: dict[str, str] = {}

    def opened(self, path: Path, *, is_new: bool) -> File | None:
        """Give the file at *path*, if it is one of ours; one that is new is nothing yet, nor in its folder."""
        if path.parent != self._home:
            return None
        with self.lock:
            if path.name not in self._living:
                if is_new and not self.step():
                    return None
                self._living[path.name] = File(bytearray())
            return self._living[path.name]

    def step(self) -> bool:
        """Tell whether there is power for one more step; in the moment of the cut, take the picture of the disk."""
        with self.lock:
            self.steps_left -= 1
            if self.is_on and self.steps_left <= 0:
                self.cut()
            return self.is_on

    def cut(self) -> None:
        """Let the power go."""
        with self.lock:
            if self.is_on:
                self.is_on = False
                self._take_picture()
                self._on_cut()

    def _take_picture(self) -> None:
        lasting: dict[str, bool] = {}
        for name in sorted({*self._named, *self._living}):
            states = [self._named.get(name), self._living.get(name)]
            if states[0] is states[1]:
                file = states[0]
            else:  # a file that was renamed has one name or the other
                file = states[lasting.setdefault(self._renamed.get(name, name), self._dice.random() < 0.5)]
            if file is not None:
                self._image[name] = file.after_a_cut(self._dice)

    def write(self, file: File, change: tuple[int, bytes | None]) -> bool:
        """Remember a write; the one that the power goes in may be on the disk too, or half of it."""
        with self.lock:
            if self.is_on:
                file.unsynced.append(change)
            return self.step()

    def sync(self, file: File, *, folder: bool) -> bool:
        """Make a file last, and the names in its folder; a sync that the power goes in may have got anywhere."""
        with self.lock:
            if not self.step():
                return False
            file.sync()
            if folder:
                self._sync_names()
            return True

    def _sync_names(self) -> None:
        self._named = dict(self._living)
        self._renamed.clear()

    def sync_named(self, path: Path) -> bool:
        """Make the file of that name last, or the names in the folder."""
        with self.lock:
            if path == self._home and self.step():
                self._sync_names()
            file = self._living.get(path.name) if path.parent == self._home else None
            return self.is_on if file is None else self.sync(file, folder=False)

    def delete(self, path: Path, *, folder: bool) -> bool:
        """Take a file's name away, for good if the folder is synced."""
        if path.parent != self._home:
            return True
        with self.lock:
            if not self.step():
                return False
            self._living.pop(path.name, None)
            if folder:
                self._sync_names()
            return True

    def name_anew(self, path: Path, target: Path, *, keep: bool) -> bool:
        """Give a file another name, or, if it shall *keep* its own, one more; that lasts once its folder is synced."""
        if path.parent != self._home or path.name not in self._living:
            return True
        with self.lock:
            if self.is_on:
                self._living[target.name] = self._living[path.name]
                if not keep:
                    del self._living[path.name]
                    self._renamed[target.name] = path.name
            return self.step()

    def come_back(self, home: Path) -> None:
        """Lay out in *home* what the disk holds; what is not SQLite's (keys) was written and synced by others."""
        shutil.copytree(self._home, home, ignore=lambda _, names: [name for name in names if ".db" in name])
        for name, content in self._image.items():
            (home / name).write_bytes(content)


def _fsync(power: Power, descriptor: int) -> None:
    """Sync for the product's own calls: it may open SQLite's files by itself."""
    path = Path(f"/dev/fd/{descriptor}").resolve()
    if not power.sync_named(path):
        raise OSError(EIO, "the power is gone")


def _naming(power: Power, name_it, *, keep: bool):
    """Name files anew for the product's own calls, which is how it puts new ones in place."""

    def name_anew(path, target, **how) -> None:
        with power.lock:
            if not power.name_anew(Path(path), Path(target), keep=keep):
                raise OSError(EIO, "the power is gone")
            name_it(path, target, **how)

    return name_anew


def _databases(home: Path) -> list[Path]:
    return [path for path in home.iterdir() if ".db" in path.name and not path.name.endswith("-shm")]


def _survivors(writes: list[tuple[int, bytes | None]], dice: Random) -> list[tuple[int, bytes | None]]:
    """Choose what of unsynced *writes* reached the disk: nothing, the first so many, or any; the last perhaps torn."""
    how = dice.randrange(4)
    if how == 0 or not writes:
        return []
    if how == 1:
        return writes
    kept = writes[: dice.randint(0, len(writes))] if how == 2 else [each for each in writes if dice.random() < 0.5]
    if kept and kept[-1][1] is not None and dice.random() < 0.5:
        offset, data = kept[-1]
        sector = dice.choice(SECTORS)
        edges = range(sector - offset % sector, len(data), sector)
        torn = data[: dice.choice(edges)] if edges else b""
        return [*kept[:-1], (offset, torn)]
    return kept


def _apply(content: bytearray, write: tuple[int, bytes | None]) -> None:
    offset, data = write
    if data is None:
        del content[offset:]
        return
    if not data:
        return
    content.extend(bytes(max(0, offset - len(content))))
    content[offset : offset + len(data)] = data


class ForgetfulDisk:
    """The VFS; there is one, and whoever opens a file gets the power that is plugged in then."""

    def __init__(self) -> None:
        """
        Put the VFS together, from the one that is there.

        Raises:
            NoSharedLibraryError: as it says.
        """
        import _sqlite3  # noqa: PLC0415 - the extension, whose library is the one that counts

        try:
            self._library = ctypes.CDLL(_sqlite3.__file__)
            find, self._register = self._library.sqlite3_vfs_find, self._library.sqlite3_vfs_register
        except (AttributeError, OSError) as error:
            raise NoSharedLibraryError from error
        find.restype, find.argtypes = POINTER(Vfs), [c_char_p]
        self._register.argtypes = [c_void_p, c_int]
        self._system = find(None)
        self._vfs = Vfs()
        ctypes.memmove(ctypes.byref(self._vfs), self._system, ctypes.sizeof(Vfs))
        self._vfs.name = b"quietline-forgetful-disk"
        self._vfs.open, self._vfs.delete = OPEN(self._open), DELETE(self._delete)
        self._methods: dict[int, tuple[Methods, Methods]] = {}
        self._files: dict[int, tuple[Power, File, Methods]] = {}
        self._unsynced_names: set[int] = set()
        self._power: Power | None = None
        self._callbacks = (
            CLOSE(self._close),
            WRITE(self._write),
            TRUNCATE(self._truncate),
            SYNC(self._sync),
        )
        _FOR_GOOD.append(self)

    @contextmanager
    def under(self, power: Power):
        """Let every connection that is opened meanwhile live on *power*."""
        self._power = power
        self._register(ctypes.byref(self._vfs), 1)
        try:
            with patch.multiple(
                os,
                fsync=partial(_fsync, power),
                rename=_naming(power, os.rename, keep=False),
                replace=_naming(power, os.replace, keep=False),
                link=_naming(power, os.link, keep=True),
            ):
                yield
        finally:
            self._register(self._system, 1)
            self._power = None

    def _open(self, _vfs, name, file, flags, out_flags) -> int:
        system, power = self._system.contents, self._power
        path = Path(ctypes.string_at(name).decode()) if name else None
        is_ours = path is not None and power is not None and flags & (MAIN_DB | JOURNALS)
        is_new = is_ours and not path.exists()
        if is_new and flags & CREATE and not power.is_on:
            return IOERR
        result = system.open(ctypes.addressof(system), name, file, flags, out_flags)
        if result == OK and is_ours:
            known = power.opened(path, is_new=bool(is_new))
            if known is not None:
                self._files[file] = power, known, self._wrap(file)
                if flags & CREATE and flags & JOURNALS:  # as SQLite's own VFS does, whether or not it is there
                    self._unsynced_names.add(file)
        return result

    def _wrap(self, file) -> Methods:
        """Put our methods in the place of a file's own, and give its own."""
        place = ctypes.cast(file, POINTER(c_void_p))
        address = place[0]
        if address not in self._methods:
            ours = Methods()
            ctypes.memmove(ctypes.byref(ours), address, ctypes.sizeof(Methods))
            ours.version = min(ours.version, NO_MMAP)
            ours.close, ours.write, ours.truncate, ours.sync = self._callbacks
            self._methods[address] = ours, ctypes.cast(address, POINTER(Methods)).contents
        ours, theirs = self._methods[address]
        place[0] = ctypes.addressof(ours)
        return theirs

    def _delete(self, _vfs, name, folder) -> int:
        system, power = self._system.contents, self._power
        if power is not None and not power.delete(Path(name.decode()), folder=bool(folder)):
            return IOERR
        return system.delete(ctypes.addressof(system), name, folder)

    def _close(self, file) -> int:
        _, _, theirs = self._files.pop(file)
        self._unsynced_names.discard(file)
        return theirs.close(file)

    def _write(self, file, data, length, offset) -> int:
        power, known, theirs = self._files[file]
        if not power.write(known, (offset, ctypes.string_at(data, length))):
            return IOERR
        return theirs.write(file, data, length, offset)

    def _truncate(self, file, length) -> int:
        power, known, theirs = self._files[file]
        if not power.write(known, (length, None)):
            return IOERR
        return theirs.truncate(file, length)

    def _sync(self, file, _flags) -> int:
        """Sync nothing for real: that would only wear the disk that the tests run on."""
        power, known, _ = self._files[file]
        if not power.sync(known, folder=file in self._unsynced_names):
            return IOERR
        self._unsynced_names.discard(file)
        return OK
