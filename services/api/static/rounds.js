// Something done again and again while somebody looks: one round after the other, never two at a time.

export class Rounds {
  #round;
  #timer = 0;
  #life = 0;

  /** round(over): does one, and gives the pause after it, ms; over(): whether it is stopped meanwhile. */
  constructor(round) {
    this.#round = round;
  }

  start() {
    this.stop();
    this.#go(this.#life);
  }

  stop() {
    this.#life += 1;
    clearTimeout(this.#timer);
  }

  async #go(life) {
    const pause = await this.#round(() => life !== this.#life);
    if (life === this.#life) this.#timer = setTimeout(() => this.#go(life), pause);
  }
}
