// One compressed picture on its way through the page, whatever brought it.

/** From a part's or an answer's headers; get(name) reads one. */
export function frameFromHeaders(get, blob) {
  return {
    blob,
    number: get("x-frame-number") ?? null,
    epoch: get("x-epoch") ?? "",
    capturedMs: get("x-timestamp") ? Number(get("x-timestamp")) * 1000 : null,
    quality: get("x-quality") ?? null,
    done: () => {},
  };
}

/** Names a frame among all frames of all cameras. */
export function frameKey(camera, epoch, number) {
  return `${camera} ${epoch} ${number}`;
}
