"""Files that may be compressed with gzip."""

import gzip
import zlib
from pathlib import Path

_MAGIC = b"\x1f\x8b"


def content(path: Path, damaged: type[Exception]) -> bytes:
    """Return the bytes of a file, unpacked where it is compressed.

    Args:
        path: Of the file.
        damaged: What is raised where the compressed file is damaged.

    Raises:
        OSError: The file cannot be read.
    """
    raw = path.read_bytes()
    if not raw.startswith(_MAGIC):
        return raw
    try:
        return gzip.decompress(raw)
    except (OSError, EOFError, zlib.error) as error:
        raise damaged(f"{path}: damaged gzip file: {error}") from error
