// The microphone and the speaker of the page: pieces of 16-bit sound in and out.
import type { ApiError } from "../api/types";
import { Failure } from "../api/client";
import { Output } from "./output";

/** What is wanted. A browser that records in its own rate only keeps that. */
const RATE = 24_000;

const microphoneScript = new URL("./microphone.worklet.js", import.meta.url).href;
const speakerScript = new URL("./speaker.worklet.js", import.meta.url).href;

/** Why there is no sound, in words. */
export class NoSound extends Failure {}

/** What was said is not lost: the field keeps it. */
export const OVER: ApiError = { kind: "network", message: "The session is over, and this was not said", hints: ["send it again: it opens another session"] };

export const GONE: ApiError = { kind: "setup", message: "The microphone is gone", hints: ["connect it, and talk again", "writing works without it"] };

const setup = (message: string, ...hints: string[]): NoSound => new NoSound({ kind: "setup", message, hints });

const devicesOf = (): MediaDevices => {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw setup("This page may not use a microphone or a camera", "browsers allow that on https and on localhost only: open the page there", "writing works here too");
  }
  return navigator.mediaDevices;
};

/** What a browser said, in words that help. */
export function inWords(thrown: unknown, what: "microphone" | "camera" | "screen"): NoSound {
  if (thrown instanceof Failure) return new NoSound(thrown.error);
  const name = thrown instanceof Error ? thrown.name : "";
  switch (name) {
    case "NotAllowedError":
      return setup(`The ${what} was refused`, "allow it in the browser, beside the page's address, and try again", "writing works without it");
    case "NotFoundError":
    case "OverconstrainedError":
      return setup(`There is no such ${what}`, "connect one, or choose another below More", "writing works without it");
    case "NotReadableError":
    case "AbortError":
      return setup(`The ${what} does not start`, "another program may be using it");
    default:
      return setup(`The ${what} cannot be used: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  }
}

/** What is said needs so long to come through the browser to the page, at most. */
const UNDERWAY_MS = 100;
/** A browser that stands still gives nothing more. */
const PATIENCE_MS = 300;

export interface Microphone {
  rate: number;
  /** The usual one, where the chosen one cannot be used. */
  instead: boolean;
  /** Silence is heard instead. */
  mute: (muted: boolean) => void;
  /** Done when all that was said before was heard. */
  rest: () => Promise<void>;
  close: () => void;
}

/** Listens; `heard` is called fifty times a second. */
export async function listen(device: string, heard: (sound: ArrayBuffer, peak: number) => void, ended: () => void): Promise<Microphone> {
  const { stream, instead } = await capture(device).catch((thrown: unknown) => { throw inWords(thrown, "microphone"); });
  const { context, source } = record(stream);
  await context.audioWorklet.addModule(microphoneScript);
  const node = new AudioWorkletNode(context, "microphone", { numberOfInputs: 1, numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" });
  let all: () => void = () => {};
  node.port.onmessage = ({ data }: MessageEvent<{ sound: ArrayBuffer; peak: number } | "all">) => (data === "all" ? all() : heard(data.sound, data.peak));
  source.connect(node);
  const [track] = stream.getAudioTracks();
  track?.addEventListener("ended", ended);
  return {
    rate: context.sampleRate,
    instead,
    mute: (muted) => { if (track) track.enabled = !muted; },
    rest: async () => {
      await new Promise((resolve) => setTimeout(resolve, UNDERWAY_MS));
      await new Promise<void>((resolve) => {
        all = resolve;
        setTimeout(resolve, PATIENCE_MS);
        node.port.postMessage("rest");
      });
    },
    close: () => {
      track?.removeEventListener("ended", ended);
      for (const one of stream.getTracks()) one.stop();
      void context.close();
    },
  };
}

/** The microphone that was chosen, or the usual one instead of one that is gone. */
async function capture(device: string): Promise<{ stream: MediaStream; instead: boolean }> {
  const media = devicesOf();
  const wanted = (more: MediaTrackConstraints): MediaStreamConstraints =>
    ({ audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1, ...more } });
  const isGone = (thrown: unknown): boolean => thrown instanceof Error && ["NotFoundError", "OverconstrainedError"].includes(thrown.name);
  if (device !== "") {
    const chosen = await media.getUserMedia(wanted({ deviceId: { exact: device } })).catch((thrown: unknown) => {
      if (!isGone(thrown)) throw thrown;
      return null;
    });
    if (chosen) return { stream: chosen, instead: false };
  }
  return { stream: await media.getUserMedia(wanted({})), instead: device !== "" };
}

function record(stream: MediaStream): { context: AudioContext; source: MediaStreamAudioSourceNode } {
  const context = new AudioContext({ sampleRate: RATE });
  try {
    return { context, source: context.createMediaStreamSource(stream) };
  } catch {
    void context.close();
    const own = new AudioContext();
    return { context: own, source: own.createMediaStreamSource(stream) };
  }
}

export interface Speaker {
  rate: number;
  output: Output;
  play: (sound: ArrayBuffer) => void;
  flush: () => void;
  close: () => void;
}

/** Plays; `played` tells how many samples are past, and how loud they were. */
export async function speak(played: (samples: number, peak: number) => void): Promise<Speaker> {
  const context = new AudioContext({ sampleRate: RATE });
  if (!context.audioWorklet) {
    void context.close();
    throw setup("This page may not play sound of its own", "browsers allow that on https and on localhost only: open the page there");
  }
  await context.audioWorklet.addModule(speakerScript);
  const node = new AudioWorkletNode(context, "speaker", { numberOfInputs: 0, outputChannelCount: [1] });
  node.port.onmessage = ({ data }: MessageEvent<{ past: number; peak: number }>) => played(data.past, data.peak);
  const output = new Output(context, node);
  // A page may play once its reader did something in it.
  void context.resume();
  return {
    rate: context.sampleRate,
    output,
    play: (sound) => {
      if (context.state === "suspended") void context.resume();
      node.port.postMessage(sound, [sound]);
    },
    flush: () => node.port.postMessage("flush"),
    close: () => output.close(),
  };
}
