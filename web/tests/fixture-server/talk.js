// A live session: it says each sentence back, in tones and in words, and hears what is loud.

const RATE = 24_000;
const PIECE_MS = 20;
/** What is louder is speech, and so much silence is the end of it. */
const LOUD = 1500;
const PAUSE_MS = 400;
const WORD_MS = 8 * PIECE_MS;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A piece of a tone, 16-bit samples. */
function tone(pitch, at) {
  const piece = new Int16Array((RATE * PIECE_MS) / 1000);
  for (let n = 0; n < piece.length; n += 1) piece[n] = 6000 * Math.sin((2 * Math.PI * pitch * (at * piece.length + n)) / RATE);
  return Buffer.from(piece.buffer);
}

/** Width and height of a JPEG, as its frame header has them. */
function sizeOf(jpeg) {
  for (let at = 2; at + 8 < jpeg.length; at += 2 + jpeg.readUInt16BE(at + 2)) {
    const marker = jpeg.readUInt16BE(at);
    if (marker >= 0xffc0 && marker <= 0xffc2) return `${jpeg.readUInt16BE(at + 7)} x ${jpeg.readUInt16BE(at + 5)}`;
  }
  return "nothing";
}

export class Talk {
  /** Which answer is given; another number cuts the one before. */
  answer = 0;
  answering = false;
  said = 0;
  sent_ms = 0;
  played_ms = 0;
  /** Samples that came since the last turn, and where in them it was loud. */
  came = 0;
  loud = null;
  speaking = false;
  quiet_ms = 0;
  pictures = [];
  /** Tools that wait for a yes. */
  waiting = [];
  over = false;

  constructor(world, open) {
    Object.assign(this, { world, open, conversation: world.conversations.get(open.conversation) });
  }

  tell(message) {
    if (this.socket?.readyState === 1) this.socket.send(JSON.stringify(message));
  }

  event(event) {
    this.tell({ type: "event", event });
  }

  transcript(by, mode, text) {
    this.event({ type: "transcript", item: `${by}${this.said}`, by, mode, text });
  }

  keep(turn, text, status = "complete") {
    Object.assign(turn, { parts: [{ type: "text", text }], status, timings: { total_ms: 1 } });
    // As the server has it: what a session that is over keeps is told to nobody.
    if (!this.over) this.world.tell(this.conversation.id, { type: "turn", turn: structuredClone(turn) });
  }

  /** A tool asks, and waits: `#tool`. */
  ask() {
    const call = { call_id: `call${this.waiting.length}`, name: "add", arguments: "{}" };
    this.waiting.push(call);
    this.tell({ type: "tool_waiting", call });
  }

  decide(call_id) {
    this.waiting = this.waiting.filter((call) => call.call_id !== call_id);
    this.tell({ type: "tool_finished", tool: { call_id, is_error: false } });
  }

  async say(text) {
    if (text === "#tool") return this.ask();
    this.interrupt();
    this.said += 1;
    const { world, conversation, said } = this;
    const answer = ++this.answer;
    this.answering = true;
    const asked = world.addTurn(conversation, { parent: conversation.head, parts: [{ type: "text", text }] });
    if (!conversation.title) world.changed(conversation, { title: text.slice(0, 40), titled: "auto" });
    this.transcript("user", "final", text);
    // Nothing comes of it.
    if (text === "#hang") return;
    const turn = world.addTurn(conversation, { parent: asked.id, role: "assistant", status: "running", model: this.open.model });
    const words = (text === "#see" ? this.seen() : `You said: ${text}`).split(" ");
    const from = this.sent_ms;
    const began = performance.now();
    for (const [index, word] of words.entries()) {
      // A model that thinks between its sentences.
      if (word === "#gap") await sleep(3000);
      if (this.answer !== answer) return this.keep(turn, words.slice(0, index).join(" "), "interrupted");
      this.transcript("assistant", "replacement", words.slice(0, index + 1).join(" "));
      for (let at = 0; at < WORD_MS / PIECE_MS; at += 1) {
        if (this.socket?.readyState === 1) this.socket.send(tone(300 + 20 * word.length, at));
        this.sent_ms += PIECE_MS;
        do await sleep(PIECE_MS / 2);
        while (this.answer === answer && this.sent_ms - from - (performance.now() - began) > this.world.voice.ahead_ms);
        if (this.answer !== answer) return this.keep(turn, words.slice(0, this.wordsAt(from)).join(" "), "interrupted");
      }
    }
    this.answering = false;
    if (said === this.said) this.transcript("assistant", "final", words.join(" "));
    this.keep(turn, words.join(" "));
    this.event({ type: "turn_done" });
  }

  /** So many whole words were heard when it was cut. */
  wordsAt(from) {
    return Math.floor(Math.max(0, this.cut_ms - from) / WORD_MS);
  }

  interrupt() {
    if (!this.answering) return;
    this.answering = false;
    this.answer += 1;
    this.cut_ms = this.played_ms;
    this.tell({ type: "cut" });
  }

  /** What the microphone hears. */
  hear(sound) {
    if (!this.world.voice.hears) return;
    const samples = new Int16Array(sound.buffer.slice(sound.byteOffset, sound.byteOffset + sound.byteLength));
    const isLoud = (sample) => Math.abs(sample) > LOUD;
    const loud = samples.some(isLoud);
    if (loud) this.loud = { from: this.loud?.from ?? this.came + samples.findIndex(isLoud), to: this.came + samples.findLastIndex(isLoud) };
    this.came += samples.length;
    if (this.push) return;
    this.quiet_ms = loud ? 0 : this.quiet_ms + (samples.length * 1000) / this.open.input_rate;
    if (loud && !this.speaking) {
      this.speaking = true;
      this.event({ type: "speech_started", by: "user" });
      this.interrupt();
    } else if (this.speaking && this.quiet_ms >= PAUSE_MS) {
      this.speaking = false;
      this.event({ type: "speech_stopped", by: "user" });
      this.commit();
    }
  }

  commit() {
    const { from, to } = this.loud ?? { from: 0, to: 0 };
    const ms = Math.round(((to - from) * 1000) / this.open.input_rate);
    this.came = 0;
    this.loud = null;
    if (this.world.voice.hears) void this.say(`(${ms} ms of sound)`);
  }

  look({ source, mime }) {
    const bytes = Buffer.from(source.bytes, "base64");
    this.pictures.push(mime === "image/jpeg" && bytes.readUInt16BE(0) === 0xffd8 ? sizeOf(bytes) : "no picture");
  }

  seen() {
    return this.pictures.length === 0 ? "I see nothing" : `I saw ${this.pictures.length} pictures, the last of ${this.pictures.at(-1)}`;
  }

  end() {
    this.over = true;
    this.interrupt();
  }
}
