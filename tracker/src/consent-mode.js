// Reads Google Consent Mode from the data layer, for sites whose dialogue speaks it.
//
// Only `update` is an answer: a `default` is what the site said before the visitor was asked.

import { call } from "./call.js";

const PURPOSES = "statistics=analytics_storage marketing=ad_storage,ad_user_data";
const text = document.currentScript.dataset.purposes || PURPOSES;
const purposes = text.trim().split(/\s+/).map((pair) => {
  const [purpose, signals] = pair.split("=");
  return [purpose, signals.split(",")];
});
const state = {};

function read([command, what, said] = []) {
  if (command !== "consent" || what !== "update") return;
  Object.assign(state, said);
  const granted = ([purpose, signals]) => [purpose, signals.every((name) => state[name] === "granted")];
  call("consent", Object.fromEntries(purposes.map(granted)));
}

// What gtag() pushes are `arguments`; others push objects, which are not ours to read.
const readable = (entry) => entry && typeof entry === "object" && "length" in entry;
const layer = (window.dataLayer ||= []);
const push = layer.push;
for (const entry of layer) if (readable(entry)) read(Array.from(entry));
layer.push = function (...entries) {
  const length = push.apply(layer, entries);
  for (const entry of entries) if (readable(entry)) read(Array.from(entry));
  return length;
};
