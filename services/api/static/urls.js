// What the page's address says, and the addresses of the API.

// BROWSER: opened as http://user:password@host/ the page could not fetch relative addresses, which
// would inherit the password (Fetch, "URL includes credentials"); an origin has none.
const ORIGIN = location.origin;

const OPTIONS = ["quality", "width", "height", "fps"];

/** Reads the page's address: {camera, wall, transport, options}; camera null: all of them. */
export function readPage(names) {
  const query = new URLSearchParams(location.search);
  const asked = query.get("camera");
  const options = {};
  for (const name of OPTIONS) {
    if (query.get(name)) options[name] = query.get(name);
  }
  return {
    camera: asked || (names.length === 1 ? names[0] : null),
    wall: query.get("wall") === "1",
    transport: query.get("transport"),
    options,
  };
}

/** The page's address for a state as readPage gives it, with changes. */
export function pageAddress(state, changes = {}) {
  const { camera, wall, transport, options } = { ...state, ...changes };
  const query = new URLSearchParams();
  if (camera !== null) query.set("camera", camera);
  for (const name of OPTIONS) {
    if (options[name]) query.set(name, options[name]);
  }
  if (transport) query.set("transport", transport);
  if (wall) query.set("wall", "1");
  const text = query.toString();
  return text ? `?${text}` : location.pathname;
}

/** A whole address of the API; suffix "" is the stream, "/frame" and "/status" the rest. */
export function cameraAddress(camera, suffix = "", options = {}) {
  const query = new URLSearchParams(options).toString();
  return `${ORIGIN}/stream/${encodeURIComponent(camera)}${suffix}${query ? `?${query}` : ""}`;
}

/** Of a stream's options those that a single frame knows. */
export function frameOptions({ quality, width, height }) {
  const known = { quality: quality === "auto" ? undefined : quality, width, height };
  return Object.fromEntries(Object.entries(known).filter(([, value]) => value));
}

export function camerasAddress() {
  return `${ORIGIN}/cameras`;
}

/** All of these cameras in one stream, side by side. */
export function mosaicAddress(names) {
  const cameras = names.map(encodeURIComponent).join(",");
  return `${ORIGIN}/stream/mosaic?cameras=${cameras}&cols=${Math.ceil(Math.sqrt(names.length))}`;
}

export function socketAddress() {
  return `${ORIGIN.replace(/^http/, "ws")}/ws`;
}
