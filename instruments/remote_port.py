"""A serial port of a device server that takes line settings over the network: ``rfc2217://host:port``.

Speed, parity and handshake travel as telnet options (RFC 2217) and are confirmed by the server. Nothing is encrypted and
nobody is asked who he is: only for a network of its own. After the port, ``?ign_set_control`` is for servers that do not
confirm the handshake, ``?timeout=5`` for slow ones (seconds).
"""

from urllib.parse import urlsplit

import serial
from serial.rfc2217 import Serial as RemoteSerial

from instruments.errors import InstrumentError, PortBusy, PortMissing, SettingsWrong
from instruments.holders import who_is_connected
from instruments.profiles import LineSettings
from instruments.serial_line import in_words, set_line
from instruments.socket_port import keep_alive
from instruments.threaded_port import READ_WAIT_S


class RemotePort(RemoteSerial):
    """pyserial's own never closes its connection once the server has reset it: a descriptor lost at every hang-up."""

    def close(self) -> None:
        connection = self._socket
        super().close()
        if connection is not None:
            connection.close()


def open_remote(address: str, line: LineSettings) -> serial.SerialBase:
    """Takes seconds. Raises PortBusy (and says who holds it), PortMissing, or SettingsWrong."""
    parts = urlsplit(address)
    holder = who_is_connected(parts.hostname or "", parts.port or 0)
    if holder is not None:
        raise PortBusy(f"{address} is in use by {holder}")
    try:
        port = RemotePort(None, timeout=READ_WAIT_S)
        set_line(port, line)
        port.port = address
        port.open()
    except (OSError, ValueError) as exc:
        raise _refusal(address, line, exc) from exc
    keep_alive(port._socket)  # without it a server whose power went would be silent for ever
    return port


def _refusal(address: str, line: LineSettings, exc: OSError | ValueError) -> InstrumentError:
    said = str(exc)
    if "parameter change" in said or "rejected value" in said:
        return SettingsWrong(f"{address}: the device server does not take {in_words(line)}")
    if isinstance(exc, ValueError) or "expected a string" in said:
        return SettingsWrong(f"{address}: {exc}")
    if "Could not open" in said:
        return PortMissing(f"{address} does not answer: {said.rpartition(': ')[2]}")
    return PortMissing(
        f"{address} does not agree on RFC 2217: another client may hold the port, or it passes raw bytes only "
        f"(then write socket://); it said: {exc}"
    )
