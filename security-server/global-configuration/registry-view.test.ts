/**
 * A registry that shows two histories, and a frozen view of it: what servers detect alone and by comparing
 * heads.
 */

import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { parseAnchor } from '#core/configuration/anchor.ts'
import { writeLogHead } from '#core/configuration/configuration-fixture.ts'
import { verifyLogHead } from '#core/configuration/log-head.ts'
import { documentSigner } from '#core/configuration/signed-document.ts'
import { asSent } from '#test/as-sent.ts'
import { createConfigurationSigner } from '#test/fakes/configuration-signer.ts'
import { codeOf } from '#test/fakes/configuration-world.ts'
import { evenOut, headOf, openRegistry, parsed, readerOf, twoFaces } from '#test/fakes/registry-reader.ts'
import { anchorOf, publish } from '#test/fakes/registry-sample.ts'
import { until } from '#test/until.ts'
import { registryFinding } from './findings.ts'

const MINUTE = 60_000

void t.test('two servers that were shown two faces find out by talking, and keep the proof', async (t) => {
  const { world, one, two } = await twoFaces(t)
  const [ann, bob] = [await readerOf(t, world, one), await readerOf(t, world, one)]
  bob.node = two
  await evenOut(one, two)
  for (const reader of [ann, bob]) await reader.configuration.refresh()
  while (parsed(headOf(ann)).size !== parsed(headOf(bob)).size) {
    await evenOut(one, two)
    for (const reader of [ann, bob]) await reader.configuration.refresh()
  }
  t.not(parsed(headOf(ann)).root, parsed(headOf(bob)).root)
  t.same(registryFinding(ann.configuration.state()), { ok: true }, 'alone nobody can tell')

  const certificates = (await parseAnchor(await anchorOf(one))).sources[0]!.verificationCerts
  const stranger = createConfigurationSigner('stranger')
  for (const nothing of [
    undefined,
    '',
    'x',
    'a.b.c',
    `${headOf(bob)}x`,
    'y'.repeat(5000),
    strangeHead(stranger),
  ])
    ann.configuration.hear(nothing)
  t.equal(ann.configuration.state().registry.fork, undefined, 'what the registry did not sign accuses nobody')
  ann.configuration.hear(headOf(ann))
  ann.configuration.hear(headOf(bob))
  const { fork } = ann.configuration.state().registry
  t.equal(fork?.kind, 'contradiction')
  const [mine, other] = fork!.heads.map((text) => verifyLogHead(text, certificates))
  t.equal(mine!.size, other!.size)
  t.not(mine!.root, other!.root, 'the two signed heads are the proof')
  t.match(asSent(registryFinding(ann.configuration.state())), { ok: false, reason: /two histories/ })
  t.ok(ann.log.some((line) => line.includes('two histories')))
  await until('the proof in a file', (saw) => saw(readdirSync(ann.directory)).includes('fork.json'))
  await ann.restart()
  t.same(ann.configuration.state().registry.fork, fork, 'it is known after a restart')
  await publish(one)
  await ann.configuration.refresh()
  t.equal(ann.configuration.state().registry.fork?.kind, 'contradiction', 'and does not go away by itself')
  await ann.configuration.installAnchor(await anchorOf(one), { forgetHistory: true })
  t.equal(ann.configuration.state().registry.fork, undefined)
  t.notOk(readdirSync(ann.directory).includes('fork.json'))
})

function strangeHead(signer: ReturnType<typeof createConfigurationSigner>): string {
  const head = { instance: 'DEV', index: 1, size: 1, root: Buffer.alloc(32).toString('base64') }
  return writeLogHead(head, documentSigner(signer.certificate, signer.key))
}

void t.test('one server that is shown another face refuses it and keeps what it saw', async (t) => {
  const { world, one, two } = await twoFaces(t)
  const ann = await readerOf(t, world, one)
  await ann.configuration.refresh()
  const ghost = { instance: 'DEV', memberClass: 'GOV', memberCode: 'ghost' }
  const seen = parsed(headOf(ann)).size
  for (let ahead = 0; ahead < 3; ahead++) await publish(two)
  ann.node = two
  t.match(await codeOf(ann.configuration.refresh()), /^(registry_fork|invalid_proof)$/)
  t.equal(ann.configuration.current().index.memberName(ghost), undefined, 'nothing of it is used')
  t.match(ann.configuration.state().registry.fork, { heads: { length: 2 } })
  const kept = JSON.parse(readFileSync(path.join(ann.directory, 'fork.json'), 'utf8')) as { heads: string[] }
  t.ok(kept.heads.some((text) => parsed(text).size > seen))
  await ann.restart()
  t.match(await codeOf(ann.configuration.refresh()), /^(registry_fork|invalid_proof)$/, 'after a restart too')

  // Back on the one history: the head that was shown still does not belong to it.
  ann.node = one
  for (let more = 0; more < 6; more++) await publish(one)
  await ann.configuration.refresh()
  t.ok(parsed(headOf(ann)).size > seen)
  t.ok(ann.configuration.state().registry.fork, 'which does not make it undone')
  await ann.restart()
  await publish(one)
  await ann.configuration.refresh()
  t.ok(ann.configuration.state().registry.fork, 'nor does a restart')
})

void t.test('what others know: older heads fit, newer ones are fetched, a frozen view is told', async (t) => {
  const { world, node } = await openRegistry(t)
  const [ann, bob] = [await readerOf(t, world, node), await readerOf(t, world, node)]
  await bob.configuration.refresh()
  const old = headOf(bob)
  await publish(node)
  await publish(node)
  await ann.configuration.refresh()
  ann.configuration.hear(old)
  await publish(node)
  await ann.configuration.refresh()
  t.same(
    ann.configuration.state().registry,
    { fork: undefined, behind: undefined },
    'an older one is proved to fit',
  )

  await publish(node)
  await bob.configuration.refresh()
  const before = parsed(headOf(ann)).index
  ann.configuration.hear(headOf(bob))
  await until('a newer head', (saw) => saw(parsed(headOf(ann))).index > before)
  await ann.configuration.refresh()
  t.equal(ann.configuration.state().registry.behind, undefined, 'a newer one was fetched at once')

  const stale = new Map<string, { status: number; body: Buffer }>()
  for (const name of ['internalconf', 'internalconf-statement']) {
    const { status, bytes } = await node.get(`/${name}?version=6`)
    stale.set(`/${name}`, { status, body: bytes })
  }
  ann.intercept = (url) => stale.get(url.pathname)
  await ann.configuration.refresh()
  await publish(node)
  await bob.configuration.refresh()
  ann.configuration.hear(headOf(bob))
  t.match(ann.configuration.state().registry.behind, { index: parsed(headOf(bob)).index, isFrozen: false })
  t.same(registryFinding(ann.configuration.state()), { ok: true }, 'not yet')
  world.clock.now += 3 * MINUTE
  await codeOf(ann.configuration.refresh())
  t.match(asSent(registryFinding(ann.configuration.state())), { ok: true, reason: /frozen view/ })
  ann.intercept = undefined
  await publish(node)
  await ann.configuration.refresh()
  t.same(registryFinding(ann.configuration.state()), { ok: true })
  t.equal(ann.configuration.state().registry.fork, undefined)
})

void t.test('a registry that answers with proofs of something else', async (t) => {
  const { world, node } = await openRegistry(t)
  const ann = await readerOf(t, world, node)
  await ann.configuration.refresh()
  const proofs: [string, { status: number; body: Buffer } | 'real', string][] = [
    ['none', { status: 404, body: Buffer.alloc(0) }, 'invalid_proof'],
    ['not now', { status: 503, body: Buffer.alloc(0) }, 'network_error'],
    ['garbage', { status: 200, body: Buffer.from('{') }, 'malformed_global_conf'],
    [
      'of the first leaf',
      { status: 200, body: (await node.get('/internalconf-log-proof?size=1&from=0')).bytes },
      'invalid_proof',
    ],
    ['its own', 'real', 'accepted'],
  ]
  for (const [what, answer, code] of proofs) {
    await publish(node)
    ann.intercept = (url) => (url.pathname.endsWith('-log-proof') && answer !== 'real' ? answer : undefined)
    t.equal(await codeOf(ann.configuration.refresh()), code, what)
  }
  t.equal(ann.configuration.state().registry.fork, undefined, 'what could not be proved was proved later')

  for (const [query, status] of [
    ['?size=1&from=0', 200],
    ['?size=1&from=2', 404],
    ['?size=0&from=0', 404],
    ['?size=999999999999999&from=0', 404],
    ['?size=9999999999999999&from=0', 400],
    ['?size=1', 400],
    ['?size=-1&from=0', 400],
    ['?size=1e3&from=0', 400],
    ['?size=1&size=2&from=0', 400],
    ['', 400],
  ] as const)
    t.equal((await node.get(`/internalconf-log-proof${query}`)).status, status, query)
  const { body } = await node.get('/externalconf-log-entries?from=0')
  const { size, entries } = body as { size: number; entries: { position: number; form: string }[] }
  t.same(
    entries.map(({ position }) => position),
    Array.from({ length: size }, (_, position) => position),
  )
  const forms = entries.map(({ form }) => JSON.parse(form) as { kind: string; instance: string })
  t.same(forms.at(-1)?.kind, 'configuration', 'the newest leaf')
  t.ok(forms.some(({ kind }) => kind === 'audit-log'))
  t.ok(forms.every(({ instance }) => instance === 'DEV'))
})
