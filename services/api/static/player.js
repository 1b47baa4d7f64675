// Keeps one camera's picture moving: which transport, is it stalled, when to try again.

import { isLive, messageOf, SILENT_MS, stateOf } from "./condition.js";
import { frameKey } from "./frame.js";
import { Meter } from "./meter.js";
import { Painter } from "./painter.js";
import { now } from "./clock.js";
import { TRANSPORTS } from "./transports/all.js";

const TICK_MS = 500;
const BEHIND_S = 4;
const BEHIND_TIMES = 3;
const MOST_FAILURES = 2;
const FIRST_RETRY_MS = 500;
const REFUSED_MS = 100; // a server that refuses closes the connection: the next may reach another
const LAST_RETRY_MS = 10000;
const LASTED_MS = 800; // a stream that ends sooner is not asked for again at once
const BUSY_MS = 2000;

let lastPaintedMs = 0; // by any player of the page

export class Player {
  #order;
  #step = 0;
  #why = "";
  #stopTransport = null;
  #startedMs = 0;
  #openedMs = 0;
  #paintedMs = 0;
  #paintedSinceOpen = false;
  #failures = 0;
  #silences = 0;
  #behind = 0;
  #retry = 0;
  #tick = 0;
  #meter = new Meter();
  #painter;
  #last = null;
  #size = null;
  #status = null;
  #lost = "";
  #gone = false;
  #online = null;

  /**
   * canvas and image show the picture, one of them at a time; changed(what read() gives) is called
   * twice a second while it runs. held: somebody has paused it; asleep: it is out of sight.
   */
  constructor({ camera, options, canvas, image: img, transports, clock, changed }) {
    Object.assign(this, { camera, options, canvas, image: img, clock, changed });
    Object.assign(this, { held: false, asleep: false });
    this.#order = transports;
    this.#painter = new Painter(canvas, (frame, size) => this.#painted(frame, size));
  }

  start() {
    if (this.#tick || this.held || this.asleep) return;
    this.#startedMs = now();
    this.#tick = setInterval(() => this.#watch(), TICK_MS);
    this.#open();
  }

  /** Ends all traffic; the last picture stays. */
  stop() {
    clearInterval(this.#tick);
    this.#tick = 0;
    this.#close();
    this.#meter.reset();
    this.changed(this.read());
  }

  get running() {
    return this.#tick !== 0;
  }

  get gone() {
    return this.#gone;
  }

  /** The server lists the camera; online: it gives pictures of its source. */
  appear(online) {
    const before = this.#gone;
    this.#gone = false;
    this.#online = online;
    if (before && this.running) this.#open();
    if (!this.running) this.changed(this.read());
  }

  /** The server does not list the camera any more. */
  vanish() {
    if (this.#gone) return;
    this.#gone = true;
    this.#status = null;
    this.#failures = 0;
    this.#meter.reset();
    this.#close();
    this.changed(this.read());
  }

  /** The status document has come; asked and answered when, by clock.js. */
  report(status, askedMs, answeredMs) {
    const before = this.#live();
    this.#lost = "";
    this.#status = status;
    if (status.age_ms !== null) {
      const key = frameKey(this.camera, status.epoch, status.frame_number);
      this.clock.status(key, status.age_ms, askedMs, answeredMs);
    }
    this.#compare(status);
    // The server ends a stream whose Video Module stays away; its return is the moment to ask again.
    if (this.running && this.#live() && !before && !this.#stopTransport) this.#open();
  }

  /** The status could not be had. */
  lose(why) {
    this.#lost = why;
  }

  /** What there is to show. */
  read() {
    const status = this.#status ?? {};
    const known = this.#known();
    const measured = this.#meter.read(now());
    const inImage = this.#order[this.#step] === "image";
    return {
      camera: this.camera,
      state: stateOf(known),
      message: messageOf(known),
      painted: this.#paintedMs > 0,
      asleep: this.asleep,
      fps: inImage ? (status.fps ?? null) : measured.fps,
      ageMs: measured.ageMs,
      bitsPerSecond: measured.bitsPerSecond,
      width: this.#size?.width ?? null,
      height: this.#size?.height ?? null,
      quality: this.#last?.quality ?? null,
      number: this.#last?.number ?? status.frame_number ?? null,
      clients: status.clients_total ?? null,
      source: status.source ?? null,
      sourceSize: status.width ? `${status.width} × ${status.height}` : null,
      transport: TRANSPORTS[this.#order[this.#step]].note + (this.#why && ` (${this.#why})`),
      degraded: Boolean(this.#why),
    };
  }

  #open() {
    this.#close();
    this.#connect();
  }

  #connect() {
    if (this.#gone) return;
    const name = this.#order[this.#step];
    this.#openedMs = now();
    this.#paintedSinceOpen = false;
    this.canvas.hidden = name === "image";
    this.image.hidden = name !== "image";
    let over = false;
    const unlessOver = (act) => (argument) => over || act(argument);
    const stop = TRANSPORTS[name].start(this, {
      frame: unlessOver((frame) => this.#arrived(frame)),
      bytes: unlessOver((count) => this.#meter.received(count, now())),
      image: unlessOver((size) => this.#imagePainted(size)),
      over: unlessOver(() => this.#over()),
      refused: unlessOver(() => this.#again(REFUSED_MS)),
      ended: unlessOver((why) => this.#ended(why)),
      unable: unlessOver((why) => this.#next(why)),
    });
    this.#stopTransport = () => {
      over = true;
      stop();
    };
  }

  #close() {
    clearTimeout(this.#retry);
    this.#stopTransport?.();
    this.#stopTransport = null;
    this.#painter.stop();
  }

  /** The server has ended it in good order: on to the next, with nothing to be seen of it. */
  #over() {
    if (!this.#paintedSinceOpen || now() - this.#openedMs < LASTED_MS) return this.#again();
    this.#stopTransport();
    return this.#connect(); // what is being decoded is still painted
  }

  /** A transport that fails again and again though there are pictures is not for this browser. */
  #ended(why) {
    const hopeless = !this.#paintedSinceOpen && this.#failures >= MOST_FAILURES && this.#live();
    if (hopeless) this.#next(why);
    else this.#again();
  }

  #again(firstMs = FIRST_RETRY_MS) {
    this.#close();
    const longest = Math.min(LAST_RETRY_MS, firstMs * 2 ** this.#failures);
    this.#failures += 1;
    // by chance earlier: a hundred pages whose server was away must not come back all at once
    this.#retry = setTimeout(() => this.#open(), longest * (0.5 + Math.random() / 2));
  }

  #next(why) {
    if (this.#step + 1 >= this.#order.length) return this.#again();
    this.#step += 1;
    if (this.#order[this.#step] === "polling") this.#why = why;
    this.#failures = 0;
    this.#silences = 0;
    this.#behind = 0;
    return this.#open();
  }

  #arrived(frame) {
    if (frame.capturedMs !== null) {
      this.clock.frame(frameKey(this.camera, frame.epoch, frame.number), frame.capturedMs);
    }
    this.#painter.show(frame);
  }

  #painted(frame, size) {
    const atMs = now();
    const age = frame.capturedMs === null ? null : this.clock.age(frame.capturedMs, atMs);
    const repeated = frame.number === this.#last?.number && frame.epoch === this.#last?.epoch;
    if (!repeated) this.#meter.painted(age, atMs);
    this.#last = frame;
    this.#shown(size, atMs);
  }

  #imagePainted(size) {
    this.#shown(size, now());
  }

  #shown(size, atMs) {
    this.#size = size;
    this.#paintedMs = lastPaintedMs = atMs;
    this.#paintedSinceOpen = true;
    this.#failures = 0;
    // one picture is no stream yet: a proxy may pass on what fits into its first buffer
    if (atMs - this.#openedMs > SILENT_MS) this.#silences = 0;
  }

  #watch() {
    const silentMs = now() - Math.max(this.#openedMs, this.#paintedMs);
    if (this.#stopTransport && silentMs > SILENT_MS && this.#live()) this.#silent();
    this.changed(this.read());
  }

  /** Pictures there are, but they do not come: first try again, then another way. */
  #silent() {
    this.#silences += 1;
    // what holds a WebSocket back does so with every camera on it: else this machine is just busy
    const othersPaint = this.#order[this.#step] === "socket" && now() - lastPaintedMs < BUSY_MS;
    if (this.#paintedSinceOpen && (this.#silences < 2 || othersPaint)) this.#again();
    else this.#nextButImage();
  }

  #nextButImage() {
    // what holds a stream back does so in an <img> too
    while (this.#order[this.#step + 1] === "image") this.#step += 1;
    this.#next("a proxy buffers the stream");
  }

  /** Pictures come, but late by seconds although newest wins: something on the way keeps them. */
  #compare(status) {
    const last = this.#last;
    if (!this.#paintedSinceOpen || !last || last.epoch !== status.epoch || !status.fps) return;
    const behindS = (status.frame_number - Number(last.number)) / status.fps;
    this.#behind = behindS > BEHIND_S ? this.#behind + 1 : 0;
    if (this.#behind >= BEHIND_TIMES && this.#step + 1 < this.#order.length) this.#nextButImage();
  }

  #live() {
    return isLive({ status: this.#status, lost: this.#lost });
  }

  #known() {
    return {
      running: this.running,
      asleep: this.asleep,
      held: this.held,
      gone: this.#gone,
      online: this.#online,
      lost: this.#lost,
      status: this.#status,
      startedMs: this.#startedMs,
      paintedMs: this.#paintedMs,
      atMs: now(),
    };
  }
}
