"""What is said in a live session, in the conversation that its plugin reads from itself: to connect again, it needs to know."""

import re
from functools import lru_cache

from ..loading import plugin
from . import data

_MOST = 200  # messages, or as many as the session was opened with
_LETTERS = 32_000  # of them in instructions
_PIECES, _HEARD = 500, 20_000  # pieces, and letters, that are kept of what a user says without an end
_KEEPS = re.compile(r"conversation\.(add_message|send_message|upsert_message|messages\.(append|extend|insert))\b")
_READS = re.compile(r"\._conversation\b")


class Remembered:
    """The part of a session that keeps its conversation."""

    def __init__(self):
        self.asked = None  # (what answers it, a text), until it is in the conversation
        self.answered = (None, None)  # the newest answer there: its number and its message
        self.understood = ""  # what the user is saying, as far as it is there already
        self.heard = (0, None)  # where in that its newest message begins, and the message
        self.most = None

    def _messages(self):
        """The conversation's; None where the plugin keeps it itself."""
        messages = getattr(self.given.get("_conversation"), "messages", None)
        if self.most is None:
            own = _KEEPS.search(_source(plugin.file))
            self.most = 0 if own else max(_MOST, len(messages or ()))
        return messages if isinstance(messages, list) and self.most else None

    def _remember(self, role, text):
        messages = self._messages()
        if messages is None or not text.strip():
            return None
        made = self._made(role, text)
        messages.extend(made)
        del messages[: max(0, len(messages) - self.most)]
        return made[-1]

    def _made(self, role, text):
        from .history import messages_of

        try:
            return messages_of(self.model, self.params, role, text)
        except Exception as error:  # of the plugin's own `_normalize_message`, which has nothing to do with what is told
            told = f"what was said is not in the conversation as it should be: {data.failed(error)}"
            self.warn_once(told, data.kind(error, "conversation"))
            return messages_of(None, self.params, role, text)

    def _remember_asked(self, by):
        """A typed text stands before what its own answer says, and behind what was said until then."""
        if self.asked is not None and self.asked[0] is by:
            text, self.asked = self.asked[1], None
            self._remember("user", text)

    def _remember_heard(self, text, is_final):
        """What the user said, so far: some models never tell that it is all. What goes on behind an answer stands behind it, and
        what is said anew in another's place stands where that stood."""
        known, (start, message) = self.understood, self.heard
        at = self._place(message)
        if text.startswith(known) and (at is None or at + 1 < len(self._messages() or ())):
            made = self._remember("user", text[len(known) :])
            self.heard = (len(known), made) if made is not None else self.heard
        elif text != known:
            start = start if text[:start] == known[:start] else 0
            self.heard = (start, self._put(at, "user", text[start:]))
        self.understood = text
        if is_final:
            self.understood, self.heard = "", (0, None)

    def _bound_heard(self):
        if len(self.so_far["user"]) > _PIECES:
            self._fold_heard()

    def _fold_heard(self):
        """Of what the user says without an end, no more is kept than may yet be corrected."""
        text = "".join(self.so_far["user"])
        self._remember_heard(text, False)
        if len(text) > _HEARD:
            text = text[-_HEARD // 2 :]
            self.understood, self.heard = text, (len(text), None)
        self.so_far["user"] = [text] if text else []

    def _place(self, message):
        """Where a message stands; None where it is no longer there."""
        return next((at for at, each in enumerate(self._messages() or ()) if each is message), None)

    def _put(self, at, role, text):
        """Puts a text in the place of a message, or behind all where there is none."""
        if at is None or not text.strip():
            return self._remember(role, text)
        messages = self._messages()
        messages[at] = self._made(role, text)[-1]
        return messages[at]

    def _remember_answer(self, final=None):
        """What the newest answer said; a final text that comes behind its end is put in its place."""
        text = final or ("" if self.finished else "".join(self.so_far["assistant"] or self.written))
        if not text.strip():
            return
        self._remember_asked(self.giver)
        self._fold_heard()
        number, message = self.answered
        at = self._place(message) if number == self.items else None
        if at is None or message.content != text:
            self.answered = (self.items, self._put(at, "assistant", text))

    def history(self):
        """The conversation in words, for instructions; None where the plugin reads the messages themselves."""
        messages = self._messages()
        if not messages or _READS.search(_source(plugin.file)):
            return None
        lines, letters = [], 0
        for message in reversed(messages):
            lines.append(f"{message.role}: {message.content}")
            letters += len(lines[-1])
            if letters > _LETTERS:
                break
        return "The conversation so far:\n" + "\n".join(reversed(lines))


@lru_cache(1)
def _source(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as opened:
            return opened.read()
    except (OSError, TypeError):
        return ""
