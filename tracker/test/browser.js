// Chromium without a window, driven by its own protocol over a pipe.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const DEADLINE_MS = 20_000;

/** Waits until `done` gives something, looking again every few milliseconds. */
export async function until(what, done) {
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    const value = await done();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`not within ${DEADLINE_MS / 1000} s: ${what}`);
    await new Promise((again) => setTimeout(again, 15));
  }
}

export class Browser {
  #child;
  #profile = mkdtempSync(join(tmpdir(), "candor-chromium-"));
  #calls = new Map();
  #tabs = new Map();
  #last = 0;

  static async start() {
    const browser = new Browser();
    const sandbox = process.getuid() === 0 ? ["--no-sandbox"] : [];
    const program = process.env.CHROMIUM || "chromium";
    browser.#child = spawn(
      program,
      [
        ...["--headless=new", "--remote-debugging-pipe", `--user-data-dir=${browser.#profile}`],
        ...["--no-first-run", "--disable-gpu", "--disable-background-networking", ...sandbox],
        ...["--disable-dev-shm-usage", "about:blank"],
      ],
      { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] },
    );
    await new Promise((started, failed) => {
      browser.#child.once("spawn", started);
      browser.#child.once("error", () =>
        failed(new Error(`cannot run ${program}: install Chromium (Debian: chromium), or name it in CHROMIUM`)),
      );
    });
    browser.#listen();
    await browser.call("Browser.getVersion");
    return browser;
  }

  #listen() {
    let rest = "";
    this.#child.stdio[4].setEncoding("utf8").on("data", (chunk) => {
      const messages = (rest + chunk).split("\0");
      rest = messages.pop();
      for (const message of messages) this.#take(JSON.parse(message));
    });
  }

  #take({ id, error, result, method, params, sessionId }) {
    if (id === undefined) {
      this.#tabs.get(sessionId)?.heard(method, params);
      return;
    }
    const { resolve, reject, what } = this.#calls.get(id);
    this.#calls.delete(id);
    if (error) reject(new Error(`${what}: ${error.message}`));
    else resolve(result);
  }

  call(method, params = {}, sessionId = undefined) {
    const id = ++this.#last;
    this.#child.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((resolve, reject) => this.#calls.set(id, { resolve, reject, what: method }));
  }

  /** A tab with a storage of its own. `script` runs before any of a page's. */
  async tab(script = "") {
    const { browserContextId } = await this.call("Target.createBrowserContext");
    const { targetId } = await this.call("Target.createTarget", { url: "about:blank", browserContextId });
    const { sessionId } = await this.call("Target.attachToTarget", { targetId, flatten: true });
    const tab = new Tab(this, sessionId, { browserContextId, targetId });
    this.#tabs.set(sessionId, tab);
    for (const domain of ["Page", "Runtime", "Log"]) await tab.call(`${domain}.enable`);
    await tab.call("Page.addScriptToEvaluateOnNewDocument", { source: script });
    return tab;
  }

  async stop() {
    const ended = new Promise((done) => this.#child.once("exit", done));
    this.call("Browser.close").catch(() => {});
    await ended;
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

export class Tab {
  /** What the console was told of: above all violations of the page's policy. */
  complaints = [];
  #browser;
  #session;
  #ids;

  constructor(browser, session, ids) {
    this.#browser = browser;
    this.#session = session;
    this.#ids = ids;
  }

  call(method, params) {
    return this.#browser.call(method, params, this.#session);
  }

  heard(method, params) {
    if (method === "Log.entryAdded" && params.entry.level === "error") {
      this.complaints.push(`${params.entry.text} ${params.entry.url ?? ""}`);
    }
    if (method === "Runtime.exceptionThrown") {
      this.complaints.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
    }
  }

  /** Opens a page, and waits until it is loaded. */
  async open(url) {
    await this.call("Page.navigate", { url });
    await this.loaded(url);
  }

  async loaded(url) {
    const there = "document.readyState === 'complete' && location.href";
    await until(`${url} is loaded`, async () => (await this.run(there).catch(() => "")) === url);
  }

  /** The value of an expression in the page. */
  async run(expression) {
    const { result, exceptionDetails } = await this.call("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
      userGesture: true,
    });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  /** A click as a hand makes it. */
  async click(selector, button = "left") {
    const place = `(() => { const { x, y } = document.querySelector(${JSON.stringify(selector)}).getBoundingClientRect(); return [x + 2, y + 2]; })()`;
    const [x, y] = await this.run(place);
    for (const type of ["mousePressed", "mouseReleased"]) {
      await this.call("Input.dispatchMouseEvent", { type, x, y, button, clickCount: 1 });
    }
  }

  async close() {
    await this.#browser.call("Target.disposeBrowserContext", { browserContextId: this.#ids.browserContextId });
  }
}
