// One camera, large, with all that can be done with it.

import { copy, recipeItem, saveSnapshot, toggleFullScreen } from "./actions.js";
import { bindControls } from "./controls.js";
import { Player } from "./player.js";
import { present } from "./present.js";
import { recipes } from "./recipes.js";
import { transportsFor } from "./transports/all.js";
import { cameraAddress } from "./urls.js";

/**
 * Builds the view; {root, players, actions, layout, update}. listed: [{name, online}], the cameras
 * there are now; update() takes it anew. changed(options): the controls were used.
 */
export function singleView(state, listed, clock, told, changed) {
  const { camera, options } = state;
  const root = document.getElementById("single-view").content.firstElementChild.cloneNode(true);
  const stage = root.querySelector(".stage");
  const canvas = root.querySelector("canvas");
  const image = root.querySelector("img");
  canvas.setAttribute("aria-label", `Live picture of ${camera}`);
  image.alt = `Live picture of ${camera}`;
  const pause = root.querySelector("[data-do=pause]");

  const player = new Player({
    camera,
    options,
    canvas,
    image,
    transports: transportsFor(1, state.transport),
    clock,
    changed: (now) => {
      present(root, now);
      if (now.width) stage.style.setProperty("--ratio", now.width / now.height);
      told(now);
    },
  });

  const known = recipes(camera, options);
  const actions = {
    snapshot: () => saveSnapshot(camera, options),
    full: () => toggleFullScreen(stage),
    copy: () => copy(known[0].text, known[0].label),
    pause: () => {
      player.held = !player.held;
      if (player.held) player.stop();
      else player.start();
      pause.setAttribute("aria-pressed", player.held);
    },
  };
  for (const button of root.querySelectorAll("[data-do]")) {
    button.addEventListener("click", () => actions[button.dataset.do]());
  }
  bindControls(root.querySelector("form"), options, changed);
  root.querySelector(".recipes").append(...known.map(recipeItem));
  root.querySelector("[data-link=status]").href = cameraAddress(camera, "/status");
  const update = (cameras) => {
    const found = cameras.find(({ name }) => name === camera);
    if (found) player.appear(found.online);
    else player.vanish();
  };
  update(listed);
  present(root, player.read());
  return { root, players: [player], actions, layout: () => {}, update };
}
