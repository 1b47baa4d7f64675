// The ways a picture can come, and which to try for how many cameras.

import * as image from "./image.js";
import * as polling from "./polling.js";
import * as socket from "./socket.js";
import * as stream from "./stream.js";

export const TRANSPORTS = { stream, image, socket, polling };

/** Streams up to this many cameras one by one; more share a WebSocket. */
const MOST_STREAMS = 4;

/** Names of transports for so many cameras at once, the best first; wanted: by ?transport=. */
export function transportsFor(cameras, wanted) {
  if (Object.hasOwn(TRANSPORTS, wanted)) return [...new Set([wanted, "polling"])];
  return cameras > MOST_STREAMS ? ["socket", "polling"] : ["stream", "image", "polling"];
}
