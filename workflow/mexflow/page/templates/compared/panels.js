// The panel of a cell that is not the same in both runs: both numbers, what differs, and which changes stand behind it.
"use strict";
(() => {
  const { data, element, part, folded, table, line, quoted, panels, searching } = mexflow;

  function side(name, kind, told) {
    if (!told) return element("div", { class: kind }, element("span", { class: "small", text: name }), element("b", { text: "—" }));
    const [number, interval, count] = told;
    return element("div", { class: kind }, element("span", { class: "small", text: name }), element("b", { text: number }),
      element("span", { class: "small", text: [interval && `95 %: ${interval}`, count === null ? "" : `n = ${count}`].filter(Boolean).join(" · ") }));
  }
  const madeOf = (told) => `${told[5]}, budget ${told[6]}`;
  function remarksOf(a, b) {
    const [first, second] = [a ? a[4] : [], b ? b[4] : []];
    const listed = (title, numbers) => numbers.length ? [element("h4", { text: title }), element("ul", {}, ...numbers.map((number) => element("li", { text: data.remarks[number] })))] : [];
    const parts = [...listed("in A alone", first.filter((one) => !second.includes(one))), ...listed("in B alone", second.filter((one) => !first.includes(one))),
      ...listed("in both", first.filter((one) => second.includes(one)))];
    return parts.length ? part("Remarks", ...parts) : null;
  }
  function behind(group) {
    if (!group) return null;
    const [counted, reasons, changes] = data.groups[group - 1];
    return part("What stands behind it", element("ul", { class: "reasons" }, ...reasons.map((text) => element("li", { text }))),
      changes.length ? folded(`Each change: ${changes.length}`, table(["kind", "of the jobs", "what", "A", "B"], changes.map((one) => line(one)))) : null,
      element("p", { class: "small" }, "The same stands behind ", element("a", { href: `#group-${group}`, text: counted }), "."));
  }
  function fill(name) {
    const [sort, verdict, difference, group, a, b] = data.cells[name];
    const drawing = document.getElementById(location.hash.slice(1)).querySelector(".spans")?.cloneNode(true) || null;
    const made = a && b && madeOf(a) === madeOf(b) ? madeOf(a) : [a && `A: ${madeOf(a)}`, b && `B: ${madeOf(b)}`].filter(Boolean).join(" · ");
    const printed = a && b && a[3] !== b[3] ? `In print: A ${a[3] || "—"}, B ${b[3] || "—"}` : (b || a)[3] && `In print: ${(b || a)[3]}`;
    // Who comes by the address of a cell has not seen the head of the page.
    const marked = [a, b].some((told) => told && told[0].includes("†"));
    const warnings = marked ? [...document.querySelectorAll("#overview .warning")].map((one) => element("p", { class: "warning", text: one.textContent })) : [];
    const trace = `./run python -m mexflow trace ${quoted(name)}`;
    return [
      element("div", { class: "sides" }, side("A", "a", a), side("B", "b", b)), drawing,
      element("p", { class: sort.replaceAll(" ", "-") }, element("span", { class: "told" }, difference ? element("strong", { text: `${difference} ` }) : null, verdict)),
      element("p", {}, "Made from ", element("strong", { text: made })), ...warnings,
      printed ? element("p", { class: "small", text: printed }) : null,
      behind(group), remarksOf(a, b),
      part("Where it comes from", element("p", { class: "small", text: "In the folder of either run:" }), element("pre", { text: trace })),
    ];
  }

  panels((name) => Object.hasOwn(data.cells, name), fill);
  searching([...document.querySelectorAll(".searched tbody tr")]);
})();
