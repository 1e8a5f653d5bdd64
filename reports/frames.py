"""Frames between the renderer and its child: how many parts, then each part with its length."""

import struct
from collections.abc import Sequence
from typing import BinaryIO


def write_frame(stream: BinaryIO, parts: Sequence[bytes]) -> None:
    stream.write(struct.pack(">I", len(parts)))
    for part in parts:
        stream.write(struct.pack(">Q", len(part)))
        stream.write(part)
    stream.flush()


def read_frame(stream: BinaryIO) -> list[bytes] | None:
    """None where the other side has gone, also in the middle of a frame."""
    head = stream.read(4)
    if len(head) < 4:
        return None
    parts: list[bytes] = []
    for _ in range(struct.unpack(">I", head)[0]):
        size = stream.read(8)
        if len(size) < 8:
            return None
        length = struct.unpack(">Q", size)[0]
        part = stream.read(length)
        if len(part) < length:
            return None
        parts.append(part)
    return parts
