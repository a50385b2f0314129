//! The track: in time, nothing lost, nothing twice, and nothing after an interruption.
use consort_core::{Clock, ErrorKind, ManualClock, Pcm};
use consort_realtime::audio::{Frame, Idle, Shape, Track, TrackSettings};
use proptest::prelude::*;
use std::sync::Arc;
use std::time::{Duration, Instant};

const MS: Duration = Duration::from_millis(1);
const FRAME: usize = 480;

fn track(settings: TrackSettings) -> (Track, ManualClock, Instant) {
    let clock = ManualClock::default();
    let begun = clock.now();
    (Track::new(settings, Arc::new(clock.clone())), clock, begun)
}

fn speaker() -> TrackSettings {
    TrackSettings::speaker(Shape::MONO_24K)
}

/// Sound of so many milliseconds, all samples of which are one number.
fn piece(ms: usize, sample: i16) -> Pcm {
    Pcm { samples: vec![sample; ms * 24], rate: 24_000, channels: 1 }
}

/// All frames until a moment, with the milliseconds since the beginning at which they were taken.
fn play(track: &mut Track, clock: &ManualClock, begun: Instant, until: u64) -> Vec<(u64, Frame)> {
    let mut frames = Vec::new();
    loop {
        let now = clock.now() - begun;
        match track.due().map(|at| at.max(clock.now()) - begun) {
            Some(at) if at.as_millis() <= u128::from(until) => {
                clock.advance(at.saturating_sub(now));
                frames.extend(track.take().map(|frame| ((clock.now() - begun).as_millis() as u64, frame)));
            }
            _ => {
                clock.advance((MS * until as u32).saturating_sub(now));
                return frames;
            }
        }
    }
}

fn times(frames: &[(u64, Frame)]) -> Vec<u64> {
    frames.iter().map(|(at, _)| *at).collect()
}

#[test]
fn frames_are_on_time_whatever_comes_at_once() {
    let (mut track, clock, begun) = track(speaker());
    assert_eq!(track.due(), None);
    track.write(0, "a", piece(10_000, 1)).unwrap();
    let frames = play(&mut track, &clock, begun, 60_000);
    assert_eq!(times(&frames), (0..500).map(|n| n * 20).collect::<Vec<_>>());
    assert!(frames.iter().all(|(_, frame)| frame.pcm.samples == [1; FRAME]));
    assert_eq!(track.due(), None, "there is nothing to play");
}

#[test]
fn what_comes_later_is_never_faster_than_time() {
    let (mut track, clock, begun) = track(speaker());
    track.write(0, "a", piece(20, 1)).unwrap();
    assert_eq!(times(&play(&mut track, &clock, begun, 5)), [0]);
    track.write(0, "a", piece(40, 1)).unwrap();
    assert_eq!(times(&play(&mut track, &clock, begun, 300)), [20, 40]);
    // After silence, at once.
    track.write(0, "a", piece(40, 1)).unwrap();
    assert_eq!(times(&play(&mut track, &clock, begun, 900)), [300, 320]);
}

#[test]
fn a_piece_that_fills_no_frame_waits_for_more_or_for_its_end() {
    let (mut track, clock, begun) = track(speaker());
    track.write(0, "a", piece(5, 1)).unwrap();
    assert!(play(&mut track, &clock, begun, 10).is_empty());
    track.write(0, "a", piece(20, 2)).unwrap();
    let frames = play(&mut track, &clock, begun, 30);
    assert_eq!(times(&frames), [10]);
    assert_eq!((frames[0].1.pcm.samples[119], frames[0].1.pcm.samples[120]), (1, 2));
    // 5 ms are left, and wait 40 ms after what came last.
    let frames = play(&mut track, &clock, begun, 100);
    assert_eq!(times(&frames), [50]);
    assert_eq!((frames[0].1.pcm.samples[119], frames[0].1.pcm.samples[120]), (2, 0));
    assert_eq!(frames[0].1.played[0].frames, 120);
    // Where the end is known, it does not wait.
    track.write(0, "a", piece(5, 3)).unwrap();
    track.end("a");
    assert_eq!(times(&play(&mut track, &clock, begun, 200)), [100]);
    assert_eq!(track.heard("a"), None, "it was heard to its end");
}

#[test]
fn a_stall_is_made_up_for_when_it_was_short_only() {
    let (mut track, clock, begun) = track(speaker());
    track.write(0, "a", piece(1_000, 1)).unwrap();
    play(&mut track, &clock, begun, 0);
    clock.advance(70 * MS);
    assert_eq!(times(&play(&mut track, &clock, begun, 120)), [70, 70, 70, 80, 100, 120]);
    clock.advance(10_000 * MS);
    assert_eq!(times(&play(&mut track, &clock, begun, 10_160)), [10_120, 10_140, 10_160]);
}

#[test]
fn an_interruption_tells_what_was_heard_and_silences_what_is_late() {
    let (mut track, clock, begun) = track(speaker());
    track.write(1, "one", piece(30, 1)).unwrap();
    track.end("one");
    track.write(1, "two", piece(100, 2)).unwrap();
    track.write(1, "three", piece(10, 3)).unwrap();
    let frames = play(&mut track, &clock, begun, 50);
    let played: Vec<_> =
        frames[1].1.played.iter().map(|played| (&*played.item, played.frames, played.heard)).collect();
    assert_eq!(played, [("one", 240, 30 * MS), ("two", 240, 10 * MS)]);
    assert_eq!(track.heard("two"), Some(30 * MS));
    assert_eq!(track.queued(), 80 * MS);

    let flushed = track.flush(2);
    let cut: Vec<_> = flushed.items.iter().map(|item| (&*item.item, item.heard, item.dropped)).collect();
    assert_eq!(cut, [("two", 30 * MS, 70 * MS), ("three", Duration::ZERO, 10 * MS)]);
    assert_eq!((track.due(), track.queued()), (None, Duration::ZERO));
    assert_eq!(track.write(1, "two", piece(20, 2)), Ok(false), "of the epoch that was flushed");
    assert_eq!(track.write(2, "four", piece(20, 4)), Ok(true));
    let frames = play(&mut track, &clock, begun, 200);
    assert_eq!(times(&frames), [60], "as far apart as ever");
    assert_eq!(frames[0].1.pcm.samples, [4; FRAME]);
    assert_eq!(track.flush(3).items.len(), 1, "four was not ended, so there may have been more");
    assert_eq!(track.flush(4).items.len(), 0);
}

#[test]
fn a_microphone_is_an_even_stream() {
    let (mut track, clock, begun) = track(TrackSettings::microphone(Shape::MONO_24K));
    assert_eq!(track.due(), None, "nobody spoke yet");
    // Four pieces of 20 ms that come unevenly.
    track.write(0, "me", piece(20, 1)).unwrap();
    let mut frames = play(&mut track, &clock, begun, 35);
    track.write(0, "me", piece(20, 1)).unwrap();
    frames.extend(play(&mut track, &clock, begun, 75));
    track.write(0, "me", piece(40, 1)).unwrap();
    frames.extend(play(&mut track, &clock, begun, 200));
    assert_eq!(times(&frames), (0..=10).map(|n| n * 20).collect::<Vec<_>>(), "silence too is in time");
    let sound: Vec<bool> = frames.iter().map(|(_, frame)| !frame.played.is_empty()).collect();
    assert_eq!(sound, [false, false, false, true, true, true, true, false, false, false, false]);
    // What waits too long is passed on.
    track.write(0, "me", piece(2_000, 2)).unwrap();
    let frames = play(&mut track, &clock, begun, 220);
    let passed = frames.iter().filter(|(_, frame)| frame.pcm.samples == [2; FRAME]).count();
    assert_eq!(passed, 97, "all but 60 ms");
    assert!(track.queued() <= 60 * MS);
}

#[test]
fn what_is_wrong_or_too_much_is_refused() {
    let (mut track, _, _) = track(TrackSettings { most: Duration::from_secs(1), ..speaker() });
    let wrong = Pcm { samples: vec![0; 3], rate: 24_000, channels: 2 };
    assert_eq!(track.write(0, "a", wrong).unwrap_err().kind(), ErrorKind::InvalidRequest);
    track.write(0, "a", piece(900, 1)).unwrap();
    assert_eq!(track.write(0, "a", piece(200, 1)).unwrap_err().kind(), ErrorKind::Protocol);
    assert_eq!(track.queued(), 900 * MS, "what was refused is not half taken");
    let (mut many, _, _) = self::track(speaker());
    (0..10_000).for_each(|n| assert!(many.write(0, &n.to_string(), piece(1, 1)).unwrap()));
    assert!(many.write(0, "9999", piece(1, 1)).unwrap());
    assert!(many.write(0, "another", piece(1, 1)).unwrap_err().message().contains("10000 answers"));
    track.write(0, "a", piece(100, 1)).unwrap();
}

#[test]
fn what_waits_is_bounded_in_bytes_and_in_changes_of_its_shape_too() {
    let (mut wide, _, _) = track(speaker());
    let mut second =
        || wide.write(0, "a", Pcm { samples: vec![0; 192_000 * 16], rate: 192_000, channels: 16 });
    let taken = (0..40).take_while(|_| second().is_ok()).count();
    assert!((10..30).contains(&taken), "{taken} seconds of 6 MB each");
    assert!(second().unwrap_err().message().contains("MB"));
    assert_eq!(wide.queued(), Duration::from_secs(taken as u64), "what was refused is not half taken");
    assert_eq!(wide.write(0, "a", piece(20, 1)), Ok(true), "there is room for less");

    let (mut odd, clock, begun) = track(speaker());
    let mut ms = |n: u32| {
        odd.write(
            0,
            "a",
            Pcm { samples: vec![0; 16 + n as usize % 2 * 8], rate: 16_000 + n % 2 * 8_000, channels: 1 },
        )
    };
    let taken = (0..5_000).take_while(|n| ms(*n).is_ok()).count();
    assert!((500..2_000).contains(&taken), "{taken}");
    assert!(ms(taken as u32).unwrap_err().message().contains("changes"));
    assert_eq!(ms(taken as u32 - 1), Ok(true), "what changes nothing is taken");
    // There is room again once some of it was played.
    play(&mut odd, &clock, begun, 200);
    assert_eq!(odd.write(0, "a", Pcm { samples: vec![0; 44], rate: 44_000, channels: 1 }), Ok(true));
}

#[test]
fn waiting_takes_the_time_of_the_clock() {
    let (mut track, clock, begun) = track(speaker());
    track.write(0, "a", piece(60, 1)).unwrap();
    for n in 0..3 {
        let frame = pollster::block_on(track.next());
        assert_eq!(frame.at, begun + n * 20 * MS);
        assert_eq!(clock.now(), frame.at);
    }
}

#[derive(Debug, Clone)]
enum Step {
    Write(u8, usize),
    End(u8),
    Wait(u64),
    Flush,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0_u8..4, 0_usize..4_000).prop_map(|(item, samples)| Step::Write(item, samples)),
        1 => (0_u8..4).prop_map(Step::End),
        6 => (0_u64..150).prop_map(Step::Wait),
        1 => Just(Step::Flush),
    ];
    prop::collection::vec(step, 1..40)
}

proptest! {
    /// Over all schedules: what is played is what was written, in order, each sample once, but for what an interruption
    /// dropped, of which it says how much; and frames are never nearer than they should be.
    #[test]
    fn nothing_is_lost_and_nothing_is_played_twice(steps in steps(), patient in any::<bool>(), silence in any::<bool>(), prebuffer in 0_u32..80) {
        let settings = TrackSettings {
            prebuffer: MS * prebuffer,
            patience: if patient { 40 * MS } else { Duration::ZERO },
            idle: if silence { Idle::Silence } else { Idle::Nothing },
            ..speaker()
        };
        let (mut track, clock, begun) = track(settings);
        let (mut written, mut heard, mut epoch, mut now, mut count) = (Vec::new(), Vec::new(), 0, 0, 0_i16);
        let mut last: Option<Instant> = None;
        let listen = |frames: Vec<(u64, Frame)>, heard: &mut Vec<i16>, last: &mut Option<Instant>| {
            for (_, frame) in frames {
                assert!(last.is_none_or(|last| frame.at >= last + 20 * MS), "frames are too near");
                *last = Some(frame.at);
                let sounding: usize = frame.played.iter().map(|played| played.frames).sum();
                assert_eq!(frame.pcm.samples.len(), FRAME);
                assert!(frame.pcm.samples[sounding..].iter().all(|sample| *sample == 0));
                heard.extend_from_slice(&frame.pcm.samples[..sounding]);
            }
        };
        for step in steps {
            match step {
                Step::Write(item, samples) => {
                    // Every sample has a number of its own.
                    let samples: Vec<i16> = (0..samples).map(|_| { count = count.wrapping_add(1); count }).collect();
                    written.extend_from_slice(&samples);
                    track.write(epoch, &item.to_string(), Pcm { samples, rate: 24_000, channels: 1 }).unwrap();
                }
                Step::End(item) => track.end(&item.to_string()),
                Step::Wait(time) => {
                    now += time;
                    listen(play(&mut track, &clock, begun, now), &mut heard, &mut last);
                }
                Step::Flush => {
                    epoch += 1;
                    let dropped: Duration = track.flush(epoch).items.iter().map(|item| item.dropped).sum();
                    let dropped = Shape::MONO_24K.frames_in(dropped);
                    let late = Pcm { samples: vec![0; 99], rate: 24_000, channels: 1 };
                    prop_assert_eq!(track.write(epoch - 1, "0", late), Ok(false));
                    prop_assert_eq!(written.len() - heard.len(), dropped);
                    written.truncate(heard.len());
                }
            }
            prop_assert_eq!(&written[..heard.len()], &heard[..]);
        }
        listen(play(&mut track, &clock, begun, now + 60_000), &mut heard, &mut last);
        prop_assert_eq!(written, heard);
        prop_assert_eq!(track.queued(), Duration::ZERO);
    }
}

#[test]
fn what_nobody_heard_is_given_again_before_what_waits_and_can_be_cut() {
    for is_cut in [false, true] {
        let (mut track, clock, begun) = track(speaker());
        track.write(0, "a", piece(60, 1)).unwrap();
        track.write(0, "b", piece(80, 2)).unwrap();
        let frames = play(&mut track, &clock, begun, 95);
        assert_eq!(times(&frames), [0, 20, 40, 60, 80]);
        let back: Vec<Frame> = frames[2..].iter().map(|(_, frame)| frame.clone()).collect();
        track.take_back(back);
        assert_eq!(
            (track.queued(), track.heard("a"), track.heard("b")),
            (100 * MS, Some(40 * MS), Some(Duration::ZERO))
        );
        if is_cut {
            let items = track.flush(1).items;
            let cut: Vec<_> = items.iter().map(|cut| (&*cut.item, cut.heard, cut.dropped)).collect();
            assert_eq!(cut, [("a", 40 * MS, 20 * MS), ("b", Duration::ZERO, 80 * MS)]);
            assert!(play(&mut track, &clock, begun, 500).is_empty());
            continue;
        }
        let again = play(&mut track, &clock, begun, 500);
        assert_eq!(times(&again), [100, 120, 140, 160, 180]);
        let samples: Vec<i16> = again.iter().map(|(_, frame)| frame.pcm.samples[0]).collect();
        assert_eq!(samples, [1, 2, 2, 2, 2]);
        assert_eq!(again.last().unwrap().1.played[0].heard, 80 * MS);
    }
}
