// Candor's tracker: page views, time on page, consent. docs/tracker.md is its manual.
//
// It keeps to three rules. Nothing is sent once the visitor said no (Global Privacy Control, Do Not Track,
// an objection). Nothing is stored but an objection and, with consent and only where the site asks for it,
// an id. Consent is looked at when a beacon leaves, not when it is made.

import { DWELL_MS_MIN, IDLE_MS, RETRY_MS, SETTLE_MS, URL_BYTES_MAX } from "./limits.js";

const script = document.currentScript;
const options = script.dataset;
const endpoint = new URL(options.api || "v1/events", script.src);

const OBJECTION = "candor-objection";
const VISITOR = "candor-id";

const candor = (window.candor ||= {});
const early = candor.q || [];
if (candor.me) throw "candor.js is here twice";

// What the visitor said.
let consent;
let objects;
/** What waits for it: with `data-wait` every beacon, else the page view, when nothing was kept of it. */
let held = [];
let waiting = "wait" in options;

// The page that is looked at.
let view;
let path;
/** It has been opened and not been seen yet. */
let unseen;

// How long, and how far.
let dwell = 0;
let since;
let depth = 0;
let told = 0;

const on = (types, act) => types.split(" ").map((type) => addEventListener(type, act, true));
const random = () => crypto.getRandomValues(new Uint32Array(4)).join("-");
const consented = () => Object.values({ consent, ...consent }).includes(true);

/** Reads, writes or (null) removes; storage may be forbidden altogether. */
function stored(key, value) {
  try {
    if (value) localStorage[key] = value;
    if (value === null) delete localStorage[key];
    return localStorage[key];
  } catch {}
}

/** Whether the visitor said no, to everybody or to this site. */
const refused = () =>
  options.signals != "server" &&
  (navigator.globalPrivacyControl || navigator.doNotTrack > 0 || objected());

// Another tab may have objected since this one took its own back.
const objected = () => objects || stored(OBJECTION);

/** The page without its fragment, which may hold secrets; with hash routing, the route as a path. */
function here() {
  const url = new URL(location);
  const route = "hash" in options && url.hash.match(/^#!?(\/[^?]*)(.*)/);
  url.hash = "";
  if (route) {
    url.pathname = url.pathname.replace(/\/$/, "") + route[1];
    url.search += route[2].replace("?", "&");
  }
  return url;
}

function made(kind, more) {
  return { site: options.site, id: random(), kind, url: here().href.slice(0, URL_BYTES_MAX), ...more };
}

function send(beacon, again) {
  if (waiting) return held.push(beacon);
  if (refused()) return;
  const said = consent;
  const body = JSON.stringify({
    ...beacon,
    consent,
    objection: objected() && true,
    // Another tab may have removed the id.
    ...(consented() && { screen: screen.width + "x" + screen.height, visitor: candor.me() }),
  });
  const retry = () => again || setTimeout(send, RETRY_MS, beacon, true);
  if (!("keepalive" in Request.prototype)) return navigator.sendBeacon(endpoint, body);
  fetch(endpoint, { method: "POST", body, keepalive: true, credentials: "omit" }).then((answer) => {
    if (answer.status == 503) retry();
    // Nothing was kept of the page view: should the visitor consent while it is looked at, it is sent again.
    if (answer.status == 204 && beacon == view) {
      if (consented() && said != consent) send(beacon);
      else held = [beacon];
    }
  }, retry);
}

/** Adds up the time during which the page was seen and had the focus. */
function clock() {
  const now = performance.now();
  if (since) dwell += Math.min(now - since, IDLE_MS);
  since = !document.hidden && document.hasFocus() && now;
}

function look() {
  const { scrollHeight } = document.documentElement;
  depth = Math.max(depth, Math.ceil(((scrollY + innerHeight) / scrollHeight) * 100));
}

/** Tells how long the page was looked at since the last time, and how far if it was further. */
function leave() {
  clock();
  look();
  if (view && dwell >= DWELL_MS_MIN) {
    send(made("engagement", {
      url: view.url,
      dwell_ms: Math.ceil(dwell),
      ...(depth > told && { scroll_percent: (told = depth) }),
    }));
    dwell = 0;
  }
}

/** Counts a page view, once the page is seen: not when it is prerendered or in a tab behind. */
candor.page = () => {
  leave();
  dwell = depth = told = 0;
  if (!waiting) held = [];
  path = here().pathname;
  if ((unseen = document.hidden)) return;
  // Whole characters, within the server's 1,024 bytes.
  const title = document.title.match(/^.{0,250}/su)[0];
  send((view = made("pageview", { title, ...(!view && { referrer: document.referrer }) })));
};

candor.event = (name, props, kind = "custom") => send(made(kind, { name, props }));

candor.consent = (answer) => {
  consent = answer;
  const wanted = "id" in options && consented() && !refused() && !objected();
  stored(VISITOR, wanted ? stored(VISITOR) || random() : null);
  if (waiting || consented()) {
    waiting = false;
    held.splice(0).map((beacon) => send(beacon));
  }
};

candor.withdraw = () => candor.consent(false);

candor.object = (no = true) => {
  objects = no;
  stored(OBJECTION, no ? "true" : null);
  if (no) stored(VISITOR, null);
};

candor.me = () => stored(VISITOR);

/** A single-page application went on; a change of the query alone is the same page. */
function route() {
  if (here().pathname == path) return;
  leave();
  setTimeout(() => here().pathname == path || candor.page(), SETTLE_MS);
}

on("pagehide", leave);
on("scroll", look);
on("focus blur keydown pointerdown scroll", clock);
on("visibilitychange", () => {
  document.hidden ? leave() : unseen ? candor.page() : clock();
});

candor.q = { push: ([name, ...rest]) => candor[name](...rest) };
early.map(candor.q.push);
if (!("manual" in options)) {
  for (const name of ["pushState", "replaceState"]) {
    const native = history[name];
    history[name] = (...change) => {
      native.apply(history, change);
      route();
    };
  }
  on("popstate hashchange", route);
  on("pageshow", (event) => event.persisted && candor.page());
  candor.page();
}
