// The keyboard: what the dialog behind "?" lists.

const ARROWS = new Set(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"]);

/** Calls act(name, key) for keys that mean something and are not meant for a field. */
export function bindKeys(act) {
  const meanings = { f: "full", s: "snapshot", c: "copy", p: "pause", w: "wall", "?": "help" };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    // a dialog that has just closed keeps the focus until the next picture of the page
    if (event.target.closest("input, select, textarea, dialog[open]")) return;
    const name = event.key === "Escape" ? "back" : ARROWS.has(event.key) ? "move" : meanings[event.key];
    if (name && act(name, event.key)) event.preventDefault();
  });
}
