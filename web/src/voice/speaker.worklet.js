// Runs beside the page: plays the pieces that it is given, forgets them when it is told to, and says how far it is.
const TELL_EVERY = sampleRate / 10;
/** So much waits before it begins: it hides that pieces come unevenly. */
const BEFORE = sampleRate * 0.06;

class Speaker extends AudioWorkletProcessor {
  constructor() {
    super();
    this.pieces = [];
    this.at = 0;
    this.waiting = 0;
    /** Played or dropped, since the beginning. */
    this.past = 0;
    this.told = 0;
    this.peak = 0;
    this.plays = false;
    this.idle = 0;
    this.port.onmessage = ({ data }) => {
      if (data === "flush") return this.flush();
      const samples = new Int16Array(data);
      this.pieces.push(samples);
      this.waiting += samples.length;
    };
  }

  flush() {
    this.past += this.waiting;
    this.pieces = [];
    this.at = this.waiting = 0;
    this.plays = false;
    this.tell();
  }

  tell() {
    this.port.postMessage({ past: this.past, peak: this.peak });
    this.told = this.past;
    this.peak = 0;
  }

  process(_, [output]) {
    const to = output[0];
    // What ends is shorter than what it waits for.
    if (!this.plays && this.waiting > 0) this.plays = this.waiting >= BEFORE || (this.idle += to.length) >= BEFORE;
    let n = 0;
    while (this.plays && n < to.length && this.pieces.length > 0) {
      const piece = this.pieces[0];
      const sample = piece[this.at++] / 32768;
      this.peak = Math.max(this.peak, Math.abs(sample));
      to[n++] = sample;
      if (this.at < piece.length) continue;
      this.pieces.shift();
      this.at = 0;
    }
    this.waiting -= n;
    this.past += n;
    if (this.plays && this.waiting === 0) {
      this.plays = false;
      this.idle = 0;
      this.tell();
    } else if (this.past - this.told >= TELL_EVERY) this.tell();
    return true;
  }
}

registerProcessor("speaker", Speaker);
