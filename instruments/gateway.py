"""The process at the bench: one event loop for all ports, one spool, two threads towards the server."""

import gc
import logging
import os
import selectors
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from types import FrameType

from instruments.agenda import Agenda
from instruments.analyser_orders import AnalyserOrder, Ends
from instruments.board import Board, CommandResult
from instruments.canonical import JsonValue
from instruments.captures import Draft, Stored
from instruments.clock import Clock, SystemClock, boot_id
from instruments.device import Device
from instruments.dialogue import Order
from instruments.disk import Disk
from instruments.errors import NotEnrolled
from instruments.file_marks import FileMarks
from instruments.folder import FolderWatch, FoundFile
from instruments.forwarder import Delivery, DeliveryState, Forwarder
from instruments.frames import Stamp
from instruments.kept_orders import KeptOrders
from instruments.keys import load_identity
from instruments.live import LiveChannel
from instruments.only_one import only_one
from instruments.profile_store import ProfileStore
from instruments.settings import DeviceSettings, Settings
from instruments.spool import LINGER_S, Spool, SpoolReader
from instruments.status import StatusPage, write_status
from instruments.towards_server import TowardsServer
from instruments.waiting import WaitingDevices
from instruments.watch import Watch
from instruments.wire import Server
from instruments.worklist_wire import WorklistEntry

log = logging.getLogger("instruments")

STATUS_EVERY_S = 1.0
LOOK_FOR_IDENTITY_S = 2.0
BOARD_EVERY_S = 0.04
# Bytes of a hundred lines come a thousand times a second: those of 50 ms are served together, of ten lines those of 5 ms.
TURN_S, TURN_OF_ONE_S = 0.05, 0.0005
READ_AS_ONE = 16  # devices that are read within a millisecond or two: one stamp for all of them
MOST_WAITING = 5000  # drafts in memory while the disk refuses; then the ports are not read any more


class Gateway:
    """``run`` returns after ``stop``; everything that was read is on the disk by then."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings = settings
        self._clock = clock or SystemClock()
        self._stop = False
        self._lines = Watch()
        settings.folder.mkdir(parents=True, exist_ok=True)
        self._lock = only_one(
            settings.folder / "gateway.lock", f"another gateway already works in {settings.folder}"
        )
        self.spool = Spool(settings.spool_path)
        self._boot = boot_id()
        self._disk = Disk(settings.spool_path, settings.disk_low_mb)
        self._disk_state = self._disk.look(self._clock.seconds())
        self.orders = KeptOrders(self.spool)
        self.devices = {row.key: self._device(row) for row in settings.devices}
        self.board = Board()
        self._profiles = ProfileStore(settings.profiles_path, self.profiles_changed)
        self._waiting = WaitingDevices(settings.waiting)
        self._agenda: Agenda[Device] = Agenda()
        for device in self.devices.values():
            self._agenda.put(device, 0.0)
        self._unshown = set(self.devices.values())
        self._orders: deque[tuple[str, Order]] = deque()
        self._found: deque[tuple[FoundFile, Callable[[], None]]] = deque()
        self._marks = FileMarks(self.spool)
        self.folders = [
            FolderWatch(
                row, self._clock, self._boot, known=self._marks, keep=self.keep_file, show=self.board.show
            )
            for row in settings.folders
        ]
        self._worklist: deque[WorklistEntry] = deque()
        self._urgent = False
        self._spool_fault: str | None = None
        self._began = self._commit_again = self._next_status = self._next_identity = self._next_board = 0.0
        self._delivery: TowardsServer | None = None
        self._not_enrolled: str | None = None
        self._page: StatusPage | None = None

    def _device(self, settings: DeviceSettings) -> Device:
        return Device(settings, self._clock, self, self._boot, self.orders)

    # --- what devices call ---------------------------------------------------------------------------------

    def keep(self, draft: Draft, then: Callable[[Stored], None], urgent: bool) -> None:
        self.spool.add(draft, self._clock.seconds(), then)
        self._urgent = self._urgent or urgent

    def keep_end(
        self, draft: Draft, then: Callable[[Stored], None], order: AnalyserOrder, ends: Ends
    ) -> None:
        def stored(row: Stored) -> None:
            self.orders.ended(order.id, ends)
            then(row)

        self.spool.add(draft, self._clock.seconds(), stored, self.orders.ending(order.id, ends))

    def report(self, result: CommandResult) -> None:
        if self._delivery is not None:
            self._delivery.live.report(result)

    # --- what other threads call ---------------------------------------------------------------------------

    def order(self, device: str, order: Order) -> None:
        self._orders.append((device, order))
        self._wake()

    def keep_file(self, found: FoundFile, then: Callable[[], None]) -> None:
        self._found.append((found, then))
        self._wake()

    def take_worklist(self, entries: Sequence[WorklistEntry]) -> None:
        self._worklist.extend(entries)
        self._wake()

    def profiles_changed(self, names: Iterable[str]) -> None:
        self._waiting.came(names)
        self._wake()

    def stop(self, *_: int | FrameType | None) -> None:
        self._stop = True
        self._wake()

    def _wake(self) -> None:
        self._lines.ring()

    # --- the loop ------------------------------------------------------------------------------------------

    def run(self) -> None:
        if self.settings.status_port:
            self._page = StatusPage(self.settings.status_port, self.status)
        for folder in self.folders:
            folder.start()
        self._waiting.show(self.board, self._clock)
        try:
            while not self._stop:
                self._turn()
        finally:
            self._shut()

    def _turn(self) -> None:
        turn_s = min(TURN_S, len(self.devices) * TURN_OF_ONE_S)
        self.spool.linger_s = max(0.0, LINGER_S - turn_s)  # what waited in the kernel need not wait again
        time.sleep(max(0.0, self._began + turn_s - self._clock.seconds()))
        ready = list(self._lines.wait(self._wait_s()))
        self._began = now = self._clock.seconds()
        touched = set(self._agenda.due(now))
        for place, (device, mask) in enumerate(ready):
            if place % READ_AS_ONE == 0:
                at = self._clock.stamp()
            self._serve(device, mask, now, at)
            touched.add(device)
        touched.update(self._hand_out_orders())
        touched.update(self._take_profiles(now))
        self._take_files(now)
        touched.update(self._keep_worklist())
        for device in touched:
            if device.link.descriptor is None and now >= device.link.retry_at:
                device.open(now)
            device.tick(now)
        stored = self._commit_if_due(self._clock.seconds())
        for device in stored:  # what waited for the commit goes at once
            device.tick(now)
        touched |= stored
        self._watch(self._all_or(touched))
        for device in touched:
            self._agenda.put(device, device.next_time())
        self._unshown |= touched
        self._housekeeping(now)

    def _serve(self, device: Device, mask: int, now: float, at: Stamp) -> None:
        if mask & selectors.EVENT_WRITE:
            device.writable(now)
        if mask & selectors.EVENT_READ and device.link.descriptor is not None:
            device.readable(now, at)

    def _take_profiles(self, now: float) -> Iterable[Device]:
        """Devices whose profile came or changed begin anew with it; the others do not notice."""
        for settings in self._waiting.renewed(self.devices.values()):
            if (old := self.devices.get(settings.key)) is not None:
                old.shut(now)  # what it had not finished is kept as what it is
                self._watch([old])
                self._agenda.put(old, None)
                self._unshown.discard(old)
            self.devices[settings.key] = fresh = self._device(settings)
            yield fresh

    def _hand_out_orders(self) -> Iterable[Device]:
        while self._orders:
            key, order = self._orders.popleft()
            device = self.devices.get(key)
            if device is not None:
                device.want(order)
                yield device
            elif order.id is not None:
                self.report(CommandResult(order.id, key, "refused", "unknown_device", None))

    def _take_files(self, now: float) -> None:
        """The captures of a file and the mark that it was taken go into one commit."""
        while self._found:
            found, then = self._found.popleft()
            for draft in found.drafts[:-1]:
                self.spool.add(draft, now)
            stored, mark = partial(self._file_stored, found, then), self._marks.beside(found.mark, found.name)
            self.spool.add(found.drafts[-1], now, stored, mark)

    def _file_stored(self, found: FoundFile, then: Callable[[], None], _stored: Stored) -> None:
        self._marks.stored(found.mark)
        then()

    def _keep_worklist(self) -> Iterable[Device]:
        """Orders of the server become durable here before it is told that they are."""
        entries = [self._worklist.popleft() for _ in range(len(self._worklist))]
        if not entries or self._delivery is None:
            return ()
        able = {key for key, device in self.devices.items() if "orders" in device.can}
        mine = [entry for entry in entries if entry.order.device in able]
        try:
            self.orders.take(
                [entry.order for entry in mine if not entry.withdraws],
                [entry.order for entry in mine if entry.withdraws],
            )
        except Exception as exc:
            if not _is_database_error(exc):
                raise
            self._stored(f"the spool cannot be written: {exc}")
            log.error(self._spool_fault)
            return ()  # the server says it again
        for entry in entries:
            self._delivery.live.kept(entry, None if entry.order.device in able else "no_such_command")
        return {self.devices[entry.order.device] for entry in mine}

    def _commit_if_due(self, now: float) -> set[Device]:
        """The devices whose captures are durable now."""
        due = self.spool.due_at
        if due is None or now < self._commit_again or not (self._urgent or now >= due):
            return set()
        waited = self.spool.waiting_devices
        try:
            self.spool.commit()
        except Exception as exc:  # the two SQLite modules have no common error class
            if not _is_database_error(exc):
                raise
            # Disk full or gone: nothing is lost, no device gets its next command, and it is tried again.
            self._stored(f"the spool cannot be written: {exc}")
            log.error(self._spool_fault)
            self._commit_again = now + 1.0
            return set()
        self._urgent = False
        self._stored(None)
        if self._delivery is not None:
            self._delivery.forwarder.wake()
        return {device for key in waited if (device := self.devices.get(key)) is not None}

    def _stored(self, fault: str | None) -> None:
        if fault == self._spool_fault:
            return
        self._spool_fault = fault
        for device in self.devices.values():
            device.storing(fault is None)

    def _all_or(self, touched: set[Device]) -> Iterable[Device]:
        """While too much waits for the disk, nobody is read."""
        reading = self.spool.waiting <= MOST_WAITING
        changed, self._lines.reading = reading != self._lines.reading, reading
        return self.devices.values() if changed else touched

    def _watch(self, devices: Iterable[Device]) -> None:
        self._lines.follow(devices)

    def _wait_s(self) -> float:
        times = [self._next_status]
        if self._unshown:
            times.append(self._next_board)
        if (due := self._agenda.next_time()) is not None:
            times.append(due)
        if self.spool.due_at is not None:
            times.append(max(self.spool.due_at, self._commit_again))
        return max(0.0, min(times) - self._clock.seconds())

    def _housekeeping(self, now: float) -> None:
        if self._unshown and now >= self._next_board:
            self._next_board = now + max(BOARD_EVERY_S, self.board.pace_s / 2)
            for device in self._unshown:
                self.board.show(device.view())
            self._unshown.clear()
        if self._delivery is None and now >= self._next_identity:
            self._next_identity = now + LOOK_FOR_IDENTITY_S
            self._start_delivery()
        if now >= self._next_status:
            self._next_status = now + STATUS_EVERY_S
            self._disk_state = self._disk.look(now)
            try:
                write_status(self.settings.status_path, self.status())
            except OSError as exc:
                log.warning("the status file cannot be written: %s", exc)

    # --- towards the server --------------------------------------------------------------------------------

    def _start_delivery(self) -> None:
        """Works without the server: captures wait in the spool until there is an identity."""
        try:
            identity = load_identity(self.settings.identity_path)
        except NotEnrolled as exc:
            if self._not_enrolled is None:
                log.warning("not enrolled: %s", exc)
            self._not_enrolled = str(exc)
            return
        address = self.settings.server or identity.server
        reader = SpoolReader(self.settings.spool_path)
        keep_s = self.settings.keep_days * 86400.0
        forwarder = Forwarder(reader, Server(address, self.settings.ca_file, 30.0), identity, keep_s=keep_s)
        live = LiveChannel(
            Server(address, self.settings.ca_file, 5.0),
            identity,
            self.board,
            order=self.order,
            spool_state=self._spool_state,
            profiles=self._profiles,
            take_worklist=self.take_worklist,
        )
        self._delivery, self._not_enrolled = TowardsServer(forwarder, live), None
        self._delivery.start()
        log.info("delivers to %s as %s", address, identity.gateway_id)

    def _spool_state(self) -> dict[str, JsonValue]:
        delivery = self._delivery.forwarder.delivery if self._delivery else None
        delivery = delivery or Delivery(DeliveryState.REFUSED, 0, "not_enrolled", self._not_enrolled)
        return {
            "epoch": self.spool.epoch,
            "last_seq": self.spool.last_seq,
            "acknowledged": delivery.acknowledged,
            "pending": max(0, self.spool.last_seq - delivery.acknowledged),
            "delivery": delivery.state.value,
            "code": delivery.code,
            "sentence": self._spool_fault or delivery.sentence,
            "disk_free_mb": self._disk_state.free_mb,
            "disk": self._disk_state.sentence,
        }

    def status(self) -> dict[str, JsonValue]:
        """For the status file, the status page and whoever asks after our health."""
        at = self._clock.stamp().wall.isoformat(timespec="seconds")
        return {
            "name": self.settings.name,
            "process": os.getpid(),
            "at": at,
            "enrolled": self._delivery is not None,
            "live_channel": self._delivery.live.sentence if self._delivery else self._not_enrolled,
            "spool": self._spool_state(),
            "devices": [view.as_json() for view in self.board.views()],
        }

    def _shut(self) -> None:
        now = self._clock.seconds()
        for folder in self.folders:
            folder.stop()
        for device in self.devices.values():
            device.shut(now)
        self._urgent, self._commit_again = True, now
        self._commit_if_due(now)
        if self._delivery is not None:
            self._delivery.stop()
        if self._page is not None:
            self._page.close()
        self.settings.status_path.unlink(missing_ok=True)
        self.spool.close()
        self._lines.close()
        os.close(self._lock)


def _is_database_error(exc: Exception) -> bool:
    return any(kind.__name__ == "DatabaseError" for kind in type(exc).__mro__)


def run_until_signalled(gateway: Gateway) -> None:
    """SIGTERM and SIGINT stop it cleanly."""
    # What a bench makes is young and dies by itself within a commit; looking for rings of it cost a tenth.
    gc.freeze()
    gc.set_threshold(20_000, 50, 50)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, gateway.stop)
    gateway.run()
