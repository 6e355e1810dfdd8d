"""The only code that reads and writes artifacts.

Writing is atomic: the bytes go to a hidden temporary file beside the target, are hashed while
they pass by, flushed to disk, and renamed into place together with the job's other outputs by
:meth:`Outputs.commit`. A killed job leaves no file under a final name.

Reading hashes the bytes in the same pass (:class:`Inputs`), so that a record can name exactly
what a job was made from. Nothing here can read or write a pickle.
"""

from __future__ import annotations

import errno
import glob
import hashlib
import json
import os
import platform
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mexflow.errors import UserError
from mexflow.store.arrays import Rows, first_line, header, mapped, parquet, reading
from mexflow.store.leftovers import remove, remove_stale, sync_folder

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

_BLOCK = 1 << 22


class Digest:
    """The sha256 (hex) and size (bytes) of one file's content."""

    def __init__(self, sha256: str, size: int) -> None:
        self.sha256 = sha256
        self.size = size

    def as_dict(self) -> dict[str, Any]:
        return {"sha256": self.sha256, "size": self.size}


def hash_bytes(data: bytes) -> Digest:
    """Digest of bytes in memory."""
    return Digest(hashlib.sha256(data).hexdigest(), len(data))


def hash_file(path: Path) -> Digest:
    """Digest of a file, read once in blocks.

    Raises:
        UserError: if the file cannot be read.
    """
    sha, size = hashlib.sha256(), 0
    with reading(path), open(path, "rb") as handle:
        while block := handle.read(_BLOCK):
            sha.update(block)
            size += len(block)
    return Digest(sha.hexdigest(), size)


def hash_tree(directory: Path) -> Digest:
    """Digest of a folder: sha256 over the sorted lines ``sha256 size relative/path`` of its files.

    Hidden files do not count: Snakemake puts one of its own into every folder that a job made.
    """
    sha, size = hashlib.sha256(), 0
    for path in sorted(p for p in directory.rglob("*") if p.is_file() and not p.name.startswith(".")):
        digest = hash_file(path)
        name = path.relative_to(directory).as_posix()
        sha.update(f"{digest.sha256} {digest.size} {name}\n".encode())
        size += digest.size
    return Digest(sha.hexdigest(), size)


def hash_path(path: Path) -> Digest:
    """Digest of a file, or of a folder as :func:`hash_tree` takes it."""
    return hash_tree(path) if path.is_dir() else hash_file(path)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an operating-system error while writing `path` into one clear line.

    Raises:
        UserError: for a full disk, a read-only or unwritable folder, or any other failed write.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            reason = "the disk or quota is full; free some space and run again"
        elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            reason = f"not writable ({error.strerror}); check the permissions of {path.parent}"
        else:
            reason = f"cannot be written ({error.strerror})"
        raise UserError(f"{path}: {reason}; nothing was left there") from None


def append_line(path: Path, line: str) -> None:
    """Add a line to a file and wait until it is on disk; raises UserError if it cannot be written."""
    with writing(path), open(path, "a", encoding="utf-8") as handle:
        handle.write(line + "\n")
        handle.flush()
        os.fsync(handle.fileno())


class Inputs:
    """Reads a job's inputs, remembering the digest of each for the job's record.

    Args:
        check: called with the path and the digest of every file that was read; raises if it should be another.
    """

    def __init__(self, check: Callable[[str, Digest], None] = lambda path, digest: None) -> None:
        self.digests: dict[str, Digest] = {}
        self._check = check
        self._noted: set[str] = set()

    def _remember(self, path: str | Path, digest: Digest) -> None:
        name = Path(path).as_posix()
        self._check(name, digest)
        self.digests[name] = digest
        self._noted.add(name)

    def noted(self) -> list[str]:
        """The paths that were read since this was called last, sorted; those too that had been read before."""
        paths, self._noted = sorted(self._noted), set()
        return paths

    def bytes(self, path: str | Path) -> bytes:
        """Content of a file.

        Raises:
            UserError: if it cannot be read.
        """
        path = Path(path)
        with reading(path):
            data = path.read_bytes()
        self._remember(path, hash_bytes(data))
        return data

    def table(self, path: str | Path, columns: list[str] | None = None) -> pa.Table:
        """A parquet file as a pyarrow table; with `columns`, only these are decoded.

        Raises:
            UserError: if it cannot be read or is not parquet.
        """
        with parquet(self.bytes(path), path) as file:
            # On the caller's thread: a process that ends while one of pyarrow's threads still starts is aborted, its
            # work done. A job has one core, and tables are small.
            return file.read(columns, use_threads=False)

    def batches(self, path: str | Path, columns: list[str], length: int = 1024) -> Iterator[pa.RecordBatch]:
        """Some columns of a parquet file, so many rows at a time: its decoded rows never lie in memory all at once.

        Raises:
            UserError: as `table`.
        """
        with parquet(self.bytes(path), path) as file:
            yield from file.iter_batches(length, columns=columns, use_threads=False)

    def array(self, path: str | Path) -> np.ndarray:
        """A ``.npy`` file, memory-mapped read-only; hashed in one sequential pass.

        Raises:
            UserError: if it cannot be read, holds objects, or is not an npy file.
        """
        path = Path(path)
        self._remember(path, hash_file(path))
        return mapped(path)

    def shape(self, path: str | Path) -> tuple[int, ...]:
        """The shape of a ``.npy`` file, which is not read for it.

        Raises:
            UserError: as `array`.
        """
        return header(Path(path)).shape

    def rows(self, path: str | Path) -> Rows:
        """A ``.npy`` file whose rows are read when asked for; hashed in one sequential pass.

        For large arrays: the pages of a memory-mapped file count as the process's memory, these rows do not.

        Raises:
            UserError: as `array`.
        """
        self._remember(path, hash_file(Path(path)))
        return header(Path(path))

    def blocks(self, path: str | Path, length: int) -> Iterator[np.ndarray]:
        """The rows of a ``.npy`` file, so many at a time, hashed in the same read.

        Only after the last block is the file among the inputs.

        Raises:
            UserError: as `array`, or if the file ends too early.
        """
        import numpy as np

        path = Path(path)
        layout = header(path)
        sha, size = hashlib.sha256(), 0
        with reading(path), open(path, "rb") as handle:
            sha.update(handle.read(layout.offset))
            size = layout.offset
            for start in range(0, len(layout), length):
                count = min(length, len(layout) - start)
                data = handle.read(count * layout.row_bytes)
                if len(data) != count * layout.row_bytes:
                    self._remember(path, hash_file(path))
                    raise UserError(f"{path}: ends too early; delete it and run again")
                sha.update(data)
                size += len(data)
                yield np.frombuffer(data, layout.dtype).reshape(count, *layout.shape[1:])
        self._remember(path, Digest(sha.hexdigest(), size))

    def json(self, path: str | Path) -> Any:
        """A JSON file's value.

        Raises:
            UserError: if it cannot be read or is not JSON.
        """
        try:
            return json.loads(self.bytes(path))
        except ValueError as error:
            raise UserError(f"{path}: not readable JSON ({first_line(error)})") from None


class Outputs:
    """A job's outputs: written beside their targets, renamed into place together.

    Use as a context manager. On any error every temporary file is removed and no target changes;
    :meth:`commit` makes the rename, in the order the outputs were written. What a forked process writes, its parent
    renames: see :meth:`hand_over`.
    """

    def __init__(self, process: int | None = None) -> None:
        """`process` will make the rename; this one as a rule."""
        self.digests: dict[str, Digest] = {}
        self._process = os.getpid() if process is None else process
        self._pending: list[tuple[Path, Path]] = []

    def __enter__(self) -> Outputs:
        return self

    def __exit__(self, *exc: object) -> None:
        for temporary, _ in self._pending:
            remove(temporary)
        self._pending.clear()

    def _temporary(self, target: Path) -> Path:
        with writing(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            remove_stale(target)
        # The process is part of the name: a job that outlived a killed workflow and the one that replaces it must
        # not write into one file.
        temporary = target.parent / f".{target.name}.{platform.node()}-{self._process}.partial"
        self._pending.append((temporary, target))
        return temporary

    def bytes(self, path: str | Path, data: bytes) -> None:
        """Write bytes.

        Raises:
            UserError: if the file cannot be written.
        """
        target = Path(path)
        temporary = self._temporary(target)
        with writing(target), open(temporary, "wb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        self.digests[target.as_posix()] = hash_bytes(data)

    def copy(self, path: str | Path, source: Path) -> None:
        """Write what another file holds, block by block.

        Raises:
            UserError: if either file cannot be read or written.
        """
        target = Path(path)
        temporary = self._temporary(target)
        with reading(source), open(source, "rb") as old, writing(target), open(temporary, "wb") as handle:
            shutil.copyfileobj(old, handle, _BLOCK)
            handle.flush()
            os.fsync(handle.fileno())
        self.digests[target.as_posix()] = hash_file(temporary)

    def text(self, path: str | Path, text: str) -> None:
        """Write UTF-8 text."""
        self.bytes(path, text.encode())

    def json(self, path: str | Path, value: Any) -> None:
        """Write a value as indented JSON with a final newline."""
        self.text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")

    def table(self, path: str | Path, table: pa.Table) -> None:
        """Write a pyarrow table as parquet (zstd)."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd")
        self.bytes(path, sink.getvalue().to_pybytes())

    @contextmanager
    def array(self, path: str | Path, shape: tuple[int, ...], dtype: Any) -> Iterator[Callable[[np.ndarray], None]]:
        """Stream a ``.npy`` array to disk: yields `append(rows)`, rows being ``(n, *shape[1:])``.

        Memory stays flat in the number of rows, and the bytes are hashed as they pass.

        Raises:
            UserError: if the file cannot be written.
            ValueError: if the rows appended are not `shape[0]` in number, or of another shape.
        """
        import io

        import numpy as np

        target, dtype = Path(path), np.dtype(dtype)
        temporary = self._temporary(target)
        header = io.BytesIO()
        np.lib.format.write_array_header_2_0(
            header, {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
        )
        sha, size, rows = hashlib.sha256(), 0, 0
        with writing(target), open(temporary, "wb") as handle:

            def put(data: bytes | memoryview) -> None:
                nonlocal size
                handle.write(data)
                sha.update(data)
                size += len(data)

            def append(block: np.ndarray) -> None:
                nonlocal rows
                block = np.ascontiguousarray(block, dtype=dtype)
                if block.shape[1:] != shape[1:]:
                    raise ValueError(f"{target}: rows of shape {block.shape[1:]}, not {shape[1:]}")
                rows += len(block)
                if block.size:
                    put(memoryview(block).cast("B"))

            put(header.getvalue())
            yield append
            if rows != shape[0]:
                raise ValueError(f"{target}: {rows} rows written, {shape[0]} announced")
            handle.flush()
            os.fsync(handle.fileno())
        self.digests[target.as_posix()] = Digest(sha.hexdigest(), size)

    @contextmanager
    def directory(self, path: str | Path) -> Iterator[Path]:
        """Fill a folder under a temporary name; it appears whole, at commit, or not at all."""
        target = Path(path)
        temporary = self._temporary(target)
        with writing(target):
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir()
            yield temporary
        self.digests[target.as_posix()] = hash_tree(temporary)

    def commit(self) -> None:
        """Rename every output into place.

        Raises:
            UserError: if a rename fails.
        """
        folders = set()
        while self._pending:
            temporary, target = self._pending[0]
            with writing(target):
                if target.is_dir() and temporary.is_dir():
                    shutil.rmtree(target)
                os.replace(temporary, target)
            self._pending.pop(0)
            folders.add(target.parent)
        for folder in folders:
            sync_folder(folder)

    def hand_over(self) -> list[tuple[str, str, str, int]]:
        """Give up what was written, for :meth:`adopt` in another process; JSON can hold it."""
        written = []
        for temporary, target in self._pending:
            digest = self.digests[target.as_posix()]
            written.append((str(temporary), str(target), digest.sha256, digest.size))
        self._pending.clear()
        return written

    def adopt(self, written: list[tuple[str, str, str, int]]) -> None:
        """Take what another process wrote for this one."""
        for temporary, target, sha256, size in written:
            self._pending.append((Path(temporary), Path(target)))
            self.digests[Path(target).as_posix()] = Digest(sha256, size)

    def discard(self, folder: Path) -> None:
        """Remove what a process that was killed had begun to write below a folder for this one."""
        for path in folder.rglob(f".*.{glob.escape(platform.node())}-{self._process}.partial"):
            remove(path)
