"""Which answer a piece of a live session belongs to, and what was transcribed of answers and questions."""

from . import data
from .current import answering

_MODES = ("delta", "replacement", "final")


class Items:
    """The part of a session that counts its answers. One is open until its sound, its turn or its final text ends it; of
    its text the end may come later than that of its sound."""

    def __init__(self):
        self.items = 0  # answers so far
        self.opened = False  # whether anything was given of the newest
        self.ended = False  # whether the newest is complete; what is transcribed of it may still come
        self.sounded = False  # whether some of it was heard
        self.written = []  # what of it was said in words
        self.worded = self.finished = False  # whether some of it was transcribed, and whether all was
        self.moded = False  # whether what is transcribed of it says how it is meant
        self.behind = False  # whether what is transcribed from now on belongs to the next
        self.shut = False  # whether that is certain, of a final text too
        self.giver = self.giver_thread = None  # the input whose code gave the newest piece, and the thread that did
        self.questions = 0  # things that the user said
        self.so_far = {"user": [], "assistant": []}  # what was transcribed of the newest, until it is final

    # -- answers ------------------------------------------------------------------------------------------------

    def _item(self):
        """The id of the answer that is being given; sound or words behind the end of one begin the next."""
        self._part()
        if self.ended:
            self.items, self.ended = self.items + 1, False
            self.worded = self.moded = self.finished = self.behind = self.shut = self.sounded = False
            self.written, self.so_far["assistant"] = [], []
        self.opened = True
        return f"{self.ident}.{self.items}"

    def _part(self):
        """What the code that answers a text gives is no part of the answer before it, however that was given. It is ended no
        earlier: its sound may still be read elsewhere while the next text is asked."""
        answer = answering.get()
        if answer is None or not answer.begun or answer.parted:
            return
        answer.parted = True
        if self.opened:
            self._shut()

    def _shut(self):
        """An answer is complete, and nothing that comes later is of it."""
        self._end_item()
        self.shut, self.sounding = True, None

    def _end_item(self):
        """An answer is complete: no piece of it comes again by the other way."""
        self._remember_answer()
        # Where its words came along with its sound, further ones are the next answer's; else they come behind it.
        self.ended, self.behind = True, self.behind or self.worded
        self.once.forget()
        self.once_said.forget()
        if self.pieces.forget():
            self.warn_once("sound that is none was left out: a WAV that ends within its header")

    # -- what is transcribed ------------------------------------------------------------------------------------

    def _transcript(self, role, event, way):
        text = event.text
        if not isinstance(text, str):
            self.warn_once(f"a transcript of {type(text).__name__} was left out{data.at()}")
            return
        if role == "assistant":
            self._part()
        given, mode = self._mode(role, event, text)
        if not self.once_said.is_new(way, (role, mode, text)):
            return
        if mode == "final" and not text.strip():  # published models say so that there is no more, and no text again
            text = "" if role == "assistant" and self.shut else "".join(self.so_far[role])
            if not text:
                return
        item = f"{self.ident}.user{self.questions}" if role == "user" else self._transcribed(mode, text)
        self.emit(type="transcript", item=item, role=role, text=text, mode=mode)
        if role == "assistant":
            self.moded = self.moded or given
        if mode == "final":
            (self._remember_answer(text) if role == "assistant" else self._remember_heard(text, True))
        if mode == "delta":
            self.so_far[role].append(text)
            self._bound_heard()
        else:
            self.so_far[role] = [text] if mode == "replacement" else []
        if role == "user" and mode == "final":
            self.questions += 1

    def _mode(self, role, event, text):
        """(whether it is said how a transcript is meant, how it is)"""
        mode = getattr(event, "mode", None)
        mode = getattr(mode, "value", mode)
        if mode in _MODES:
            return True, mode
        if mode is None:
            # Models that know of no modes transcribe in pieces, or a whole answer in one. Behind others it is the whole text.
            return False, "delta" if role == "assistant" and not self._is_moded() else "final"
        self.warn_once(f"{mode!r} is no mode of a transcript{data.at()}: they are `delta` for a piece of its text, `replacement` for "
                       "all of it so far and `final` for all of it; it is taken for one of the first two")
        so_far = "".join(self.so_far[role])
        return True, "replacement" if so_far and text.startswith(so_far) else "delta"

    def _is_moded(self):
        return self.moded and not self.finished and not self.shut

    def _transcribed(self, mode, text):
        """The id of the answer that words are transcribed of."""
        if self.finished or (self.ended and not self._is_late(mode, text)):
            self.ended = True
            self._item()
        self.opened = self.worded = self.transcribed = True
        self.finished = mode == "final"
        return f"{self.ident}.{self.items}"

    def _is_late(self, mode, text):
        """Whether these are words of the answer that is complete: the first final text behind its sound is still its own. What
        was said in words needs no other text, but may be told again as such behind its sound."""
        if self.shut:
            return False
        if self.written and not self.worded:
            return mode == "final" and self.sounded and text.strip() == "".join(self.written).strip()
        return mode == "final" or not self.behind
