"""A climate transmitter on Modbus RTU, in front of the simulated physics. Pure: bytes and a time in, bytes out."""

import struct
from dataclasses import dataclass, field
from decimal import Decimal

from instruments.modbus import FUNCTIONS, MOST_REGISTERS, REFUSED, Register, packed
from instruments.modbus_framing import crc16
from instruments.simulator import Physics

_REQUEST_SIZE = 8
_ILLEGAL_FUNCTION, _ILLEGAL_ADDRESS, _ILLEGAL_VALUE = 1, 2, 3


@dataclass(slots=True)
class ModbusTransmitter:
    """``registers``: the map it serves. A register whose name begins with ``temperature`` shows the physics'
    figure (degrees in place of grams), every other one ``humidity``.
    """

    physics: Physics
    registers: tuple[Register, ...]
    slave: int = 1
    humidity: Decimal = Decimal("45.5")
    serial: str = ""
    busy: bool = False
    _line: bytearray = field(default_factory=bytearray)

    def receive(self, chunk: bytes, now: float) -> bytes:
        self._line += chunk
        out = b""
        while len(self._line) >= _REQUEST_SIZE:
            request = bytes(self._line[:_REQUEST_SIZE])
            whole = crc16(request[:-2]) == request[-2:]
            del self._line[: _REQUEST_SIZE if whole else 1]
            if whole and request[0] == self.slave:
                out += self._answer(request, now)
        return out

    def press_print(self, now: float) -> bytes:
        """It has no key."""
        return b""

    def switch_on(self) -> bytes:
        self._line.clear()
        return b""

    def tick(self, now: float) -> bytes:
        return b""

    def _answer(self, request: bytes, now: float) -> bytes:
        function, address, count = struct.unpack(">BHH", request[1:-2])
        if function not in FUNCTIONS:
            return self._refused(function, _ILLEGAL_FUNCTION)
        if not 1 <= count <= MOST_REGISTERS:
            return self._refused(function, _ILLEGAL_VALUE)
        words = self._words(function, now)
        wanted = [words.get(place) for place in range(address, address + count)]
        content = b"".join(word for word in wanted if word is not None)
        if len(content) != 2 * count:
            return self._refused(function, _ILLEGAL_ADDRESS)
        return self._said(bytes([function, len(content)]) + content)

    def _words(self, function: int, now: float) -> dict[int, bytes]:
        words: dict[int, bytes] = {}
        for row in self.registers:
            if row.function != function:
                continue
            number = self.physics.net(now) if row.name.startswith("temperature") else self.humidity
            content = packed(row, number)
            words |= {row.address + i: content[2 * i : 2 * i + 2] for i in range(row.size)}
        return words

    def _refused(self, function: int, code: int) -> bytes:
        return self._said(bytes([function | REFUSED, code]))

    def _said(self, pdu: bytes) -> bytes:
        body = bytes([self.slave]) + pdu
        return body + crc16(body)
