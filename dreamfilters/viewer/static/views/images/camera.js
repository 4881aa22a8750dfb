// What the webcam sees, frame by frame: the next frame leaves when the last one's maps can be shown.
import { post } from "../../state/api.js";
import { look } from "../../state/actions.js";
import { takeImage } from "../../state/events.js";
import { html, useEffect, useRef, useState } from "../../lib/html.js";
import { app, say } from "../../state/store.js";

const SIDE = 256; // pixels of the square that is sent
const REST = 150; // milliseconds between two frames, at least

/** The camera's image with a button that stops it; frames go to the server while it is there. */
export function Camera({ close }) {
  const video = useRef();
  const [held, setHeld] = useState(false);
  const holding = useRef(false);
  holding.current = held;
  useEffect(() => {
    let stream;
    let gone = false;
    const stop = () => stream?.getTracks().forEach((track) => track.stop());
    (async () => {
      try {
        stream = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 }, audio: false });
      } catch (error) {
        say(
          error.name === "NotAllowedError" ? "The browser was not allowed to use the camera." : "No camera was found.",
          true,
        );
        close();
        return;
      }
      if (gone) return stop();
      video.current.srcObject = stream;
      await video.current.play();
      let first = true;
      while (!gone) {
        const rest = new Promise((done) => setTimeout(done, REST));
        if (!holding.current && !document.hidden) {
          try {
            const image = takeImage(await post("api/frames", await frame(video.current)));
            if (first) look(app.get().images.find((one) => one.id === image.id));
            first = false;
          } catch (error) {
            say(error.message, true);
            return close();
          }
        }
        await rest;
      }
    })();
    return () => {
      gone = true;
      stop();
    };
  }, []);
  return html`
    <div class="camera">
      <video ref=${video} muted playsinline aria-label="What the webcam sees"></video>
      <button onClick=${() => setHeld(!held)} aria-pressed=${held}>${held ? "Go on" : "Freeze"}</button>
      <button onClick=${close}>Stop</button>
    </div>`;
}

function frame(video) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIDE;
  const side = Math.min(video.videoWidth, video.videoHeight);
  const [x, y] = [(video.videoWidth - side) / 2, (video.videoHeight - side) / 2];
  canvas.getContext("2d").drawImage(video, x, y, side, side, 0, 0, SIDE, SIDE);
  return new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.85));
}
