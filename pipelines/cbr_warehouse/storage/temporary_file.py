"""A file without a name, for what is too much for memory: it is gone with the process that wrote it."""

import os
from pathlib import Path
from tempfile import TemporaryFile
from weakref import finalize

from cbr_warehouse.errors import StorageError
from cbr_warehouse.storage.disk_errors import as_read_error, as_storage_error


class UnnamedFile:
    """A temporary file in a folder, closed with the last reference to this object.

    Args:
        folder: The folder.

    Raises:
        OSError: It could not be created.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115  closed by the next line
        finalize(self, self._file.close)

    def append(self, content: memoryview) -> int:
        """Writes some bytes behind the others; returns the offset of the first.

        Raises:
            StorageError: They could not be written.
        """
        with as_storage_error(self._folder):
            offset = self._file.seek(0, os.SEEK_END)
            left = content.cast("B")
            while left:
                left = left[self._file.write(left) :]
        return offset

    def read(self, offset: int, size: int) -> bytes:
        """Reads as many bytes from an offset on. Safe to share between threads.

        Raises:
            StorageError: They could not be read.
        """
        with as_read_error(self._folder):
            content = os.pread(self._file.fileno(), size, offset)
        if len(content) < size:
            raise StorageError(f"{self._folder}: a temporary file there was cut off. Check the disk.")
        return content
