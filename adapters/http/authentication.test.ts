/**
 * How the adapter proves to its system who it is: tokens by client credentials, mutual TLS, a key in a
 * header, a password.
 */
import { Readable } from 'node:stream'
import t from 'tap'
import { emptyFolder, ownAddress } from '#adapters/kit/kit-fixture.ts'
import {
  CLIENT,
  identity,
  secretFile,
  startSystem,
  startTokenEndpoint,
} from '#adapters/kit/system/system-fixture.ts'
import { until } from '#test/until.ts'
import { startBefore } from './http-fixture.ts'

const MIB = 1024 * 1024

t.test('OAuth: one token for many calls, another when it is refused, and no act twice', async (t) => {
  const folder = emptyFolder(t)
  const endpoint = await startTokenEndpoint(t)
  let revoked = ''
  const acts: string[] = []
  const { url, seen } = await startSystem(t, (app) => {
    app.addHook('onRequest', async (request, reply) => {
      const token = String(request.headers.authorization).replace(/^Bearer /, '')
      if (token === revoked || !(await endpoint.isValid(token)))
        return reply.code(401).send({ said: 'inner' })
      return undefined
    })
    app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
    app.get('/one', async () => ({ said: 'found' }))
    app.post('/act', async (request) => {
      let bytes = 0
      for await (const piece of request.body as Readable) bytes += (piece as Buffer).length
      acts.push(String(bytes))
      return { bytes }
    })
  })
  const tokenOf = (at: number): string => String(seen.at(at)?.headers.authorization).slice('Bearer '.length)
  const authentication = {
    ...{ kind: 'oauth', tokenUrl: endpoint.tokenUrl, clientId: CLIENT.id, scope: 'read' },
    secretFile: secretFile(folder, 'secret', CLIENT.secret),
  }
  const paths = [
    { path: '/one', methods: ['GET'] },
    { path: '/act', methods: ['POST'] },
  ]
  const { send, lines, stop } = await startBefore(t, url, { system: { url, authentication }, paths })
  const all = await Promise.all(Array.from({ length: 20 }, () => send('/one')))
  t.ok(all.every(({ status, json }) => status === 200 && json?.['said'] === 'found'))
  t.equal(endpoint.asked(), 1, 'all who wait get the same token')
  revoked = tokenOf(-1)
  t.match(await send('/one'), { status: 200 })
  t.equal(endpoint.asked(), 2)
  revoked = tokenOf(-1)
  const small = { method: 'POST' as const, body: Buffer.alloc(1000) }
  t.match(await send('/act', small), { status: 200, json: { bytes: 1000 } }, 'a small body is sent again')
  t.strictSame([endpoint.asked(), acts], [3, ['1000']])
  revoked = tokenOf(-1)
  const before = seen.length
  const large = { method: 'POST' as const, body: Readable.from([Buffer.alloc(1000)]) }
  t.match(await send('/act', large), { status: 502, json: { type: 'source_failed' } })
  t.strictSame([seen.length - before, acts], [1, ['1000']], 'a body that is gone is not')
  t.match(await send('/act', small), { status: 200 }, 'the next call has a new token')
  await stop()
  t.notMatch(lines.join(''), new RegExp(`${tokenOf(-1)}|of the tests|inner`))

  await t.test('a token is replaced shortly before its end', async (t) => {
    const short = await startTokenEndpoint(t, { seconds: 1 })
    const { url } = await startSystem(t, (app) => void app.get('/one', async () => ({})))
    const { send } = await startBefore(t, url, {
      system: { url, authentication: { ...authentication, tokenUrl: short.tokenUrl } },
      paths,
    })
    await send('/one')
    await send('/one')
    const first = short.asked()
    const another = await until('another token', async (saw) => {
      await send('/one')
      return saw(short.asked()) > first
    })
    t.ok(another)
  })

  await t.test('a secret that is wrong, and an endpoint that is away or mad', async (t) => {
    const mad = await startSystem(t, (app) => {
      app.post('/moved', async (_request, reply) => reply.redirect(endpoint.tokenUrl, 307))
      app.post('/large', async () => ({ access_token: 'x'.repeat(MIB), token_type: 'bearer' }))
      app.post('/line', async () => ({ access_token: 'a\r\nx-other: b', token_type: 'bearer' }))
      app.post('/other', async () => ({ access_token: 'abc', token_type: 'mac' }))
      app.post('/text', async (_request, reply) => reply.type('text/html').send('SECRET-PAGE'))
    })
    const before = seen.length
    for (const change of [
      { secretFile: secretFile(folder, 'wrong', 'WRONG-SECRET') },
      { tokenUrl: `http://${ownAddress()}:9/token` },
      ...['/moved', '/large', '/line', '/other', '/text'].map((path) => ({ tokenUrl: mad.url + path })),
    ]) {
      const { send, lines, monitor, stop } = await startBefore(t, url, {
        system: { url, authentication: { ...authentication, ...change } },
        paths,
      })
      const label = JSON.stringify(change)
      t.match(
        await send('/one'),
        { status: 503, headers: { 'retry-after': '5' }, json: { type: 'source_unavailable' } },
        label,
      )
      t.match(await monitor('/health/ready'), { status: 503 }, label)
      await stop()
      t.notMatch(lines.join(''), /WRONG-SECRET|of the tests|SECRET-PAGE|xxxx/, label)
    }
    t.equal(seen.length, before, 'the system is not asked without a token')
  })
})

t.test('mutual TLS, a key in a header, Basic', async (t) => {
  const folder = emptyFolder(t)
  const address = ownAddress()
  const server = identity(folder, 'server', address)
  const own = identity(folder, 'own', address)
  const stranger = identity(folder, 'stranger', address)
  const https = { cert: server.certificate, key: server.key, ca: own.certificate, requestCert: true }
  const { url } = await startSystem(
    t,
    (app) => {
      app.get('/who', async ({ headers }, reply) =>
        headers['x-key'] === 'wrong'
          ? reply.code(401).send()
          : { by: headers.authorization ?? headers['x-key'] },
      )
    },
    { https, address },
  )
  const askWith = async (system: object) => {
    const paths = [{ path: '/who', methods: ['GET'] }]
    const { send, stop, lines } = await startBefore(t, url, { system: { url, ...system }, paths })
    const reply = await send('/who', { headers: { authorization: 'Basic own', 'x-key': 'own' } })
    await stop()
    t.notMatch(lines.join(''), /KEY-VALUE|pass:word/)
    return reply
  }
  const { certificateFile, keyFile } = own
  const tls = { authorityFile: server.certificateFile, certificateFile, keyFile }
  t.match(await askWith(tls), { status: 200, json: {} })
  t.equal((await askWith({ ...tls, authorityFile: stranger.certificateFile })).status, 503)
  t.equal((await askWith({ authorityFile: tls.authorityFile })).status, 503, 'without a certificate')
  const other = { certificateFile: stranger.certificateFile, keyFile: stranger.keyFile }
  t.equal((await askWith({ ...tls, ...other })).status, 503, "with a stranger's")
  t.equal(
    (await askWith({ ...tls, url: url.replace(address, 'localhost') })).status,
    503,
    'under another name',
  )
  const header = (secret: string) => ({
    authentication: { kind: 'header', header: 'X-Key', secretFile: secretFile(folder, 'key', secret) },
  })
  t.match(await askWith({ ...tls, ...header('KEY-VALUE') }), { json: { by: 'KEY-VALUE' } })
  t.match(await askWith({ ...tls, ...header('wrong') }), { status: 502, json: { type: 'source_failed' } })
  await t.rejects(askWith({ ...tls, ...header('a\nb: c') }), { code: 'invalid_configuration' })
  const basic = { kind: 'basic', user: 'us er', secretFile: secretFile(folder, 'password', 'pass:word') }
  const by = `Basic ${Buffer.from('us er:pass:word').toString('base64')}`
  t.match(await askWith({ ...tls, authentication: basic }), { json: { by } })
})
