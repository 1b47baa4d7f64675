// Asks how the cameras fare: one request at a time, a round per second at most.

import { now } from "./clock.js";
import { cameraAddress } from "./urls.js";

const ROUND_MS = 1000;
const PATIENCE_MS = 5000;

export class Watch {
  #players;
  #timer = 0;
  #life = 0;

  constructor(players) {
    this.#players = players;
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
    const began = now();
    for (const player of [...this.#players]) {
      if (life !== this.#life) return;
      if (player.running && !player.gone) await ask(player);
    }
    if (life !== this.#life) return;
    const pause = Math.max(ROUND_MS / 4, ROUND_MS - (now() - began));
    this.#timer = setTimeout(() => this.#round(life), pause);
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
