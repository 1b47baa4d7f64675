// All cameras at once; on a wall they fill the screen.

import { Player } from "./player.js";
import { present } from "./present.js";
import { transportsFor } from "./transports/all.js";
import { pageAddress } from "./urls.js";

const WIDTHS = [320, 480, 640, 960, 1280, 1920];
const CALM_FPS = 15;
const RATIO = 16 / 9;

/** Builds the view; {root, players, actions, layout}. layout() is to be called on each resize. */
export function gridView(state, names, clock, told) {
  const root = document.getElementById("grid-view").content.firstElementChild.cloneNode(true);
  const list = root.querySelector("ul");
  const transports = transportsFor(names.length, state.transport);
  const width = smallestFor(names.length, state.wall);
  const options = { fps: CALM_FPS, width, ...state.options };
  const players = names.map((camera) => {
    const tile = document.getElementById("tile").content.firstElementChild.cloneNode(true);
    const link = tile.querySelector("a");
    link.href = pageAddress(state, { camera, wall: false });
    link.dataset.camera = camera;
    list.append(tile);
    const player = new Player({
      camera,
      options,
      canvas: tile.querySelector("canvas"),
      image: tile.querySelector("img"),
      transports,
      clock,
      changed: (now) => {
        present(tile, now);
        told(now);
      },
    });
    present(tile, player.read());
    return player;
  });

  const links = () => [...list.querySelectorAll("a")];
  const layout = () => {
    const columns = state.wall ? bestColumns(names.length) : "";
    list.style.setProperty("--columns", columns);
    list.style.setProperty("--rows", columns && Math.ceil(names.length / columns));
  };
  const actions = {
    move: (key) => moveFocus(links(), key),
  };
  return { root, players, actions, layout };
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
  if (at < 0) return links[0].focus();
  const here = links[at].getBoundingClientRect();
  const across = links.filter((each) => each.getBoundingClientRect().top === here.top).length;
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -across, ArrowDown: across }[key];
  return links[Math.min(links.length - 1, Math.max(0, at + step))].focus();
}
