// Many cameras over one WebSocket: browsers open at most six HTTP/1.1 connections to a host.
//
// Binary message, little-endian: u8 version, u8 id, u8 flags (1 online, 2 repeated, 4 stale),
// u8 reserved, u32 age in ms at sending, u64 epoch, u64 frame number, u64 capture time in µs since
// 1970; then the JPEG. Each frame is acknowledged once painted or dropped, which lets the next one
// come: a slow browser gets fewer pictures, not old ones.

import { socketAddress } from "../urls.js";

export const note = "WebSocket";

const PROTOCOL = "ringcast.v1";
const HEADER_BYTES = 32;
const MOST_IDS = 255;

let shared = null;

export function start({ camera, options }, events) {
  shared ??= new Connection();
  const connection = shared;
  const id = connection.subscribe(camera, options, events);
  return () => connection.unsubscribe(id);
}

class Connection {
  #socket = new WebSocket(socketAddress(), PROTOCOL);
  #subscriptions = new Map();
  #lastId = 0;
  #opened = false;

  constructor() {
    this.#socket.binaryType = "arraybuffer";
    this.#socket.onopen = () => {
      this.#opened = true;
      for (const { request } of this.#subscriptions.values()) this.#send(request);
    };
    this.#socket.onmessage = ({ data }) => {
      if (typeof data === "string") this.#text(JSON.parse(data));
      else this.#frame(data);
    };
    this.#socket.onclose = () => this.#closed();
  }

  subscribe(camera, options, events) {
    do this.#lastId = (this.#lastId % MOST_IDS) + 1;
    while (this.#subscriptions.has(this.#lastId));
    const id = this.#lastId;
    const request = { subscribe: camera, id, ...numbers(options) };
    this.#subscriptions.set(id, { request, events });
    this.#send(request);
    return id;
  }

  unsubscribe(id) {
    if (!this.#subscriptions.delete(id)) return;
    this.#send({ unsubscribe: id });
    if (this.#subscriptions.size) return;
    if (shared === this) shared = null;
    this.#socket.close();
  }

  #send(message) {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #text(message) {
    const id = message.ended ?? (message.error && message.id);
    const events = this.#subscriptions.get(id)?.events;
    if (!events) return;
    this.#subscriptions.delete(id);
    events.ended(message.why ?? message.error.detail);
  }

  #frame(data) {
    const view = new DataView(data);
    const id = view.getUint8(1);
    const number = view.getBigUint64(16, true);
    const done = () => this.#send({ ack: id, number: Number(number) });
    const events = this.#subscriptions.get(id)?.events;
    if (!events) return;
    events.bytes(data.byteLength);
    events.frame({
      blob: new Blob([new Uint8Array(data, HEADER_BYTES)], { type: "image/jpeg" }),
      number: String(number),
      epoch: String(view.getBigUint64(8, true)),
      capturedMs: Number(view.getBigUint64(24, true)) / 1000,
      quality: null,
      done,
    });
  }

  #closed() {
    if (shared === this) shared = null;
    const waiting = [...this.#subscriptions.values()];
    this.#subscriptions.clear();
    for (const { events } of waiting) {
      if (this.#opened) events.ended("the WebSocket was closed");
      else events.unable("no WebSocket");
    }
  }
}

function numbers(options) {
  const entries = Object.entries(options);
  return Object.fromEntries(entries.map(([k, v]) => [k, v === "auto" ? v : Number(v)]));
}
