// Pages that were not found: the custom event "404", with the page that linked there.
//
// For browsers that do not tell the status of a page, say `data-status="404"` in the tag on the error page.

import { call, plain } from "./call.js";

const { status } = document.currentScript.dataset;
const [visit] = performance.getEntriesByType("navigation");
const code = Number(status || visit?.responseStatus);

if (code >= 400) {
  const from = document.referrer && plain(new URL(document.referrer));
  call("event", String(code), from ? { from } : undefined);
}
