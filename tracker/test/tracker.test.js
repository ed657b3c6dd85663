// The tracker in a real browser, against a real Candor: CANDOR_URL and CANDOR_CLICKHOUSE_URL say where, and its
// policies are those of `policies/`.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";

import { Browser, until } from "./browser.js";
import { Collector, Site, rows, stored } from "./servers.js";

/** A clock that a test can put forward. */
const CLOCK = `{
  const real = performance.now.bind(performance);
  let ahead = 0;
  performance.now = () => real() + ahead;
  window.pass = (ms) => { ahead += ms; };
}`;
const YES = `(window.candor ||= { q: [] }).q.push(["consent", { statistics: true }])`;
const property = (name, value) =>
  `Object.defineProperty(Navigator.prototype, "${name}", { get: () => ${value} });`;

let browser;
let collector;
let site;
let tabs = [];

before(async () => {
  collector = await Collector.start();
  site = await Site.start(collector);
  browser = await Browser.start();
});

after(async () => {
  await browser?.stop();
  site?.stop();
  collector?.stop();
});

afterEach(async () => {
  for (const tab of tabs.splice(0)) await tab.close();
});

async function tab(script = "") {
  const opened = await browser.tab(CLOCK + script);
  tabs.push(opened);
  return opened;
}

const kinds = (requests) => requests.map(({ beacon }) => beacon.kind);
const paths = (requests) => requests.map(({ beacon }) => new URL(beacon.url).pathname);
const storage = `JSON.stringify({ ...localStorage, ...sessionStorage }) + document.cookie`;

test("a page view becomes a row, and the browser keeps nothing", async () => {
  const page = await tab();
  const url = site.page("/view", { early: YES });
  await page.call("Page.navigate", { url: `${url}?page=2&utm_source=news#secret`, referrer: "http://www.search.example/" });
  const [{ beacon, headers, status }] = await collector.answered("/view", 1);
  assert.equal(status, 202);
  assert.equal(headers["content-type"], "text/plain;charset=UTF-8");
  assert.equal(headers.cookie, undefined);
  assert.equal(beacon.url, `${url}?page=2&utm_source=news`);
  assert.equal(beacon.visitor, undefined);
  const [row] = await stored("/view", 1, "kind, path, query, title, referrer_host, campaign_source, language, screen_width, toString(visitor) AS visitor");
  assert.deepEqual(row, {
    kind: "pageview",
    path: "/view",
    query: { page: "2" },
    title: "Page /view",
    referrer_host: "search.example",
    campaign_source: "news",
    language: "en-US",
    screen_width: await page.run("screen.width"),
    visitor: "00000000-0000-0000-0000-000000000000",
  });
  assert.equal(await page.run(storage), "{}");
  assert.deepEqual(page.complaints, []);
  assert.deepEqual(new Set(collector.requests.map(({ method }) => method)), new Set(["GET", "POST"]), "no preflight");
});

test("without consent only the page is told", async () => {
  const page = await tab(`const real = fetch; window.fetch = (url, init) => real(url, (window.init = init));`);
  await page.open(site.page("/silent"));
  const [{ beacon, status }] = await collector.answered("/silent", 1);
  assert.deepEqual(Object.keys(beacon).sort(), ["id", "kind", "referrer", "site", "title", "url"]);
  assert.equal(status, 204, "the policy keeps nothing without consent");
  assert.equal(await page.run("init.credentials + init.keepalive"), "omittrue", "no cookies, and it outlives the page");
});

test("a single-page application's pages are counted, once each and under their own titles", async () => {
  const page = await tab();
  await page.open(site.page("/spa", { early: YES }));
  await collector.answered("/spa", 1);
  await page.run(`addEventListener("popstate", () => { document.title = "Page " + location.pathname; }), 0`);
  const go = (how, path) => page.run(`history.${how}(null, "", "${path}"); setTimeout(() => { document.title = "Page ${path}" }, 20); 0`);
  await go("pushState", "/spa/one");
  await collector.answered("/spa", 2);
  // A redirect within the application.
  await go("pushState", "/spa/guarded");
  await go("replaceState", "/spa/login");
  await collector.answered("/spa", 3);
  // The same page all the while.
  await page.run(`history.pushState(null, "", "?filter=1"); history.replaceState(null, "", "?filter=2#top"); location.hash = "below"; 0`);
  await page.run("history.go(-3), 0");
  await collector.answered("/spa", 4);
  await page.run(`candor.event("done"), 0`);
  const sent = await collector.answered("/spa", 5);
  assert.deepEqual(paths(sent), ["/spa", "/spa/one", "/spa/login", "/spa/one", "/spa/one"]);
  assert.deepEqual(kinds(sent), ["pageview", "pageview", "pageview", "pageview", "custom"]);
  const titles = await stored("/spa/one", 3, "title");
  assert.equal(titles.filter(({ title }) => title === "Page /spa/one").length, 2);
  assert.equal(sent[1].beacon.referrer, undefined, "the site's own page linked here");
});

test("routes in the fragment are paths, and other fragments stay here", async () => {
  const page = await tab();
  const url = site.page("/app/", { early: YES, tag: "data-hash" });
  await page.open(`${url}?utm_source=news#access_token=secret`);
  await collector.answered("/app/", 1);
  await page.run(`location.hash = "#/prices?page=2"; 0`);
  await collector.answered("/app/", 2);
  await page.run(`location.hash = "#!/orders"; 0`);
  await collector.answered("/app/", 3);
  await page.run("history.back(), 0");
  const sent = await collector.answered("/app/", 4);
  assert.deepEqual(paths(sent), ["/app/", "/app/prices", "/app/orders", "/app/prices"]);
  assert.equal(sent[1].beacon.url, `${site.origin}/app/prices?utm_source=news&page=2`);
  const [row] = await stored("/app/prices", 2, "query, campaign_source");
  assert.deepEqual(row, { query: { page: "2" }, campaign_source: "news" });
  assert.ok(!JSON.stringify(sent).includes("secret"));
});

test("time counts while the page is seen and has the focus, and adds up", async () => {
  const page = await tab();
  const body = `<div>${"<p>line</p>".repeat(500)}</div>`;
  const started = Date.now();
  await page.open(site.page("/dwell", { early: YES, body }));
  await collector.answered("/dwell", 1, true);
  const { windowId } = await page.call("Browser.getWindowForTarget");
  const window = async (windowState, hidden) => {
    await page.call("Browser.setWindowBounds", { windowId, bounds: { windowState } });
    await until(`the page is ${windowState}`, () => page.run(`document.hidden === ${hidden} && document.hasFocus() === ${!hidden}`));
  };
  await page.run("pass(20_000)");
  await page.run("scrollTo(0, (document.documentElement.scrollHeight - innerHeight) / 2), 0");
  await until("it is scrolled", () => page.run("scrollY > 0"));
  await window("minimized", true);
  await collector.answered("/dwell", 2, true);
  await page.run("pass(600_000)");
  await window("normal", false);
  await page.run("pass(5_000)");
  await window("minimized", true);
  await collector.answered("/dwell", 3, true);
  await window("normal", false);
  // Nobody reads for an hour without as much as a key.
  await page.run("pass(3_600_000)");
  await page.run(`dispatchEvent(new KeyboardEvent("keydown")), scrollTo(0, document.documentElement.scrollHeight), 0`);
  await page.open(`${site.origin}/elsewhere`);
  const sent = await collector.answered("/dwell", 4, true);
  const slack = Date.now() - started;
  assert.deepEqual(kinds(sent), ["pageview", "engagement", "engagement", "engagement"]);
  const [first, second, third] = sent.slice(1).map(({ beacon }) => beacon);
  assert.ok(first.scroll_percent >= 45 && first.scroll_percent <= 60, `${first.scroll_percent}`);
  assert.equal(second.scroll_percent, undefined, "no further than before");
  assert.equal(third.scroll_percent, 100);
  const sum = "SELECT toUInt32(count()) AS count, toUInt32(sum(dwell_ms)) AS dwell FROM candor.statistics WHERE path = '/dwell'";
  const { dwell } = await until("all rows", async () => (await rows(sum)).find(({ count }) => count === 4));
  const want = 20_000 + 5_000 + 300_000;
  assert.ok(dwell >= want && dwell <= want + slack, `${dwell} instead of ${want}, and at most ${slack} more`);
});

test("real time is told as it passed", async () => {
  const page = await tab();
  await page.open(site.page("/real", { early: YES }));
  await until("it was looked at for a while", () => page.run("performance.now() > 1500"));
  const before = await page.run("performance.now()");
  await page.open(`${site.origin}/elsewhere`);
  const sent = await collector.answered("/real", 2, true);
  assert.ok(sent[1].beacon.dwell_ms >= 1000 && sent[1].beacon.dwell_ms <= before + 1000, `${sent[1].beacon.dwell_ms} of ${before}`);
});

test("a page in a tab behind is counted once it is seen", async () => {
  const page = await tab();
  await page.open(`${site.origin}/elsewhere`);
  const { windowId } = await page.call("Browser.getWindowForTarget");
  await page.call("Browser.setWindowBounds", { windowId, bounds: { windowState: "minimized" } });
  await until("it is hidden", () => page.run("document.hidden"));
  await page.open(site.page("/behind", { early: YES }));
  await collector.quiet(page);
  assert.deepEqual(collector.beacons("/behind"), []);
  await page.call("Browser.setWindowBounds", { windowId, bounds: { windowState: "normal" } });
  assert.deepEqual(kinds(await collector.answered("/behind", 1)), ["pageview"]);
});

test("a page that comes back as it was left is a page view", async () => {
  const page = await tab();
  const url = site.page("/back", { early: YES });
  await page.open(url);
  await collector.answered("/back", 1);
  await page.run("window.same = true; pass(4_000)");
  await page.open(`${site.origin}/elsewhere`);
  await page.run("history.back(), 0");
  await page.loaded(url);
  assert.equal(await page.run("window.same"), true, "it was kept by the browser");
  const [, again] = await collector.answered("/back", 2);
  assert.deepEqual([again.beacon.kind, again.beacon.referrer], ["pageview", undefined]);
  const engaged = (await collector.answered("/back", 3, true)).filter(({ beacon }) => beacon.kind === "engagement");
  assert.ok(engaged[0].beacon.dwell_ms >= 4_000, "told when it was left");
});

test("consent that comes late sends the page view again, where nothing was kept of it", async () => {
  const page = await tab();
  await page.open(site.page("/late"));
  const [{ status }] = await collector.answered("/late", 1);
  assert.equal(status, 204);
  await page.run(`candor.consent({ statistics: false }), candor.event("no"), 0`);
  await collector.answered("/late", 2);
  await page.run(`candor.consent({ statistics: true }), 0`);
  await collector.answered("/late", 3);
  // What was kept is not sent a third time.
  await page.run(`candor.consent({ statistics: true }), candor.event("yes"), 0`);
  const sent = await collector.answered("/late", 4);
  assert.deepEqual(sent.map(({ beacon, status }) => [beacon.name ?? beacon.kind, status]), [
    ["pageview", 204],
    ["no", 204],
    ["pageview", 202],
    ["yes", 202],
  ]);
  assert.equal(sent[0].beacon.id, sent[2].beacon.id);
  await page.run(`candor.withdraw(), candor.event("withdrawn"), 0`);
  const last = (await collector.answered("/late", 5))[4];
  assert.deepEqual([last.beacon.consent, last.status], [false, 204]);
  assert.equal((await stored("/late", 2)).length, 2);
});

test("consent that comes before the answer sends it again too, and a no does not", async () => {
  const page = await tab(`{
    const real = fetch;
    const gate = new Promise((open) => { window.answer = open; });
    window.fetch = async (...asked) => { const got = await real(...asked); await gate; return got; };
  }`);
  for (const [path, given, count] of [["/soon/no", false, 2], ["/soon/yes", true, 3]]) {
    await page.open(site.page(path));
    await collector.answered(path, 1);
    await page.run(`candor.consent({ statistics: ${given} }), answer()`);
    await page.run(`new Promise((done) => { setTimeout(done); }).then(() => candor.event("x"))`);
    await collector.answered(path, count);
    await collector.quiet(page);
    assert.equal(collector.beacons(path).length, count);
  }
});

test("a page view that was kept is not sent again", async () => {
  const page = await tab();
  await page.open(site.page("/kept", { site: "counted" }));
  const [{ status }] = await collector.answered("/kept", 1);
  assert.equal(status, 202);
  await page.run(`candor.consent({ marketing: true }), candor.event("after"), 0`);
  assert.deepEqual(kinds(await collector.answered("/kept", 2)), ["pageview", "custom"]);
});

test("with data-wait nothing is sent before the answer", async () => {
  const page = await tab();
  await page.open(site.page("/wait", { tag: "data-wait" }));
  await page.run(`candor.event("early"), 0`);
  await collector.quiet(page);
  assert.deepEqual(collector.beacons("/wait"), []);
  await page.run(`candor.consent({ statistics: true }), 0`);
  const sent = await collector.answered("/wait", 2);
  assert.deepEqual(kinds(sent).sort(), ["custom", "pageview"]);
  assert.deepEqual(sent.map(({ status }) => status), [202, 202]);
});

for (const [name, script] of [
  ["globalPrivacyControl", property("globalPrivacyControl", "true")],
  ["doNotTrack", property("doNotTrack", '"1"')],
]) {
  test(`${name}: nothing is sent and nothing stored, whatever else was said`, async () => {
    const page = await tab(script);
    const path = `/signal/${name}`;
    await page.open(site.page(path, { early: YES, tag: "data-id" }));
    await page.run(`candor.event("x"), candor.page(), pass(10_000)`);
    assert.equal(await page.run(storage), "{}");
    await page.open(`${site.origin}/elsewhere`);
    await collector.quiet(page);
    assert.deepEqual(collector.beacons(path), []);
  });
}

test("data-signals=server leaves it to the policy, purpose by purpose", async () => {
  const page = await tab(property("globalPrivacyControl", "true"));
  await page.call("Network.enable");
  await page.call("Network.setExtraHTTPHeaders", { headers: { "Sec-GPC": "1" } });
  const early = `(window.candor ||= { q: [] }).q.push(["consent", true])`;
  await page.open(site.page("/asked/demo", { tag: 'data-signals="server"', early }));
  await page.open(site.page("/asked/counted", { tag: 'data-signals="server"', early, site: "counted" }));
  const views = await collector.answered("/asked", 2);
  assert.deepEqual(views.map(({ status }) => status), [204, 202]);
  await stored("/asked/counted", 1);
  assert.deepEqual(await rows("SELECT path FROM candor.marketing WHERE startsWith(path, '/asked')"), []);
});

test("an objection is remembered, and can be taken back", async () => {
  const page = await tab();
  const url = site.page("/object", { early: YES, tag: "data-id" });
  await page.open(url);
  await collector.answered("/object", 1);
  await page.run(`candor.object(), candor.event("x"), 0`);
  assert.equal(await page.run(storage), '{"candor-objection":"true"}', "and the id is gone");
  await page.open(`${site.origin}/elsewhere`);
  await page.open(url);
  await page.run(`candor.consent(true), candor.event("x"), 0`);
  await collector.quiet(page);
  assert.deepEqual(kinds(collector.beacons("/object")), ["pageview"]);
  await page.run(`candor.object(false), candor.event("y"), 0`);
  assert.equal(await page.run(storage), "{}");
  assert.deepEqual(kinds(await collector.answered("/object", 2)), ["pageview", "custom"]);
});

test("an objection that the server decides upon is told, and there is no id", async () => {
  const page = await tab();
  await page.open(site.page("/told", { tag: 'data-signals="server" data-id', site: "counted" }));
  await collector.answered("/told", 1);
  await page.run(`candor.object(), candor.consent(true), candor.event("x"), 0`);
  const [, { beacon }] = await collector.answered("/told", 2);
  assert.deepEqual([beacon.objection, beacon.visitor], [true, undefined]);
});

test("an objection in another tab holds here too", async () => {
  const page = await tab();
  await page.open(site.page("/tabs", { early: YES }));
  await collector.answered("/tabs", 1);
  await page.run(`localStorage["candor-objection"] = "true", candor.event("x"), 0`);
  await collector.quiet(page);
  assert.equal(collector.beacons("/tabs").length, 1);
});

test("an objection in another tab holds although this one took its own back", async () => {
  const page = await tab();
  await page.open(site.page("/tabs-back", { early: YES }));
  await collector.answered("/tabs-back", 1);
  await page.run(`candor.object(), candor.object(false), 0`);
  await page.run(`localStorage["candor-objection"] = "true", candor.event("x"), 0`);
  await collector.quiet(page);
  assert.equal(collector.beacons("/tabs-back").length, 1);
});

test("an id that another tab removed is no longer sent", async () => {
  const page = await tab();
  await page.open(site.page("/tabs-id", { early: YES, tag: "data-id" }));
  const [{ beacon: first }] = await collector.answered("/tabs-id", 1);
  assert.ok(first.visitor);
  await page.run(`delete localStorage["candor-id"], candor.event("x"), 0`);
  const [, { beacon }] = await collector.answered("/tabs-id", 2);
  assert.equal(beacon.visitor, undefined);
});

test("an id is there with consent and for no longer", async () => {
  const page = await tab();
  const url = site.page("/id", { tag: "data-id" });
  await page.open(url);
  await collector.answered("/id", 1);
  assert.equal(await page.run(storage), "{}");
  assert.equal(await page.run("candor.me() ?? null"), null);
  await page.run("candor.consent({ statistics: false }), 0");
  assert.equal(await page.run(storage), "{}");
  await page.run("candor.consent({ statistics: true, marketing: false }), 0");
  const id = await page.run("candor.me()");
  assert.match(id, /^[A-Za-z0-9_-]{16,64}$/);
  assert.equal((await collector.answered("/id", 2))[1].beacon.visitor, id);
  await page.open(`${site.origin}/elsewhere`);
  await page.open(url);
  await page.run("candor.consent({ statistics: true }), 0");
  const again = (await collector.answered("/id", 4)).at(-1);
  assert.deepEqual([again.beacon.visitor, again.status], [id, 202]);
  const ids = await stored("/id", 2, "toString(visitor) AS visitor");
  assert.equal(new Set(ids.map(({ visitor }) => visitor)).size, 1);
  assert.notEqual(ids[0].visitor, "00000000-0000-0000-0000-000000000000");
  await page.run("candor.withdraw(), 0");
  assert.equal(await page.run("candor.me() ?? null"), null);
  assert.equal(await page.run(storage), "{}");
  await page.run("candor.consent({ statistics: true }), 0");
  assert.notEqual(await page.run("candor.me()"), id, "a new one, that nobody can join to the old");
});

test("without data-id there is no id, and forbidden storage is no obstacle", async () => {
  const forbidden = `Object.defineProperty(window, "localStorage", { get() { throw new DOMException("no", "SecurityError"); } });`;
  const page = await tab();
  await page.open(site.page("/noid", { early: YES }));
  assert.equal(await page.run("candor.me() ?? null"), null);
  const closed = await tab(forbidden);
  await closed.open(site.page("/noid/closed", { early: YES, tag: "data-id" }));
  const [, { beacon, status }] = await collector.answered("/noid", 2);
  assert.deepEqual([beacon.visitor, status], [undefined, 202]);
  await closed.run(`candor.object(), candor.event("x"), 0`);
  await collector.quiet(closed);
  assert.equal(collector.beacons("/noid").length, 2, "the page itself remembers the objection");
});

test("links, downloads and forms are told without what is secret in them", async () => {
  const page = await tab();
  const body =
    `<a id="out" target="_blank" href="https://Other.example/there?token=secret#x"><b>there</b></a><br>` +
    `<a id="file" target="_blank" href="/files/price-list.PDF?user=secret">list</a><br>` +
    `<a id="own" href="#here">here</a><br>` +
    `<form id="order" action="/links/sent?secret" method="post" target="_blank"><input name="id" value="secret"><button id="send">send</button></form>`;
  await page.open(site.page("/links", { early: YES, body, files: [["/candor-links.js"], ["/candor-forms.js"]] }));
  await collector.answered("/links", 1);
  await page.click("#own");
  await page.click("#out b");
  await collector.answered("/links", 2);
  await page.click("#out", "middle");
  await collector.answered("/links", 3);
  await page.run(`document.querySelector("#file").click(), 0`);
  await collector.answered("/links", 4);
  await page.run(`document.querySelector("#send").click(), 0`);
  const sent = await collector.answered("/links", 5);
  const events = sent.map(({ beacon }) => [beacon.kind, beacon.props]);
  const out = ["click", { url: "https://other.example/there" }];
  assert.deepEqual(events.slice(1), [
    out,
    out,
    ["download", { url: `${site.origin}/files/price-list.PDF` }],
    ["form", { form: "order", url: `${site.origin}/links/sent` }],
  ]);
  assert.ok(!JSON.stringify(sent).includes("secret"));
  const found = await stored("/links", 5, "kind, props");
  assert.deepEqual(found.map(({ kind }) => kind).sort(), ["click", "click", "download", "form", "pageview"]);
});

test("pages that are not found are told", async () => {
  const page = await tab();
  await page.open(site.page("/lost/missing", { early: YES, files: [["/candor-errors.js"]] }));
  await page.open(site.page("/lost/found", { early: YES, files: [["/candor-errors.js"]] }));
  await page.open(site.page("/lost/told", { early: YES, files: [["/candor-errors.js", 'data-status="404"']] }));
  const sent = await collector.answered("/lost", 5);
  const errors = sent.filter(({ beacon }) => beacon.kind === "custom");
  assert.deepEqual(errors.map(({ beacon }) => [beacon.name, new URL(beacon.url).pathname]), [
    ["404", "/lost/missing"],
    ["404", "/lost/told"],
  ]);
});

test("events carry their properties", async () => {
  const page = await tab();
  const early = `${YES}; candor.q.push(["event", "before", { n: 1 }])`;
  await page.open(site.page("/events", { early, tag: "data-manual" }));
  await page.run(`candor.event("after", { plan: "gold", amount: 9.5, trial: false }), candor.event("", {}, "login"), 0`);
  const sent = await collector.answered("/events", 3);
  assert.deepEqual(kinds(sent).sort(), ["custom", "custom", "login"], "and no page view, for the site asked for none");
  const found = await stored("/events", 3, "kind, name, props");
  const after = found.find(({ name }) => name === "after");
  assert.deepEqual(after.props, { plan: "gold", amount: "9.5", trial: "false" });
});

test("what was not taken is sent once more, with the same id", async () => {
  const page = await tab();
  for (const [path, fault] of [["/retry/busy", 503], ["/retry/lost", "lost"]]) {
    collector.fail(path, fault);
    await page.open(site.page(path, { early: YES }));
    const sent = await collector.answered(path, 2);
    assert.deepEqual(sent.map(({ status }) => status), [fault, 202]);
    assert.equal(sent[0].beacon.id, sent[1].beacon.id);
    await stored(path, 1);
  }
  collector.fail("/retry/twice", 503, 503);
  const counting = await tab(`window.timers = 0; const real = setTimeout; window.setTimeout = (...of) => (timers++, real(...of));`);
  await counting.open(site.page("/retry/twice", { early: YES }));
  await collector.answered("/retry/twice", 2);
  await counting.run(`candor.event("later"), 0`);
  const sent = await collector.answered("/retry/twice", 3);
  assert.deepEqual(sent.map(({ status }) => status), [503, 503, 202]);
  await collector.quiet(counting);
  assert.equal(await counting.run("timers"), 1, "it gave up");
});

test("a retry says what the visitor says by then", async () => {
  const page = await tab();
  collector.fail("/changed", 503);
  await page.open(site.page("/changed", { early: YES }));
  await collector.answered("/changed", 1);
  await page.run("candor.withdraw(), 0");
  const sent = await collector.answered("/changed", 2);
  assert.deepEqual(sent.map(({ beacon }) => beacon.consent), [{ statistics: true }, false]);
});

test("browsers without keepalive send beacons", async () => {
  const page = await tab("delete Request.prototype.keepalive;");
  await page.open(site.page("/old", { early: YES }));
  const [{ status, headers }] = await collector.answered("/old", 1);
  assert.deepEqual([status, headers["content-type"]], [202, "text/plain;charset=UTF-8"]);
});

test("the pixel passes the same gate, without scripts", async () => {
  const page = await tab();
  await page.call("Emulation.setScriptExecutionDisabled", { value: true });
  for (const name of ["demo", "counted"]) {
    const path = `/pixel/${name}`;
    const src = `${collector.origin}/v1/pixel.gif?site=${name}&url=${encodeURIComponent(site.origin + path)}`;
    await page.call("Page.navigate", { url: site.page(path, { body: `<noscript><img src="${src}" alt=""></noscript>` }) });
    const pixel = await until("the pixel", () => collector.requests.find((asked) => asked.path.startsWith(`/v1/pixel.gif?site=${name}`) && asked.status));
    assert.equal(pixel.status, { demo: 204, counted: 202 }[name]);
  }
  await stored("/pixel/counted", 1);
});

test("it may lie at another path", async () => {
  const page = await tab();
  await page.open(site.page("/moved/proxy", { early: YES, src: "/stats/candor.js" }));
  await page.open(site.page("/moved/file", { early: YES, src: "/stats/candor.js", tag: 'data-api="/v1/events"' }));
  const sent = await collector.answered("/moved", 2);
  assert.deepEqual(sent.map(({ path, status }) => [path, status]), [["/stats/v1/events", 202], ["/v1/events", 202]]);
});

test("Consent Mode's updates are answers, its defaults are not", async () => {
  const page = await tab();
  const gtag = `window.dataLayer = []; window.gtag = function () { dataLayer.push(arguments); };`;
  const early = `${gtag} gtag("consent", "default", { analytics_storage: "granted", wait_for_update: 500 });`;
  await page.open(site.page("/mode", { early, tag: "data-wait", files: [["/candor-consent-mode.js"]] }));
  await page.run(`gtag("event", "x"), dataLayer.push({ event: "gtm.js" }), 0`);
  await collector.quiet(page);
  assert.deepEqual(collector.beacons("/mode"), []);
  await page.run(`gtag("consent", "update", { analytics_storage: "granted", ad_storage: "denied" }), 0`);
  const [{ beacon, status }] = await collector.answered("/mode", 1);
  assert.deepEqual([beacon.consent, status], [{ statistics: true, marketing: false }, 202]);
  await page.run(`gtag("consent", "update", { analytics_storage: "denied" }), candor.event("x"), 0`);
  const [, denied] = await collector.answered("/mode", 2);
  assert.deepEqual([denied.beacon.consent.statistics, denied.status], [false, 204]);
});

test("a tag that is there twice counts once", async () => {
  const page = await tab();
  await page.open(site.page("/twice", { early: YES, files: [["/candor.js", 'data-site="demo"']] }));
  await page.run(`history.pushState(null, "", "/twice/next"), 0`);
  const sent = await collector.answered("/twice/next", 1);
  await page.run(`candor.event("end"), 0`);
  const all = await collector.answered("/twice", 3);
  assert.deepEqual(kinds(all), ["pageview", "pageview", "custom"]);
  assert.deepEqual(all.map(({ status }) => status), [202, 202, 202], "the first one knows of the consent");
  assert.equal(sent.length, 1);
});
