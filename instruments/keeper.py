"""Where captures and results of a device go."""

from collections.abc import Callable
from typing import Protocol

from instruments.analyser_orders import AnalyserOrder, Ends
from instruments.board import CommandResult
from instruments.captures import Draft, Stored


class Keeper(Protocol):
    """The gateway, for one."""

    def keep(self, draft: Draft, then: Callable[[Stored], None], urgent: bool) -> None: ...

    def keep_end(
        self, draft: Draft, then: Callable[[Stored], None], order: AnalyserOrder, ends: Ends
    ) -> None: ...

    def report(self, result: CommandResult) -> None: ...
