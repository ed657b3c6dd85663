// Plausible's own tracker on a real page in headless Chromium, against CANDOR_BEACONS_URL. The browser is
// driven through a pipe (its DevTools protocol), so that nothing else is needed.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = process.env.CANDOR_BEACONS_URL
const { domain } = JSON.parse(process.env.CANDOR_IDS)
const tracker = readFileSync(fileURLToPath(import.meta.resolve('@plausible-analytics/tracker')))

const page = `<!doctype html><title>A page</title>
<a id="out" href="http://elsewhere.example/x" onclick="event.preventDefault()">out</a>
<a id="file" href="/guide.pdf" onclick="event.preventDefault()">file</a>
<form id="form" onsubmit="event.preventDefault()"><button>send</button></form>
<script>
  const send = fetch
  window.answers = []
  window.fetch = async (...args) => {
    const answer = await send(...args)
    window.answers.push(answer.status)
    return answer
  }
</script>
<script type="module">
  import { init, track } from '/plausible.js'
  init({
    domain: '${domain}', endpoint: '${here}/api/event', captureOnLocalhost: true,
    outboundLinks: true, fileDownloads: true, formSubmissions: true,
  })
  track('Signup', { props: { plan: 'pro' }, revenue: { currency: 'EUR', amount: 9.5 } })
  document.querySelector('#out').click()
  document.querySelector('#file').click()
  document.querySelector('#form').requestSubmit()
  history.pushState({}, '', '/second')
</script>`

const site = createServer((request, answer) => {
  const isTracker = request.url === '/plausible.js'
  answer.setHeader('content-type', isTracker ? 'text/javascript' : 'text/html')
  answer.end(isTracker ? tracker : page)
})
await new Promise((done) => site.listen(0, 'localhost', done))

const profile = mkdtempSync(join(tmpdir(), 'candor-chromium-'))
const browser = spawn(
  process.env.CHROMIUM ?? 'chromium',
  [
    '--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run',
    '--remote-debugging-pipe', `--user-data-dir=${profile}`,
  ],
  { detached: true, stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] },
)
const ended = new Promise((done) => browser.once('exit', done))

let id = 0
const waiting = new Map()
let text = ''
browser.stdio[4].setEncoding('utf8').on('data', (more) => {
  const messages = (text + more).split('\0')
  text = messages.pop()
  for (const message of messages.map((message) => JSON.parse(message))) {
    waiting.get(message.id)?.(message)
  }
})

/** Sends a command of the DevTools protocol, and gives back its result. */
async function command(method, params = {}, sessionId = undefined) {
  id += 1
  const answered = new Promise((done) => waiting.set(id, done))
  browser.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`)
  const { result, error } = await answered
  assert.equal(error, undefined, method)
  return result
}

// Two page views, the engagement with the first, and four events.
const WANTED = 7
try {
  const url = `http://localhost:${site.address().port}/first?utm_source=letter`
  const { targetId } = await command('Target.createTarget', { url })
  const { sessionId } = await command('Target.attachToTarget', { targetId, flatten: true })
  let answers = []
  for (let turn = 0; turn < 300 && answers.length < WANTED; turn += 1) {
    await new Promise((done) => setTimeout(done, 50))
    const expression = 'JSON.stringify(window.answers ?? [])'
    const { result } = await command('Runtime.evaluate', { expression }, sessionId)
    answers = JSON.parse(result.value)
  }
  assert.deepEqual(answers, Array(WANTED).fill(202))
} finally {
  // With all that it has started, which would write into its profile yet. Told to close, it would tell of another page left.
  process.kill(-browser.pid, 'SIGKILL')
  await ended
  site.close()
  for (let turn = 0; ; turn += 1) {
    try {
      rmSync(profile, { recursive: true, force: true })
      break
    } catch (error) {
      if (turn === 100) throw error
      await new Promise((done) => setTimeout(done, 50))
    }
  }
}
