/** How often status lists are asked for: within bounds, whatever a list says of itself. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { authorityOf, NOON, statusListOf } from '#test/fakes/wallet/authority.ts'
import { until } from '#test/until.ts'
import { createStatusLists } from './fetch-status-list.ts'

const STATUS = 'https://issuer.example/status/1'
const MINUTE = 60_000
const state = authorityOf('State')

/** Lists by path at a server that counts; `hold` keeps its answers back until `release`. */
async function served(t: Test, lists: Record<string, string | undefined>) {
  const asked: string[] = []
  const held: (() => void)[] = []
  let isHolding = false
  const server = createServer((request, response) => {
    const url = request.url!
    asked.push(url)
    const answer = (): void => {
      if (url === '/large') response.end(Buffer.alloc(5_000_000, 0x61))
      else if (url === '/moved') response.writeHead(302, { location: '/list' }).end()
      else if (lists[url] === undefined) response.writeHead(410).end('gone')
      else response.end(`${lists[url]}\n`)
    }
    if (isHolding) held.push(answer)
    else answer()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  let now = NOON.getTime()
  const hosts = new Set(['127.0.0.1'])
  const fetching = createStatusLists({ clock: () => now, mayAsk: ({ hostname }) => hosts.has(hostname) })
  t.teardown(() => fetching.close())
  return {
    asked,
    hosts,
    fetch: (path: string) => fetching.fetch(path.startsWith('/') ? base + path : path),
    counted: (path: string) => asked.filter((one) => one === path).length,
    later: (ms: number): void => {
      now += ms
    },
    hold: (): void => {
      isHolding = true
    },
    release: () => {
      isHolding = false
      for (const answer of held.splice(0)) answer()
    },
  }
}

void t.test('status lists are fetched once, within bounds, from nowhere else', async (t) => {
  const token = await statusListOf(state, STATUS, {})
  const { asked, fetch, later, counted } = await served(t, { '/list': token, '/unreadable': 'a.b.c' })
  t.equal(await fetch('/list'), token)
  t.equal(await fetch('/list'), token)
  t.strictSame(asked, ['/list'])
  later(5 * MINUTE)
  t.equal(await fetch('/list'), token)
  t.equal(asked.length, 2)
  later(-60 * MINUTE)
  t.equal(await fetch('/list'), token)
  t.equal(counted('/list'), 3, 'the clock was set back')
  later(60 * MINUTE)
  t.equal(await fetch('/list'), token)
  t.equal(asked.length, 4)
  for (const path of ['/large', '/moved', '/gone']) t.equal(await fetch(path), undefined, path)
  t.equal(await fetch('http://localhost:1/'), undefined)
  t.equal(await fetch('no address'), undefined)
  t.equal(asked.length, 7)
  for (const path of ['/unreadable', '/lost']) {
    const first = await fetch(path)
    later(9_999)
    t.equal(await fetch(path), first)
    t.equal(counted(path), 1, `${path} is not asked for at each presentation`)
    later(1)
    await fetch(path)
    t.equal(counted(path), 2, `${path} may be better by then`)
  }
})

void t.test('a list is given out for no longer than its host is one of a trusted issuer', async (t) => {
  const token = await statusListOf(state, STATUS, {})
  const { fetch, hosts, counted, hold, release } = await served(t, { '/list': token, '/slow': token })
  t.equal(await fetch('/list'), token)
  hold()
  const slow = fetch('/slow')
  await until('the slow one was asked for', () => counted('/slow') > 0)
  hosts.clear()
  release()
  t.equal(await slow, undefined, 'also one that was under way')
  t.equal(await fetch('/list'), undefined)
  hosts.add('127.0.0.1')
  t.equal(await fetch('/list'), token)
})

void t.test('a list is asked for anew when it says, and no sooner than the least time', async (t) => {
  const now = NOON.getTime() / 1000
  const says: [path: string, claims: Record<string, unknown>, keptMs: number][] = [
    ['/half-a-minute', { ttl: 30 }, 30_000],
    ['/one', { ttl: 1 }, 10_000],
    ['/none', { ttl: 0 }, 10_000],
    ['/negative', { ttl: -5 }, 10_000],
    ['/hours', { ttl: 86_400 }, 5 * MINUTE],
    ['/ending', { exp: now + 60 }, 60_000],
    ['/ending-soon', { exp: now + 4 }, 4_000],
    ['/ending-at-once', { exp: now + 0.001 }, 1_000],
    ['/ended', { ttl: 3600, exp: now - 60 }, 1_000],
    ['/brief-and-ending', { ttl: 1, exp: now + 7 }, 7_000],
  ]
  for (const [path, claims, keptMs] of says) {
    const { fetch, later, counted } = await served(t, {
      [path]: await statusListOf(state, STATUS, {}, { claims }),
    })
    await fetch(path)
    later(keptMs - 1)
    await fetch(path)
    t.equal(counted(path), 1, path)
    later(1)
    await fetch(path)
    t.equal(counted(path), 2, path)
  }
})

void t.test('a hundred who want one list at once share a fetch, also one that fails', async (t) => {
  const token = await statusListOf(state, STATUS, {})
  const { fetch, counted, asked, hold, release } = await served(t, { '/list': token, '/other': token })
  for (const [path, answer] of [
    ['/list', token],
    ['/gone', undefined],
  ] as const) {
    hold()
    const all = Array.from({ length: 100 }, () => fetch(path))
    const other = fetch('/other')
    await until('both lists were asked for', () => counted(path) > 0 && counted('/other') > 0)
    release()
    t.strictSame(new Set(await Promise.all(all)), new Set([answer]))
    t.equal(await other, token)
    t.equal(counted(path), 1, path)
  }
  await fetch('/gone')
  t.equal(counted('/gone'), 1, 'a failure is kept for the least time')
  t.equal(asked.length, 3)
})
