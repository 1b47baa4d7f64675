// How old a picture is by the camera's clock, though the browser's clock may be wrong.

const KEEP = 240;
const SAMPLES = 40;

/** Milliseconds since 1970, finer and steadier than Date.now(). */
export function now() {
  return performance.timeOrigin + performance.now();
}

/**
 * Estimates how far the browser's clock is ahead of the server's.
 *
 * The status document says how old frame N was when it was asked for; frame N itself says when it
 * was captured. Together they are the server's time at a known moment, give or take half the round
 * trip; of the last samples the one with the shortest round trip is believed.
 */
export class Clock {
  #captured = new Map();
  #told = new Map();
  #samples = [];

  /** A frame has come: key names it, capturedMs is its time by the server's clock. */
  frame(key, capturedMs) {
    const told = this.#told.get(key);
    if (told) {
      this.#told.delete(key);
      this.observe(capturedMs + told.ageMs, told.atMs, told.roundTripMs);
    }
    remember(this.#captured, key, capturedMs);
  }

  /** The server has said how old a frame is, somewhere between asking and its answer. */
  status(key, ageMs, askedMs, answeredMs) {
    const told = { ageMs, atMs: (askedMs + answeredMs) / 2, roundTripMs: answeredMs - askedMs };
    const capturedMs = this.#captured.get(key);
    if (capturedMs === undefined) remember(this.#told, key, told);
    else this.observe(capturedMs + ageMs, told.atMs, told.roundTripMs);
  }

  /** The server's clock showed serverMs when ours showed localMs. */
  observe(serverMs, localMs, roundTripMs) {
    this.#samples.push({ aheadMs: localMs - serverMs, roundTripMs });
    if (this.#samples.length > SAMPLES) this.#samples.shift();
  }

  /** Age in milliseconds of a picture captured at capturedMs; null: the clocks are not compared. */
  age(capturedMs, localMs = now()) {
    if (!this.#samples.length) return null;
    const best = this.#samples.reduce((a, b) => (b.roundTripMs < a.roundTripMs ? b : a));
    return Math.max(0, localMs - best.aheadMs - capturedMs);
  }
}

function remember(map, key, value) {
  map.set(key, value);
  if (map.size > KEEP) map.delete(map.keys().next().value);
}
