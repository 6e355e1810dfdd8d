// What every page does: panels behind numbers, sorting, search, and the choice of light or dark. Pages read whole without
// any of it. Texts get into a page as text alone (textContent): nothing from the data is ever read as HTML.
"use strict";
const mexflow = (() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const panel = document.getElementById("panel");
  let opened = null;  // the link that opened the panel

  function element(name, options, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(options || {})) {
      if (key === "text") made.textContent = value;
      else if (key === "class") made.className = value;
      else if (key === "style") Object.assign(made.style, value);
      else made.setAttribute(key, value);
    }
    made.append(...children.filter((child) => child !== null && child !== undefined));
    return made;
  }
  const part = (title, ...children) => element("section", {}, element("h3", { text: title }), ...children.filter(Boolean));
  const folded = (title, ...children) => element("details", {}, element("summary", { text: title }), ...children);
  const table = (heads, lines) => element("div", { class: "scroll" }, element("table", {},
    element("thead", {}, element("tr", {}, ...heads.map((text) => element("th", { text, scope: "col" })))),
    element("tbody", {}, ...lines)));
  const line = (texts, kind) => element("tr", { class: kind || "" }, ...texts.map(
    (text) => text instanceof Node ? element("td", {}, text) : element("td", { text: text ?? "" })));
  const quoted = (text) => /^[\w./:-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
  const address = () => {
    try { return decodeURIComponent(location.hash.slice(1)); } catch { return ""; }
  };

  // A panel for each cell whose name is known: `content` makes what stands in it, below its title.
  function panels(known, content) {
    function show() {
      const name = address();
      if (!known(name)) { hide(); return; }
      const close = element("button", { type: "button", class: "close", text: "Close" });
      close.addEventListener("click", shut);
      document.body.classList.add("opened");
      panel.replaceChildren(element("h2", { id: "panel-title", text: name }), close, ...content(name).filter(Boolean));
      panel.hidden = false;
      panel.scrollTop = 0;
      const cell = document.getElementById(location.hash.slice(1));
      for (let at = cell; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
      cell.scrollIntoView({ block: "center" });
      opened = cell.querySelector(".number");
      panel.focus({ preventScroll: true });
    }
    function hide() {
      document.body.classList.remove("opened");
      panel.hidden = true;
      panel.replaceChildren();
    }
    function shut() {
      const back = opened;
      history.pushState(null, "", location.pathname + location.search);
      hide();
      back?.focus({ preventScroll: true });
    }
    addEventListener("hashchange", show);
    addEventListener("keydown", (event) => { if (event.key === "Escape" && !panel.hidden) shut(); });
    // A number whose panel was closed has the address already, when it is clicked once more.
    document.addEventListener("click", (event) => {
      const link = event.target.closest?.("a[data-cell]");
      if (link && link.hash === location.hash) show();
    });
    show();
  }

  // Tables are sorted by a column when its head is pressed: by numbers where there are any.
  function sortable(grid) {
    const body = grid.tBodies[0];
    const heads = [...grid.tHead.rows[0].cells];
    heads.forEach((head, place) => {
      const button = element("button", { type: "button", text: head.textContent });
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") !== "descending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const key = (row) => row.cells[place].querySelector(".number b")?.textContent ?? row.cells[place].textContent;
        const number = (text) => parseFloat(text.replaceAll(",", ""));
        const rows = [...body.rows].map((row) => [key(row), row]);
        rows.sort(([one], [other]) => {
          const [a, b] = [number(one), number(other)];
          if (Number.isNaN(a) !== Number.isNaN(b)) return Number.isNaN(a) ? 1 : -1;
          const order = Number.isNaN(a) ? other.localeCompare(one) : b - a;
          return down ? order : -order;
        });
        body.append(...rows.map(([, row]) => row));
      });
    });
  }
  document.querySelectorAll("main table.grid").forEach(sortable);

  // Rows that hold every word that is searched for.
  function searching(lines) {
    const search = document.getElementById("search");
    if (!search) return;
    const rows = lines.map((row) => [row, row.textContent.toLowerCase()]);
    search.disabled = false;
    search.addEventListener("input", () => {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      let found = 0;
      for (const [row, text] of rows) {
        row.hidden = !words.every((word) => text.includes(word));
        found += !row.hidden;
        const around = row.closest("details");
        if (words.length && around) around.open = true;
      }
      document.getElementById("found").textContent = words.length ? `${found} of ${rows.length}` : "";
    });
  }

  const theme = document.getElementById("theme");
  const dark = () => (document.documentElement.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const named = () => { theme.textContent = dark() ? "Light" : "Dark"; };
  theme.hidden = false;
  theme.addEventListener("click", () => { document.documentElement.dataset.theme = dark() ? "light" : "dark"; named(); });
  named();

  // On paper nothing can be opened: everything folded is printed, and folded again afterwards.
  let unfolded = [];
  addEventListener("beforeprint", () => {
    unfolded = [...document.querySelectorAll("main details:not([open])")];
    unfolded.forEach((one) => { one.open = true; });
  });
  addEventListener("afterprint", () => unfolded.forEach((one) => { one.open = false; }));

  return { data, element, part, folded, table, line, quoted, panels, searching };
})();
