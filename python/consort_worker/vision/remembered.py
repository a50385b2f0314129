"""What is said in a live session, in the conversation that its plugin reads from itself: to connect again, it needs to know."""

import re
from functools import lru_cache

from ..loading import plugin
from . import data

_MOST = 200  # messages, or as many as the session was opened with
_LETTERS = 32_000  # of them in instructions
_KEEPS = re.compile(r"conversation\.(add_message|send_message|upsert_message|messages\.(append|extend|insert))\b")
_READS = re.compile(r"\._conversation\b")


class Remembered:
    """The part of a session that keeps its conversation."""

    def __init__(self):
        self.asked = None  # (what answers it, a text), until it is in the conversation
        self.answered = (None, None)  # the newest answer there: its number and its message
        self.understood = 0  # letters of what the user is saying that are there already
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
            self.warn_once(f"what was said is not in the conversation as it should be: {data.failed(error)}")
            return messages_of(None, self.params, role, text)

    def _remember_asked(self, by):
        """A typed text stands before what its own answer says, and behind what was said until then."""
        if self.asked is not None and self.asked[0] is by:
            text, self.asked = self.asked[1], None
            self._remember("user", text)

    def _remember_heard(self, text, is_final):
        """What the user said, so far: some models never tell that it is all."""
        self._remember("user", text[self.understood :])
        self.understood = 0 if is_final else len(text)

    def _remember_answer(self, final=None):
        """What the newest answer said; a final text that comes behind its end is put in its place."""
        text = final or ("" if self.finished else "".join(self.so_far["assistant"] or self.written))
        if not text.strip():
            return
        self._remember_asked(self.giver)
        self._remember_heard("".join(self.so_far["user"]), False)
        number, message = self.answered
        messages = self._messages() or ()
        at = next((at for at, each in enumerate(messages) if each is message), None)
        if number != self.items or at is None:
            self.answered = (self.items, self._remember("assistant", text))
        elif message.content != text:
            messages[at] = self._made("assistant", text)[-1]
            self.answered = (number, messages[at])

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
