// The page at /: all cameras or one of them, as its address says.

import { Clock } from "./clock.js";
import { gridView } from "./grid.js";
import { bindKeys } from "./keys.js";
import { stateName } from "./present.js";
import { Roster } from "./roster.js";
import { singleView } from "./single.js";
import { pageAddress, readPage } from "./urls.js";
import { Watch } from "./watch.js";

const nav = document.getElementById("cameras");
const main = document.querySelector("main");
const help = document.getElementById("help");
const clock = new Clock();

let listed = [...nav.querySelectorAll("a[data-camera]")].map((link) => ({
  name: link.dataset.camera,
  online: null,
}));
let names = listed.map(({ name }) => name);
const roster = new Roster(listed, relist);
let state = readPage(names);
let view = null;
let watch = null;
let shown = "";
const said = new Map(); // state by camera, as it was read out last

function show() {
  leave();
  state = readPage(names);
  shown = location.search;
  said.clear();
  view = state.camera === null
    ? gridView(state, listed, clock, announce, () => !document.hidden)
    : singleView(state, listed, clock, announce, (options) => go({ options }, true));
  watch = new Watch(view.players);
  document.title = `${state.camera ?? "All cameras"} – Ringcast`;
  document.body.classList.toggle("wall", state.wall && state.camera === null);
  for (const link of nav.querySelectorAll("a")) bindLink(link);
  main.replaceChildren(view.root);
  view.layout();
  resume();
}

function bindLink(link) {
  const here = (link.dataset.camera ?? null) === state.camera;
  if (here) link.setAttribute("aria-current", "page");
  else link.removeAttribute("aria-current");
  link.href = pageAddress(state, { camera: link.dataset.camera ?? null, wall: false });
}

/** The server lists these cameras now. */
function relist(cameras) {
  const before = new Set(names);
  listed = cameras;
  names = listed.map(({ name }) => name);
  const added = names.filter((name) => !before.has(name));
  for (const link of nav.querySelectorAll("a[data-camera]")) {
    if (!names.includes(link.dataset.camera)) link.remove();
  }
  for (const [at, name] of names.entries()) {
    if (!added.includes(name)) continue;
    const link = Object.assign(document.createElement("a"), { textContent: name });
    link.dataset.camera = name;
    nav.insertBefore(link, nav.querySelectorAll("a[data-camera]")[at] ?? null);
    bindLink(link);
  }
  nav.hidden = names.length < 2;
  const news = added.filter((name) => name !== state.camera); // that one says itself how it fares
  for (const name of news) said.delete(name);
  if (news.length) {
    announcement(news.length > 3 ? `${news.length} new cameras.` : `New: ${news.join(", ")}.`);
  }
  view.update(listed);
}

function leave() {
  pauseAll();
  view = null;
}

function pauseAll() {
  watch?.stop();
  roster.stop();
  view?.players.forEach((player) => player.stop());
}

function resume() {
  if (!view || document.hidden) return;
  for (const player of view.players) player.start();
  watch.start();
  roster.start();
}

/** Changes the address, and what is shown with it. */
function go(changes, replace = false) {
  const address = pageAddress(state, changes);
  if (replace) history.replaceState(null, "", address);
  else history.pushState(null, "", address);
  const focused = document.activeElement?.name;
  show();
  if (focused) view.root.querySelector(`[name="${CSS.escape(focused)}"]`)?.focus();
}

/** Has a camera's state read out when it changes; not that it connects or is paused. */
function announce({ camera, state: now, message }) {
  if (now === "paused" || now === "connecting") return;
  const last = said.get(camera) ?? "live";
  said.set(camera, now);
  if (now !== last) announcement(`${camera}: ${stateName(now)}. ${message}`);
}

function announcement(text) {
  document.getElementById("states").textContent = text;
}

function back() {
  if (state.wall) return go({ wall: false });
  if (state.camera === null || names.length < 2) return false;
  const camera = state.camera;
  go({ camera: null });
  view.root.querySelector(`a[data-camera="${CSS.escape(camera)}"]`)?.focus();
  return true;
}

function move(key) {
  if (state.camera === null) return view.actions.move(key);
  const step = { ArrowLeft: -1, ArrowRight: 1 }[key];
  if (!step || names.length < 2) return false;
  const at = (names.indexOf(state.camera) + step + names.length) % names.length;
  return go({ camera: names[at] });
}

const OWN = {
  back,
  move,
  help: () => help.showModal(),
  wall: () => state.camera === null && go({ wall: !state.wall }),
  full: () => state.camera === null && document.documentElement.requestFullscreen?.(),
};

bindKeys((name, key) => {
  const action = view.actions[name] && name !== "move" ? view.actions[name] : OWN[name];
  return action ? action(key) !== false : false;
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("a");
  if (link && !link.hash && link.pathname === location.pathname) {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    history.pushState(null, "", link.href);
    show();
    if (state.camera !== null && names.length > 1) main.focus({ preventScroll: true });
    return;
  }
  const tool = event.target.closest("[data-page]")?.dataset.page;
  if (tool) OWN[tool]();
});

document.addEventListener("visibilitychange", () => (document.hidden ? pauseAll() : resume()));
// back and forward; a step within the page ("#main") is none of ours
addEventListener("popstate", () => location.search !== shown && show());
addEventListener("pagehide", pauseAll);
// also when the page comes back out of the browser's memory of pages (bfcache)
addEventListener("pageshow", (event) => event.persisted && resume());
addEventListener("resize", () => view?.layout());

show();
