"""The rows of ``.npy`` files, without mapping them into memory, and what a user is told of a file that is damaged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mexflow.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow.parquet as pq


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn an operating-system error while reading `path` into one clear line.

    Raises:
        UserError: saying what is wrong with it.
    """
    try:
        yield
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; it is an input of this job, make it first") from None
    except IsADirectoryError:
        raise UserError(f"{path}: is a folder, a file is expected") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check its permissions and the disk") from None


class Rows:
    """The rows of a ``.npy`` file, read when asked for: ``rows[[3, 7]]`` is an array of two."""

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: np.dtype, offset: int) -> None:
        self.path, self.shape, self.dtype, self.offset = path, shape, dtype, offset
        self.row_bytes = dtype.itemsize
        for length in shape[1:]:
            self.row_bytes *= length

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, chosen: Sequence[int]) -> np.ndarray:
        """The rows at these positions, in this order, in memory of their own."""
        import numpy as np

        result = np.empty((len(chosen), *self.shape[1:]), self.dtype)
        with reading(self.path), open(self.path, "rb", buffering=0) as handle:
            for row, position in zip(result, chosen, strict=True):
                handle.seek(self.offset + position * self.row_bytes)
                if handle.readinto(memoryview(row).cast("B")) != self.row_bytes:
                    raise UserError(f"{self.path}: ends too early; delete it and run again")
        return result


def mapped(path: Path) -> np.ndarray:
    """An npy file, memory-mapped."""
    import numpy as np

    try:
        with reading(path):
            return np.lib.format.open_memmap(path, mode="r")  # knows no pickles and no archives
    except UserError:
        raise
    except Exception as error:  # numpy raises many kinds for a damaged header
        raise UserError(f"{path}: not a readable npy array ({first_line(error)}); delete it and run again") from None


def header(path: Path) -> Rows:
    """Shape, type and place of the rows of an npy file.

    Raises:
        UserError: if it is not an npy file, or its rows do not lie one after the other.
    """
    array = mapped(path)
    if not array.flags.c_contiguous:
        raise UserError(f"{path}: stored column by column, no array of ours; delete it and run again")
    return Rows(path, array.shape, array.dtype, array.offset)


def assert_rows(path: Path, rows: int, table: Path, expected: int) -> None:
    """Refuse an array that has another number of rows than its table.

    Raises:
        UserError: naming both.
    """
    if rows != expected:
        named = "its table" if table == path.with_suffix(".parquet") else f"its table {table}"
        raise UserError(f"{path}: {rows} rows, {named} has {expected}; delete both and run again")


def first_line(error: Exception) -> str:
    """The first line of what an error says, or its kind."""
    return str(error).splitlines()[0] if str(error) else type(error).__name__


@contextmanager
def parquet(data: bytes, path: str | Path) -> Iterator[pq.ParquetFile]:
    """The parquet file whose bytes these are.

    Raises:
        UserError: if they are damaged, now or while they are decoded.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # Not read_table: it would import pyarrow.dataset and pandas, half a second and more for nothing.
        yield pq.ParquetFile(pa.BufferReader(data))
    except (pa.ArrowException, OSError, ValueError) as error:  # it raises any of them for damaged bytes
        raise UserError(f"{path}: not a readable parquet file ({first_line(error)}); delete it and run again") from None
