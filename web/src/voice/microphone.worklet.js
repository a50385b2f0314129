// Runs beside the page: what the microphone hears, as 16-bit pieces of 20 ms with their loudness.
class Microphone extends AudioWorkletProcessor {
  constructor() {
    super();
    this.piece = new Int16Array(Math.round(sampleRate / 50));
    this.filled = 0;
    this.peak = 0;
  }

  process([input]) {
    const samples = input[0];
    if (!samples) return true;
    for (const sample of samples) {
      const clipped = Math.max(-1, Math.min(1, sample));
      this.peak = Math.max(this.peak, Math.abs(clipped));
      this.piece[this.filled++] = Math.round(clipped * 32767);
      if (this.filled < this.piece.length) continue;
      const whole = this.piece;
      this.piece = new Int16Array(whole.length);
      this.port.postMessage({ sound: whole.buffer, peak: this.peak }, [whole.buffer]);
      this.filled = this.peak = 0;
    }
    return true;
  }
}

registerProcessor("microphone", Microphone);
