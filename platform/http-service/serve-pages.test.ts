import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import { createLog } from '#platform/logging/create-log.ts'
import { createHttpService } from './create-http-service.ts'
import { adminRateLimit } from './rate-limit.ts'
import { servePages } from './serve-pages.ts'
import { endUntaken } from './watch-taking.ts'

void t.test('built pages: one page for every address, files for ever, nothing else', async (t) => {
  const directory = mkdtempSync(path.join(tmpdir(), 'concordat-pages-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const log = createLog({ name: 'test', destination: { write: () => undefined } })
  const app = createHttpService({ name: 'admin', log, rateLimit: adminRateLimit })
  t.teardown(() => app.close())
  const built = path.join(directory, 'built')
  servePages(app, { prefix: '/console', directory: built, how: 'make pages' })
  const get = (url: string, headers: Record<string, string> = {}) =>
    app.inject({ method: 'GET', url, headers })

  const missing = await get('/console/')
  t.equal(missing.statusCode, 503)
  t.match(missing.body, /make pages/)
  t.match(missing.headers, { 'content-security-policy': /default-src 'none'/, 'cache-control': 'no-store' })

  mkdirSync(path.join(built, 'assets'), { recursive: true })
  writeFileSync(path.join(directory, 'secret.html'), 'outside')
  writeFileSync(path.join(built, '.sources.sha256'), 'stamp')
  writeFileSync(path.join(built, 'notes.txt'), 'no page')
  writeFileSync(path.join(built, 'assets/a-1.js'), 'let a')
  t.equal((await get('/console/')).statusCode, 503, 'half a build is none')
  writeFileSync(path.join(built, 'index.html'), '<p>the page</p>')
  const page = await get('/console/')
  t.match(page, { statusCode: 200, body: '<p>the page</p>' })
  const { etag = '' } = page.headers
  t.match(page.headers, {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-cache',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
  })
  const policy = String(page.headers['content-security-policy'])
  t.match(policy, /frame-ancestors 'none'/)
  t.notMatch(policy, /unsafe|\*|data:|https?:/)
  t.equal((await get('/console/', { 'if-none-match': String(etag) })).statusCode, 304)
  t.match(await get('/console'), { statusCode: 308, headers: { location: '/console/' } })
  for (const at of ['members', 'members/DEV:GOV:1.js?q=1', 'a/b/c', '.sources.sha256', 'notes.txt'])
    t.equal((await get(`/console/${at}`)).body, '<p>the page</p>', at)

  t.match(await get('/console/assets/a-1.js'), {
    headers: {
      'content-type': 'text/javascript; charset=utf-8',
      'cache-control': 'public, max-age=31536000, immutable',
    },
  })
  t.equal((await get('/console/assets/a-2.js')).statusCode, 404, 'an older build is asked for')
  const outside = ['../secret.html', '..%2fsecret.html', '%2e%2e/secret.html', 'assets/../../secret.html']
  for (const at of [...outside, '..%5csecret.html', '%00', '__proto__', 'constructor']) {
    const { statusCode, body } = await get(`/console/${at}`)
    t.notMatch(body, /outside/, at)
    t.ok([200, 400, 404].includes(statusCode), `${at} ${statusCode}`)
  }
  t.equal((await app.inject({ method: 'POST', url: '/console/' })).statusCode, 405)
  const many = await Promise.all(Array.from({ length: 60 }, () => get('/console/assets/a-1.js')))
  t.ok(
    many.every(({ statusCode }) => statusCode === 200),
    'pages use up nobody’s share of calls',
  )
})

void t.test('who reads nothing of an answer, or hardly, does not hold it for ever', async (t) => {
  const log = createLog({ name: 'test', destination: { write: () => undefined } })
  const app = createHttpService({ name: 'admin', log })
  t.teardown(() => app.close())
  app.get('/slow', (_request, reply) => {
    reply.hijack().raw.write('it goes on')
  })
  app.get('/large', async () => Buffer.alloc(24_000_000))
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const asked = async () => {
    const socket = connect(port, '127.0.0.1', () => socket.write('GET /large HTTP/1.1\r\nHost: x\r\n\r\n'))
    await once(socket, 'readable')
    return socket.on('error', () => undefined)
  }
  const patient = connect(port, '127.0.0.1', () => patient.write('GET /slow HTTP/1.1\r\nHost: x\r\n\r\n'))
  await once(patient, 'data')
  endUntaken(performance.now())
  endUntaken(performance.now() + 3_600_000)
  await wait(20)
  t.notOk(patient.destroyed, 'who has taken all may wait for more')
  patient.destroy()
  const silent = await asked()
  const now = performance.now()
  for (let hour = 0; hour < 20; hour++) {
    endUntaken(now + hour * 3_600_000)
    await wait(20)
  }
  const reader = await asked()
  endUntaken(now + 360_000_000)
  endUntaken(now + 360_050_000)
  reader.on('data', () => undefined)
  while (reader.bytesRead < 24_000_000) await once(reader, 'data')
  endUntaken(now + 720_000_000)
  await wait(20)
  t.notOk(reader.destroyed, 'an answer that was taken is no matter any more')
  reader.destroy()
  silent.resume()
  if (!silent.closed) await once(silent, 'close')
  t.ok(silent.bytesRead < 24_000_000)
})
