// The clients that Umami and Matomo publish for servers, against CANDOR_BEACONS_URL.

import assert from 'node:assert/strict'

import { Umami } from '@umami/node'
import MatomoTracker from 'matomo-tracker'

const here = process.env.CANDOR_BEACONS_URL
const { websiteId, domain } = JSON.parse(process.env.CANDOR_IDS)

const umami = new Umami({ websiteId, hostUrl: here })
const page = { hostname: domain, language: 'fi-FI', screen: '1920x1080' }
const seen = await umami.track({ ...page, url: '/umami', title: 'Umami' })
assert.equal(seen.status, 200)
assert.equal((await seen.json()).cache, '')
const paid = await umami.track({ ...page, url: '/umami', name: 'paid', data: { plan: 'pro' } })
assert.equal(paid.headers.get('candor-outcome'), 'accepted')
const who = await umami.identify({ email: 'jane@a.example' })
assert.equal(who.headers.get('candor-outcome'), 'kind_denied')
const elsewhere = await umami.track({ ...page, hostname: 'evil.example', url: '/' })
assert.equal(elsewhere.status, 403)

const matomo = new MatomoTracker(7, `${here}/matomo.php`)
matomo.on('error', (error) => assert.fail(String(error)))
const base = `http://${domain}/matomo`
matomo.track({ url: base, action_name: 'Matomo', uid: 'jane@a.example', _id: '0123456789abcdef' })
const answer = await new Promise((done) =>
  matomo.trackBulk(
    [
      { url: base, e_c: 'Video', e_a: 'Play', e_n: 'Intro' },
      { url: base, download: `${base}/a.pdf` },
      { url: 'http://evil.example/' },
    ],
    done,
  ),
)
assert.deepEqual(JSON.parse(answer), { status: 'success', tracked: 2, invalid: 1 })
