/** External anchors at the registry: examined, trusted, followed, replaced, removed, or refused. */
import t, { type Test } from 'tap'
import { createAuthority } from '#certs/authority.ts'
import { anchorHash, parseAnchor, writeAnchor } from '#core/configuration/anchor.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { createConfigurationSigner } from '#test/fakes/configuration-signer.ts'
import { type ConfigurationSource, startConfigurationSource } from '#test/fakes/configuration-source.ts'
import { eachRegistryDatabase } from '#test/fakes/registry-databases.ts'
import { anchorOf, publish, setUp } from '#test/fakes/registry-sample.ts'
import { type Node, registryWorld } from '#test/fakes/registry-world.ts'
import { until } from '#test/until.ts'
import { createChange } from '../../changes/store.ts'
import { createImportClient } from '../../configuration/other-instances/client.ts'
import { openRegistryDatabase } from '../../registry.ts'
import { createFollow } from './follow.ts'
import { readParameters } from './read-federated.ts'
import { federationHandlers } from './routes.ts'
import { MOST_TRUSTED } from './rules.ts'
import { createFederationStore } from './store.ts'
import { createFederatedViews } from './views.ts'

const authority = await createAuthority({ clock: Date.now, instance: 'DEV' })
const MINUTE = 60_000
const finnish = { instance: 'FI', memberClass: 'GOV', memberCode: '1234' }

type Shown = {
  sha256: string
  hash: string
  instance: string
  state: string
  examination: Record<string, unknown>
  sources: { downloadUrl: string; certificates: object[] }[]
  replaces: { sha256: string } | null
  reading: { isValid: boolean; index: number | null; failure: string | null } | null
  history: { state: string }[]
}

async function partner(t: Test, instance = 'FI'): Promise<ConfigurationSource> {
  const source = await startConfigurationSource(instance)
  t.teardown(() => source.close())
  return source
}

const examine = (node: Node, anchor: Buffer) => node.call('POST', '/external-anchors', anchor)
const get = async (node: Node, sha256: string): Promise<Shown> =>
  (await node.must('GET', `/external-anchors/${sha256}`)) as Shown
async function trust(node: Node, anchor: Buffer): Promise<Shown> {
  const { status, body, bytes } = await examine(node, anchor)
  if (status !== 201) throw new Error(bytes.toString())
  await node.must('POST', `/external-anchors/${(body as Shown).sha256}/trust`)
  return get(node, (body as Shown).sha256)
}

void t.test('from the file to the exchange of servers, on both stores', async (t) => {
  await eachRegistryDatabase(t, async (_, t, url) => {
    const world = registryWorld(t, url)
    const node = await world.start()
    await setUp(node, authority)
    await publish(node)
    const other = await partner(t)
    const publishOther = (more: object = {}): void =>
      other.publish({
        ...{ at: new Date(world.clock.now), expireDate: new Date(world.clock.now + 10 * MINUTE) },
        ...more,
      })
    publishOther({ index: 7, name: 'Finland' })

    const anchor = other.anchor()
    const examined = await examine(node, anchor)
    t.equal(examined.status, 201)
    const shown = examined.body as Shown
    t.match(shown, {
      ...{ hash: anchorHash(anchor), instance: 'FI', state: 'EXAMINED', replaces: null },
      examination: {
        url: `${other.url}/internalconf`,
        version: 6,
        index: 7,
        members: 2,
        takesContracts: false,
      },
      sources: [{ downloadUrl: `${other.url}/internalconf`, certificates: [{ subject: String }] }],
    })
    const file = await node.call('GET', `/external-anchors/${shown.sha256}/file`)
    t.same(file.bytes, anchor, 'the file as it was given')
    t.equal(file.headers['x-anchor-hash'], anchorHash(anchor))

    const reader = await world.reader(await anchorOf(node), 'all')
    await reader.refresh()
    t.equal(reader.current().indexFor('FI'), undefined, 'examined is not trusted')

    await node.must('POST', `/external-anchors/${shown.sha256}/trust`)
    t.match(await node.must('GET', '/external-anchors?state=TRUSTED'), [
      { instance: 'FI', reading: { isValid: true, index: 7, failure: null } },
    ])
    await publish(node)
    await reader.refresh()
    t.equal(reader.current().indexFor('FI')?.memberName(finnish), 'Finland', 'our servers read it')
    t.same((await examine(node, anchor)).status, 409, 'trusted already')

    const { bytes } = await node.get('/internalconf-log-entries?from=0')
    const leaves = (JSON.parse(bytes.toString()) as { entries: { form: string }[] }).entries
    const leaf = leaves.find(({ form }) => form.includes('"kind":"federation"'))
    t.match(JSON.parse(leaf!.form), {
      ...{ kind: 'federation', instance: 'DEV', federated: 'FI', act: 'trust', anchor: shown.sha256 },
    })

    // A newer key that the instance itself announced may sign alone later; a stranger's key never.
    const next = createConfigurationSigner('Next key')
    world.clock.now += MINUTE
    // One that had begun by itself, before something was published, may have answered.
    const untilRead = (what: string, index: number, failure: RegExp | null): Promise<Shown['reading']> =>
      until(what, async (saw) => {
        const { reading } = (await node.must('POST', `/external-anchors/${shown.sha256}/read`)) as Shown
        saw(reading)
        const fits = failure === null ? reading?.failure === null : failure.test(reading?.failure ?? '')
        return reading?.index === index && fits && reading
      })
    publishOther({ index: 8, named: [other.signer, next] })
    await untilRead('what it published', 8, null)
    publishOther({ index: 9, signer: next })
    await untilRead('a key that it announced', 9, null)
    publishOther({ index: 10, signer: createConfigurationSigner('Stranger') })
    t.match(
      await untilRead('a key that nobody announced', 9, /./),
      { isValid: true },
      'the last good copy serves',
    )
    publishOther({ index: 3, signer: next })
    await untilRead('an older one', 9, /index 3 after 9/)
    world.clock.now += 11 * MINUTE
    t.match((await get(node, shown.sha256)).reading, { isValid: false }, 'until it expires')

    // The newest anchor of an instance replaces the older one.
    publishOther({ index: 11, signer: next })
    const newer = anchorWith(other, 'FI', [next.certificate])
    const second = await examine(node, newer)
    t.match(second.body, { state: 'EXAMINED', replaces: { sha256: shown.sha256 } })
    t.match(await trust(node, newer), { state: 'TRUSTED', reading: { isValid: true, index: 11 } })
    t.match(await get(node, shown.sha256), { state: 'REPLACED', reading: null })

    const { sha256 } = second.body as Shown
    const consequences = `/consequences?operation=removeExternalAnchor&id=${sha256}`
    t.match(await node.must('GET', consequences), { possible: true, contracts: { total: 0 } })
    t.equal((await node.call('DELETE', `/external-anchors/${shown.sha256}`)).status, 409, 'a replaced one')
    await node.must('DELETE', `/external-anchors/${sha256}`)
    t.match(await get(node, sha256), { state: 'REMOVED', reading: null, history: [{}, {}] })
    await publish(node)
    await until('a reading between two publications', async () => !(await reader.refresh().catch(String)))
    t.equal(reader.current().indexFor('FI'), undefined, 'our servers forget it')
  })
})

void t.test('what is no anchor to trust', async (t) => {
  const world = registryWorld(t)
  const node = await world.start()
  await setUp(node, authority)
  await publish(node)
  const now = (): { at: Date; expireDate: Date } => ({
    at: new Date(world.clock.now),
    expireDate: new Date(world.clock.now + 10 * MINUTE),
  })
  const other = await partner(t)
  other.publish(now())
  const refusal = async (anchor: Buffer): Promise<{ type: string; message: string }> => {
    const { status, body } = await examine(node, anchor)
    t.equal(status, 400)
    return body as { type: string; message: string }
  }

  t.match(await refusal(Buffer.from('<anchor/>')), { type: 'malformed_anchor' })
  t.match(await refusal(Buffer.from('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')), {
    type: 'malformed_anchor',
  })
  t.match(await refusal(Buffer.alloc(100_000, '<a>')), { type: 'malformed_anchor' })
  t.equal((await examine(node, Buffer.alloc(2_000_000, 'a'))).status, 413)
  t.match(await refusal(await anchorOf(node)), {
    type: 'anchor_not_verified',
    message: /our own instance DEV/,
  })
  const stranger = createConfigurationSigner('Stranger')
  t.match(await refusal(anchorWith(other, 'FI', [stranger.certificate])), {
    type: 'anchor_not_verified',
    message: /signature/,
  })
  t.match(await refusal(anchorWith(other, 'SE', [other.signer.certificate])), {
    type: 'anchor_not_verified',
    message: /SHARED-PARAMETERS of the anchor's instance/,
  })
  const [own] = (await parseAnchor(await anchorOf(node))).sources
  t.match(await refusal(anchorWith(other, 'FI', own!.verificationCerts)), {
    message: /signs for the instance DEV/,
  })
  t.match(await refusal(writeAnchorAt('FI', 'http://127.255.255.1:9/x', other.signer.certificate)), {
    message: /did not answer/,
  })
  other.publish({ ...now(), expireDate: new Date(world.clock.now - 1) })
  t.match(await refusal(other.anchor()), { message: /expired/ })
  other.publish({ ...now(), instance: 'XX' })
  t.match(await refusal(other.anchor()), { type: 'anchor_not_verified' })
  other.publish(now())
  other.intercept = (at, _request, response) => {
    if (!at.includes('shared-params')) return false
    response.writeHead(200).end('<conf/>')
    return true
  }
  t.match(await refusal(other.anchor()), { message: /not what the signed directory names/ })
  other.intercept = (at, _request, response) => {
    if (!at.includes('-statement')) return false
    response.writeHead(200).end('no statement')
    return true
  }
  t.match(await refusal(other.anchor()), { message: /statement/ })
  other.intercept = undefined
  t.same(await node.must('GET', '/external-anchors'), [], 'nothing of this was kept')

  await trust(node, other.anchor())
  const thief = await startConfigurationSource('SE', other.signer)
  t.teardown(() => thief.close())
  thief.publish(now())
  t.match(await refusal(thief.anchor()), { message: /signs for the instance FI/ }, 'one key, one instance')

  // An anchor that was valid when it was examined is not trusted if it is no longer valid.
  const se = await partner(t, 'SE')
  se.publish(now())
  const { sha256 } = (await examine(node, se.anchor())).body as Shown
  se.intercept = (_at, _request, response) => {
    response.writeHead(500).end()
    return true
  }
  const late = await node.call('POST', `/external-anchors/${sha256}/trust`)
  t.match(late.body, { type: 'anchor_not_verified' })
  t.match(await get(node, sha256), { state: 'EXAMINED' })
  t.equal((await node.call('GET', `/external-anchors/${'0'.repeat(64)}`)).status, 404)
  t.match(await node.must('GET', '/external-anchors?q=se&sort=-examinedAt'), [{ instance: 'SE' }])
})

function anchorWith({ url }: ConfigurationSource, instance: string, verificationCerts: Buffer[]): Buffer {
  const sources = [{ downloadUrl: `${url}/internalconf`, verificationCerts }]
  return writeAnchor({ generatedAt: new Date('2026-02-01T00:00:00Z'), instance, sources })
}

function writeAnchorAt(instance: string, downloadUrl: string, certificate: Buffer): Buffer {
  const sources = [{ downloadUrl, verificationCerts: [certificate] }]
  return writeAnchor({ generatedAt: new Date('2026-02-01T00:00:00Z'), instance, sources })
}

void t.test('as many instances as may be are federated; each may still change its anchor', async (t) => {
  const database = await openRegistryDatabase('sqlite::memory:')
  t.teardown(() => database.close())
  const record = createChange(database, async () => undefined)
  const store = createFederationStore(database, record, record)
  const at = new Date().toISOString()
  const decision = { by: 'x', at }
  const examine = async (sha256: string, source: ConfigurationSource, instance: string): Promise<void> => {
    const { downloadUrl, verificationCerts } = (await parseAnchor(source.anchor())).sources[0]!
    const certificates = verificationCerts.map((der) => der.toString('base64'))
    await store.keepExamined({
      ...{ sha256, anchor: source.anchor(), instance, hash: sha256, state: 'EXAMINED', generated_at: at },
      ...{ decided_at: null, decided_by: null, examination: '{}', examined_at: at, examined_by: 'x' },
      sources: JSON.stringify([{ downloadUrl, verificationCerts: certificates }]),
    })
  }
  for (let n = 0; n < MOST_TRUSTED; n++) {
    const instance = `I${n}`
    await examine(instance, await partner(t, instance), instance)
    await store.trust(instance, '{}', 'DEV', decision)
  }
  await examine('new', await partner(t, 'NEW'), 'NEW')
  await t.rejects(store.trust('new', '{}', 'DEV', decision), { code: 'conflict' })
  await examine('newer', await partner(t, 'I0'), 'I0')
  await store.trust('newer', '{}', 'DEV', decision)
  await t.rejects(store.trust('new', '{}', 'DEV', decision), { code: 'conflict' }, 'no place became free')
})

void t.test('an instance that never answers holds up no other', async (t) => {
  const database = await openRegistryDatabase('sqlite::memory:')
  t.teardown(() => database.close())
  const record = createChange(database, async () => undefined)
  const store = createFederationStore(database, record, record)
  const at = new Date().toISOString()
  const [silent, other] = [await partner(t, 'FI'), await partner(t, 'SE')]
  const publishAs = (source: ConfigurationSource, index: number): void =>
    source.publish({ at: new Date(), expireDate: new Date(Date.now() + 10 * MINUTE), index })
  for (const [instance, source] of [
    ['FI', silent],
    ['SE', other],
  ] as const) {
    publishAs(source, 1)
    const { downloadUrl, verificationCerts } = (await parseAnchor(source.anchor())).sources[0]!
    const sources = [
      { downloadUrl, verificationCerts: verificationCerts.map((der) => der.toString('base64')) },
    ]
    const decided = { decided_at: null, decided_by: null, examination: '{}' }
    await store.keepExamined({
      ...{
        sha256: instance,
        anchor: source.anchor(),
        instance,
        hash: instance,
        state: 'EXAMINED',
        ...decided,
      },
      ...{ generated_at: at, sources: JSON.stringify(sources), examined_at: at, examined_by: 'x' },
    })
    await store.trust(instance, '{}', 'DEV', { by: 'x', at })
  }
  const { promise: gate, resolve: answer } = Promise.withResolvers<void>()
  let asked = 0
  const real = createImportClient()
  const get: typeof real.get = async (url, ...q) => {
    if (!url.startsWith(`${silent.url}/`)) return real.get(url, ...q)
    asked += 1
    // A silent server would be asked again after ten seconds, which a busy machine needs for the other one.
    await gate
    return real.get(url, ...q)
  }
  const log = createLog({ name: 'test', level: 'silent' })
  const kept: object[] = []
  const keeping: typeof store = {
    ...store,
    keepRead: (...q) => {
      if (q[0] === 'SE') kept.push(q[2])
      return store.keepRead(...q)
    },
  }
  const follow = createFollow({ store: keeping, client: { get }, brieflyMs: 20, clock: Date.now, log })
  const indexOf = async (instance: string) =>
    Number((await store.configuration(instance))?.configuration_index)
  for (const index of [2, 3, 4]) {
    publishAs(other, index)
    await until(`publication ${index}`, async (saw) => {
      await follow.briefly()
      return saw(await indexOf('SE')) === index
    })
  }
  t.equal(asked, 1, 'it is asked once at a time')
  answer()
  await follow.all()
  t.equal(await indexOf('FI'), 1, 'who waits for all has all')
  t.equal(kept.filter((one) => 'shared' in one).length, 1, 'what has not changed is not written again')
  t.ok((await store.configuration('SE'))?.shared)

  // An instance whose parameters take long to read is waited for briefly; its earlier ones count meanwhile.
  const slow = new Map([['FI', Promise.withResolvers<void>()]])
  const views = createFederatedViews({
    ...{ store, clock: Date.now, log, waitedMs: 20 },
    read: async (shared, instance) => {
      await slow.get(instance)?.promise
      return readParameters(shared, instance)
    },
  })
  const loaded = (label: string, holds: () => boolean) =>
    until(label, async () => {
      await views.load()
      return holds()
    })
  await loaded('a view of SE', () => views.of('SE') !== undefined)
  t.equal(views.of('FI'), undefined)
  slow.set('SE', Promise.withResolvers())
  other.publish({ at: new Date(), expireDate: new Date(Date.now() + 20 * MINUTE), index: 5, name: 'Sweden' })
  await follow.all()
  await views.load()
  const swedish = { ...finnish, instance: 'SE' }
  const before = views.of('SE')?.index.memberName(swedish)
  t.ok(before)
  t.not(before, 'Sweden')
  for (const { resolve } of slow.values()) resolve()
  await loaded('the new view of SE', () => views.of('SE')?.index.memberName(swedish) === 'Sweden')
  await loaded('a view of FI', () => views.of('FI') !== undefined)
})

void t.test('an anchor whose sources never end is given up as a whole, and holds up few', async (t) => {
  const source = await partner(t, 'SE')
  const whole = await parseAnchor(source.anchor())
  const sources = Array.from({ length: 64 }, (_, n) => ({
    downloadUrl: `http://127.0.0.1:9/${n}`,
    verificationCerts: whole.sources[0]!.verificationCerts,
  }))
  const hostile = Buffer.from(writeAnchor({ ...whole, sources }))
  const asked: string[] = []
  const [nobody, nothing] = [async () => [], async () => undefined]
  const handlers = federationHandlers({
    store: { trusted: nobody, ownCertificates: nobody, configurations: nobody } as never,
    members: { parameters: async () => ({ instance: 'DEV' }) } as never,
    // Not even the signal ends this request.
    client: { get: (url) => new Promise(() => asked.push(url)) },
    follow: nothing,
    clock: Date.now,
    examinationMs: 200,
  })
  const examined = () =>
    handlers['examineExternalAnchor']!({
      body: hostile,
      caller: { name: 'x', kind: 'key', id: '1' },
    } as never)
  const ended = await Promise.allSettled([examined(), examined()])
  t.match(ended, [{ reason: { code: 'anchor_not_verified' } }, { reason: { code: 'anchor_not_verified' } }])
  await t.rejects(examined(), { code: 'conflict' }, 'what goes on keeps its place')
  t.equal(asked.length, 2)
})
