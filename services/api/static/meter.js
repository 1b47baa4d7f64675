// What this browser gets: pictures painted and bits received per second, age when painted.

const WINDOW_MS = 2000;
const LEAST_S = 0.75; // two pictures that happen to come together are no rate

export class Meter {
  #painted = [];
  #received = [];

  received(bytes, atMs) {
    push(this.#received, { atMs, bytes }, atMs);
  }

  painted(ageMs, atMs) {
    push(this.#painted, { atMs, ageMs }, atMs);
  }

  reset() {
    this.#painted = [];
    this.#received = [];
  }

  /** {fps, bitsPerSecond, ageMs} of the last two seconds; null where nothing is known. */
  read(atMs) {
    trim(this.#painted, atMs);
    trim(this.#received, atMs);
    const ages = this.#painted.map(({ ageMs }) => ageMs).filter((age) => age !== null);
    const bytes = this.#received.slice(1).reduce((sum, each) => sum + each.bytes, 0);
    const received = spanS(this.#received);
    const painted = spanS(this.#painted);
    return {
      fps: painted ? (this.#painted.length - 1) / painted : null,
      bitsPerSecond: received ? (bytes * 8) / received : null,
      ageMs: ages.length ? ages.reduce((a, b) => a + b, 0) / ages.length : null,
    };
  }
}

function push(list, entry, atMs) {
  list.push(entry);
  trim(list, atMs);
}

// one older entry may stay, so that one picture per second has a rate too
function trim(list, atMs) {
  while (list.length > 2 && list[0].atMs < atMs - WINDOW_MS) list.shift();
  if (list.length && list.at(-1).atMs < atMs - 2 * WINDOW_MS) list.length = 0;
}

/** Seconds from first to last; 0 where that is too short to tell a rate. */
function spanS(list) {
  const span = list.length > 1 ? (list.at(-1).atMs - list[0].atMs) / 1000 : 0;
  return span < LEAST_S ? 0 : span;
}
