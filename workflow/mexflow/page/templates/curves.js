// Curves: what is under the pointer, and a closer look at a part. A drawing says what its ends are (`data-first`,
// `data-last`: frames, or with `data-unit` seconds) and what score is at its top (`data-top`, else 1). The event `looked`
// tells which part is seen, in thousandths of the whole.
"use strict";
document.querySelectorAll("svg.scores").forEach((drawing) => {
  const [first, last, top] = [Number(drawing.dataset.first), Number(drawing.dataset.last), Number(drawing.dataset.top || 1)];
  const digits = 2 + Math.max(0, Math.ceil(-Math.log10(top)));
  const read = drawing.parentElement.querySelector(".read");
  const curve = (drawing.querySelector(".curve")?.getAttribute("d") || "").split(/[ML]/).filter(Boolean).map((pair) => pair.split(" ").map(Number));
  let [start, wide, from] = [0, 1000, null];
  const value = (x) => first + (last - first) * x / 1000;
  const [one, span] = drawing.dataset.unit
    ? [(x) => `${value(x).toFixed(2)} ${drawing.dataset.unit}`, (x, y) => `${value(x).toFixed(2)} to ${value(y).toFixed(2)} ${drawing.dataset.unit}`]
    : [(x) => `frame ${Math.round(value(x))}`, (x, y) => `frames ${Math.round(value(x))} to ${Math.round(value(y))}`];
  const place = (event) => {
    const box = drawing.getBoundingClientRect();
    return start + wide * Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
  };
  const look = (at, width) => {
    wide = Math.min(1000, Math.max(10, width));
    start = Math.min(1000 - wide, Math.max(0, at));
    drawing.setAttribute("viewBox", `${start} -14 ${wide} 128`);
    read.textContent = span(start, start + wide);
    drawing.dispatchEvent(new CustomEvent("looked", { detail: { start, wide } }));
  };
  drawing.addEventListener("pointermove", (event) => {
    if (!curve.length) return;
    const x = place(event);
    const near = curve.reduce((best, point) => Math.abs(point[0] - x) < Math.abs(best[0] - x) ? point : best);
    read.textContent = `${one(near[0])}: score ${(top * (1 - near[1] / 100)).toFixed(digits)}`;
  });
  drawing.addEventListener("pointerdown", (event) => { from = place(event); });
  drawing.addEventListener("pointerup", (event) => {
    const to = place(event);
    if (from !== null && Math.abs(to - from) > wide / 50) look(Math.min(from, to), Math.abs(to - from));
    from = null;
  });
  drawing.addEventListener("dblclick", () => look(0, 1000));
  drawing.addEventListener("keydown", (event) => {
    const steps = { "+": [wide / 4, wide / 2], "=": [wide / 4, wide / 2], "-": [-wide / 2, 2 * wide], ArrowLeft: [-wide / 4, wide], ArrowRight: [wide / 4, wide], 0: [-start, 1000] };
    if (!(event.key in steps)) return;
    event.preventDefault();
    look(start + steps[event.key][0], steps[event.key][1]);
  });
});
