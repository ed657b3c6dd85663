// Two origins, as in life: a website with a strict Content-Security-Policy, and a collector. Between them
// stands a proxy that writes down what the browser sent, and can fail.

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, request } from "node:http";

import { until } from "./browser.js";

const collector = new URL(process.env.CANDOR_URL);
const clickhouse = process.env.CANDOR_CLICKHOUSE_URL;
const integrity = JSON.parse(readFileSync(new URL("../dist/integrity.json", import.meta.url)));

async function listen(answer) {
  const server = createServer(answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

function stop(server) {
  server.closeAllConnections();
  server.close();
}

/** The collector as browsers see it. What lies below `/stats/` is what lies at its root. */
export class Collector {
  /** Everything that was asked, in order: method, path, headers, beacon, status. */
  requests = [];
  #faults = new Map();
  #server;

  static async start() {
    const proxy = new Collector();
    proxy.#server = await listen((asked, answer) => proxy.#pass(asked, answer));
    proxy.origin = `http://127.0.0.1:${proxy.#server.address().port}`;
    return proxy;
  }

  async #pass(asked, answer) {
    const chunks = [];
    for await (const chunk of asked) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const { method, headers } = asked;
    const path = asked.url.replace(/^\/stats(?=\/)/, "");
    const entry = { method, path: asked.url, headers };
    if (body.length) entry.beacon = JSON.parse(body);
    this.requests.push(entry);
    const fault = entry.beacon && this.#faults.get(new URL(entry.beacon.url).pathname)?.shift();
    if (fault === "lost") {
      // A cut connection would be tried again by the browser itself.
      entry.status = fault;
      answer.writeHead(202).end();
    } else if (fault) {
      entry.status = fault;
      answer.writeHead(fault, { "access-control-allow-origin": "*" }).end();
    } else {
      const onward = { method, path, headers: { ...headers, host: collector.host } };
      const passed = request(collector, onward, (got) => {
        entry.status = got.statusCode;
        answer.writeHead(got.statusCode, got.headers);
        got.pipe(answer);
      });
      passed.on("error", () => answer.destroy());
      passed.end(body);
    }
  }

  /** What happens to the next beacons of a page instead of being answered: a status, or "lost": no answer that it may read. */
  fail(path, ...faults) {
    this.#faults.set(path, faults);
  }

  /** The beacons of a page's path, or of those below it, in order; how long it was seen only `withTime`. */
  beacons(path, withTime = false) {
    const isOf = ({ beacon }) => beacon && new URL(beacon.url).pathname.startsWith(path);
    const isWanted = ({ beacon }) => withTime || beacon.kind !== "engagement";
    return this.requests.filter((entry) => isOf(entry) && isWanted(entry));
  }

  /** Waits until so many beacons of a path were answered. */
  async answered(path, count, withTime = false) {
    const answered = () => this.beacons(path, withTime).filter(({ status }) => status).length >= count;
    await until(`${count} beacons of ${path}`, answered);
    return this.beacons(path, withTime);
  }

  /** Waits until whatever the page sent before this is here too. */
  async quiet(tab) {
    const fence = `/fence-${Math.random()}`;
    await tab.run(`fetch("${this.origin}${fence}", { mode: "no-cors" }).catch(() => {}), 0`);
    await until("the fence", () => this.requests.some(({ path }) => path === fence));
  }

  stop() {
    stop(this.#server);
  }
}

/** A website. Each test has pages of its own. */
export class Site {
  #server;
  #pages = new Map();
  #collector;

  static async start(proxy) {
    const site = new Site();
    site.#collector = proxy.origin;
    site.#server = await listen((asked, answer) => site.#answer(asked, answer));
    // Another site than the collector, whose name is an address.
    site.origin = `http://localhost:${site.#server.address().port}`;
    return site;
  }

  /**
   * Puts a page at a path. `tag` is what else the script's tag says, `files` which others are loaded, `early`
   * the site's own script before them.
   */
  page(path, { tag = "", site = "demo", src = "/candor.js", files = [], early = "", head = "", body = "" } = {}) {
    const script = (file, more) =>
      `<script defer crossorigin="anonymous" integrity="${integrity[file.split("/").pop()] ?? ""}"` +
      ` src="${this.#collector}${file}" ${more}></script>`;
    const text =
      `<!doctype html><html lang="fi"><meta charset="utf-8"><title>Page ${path}</title><link rel="icon" href="data:,">` +
      `<script defer src="${path}/early.js"></script>${head}` +
      script(src, `data-site="${site}" ${tag}`) +
      files.map(([file, more]) => script(file, more ?? "")).join("") +
      `<body>${body}</body></html>`;
    this.#pages.set(path, ["text/html; charset=utf-8", text]);
    this.#pages.set(`${path}/early.js`, ["text/javascript", early]);
    return this.origin + path;
  }

  #answer(asked, answer) {
    const { pathname } = new URL(asked.url, this.origin);
    const [type, text] = this.#pages.get(pathname) ?? ["text/html", "<!doctype html><title>elsewhere</title>"];
    const policy =
      `default-src 'none'; script-src 'self' ${this.#collector}; connect-src ${this.#collector};` +
      ` img-src data: ${this.#collector}; form-action 'self'; require-trusted-types-for 'script'`;
    const status = pathname.endsWith("/missing") ? 404 : 200;
    answer.writeHead(status, { "content-type": type, "content-security-policy": policy }).end(text);
  }

  stop() {
    stop(this.#server);
  }
}

/** Asks ClickHouse for rows. */
export async function rows(query) {
  const answer = await fetch(clickhouse, { method: "POST", body: `${query} FORMAT JSONEachRow` });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${query}: ${text}`);
  return text.split("\n").filter(Boolean).map((line) => JSON.parse(line));
}

/** Waits until as many rows of statistics are there for a path, and those below it, without how long it was seen. */
export async function stored(path, count, columns = "kind, path, title") {
  let found = [];
  const query =
    `SELECT ${columns} FROM candor.statistics` +
    ` WHERE startsWith(path, '${path}') AND kind != 'engagement' ORDER BY received_at`;
  await until(`${count} rows of ${path}`, async () => (found = await rows(query)).length >= count);
  return found;
}
