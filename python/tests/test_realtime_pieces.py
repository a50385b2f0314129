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


if __name__ == "__main__":
    unittest.main()
