// The microphones and speakers of this machine, and which of them are chosen.
import { keep, kept } from "../lib/keep";
import { choosesSpeaker } from "./output";

export interface Device { id: string; name: string }
type Kind = "audioinput" | "audiooutput";

const NAMES = { audioinput: "Microphone", audiooutput: "Speaker" };

/** One kind of them. The choice outlives that its device is pulled out. */
class Choice {
  chosen = $state("");
  all = $state.raw<Device[]>([]);

  constructor(readonly kind: Kind, readonly key: string) {
    this.chosen = kept(key, "");
  }

  choose(id: string): void {
    this.chosen = id;
    keep(this.key, id);
  }

  /** Whether it is there; the usual one always is. */
  get there(): boolean {
    return this.chosen === "" || this.all.some(({ id }) => id === this.chosen);
  }

  learn(found: MediaDeviceInfo[]): void {
    this.all = found.filter(({ kind, deviceId }) => kind === this.kind && deviceId !== "" && deviceId !== "default")
      .map(({ deviceId, label }, at) => ({ id: deviceId, name: label || `${NAMES[this.kind]} ${at + 1}` }));
  }
}

class Devices {
  microphones = new Choice("audioinput", "voice.device");
  speakers = new Choice("audiooutput", "voice.speaker");
  onchange: () => void = () => {};

  constructor() {
    navigator.mediaDevices?.addEventListener?.("devicechange", () => void this.learn().then(() => this.onchange()));
  }

  playBy(speaker: string): void {
    this.speakers.choose(speaker);
    this.onchange();
  }

  /** Their names are known once a microphone was allowed. */
  async learn(): Promise<void> {
    const found = await (navigator.mediaDevices?.enumerateDevices?.() ?? Promise.resolve([])).catch(() => []);
    this.microphones.learn(found);
    if (choosesSpeaker) this.speakers.learn(found);
  }
}

export const devices = new Devices();
