// Which cameras there are: asks every few seconds while somebody looks.

import { Rounds } from "./rounds.js";
import { camerasAddress } from "./urls.js";

const ROUND_MS = 3000;
const PATIENCE_MS = 5000;

export class Roster extends Rounds {
  #changed;
  #listed;

  /**
   * listed: [{name, online}], what is known so far; changed(listed) is called with every answer, in
   * the server's order. A camera must be missing twice: a server that has just begun may not have
   * found it yet.
   */
  constructor(listed, changed) {
    super(async (over) => {
      const answer = await ask();
      if (answer && !over()) this.#tell(answer);
      return ROUND_MS;
    });
    this.#listed = listed;
    this.#changed = changed;
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
