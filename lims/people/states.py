"""States of this room."""

from enum import StrEnum


class AccountState(StrEnum):
    """Read from the account's columns, never stored."""

    INVITED = "invited"  # has a one-time code, or had one
    ACTIVE = "active"
    RETIRED = "retired"
