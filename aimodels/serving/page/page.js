"use strict";

const $ = (id) => document.getElementById(id);
const SHOWN = 10; // classes
let metadata = null, name = null, running = null, turn = 0;

async function ask(path, body, signal) {
  const headers = {};
  if ($("token").value) headers.Authorization = `Bearer ${$("token").value}`;
  const request = { headers, signal };
  if (body !== undefined) Object.assign(request, { method: "POST", body: JSON.stringify(body) });
  const response = await fetch(path, request);
  if (response.ok) return response;
  const said = await response.json().catch(() => ({}));
  throw new Error(said.error?.message ?? said.error ?? `the server answered ${response.status}`);
}

function clear() {
  $("error").hidden = true;
  $("bars").replaceChildren();
  $("text").textContent = "";
}

// Runs one question at a time; what an older one answers is not shown.
async function shown(work) {
  const mine = ++turn;
  clear();
  try {
    await work(() => mine === turn);
  } catch (error) {
    if (mine !== turn || error.name === "AbortError") return;
    $("error").textContent = error.message;
    $("error").hidden = false;
  }
}

async function list() {
  await shown(async () => {
    const { data } = await (await ask("/v1/models")).json();
    $("model").replaceChildren(...data.map((model) => new Option(model.id)));
    await choose();
  });
}

async function choose() {
  name = $("model").value;
  for (const id of ["draw", "drop", "write"]) $(id).hidden = true;
  await shown(async (current) => {
    const found = await (await ask(`/v1/models/${name}/metadata`)).json();
    if (!current()) return;
    metadata = found.metadata;
    const { kind, picture_shape: shape } = metadata.aimodels;
    const pictures = kind === "picture" || kind === "detector";
    $("draw").hidden = !(kind === "picture" && shape[2] === 1);
    $("drop").hidden = !pictures;
    $("write").hidden = pictures;
    $("options").hidden = kind !== "completion";
    $("write-title").textContent =
      { completion: "A prompt", text: "A text" }[kind] ?? "Instances, as JSON";
    $("prompt").value = kind === "tensor" ? example() : "";
    $("about").textContent = `${name}, version ${found.model_spec.version}: ` + described();
    wipe();
    $("shown").hidden = true;
  });
}

function inputs() {
  return Object.values(metadata.signature_def.signature_def)[0].inputs;
}

function described() {
  return "takes " + Object.entries(inputs()).map(([key, input]) => {
    const size = input.tensor_shape.dim.slice(1).map((d) => (d.size === "-1" ? "any" : d.size));
    const type = input.dtype.slice(3).toLowerCase();
    return `${key} (${[type, size.join(" × ")].filter(Boolean).join(", ")})`;
  }).join(", ");
}

function example() {
  const zeros = (dims) =>
    dims.length ? Array(Math.max(1, +dims[0].size)).fill(zeros(dims.slice(1))) : 0;
  const made = Object.entries(inputs()).map(([key, input]) =>
    [key, input.dtype === "DT_STRING" ? "" : zeros(input.tensor_shape.dim.slice(1))]);
  return JSON.stringify([Object.fromEntries(made)]);
}

// A digit, drawn

const pen = $("pad").getContext("2d", { willReadFrequently: true });
let drawing = false, last = null;

function wipe() {
  pen.fillStyle = "#000";
  pen.fillRect(0, 0, $("pad").width, $("pad").height);
}

function place(event) {
  const box = $("pad").getBoundingClientRect();
  const scale = $("pad").width / box.width;
  return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
}

function stroke(event) {
  const point = place(event);
  Object.assign(pen, { strokeStyle: "#fff", lineWidth: 26, lineCap: "round", lineJoin: "round" });
  pen.beginPath();
  pen.moveTo(...(last ?? point));
  pen.lineTo(...point);
  pen.stroke();
  last = point;
}

// What was drawn, in the middle of a square, as the digits that models learn from: MNIST's have a
// border of a fifth on each side, the small ones of scikit-learn none.
function centred() {
  const { width, height } = $("pad");
  const { data } = pen.getImageData(0, 0, width, height);
  let [left, top, right, bottom] = [width, height, -1, -1];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (data[4 * (y * width + x)] < 64) continue;
      [left, right] = [Math.min(left, x), Math.max(right, x)];
      [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
    }
  }
  if (right < 0) return null;
  const size = Math.max(right - left, bottom - top) + 1;
  const side = Math.round(size * (metadata.aimodels.picture_shape[0] > 16 ? 1.4 : 1));
  const copy = Object.assign(document.createElement("canvas"), { width: side, height: side });
  const paper = copy.getContext("2d");
  paper.fillRect(0, 0, side, side);
  const at = [(side - (right - left + 1)) / 2, (side - (bottom - top + 1)) / 2];
  paper.drawImage($("pad"), left, top, right - left + 1, bottom - top + 1,
    ...at, right - left + 1, bottom - top + 1);
  return copy.toDataURL("image/png").split(",")[1];
}

$("pad").addEventListener("pointerdown", (event) => {
  $("pad").setPointerCapture(event.pointerId);
  [drawing, last] = [true, null];
  stroke(event);
});
$("pad").addEventListener("pointermove", (event) => { if (drawing) stroke(event); });
for (const end of ["pointerup", "pointercancel"]) {
  $("pad").addEventListener(end, () => {
    if (!drawing) return;
    drawing = false;
    const picture = centred();
    if (picture) shown((current) => look(picture, current));
  });
}
$("clear").addEventListener("click", () => { wipe(); turn++; clear(); });

// A picture, dropped

async function take(file) {
  if (!file) return;
  await shown(async (current) => {
    const url = URL.createObjectURL(file);
    const image = new Image();
    image.src = url;
    const visible = await image.decode().then(() => true, () => false);
    URL.revokeObjectURL(url);
    if (!current()) return;
    $("shown").hidden = !visible;
    if (visible) {
      const scale = Math.min(1, 640 / image.naturalWidth);
      $("shown").width = Math.round(image.naturalWidth * scale);
      $("shown").height = Math.round(image.naturalHeight * scale);
      $("shown").getContext("2d").drawImage(image, 0, 0, $("shown").width, $("shown").height);
    }
    const bytes = await new Promise((resolve, reject) => {
      const reader = new FileReader();
      reader.onload = () => resolve(reader.result.split(",")[1] ?? "");
      reader.onerror = () => reject(new Error("the file cannot be read"));
      reader.readAsDataURL(file);
    });
    await look(bytes, current, image.naturalWidth);
  });
}

$("file").addEventListener("change", () => { take($("file").files[0]); $("file").value = ""; });
for (const kind of ["dragover", "dragleave", "drop"]) {
  $("target").addEventListener(kind, (event) => {
    event.preventDefault();
    $("target").classList.toggle("over", kind === "dragover");
    if (kind === "drop") take(event.dataTransfer.files[0]);
  });
}

async function look(b64, current, width) {
  const answer = await ask(`/v1/models/${name}:predict`, { instances: [{ b64 }] });
  const [prediction] = (await answer.json()).predictions;
  if (!current()) return;
  if (metadata.aimodels.kind === "detector") boxes(prediction, width);
  else if (prediction.every?.((value) => typeof value === "number")) bars(prediction);
  else $("text").textContent = JSON.stringify(prediction);
}

function label(i) {
  return metadata.aimodels.labels[i] ?? String(i);
}

function bars(values) {
  const sum = values.reduce((a, b) => a + b, 0);
  let shares = values;
  if (Math.min(...values) < 0 || Math.abs(sum - 1) > 1e-3) { // logits
    const powers = values.map((value) => Math.exp(value - Math.max(...values)));
    shares = powers.map((power) => power / powers.reduce((a, b) => a + b, 0));
  }
  const order = [...shares.keys()].sort((a, b) => shares[b] - shares[a]).slice(0, SHOWN);
  $("bars").replaceChildren(...order.map((i) => {
    const row = Object.assign(document.createElement("div"), { className: "bar" });
    const meter = Object.assign(document.createElement("meter"), { value: shares[i] });
    row.append(...[label(i), `${(100 * shares[i]).toFixed(1)} %`].map((text) =>
      Object.assign(document.createElement("span"), { textContent: text })));
    row.children[0].after(meter);
    return row;
  }));
}

function boxes(found, width) {
  const paper = $("shown").getContext("2d");
  const scale = width ? $("shown").width / width : 1;
  const lines = [];
  found.boxes.forEach((box, i) => {
    if (found.labels[i] < 0 || found.confidence[i] < 0.5) return;
    const [left, top, right, bottom] = box.map((value) => value * scale);
    Object.assign(paper, { strokeStyle: "#ff4b3e", lineWidth: 3 });
    paper.strokeRect(left, top, right - left, bottom - top);
    lines.push(`${label(found.labels[i])} ${found.confidence[i].toFixed(2)}`);
  });
  $("text").textContent = lines.join("\n") || "nothing found";
}

// A prompt, typed

async function send() {
  const text = $("prompt").value;
  running?.abort();
  const mine = (running = new AbortController());
  [$("stop").hidden, $("send").disabled] = [false, true];
  await shown(async (current) => {
    const { kind } = metadata.aimodels;
    if (kind === "completion") return complete(text, current, mine.signal);
    let instances = [text];
    if (kind !== "text") {
      try {
        instances = JSON.parse(text);
      } catch {
        throw new Error("this is no JSON");
      }
    }
    const answer = await ask(`/v1/models/${name}:predict`, { instances }, mine.signal);
    const { predictions } = await answer.json();
    if (current()) {
      $("text").textContent = kind === "text" ? predictions[0] || "(an empty text)" : JSON.stringify(predictions);
    }
  });
  if (running === mine) [$("stop").hidden, $("send").disabled] = [true, false];
}

async function complete(prompt, current, signal) {
  const answer = await ask("/v1/completions", {
    model: name, prompt, stream: true,
    max_tokens: +$("tokens").value, temperature: +$("temperature").value,
  }, signal);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done || !current()) return;
    const events = (rest + value).split("\n\n");
    rest = events.pop();
    for (const event of events) {
      if (event === "data: [DONE]") return;
      const content = JSON.parse(event.slice("data: ".length));
      if (content.error) throw new Error(content.error.message);
      $("text").textContent += content.choices.map((choice) => choice.text).join("");
    }
  }
}

$("send").addEventListener("click", send);
$("stop").addEventListener("click", () => running?.abort());
$("prompt").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send();
});
$("model").addEventListener("change", choose);
$("token").addEventListener("change", list);
list();
