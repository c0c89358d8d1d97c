// The page of `gridkit app`. What others named or said is put in as text, never as HTML.
"use strict";

const $ = (id) => document.getElementById(id);
const make = (tag, className = "", text = "") => {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
};
const percent = (share) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
const pick = (list) => list[Math.floor(Math.random() * list.length)];

const SURE = 0.5; // a word below is shown as a guess

let facts = null;
let visit = null; // what is shown: {id, name, url, words, sentences}
let running = null; // what is under way: an AbortController
let promptCode = "";

// ---- what the models are ---------------------------------------------------------------------

async function loadFacts() {
  const answer = await (await fetch("facts")).json();
  if (answer.kind === "refused") {
    $("reader-facts").textContent = "";
    refuse(`The models could not be loaded: ${answer.text}`);
    return;
  }
  facts = answer;
  $("version").textContent = facts.version;
  if (!facts.is_local) $("stays").textContent = "Clips go to the machine that runs this page, to no other, and are deleted when you leave.";
  $("limits").textContent = `Up to ${facts.largest_mb} MB and ${Math.round(facts.longest_s / 60 * 10) / 10} minutes.`;
  for (const reader of facts.readers) $("reader").add(new Option(reader.name, reader.name));
  $("reader").disabled = false;
  showReader();
  showSlots();
  showExamples();
  newPrompt();
}

const readerFacts = () => facts.readers.find((one) => one.name === $("reader").value);
const people = (speakers) => `${speakers.length === 1 ? "speaker" : "speakers"} ${speakers.length > 8 ? `${speakers.slice(0, 8).join(", ")} and ${speakers.length - 8} more` : speakers.join(", ")}`;

function measured(reader) {
  const figure = reader.measured;
  if (!figure) return "Its error rate has not been measured.";
  return `On ${figure.n} clips of ${figure.split} that it had not seen, it got ${percent(figure.value)} of the words wrong (95 % interval ${(100 * figure.low).toFixed(1)} to ${percent(figure.high)}).`;
}

function showReader() {
  const reader = readerFacts();
  const line = $("reader-facts");
  line.replaceChildren(
    "It knows ", make("b", "", people(reader.speakers)),
    " and the ", make("b", "", "51 words of GRID"), `. ${measured(reader)} With other faces and other words it mostly guesses; where it does, the page says so.`,
  );
}

function showSlots() {
  const names = ["command", "colour", "preposition", "letter", "digit", "adverb"];
  const head = $("slots").createTHead().insertRow();
  const row = $("slots").createTBody().insertRow();
  facts.slots.forEach((slot, place) => {
    const cell = make("th", "", names[place]);
    cell.scope = "col";
    head.append(cell);
    row.insertCell().textContent = slot.map(([, word]) => word).join(" ");
  });
}

function newPrompt() {
  const words = facts.slots.map(pick);
  promptCode = words.map(([initial]) => initial).join("");
  $("prompt").textContent = words.map(([, word]) => word).join(" ");
}

function showExamples() {
  for (const example of facts.examples) {
    const button = make("button", "example");
    button.type = "button";
    const film = make("video");
    Object.assign(film, { src: example.file, muted: true, preload: "auto", playsInline: true, tabIndex: -1 });
    film.setAttribute("aria-hidden", "true");
    button.append(film, make("span", "", example.text));
    button.addEventListener("click", async () => {
      if ([...$("reader").options].some((one) => one.value === example.reader)) {
        $("reader").value = example.reader;
        showReader();
      }
      give(await (await fetch(example.file)).blob(), example.file);
    });
    const item = make("li");
    item.append(button);
    $("example-list").append(item);
  }
}

// ---- a clip is given -------------------------------------------------------------------------

function refuse(text) {
  $("refused").textContent = text;
  $("refused").hidden = false;
  $("working").hidden = true;
  $("refused").scrollIntoView({ block: "nearest" });
}

function forget() {
  if (!visit) return;
  if (visit.id) navigator.sendBeacon(`clips/${visit.id}/forget`);
  URL.revokeObjectURL(visit.url);
  visit = null;
}

function clear() {
  running?.abort();
  forget();
  for (const id of ["refused", "result", "voices", "mouth-figure", "against"]) $(id).hidden = true;
  for (const id of ["sentences", "downloads", "remarks", "sounds", "caption", "marks"]) $(id).replaceChildren();
}

// Give a clip to be read; `prompt` is the code of the sentence that was to be said.
async function give(blob, name, prompt = "") {
  clear();
  if (!blob.size) return refuse(`${name} is empty: it has 0 bytes.`);
  const mine = running = new AbortController();
  $("working").hidden = false;
  say("Loading the models …");
  $("progress").removeAttribute("value");
  $("working").scrollIntoView({ block: "nearest" });
  await loading;
  if (running !== mine || mine.signal.aborted) return;
  const isLarge = facts && blob.size > facts.largest_mb * 1e6;
  if (!facts || isLarge) {
    running = null;
    return refuse(isLarge ? `${name} has ${Math.round(blob.size / 1e6)} MB; up to ${facts.largest_mb} MB are read here. Cut out a part.` : $("refused").textContent);
  }
  visit = { id: null, name, url: URL.createObjectURL(blob), sentences: [], words: [], reader: readerFacts() };
  say("Sending the clip …");
  const asked = new URLSearchParams({ name, prompt, reader: visit.reader.name });
  try {
    const end = await listen(`clips?${asked}`, { body: blob, signal: mine.signal }, hear);
    if (!end) refuse("The connection ended before the clip was read. Give it again.");
  } catch (error) {
    if (error.name !== "AbortError") refuse("The page's server does not answer. Is `gridkit app` still running?");
  } finally {
    if (running === mine) {
      running = null;
      $("working").hidden = true;
    }
  }
}

// Post, and call `heard` with each message; returns the last one where it is an end.
async function listen(address, options, heard) {
  const answer = await fetch(address, { method: "POST", ...options });
  const reader = answer.body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  let last = null;
  const take = (line) => {
    if (!line.trim() || options.signal?.aborted) return;
    last = JSON.parse(line);
    heard(last);
  };
  for (;;) {
    const { value, done } = await reader.read();
    rest += decoder.decode(value, { stream: !done });
    const lines = rest.split("\n");
    rest = lines.pop();
    lines.forEach(take);
    if (done) break;
  }
  take(rest);
  return last && ["done", "refused"].includes(last.kind) ? last : null;
}

let lengthS = 0;
let startedMs = 0;
const say = (text) => { $("stage").textContent = text; };

function hear(message) {
  const heard = {
    visit: () => { visit.id = message.visit; },
    waiting: () => say(message.ahead === 1 ? "One clip is before yours …" : `${message.ahead} clips are before yours …`),
    started: () => { startedMs = performance.now(); say("Looking for the face …"); },
    length: () => { lengthS = message.length_s; },
    progress: () => showProgress(message.done_s),
    sentences: () => { showResult(); message.sentences.forEach(addSentence); },
    read: () => showRead(message),
    made: () => showMade(message),
    done: () => {},
    refused: () => refuse(message.text),
  }[message.kind];
  heard?.();
}

function showProgress(doneS) {
  if (!lengthS) return say(`${Math.round(doneS)} s are read …`);
  $("progress").max = lengthS;
  $("progress").value = Math.min(doneS, lengthS);
  const passedS = (performance.now() - startedMs) / 1000;
  const leftS = Math.ceil(passedS * (lengthS / doneS - 1));
  const left = passedS > 1 && leftS > 1 ? `; ${leftS > 90 ? `${Math.round(leftS / 60)} minutes` : `${leftS} s`} left` : "";
  say(`${Math.round(doneS)} of ${Math.round(lengthS)} s are read${left}`);
}

// ---- what was read ---------------------------------------------------------------------------

function showResult() {
  if (!$("result").hidden) return;
  $("result").hidden = false;
  const film = $("video");
  film.onerror = makePlayable;
  film.src = visit.url;
  $("verdict").textContent = "Sentences appear as they are read.";
}

function addSentence(sentence) {
  visit.sentences.push(sentence);
  const box = make("div", sentence.believable ? "sentence" : "sentence unclear");
  const head = make("p", "", "");
  const time = `${sentence.start_s.toFixed(2)} to ${sentence.end_s.toFixed(2)} s`;
  if (sentence.believable) head.textContent = time;
  else head.append(`${time}: `, make("b", "", "unclear."), " The model guesses here, so nothing is claimed.");
  const words = make("div", "read-words");
  sentence.words.forEach((word) => words.append(wordButton(word)));
  box.append(head);
  if (sentence.believable) box.append(words);
  else {
    const guess = make("details");
    guess.append(make("summary", "", "What it would have guessed"), words);
    box.append(guess);
  }
  $("sentences").append(box);
}

const isGuess = (word) => word.confidence < SURE;

function wordButton(word) {
  const known = facts.slots.some((slot) => slot.some(([, one]) => one === word.word));
  const low = isGuess(word) || !known;
  const note = known ? (low ? ", a guess" : "") : ", not a word of GRID";
  const button = make("button", low ? "word low" : "word", word.word);
  button.type = "button";
  const bar = make("i");
  bar.style.setProperty("--sure", word.confidence);
  button.append(bar, make("small", "", `${Math.round(100 * word.confidence)} %${note}`));
  button.title = `${word.start_s.toFixed(2)} to ${word.end_s.toFixed(2)} s`;
  button.addEventListener("click", () => {
    $("video").currentTime = word.start_s;
    $("video").play();
  });
  visit.words.push({ ...word, button });
  return button;
}

function showRead(read) {
  showResult();
  visit.sentences = [];
  visit.words = [];
  $("sentences").replaceChildren();
  read.sentences.forEach(addSentence);
  $("verdict").replaceChildren(...verdict(read));
  $("remarks").replaceChildren(...read.remarks.map((line) => make("li", "", `${line}.`)));
  $("trust").textContent = trust(read);
  if (read.prompt) showMarks(read.prompt);
  drawCaption();
  $("result-title").focus({ preventScroll: true });
  $("result").scrollIntoView({ block: "start" });
  const film = $("video");
  film.currentTime = 0;
  film.play().catch(() => {});
}

function verdict(read) {
  if (!read.sentences.length) return [`Nothing: ${read.nothing}.`];
  const sure = read.sentences.filter((one) => one.believable).length;
  if (sure === read.sentences.length) return [`${sure === 1 ? "One sentence" : `${sure} sentences`}, read from the lips alone. Play it: each word lights up when it is said. A click on a word goes to its place.`];
  const line = make("b", "", sure ? `${read.sentences.length - sure} of ${read.sentences.length} sentences cannot be read. ` : "This cannot be read. ");
  return [line, `${visit.reader.name} is not sure enough: it may be a face that it does not know, other words than those of GRID, or no speech.`];
}

function trust() {
  const reader = visit.reader;
  return `${reader.name} knows ${people(reader.speakers)} and 51 words. ${measured(reader)} The figure under a word is how sure the model is, which is not how often it is right.`;
}

function showMarks(pairs) {
  $("against").hidden = false;
  const marks = pairs.map(([said, readAs]) => {
    if (said === readAs) return make("span", "right", said);
    const wrong = make("span", "wrong", readAs || "nothing");
    if (said) wrong.append(make("s", "", said));
    wrong.setAttribute("aria-label", said ? `wrong: ${readAs || "nothing"} for ${said}` : `too many: ${readAs}`);
    wrong.setAttribute("role", "img");
    return wrong;
  });
  marks.forEach((mark) => $("marks").append(mark, "  "));
  const right = pairs.filter(([said, readAs]) => said === readAs).length;
  $("score").textContent = `${right} of ${pairs.filter(([said]) => said).length} words right.`;
}

// The caption grows word by word while the video plays.
function drawCaption() {
  const now = $("video").currentTime;
  const shown = visit?.sentences.findLast((one) => one.start_s <= now + 0.25) ?? visit?.sentences[0];
  const box = $("caption");
  if (!shown) return box.replaceChildren();
  if (box.dataset.start !== `${visit.id} ${shown.start_s}` || !box.childNodes.length) {
    box.dataset.start = `${visit.id} ${shown.start_s}`;
    box.replaceChildren(...(shown.believable
      ? shown.words.flatMap((word) => [make("span", isGuess(word) ? "low" : "", word.word), " "])
      : [make("span", "unclear", "unclear: nothing that this model can read")]));
  }
  if (shown.believable) [...box.children].forEach((span, place) => span.classList.toggle("said", shown.words[place].start_s <= now));
  for (const word of visit.words) word.button.classList.toggle("now", word.start_s <= now && now < word.end_s);
}

function tick() {
  if (visit?.sentences.length) drawCaption();
  const film = $("video");
  const mouth = $("mouth");
  if (mouth.readyState && Math.abs(mouth.currentTime - film.currentTime) > 0.04) mouth.currentTime = film.currentTime;
  if (!film.paused) requestAnimationFrame(tick);
}

// The browser cannot play what was given, such as the MPEG-1 of GRID: have it made into what it can.
async function makePlayable() {
  const film = $("video");
  film.onerror = null;
  film.removeAttribute("src");
  const mine = visit;
  while (running && visit === mine) await new Promise((resolve) => setTimeout(resolve, 50));
  const file = await made("playable", "playable.mp4");
  if (file && visit === mine) film.src = file;
}

// Have a video made; returns its address.
async function made(kind, name) {
  const end = await listen(`clips/${visit.id}/${kind}?${new URLSearchParams({ name: visit.name })}`, {}, (message) => {
    if (message.kind === "refused") refuse(message.text);
  });
  return end?.kind === "done" ? `clips/${visit.id}/${name}` : null;
}

// ---- files -----------------------------------------------------------------------------------

const stem = () => visit.name.replace(/\.[^.]*$/, "").replace(/[^\w.-]+/g, "-") || "clip";
const address = (file, keep) => `clips/${visit.id}/${file}${keep ? `?${new URLSearchParams({ keep })}` : ""}`;
const TEXTS = { "words.srt": ".srt", "words.vtt": ".vtt", "words.json": ".json" };

function showMade(message) {
  if (message.file === "mouth.mp4") {
    $("mouth").src = address(message.file);
    $("mouth-figure").hidden = false;
  } else if (message.sound) addSound(message);
  else if (TEXTS[message.file]) {
    const suffix = TEXTS[message.file];
    addDownload(suffix, address(message.file, stem() + suffix));
    if (suffix === ".json") addCaptioned();
  }
}

function addDownload(label, href) {
  const link = make("a", "quiet", label);
  link.href = href;
  link.setAttribute("download", "");
  link.setAttribute("aria-label", `Download ${label}`);
  $("downloads").append(link);
}

function addCaptioned() {
  const button = make("button", "quiet", "captioned .mp4");
  button.type = "button";
  button.addEventListener("click", async () => {
    button.disabled = true;
    button.textContent = "making the .mp4 …";
    const mine = visit;
    const file = await made("captioned", "captioned.mp4");
    if (visit !== mine) return;
    button.textContent = "captioned .mp4";
    button.disabled = false;
    if (!file) return;
    const link = make("a");
    link.href = address("captioned.mp4", `${stem()}-captioned.mp4`);
    link.setAttribute("download", "");
    link.click();
  });
  $("downloads").append(button);
}

// ---- voices ----------------------------------------------------------------------------------

function addSound(message) {
  const isOriginal = message.sound === "original";
  const voice = facts.voices.find((one) => one.name === message.sound);
  if (!isOriginal && !voice) return;
  const box = make("article", "voice");
  const head = make("header");
  head.append(make("h3", "", isOriginal ? "The clip's own sound" : voice.label));
  const figure = voice?.measured;
  head.append(make("small", "", isOriginal ? "not used by any model" : `${voice.name}${figure ? `, ESTOI ${figure.value.toFixed(3)} on ${figure.n} clips` : ""}`));
  box.append(head);
  const picture = make("div", "spectrogram");
  if (message.picture) {
    const image = make("img");
    image.src = address(message.picture);
    image.alt = `Spectrogram: ${isOriginal ? "the clip's own sound" : voice.label}, 0 to 8 kHz`;
    picture.append(image, make("span", "hz top", "8 kHz"), make("span", "hz bottom", "0"), make("span", "playhead"));
    box.append(picture);
  }
  const below = make("div", "below");
  const sound = make("audio");
  Object.assign(sound, { controls: true, preload: "metadata", src: address(message.file) });
  sound.setAttribute("aria-label", isOriginal ? "The clip's own sound" : `The voice ${voice.label}`);
  playAlong(sound, picture.querySelector(".playhead"));
  const link = make("a", "", ".wav");
  link.href = address(message.file, `${stem()}-${message.sound}.wav`);
  link.setAttribute("download", "");
  link.setAttribute("aria-label", `Download the sound of ${isOriginal ? "the clip" : voice.label} as .wav`);
  below.append(sound, link);
  box.append(below);
  $("sounds").append(box);
  $("voices").hidden = false;
  const count = $("sounds").children.length - ($("sounds").querySelector("small")?.textContent.startsWith("not used") ? 1 : 0);
  $("voices-lede").textContent = count
    ? `Made from the pictures alone. ${visit.sentences.some((one) => one.believable) ? "" : "The words are unclear here, so the voices guess too. "}The video plays along, silent.`
    : `No voice has been trained for the speakers of ${visit.reader.name} yet, so there is only the clip's own sound.`;
}

// The video plays along without its sound, and one sound at a time.
function playAlong(sound, playhead) {
  const film = $("video");
  const draw = () => {
    if (playhead) {
      playhead.style.left = `${100 * sound.currentTime / (sound.duration || 1)}%`;
      playhead.classList.toggle("on", !sound.paused);
    }
    if (!sound.paused) requestAnimationFrame(draw);
  };
  sound.addEventListener("play", () => {
    document.querySelectorAll("#sounds audio").forEach((other) => { if (other !== sound) other.pause(); });
    film.muted = true;
    film.currentTime = sound.currentTime;
    film.play().catch(() => {});
    draw();
  });
  sound.addEventListener("pause", () => { film.pause(); film.muted = false; draw(); });
  sound.addEventListener("seeked", () => { film.currentTime = sound.currentTime; });
}

// ---- the webcam ------------------------------------------------------------------------------

const FORMS = ["video/mp4;codecs=avc1.42E01E,mp4a.40.2", "video/webm;codecs=vp9,opus", "video/webm;codecs=vp9", "video/webm", "video/mp4"];
let camera = null;
let recorder = null;

async function openCamera() {
  $("camera-problem").textContent = "";
  if (!navigator.mediaDevices?.getUserMedia) {
    $("camera-problem").textContent = "The browser gives the camera to pages over https or of this machine only. Record with the phone's own camera, and choose the file.";
    return;
  }
  const wanted = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 } };
  try {
    camera = await navigator.mediaDevices.getUserMedia({ video: wanted, audio: true })
      .catch((error) => (error.name === "NotFoundError" ? navigator.mediaDevices.getUserMedia({ video: wanted }) : Promise.reject(error)));
  } catch (error) {
    $("camera-problem").textContent = error.name === "NotAllowedError"
      ? "The camera was not allowed. Allow it in the address bar, and press the button again."
      : "No camera was found, or another program uses it.";
    return;
  }
  $("preview").srcObject = camera;
  await $("preview").play();
  $("open").hidden = true;
  $("record").hidden = false;
  $("record").focus();
}

const wait = (seconds) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));

async function record() {
  if (recorder) return recorder.stop();
  $("record").disabled = $("another").disabled = true;
  for (let left = Number(document.body.dataset.countS); left > 0; left -= 1) {
    $("count").textContent = left;
    await wait(1);
  }
  $("count").textContent = "";
  const mimeType = FORMS.find((form) => MediaRecorder.isTypeSupported(form));
  const parts = [];
  const made = recorder = new MediaRecorder(camera, { mimeType, videoBitsPerSecond: 4_000_000 });
  made.ondataavailable = (event) => { if (event.data.size) parts.push(event.data); };
  made.onstop = () => {
    recorder = null;
    $("record").textContent = "Record again";
    $("record").classList.remove("recording");
    $("another").disabled = false;
    const type = made.mimeType || mimeType;
    give(new Blob(parts, { type }), `webcam.${type.includes("mp4") ? "mp4" : "webm"}`, promptCode);
  };
  made.start();
  $("record").textContent = "Stop";
  $("record").classList.add("recording");
  $("record").disabled = false;
  await wait(document.body.dataset.recordS);
  if (made.state === "recording") made.stop();
}

// ---- the page --------------------------------------------------------------------------------

$("reader").addEventListener("change", showReader);
$("another").addEventListener("click", newPrompt);
$("open").addEventListener("click", openCamera);
$("record").addEventListener("click", record);
$("cancel").addEventListener("click", () => { clear(); $("working").hidden = true; });
$("file").addEventListener("change", () => {
  const [file] = $("file").files;
  if (file) give(file, file.name);
  $("file").value = "";
});
for (const kind of ["dragover", "dragleave", "drop"]) {
  window.addEventListener(kind, (event) => {
    event.preventDefault();
    $("drop").classList.toggle("over", kind === "dragover");
    const file = kind === "drop" && event.dataTransfer.files[0];
    if (file) give(file, file.name);
  });
}
$("video").addEventListener("play", tick);
$("video").addEventListener("seeked", tick);
window.addEventListener("pagehide", forget);
const loading = loadFacts().catch(() => refuse("The page's server does not answer. Is `gridkit app` still running?"));
