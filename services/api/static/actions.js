// What the buttons of a camera do: copy, save, full screen; and what is said about it.

import { fileName } from "./recipes.js";
import { cameraAddress, frameOptions } from "./urls.js";

const SAID_MS = 3000;
let saying = 0;

/** Shows a sentence for a moment, and has it read out. */
export function say(text) {
  const element = document.getElementById("said");
  element.textContent = text;
  clearTimeout(saying);
  saying = setTimeout(() => (element.textContent = ""), SAID_MS);
}

export async function copy(text, label) {
  if (await copied(text)) say(`Copied: ${label}`);
  else say("This browser does not let pages copy; select the text by hand.");
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copiedTheOldWay(text);
  }
}

// BROWSER: the clipboard is there over https and on localhost only; cameras are often on neither.
function copiedTheOldWay(text) {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "aside";
  const focused = document.activeElement;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  focused?.focus();
  return done;
}

/** Downloads a fresh frame under the camera's name, its time and its number. */
export async function saveSnapshot(camera, options) {
  try {
    const address = cameraAddress(camera, "/frame", frameOptions(options));
    const answer = await fetch(address, { cache: "no-store" });
    if (!answer.ok) throw new Error((await answer.json()).detail);
    const captured = new Date(Number(answer.headers.get("x-timestamp")) * 1000);
    const time = captured.toISOString().slice(0, 19).replaceAll(":", "-");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await answer.blob());
    link.download = `${fileName(camera)}_${time}_${answer.headers.get("x-frame-number")}.jpg`;
    link.click();
    URL.revokeObjectURL(link.href);
    say(`Saved ${link.download}`);
  } catch (error) {
    say(`No snapshot: ${error.message}`);
  }
}

export function toggleFullScreen(element) {
  if (document.fullscreenElement) return document.exitFullscreen();
  return element.requestFullscreen?.().catch(() => say("The browser refuses full screen."));
}

/** A line of a list of recipes: its button copies the text. */
export function recipeItem({ label, text }) {
  const item = document.getElementById("recipe").content.firstElementChild.cloneNode(true);
  const button = item.querySelector("button");
  button.querySelector("b").textContent = label;
  const telling = text.split("\n").find((line) => line.includes("://"));
  button.querySelector("code").textContent = telling.trim().replaceAll(location.origin, "");
  button.title = text;
  button.setAttribute("aria-label", `Copy: ${label}`);
  button.addEventListener("click", () => copy(text, label));
  return item;
}
