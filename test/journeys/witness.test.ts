/**
 * An instance whose logs are witnessed by the registry, by the servers for each other, and through partners'
 * replies. Outages delay nothing; a restored database is noticed by everybody who remembers its heads, and an
 * auditor proves it offline. An authority orders an audit, whose sample is drawn from a witnessed tree head.
 */
import { execFile } from 'node:child_process'
import { chmodSync, cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { parseCheckpoint } from '#core/merkle/checkpoint.ts'
import { addService, startProviderSystem } from '../fakes/provider-system.ts'
import { findProgram } from '../outside-tools.ts'
import { prepareInstance } from '../processes.ts'
import { until } from '../until.ts'
import { ask as askAt, colons, type Reply } from '../world.ts'

const instance = await prepareInstance()
t.teardown(() => instance.stop())
const CONCORDAT = path.join(import.meta.dirname, '../../scripts/concordat')
const { population, tax } = instance.servers
const { admin, registryAdmin } = instance
const policyFile = path.join(population.directory, 'witnesses.policy')
const system = await startProviderSystem(instance.address(40))
t.teardown(() => system.close())
const authority = { keys: path.join(instance.directory, 'authority'), name: 'Data Protection Authority' }
const concordat = (...args: string[]): Promise<{ stdout: string; code?: number }> =>
  promisify(execFile)(CONCORDAT, args).catch((thrown: { stdout: string; code: number }) => thrown)
const pinned = await concordat('audit-order', 'key', '--keys', authority.keys, '--authority', authority.name)
const authorities = [{ name: authority.name, certificateSha256: pinned.stdout.trim() }]
const REGISTRY = { CONCORDAT_REGISTRY_AUDIT_AUTHORITIES: JSON.stringify(authorities) }
const AUDITED = { CONCORDAT_AUDITING_AUTHORITIES: JSON.stringify(authorities) }
await Promise.all([instance.start('trust'), instance.start('registry', REGISTRY)])
await Promise.all((['population', 'tax', 'business'] as const).map((name) => instance.start(name, AUDITED)))
await instance.publish()
await addService(admin.population, {
  provider: population.client,
  serviceCode: 'echo',
  url: system.url,
  grants: [{ client: tax.client }],
})

let asked = 0
const ask = (): Promise<Reply> =>
  instance.ask('tax', `/r1/${population.client}/echo/persons`, {
    headers: { 'X-Road-Client': tax.client, 'X-Road-Id': `witness-${asked++}` },
  })

const LONG = { deadlineMs: 180_000, pauseMs: 250 }

type Quorum = { records: number; lateSince: string | null }
type Contradiction = { witness: string; kind: string; ownCheckpoint: string; knownCheckpoint: string }
type LogWitnesses = {
  quorum: Quorum
  witnesses: { label: string; size: number; lastError: string | null }[]
  contradictions: Contradiction[]
}
type Seen = {
  logs: { origin: string; size: number }[]
  partners: { server: string; size: number }[]
  partnerContradictions: { server: string; kind: string }[]
}
const witnesses = () => admin.population.get<LogWitnesses>('/message-log/witnesses')
const seenBy = (name: 'tax' | 'business') => admin[name].get<Seen>('/witness')
const knows = (size: number): Promise<boolean> =>
  until(
    `a head of at least ${size} that tax keeps`,
    async (saw) => {
      const { partners } = saw(await seenBy('tax'))
      return partners.some((one) => one.server === population.id && one.size >= size)
    },
    LONG,
  )
const checkpoint = () =>
  admin.population.send<{ treeHead: string; quorum: Quorum }>('POST', '/message-log/checkpoint')
/**
 * A checkpoint waits for slow witnesses only for some seconds; a job asks them again, maybe for a larger
 * tree: time-stamps, which come by themselves, are records too.
 */
const cosigned = (size: number, ...labels: string[]): Promise<LogWitnesses> =>
  until(
    `cosignatures for ${size} records by ${['a quorum', ...labels].join(' and ')}`,
    async (saw) => {
      const found = await witnesses()
      const { quorum, witnesses: each } = saw(found)
      const isBy = (label: string): boolean =>
        each.some((one) => one.label === label && one.size >= size && one.lastError === null)
      return quorum.records >= size && quorum.lateSince === null && labels.every(isBy) && found
    },
    LONG,
  )
const ALL = ['registry', 'tax', 'business']

t.test('every log is witnessed by the registry and the other servers', async (t) => {
  t.equal((await ask()).status, 200)
  const { treeHead } = await checkpoint()
  const { size } = parseCheckpoint(treeHead)
  const { witnesses: each } = await cosigned(size, ...ALL)
  t.same(
    each.map(({ label }) => label),
    ALL,
    'no others',
  )
  const registry = await registryAdmin.get<Seen>('/witness')
  t.ok(registry.logs.some((log) => log.origin === population.id && log.size >= size))
  t.ok((await seenBy('business')).logs.some((log) => log.origin === population.id && log.size >= size))
  const checkpoints = await admin.population.get<{ checkpoints: { size: number; quorum: boolean }[] }>(
    '/message-log/checkpoints?limit=5',
  )
  t.ok(checkpoints.checkpoints.some((one) => one.size >= size && one.quorum))
})

t.test('a partner keeps the newest head that a reply carried', async (t) => {
  const { treeHead } = await checkpoint()
  t.equal((await ask()).status, 200)
  const { size } = parseCheckpoint(treeHead)
  await knows(size)
  await checkpoint()
  t.equal((await ask()).status, 200)
  await knows(size + 1)
  t.same((await seenBy('tax')).partnerContradictions, [])
})

t.test('a witness that is killed holds up nothing, and goes on where it was', async (t) => {
  await instance.process('registry').kill()
  t.equal((await ask()).status, 200)
  const { treeHead } = await checkpoint()
  const { size } = parseCheckpoint(treeHead)
  t.ok(await cosigned(size), 'two of three are enough')
  const registry = async () => (await witnesses()).witnesses.find(({ label }) => label === 'registry')
  await until('an error of the registry', async (saw) => saw(await registry())?.lastError, LONG)
  await instance.start('registry', REGISTRY)
  await checkpoint()
  await cosigned(size, 'registry')
})

t.test('bundles bring the cosignatures, and both verifiers demand them', async (t) => {
  const [row] = await admin.population.get<{ index: number }[]>('/message-log/records?limit=1&kind=reply')
  const bundle = path.join(instance.directory, 'witnessed.zip')
  await admin.population.send('POST', '/message-log/time-stamp')
  await cosigned(parseCheckpoint((await checkpoint()).treeHead).size)
  const evidence = `/message-log/records/${row!.index}/evidence-bundle?case=1&reason=test`
  writeFileSync(bundle, await admin.population.bytes(evidence))
  const policies = { good: policyFile, strict: `${policyFile}.strict` }
  const own = (await admin.population.get<{ verifierKey: string }>('/witness')).verifierKey
  writeFileSync(policies.strict, `witness itself ${own}\nquorum itself\n`)
  const second = path.join(import.meta.dirname, '../second-verifier/verify_bundle.py')
  const python = findProgram(['python3'], ['/usr/bin', '/usr/local/bin'])
  for (const [policy, verdict] of [
    [policies.good, 'TOTAL-PASSED'],
    [policies.strict, 'INDETERMINATE'],
  ] as const) {
    const run = (file: string, args: string[]) =>
      promisify(execFile)(file, args).catch((thrown: { stdout: string }) => thrown)
    const { stdout } = await run(CONCORDAT, ['verify', '--json', '--witnesses', policy, bundle])
    t.match(JSON.parse(stdout), { verdict, ...(verdict === 'INDETERMINATE' && { subIndication: 'NO_POE' }) })
    if (python === undefined) continue
    const { stdout: said } = await run(python, [second, '--witnesses', policy, bundle])
    t.match(JSON.parse(said), { verdict, ...(verdict === 'INDETERMINATE' && { subIndication: 'NO_POE' }) })
  }
})

t.test(
  'an authority orders an audit: neither side chose the sample, and only the authority reads it',
  async (t) => {
    const file = (name: string): string => path.join(instance.directory, name)
    const at = (ms: number): string => new Date(Date.now() + ms).toISOString()
    // The scope ends here: what comes later may be in a tree head before it is stamped.
    await admin.population.send('POST', '/message-log/time-stamp')
    const { code } = await concordat(
      ...['audit-order', 'create', '--keys', authority.keys, '--authority', authority.name],
      ...['--instance', 'DEV', '--case', 'DP-17/2026', '--legal-basis', 'Data Protection Act, section 40'],
      ...['--server', population.id, '--party', tax.member, '--from', at(-3_600_000), '--to', at(0)],
      ...['--deadline', at(3_600_000), '--sample', '3', '--out', file('order.json')],
    )
    t.equal(code, undefined, 'the order is signed')
    const { id } = await registryAdmin.send<{ id: string }>(
      'POST',
      '/audit-orders',
      readFileSync(file('order.json')),
    )
    t.equal((await ask()).status, 200)
    await admin.population.send('POST', '/message-log/time-stamp')
    await checkpoint()
    type Ordered = { id: string; servers: { server: string; state: string }[] }
    const stateOf = async () =>
      (await registryAdmin.get<Ordered[]>('/audit-orders')).find((one) => one.id === id)?.servers[0]?.state
    await until('the answer', async (saw) => saw(await stateOf()) === 'ANSWERED', LONG)
    const answer = await registryAdmin.bytes(`/audit-orders/${id}/answers/${colons(population.id)}`)
    writeFileSync(file('answer.json'), answer)
    t.notMatch(answer.toString(), /witness-\d/, 'what is in it is sealed')
    const open = (...more: string[]) =>
      concordat(
        ...['audit-order', 'open', '--keys', authority.keys, '--order', file('order.json')],
        ...['--conf', path.join(population.directory, 'configuration/current/globalconf')],
        ...['--witnesses', policyFile, '--out', file('found'), ...more],
      )
    const opened = await open('--answer', file('answer.json'))
    t.equal(opened.code, undefined, opened.stdout)
    t.match(opened.stdout, /Signature: holds/)
    t.match(opened.stdout, /Sample: holds/)
    t.match(opened.stdout, /Seed: holds, .*registry/)
    t.match(opened.stdout, /Scope: holds, all [1-9]\d* records/)
    t.match(opened.stdout, /Is this all: holds, .*looked through [1-9]/)
    t.equal(opened.stdout.match(/Record \d+: holds, TOTAL-PASSED/g)?.length, 3, opened.stdout)
    const bundles = readdirSync(file('found')).filter((name) => name.endsWith('.zip'))
    t.equal(bundles.length, 3)
    const list = path.join(file('found'), 'records.jsonl')
    const kept = readFileSync(list)
    chmodSync(list, 0o644)
    t.equal(
      (await open('--answer', file('answer.json'))).code,
      1,
      'no file that others may read is written to',
    )
    t.same(readFileSync(list), kept)
    const verdict = await concordat('verify', '--json', path.join(file('found'), bundles[0]!))
    t.match(JSON.parse(verdict.stdout), { verdict: 'TOTAL-PASSED' }, 'each verifies by itself too')
    const forged = JSON.parse(answer.toString()) as { payload: string }
    const payload = JSON.parse(Buffer.from(forged.payload, 'base64url').toString()) as { matched: number }
    payload.matched++
    forged.payload = Buffer.from(JSON.stringify(payload)).toString('base64url')
    writeFileSync(file('forged.json'), JSON.stringify(forged))
    t.equal((await open('--answer', file('forged.json'))).code, 1, 'one number changed')
    t.match(await admin.population.get<object[]>('/audit-orders'), [
      { case: 'DP-17/2026', state: 'answered' },
    ])
  },
)

t.test('the log is verified on a thread of its own while exchanges go on', async (t) => {
  type Verification = { outcome: string; mode: string; records: number; report: { witnessed: number } }
  // The one of each day may be under way.
  await until('a verification that begins', async (saw) => {
    const begun = await admin.population.call('POST', '/message-log/verifications', { full: true })
    return saw(begun.status) < 300
  })
  t.equal((await ask()).status, 200)
  const newest = async () =>
    (await admin.population.get<Verification[]>('/message-log/verifications?limit=1'))[0]!
  await until('a verdict', async (saw) => saw(await newest()).outcome !== 'running', LONG)
  const verdict = await newest()
  t.match(verdict, { outcome: 'holds', mode: 'full' })
  t.ok(verdict.report.witnessed > 0, 'with the cosignatures of its policy')
})

t.test("yesterday's machine restored: witnesses and partners see it, and an auditor proves it", async (t) => {
  const kept = path.join(instance.directory, 'yesterday')
  const files = ['message-log.db', 'log-keys']
  const copy = (from: string, to: string): void => {
    for (const name of files) cpSync(path.join(from, name), path.join(to, name), { recursive: true })
  }
  await instance.process('population').stop()
  copy(population.directory, kept)
  await instance.start('population', AUDITED)
  for (let i = 0; i < 6; i++) t.equal((await ask()).status, 200)
  const { treeHead } = await checkpoint()
  t.equal((await ask()).status, 200)
  const { size } = parseCheckpoint(treeHead)
  await knows(size)
  await cosigned(size, ...ALL)
  await instance.process('population').stop()
  for (const name of [...files, 'message-log.db-wal', 'message-log.db-shm'])
    rmSync(path.join(population.directory, name), { recursive: true, force: true })
  copy(kept, population.directory)
  await instance.start('population', AUDITED)
  t.equal((await ask()).status, 200, 'exchange goes on')
  t.ok(parseCheckpoint((await checkpoint()).treeHead).size < size)
  const { contradictions } = await until(
    'a word of every witness',
    async (saw) => {
      const found = await witnesses()
      return saw(found.contradictions).length >= ALL.length && found
    },
    LONG,
  )
  t.same(
    contradictions.map(({ kind }) => kind),
    ['rollback', 'rollback', 'rollback'],
    'every witness says so',
  )
  // A report of a second ago may be told once more.
  await until('health says so', async (saw) => {
    const health = (await askAt(population.adminUrl, '/health/ready')).json() as {
      checks: { name: string; ok: boolean; reason?: string }[]
    }
    const found = saw(health.checks.find(({ name }) => name === 'witnesses'))
    return found?.ok === true && /another history/.test(found.reason ?? '')
  })
  // Counted when all have been asked again.
  await until('metrics that count them', async (saw) => {
    const metrics = (await askAt(population.adminUrl, '/metrics')).body.toString()
    return saw(/^concordat_witness_contradictions\{log="own"\} .*$/m.exec(metrics)?.[0])?.endsWith(' 3')
  })
  t.equal((await ask()).status, 200)
  await until(
    'a contradiction',
    async (saw) => saw(await seenBy('tax')).partnerContradictions.length > 0,
    LONG,
  )
  t.match((await seenBy('tax')).partnerContradictions, [{ server: population.id, kind: 'rollback' }])

  const proof = path.join(instance.directory, 'known-to-the-registry.txt')
  writeFileSync(proof, contradictions[0]!.knownCheckpoint)
  const known = parseCheckpoint(contradictions[0]!.knownCheckpoint)
  t.ok(known.size >= size)
  const verify = (...more: string[]) =>
    promisify(execFile)(CONCORDAT, ['log', 'verify', '--json', ...more, population.settingsFile]).catch(
      (thrown: { stdout: string }) => thrown,
    )
  t.match(JSON.parse((await verify()).stdout), { ok: true }, 'the log alone shows nothing')
  t.match(JSON.parse((await verify('--checkpoint', proof)).stdout), {
    ok: false,
    problems: [{ what: `a checkpoint speaks of ${known.size} records` }],
  })
})
