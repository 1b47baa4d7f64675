// One request per picture: for proxies that hold streams back, and for many cameras without
// WebSocket. All cameras share a few connections, so that the browser keeps some for the rest.

import { frameFromHeaders } from "../frame.js";
import { cameraAddress, frameOptions } from "../urls.js";

export const note = "polling";

const MOST_AT_ONCE = 4;
const WAIT_MS = 2000;
const IDLE_MS = 100;

let running = 0;
const queue = [];

export function start({ camera, options }, events) {
  const ending = new AbortController();
  poll(camera, options, ending.signal, events).catch((error) => {
    if (!ending.signal.aborted) events.ended(error.message);
  });
  return () => ending.abort();
}

async function poll(camera, options, signal, events) {
  const leastMs = 1000 / (Number(options.fps) || 30);
  let last = null;
  while (!signal.aborted) {
    const began = performance.now();
    const query = frameOptions(options);
    if (last) Object.assign(query, { after: `${last.epoch}-${last.number}`, wait: WAIT_MS });
    const frame = await inTurn(signal, () => ask(cameraAddress(camera, "/frame", query), signal));
    const fresh = frame && !(last?.number === frame.number && last?.epoch === frame.epoch);
    if (fresh) {
      events.bytes(frame.blob.size);
      events.frame(frame);
      last = frame;
    }
    const pause = leastMs - (performance.now() - began);
    await sleep(fresh ? pause : Math.max(pause, IDLE_MS), signal);
  }
}

async function ask(address, signal) {
  const answer = await fetch(address, { cache: "no-store", signal });
  if (answer.status === 204) return null;
  if (!answer.ok) throw new Error(`the frame's address answers ${answer.status}`);
  return frameFromHeaders((name) => answer.headers.get(name), await answer.blob());
}

async function inTurn(signal, work) {
  if (running >= MOST_AT_ONCE) await new Promise((go) => queue.push(go));
  else running += 1;
  try {
    return signal.aborted ? null : await work();
  } finally {
    if (queue.length) queue.shift()();
    else running -= 1;
  }
}

function sleep(ms, signal) {
  if (ms <= 0) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
