// Writes what a player tells into the page; everything as text: names of cameras are data.

const STATES = {
  live: "Live",
  connecting: "Connecting",
  stalled: "Stalled",
  "no-signal": "No signal",
  offline: "No connection",
  paused: "Paused",
  gone: "Gone",
};

export function stateName(state) {
  return STATES[state];
}

/** Fills the elements with data-show below root. */
export function present(root, told) {
  const texts = {
    camera: told.camera,
    state: STATES[told.state],
    message: told.message,
    fps: told.fps === null ? "–" : told.fps.toFixed(1),
    age: duration(told.ageMs),
    bandwidth: bandwidth(told.bitsPerSecond),
    size: told.width ? `${told.width} × ${told.height}` : (told.sourceSize ?? "–"),
    quality: told.quality ?? "–",
    number: told.number ?? "–",
    clients: told.clients ?? "–",
    source: told.source ?? "–",
    transport: told.transport,
  };
  for (const element of root.querySelectorAll("[data-show]")) {
    const text = String(texts[element.dataset.show]);
    if (element.textContent !== text) element.textContent = text;
    if (element.dataset.show === "message") element.hidden = !text;
  }
  root.dataset.state = told.state;
  root.dataset.painted = told.painted;
  root.dataset.asleep = told.asleep;
  root.dataset.degraded = told.degraded;
  for (const icon of root.querySelectorAll("[data-icon] use")) {
    const wanted = `#icon-${told.state}`;
    if (icon.getAttribute("href") !== wanted) icon.setAttribute("href", wanted);
  }
}

function duration(ms) {
  if (ms === null) return "–";
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

function bandwidth(bitsPerSecond) {
  if (bitsPerSecond === null) return "–";
  if (bitsPerSecond < 1e6) return `${Math.round(bitsPerSecond / 1e3)} kbit/s`;
  return `${(bitsPerSecond / 1e6).toFixed(1)} Mbit/s`;
}
