// Sends one beacon, then asks the admin listener for the row that was kept of it.
"use strict";

const status = document.getElementById("status");
const table = document.getElementById("row");
const say = (text) => { status.textContent = text; };

async function send(consent) {
  const id = crypto.randomUUID ? crypto.randomUUID() : String(Math.random()).slice(2);
  const beacon = {
    site: "demo",
    kind: "pageview",
    url: location.href,
    referrer: document.referrer,
    title: document.title,
    screen: `${screen.width}x${screen.height}`,
    language: navigator.language,
    consent,
    id,
  };
  table.hidden = true;
  say("Sending …");
  const answer = await fetch("/v1/events", { method: "POST", body: JSON.stringify(beacon) });
  if (answer.status === 204) {
    say(`Heard, and nothing was kept: ${answer.headers.get("candor-outcome")}.`);
    return;
  }
  if (answer.status !== 202) {
    say(`Refused with status ${answer.status}.`);
    return;
  }
  say("Durable. Waiting for the row …");
  await show(id);
}

async function show(id) {
  const url = `${document.body.dataset.admin}/demo/row?id=${encodeURIComponent(id)}`;
  for (let tries = 0; tries < 60; tries += 1) {
    const answer = await fetch(url);
    if (answer.status === 200) {
      fill(await answer.json());
      say("This is what is kept of the visit; and for a week, its place in the log.");
      return;
    }
    await new Promise((done) => { setTimeout(done, 250); });
  }
  say("The row did not appear within 15 seconds; the log of candor says why.");
}

function fill(row) {
  const body = table.tBodies[0];
  body.replaceChildren(...Object.entries(row).map(([name, value]) => {
    const line = document.createElement("tr");
    const text = value !== null && typeof value === "object" ? JSON.stringify(value) : String(value ?? "");
    line.className = /^(0|\{\}|::|[0-]+)?$/.test(text) ? "empty" : "";
    const head = document.createElement("th");
    head.scope = "row";
    head.textContent = name;
    const cell = document.createElement("td");
    cell.textContent = text;
    line.append(head, cell);
    return line;
  }));
  table.hidden = false;
}

for (const [button, consent] of [["with-consent", true], ["without-consent", false]]) {
  document.getElementById(button).addEventListener("click", () => {
    send(consent).catch(() => say("Candor does not answer."));
  });
}
