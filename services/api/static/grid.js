// All cameras at once; on a wall they fill the screen. They appear and vanish while one looks.

import { copy, recipeItem } from "./actions.js";
import { Player } from "./player.js";
import { present } from "./present.js";
import { mosaicRecipes } from "./recipes.js";
import { transportsFor } from "./transports/all.js";
import { pageAddress } from "./urls.js";

const WIDTHS = [320, 480, 640, 960, 1280, 1920];
const CALM_FPS = 15;
const RATIO = 16 / 9;
const GONE_MS = 10000;
/** Tiles so far below or above what is in sight are woken already: a quarter of a screen. */
const NEAR = "25%";

/**
 * Builds the view; {root, players, actions, layout, update}. listed: [{name, online}], the cameras
 * there are now; update() takes it anew. awake(): whether anybody looks at the page.
 */
export function gridView(state, listed, clock, told, awake) {
  const root = document.getElementById("grid-view").content.firstElementChild.cloneNode(true);
  const list = root.querySelector("ul");
  const players = [];
  const tiles = new Map(); // by camera: {tile, player, removal}
  const sight = new IntersectionObserver(
    (seen) => seen.forEach(({ target, isIntersecting }) => look(target, isIntersecting)),
    { rootMargin: NEAR },
  );

  // One out of sight costs no traffic.
  const look = (tile, inSight) => {
    const player = players.find((each) => tiles.get(each.camera).tile === tile);
    if (!player) return;
    player.asleep = !inSight;
    if (!inSight) player.stop();
    else if (awake()) player.start();
  };

  const add = (camera, before, count) => {
    const tile = document.getElementById("tile").content.firstElementChild.cloneNode(true);
    const link = tile.querySelector("a");
    link.href = pageAddress(state, { camera, wall: false });
    link.dataset.camera = camera;
    list.insertBefore(tile, before);
    const player = new Player({
      camera,
      options: { fps: CALM_FPS, width: smallestFor(count, state.wall), ...state.options },
      canvas: tile.querySelector("canvas"),
      image: tile.querySelector("img"),
      transports: transportsFor(count, state.transport),
      clock,
      changed: (now) => {
        present(tile, now);
        told(now);
      },
    });
    player.asleep = true;
    players.push(player);
    tiles.set(camera, { tile, player, removal: 0 });
    sight.observe(tile);
  };

  const remove = (camera) => {
    const { tile, player } = tiles.get(camera);
    const focused = tile.contains(document.activeElement);
    const next = (tile.nextElementSibling ?? tile.previousElementSibling)?.querySelector("a");
    sight.unobserve(tile);
    player.stop();
    tile.remove();
    tiles.delete(camera);
    players.splice(players.indexOf(player), 1);
    if (focused) next?.focus();
    arrange();
  };

  const arrange = () => {
    root.querySelector(".none").hidden = players.length > 0;
    const elsewhere = root.querySelector(".elsewhere");
    const names = [...list.querySelectorAll("a")].map((link) => link.dataset.camera);
    elsewhere.hidden = names.length < 2;
    const known = names.length < 2 ? [] : mosaicRecipes(names);
    elsewhere.querySelector("ul").replaceChildren(...known.map(recipeItem));
    actions.copy = known.length ? () => copy(known[0].text, known[0].label) : () => false;
    layout();
  };

  const layout = () => {
    const columns = state.wall ? bestColumns(players.length) : "";
    list.style.setProperty("--columns", columns);
    list.style.setProperty("--rows", columns && Math.ceil(players.length / columns));
  };

  const update = (cameras) => {
    let changed = false;
    let before = list.firstElementChild;
    for (const { name, online } of cameras) {
      if (!tiles.has(name)) {
        add(name, before, cameras.length);
        changed = true;
      }
      const known = tiles.get(name);
      clearTimeout(known.removal);
      known.removal = 0;
      known.player.appear(online);
      before = known.tile.nextElementSibling;
    }
    const names = new Set(cameras.map(({ name }) => name));
    for (const [camera, known] of tiles) {
      if (names.has(camera) || known.removal) continue;
      known.player.vanish();
      known.removal = setTimeout(() => remove(camera), GONE_MS);
    }
    if (changed) arrange();
  };

  const links = () => [...list.querySelectorAll("a")];
  const actions = { move: (key) => moveFocus(links(), key) };
  update(listed);
  arrange();
  return { root, players, actions, layout, update };
}

/** How many columns make the pictures largest on this screen. */
function bestColumns(count) {
  let best = { columns: 1, width: 0 };
  for (let columns = 1; columns <= count; columns += 1) {
    const rows = Math.ceil(count / columns);
    const width = Math.min(innerWidth / columns, (innerHeight / rows) * RATIO);
    if (width > best.width) best = { columns, width };
  }
  return best.columns;
}

/** The width to ask for: a few steps only, so that many pages share what is encoded. */
function smallestFor(count, wall) {
  const across = wall ? bestColumns(count) : Math.max(1, Math.min(4, Math.floor(innerWidth / 400)));
  const needed = (innerWidth / Math.min(across, count)) * devicePixelRatio;
  return WIDTHS.find((width) => width >= needed) ?? WIDTHS.at(-1);
}

function moveFocus(links, key) {
  const at = links.indexOf(document.activeElement);
  if (at < 0) return links[0]?.focus();
  const here = links[at].getBoundingClientRect();
  const across = links.filter((each) => each.getBoundingClientRect().top === here.top).length;
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -across, ArrowDown: across }[key];
  return links[Math.min(links.length - 1, Math.max(0, at + step))].focus();
}
