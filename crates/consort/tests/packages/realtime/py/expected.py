"""What each model of the table says and sounds like, and how a cell is run; for the clients of both libraries."""
import asyncio
import sys
import traceback

from tones import read, spelled

RATE = 24000
PIECE = RATE * 2 // 50
SILENCE = bytes(RATE * 2)


class Demo:
    """It says how long it heard somebody, and a tone for each word."""

    remembers = False

    def __init__(self, name):
        self.name = name

    def heard(self, said):
        return "I heard "

    def check_sound(self, data, words):
        words = words.split()
        each = RATE * 160 // 1000 * 2
        assert len(data) == each * len(words), (len(data) / each, words)
        for at, word in enumerate(words):
            hash = 0xCBF29CE484222325
            for byte in word.lower().encode():
                hash = (hash ^ byte) * 0x100000001B3 % 2**64
            wanted = 220 * 2 ** (hash % 24 / 12)
            found = _pitch(data[at * each : at * each + RATE * 120 // 1000 * 2])
            assert abs(found - wanted) < wanted * 0.03, (word, found, wanted)


class Minded(Demo):
    """It reads tones and spells its answers in them."""

    remembers = True

    @property
    def is_told(self):
        """Whether a session of it can be told how much of an answer was heard."""
        return self.name not in ("minded_live", "away/gemini-live")

    def heard(self, said):
        return f"You said: {said}"

    def check_sound(self, data, words):
        assert read(data, RATE) == words, (read(data, RATE), words)


def _pitch(data):
    """The pitch of a tone, by how often it crosses nothing upwards."""
    samples = memoryview(data).cast("h")
    ups = [at - samples[at] / (samples[at] - samples[at - 1]) for at in range(1, len(samples)) if samples[at - 1] < 0 <= samples[at]]
    return (len(ups) - 1) * RATE / (ups[-1] - ups[0])


def starts(said, whole):
    """Whether these words are the first ones of that text, and not all of them."""
    said, whole = said.split(), whole.split()
    return said == whole[: len(said)] and len(said) < len(whole)


def barge(voice):
    """Somebody speaks, says two words that can be read, and is silent."""
    return voice + bytes(RATE // 10 * 2) + spelled("stop please", RATE) + SILENCE


MODELS = {"demo": Demo, "plugin": Minded, "cascade": Minded, "openai": Minded, "gemini": Minded}
COUNTED = "one two three four, five six seven eight, nine ten eleven twelve, thirteen fourteen fifteen sixteen"


async def fill(cells, features):
    """Fills these cells, `COLUMN=MODEL:FEATURE,FEATURE`: one column beside the other, its cells one behind the other."""

    async def column(wanted):
        name, rest = wanted.split("=", 1)
        model, wanted = rest.rsplit(":", 1)
        for feature in wanted.split(","):
            try:
                await asyncio.wait_for(features[feature](MODELS[name](model)), 60)
                print("held", name, feature, flush=True)
            except Exception:
                print("fell", name, feature, flush=True)
                print(f"--- {name} {feature}", file=sys.stderr)
                traceback.print_exc()

    await asyncio.gather(*(column(each) for each in cells))
