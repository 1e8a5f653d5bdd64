"""The live channel: latest figures to the server, up to ten times a second while somebody looks, and commands back.

The server sets the pace (``next_ms``): slow while nobody looks, which is the heartbeat; 100 ms while a page is open.
"""

import threading
import time
import uuid
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence

from instruments.board import Board, CommandResult
from instruments.canonical import JsonObject, JsonValue
from instruments.clock import SystemClock, instant
from instruments.codec import Verb
from instruments.dialogue import Order
from instruments.errors import ServerRefused, ServerUnreachable
from instruments.keys import Identity
from instruments.profile_store import ProfileStore
from instruments.wire import Server, post_signed
from instruments.worklist_wire import Receipts, WorklistEntry, read_entries

PACE_MS = (50, 10_000)
DEFAULT_PACE_MS = 2_000
BACK_OFF_S = (1.0, 10.0)
PROFILES_EVERY_S = 10.0
REMEMBERED = 1000  # command numbers: the server repeats a command until it is seen
VERBS = frozenset({Verb.TAKE, Verb.TARE, Verb.ZERO, Verb.SETUP})


class LiveChannel:
    """``order`` hands a command to the loop of the bench; ``spool_state`` tells how delivery stands."""

    def __init__(
        self,
        server: Server,
        identity: Identity,
        board: Board,
        *,
        order: Callable[[str, Order], None],
        spool_state: Callable[[], JsonObject],
        take_worklist: Callable[[Sequence[WorklistEntry]], None] = lambda _entries: None,
        profiles: ProfileStore | None = None,
    ) -> None:
        self._server, self._identity, self._board = server, identity, board
        self._order, self._spool_state = order, spool_state
        self._take_worklist = take_worklist
        self._receipts = Receipts()
        self._receipts_lock = threading.Lock()
        self._profiles, self._profiles_due = profiles, 0.0
        self._run = str(uuid.uuid4())
        self._posts = self._failures = 0
        self._results: deque[CommandResult] = deque(maxlen=REMEMBERED)
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._unreported: list[str] = []
        self._wake = threading.Event()
        self._stop = False
        self._clock = SystemClock()
        self.sentence: str | None = None  # why the last post failed

    def report(self, result: CommandResult) -> None:
        """From the loop's thread: tell the server without waiting for the next round."""
        self._results.append(result)
        self._wake.set()

    def kept(self, entry: WorklistEntry, code: str | None) -> None:
        """From the loop's thread: the entry is durable here, or (``code``) can never be."""
        with self._receipts_lock:
            self._receipts.add(entry.entry, code)
        self._wake.set()

    def stop(self) -> None:
        self._stop = True
        self._wake.set()

    def run(self) -> None:
        wait_s = 0.0
        while not self._stop:
            began = time.monotonic()
            try:
                pace_s = self.step() / 1000
                wait_s = max(0.0, pace_s - (time.monotonic() - began))
            except ServerUnreachable as exc:
                self.sentence, wait_s = str(exc), self._back_off()
            except ServerRefused as exc:
                # A repeated post after a broken connection: the first one had arrived.
                again = exc.code == "live_replayed"
                self.sentence, wait_s = str(exc), PACE_MS[0] / 1000 if again else BACK_OFF_S[1]
            self._wake.wait(wait_s)
            self._wake.clear()
        self._server.close()

    def step(self) -> int:
        """One post; the milliseconds until the next."""
        results = list(self._results)
        seen = list(self._unreported)
        with self._receipts_lock:
            kept = self._receipts.said()
        document = self._document(results, seen, kept)
        answer = post_signed(self._server, self._identity, "live", "/api/gateways/live", document)
        self._failures, self.sentence = 0, None
        for _ in results:
            self._results.popleft()
        self._unreported = [id_ for id_ in self._unreported if id_ not in seen]
        with self._receipts_lock:
            self._receipts.heard(kept)
        self._take_commands(answer.get("commands"))
        self._take_profiles(answer.get("profiles"))
        if entries := read_entries(answer.get("worklist")):
            self._take_worklist(entries)
        pace = answer.get("next_ms")
        pace = pace if isinstance(pace, int) and not isinstance(pace, bool) else DEFAULT_PACE_MS
        self._board.pace_s = min(max(pace, PACE_MS[0]), DEFAULT_PACE_MS) / 1000
        # A command just came: say soon that it was seen, whoever watches.
        return min(max(pace, PACE_MS[0]), PACE_MS[1]) if not self._unreported else PACE_MS[0]

    def _take_profiles(self, offers: object) -> None:
        """What was new is reported with the next post, which brings what did not fit into this answer."""
        if self._profiles is not None and self._profiles.take(offers):
            self._profiles_due = 0.0

    def _held(self) -> dict[str, JsonValue]:
        """Now and then, and not ten times a second."""
        now = time.monotonic()
        if self._profiles is None or now < self._profiles_due:
            return {}
        self._profiles_due = now + PROFILES_EVERY_S
        return {"profiles": self._profiles.report()}

    def _document(
        self, results: list[CommandResult], seen: list[str], kept: list[JsonValue]
    ) -> dict[str, JsonValue]:
        self._posts += 1
        return {
            "gateway": self._identity.gateway_id,
            "run": self._run,
            "n": self._posts,
            "sent_at": instant(self._clock.stamp().wall),
            "spool": self._spool_state(),
            "devices": [view.as_json() for view in self._board.views()],
            "seen": list(seen),
            "kept": kept,
            "results": [result.as_json() for result in results],
            **self._held(),
        }

    def _take_commands(self, commands: object) -> None:
        for command in commands if isinstance(commands, list) else []:
            if not isinstance(command, dict) or not isinstance(command.get("id"), str):
                continue
            id_ = command["id"]
            if id_ not in self._unreported:
                self._unreported.append(id_)
            if id_ in self._seen:
                continue
            self._seen[id_] = None
            while len(self._seen) > REMEMBERED:
                self._seen.popitem(last=False)
            self._pass_on(id_, command)

    def _pass_on(self, id_: str, command: dict[str, object]) -> None:
        device = str(command.get("device"))
        verb = str(command.get("verb"))
        if verb not in VERBS:
            self.report(CommandResult(id_, device, "refused", "no_such_command", None))
            return
        expires_ms, timeout_ms = _number(command, "expires_in_ms"), _number(command, "timeout_ms")
        now = time.monotonic()
        self._order(
            device,
            Order(
                Verb(verb),
                id=id_,
                argument=argument if isinstance(argument := command.get("argument"), str) else None,
                deadline_s=None if timeout_ms is None else timeout_ms / 1000,
                expires_at=None if expires_ms is None else now + expires_ms / 1000,
            ),
        )

    def _back_off(self) -> float:
        first, longest = BACK_OFF_S
        self._failures += 1
        return float(min(longest, first * 2 ** min(self._failures - 1, 6)))


def _number(command: dict[str, object], name: str) -> int | None:
    """None when absent; at least one second, so that a slip of the server cannot make every take fail."""
    value = command.get(name)
    return max(1000, value) if isinstance(value, int) and not isinstance(value, bool) else None
