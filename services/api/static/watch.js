// Asks how the cameras fare: one request at a time, a round per second at most, and of many cameras
// in each round those that were not asked about for longest.

import { now } from "./clock.js";
import { Rounds } from "./rounds.js";
import { cameraAddress } from "./urls.js";

const ROUND_MS = 1000;
const PATIENCE_MS = 5000;
const MOST_A_ROUND = 12;

export class Watch extends Rounds {
  #players;
  #asked = new WeakMap();

  constructor(players) {
    super((over) => this.#round(over));
    this.#players = players;
  }

  async #round(over) {
    const began = now();
    const running = this.#players.filter((player) => player.running && !player.gone);
    running.sort((a, b) => (this.#asked.get(a) ?? 0) - (this.#asked.get(b) ?? 0));
    for (const player of running.slice(0, MOST_A_ROUND)) {
      if (over()) break;
      this.#asked.set(player, now());
      if (player.running) await ask(player);
    }
    return Math.max(ROUND_MS / 4, ROUND_MS - (now() - began));
  }
}

async function ask(player) {
  const asked = now();
  try {
    const answer = await fetch(cameraAddress(player.camera, "/status"), {
      cache: "no-store",
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    const answered = now();
    if (answer.status === 404) return; // the list of cameras says more about that
    const status = await answer.json();
    if (!answer.ok) throw new Error(status.detail);
    player.report(status, asked, answered);
  } catch (error) {
    player.lose(error.message);
  }
}
