// Quality, size and rate: three lists that write the page's address and so the stream's.

const NAMES = ["quality", "width", "fps"];

/** Shows options in the lists of a form and calls changed(options) when one is chosen. */
export function bindControls(form, options, changed) {
  for (const name of NAMES) {
    const list = form.elements[name];
    const { min, max } = list.dataset;
    for (const option of [...list.options]) {
      const value = Number(option.value);
      if (value && (value < Number(min) || value > Number(max))) option.remove();
    }
    const wanted = options[name] ?? "";
    if (![...list.options].some((option) => option.value === wanted)) {
      list.add(new Option(wanted, wanted));
    }
    list.value = wanted;
  }
  form.addEventListener("change", () => {
    const chosen = { ...options };
    for (const name of NAMES) {
      if (form.elements[name].value) chosen[name] = form.elements[name].value;
      else delete chosen[name];
    }
    changed(chosen);
  });
  form.addEventListener("submit", (event) => event.preventDefault());
}
