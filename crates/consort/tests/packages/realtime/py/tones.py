"""Words as tones, as the test voice spells them, and back: each byte is two tones of sixteen, and silence ends a word."""
import array
import cmath
import math

TONE, GAP = 0.020, 0.060
LOUD = 655  # what is louder belongs to a word


def _pitch(tone):
    return 700 + 100 * tone


def spelled(text, rate):
    """A text in tones, as 16-bit samples."""
    samples, tone, gap = array.array("h"), int(rate * TONE), int(rate * GAP)
    for word in text.split():
        for byte in word.encode():
            for half in (byte >> 4, byte & 15):
                step = 2 * math.pi * _pitch(half) / rate
                samples.extend(int(9800 * math.sin(step * n)) for n in range(tone))
        samples.extend([0] * gap)
    return samples.tobytes()


class Ear:
    """Hears sound as it comes: when somebody begins to speak, and the words they said once they are silent."""

    def __init__(self, rate, silence=0.2):
        self.rate, self.rest, self.step = rate, b"", rate // 200
        self.word, self.words, self.quiet, self.spoken = array.array("h"), [], 0, 0
        self.is_speaking = False
        self.listens(silence)

    def listens(self, silence):
        """So much silence, in seconds, ends a turn; with none it ends when it is taken."""
        self.most_quiet = silence * 200 if silence else math.inf

    def push(self, data):
        """What happened: `("began",)` and `("ended", words)`, in their order."""
        told, size = [], self.step * 2
        self.rest += data
        while len(self.rest) >= size:
            step, self.rest = array.array("h", self.rest[:size]), self.rest[size:]
            told.extend(self._step(step))
        return told

    def _step(self, step):
        loud = next((at for at, sample in enumerate(step) if abs(sample) >= LOUD), None)
        if loud is not None:
            self.word.extend(step[0 if self.word else loud:])
            self.quiet = 0
            if not self.is_speaking:
                self.is_speaking = True
                yield ("began",)
            return
        self.quiet += 1
        if self.word:
            self.word.extend(step)
            if self.quiet == 6:
                self._end_word()
        if self.is_speaking and self.quiet >= self.most_quiet:
            self.is_speaking = False
            yield ("ended", self.take())

    def _end_word(self):
        sounding = self.word[: len(self.word) - self.quiet * self.step]
        tone = int(self.rate * TONE)
        pieces = [sounding[at : at + tone] for at in range(0, len(sounding) - tone // 2, tone)]
        self.word = array.array("h")
        tones = [_loudest(piece, self.rate) for piece in pieces]
        if tones and None not in tones:
            found = bytes(high << 4 | low for high, low in zip(tones[::2], tones[1::2]))
            self.words.append(found.decode(errors="replace"))

    def take(self):
        """All words so far: the turn is over."""
        if self.word:
            self._end_word()
        words, self.words = " ".join(self.words), []
        self.is_speaking = False
        return words


def _loudest(piece, rate):
    """Which of the tones this is; None where it is none of them."""
    edge = int(rate * 0.004)
    middle = piece[edge : len(piece) - edge]
    if len(middle) < edge:
        return None
    power = sum(sample * sample for sample in middle) / len(middle)
    best, strength = None, 0.0
    for tone in range(16):
        turn, at, found = cmath.exp(-2j * math.pi * _pitch(tone) / rate), 1 + 0j, 0j
        for sample in middle:
            found += sample * at
            at *= turn
        if abs(found) > strength:
            best, strength = tone, abs(found)
    return best if 2 * (strength / len(middle)) ** 2 >= 0.7 * power else None


def read(data, rate):
    """The words of a whole sound."""
    ear = Ear(rate, None)
    ear.push(data + bytes(ear.step * 2))
    return ear.take()
