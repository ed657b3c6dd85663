// Builds what the server carries, and what pages may hold it to: `dist/*.js` and `dist/integrity.json`.
// With --check it writes nothing and fails when what is committed is anything else. The core has a limit.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const CORE_GZIP_BYTES_MAX = 1_500;
const SOURCES = {
  "candor.js": "candor.js",
  "candor-consent-mode.js": "consent-mode.js",
  "candor-errors.js": "errors.js",
  "candor-forms.js": "forms.js",
  "candor-links.js": "links.js",
};

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

async function bundle(source) {
  const result = await build({
    entryPoints: [here(`src/${source}`)],
    bundle: true,
    format: "iife",
    minify: true,
    target: "es2021",
    write: false,
  });
  return Buffer.from(result.outputFiles[0].contents);
}

const files = {};
const integrity = {};
let failed = false;
for (const [name, source] of Object.entries(SOURCES)) {
  files[name] = await bundle(source);
  integrity[name] = `sha384-${createHash("sha384").update(files[name]).digest("base64")}`;
  const gzipped = execFileSync("gzip", ["-9nc"], { input: files[name] }).length;
  console.log(`${name}: ${files[name].length} bytes, ${gzipped} gzipped`);
  if (name === "candor.js" && gzipped > CORE_GZIP_BYTES_MAX) {
    console.error(`${name}: at most ${CORE_GZIP_BYTES_MAX} bytes gzipped`);
    failed = true;
  }
}
files["integrity.json"] = Buffer.from(`${JSON.stringify(integrity, null, 2)}\n`);

const isCheck = process.argv.includes("--check");
mkdirSync(here("dist"), { recursive: true });
for (const [name, bytes] of Object.entries(files)) {
  const path = here(`dist/${name}`);
  if (!isCheck) {
    writeFileSync(path, bytes);
  } else if (!readFileSync(path).equals(bytes)) {
    console.error(`dist/${name} is not what the source gives: run \`make tracker\` and commit it`);
    failed = true;
  }
}
process.exitCode = failed ? 1 : 0;
