// Clicks on links that lead to other hosts, and on downloads. Of the address only host and path are told.

import { call, plain } from "./call.js";

const { files } = document.currentScript.dataset;
const FILES =
  "7z avi csv deb dmg doc docx epub exe gz iso key midi mov mp3 mp4 mpeg msi ods odt pdf pkg pps ppt pptx " +
  "rar rtf txt wav wma wmv xls xlsx zip";
const endings = new Set((files || FILES).toLowerCase().split(/[\s,]+/));

function told(event) {
  // Through the borders of components.
  const link = event.composedPath().find((node) => node.matches?.("a[href], area[href]"));
  if (!/^https?:$/.test(link?.protocol)) return;
  const ending = link.pathname.split(".").pop().toLowerCase();
  if (link.hasAttribute("download") || endings.has(ending)) {
    call("event", "download", { url: plain(link) }, "download");
  } else if (link.host !== location.host) {
    call("event", "outbound", { url: plain(link) }, "click");
  }
}

addEventListener("click", told, true);
// The middle button opens a new tab.
addEventListener("auxclick", (event) => event.button === 1 && told(event), true);
