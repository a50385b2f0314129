// What the camera or the screen shows: one small picture a second.
import { inWords } from "./sound";

export type Kind = "camera" | "screen";

const EVERY_MS = 1000;
/** The longer side. Models look at no more. */
const SIDE = 768;

export interface Pictures { kind: Kind; stream: MediaStream; close: () => void }

/** Shows pictures, as base64 of JPEG, until it is closed or its source ends. */
export async function show(kind: Kind, picture: (base64: string) => void, ended: () => void): Promise<Pictures> {
  const stream = await source(kind).catch((thrown: unknown) => { throw inWords(thrown, kind); });
  const video = document.createElement("video");
  video.muted = true;
  video.srcObject = stream;
  await video.play();
  const canvas = document.createElement("canvas");
  const timer = setInterval(() => draw(video, canvas, picture), EVERY_MS);
  const close = (): void => {
    clearInterval(timer);
    for (const track of stream.getTracks()) track.stop();
  };
  stream.getVideoTracks()[0]?.addEventListener("ended", () => {
    close();
    ended();
  });
  draw(video, canvas, picture);
  return { kind, stream, close };
}

async function source(kind: Kind): Promise<MediaStream> {
  const devices = navigator.mediaDevices;
  if (kind === "screen") return devices.getDisplayMedia({ video: true });
  return devices.getUserMedia({ video: { width: { ideal: 1280 }, facingMode: "environment" } });
}

function draw(video: HTMLVideoElement, canvas: HTMLCanvasElement, picture: (base64: string) => void): void {
  const { videoWidth: width, videoHeight: height } = video;
  if (width === 0) return;
  const scale = Math.min(1, SIDE / Math.max(width, height));
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  canvas.getContext("2d")?.drawImage(video, 0, 0, canvas.width, canvas.height);
  picture(canvas.toDataURL("image/jpeg", 0.7).split(",")[1] ?? "");
}
