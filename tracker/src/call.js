// How the optional files reach the core: by its queue, so that they may be loaded in any order.

import { PROP_CHARS_MAX } from "./limits.js";

/** Calls one of the core's functions, now or once it is loaded. */
export function call(...words) {
  ((window.candor ||= {}).q ||= []).push(words);
}

/** A URL or a link without query and fragment, which may hold more than the site wants to know. */
export function plain(url) {
  return (url.origin + url.pathname).slice(0, PROP_CHARS_MAX);
}
