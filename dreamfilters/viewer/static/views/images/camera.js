// @ts-check
// The webcam: frames are sent to the server one after the other, and what the page shows of them follows.
import { html, useEffect, useRef, useState } from "../../lib/html.js";
import { useKeys } from "../../lib/keys.js";
import { contextOf } from "../../lib/map_painting.js";
import { showImage } from "../../state/actions.js";
import { explanation, showMessage } from "../../state/store.js";
import { endFrames, sendFrame, webcam } from "../../state/webcam.js";

const SIDE = 256; // pixels of the square frame that is sent
const INTERVAL = 33; // milliseconds between two frames, at least

/**
 * The webcam's image with a button that stops it. Frames are sent while it is mounted.
 * @param {{ close: () => void }} props
 */
export function Camera({ close }) {
  const video = useRef(/** @type {HTMLVideoElement | null} */ (null));
  const [frozen, setFrozen] = useState(false);
  const paused = useRef(false);
  paused.current = frozen;
  const rate = webcam.use((state) => Math.round(state.rate));
  useKeys({ f: () => setFrozen(!frozen) });
  useEffect(() => {
    const mounted = { current: true };
    if (!explanation.get().backward) explanation.set({ backward: "gradient" });
    sendFrames(/** @type {HTMLVideoElement} */ (video.current), mounted, paused).catch((error) => {
      if (!mounted.current) return;
      showMessage(failureMessage(error), true);
      close();
    });
    return () => {
      mounted.current = false;
      endFrames();
    };
  }, []);
  return html`
    <div class="camera">
      <video ref=${video} muted playsinline aria-label="Webcam"></video>
      <div class="camera-controls">
        <button onClick=${() => setFrozen(!frozen)} aria-pressed=${frozen}
            title="Freeze or resume the webcam (f)">${frozen ? "Resume" : "Freeze"}</button>
        <button onClick=${close}>Stop</button>
        <span class="small soft" title="Frames that are shown in a second">${frozen ? "frozen" : `${rate} / s`}</span>
      </div>
    </div>`;
}

/** @param {Error} error */
function failureMessage(error) {
  if (error.name === "NotAllowedError") return "The browser denied access to the camera.";
  return error.name === "NotFoundError" ? "No camera was found." : error.message;
}

/**
 * Send frames until the view is unmounted; then release the camera.
 * @param {HTMLVideoElement} video
 * @param {{ current: boolean }} mounted
 * @param {{ current: boolean }} paused
 */
async function sendFrames(video, mounted, paused) {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 }, audio: false });
  try {
    video.srcObject = stream;
    if (mounted.current) await video.play();
    let shown = false;
    while (mounted.current) {
      const pause = new Promise((resolve) => setTimeout(resolve, INTERVAL));
      if (!paused.current && !document.hidden) {
        const frame = await frameOf(video);
        const image = mounted.current ? await sendFrame(frame) : null;
        if (image && !shown) showImage(image);
        shown ||= Boolean(image);
      }
      await pause;
    }
  } finally {
    stream.getTracks().forEach((track) => track.stop());
  }
}

/** @param {HTMLVideoElement} video @returns {Promise<Blob>} the middle square as a JPEG file */
async function frameOf(video) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIDE;
  const side = Math.min(video.videoWidth, video.videoHeight);
  const [x, y] = [(video.videoWidth - side) / 2, (video.videoHeight - side) / 2];
  contextOf(canvas).drawImage(video, x, y, side, side, 0, 0, SIDE, SIDE);
  return new Promise((resolve, reject) => {
    const done = (/** @type {Blob | null} */ blob) =>
      blob ? resolve(blob) : reject(new Error("The browser could not encode the frame."));
    canvas.toBlob(done, "image/jpeg", 0.85);
  });
}
