// Which cameras there are: asks every few seconds while somebody looks.

import { camerasAddress } from "./urls.js";

const ROUND_MS = 3000;
const PATIENCE_MS = 5000;

export class Roster {
  #changed;
  #listed;
  #timer = 0;
  #life = 0;

  /**
   * listed: [{name, online}], what is known so far; changed(listed) is called with every answer, in
   * the server's order. A camera must be missing twice: a server that has just begun may not have
   * found it yet.
   */
  constructor(listed, changed) {
    this.#listed = listed;
    this.#changed = changed;
  }

  start() {
    this.stop();
    this.#round(this.#life);
  }

  stop() {
    this.#life += 1;
    clearTimeout(this.#timer);
  }

  async #round(life) {
    const listed = await ask();
    if (life !== this.#life) return;
    if (listed) this.#tell(listed);
    this.#timer = setTimeout(() => this.#round(life), ROUND_MS);
  }

  #tell(listed) {
    const names = new Set(listed.map(({ name }) => name));
    const missing = this.#listed.filter(({ name, missed }) => !names.has(name) && !missed);
    this.#listed = [...listed, ...missing.map((each) => ({ ...each, missed: true }))];
    this.#changed(this.#listed);
  }
}

/** The list; null: the API does not answer, which the players notice themselves. */
async function ask() {
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const answer = await fetch(camerasAddress(), { cache: "no-store", signal });
    return answer.ok ? (await answer.json()).cameras : null;
  } catch {
    return null;
  }
}
