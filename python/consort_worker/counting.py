"""Counts tokens by the plugin's own count, which may be slow, wrong or paid for: each text is counted once."""

import threading

from . import logs

_SLOW = 2.0  # seconds
_KEPT = 4096  # texts


class Counter:
    """The counts of one model. Falls back on an estimate, and says so."""

    def __init__(self, model_id, count, method="count_tokens"):
        self.model_id = model_id
        self.count = count
        self.method = method  # as the plugin's author knows it
        self.kept = {}
        self.given_up = None  # why the plugin's count is not asked any more

    def tokens(self, call, texts):
        """(tokens, whether they are exact)."""
        if self.count is None or self.given_up is not None:
            return sum(self.kept.get(text) or estimate(text) for text in texts), False
        fresh = [text for text in dict.fromkeys(texts) if text not in self.kept]
        if fresh:
            self._count_in_time(call, fresh)
        known = [self.kept.get(text) for text in texts]
        total = sum(estimate(text) if each is None else each for text, each in zip(texts, known))
        return total, None not in known

    def _count_in_time(self, call, texts):
        """Asks the plugin, but waits no longer than it is worth. What comes late is kept for the next time."""
        done = threading.Event()

        def work():
            try:
                for text in texts:
                    self._keep(text, self._checked(self.count(call, text)))
            except Exception as error:
                self._give_up(f"{type(error).__name__}: {error}")
            except BaseException as error:  # SystemExit and its like
                self._give_up(type(error).__name__)
            finally:
                done.set()

        threading.Thread(target=work, name="count", daemon=True).start()
        if not done.wait(_SLOW):
            self._give_up(f"it takes longer than {_SLOW:g} s")

    def _keep(self, text, count):
        if len(self.kept) >= _KEPT:
            del self.kept[next(iter(self.kept))]
        self.kept[text] = count

    def _checked(self, count):
        """A whole number, rounded up."""
        if count is None or isinstance(count, (bool, str, bytes)):
            raise TypeError(f"returned {_named(count)}, expected int")
        try:
            number = float(count)
        except (TypeError, ValueError):
            raise TypeError(f"returned {_named(count)}, expected int") from None
        if not 0 <= number < 1e12:
            raise ValueError(f"returned {count!r}")
        return -int(-number // 1)

    def _give_up(self, why):
        if self.given_up is None:
            self.given_up = why
            logs.note(f"warning: {self.method} of {self.model_id} is not used, tokens are estimated: {why}")


def _named(value):
    return "None" if value is None else type(value).__name__


def estimate(text):
    """A rough count: four characters a token, but one for each of the scripts that pack a word into a character."""
    if text.isascii():
        return -(-len(text) * 23 // 80)  # a quarter, and 15 % to be on the safe side
    wide = sum(character >= "\u2e80" for character in text)
    return wide - (-(len(text) - wide) * 23 // 80)
