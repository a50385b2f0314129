// Sound for tests: a microphone's file, and what the page played, told by its tones.
import { writeFileSync } from "node:fs";
import type { Page } from "playwright-core";

/** A WAV file of so many seconds, 16-bit mono, of what this says of each moment. */
export function wav(file: string, seconds: number, at: (time: number) => number, rate = 48_000): void {
  const samples = Int16Array.from({ length: seconds * rate }, (_, n) => Math.round(at(n / rate) * 32_767));
  const head = Buffer.alloc(44);
  head.write("RIFF", 0);
  head.writeUInt32LE(36 + samples.byteLength, 4);
  head.write("WAVEfmt ", 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(rate, 24);
  head.writeUInt32LE(rate * 2, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write("data", 36);
  head.writeUInt32LE(samples.byteLength, 40);
  writeFileSync(file, Buffer.concat([head, Buffer.from(samples.buffer)]));
}

/** Something like a voice: harmonics that swell and fall four times a second. */
export const voiced = (time: number): number =>
  (0.35 + 0.25 * Math.sin(2 * Math.PI * 4 * time)) * [1, 2, 3, 4].reduce((sum, n) => sum + Math.sin(2 * Math.PI * 160 * n * (1 + 0.03 * Math.sin(5 * time)) * time) / n, 0) * 0.6;

/** Keeps all that the page plays. Before the page is opened. */
export async function record(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const kept: number[] = [];
    Object.assign(window, { played: { samples: kept, rate: 0 } });
    const { connect } = AudioNode.prototype as unknown as { connect: (...all: unknown[]) => AudioNode };
    AudioNode.prototype.connect = function (this: AudioNode, ...args: unknown[]) {
      const [to] = args;
      if (to instanceof AudioDestinationNode) {
        const tap = this.context.createScriptProcessor?.(1024, 1, 1) ?? (this.context as AudioContext).createScriptProcessor(1024, 1, 1);
        Object.assign((window as unknown as { played: object }).played, { rate: this.context.sampleRate });
        tap.onaudioprocess = ({ inputBuffer }) => void kept.push(...inputBuffer.getChannelData(0));
        connect.call(this, tap);
        connect.call(tap, to);
      }
      return connect.apply(this, args);
    } as typeof AudioNode.prototype.connect;
  });
}

export const played = (page: Page): Promise<{ samples: number[]; rate: number }> =>
  page.evaluate(() => (window as unknown as { played: { samples: number[]; rate: number } }).played);

/** The pitches of what was played, one a tone: each is followed by a pause. */
export function pitches({ samples, rate }: { samples: number[]; rate: number }): number[] {
  const found: number[] = [];
  const loud = samples.map((sample) => Math.abs(sample) > 0.02);
  const pause = Math.round(rate * 0.02);
  let begin = -1;
  let last = 0;
  for (let at = 0; at <= samples.length; at += 1) {
    if (loud[at]) {
      if (begin < 0) begin = at;
      last = at;
    } else if (begin >= 0 && (at - last > pause || at === samples.length)) {
      if (last - begin > rate * 0.06) found.push(pitch(samples.slice(begin, last), rate));
      begin = -1;
    }
  }
  return found;
}

function pitch(samples: number[], rate: number): number {
  const up: number[] = [];
  for (let at = 1; at < samples.length; at += 1) {
    const [before, now] = [samples[at - 1] ?? 0, samples[at] ?? 0];
    if (before < 0 && now >= 0) up.push(at - now / (now - before));
  }
  return ((up.length - 1) * rate) / ((up.at(-1) ?? 1) - (up[0] ?? 0));
}

/** The pitch that the demo's live model gives a word. */
export function pitchOf(word: string): number {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(word.toLowerCase())) hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & 0xffffffffffffffffn;
  return 220 * 2 ** (Number(hash % 24n) / 12);
}

// Words as the voice for tests spells them: each byte two tones of sixteen, and a pause behind each word.
const TONE = 0.02;
const GAP = 0.06;
const pitchFor = (half: number): number => 700 + 100 * half;
const halves = (word: string): number[] => [...new TextEncoder().encode(word)].flatMap((byte) => [byte >> 4, byte & 15]);

/** What somebody who spells these words sounds like at each moment. */
export function spelled(text: string): (time: number) => number {
  let end = 0;
  const words = text.split(" ").map((word) => {
    const tones = halves(word);
    const begin = end;
    end += tones.length * TONE + GAP;
    return { begin, tones };
  });
  return (time) => {
    const word = words.findLast(({ begin }) => begin <= time);
    const half = word?.tones[Math.floor((time - word.begin) / TONE)];
    return half === undefined ? 0 : 0.3 * Math.sin(2 * Math.PI * pitchFor(half) * time);
  };
}

/** The words that were played, spelled. */
export function wordsOf({ samples, rate }: { samples: number[]; rate: number }): string[] {
  const words: string[] = [];
  const [tone, pause] = [Math.round(rate * TONE), Math.round(rate * 0.03)];
  let begin = -1;
  let last = 0;
  for (let at = 0; at <= samples.length; at += 1) {
    if (Math.abs(samples[at] ?? 0) > 0.02) {
      if (begin < 0) begin = at;
      last = at;
    } else if (begin >= 0 && (at - last > pause || at === samples.length)) {
      const tones = Array.from({ length: Math.round((last - begin) / tone) }, (_, n) => loudest(samples.slice(begin + n * tone, begin + (n + 1) * tone), rate));
      const bytes = Array.from({ length: tones.length >> 1 }, (_, n) => ((tones[2 * n] ?? 0) << 4) | (tones[2 * n + 1] ?? 0));
      words.push(new TextDecoder().decode(new Uint8Array(bytes)));
      begin = -1;
    }
  }
  return words;
}

/** Which of the sixteen tones it is, by its middle: its neighbours sound into its ends. */
function loudest(samples: number[], rate: number): number {
  const edge = Math.round(rate * 0.004);
  const middle = samples.slice(edge, samples.length - edge);
  const strength = (half: number): number => {
    const step = (2 * Math.PI * pitchFor(half)) / rate;
    const [sine, cosine] = middle.reduce(([s, c], sample, n) => [s + Math.sin(step * n) * sample, c + Math.cos(step * n) * sample], [0, 0] as [number, number]);
    return Math.hypot(sine, cosine);
  };
  return Array.from({ length: 16 }, (_, half) => half).reduce((best, half) => (strength(half) > strength(best) ? half : best), 0);
}
