// The first page: shows one camera, keeps showing it, and says how it fares.

const STATUS_MS = 1000;
const RETRY_MS = [500, 1000, 2000, 5000];

const element = (id) => document.getElementById(id);
const links = [...document.querySelectorAll("#links a[data-path]")];
const known = [...document.querySelectorAll("#cameras a")];
const names = known.map((link) => link.dataset.camera);
const asked = new URLSearchParams(location.search).get("camera");
const camera = names.includes(asked) ? asked : names[0];
const path = `/stream/${encodeURIComponent(camera)}`;
// BROWSER: opened as http://user:password@host/ the page could not fetch relative addresses, which
// would inherit the password (Fetch, "URL includes credentials"); an origin has none.
const base = location.origin + path;
const picture = element("picture");

// Blink shows a part only when the next part's header has come (crbug 527446); with this parameter
// the server sends that header at once. Other engines do not need it.
const blink = "chrome" in window || /Chrome\//.test(navigator.userAgent);

let failures = 0;
let retry = 0;

function show() {
  clearTimeout(retry);
  const query = new URLSearchParams({ t: Date.now() });
  if (blink) query.set("advance_headers", "1");
  picture.src = `${base}?${query}`;
}

// An <img> that is only removed or hidden keeps its connection and its traffic.
function hide() {
  clearTimeout(retry);
  picture.removeAttribute("src");
}

function showAgain() {
  if (document.hidden) return;
  clearTimeout(retry);
  retry = setTimeout(show, RETRY_MS[Math.min(failures, RETRY_MS.length - 1)]);
  failures += 1;
}

function say(message) {
  element("message").textContent = message;
  element("message").hidden = !message;
}

function report(status) {
  element("state").textContent = status.online ? "online" : "no signal";
  element("state").dataset.online = status.online;
  element("fps").textContent = status.fps.toFixed(1);
  element("size").textContent = status.width ? `${status.width} × ${status.height}` : "–";
  element("number").textContent = status.frame_number ?? "–";
  element("clients").textContent = status.clients_total;
  element("source").textContent = status.source ?? "";
  const live = status.condition === "live";
  // an <img> that shows nothing is drawn as broken; the last picture of a stream that ended stays
  picture.hidden = !live && !picture.naturalWidth;
  if (live) say(status.online ? "" : status.reason);
  else say(status.why ? `${status.advice} (${status.why})` : status.advice);
}

let wasLive = true;

async function watch() {
  if (!document.hidden) {
    try {
      const answer = await fetch(`${base}/status`, { cache: "no-store" });
      const status = await answer.json();
      if (!answer.ok) throw new Error(status.detail);
      report(status);
      const live = status.condition === "live";
      // The server ends a stream whose Video Module stays away; without an error event in some
      // browsers, so its return is the moment to start anew.
      if (live && !wasLive) {
        failures = 0;
        show();
      }
      wasLive = live;
    } catch (error) {
      element("state").textContent = "no connection";
      element("state").dataset.online = false;
      say(`The API does not answer: ${error.message}`);
      wasLive = false;
    }
  }
  setTimeout(watch, STATUS_MS);
}

for (const link of links) {
  link.href = base + link.dataset.path;
  link.textContent = path + link.dataset.path;
}
for (const link of known) {
  if (link.dataset.camera === camera) link.setAttribute("aria-current", "page");
}
if (known.length < 2) element("cameras").hidden = names.length === 0;
document.title = `${camera} – Ringcast`;

picture.addEventListener("error", showAgain);
picture.addEventListener("load", () => {
  failures = 0;
  picture.hidden = false;
});
document.addEventListener("visibilitychange", () => (document.hidden ? hide() : show()));
addEventListener("pagehide", hide);
addEventListener("pageshow", show);

watch();
