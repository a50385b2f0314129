// The microphone and the speaker of the page: pieces of 16-bit sound in and out.
import { Failure } from "../api/client";

/** What is wanted. A browser that records in its own rate only keeps that. */
const RATE = 24_000;

const microphoneScript = new URL("./microphone.worklet.js", import.meta.url).href;
const speakerScript = new URL("./speaker.worklet.js", import.meta.url).href;

/** Why there is no sound, in words. */
export class NoSound extends Failure {}

const setup = (message: string, ...hints: string[]): NoSound => new NoSound({ kind: "setup", message, hints });

const devicesOf = (): MediaDevices => {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw setup("This page may not use a microphone or a camera", "browsers allow that on https and on localhost only: open the page there", "writing works here too");
  }
  return navigator.mediaDevices;
};

/** What a browser said, in words that help. */
export function inWords(thrown: unknown, what: "microphone" | "camera" | "screen"): NoSound {
  if (thrown instanceof NoSound) return thrown;
  const name = thrown instanceof DOMException ? thrown.name : "";
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

export interface Microphone {
  rate: number;
  /** Silence is heard instead. */
  mute: (muted: boolean) => void;
  close: () => void;
}

/** Listens; `heard` is called fifty times a second. */
export async function listen(device: string, heard: (sound: ArrayBuffer, peak: number) => void, ended: () => void): Promise<Microphone> {
  const stream = await devicesOf().getUserMedia({
    audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1, ...(device ? { deviceId: { exact: device } } : {}) },
  }).catch((thrown: unknown) => { throw inWords(thrown, "microphone"); });
  const { context, source } = record(stream);
  await context.audioWorklet.addModule(microphoneScript);
  const node = new AudioWorkletNode(context, "microphone", { numberOfInputs: 1, numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" });
  node.port.onmessage = ({ data }: MessageEvent<{ sound: ArrayBuffer; peak: number }>) => heard(data.sound, data.peak);
  source.connect(node);
  const [track] = stream.getAudioTracks();
  track?.addEventListener("ended", ended);
  return {
    rate: context.sampleRate,
    mute: (muted) => { if (track) track.enabled = !muted; },
    close: () => {
      track?.removeEventListener("ended", ended);
      for (const one of stream.getTracks()) one.stop();
      void context.close();
    },
  };
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
  node.connect(context.destination);
  // A page may play once its reader did something in it.
  void context.resume();
  return {
    rate: context.sampleRate,
    play: (sound) => {
      if (context.state === "suspended") void context.resume();
      node.port.postMessage(sound, [sound]);
    },
    flush: () => node.port.postMessage("flush"),
    close: () => void context.close(),
  };
}

export interface Device { id: string; name: string }

/** The microphones; their names are known once one was allowed. */
export async function microphones(): Promise<Device[]> {
  const all = await (navigator.mediaDevices?.enumerateDevices?.() ?? Promise.resolve([]));
  return all.filter((one) => one.kind === "audioinput" && one.deviceId !== "" && one.deviceId !== "default")
    .map((one, at) => ({ id: one.deviceId, name: one.label || `Microphone ${at + 1}` }));
}
