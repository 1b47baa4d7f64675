// A camera's MJPEG stream, read by fetch: unlike an <img> it tells number, time and bytes.

import { frameFromHeaders } from "../frame.js";
import { MultipartReader } from "../multipart.js";
import { cameraAddress } from "../urls.js";

export const note = "MJPEG stream";

/**
 * Starts; returns how to stop. events: frame(frame), bytes(count), image(size) from an <img>; and
 * once, when there will be no more: over() where the server has closed it in good order, refused(why)
 * where it lets nobody in now, ended(why) for all else, unable(why) where it is no use to try again.
 */
export function start({ camera, options }, events) {
  const ending = new AbortController();
  read(cameraAddress(camera, "", options), ending.signal, events).catch((error) => {
    if (!ending.signal.aborted) events.ended(error.message);
  });
  return () => ending.abort();
}

async function read(address, signal, events) {
  const answer = await fetch(address, { cache: "no-store", signal });
  if (answer.status === 503) return events.refused("the stream answers 503");
  if (!answer.ok) throw new Error(`the stream answers ${answer.status}`);
  const parts = new MultipartReader();
  const body = answer.body.getReader();
  for (;;) {
    const { done, value } = await body.read();
    if (done) return parts.closed ? events.over() : events.ended("the stream was cut");
    events.bytes(value.length);
    parts.feed(value);
    for (let part = parts.next(); part; part = parts.next()) {
      const blob = new Blob([part.bytes], { type: "image/jpeg" });
      events.frame(frameFromHeaders((name) => part.headers.get(name), blob));
    }
  }
}
