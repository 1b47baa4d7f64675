// Reads multipart/x-mixed-replace as the API sends it: every part tells its length.

const END_OF_HEADERS = [13, 10, 13, 10];
const MOST_HEADER_BYTES = 8192;

/** Bytes go in as they come, whole parts {headers: Map, bytes} come out. */
export class MultipartReader {
  #held = new Uint8Array(1 << 16);
  #from = 0;
  #to = 0;

  feed(bytes) {
    if (this.#to + bytes.length > this.#held.length) this.#makeRoom(bytes.length);
    this.#held.set(bytes, this.#to);
    this.#to += bytes.length;
  }

  /** The next whole part, or null until more bytes have come. */
  next() {
    const held = this.#held.subarray(this.#from, this.#to);
    const end = endOfHeaders(held);
    if (end < 0) {
      if (held.length > MOST_HEADER_BYTES) throw new Error("the stream is not multipart");
      return null;
    }
    const headers = parseHeaders(held.subarray(0, end));
    const length = Number(headers.get("content-length"));
    if (!(length >= 0)) throw new Error("a part of the stream does not tell its length");
    if (held.length < end + length) return null;
    this.#from += end + length;
    return { headers, bytes: held.slice(end, end + length) };
  }

  /** Whether the server has said goodbye: what is left is the closing boundary. */
  get closed() {
    const rest = this.#held.subarray(Math.max(this.#from, this.#to - 80), this.#to);
    return /--[\w-]+--\r\n$/.test(new TextDecoder("latin1").decode(rest));
  }

  #makeRoom(wanted) {
    const kept = this.#held.subarray(this.#from, this.#to);
    let size = this.#held.length;
    while (size < kept.length + wanted) size *= 2;
    const room = size === this.#held.length ? this.#held : new Uint8Array(size);
    room.set(kept);
    this.#held = room;
    this.#to = kept.length;
    this.#from = 0;
  }
}

function endOfHeaders(bytes) {
  const last = Math.min(bytes.length, MOST_HEADER_BYTES) - END_OF_HEADERS.length;
  for (let at = 0; at <= last; at += 1) {
    // the line end after a picture and the boundary after it are no header block of their own
    if (END_OF_HEADERS.every((byte, i) => bytes[at + i] === byte)) return at + 4;
  }
  return -1;
}

function parseHeaders(bytes) {
  const headers = new Map();
  for (const line of new TextDecoder("latin1").decode(bytes).split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return headers;
}
