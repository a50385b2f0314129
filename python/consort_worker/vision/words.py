"""The words of a live session's answers that are not spoken, and its turns."""

from . import data
from .current import answering


class Words:
    """The part of a session that says words, by whichever way they come first."""

    def __init__(self):
        self.turn = None  # the text that is being answered
        self.turn_text = []  # what this turn said in words
        self.by_words = None  # which way the words come: events or items
        self.transcribed = False  # whether this turn's answer was transcribed

    def _is_cut(self):
        """Whether this comes of an answer that the user spoke into."""
        answer = answering.get()
        return answer is not None and answer.cut

    def begin_turn(self, answer=None):
        self._end_held()
        self._new_turn(answer)

    def _new_turn(self, answer=None):
        self.turn, self.turn_text, self.by_words, self.transcribed = answer, [], None, False

    def _end_cut(self, answer):
        """The end of an answer that the user spoke into, once."""
        if answer.cut and self.turn is answer:
            self._end_turn("interrupted")

    def _end_broken(self, answer):
        """What an answer gave before it failed is all of it: nothing that comes later is its other half."""
        if answer is None or not answer.gave or answer.cut:
            return
        if self.turn is answer:
            self._end_turn("error")
        if self.giver is answer:
            self._shut()

    def _end_turn(self, reason="stop", by_plugin=True, holds=False, **more):
        if holds and self._holds(more):
            return self._new_turn()
        self._end_held()
        self._turn_ended(by_plugin and reason == "stop")
        self.emit(type="turn_done", finishReason=reason, **more)
        self.begin_turn()
        self._end_item()

    def _word(self, text, way):
        if not text:
            return
        if self._is_cut():
            self.warn_once(f"words of an answer that was interrupted were left out{data.at()}")
            return
        if not isinstance(text, str):
            self.warn_once(f"a chunk of {type(text).__name__} was left out{data.at()}")
            return
        if self.by_words not in (None, way):
            return
        self._end_held()
        self.by_words = way
        self.turn_text.append(text)
        item = self._item()
        self.written.append(text)
        self.emit(type="text", item=item, text=text)

    def _words_done(self, done, way):
        """The whole text: what was not streamed of it is said now."""
        if self._is_cut():
            return
        said, text = "".join(self.turn_text), getattr(done, "text", None)
        if self.by_words in (None, way) and isinstance(text, str) and text.startswith(said):
            self._word(text[len(said) :], way)
        if self.by_words == way or (self.by_words is None and not said):
            usage = data.usage(done)
            self._end_turn(holds=way == "events", **({"usage": usage} if usage else {}))

    def _chunk(self, event):
        self._word(event.delta, "events")

    def _completed(self, event):
        self._words_done(event, "events")

    def _response(self, event):
        """Words of the older form: pieces, the last of which says so. Some say again what was transcribed."""
        if not self.transcribed:
            self._word(event.text, "events")
        if event.is_complete and not self._is_cut():
            self._end_turn()
