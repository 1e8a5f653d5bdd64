"""One device at the bench: its link, framer, codec and dialogue, and what of it becomes a capture."""

from dataclasses import dataclass

from instruments.acquaintance import Acquaintance
from instruments.analyser_orders import AnalyserOrder, Ends
from instruments.board import DeviceView, result_of
from instruments.captures import Draft, Source, Stored, Trigger
from instruments.clock import Clock
from instruments.codec import Answer, Calling, Labelled, SetsUp, Verb, abilities_of, confirmed, looks_of
from instruments.dialogue import GivenUp, Heard, Order, Part, Send
from instruments.frames import Frame, Stamp
from instruments.keeper import Keeper
from instruments.kept_orders import KeptOrders
from instruments.link import LineHealth, Link, LinkState
from instruments.order_desk import desk_for
from instruments.policy import keeps
from instruments.pushed_dialogue import dialogue_for
from instruments.readings import NOT_UNDERSTOOD, VALUED, WEIGHED, Event, Kind
from instruments.settings import DeviceSettings, Live
from instruments.settling import Settling

_SHOWN = WEIGHED | {Kind.OVERLOAD, Kind.UNDERLOAD}
NOISE_KEPT_EVERY_S = 1.0  # of a line at the wrong speed one frame a second is proof enough


@dataclass(frozen=True, slots=True)
class _Look:
    frame: Frame
    event: Event


class Device:
    """``orders``: the kept worklist; a device that takes orders is sent those that are for it."""

    def __init__(
        self,
        settings: DeviceSettings,
        clock: Clock,
        keeper: Keeper,
        boot: str,
        orders: KeptOrders | None = None,
    ) -> None:
        self.settings = settings
        self._clock, self._keeper, self._boot = clock, keeper, boot
        self._codec = settings.profile.codec
        self.link = Link(settings.port, settings.line)
        self._framer = self._codec.framer()
        self._session = self._codec.session() if isinstance(self._codec, Calling) else None
        self._desk = desk_for(
            settings.key,
            self._codec,
            self._session,
            orders,
            end=self._end_order,
            wall=lambda: clock.stamp().wall.astimezone(),
        )
        poll_s = settings.live_interval_ms / 1000 if settings.live is Live.POLL else None
        self.dialogue = dialogue_for(
            self._codec,
            poll_s=poll_s,
            stream=settings.live is Live.STREAM,
            pause_s=settings.profile.pause_s,
        )
        self._settling = Settling(settings.profile.settling)
        self._health = LineHealth(settings.profile.controls)
        self.can = (*abilities_of(self._codec), *(["orders"] if self._desk is not None else []))
        self._setups = self._codec.setups if isinstance(self._codec, SetsUp) else ()
        self._labels = self._codec.labels() if isinstance(self._codec, Labelled) else {}
        identify = self._codec.command(Verb.IDENTIFY)
        self._asks_back = identify is not None
        # Of several questions in a round the first asks for what the device is there for: that is shown live.
        self._minor = {look.wire for look in looks_of(self._codec)[1:]}
        self._introduces = identify.heads if identify else frozenset()
        self._uncommitted = 0
        self._openings = 0  # how often the port was opened
        self._look: _Look | None = None
        self._noise_kept_at = -NOISE_KEPT_EVERY_S
        self._who = Acquaintance(settings.serial)
        self._source = self._source_now()
        self._asked: bytes | None = None  # the question that was open when the latest frame came
        self._event: Event | None = None
        self._event_at = self._since = clock.stamp()
        self._state = LinkState.UNPLUGGED
        self._captures = self._unparsed = 0
        self._setup: str | None = None  # which one the device has confirmed

    # --- what the loop calls -------------------------------------------------------------------------------

    def open(self, now: float) -> None:
        if self.link.open(now) and not self.link.connecting:
            self._opened(now)

    def writable(self, now: float) -> None:
        if self.link.connecting:
            if self.link.connected(now):
                self._opened(now)
            return
        self.link.flush(now)
        self._notice_break(now)

    def readable(self, now: float, at: Stamp | None = None) -> None:
        """``at``: when it is read, as the loop knows it for several devices; None: now."""
        if self.link.connecting:
            self.writable(now)
            return
        chunk = self.link.read(now)
        if chunk is None:
            self._broke()
        elif chunk:
            self._health.feed(chunk)
            for frame in self._framer.feed(chunk, at or self._clock.stamp()):
                self._take_in(frame, now)

    def want(self, order: Order) -> None:
        """An order from the server; refused at once where it cannot be carried out."""
        if self._who.is_wrong:
            self._give_up(GivenUp(order, "wrong_device"))
        elif refused := self.dialogue.want(order):
            self._give_up(refused)

    def tick(self, now: float) -> None:
        """Send what is due. Waits while a frame of this device is not yet on the disk."""
        if self._session is not None and self.link.descriptor is not None and not self.link.connecting:
            if self._desk is not None:
                self._desk.feed()
            self._reply(self._session.step(now), now)
        while self._uncommitted == 0 and self.link.descriptor is not None and not self.link.connecting:
            action = self.dialogue.step(now)
            if action is None:
                return
            if isinstance(action, GivenUp):
                self._give_up(action)
            else:
                self._send(action, now)

    def next_time(self) -> float | None:
        if self.link.descriptor is None:
            return self.link.retry_at
        if self._uncommitted or self.link.connecting:
            return None
        if self._session is None:
            return self.dialogue.next_time()
        due = self._session.next_time()
        # Orders that could not be handed to the line, because the disk was full, are looked at again.
        return (
            self._clock.seconds() + 1.0
            if due is None and self._desk is not None and self._desk.unsent
            else due
        )

    def storing(self, possible: bool) -> None:
        """Whether captures can be made durable now; a device that calls is told to keep what it has otherwise."""
        if self._session is not None:
            self._session.busy = not possible

    def shut(self, now: float) -> None:
        if self.link.descriptor is not None:
            self.link.close(now, "the gateway stops")
            self._broke()

    # --- frames --------------------------------------------------------------------------------------------

    def _take_in(self, frame: Frame, now: float) -> None:
        if self._session is not None:
            self._converse(self._session.hear(frame, now), frame, now)
            return
        self._asked = asked = self.dialogue.asked
        event = self._settling.judge(self._codec.read(frame, asked), now)
        heard = self.dialogue.hear(event, now)
        if event.kind in NOT_UNDERSTOOD:
            self._not_understood(frame, event, now)
            return
        self._health.understood()
        self.link.opened_well()
        if event.kind is Kind.IDENTITY and event.head in self._introduces:
            self._introduced(event, heard, now)
        elif event.kind in _SHOWN and asked not in self._minor:
            self._event, self._event_at = event, frame.last
        self._sort(frame, event, heard)

    def _converse(self, answer: Answer, frame: Frame, now: float) -> None:
        """The device waits for its ACK, and gets it when the frame is on the disk: until then it is the buffer."""
        event = answer.event
        if event.kind in NOT_UNDERSTOOD:
            self._unparsed += 1
        else:
            self._health.understood()
            self.link.opened_well()
        if event.kind in VALUED:
            self._event, self._event_at = event, frame.last
        if self._desk is not None:
            self._desk.note(event)
        if answer.keep:
            self._keep(frame, event, Trigger.UNSOLICITED, None, reply=answer.reply)
        elif not (self._uncommitted and answer.repeats):
            # The repeat of a frame that is still waiting for the disk gets its one answer when that is there.
            self._reply(answer.reply, now)

    def _reply(self, wire: bytes, now: float) -> None:
        if wire and self.link.descriptor is not None:
            self.link.write(wire, now)
            self._notice_break(now)

    def _sort(self, frame: Frame, event: Event, heard: Heard) -> None:
        if heard.part is Part.UNASKED:  # nearly all of a bench whose devices send by themselves
            self._unasked(frame, event)
            return
        match heard.part, heard.order:
            case Part.ANSWER, Order(verb=Verb.LOOK | Verb.STREAM):
                self._look = _Look(frame, event)
                self._keep(frame, event, Trigger.LIVE, None)
            case Part.ANSWER, Order(verb=Verb.IDENTIFY):
                pass
            case Part.ANSWER, Order(verb=Verb.EXPLAIN) if event.kind is Kind.OK:
                pass  # the end of the queue: nothing happened
            case Part.ANSWER, Order(verb=Verb.SETUP) as order:
                self._keep(frame, self._set_up(order, event), Trigger.ASKED, order)
            case Part.ANSWER, order:
                trigger = Trigger.TAKE if order and order.verb is Verb.TAKE else Trigger.ASKED
                self._keep(frame, event, trigger, order)
            case Part.STREAMED, _:
                self._keep(frame, event, Trigger.LIVE, None)
            case Part.LATE, _:
                self._keep(frame, event, Trigger.LATE, None)
            case Part.ACCEPTED, _:
                self._keep(frame, event, Trigger.ASKED, None)
            case _:  # what a frame is can be unknown; that it came is kept
                self._unasked(frame, event)

    def _set_up(self, order: Order, event: Event) -> Event:
        setup, said = confirmed(self._codec, order.argument, event)
        if setup is not None and isinstance(own := self.settings.profile.codec, SetsUp):
            self._codec, self._setup = own.set_up(setup), setup.key
            self._source = self._source_now()
            self.dialogue.become(self._codec)
        return said

    def _unasked(self, frame: Frame, event: Event) -> None:
        look, self._look = self._look, None
        if look is not None and look.event.is_stable and look.frame.raw != frame.raw:
            # Two frames, one question: the print key was pressed, and nothing on the wire says which is its.
            # An unstable one is not (the key waits for stability); otherwise both are kept.
            self._keep(look.frame, look.event, Trigger.UNSOLICITED, None)
            if event.kind in WEIGHED and not event.is_stable:
                return
        self._keep(frame, event, Trigger.UNSOLICITED, None)

    def _not_understood(self, frame: Frame, event: Event, now: float) -> None:
        self._unparsed += 1
        if self._health.suspect and now - self._noise_kept_at < NOISE_KEPT_EVERY_S:
            return
        self._noise_kept_at = now
        self._keep(frame, event, Trigger.UNSOLICITED, None)

    def _introduced(self, event: Event, heard: Heard, now: float) -> None:
        self._who.introduce(event.value)
        self._source = self._source_now()
        if heard.part in (Part.UNASKED, Part.STREAMED) and (lost := self.dialogue.restarted(now)):
            self._give_up(lost)

    # --- captures ------------------------------------------------------------------------------------------

    def _keep(
        self, frame: Frame, event: Event, trigger: Trigger, order: Order | None, *, reply: bytes = b""
    ) -> None:
        if not keeps(trigger, event, self.settings.keep_live):
            return
        request_id = order.id if order else None
        draft = self._draft(frame, event, trigger, request_id)
        self._uncommitted += 1
        self._captures += 1
        if request_id is None and not reply:
            self._keeper.keep(draft, self._stored, urgent=False)
            return
        opening, turn = self._openings, self._turn

        def stored(row: Stored) -> None:
            self._stored(row)
            # On a new line, or after the device gave up, an old acknowledgement would answer something else.
            if (opening, turn) == (self._openings, self._turn):
                self._reply(reply, self._clock.seconds())
            if request_id is not None:
                self._keeper.report(result_of(request_id, self.settings.key, event, trigger, row.seq))

        self._keeper.keep(draft, stored, urgent=True)

    def _stored(self, _row: Stored) -> None:
        self._uncommitted -= 1

    def _draft(self, frame: Frame, event: Event, trigger: Trigger, request_id: str | None) -> Draft:
        asked = self._asked if frame.raw else None
        return Draft(self._source, trigger, frame.raw, event, frame.first, frame.last, request_id, asked)

    def _source_now(self) -> Source:
        profile, who = self.settings.profile.stated, self._who
        return Source(
            self.settings.key,
            profile,
            self._codec.name,
            self.settings.port,
            self._boot,
            who.serial,
            who.identity,
        )

    def _end_order(self, order: AnalyserOrder, ends: Ends, wire: bytes, why: str | None) -> None:
        """The end of an analyser's order is a capture: what was sent, and what came of it."""
        now = self._clock.stamp()
        code = ends.value if why is None else f"{ends.value} {why}"
        event = Event(Kind.STATUS, code=code, more={"sample": order.specimen, "test": order.test})
        draft = self._draft(Frame(wire, now, now), event, Trigger.ASKED, order.id)
        self._uncommitted += 1
        self._captures += 1
        self._keeper.keep_end(draft, self._stored, order, ends)

    def _give_up(self, given: GivenUp) -> None:
        """An order without an answer leaves a capture too: the cell that waits for it learns why."""
        if given.order.id is None:
            return
        trigger = Trigger.TAKE if given.order.verb is Verb.TAKE else Trigger.ASKED
        now = self._clock.stamp()
        self._keep(Frame(b"", now, now), Event(Kind.STATUS, code=given.code), trigger, given.order)

    @property
    def _turn(self) -> int:
        return 0 if self._session is None else self._session.turn

    # --- the line ------------------------------------------------------------------------------------------

    def _opened(self, now: float) -> None:
        self._openings += 1
        self._settling.restart()
        self._who.forget()
        self._look = None
        self._source = self._source_now()
        self._framer = self._codec.framer()
        self._health = LineHealth(self.settings.profile.controls)
        self.dialogue.opened(now)
        if not self._asks_back:
            self.link.opened_well()

    def _send(self, action: Send, now: float) -> None:
        if action.order.verb is Verb.LOOK:
            self._look = None
        self.link.write(action.command.wire, now)
        self._notice_break(now)

    def _notice_break(self, now: float) -> None:
        if self.link.descriptor is None:
            self._broke()

    def _broke(self) -> None:
        """Half a frame is kept as what it is; open orders end."""
        for frame in self._framer.flush(self._clock.stamp()):
            self._keep(frame, Event(Kind.UNPARSED, code=frame.verdict.value), Trigger.UNSOLICITED, None)
        for lost in self.dialogue.closed():
            self._give_up(lost)
        if self._session is not None:
            self._session.closed()
        if self._desk is not None:
            self._desk.closed()
        self._event = None

    def _state_now(self) -> LinkState:
        if self.link.descriptor is None:
            return LinkState.UNPLUGGED
        if self._health.suspect:
            return LinkState.SUSPECT
        if self._who.is_wrong:
            return LinkState.WRONG_DEVICE
        if self.dialogue.silent:
            return LinkState.SILENT
        waits = self.link.connecting or (self._asks_back and not self._who.known)
        return LinkState.CONNECTING if waits else LinkState.CONNECTED

    def view(self) -> DeviceView:
        state = self._state_now()
        if state is not self._state:
            self._state, self._since = state, self._clock.stamp()
        return DeviceView(
            key=self.settings.key,
            profile=self.settings.profile.stated,
            port=self.settings.port,
            state=state,
            since=self._since,
            reason=self.link.reason,
            serial=self._who.serial if self._who.known else None,
            expected_serial=self.settings.serial,
            event=self._event if state in (LinkState.CONNECTED, LinkState.WRONG_DEVICE) else None,
            event_at=self._event_at,
            captures=self._captures,
            unparsed=self._unparsed,
            can=self.can,
            unsent=self._desk.unsent if self._desk is not None else 0,
            trouble=self._desk.trouble if self._desk is not None else None,
            labels=self._labels,
            setups=self._setups,
            setup=self._setup,
        )
