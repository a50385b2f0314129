"""The bytes of a live model's sound, cut where no sample ends, and files of sound where samples belong."""

import base64
import unittest

from test_realtime import LiveCase, audio

SOUND = bytes(range(256)) * 12  # no byte stands beside its like, so that one that is lost shows
SENT = "SOUND = bytes(range(256)) * 12\n"
DONE = "self._emit_audio_output_done_event()"


class Cut(LiveCase):
    def heard_sound(self, *lines, head=SENT):
        body = "async def simple_audio_response(self, pcm):\n    " + "\n    ".join(lines) + "\n    self._emit_error_event(ValueError())"
        self.events = self.heard_of(body, audio(), until="error", head=head)
        self.assertNotIn("warning", self.kinds(self.events), self.events)
        sounds = {}
        for each in self.events:
            if each["type"] == "audio":
                sounds.setdefault(each["item"].rpartition(".")[2], []).append(base64.b64decode(each["data"]))
        return {item: b"".join(pieces) for item, pieces in sounds.items()}

    def test_a_stream_that_is_cut_within_samples_is_heard_whole(self):
        for length in (1, 3, 7, 641, 1000):
            for name, give in (
                ("an event", "self._emit_audio_output_event(piece, 24000)"),
                ("an event in stereo", "self.events.send(RealtimeAudioOutputEvent(audio_data=piece, sample_rate=24000, channels=2))"),
                ("the track", "await self.output_track.write(piece)"),
                ("both", "self._emit_audio_output_event(piece, 24000); await self.output_track.write(piece)"),
                ("yielded", "yield piece"),
            ):
                found = self.heard_sound(f"for at in range(0, len(SOUND), {length}):",
                                         f"    piece = SOUND[at:at + {length}]", f"    {give}")
                self.assertEqual(b"".join(found.values()), SOUND, (name, length))

    def test_floats_that_are_cut_within_samples(self):
        found = self.heard_sound("sound = pcm.to_float32().to_bytes()", "for at in range(0, len(sound), 5):",
                                 "    self.events.send(RealtimeAudioOutputEvent(audio_data=sound[at:at + 5], sample_rate=24000, "
                                 "audio_format='f32'))")
        self.assertEqual(found, {"0": bytes(range(96)) * 10})

    def test_what_is_left_over_is_dropped_with_its_answer(self):
        give = "self._emit_audio_output_event({}, 24000)"
        found = self.heard_sound(give.format("SOUND[:101]"), DONE, give.format("SOUND[:100]"), DONE)
        self.assertEqual(found, {"0": SOUND[:100], "1": SOUND[:100]})
        found = self.heard_sound(give.format("SOUND[:101]"), "self._emit_audio_output_event(SOUND[:100], 16000)", DONE)
        self.assertEqual(found, {"0": SOUND[:100] + SOUND[:100]})

    def test_a_file_of_sound_where_samples_belong_is_read_as_one(self):
        give = "self._emit_audio_output_event({}, 24000)"
        wav = "wav = PcmData.from_bytes(SOUND, 8000).to_wav_bytes()"
        head = SENT + "from getstream.video.rtc.track_util import PcmData\n"
        for made in ("wav", "wav[:40] + bytes(4) + wav[44:]", "wav[:4] + b'\\xff' * 4 + wav[8:40] + b'\\xff' * 4 + wav[44:]"):
            self.assertEqual(self.heard_sound(wav, give.format(made), head=head), {"0": SOUND}, made)
            self.assertEqual({each["rate"] for each in self.events if each["type"] == "audio"}, {8000})
        for stream in ("", "wav = wav[:4] + b'\\xff' * 4 + wav[8:40] + b'\\xff' * 4 + wav[44:]"):
            for said in ("", ", audio_format='wav'"):
                event = f"self.events.send(RealtimeAudioOutputEvent(audio_data={{}}, sample_rate=8000{said}))"
                found = self.heard_sound(wav, stream or "pass", event.format("wav[:145]"), event.format("wav[145:]"), DONE,
                                         event.format("wav"), head=head)
                self.assertEqual(found, {"0": SOUND, "1": SOUND}, (stream, said))

    def test_a_file_of_sound_that_is_cut_within_its_header(self):
        head = SENT + "from getstream.video.rtc.track_util import PcmData\n"
        wav = "wav = PcmData.from_bytes(SOUND, 8000).to_wav_bytes()"
        listed = "wav = wav[:12] + b'LIST' + (1001).to_bytes(4, 'little') + bytes(1002) + wav[12:]"
        for more in ("pass", listed):
            for length in (1, 3, 4, 5, 11, 12, 20, 40, 43, 44, 45):
                for said in ("", ", audio_format='wav'"):
                    event = f"self.events.send(RealtimeAudioOutputEvent(audio_data=wav[at:at + {length}], sample_rate=24000{said}))"
                    found = self.heard_sound(wav, more, *2 * (f"for at in range(0, len(wav), {length}): {event}", DONE), head=head)
                    self.assertEqual(found, {"0": SOUND, "1": SOUND}, (more, length, said))
                    self.assertEqual({each["rate"] for each in self.events if each["type"] == "audio"}, {8000})

    def test_what_only_begins_like_a_file_is_sound(self):
        for sound in ("b'RIFT' + SOUND", "b'RI' + SOUND", "b'RIFF' + SOUND"):
            for length in (1, 2, 4, 1000):
                found = self.heard_sound(f"sound = {sound}", f"for at in range(0, len(sound), {length}):",
                                         f"    self._emit_audio_output_event(sound[at:at + {length}], 24000)", DONE)
                self.assertEqual(found, {"0": eval(sound, {"SOUND": SOUND})}, (sound, length))

    def test_a_header_without_an_end_is_let_go(self):
        body = """
async def simple_audio_response(self, pcm):
    wav = b"RIFF" + bytes(4) + b"WAVE" + b"LIST" + (10 ** 9).to_bytes(4, "little")
    for each in (wav, *[bytes(1000)] * 200):
        self._emit_audio_output_event(each, 24000)
        held = [each for _, each in self.events._session.pieces.held.values()]
        assert sum(map(len, held)) < 100_000, held
    self._emit_error_event(ValueError())
"""
        events = self.heard_of(body, audio(), until="error")
        self.assertEqual(self.kinds(events)[:2], ["warning", "error"], events)
        self.assertIn("no WAV that can be read", events[0]["message"])

    def test_what_comes_behind_a_header_that_cannot_be_read_is_no_sound(self):
        body = f"""
async def simple_audio_response(self, pcm):
    wav = bytearray(PcmData.from_bytes(bytes(range(96)) * 20, 24000).to_wav_bytes())
    wav[34] = 24
    for at in range(0, len(wav), 100):
        self._emit_audio_output_event(bytes(wav[at:at + 100]), 24000)
    {DONE}
    self._emit_audio_output_event(b"RIFF" + bytes(4) + b"WAVEfmt ", 24000)
    {DONE}
    self._emit_audio_output_event(pcm.to_bytes(), 24000)
    self._emit_error_event(ValueError())
"""
        events = self.heard_of(body, audio(), until="error", head="from getstream.video.rtc.track_util import PcmData\n")
        told = [each["message"] for each in events if each["type"] == "warning"]
        self.assertIn("a WAV of 24 bits", told[0])
        self.assertIn("a WAV that ends within its header", told[1])
        self.assertEqual((len(told), self.kinds(events).count("audio")), (2, 1), events)


if __name__ == "__main__":
    unittest.main()
