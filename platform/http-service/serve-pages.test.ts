import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { createLog } from '#platform/logging/create-log.ts'
import { createHttpService } from './create-http-service.ts'
import { adminRateLimit } from './rate-limit.ts'
import { servePages } from './serve-pages.ts'

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
  writeFileSync(path.join(built, 'assets/b-1.js'), 'let b')
  writeFileSync(path.join(built, 'assets/b-1.js.br'), 'by brotli')
  writeFileSync(path.join(built, 'assets/b-1.js.gz'), 'by gzip')
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
  const packed = (accepted: string) => get('/console/assets/b-1.js', { 'accept-encoding': accepted })
  for (const [accepted, encoding, body] of [
    ['gzip, deflate, br, zstd', 'br', 'by brotli'],
    ['GZIP', 'gzip', 'by gzip'],
    ['identity', undefined, 'let b'],
    ['br;q=0, *;q=0.1', undefined, 'let b'],
    ['../secret, constructor', undefined, 'let b'],
  ] as const) {
    const answer = await packed(accepted)
    t.equal(answer.body, body, accepted)
    t.equal(answer.headers['content-encoding'], encoding)
    t.equal(answer.headers['vary'], 'accept-encoding')
    const again = { 'accept-encoding': accepted, 'if-none-match': String(answer.headers.etag) }
    t.equal((await get('/console/assets/b-1.js', again)).statusCode, 304)
  }
  t.not((await packed('br')).headers.etag, (await packed('gzip')).headers.etag, 'each form has its own tag')
  t.equal((await get('/console/assets/b-1.js.br')).statusCode, 404, 'and no address of its own')
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
