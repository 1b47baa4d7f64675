// A camera's MJPEG stream in an <img>: works everywhere, but tells nothing about its frames.

import { cameraAddress } from "../urls.js";

export const note = "MJPEG in <img>";

// Blink shows a part only when the next part's header has come (crbug 527446); with this parameter
// the server sends that header at once. Other engines do not need it.
const BLINK = "chrome" in window || /Chrome\//.test(navigator.userAgent);

export function start({ camera, options, image }, events) {
  const query = { ...options, t: Date.now() };
  if (BLINK) query.advance_headers = 1;
  const load = () => events.image({ width: image.naturalWidth, height: image.naturalHeight });
  const fail = () => events.ended("the stream has ended");
  image.addEventListener("load", load);
  image.addEventListener("error", fail);
  image.src = cameraAddress(camera, "", query);
  return () => {
    image.removeEventListener("load", load);
    image.removeEventListener("error", fail);
    // An <img> that is only removed or hidden keeps its connection and its traffic.
    image.removeAttribute("src");
  };
}
