// Runs beside the page: what the microphone hears, as 16-bit pieces of 20 ms with their loudness.
class Microphone extends AudioWorkletProcessor {
  constructor() {
    super();
    this.piece = new Int16Array(Math.round(sampleRate / 50));
    this.filled = 0;
    this.peak = 0;
    // Asked for what it has: it gives the piece that is not whole yet, and says that this was all.
    this.port.onmessage = () => {
      if (this.filled > 0) this.give();
      this.port.postMessage("all");
    };
  }

  process([input]) {
    const samples = input[0];
    if (!samples) return true;
    for (const sample of samples) {
      const clipped = Math.max(-1, Math.min(1, sample));
      this.peak = Math.max(this.peak, Math.abs(clipped));
      this.piece[this.filled++] = Math.round(clipped * 32767);
      if (this.filled === this.piece.length) this.give();
    }
    return true;
  }

  give() {
    const sound = this.piece.slice(0, this.filled).buffer;
    this.port.postMessage({ sound, peak: this.peak }, [sound]);
    this.filled = this.peak = 0;
  }
}

registerProcessor("microphone", Microphone);
