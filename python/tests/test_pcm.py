"""PcmData: its forms and operations, and that changing the rate neither folds nor loses sound; with and without numpy."""

import math
import os
import subprocess
import sys
import unittest
from array import array

from harness import PYTHON_FOLDER

STANDINS = os.path.join(PYTHON_FOLDER, "consort_worker", "standins")
NUMPY_PYTHON = os.environ.get("CONSORT_TEST_NUMPY_PYTHON")
if STANDINS not in sys.path:
    sys.path.append(STANDINS)
    sys.path.append(PYTHON_FOLDER)

from getstream.video.rtc.track_util import AudioFormat, PcmData, PyAVResampler, Resampler  # noqa: E402


def tone(frequency, rate, count, loud=16000):
    return PcmData(rate, "s16", [round(loud * math.sin(2 * math.pi * frequency * n / rate)) for n in range(count)])


def level(sound, loud=16000):
    """Decibels of a sound's middle, against a tone of that loudness."""
    samples = list(sound.samples)[len(sound) // 10 : -len(sound) // 10]
    power = sum(int(each) ** 2 for each in samples) / len(samples)
    return 10 * math.log10(max(power * 2 / loud**2, 1e-18))


class Rates(unittest.TestCase):
    def test_what_is_above_half_the_rate_vanishes(self):
        for frequency in (9000, 11000, 15000, 20000):
            self.assertLess(level(tone(frequency, 48000, 9600).resample(16000)), -85, frequency)

    def test_what_is_below_it_passes(self):
        for frequency in (100, 1000, 4000, 7000):
            self.assertAlmostEqual(level(tone(frequency, 48000, 9600).resample(16000)), 0, delta=0.05)
        for source, target in ((24000, 48000), (16000, 24000), (44100, 48000), (48000, 44100), (8000, 24000), (22050, 16000)):
            made = tone(3000, source, source // 5).resample(target)
            wanted = list(tone(3000, target, len(made)).samples)
            self.assertEqual(len(made), -(-(source // 5) * target // source))
            error = max(abs(int(a) - int(b)) for a, b in zip(list(made.samples)[500:-500], wanted[500:-500]))
            self.assertLessEqual(error, 4, (source, target))

    def test_the_ends_of_a_piece_make_no_click(self):
        made = tone(440, 24000, 480, 10000).resample(48000)
        wanted = list(tone(440, 48000, 960, 10000).samples)
        self.assertLess(max(abs(int(a) - int(b)) for a, b in zip(made.samples, wanted)), 600)  # -24 dB, at the ends alone
        steady = PcmData(24000, "s16", [12345] * 480).resample(16000)
        self.assertEqual(set(map(int, steady.samples)), {12345})

    def test_pieces_of_a_flow_join_without_a_seam(self):
        for source, target, step in ((48000, 16000, 960), (24000, 48000, 480), (44100, 48000, 441), (16000, 24000, 7)):
            sound = tone(1234, source, source // 10)
            flow, joined = PyAVResampler("s16", target, 1), PcmData(target, "s16")
            for piece in sound.chunks(step):
                joined.append(flow.resample(piece))
            joined.append(flow.flush())
            whole = sound.resample(target)
            self.assertEqual(len(joined), len(whole))
            inner = slice(400, -400)
            self.assertLessEqual(max(abs(int(a) - int(b)) for a, b in zip(list(joined.samples)[inner], list(whole.samples)[inner])), 1)
        with self.assertRaises(ValueError):
            flow.resample(sound)
            flow.resample(tone(1, 8000, 10))

    def test_frames_of_one_size(self):
        for channels in (1, 2):
            whole = tone(440, 24000, 4800) if channels == 1 else tone(440, 24000, 4800).resample(24000, 2)
            free, even = PyAVResampler("s16", 16000, channels), PyAVResampler("s16", 16000, channels, frame_size=320)
            pieces = [even.resample(piece) for piece in whole.chunks(480)]
            self.assertEqual({len(each) % 320 for each in pieces}, {0})
            self.assertIn(320, {len(each) for each in pieces})
            joined, plain = PcmData(16000, "s16", channels=channels), PcmData(16000, "s16", channels=channels)
            for each in (*pieces, even.flush()):
                joined.append(each)
            for piece in whole.chunks(480):
                plain.append(free.resample(piece))
            plain.append(free.flush())
            self.assertEqual(joined.to_bytes(), plain.to_bytes())
            self.assertEqual(len(even.resample(next(iter(whole.chunks(480))), flush=True)), 320)

    def test_loud_sound_is_clipped_and_not_wrapped(self):
        square = PcmData(16000, "s16", [32767 if n // 20 % 2 else -32768 for n in range(800)])
        for each in (square.resample(48000), square.resample(24000)):
            self.assertTrue(all(-32768 <= int(sample) <= 32767 for sample in each.samples))
            self.assertGreater(max(map(int, each.samples)), 30000)


class Forms(unittest.TestCase):
    def test_bytes_and_channels(self):
        sound = PcmData.from_bytes(array("h", [1, -1, 2, -2, 3]).tobytes() + b"\x01", 16000, AudioFormat.S16, 2)
        self.assertEqual((sound.to_bytes(), sound.channels, len(sound)), (array("h", [1, -1, 2, -2]).tobytes(), 2, 2))
        self.assertTrue(sound.stereo)
        self.assertEqual(list(map(int, sound.resample(16000, 1).samples)), [0, 0])
        self.assertEqual(sound.resample(16000, 1).resample(16000, 3).channels, 3)
        for wrong in ("text", [1], None, 7):
            with self.assertRaises(TypeError):
                PcmData.from_bytes(wrong)
        for named in ({"format": "mp3"}, {"sample_rate": 0}, {"channels": 0}):
            with self.assertRaises(ValueError):
                PcmData(**{"sample_rate": 8000, "format": "s16", **named})
        with self.assertRaises(TypeError):
            PcmData(8000, "f32", array("h", [1]))

    def test_numbers_of_either_kind(self):
        loud = PcmData(8000, "s16", [16384, -32768, 32767]).to_float32()
        self.assertEqual((loud.format, [round(float(each), 3) for each in loud.samples]), ("f32", [0.5, -1.0, 1.0]))
        self.assertEqual(list(map(int, loud.to_int16().samples)), [16384, -32768, 32767])
        self.assertIs(loud.to_float32(), loud)
        over = PcmData(8000, "f32", [1.5, -1.5, 0.0]).to_int16()
        self.assertEqual(list(map(int, over.samples)), [32767, -32768, 0])

    def test_lengths_and_pieces(self):
        sound = PcmData(16000, "s16", list(range(10)), pts=100, time_base=1 / 16000, participant="ada")
        self.assertEqual((sound.duration_ms, round(sound.pts_seconds, 6)), (0.625, 0.00625))
        pieces = list(sound.chunks(4, overlap=2))
        self.assertEqual([list(map(int, each.samples)) for each in pieces], [[0, 1, 2, 3], [2, 3, 4, 5], [4, 5, 6, 7], [6, 7, 8, 9], [8, 9]])
        self.assertEqual([each.pts for each in pieces], [100, 102, 104, 106, 108])
        self.assertEqual(list(map(int, list(sound.chunks(4, pad_last=True))[-1].samples)), [8, 9, 0, 0])
        self.assertEqual(len(list(PcmData(16000, "s16", [0] * 800).sliding_window(25.0, 10.0))), 5)
        self.assertEqual(list(map(int, sound.head(3 / 16000).samples)), [0, 1, 2])
        self.assertEqual(list(map(int, sound.tail(3 / 16000).samples)), [7, 8, 9])
        self.assertEqual(list(map(int, sound.tail(12 / 16000, pad=True).samples))[:3], [0, 0, 0])
        self.assertEqual(len(sound.head(1.0)), 10)
        self.assertEqual(sound.copy().participant, "ada")
        joined = sound.copy().append(PcmData(16000, "f32", [0.5, 0.5], channels=1))
        self.assertEqual((len(joined), int(joined.samples[-1]), len(sound)), (12, 16384, 10))
        joined.clear()
        self.assertTrue(joined.empty and joined.duration == 0)
        self.assertEqual(repr(sound), "Mono audio: 16000Hz, 16-bit PCM, 10 samples, 0.6ms")

    def test_wav(self):
        import io
        import wave

        with wave.open(io.BytesIO(PcmData(8000, "f32", [0.5] * 8, channels=2).to_wav_bytes())) as opened:
            self.assertEqual((opened.getparams()[:4], opened.readframes(1)), ((2, 2, 8000, 4), b"\x00\x40" * 2))

    def test_telephones(self):
        """Known bytes of G.711, and both ways: what is decoded is encoded to the same byte again."""
        self.assertEqual(list(map(int, PcmData.from_g711(b"\xff\x7f\x00\x80").samples)), [0, 0, -32124, 32124])
        self.assertEqual(list(map(int, PcmData.from_g711(b"\xd5\x55\x2a\xaa", mapping="alaw").samples)), [8, -8, -32256, 32256])
        for law in ("mulaw", "alaw"):
            every = bytes(byte for byte in range(256) if (law, byte) != ("mulaw", 0x7F))  # minus zero is zero
            self.assertEqual(PcmData.from_g711(every, mapping=law).g711_bytes(mapping=law), every)
        self.assertEqual(len(PcmData.from_g711("//8A", encoding="base64")), 3)
        with self.assertRaises(ValueError):
            PcmData.from_g711(b"1", mapping="opus")

    def test_what_vendors_give(self):
        import asyncio

        class Holder:
            data = b"\x01\x00\x02\x00"

        self.assertEqual(len(PcmData.from_response(Holder(), sample_rate=8000)), 2)
        pieces = list(PcmData.from_response(iter([b"\x01", b"\x00\x02", Holder(), b"\x00"])))
        self.assertEqual(b"".join(each.to_bytes() for each in pieces), b"\x01\x00\x02\x01\x00\x02\x00\x00")

        async def stream():
            yield b"\x01\x00\x02"
            yield b"\x00"

        async def gathered():
            return [each.to_bytes() async for each in PcmData.from_response(stream())]

        self.assertEqual(asyncio.run(gathered()), [b"\x01\x00", b"\x02\x00"])
        with self.assertRaises(TypeError):
            PcmData.from_response(7)
        changed = Resampler("f32", 8000, 2).resample(PcmData(16000, "s16", [0] * 16))
        self.assertEqual((changed.format, changed.sample_rate, changed.channels, len(changed)), ("f32", 8000, 2, 8))


@unittest.skipUnless(NUMPY_PYTHON and sys.executable != NUMPY_PYTHON, "CONSORT_TEST_NUMPY_PYTHON is not set")
class WithNumpy(unittest.TestCase):
    def test_the_same_with_numpy(self):
        code = """
import numpy, test_pcm, unittest
from getstream.video.rtc.track_util import PcmData
sound = PcmData.from_numpy(numpy.array([[0.5, -0.5], [0.25, 0.0]]), 8000, "s16", 2)
assert sound.samples.shape == (2, 2) and sound.samples.dtype == numpy.int16, sound.samples
assert PcmData(8000, "f32", sound.to_float32().samples, channels=2).to_int16().to_bytes() == sound.to_bytes()
mono = PcmData(8000, "s16", numpy.arange(4, dtype=numpy.int16))
mono.samples[0] = 9
assert mono.to_bytes()[:2] == bytes([9, 0])
unittest.main(module=test_pcm, argv=["x"], verbosity=0)
"""
        ran = subprocess.run([NUMPY_PYTHON, "-c", code], cwd=os.path.dirname(__file__), capture_output=True, text=True)
        self.assertEqual(ran.returncode, 0, ran.stderr)


if __name__ == "__main__":
    unittest.main()
