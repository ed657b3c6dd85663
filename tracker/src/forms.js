// Forms that were sent: which one, and never what was written into it.

import { call, plain } from "./call.js";

addEventListener(
  "submit",
  ({ target, submitter }) => {
    // Not as properties: a field called "id" or "action" would stand in their place.
    const say = (name) => target.getAttribute(name);
    const action = submitter?.getAttribute("formaction") ?? say("action") ?? "";
    const url = plain(new URL(action, document.baseURI));
    call("event", "form", { form: say("id") || say("name") || "", url }, "form");
  },
  true,
);
