// A camera's MJPEG stream in an <img>: works everywhere, but tells nothing about its frames.
//
// BROWSER: Chromium fires no event after the first part, not even when the stream has ended (seen in
// 140); so what it shows is looked at twice a second.

import { cameraAddress } from "../urls.js";

export const note = "MJPEG in <img>";

// Blink shows a part only when the next part's header has come (crbug 527446); with this parameter
// the server sends that header at once. Other engines do not need it.
const BLINK = "chrome" in window || /Chrome\//.test(navigator.userAgent);

const LOOK_MS = 500;
const [LOOK_WIDTH, LOOK_HEIGHT] = [96, 54];

export function start({ camera, options, image }, events) {
  const query = { ...options, t: Date.now() };
  if (BLINK) query.advance_headers = 1;
  const changes = looker(image);
  const load = () => {
    if (image.naturalWidth && changes()) {
      events.image({ width: image.naturalWidth, height: image.naturalHeight });
    }
  };
  const fail = () => events.ended("the stream has ended");
  image.addEventListener("load", load);
  image.addEventListener("error", fail);
  image.src = cameraAddress(camera, "", query);
  const looking = setInterval(load, LOOK_MS);
  return () => {
    clearInterval(looking);
    image.removeEventListener("load", load);
    image.removeEventListener("error", fail);
    // An <img> that is only removed or hidden keeps its connection and its traffic.
    image.removeAttribute("src");
  };
}

/** Gives a function that says whether the picture is another one than when it was called before. */
function looker(image) {
  const canvas = new OffscreenCanvas(LOOK_WIDTH, LOOK_HEIGHT);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  let before = "";
  return () => {
    context.drawImage(image, 0, 0, LOOK_WIDTH, LOOK_HEIGHT);
    const now = context.getImageData(0, 0, LOOK_WIDTH, LOOK_HEIGHT).data.join();
    const other = now !== before;
    before = now;
    return other;
  };
}
