"""Reading back bytes that this package itself has encoded: no walk, no comparison, no limit on arrays.

For derived rows and for entries that were checked before; never for bytes from outside.
"""

from __future__ import annotations

from typing import Any

from msgpack import unpackb

from creditledger.codec.canonical import encode_fast
from creditledger.errors import FormatError

encode = encode_fast


def restore(data: bytes) -> Any:
    """The value of bytes that `encode` made; arrays come back as tuples. Raises `FormatError` if they are damaged."""
    try:
        return unpackb(data, use_list=False)
    except ValueError as error:
        raise FormatError(f"a row of derived data is damaged: {error}") from error
