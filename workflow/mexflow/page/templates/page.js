// The results page: what stands in the panel behind a number.
"use strict";
(() => {
  const { data, element, part, folded, table, line, quoted, panels, searching } = mexflow;

  const names = (numbers) => numbers.map((number) => data.names[number]).join(", ");
  const duration = (seconds) => seconds < 90 ? `${seconds} s` : seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
  const bytes = (size) => size < 1e4 ? `${size} B` : size < 1e7 ? `${Math.round(size / 1e3)} kB` : `${Math.round(size / 1e6)} MB`;

  function find(name) {
    const paper = data.papers[name.split("/")[0]];
    return paper && Object.hasOwn(paper.cells, name) ? { paper, cell: paper.cells[name] } : null;
  }

  // What the cell says, as it stands in its table.
  function numbers(name) {
    const cell = document.getElementById(location.hash.slice(1));
    const texts = (query) => cell.querySelector(query)?.textContent || "";
    const one = (kind, value) => value && element("div", { class: kind }, element("span", { class: "small", text: kind }), element("b", { text: value }));
    const shown = element("div", { class: "big" }, one("published", texts(".published")) || null,
      one("measured", texts(".number")) || null, one("95 % interval", texts(".interval")) || null);
    // Who comes by the address of a cell has not seen the head of the page.
    const warnings = texts(".number").includes("†") ? [...document.querySelectorAll("#overview p.warning")] : [];
    return element("div", {}, shown, ...warnings.map((one) => element("p", { class: "warning", text: one.textContent })));
  }

  function clipsOf(experiment) {
    const lines = experiment.clips.map((row) => ({ row, wrong: row[2] !== row[3] }));
    lines.sort((one, other) => other.wrong - one.wrong);
    const wrong = lines.filter((one) => one.wrong).length;
    const heads = ["clip", "true", "predicted", "fold"];
    const shown = ({ row, wrong }) => line([clipOf(data.clips[row[1]]), data.names[row[2]],
      `${data.names[row[3]]}${row[4] === null ? "" : ` (${row[4]} %)`}`, experiment.folds[row[0]]?.[0]], wrong ? "wrong" : "");
    return part(`Test clips: ${wrong} of ${lines.length} wrong`,
      wrong ? table(heads, lines.slice(0, wrong).map(shown)) : null,
      wrong < lines.length ? folded(`${lines.length - wrong} right`, table(heads, lines.slice(wrong).map(shown))) : null);
  }
  function clipOf(clip) {
    const [dataset, subject, name, frames, face] = clip;
    return element("span", {}, ...(face ? [faceOf(face, 0, `${name} at onset`), faceOf(face, 1, "at apex")] : []),
      element("span", { text: `${dataset} ${subject} ${name}` }),
      frames ? folded("raw frames", element("span", { class: "small", text: frames })) : null);
  }
  // Faces stand in one sheet a dataset, sixteen a row; each sheet is named once, for it is long.
  let sheets = null;
  function faceOf([sheet, first], offset, label) {
    const place = first + offset;
    if (!sheets) {
      sheets = element("style", { text: data.faces.map((address, number) => `.sheet-${number} { background-image: url(${address}); }`).join("\n") });
      document.head.append(sheets);
    }
    return element("span", { class: `face sheet-${sheet}`, role: "img", "aria-label": label,
      style: { backgroundPosition: `${-56 * (place % 16)}px ${-56 * Math.floor(place / 16)}px` } });
  }
  function videosOf(experiment) {
    const counted = experiment.videos.map((row) => {
      const matched = row[5].filter((one) => one[2]).length;
      return [data.names[row[2]], data.names[row[1]], [data.names[row[3]], data.names[row[4]]].filter(Boolean).join(", "),
        `${matched}`, `${row[5].length - matched}`, `${row[6].filter((one) => !one[2]).length}`];
    });
    const spans = (found, failed) => found.map(([first, last, matched]) => `${first}–${last} ${matched ? "matched" : failed}`).join(", ") || "—";
    const each = experiment.videos.map((row, number) => line([counted[number][0], counted[number][2], spans(row[5], "missed"), spans(row[6], "false")]));
    return part("Test videos", table(["video", "subject", "variant, type", "matched", "missed", "false"], counted.map((row) => line(row))),
      folded("Each interval, first to last frame", table(["video", "variant, type", "true", "predicted"], each)));
  }
  function thresholdsOf(experiment) {
    return folded("Thresholds, each chosen on training and validation subjects", table(["fold", "variant", "type", "threshold", "chosen on subjects"],
      experiment.thresholds.map((row) => line([...row.slice(0, 4), names(row[4])]))));
  }
  function foldsOf(experiment) {
    return folded(`Folds: ${experiment.folds.length}; who was trained, validated and tested on`,
      table(["fold", "test", "validation", "training", "samples", "tested", "seed"], experiment.folds.map((fold) => line([fold[0],
        ...[3, 2, 1].map((place) => names(data.groups[fold[place]]) || "—"), ...fold.slice(4).map((told) => told === null ? "—" : `${told}`)]))));
  }
  function recipeOf(experiment) {
    return folded("Recipe: everything that the training depends on", element("dl", { class: "recipe" },
      ...experiment.recipe.flatMap(([name, value]) => [element("dt", { text: name }), element("dd", { text: value })])));
  }
  function jobOf(number) {
    const [name, command, seconds, started, code, raw, artifacts] = data.jobs[number];
    return folded(`${name} · ${duration(seconds)}`,
      element("p", { class: "small", text: `${started} UTC, code ${code}${raw ? `; raw frames: ${raw[1]} of ${raw[0]}, ${raw[2]}` : ""}` }),
      element("pre", { text: command.map((number) => data.words[number]).join(" --") }),
      table(["artifact", "sha256", "size"], artifacts.map((row) => line([row[0], element("code", { text: row[1] }), bytes(row[2])]))));
  }
  function chainOf(stages) {
    return element("ol", { class: "chain" }, ...stages.map(([stage, jobs]) => {
      const seconds = jobs.reduce((sum, number) => sum + data.jobs[number][2], 0);
      const artifacts = jobs.reduce((sum, number) => sum + data.jobs[number][6].length, 0);
      const head = element("span", {}, element("strong", { text: stage }), element("span", { class: "small",
        text: `${jobs.length === 1 ? "1 job" : `${jobs.length} jobs`}, ${artifacts} artifacts, ${duration(Math.round(10 * seconds) / 10)}` }));
      return element("li", {}, head, ...(jobs.length > 3 ? [folded("each", ...jobs.map(jobOf))] : jobs.map(jobOf)));
    }));
  }
  function experimentOf(number, several) {
    const experiment = data.experiments[number];
    return element("div", {}, several ? element("h3", { text: experiment.name }) : null,
      experiment.clips ? clipsOf(experiment) : null, experiment.videos ? videosOf(experiment) : null,
      experiment.thresholds ? thresholdsOf(experiment) : null,
      foldsOf(experiment), experiment.recipe.length ? recipeOf(experiment) : null);
  }
  function merged(experiments, job) {
    const stages = new Map();
    const add = (stage, jobs) => stages.set(stage, new Set([...(stages.get(stage) || []), ...jobs]));
    for (const number of experiments) for (const [stage, jobs] of data.experiments[number].chain) add(stage, jobs);
    add("table", [job]);
    return [...stages].map(([stage, jobs]) => [stage, [...jobs]]);
  }

  function fill(name) {
    const { paper, cell } = find(name);
    const [experiments, remarks, decisions, count, job, seeds] = cell;
    const verify = `mexflow verify ${quoted(name)}`;
    return [
      numbers(name),
      ...[count === null ? null : `n = ${count}`, seeds || null].filter(Boolean).map((text) => element("p", { class: "small", text })),
      ...(remarks.length ? [element("ul", {}, ...remarks.map((number) => element("li", { text: paper.remarks[number] })))] : []),
      ...experiments.map((number) => experimentOf(number, experiments.length > 1)),
      ...(decisions.length ? [folded(`Decisions that it rests on: ${decisions.length}`, table(["setting", "value", "in print", "why"],
        decisions.map((number) => line(paper.decisions[number]))))] : []),
      part("From the raw frames to this number", chainOf(merged(experiments, job))),
      part("Check it yourself", element("pre", { text: `./run python -m ${verify}\n./run python -m ${verify} --recompute-cell\n./run python -m mexflow trace ${quoted(name)}` })),
    ];
  }

  panels(find, fill);
  searching([...document.querySelectorAll(".changes tbody tr")]);
})();
