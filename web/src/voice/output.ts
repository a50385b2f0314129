// Where sound comes out: of the speaker that is chosen, in browsers that let a page choose one.

/** As Chromium has it; the types of TypeScript know it of elements only. */
interface Choosing { setSinkId?: (device: string) => Promise<void> }

const has = (of: { prototype: object } | undefined): boolean => of !== undefined && "setSinkId" in of.prototype;

export const choosesSpeaker = has(globalThis.AudioContext) || has(globalThis.HTMLMediaElement);

export class Output {
  /** None of them is the usual one. */
  device = "";
  #element: HTMLAudioElement | null = null;
  #through: MediaStreamAudioDestinationNode | null = null;

  constructor(readonly context: AudioContext & Choosing, readonly node: AudioNode) {
    node.connect(context.destination);
  }

  /** Fails where it cannot be used: then sound comes out where it did. */
  async use(device: string): Promise<void> {
    if (device === this.device) return;
    if (this.context.setSinkId) await this.context.setSinkId(device);
    else await this.#byElement(device);
    this.device = device;
  }

  /** Where only elements choose, sound goes through one. */
  async #byElement(device: string): Promise<void> {
    if (device === "") {
      this.#element?.pause();
      return this.#connect(this.context.destination);
    }
    this.#through ??= this.context.createMediaStreamDestination();
    this.#element ??= Object.assign(new Audio(), { srcObject: this.#through.stream });
    await this.#element.setSinkId(device);
    await this.#element.play();
    this.#connect(this.#through);
  }

  #connect(to: AudioNode): void {
    this.node.disconnect();
    this.node.connect(to);
  }

  close(): void {
    this.#element?.pause();
    void this.context.close();
  }
}
