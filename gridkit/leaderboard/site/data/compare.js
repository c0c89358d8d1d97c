"use strict";
// Two rows of one table: paired differences, clip by clip, from the data files of both.
const PLACES = ["first", "second"];
const state = { boards: [], rows: {}, clips: {} };
let waiting = null;

const element = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "text") made.textContent = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
};
const drawn = (name, attributes, text) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
};

// Student's t: the two-sided p by the incomplete beta function (Lentz's continued fraction).
const logGamma = (x) => {
  const c = [76.18009172947146, -86.50532032941677, 24.01409824083091, -1.231739572450155, 1.208650973866179e-3, -5.395239384953e-6];
  let sum = 1.000000000190015;
  c.forEach((one, place) => { sum += one / (x + 1 + place); });
  const t = x + 5.5;
  return (x + 0.5) * Math.log(t) - t + Math.log((2.5066282746310005 * sum) / x);
};
const beta = (x, a, b) => {
  if (x <= 0 || x >= 1) return x <= 0 ? 0 : 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - beta(1 - x, b, a);
  const tiny = 1e-300;
  let [c, d] = [1, 1 - ((a + b) * x) / (a + 1)];
  d = 1 / (Math.abs(d) < tiny ? tiny : d);
  let h = d;
  for (let m = 1; m < 500; m++) {
    let last = 1;
    for (const up of [
      (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m)),
      (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1)),
    ]) {
      d = 1 + up * d;
      d = 1 / (Math.abs(d) < tiny ? tiny : d);
      c = 1 + up / c;
      if (Math.abs(c) < tiny) c = tiny;
      last = d * c;
      h *= last;
    }
    if (Math.abs(last - 1) < 1e-14) break;
  }
  return (h * Math.exp(a * Math.log(x) + b * Math.log(1 - x) + logGamma(a + b) - logGamma(a) - logGamma(b))) / a;
};
const pOfT = (t, degrees) => beta(degrees / (degrees + t * t), degrees / 2, 0.5);
const tOfP = (p, degrees) => {
  let [low, high] = [0, 1e4];
  for (let i = 0; i < 200; i++) {
    const middle = (low + high) / 2;
    if (pOfT(middle, degrees) > p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
};

// As docs/protocol.md section 6: over the speakers' means where there are 4 or more, else over clips.
const pairedTest = (differences, speakers) => {
  const names = [...new Set(speakers)];
  const mean = (values) => values.reduce((sum, one) => sum + one, 0) / values.length;
  const overSpeakers = names.length >= 4;
  const units = overSpeakers ? names.map((name) => mean(differences.filter((_, i) => speakers[i] === name))) : differences;
  const middle = mean(units);
  const degrees = units.length - 1;
  if (units.every((one) => one === 0)) return { mean: 0, half: 0, p: 1, units: units.length, overSpeakers };
  if (!degrees) return { mean: middle, half: Infinity, p: 1, units: 1, overSpeakers };
  const error = Math.sqrt(units.reduce((sum, one) => sum + (one - middle) ** 2, 0) / degrees / units.length);
  const p = error > 0 ? pOfT(middle / error, degrees) : 0;
  return { mean: middle, half: tOfP(0.05, degrees) * error, p, units: units.length, overSpeakers };
};

const load = (address) => new Promise((resolve, reject) => {
  const tag = element("script", { src: address });
  tag.addEventListener("load", () => { tag.remove(); resolve(); });
  tag.addEventListener("error", () => reject(new Error(address)));
  document.head.append(tag);
});
function gridkitRow(row) { waiting = row; }
function gridkitClips(ids) { waiting = ids; }
const rowOf = async (key) => {
  if (!state.rows[key]) {
    await load(`data/${key}.js`);
    state.rows[key] = waiting;
  }
  return state.rows[key];
};
const clipsOf = async (file) => {
  if (!state.clips[file]) {
    await load(file);
    state.clips[file] = waiting;
  }
  return state.clips[file];
};

function gridkitStandings(boards) {
  state.boards = boards;
  const wanted = location.hash.slice(1).split("&");
  const keys = boards.flatMap((board) => board.rows.map((row) => row.key));
  const chosen = wanted.filter((key) => keys.includes(key));
  fill("first", boards, chosen[0] ?? keys[0]);
  fillSecond(chosen[1]);
  for (const place of PLACES) {
    document.querySelector(`#${place}`).addEventListener("change", () => {
      if (place === "first") fillSecond(document.querySelector("#second").value);
      show();
    });
  }
  show();
}
const fill = (place, boards, key) => {
  const select = document.querySelector(`#${place}`);
  select.replaceChildren(...boards.map((board) => element("optgroup", { label: board.title },
    ...board.rows.map((row) => element("option", { value: row.key, text: `${row.name} (${row.org}, ${row.status})` })))));
  if (key) select.value = key;
};
// the second is of the first's table: other rows answer another question
const fillSecond = (key) => {
  const first = document.querySelector("#first").value;
  const board = state.boards.find((one) => one.rows.some((row) => row.key === first));
  if (!board) return;
  const others = { ...board, rows: board.rows.filter((row) => row.key !== first) };
  const keys = others.rows.map((row) => row.key);
  fill("second", [others], keys.includes(key) ? key : keys[0]);
};

const show = async () => {
  const [one, two] = PLACES.map((place) => document.querySelector(`#${place}`).value);
  const message = document.querySelector("#message");
  const result = document.querySelector("#result");
  if (!one || !two) {
    message.textContent = "No two rows of one table: there is nothing to compare yet.";
    return result.replaceChildren();
  }
  history.replaceState(null, "", `#${one}&${two}`);
  try {
    const rows = [await rowOf(one), await rowOf(two)];
    const ids = await clipsOf(rows[0].clips);
    message.textContent = "";
    const board = state.boards.find((found) => found.rows.some((row) => row.key === one));
    draw(result, rows, ids, board);
  } catch (error) {
    message.textContent = `A file of this site is missing: ${error.message}.`;
    result.replaceChildren();
  }
  return null;
};

const textOf = (board) => (value, signed = false) => {
  const scaled = board.percent ? 100 * value : value;
  const text = Math.abs(scaled).toFixed(board.percent ? 1 : board.decimals);
  const sign = scaled < 0 && parseFloat(text) !== 0 ? "\u2212" : signed ? "+" : "";
  return `${sign}${text}${board.percent ? " %" : ""}`;
};

const draw = (result, rows, ids, board) => {
  const text = textOf(board);
  const names = rows.map((row) => row.entry.name);
  const pairs = ids
    .map((id, place) => ({ id, one: rows[0].values[place], two: rows[1].values[place] }))
    .filter(({ one, two }) => one !== null && two !== null)
    .map((pair) => ({ ...pair, difference: pair.one - pair.two }));
  const speakers = pairs.map(({ id }) => id.split("/")[0]);
  const test = pairedTest(pairs.map((pair) => pair.difference), speakers);
  const lower = board.better === "down";
  const ahead = (test.mean < 0) === lower ? 0 : 1;
  const figures = rows.map((row) => row.entry.metrics[row.entry.rank_metric]);
  const interval = (figure) => (figure.low === null ? "" : `${text(figure.low)} to ${text(figure.high)}`);
  const head = element("dl", { class: "versus" },
    ...figures.map((figure, place) => element("div", { class: ["one", "two"][place] },
      element("dt", {}, element("a", { href: `systems/${rows[place].entry.path.replaceAll("/", "__")}.html`, text: names[place] })),
      element("dd", {}, text(figure.value), element("small", { text: interval(figure) })))),
    element("div", {}, element("dt", { text: `Mean paired difference in ${board.metric}` }),
      element("dd", { id: "difference" }, text(test.mean, true), element("small", { text: `${text(test.mean - test.half, true)} to ${text(test.mean + test.half, true)}` }))));
  const shownP = test.p < 0.0001 ? "p\u00a0<\u00a00.0001" : `p\u00a0=\u00a0${test.p.toFixed(4)}`;
  const units = test.overSpeakers ? `${test.units} speakers` : `${test.units} clips`;
  const said = test.p < 0.01
    ? `${names[ahead]} is better on these clips (paired t-test over ${units}, ${shownP}).`
    : `These clips do not tell the two apart (paired t-test over ${units}, ${shownP}).`;
  const wins = pairs.filter(({ difference }) => difference !== 0 && (difference < 0) === lower).length;
  const losses = pairs.filter(({ difference }) => difference !== 0 && (difference < 0) !== lower).length;
  const line = element("p", { class: "verdict-line", id: "verdict-line", text: said });
  line.dataset.p = test.p;
  line.dataset.mean = test.mean;
  line.dataset.half = test.half;
  result.replaceChildren(
    element("section", {}, element("h2", { text: board.title }), head, line),
    element("section", {}, element("h2", { text: "Clip by clip" }),
      element("p", { class: "lede", text: `Each bar is the difference of one of ${pairs.length} clips, in order of size. ${names[0]} is better on ${wins}, ${names[1]} on ${losses}, equal ${pairs.length - wins - losses}. Dashed: the mean, in its 95 % interval.` }),
      plot(pairs, test, lower, text, names), extremes(pairs, names, text)),
    samplesOf(rows, names));
  result.querySelectorAll(".card").forEach(play);
};

const plot = (pairs, test, lower, text, names) => {
  const ordered = [...pairs].sort((a, b) => b.difference - a.difference);
  const highest = Math.max(ordered[0].difference, 0);
  const lowest = Math.min(ordered.at(-1).difference, 0);
  const range = Math.max(highest - lowest, 1e-9);
  const height = 260;
  const y = (value) => 20 + (height - 40) * ((highest - value) / range);
  const svg = drawn("svg", { height, role: "img", "aria-label": `Paired differences of ${pairs.length} clips, from ${text(lowest, true)} to ${text(highest, true)}; mean ${text(test.mean, true)}` });
  for (const value of [highest, lowest].filter((one) => one !== 0)) {
    const better = names[(value < 0) === lower ? 0 : 1];
    svg.append(drawn("line", { class: "grid", x1: 0, x2: "100%", y1: y(value), y2: y(value) }));
    svg.append(drawn("text", { class: value > 0 ? "end" : "start", x: value > 0 ? "100%" : 0, y: y(value) + (value > 0 ? -6 : 15) }, `${text(value, true)}: ${better} is better`));
  }
  if (Number.isFinite(test.half)) {
    const [from, to] = [y(Math.min(test.mean + test.half, highest)), y(Math.max(test.mean - test.half, lowest))];
    svg.append(drawn("rect", { class: "band", x: 0, width: "100%", y: from, height: Math.max(1, to - from) }));
  }
  const width = 100 / ordered.length;
  ordered.forEach(({ id, difference }, place) => {
    const better = (difference < 0) === lower;
    const bar = drawn("rect", { class: better ? "bar-one" : "bar-two", x: `${place * width}%`, width: `${width * 0.82}%`, y: Math.min(y(0), y(difference)), height: Math.max(0.5, Math.abs(y(difference) - y(0))) });
    bar.append(drawn("title", {}, `${id}: ${text(difference, true)}`));
    svg.append(bar);
  });
  svg.append(drawn("line", { class: "zero", x1: 0, x2: "100%", y1: y(0), y2: y(0) }));
  svg.append(drawn("line", { class: "mean", x1: 0, x2: "100%", y1: y(test.mean), y2: y(test.mean) }));
  return element("figure", { class: "chart paired" }, svg);
};

const extremes = (pairs, names, text) => {
  const ordered = [...pairs].sort((a, b) => b.difference - a.difference);
  const few = ordered.length > 10 ? [...ordered.slice(0, 5), ...ordered.slice(-5)] : ordered;
  const head = ["Clip", ...names, "Difference"].map((name) => element("th", { scope: "col", text: name }));
  const body = few.map((pair) => element("tr", {}, element("th", { scope: "row", text: pair.id }),
    ...[text(pair.one), text(pair.two), text(pair.difference, true)].map((value) => element("td", { text: value }))));
  return element("details", {}, element("summary", { text: "The clips that differ most" }),
    element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "The clips that differ most" },
      element("table", { class: "systems clips-table" }, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...body))));
};

const player = (label, kind, sound, picture, id) => element("figure", { class: `sound ${kind}` },
  element("figcaption", { text: label }),
  element("div", { class: "spectrogram" },
    element("img", { src: `media/${picture}`, alt: `Spectrogram of ${id}, ${label}`, width: "298", height: "128" }),
    element("span", { class: "playhead" }), element("span", { class: "hz top", text: "8 kHz" }), element("span", { class: "hz bottom", text: "0" })),
  element("audio", { controls: "", preload: "none", src: `media/${sound}`, "aria-label": `${label}, ${id}` }));

const samplesOf = (rows, names) => {
  const found = rows.map((row) => Object.fromEntries(row.samples.map((sample) => [sample.id, sample])));
  const ids = [...new Set(rows.flatMap((row) => row.samples.map((sample) => sample.id)))];
  const both = (id) => found.every((samples) => samples[id]?.system);
  ids.sort((a, b) => both(b) - both(a));
  const cards = ids.map((id) => {
    const own = found.map((samples) => samples[id]);
    const any = own.find(Boolean);
    const media = element("div", { class: "media" });
    if (any.video) {
      media.append(element("figure", { class: "video" },
        element("button", { type: "button", "aria-label": `Play ${id}` }, element("video", { muted: "", playsinline: "", preload: "auto", src: `media/${any.video}` })),
        element("figcaption", { text: "Silent video" })));
    }
    media.append(player("Reference", "reference", any.reference, any.reference_picture, id));
    own.forEach((sample, place) => {
      if (sample?.system) media.append(player(names[place], ["system", "second"][place], sample.system, sample.system_picture, id));
    });
    const why = own.map((sample, place) => sample && `${sample.place.toLowerCase()}${sample.place.includes(" ") ? "" : ` of ${names[place]}`}`);
    return element("article", { class: "card", "aria-label": `Clip ${id}` },
      element("header", {}, element("h3", { text: id }), element("span", { class: "id", text: [...new Set(why.filter(Boolean))].join("; ") })), media);
  });
  return element("section", {}, element("h2", { text: "Samples" }),
    element("p", { class: "lede", text: cards.length ? "Clips of which both have a sample come first." : "Neither row has samples." }), ...cards);
};
