"""The mails that Amazon has written and that wait for their moment, each with the bytes as SES stores them.

A mail is posted once unless a scenario asks for it again; nothing is posted by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Mail:
    """`id` is SES's name for it and that of the object in the bucket. `state`: waiting, held, dropped or delivered."""

    id: str
    kind: str
    seller: str
    recipient: str
    content: Callable[[], bytes]
    due: datetime
    order: str | None = None
    state: str = "waiting"

    @property
    def raw(self) -> bytes:
        """The object in the bucket, written down when somebody reads it: the same bytes every time."""
        return self.content()


Post = Callable[[Mail], None]
Match = Callable[[Mail], bool]


def _everything(_: Mail) -> bool:
    return True


@dataclass(slots=True)
class Mailroom:
    mails: dict[str, Mail] = field(default_factory=dict)
    delivered: list[Mail] = field(default_factory=list)
    _waiting: dict[str, Mail] = field(default_factory=dict)
    _held: list[Match] = field(default_factory=list)
    _dropped: list[Match] = field(default_factory=list)

    def put(self, mail: Mail) -> Mail:
        if any(match(mail) for match in self._dropped):
            mail = replace(mail, state="dropped")
        elif any(match(mail) for match in self._held):
            mail = replace(mail, state="held")
        return self._set(mail)

    def _set(self, mail: Mail) -> Mail:
        self.mails[mail.id] = mail
        if mail.state == "waiting":
            self._waiting[mail.id] = mail
        else:
            self._waiting.pop(mail.id, None)
        return mail

    def pending(self) -> list[Mail]:
        return list(self._waiting.values())

    def next_due(self) -> datetime | None:
        return min((one.due for one in self._waiting.values()), default=None)

    def deliver_due(self, now: datetime, post: Post) -> list[Mail]:
        """Post what is due, oldest first."""
        due = sorted((one for one in self.pending() if one.due <= now), key=lambda one: one.due)
        return [self._post(mail, post) for mail in due]

    def _post(self, mail: Mail, post: Post) -> Mail:
        post(mail)
        sent = self._set(replace(mail, state="delivered"))
        self.delivered.append(sent)
        return sent

    # Tricks of scenarios

    def hold(self, match: Match = _everything) -> None:
        """Keep back what matches, now and from now on, until `release`."""
        self._held.append(match)
        for mail in self.pending():
            if match(mail):
                self._set(replace(mail, state="held"))

    def release(self) -> None:
        self._held.clear()
        for mail in list(self.mails.values()):
            if mail.state == "held":
                self._set(replace(mail, state="waiting"))

    def drop(self, match: Match = _everything) -> None:
        """Lose what matches from now on: it is never posted."""
        self._dropped.append(match)

    def stop_dropping(self) -> None:
        self._dropped.clear()

    def post_again(self, mail_id: str, post: Post) -> Mail:
        """The same bytes once more."""
        return self._post(self.mails[mail_id], post)
