// Many cameras over one WebSocket: browsers open at most six HTTP/1.1 connections to a host.
//
// Binary message, little-endian: u8 version, u8 id, u8 flags (1 online, 2 repeated, 4 stale),
// u8 reserved, u32 age in ms at sending, u64 epoch, u64 frame number, u64 capture time in µs since
// 1970; then the JPEG. Each frame is acknowledged once painted or dropped, which lets the next one
// come: a slow browser gets fewer pictures, not old ones.
//
// A server that is going to close a connection says so some seconds before. Its cameras are then
// asked for over another one as well, and each leaves the old one with its first picture there.

import { socketAddress } from "../urls.js";

export const note = "WebSocket";

const PROTOCOL = "ringcast.v1";
const HEADER_BYTES = 32;
const MOST_IDS = 255;
const MOST_CAMERAS = 32;
const GOING_AWAY = 1001;
const RETRY_MS = 300;
const LINGER_MS = 500; // while one scrolls, the last camera may leave before the next one comes

/** Connections that take further cameras. */
const taking = new Set();
let worked = false;

export function start({ camera, options }, events) {
  const subscription = { camera, options, events, at: null, connections: new Map() };
  subscription.at = connectionWithRoom();
  subscription.at.add(subscription);
  return () => {
    for (const connection of [...subscription.connections.keys()]) connection.drop(subscription);
  };
}

function connectionWithRoom() {
  return [...taking].find((each) => each.size < MOST_CAMERAS) ?? new Connection();
}

class Connection {
  #socket = new WebSocket(socketAddress(), PROTOCOL);
  #subscriptions = new Map();
  #lastId = 0;
  #opened = false;
  #failed;

  /** failed() is called if it cannot be opened. */
  constructor(failed = () => {}) {
    this.#failed = failed;
    taking.add(this);
    this.#socket.binaryType = "arraybuffer";
    this.#socket.onopen = () => {
      this.#opened = worked = true;
      for (const [id, subscription] of this.#subscriptions) this.#subscribe(id, subscription);
    };
    this.#socket.onmessage = ({ data }) => {
      if (typeof data === "string") this.#text(JSON.parse(data));
      else this.#frame(data);
    };
    this.#socket.onclose = ({ code }) => this.#closed(code);
  }

  get size() {
    return this.#subscriptions.size;
  }

  add(subscription) {
    do this.#lastId = (this.#lastId % MOST_IDS) + 1;
    while (this.#subscriptions.has(this.#lastId));
    this.#subscriptions.set(this.#lastId, subscription);
    subscription.connections.set(this, this.#lastId);
    this.#subscribe(this.#lastId, subscription);
  }

  drop(subscription) {
    const id = this.#forget(subscription);
    this.#send({ unsubscribe: id });
    if (!this.size) setTimeout(() => this.#closeIfUnused(), LINGER_MS);
  }

  #closeIfUnused() {
    if (this.size) return;
    taking.delete(this);
    this.#socket.close();
  }

  #forget(subscription) {
    const id = subscription.connections.get(this);
    subscription.connections.delete(this);
    this.#subscriptions.delete(id);
    return id;
  }

  #subscribe(id, { camera, options }) {
    this.#send({ subscribe: camera, id, ...numbers(options) });
  }

  #send(message) {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #text(message) {
    if (message.going) return this.#moveAway();
    const subscription = this.#subscriptions.get(message.ended ?? (message.error && message.id));
    if (!subscription) return;
    this.#forget(subscription);
    if (!subscription.connections.size) subscription.events.ended(message.why ?? message.error.detail);
  }

  /** Opens another connection for all cameras here, again and again while this one lasts. */
  #moveAway() {
    taking.delete(this);
    const again = () => setTimeout(() => this.#opened && this.size && this.#moveAway(), RETRY_MS);
    const other = new Connection(again);
    for (const subscription of this.#subscriptions.values()) other.add(subscription);
  }

  #frame(data) {
    const view = new DataView(data);
    const id = view.getUint8(1);
    const number = view.getBigUint64(16, true);
    const done = () => this.#send({ ack: id, number: Number(number) });
    const subscription = this.#subscriptions.get(id);
    if (!subscription) return;
    if (subscription.at !== this) this.#takeOver(subscription);
    subscription.events.bytes(data.byteLength);
    subscription.events.frame({
      blob: new Blob([new Uint8Array(data, HEADER_BYTES)], { type: "image/jpeg" }),
      number: String(number),
      epoch: String(view.getBigUint64(8, true)),
      capturedMs: Number(view.getBigUint64(24, true)) / 1000,
      quality: null,
      done,
    });
  }

  #takeOver(subscription) {
    const before = subscription.at;
    subscription.at = this;
    if (subscription.connections.has(before)) before.drop(subscription);
  }

  #closed(code) {
    const opened = this.#opened;
    this.#opened = false;
    taking.delete(this);
    for (const subscription of [...this.#subscriptions.values()]) {
      this.#forget(subscription);
      if (subscription.connections.size) continue; // another connection has it, or will
      const { events } = subscription;
      if (!worked) events.unable("no WebSocket");
      else if (!opened) events.refused("no WebSocket now");
      else if (code === GOING_AWAY) events.over();
      else events.ended("the WebSocket was closed");
    }
    if (!opened) this.#failed();
  }
}

function numbers(options) {
  const entries = Object.entries(options);
  return Object.fromEntries(entries.map(([k, v]) => [k, v === "auto" ? v : Number(v)]));
}
