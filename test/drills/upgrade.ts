/**
 * An instance of an older version with data is started by this one, goes back to the older version, and comes
 * to this one again: registry and security servers on their embedded stores. Each time all start, exchange,
 * and have what was there before. Where the older version refuses the database in words, it stays with this
 * one, which starts again.
 *
 *   node test/drills/upgrade.ts --older <its checkout, built> [--older <another one>]
 *
 * A checkout: git archive <commit> | tar -x -C <folder>; node_modules, linked where package-lock.json is the
 * same; scripts/concordat build.
 */
import { hash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import t from 'tap'
import { readContainer } from '#core/container/read-container.ts'
import { addService, type ProviderSystem, startProviderSystem } from '../fakes/provider-system.ts'
import { readLog, verifyLogOf } from '../message-logs.ts'
import { type Instance, prepareInstance } from '../processes.ts'
import { until } from '../until.ts'

const ROOT = path.join(import.meta.dirname, '../..')
const PROCESSES = ['registry', 'population', 'tax'] as const
/** A body in the record, one in a file that several share, one in a file of its own. */
const SIZES = [1000, 200_000, 2_000_000]

/**
 * What a version says of a database that a newer one changed so that it cannot go on: with what it does not
 * know.
 */
const REFUSAL = /a newer version has changed it|previously executed migration \S+ is missing/

type Sent = { id: string; body: Buffer }

const { values } = parseArgs({ options: { older: { type: 'string', multiple: true } } })
if (values.older === undefined) throw new Error('--older names the checkout of an older version')
// `until` comes from the tests, whose harness gives a file half a minute.
t.setTimeout(0)
const wrong: string[] = []
process.exitCode = 1
for (const folder of values.older) {
  const older = path.resolve(folder)
  const lock = (of: string): string => readFileSync(path.join(of, 'package-lock.json'), 'utf8')
  say(`${older}: the packages are ${lock(older) === lock(ROOT) ? 'the same' : 'others'}`)
  await comeAndGo(older)
}
say(wrong.length === 0 ? 'All of it held.' : `It did not hold: ${wrong.join('; ')}`)
process.exitCode = wrong.length === 0 ? 0 : 1

async function comeAndGo(older: string): Promise<void> {
  process.env['TEST_CONCORDAT'] = path.join(older, 'scripts/concordat')
  const instance = await prepareInstance()
  const { population, tax } = instance.servers
  const system = await startProviderSystem(instance.address(40))
  try {
    await instance.start('trust')
    await startAll(instance)
    await addService(instance.admin.population, {
      ...{ provider: population.client, serviceCode: 'echo', url: system.url },
      grants: [{ client: tax.client }],
    })
    const sent: Sent[] = []
    await use(instance, system, { name: 'older', sizes: SIZES, sent })
    delete process.env['TEST_CONCORDAT']
    await replaceAll(instance)
    // What versions before do not open has no way back (CHANGELOG.md): small bodies alone.
    await use(instance, system, { name: 'this', sizes: [1000], sent })
    process.env['TEST_CONCORDAT'] = path.join(older, 'scripts/concordat')
    if (await goesBack(instance)) await use(instance, system, { name: 'older again', sizes: SIZES, sent })
    delete process.env['TEST_CONCORDAT']
    await replaceAll(instance)
    await use(instance, system, { name: 'this again', sizes: SIZES, sent })
  } catch (thrown) {
    wrong.push(String(thrown).slice(0, 2000))
    say(`WRONG: ${String(thrown).slice(0, 2000)}`)
  } finally {
    delete process.env['TEST_CONCORDAT']
    await system.close()
    await instance.stop()
  }
}

async function startAll(instance: Instance): Promise<void> {
  for (const name of PROCESSES) await instance.start(name)
  await instance.publish()
}

async function replaceAll(instance: Instance): Promise<void> {
  for (const name of PROCESSES) await instance.process(name).stop()
  await startAll(instance)
}

/**
 * False where the older version says that it cannot go on with what this one left; a way back is then a
 * backup (docs/operating.md).
 */
async function goesBack(instance: Instance): Promise<boolean> {
  try {
    await replaceAll(instance)
    return true
  } catch (thrown) {
    const refused = /"code":"database_error"/.test(String(thrown)) && REFUSAL.exec(String(thrown))
    if (!refused) throw thrown
    say(`     the older version refuses the database: ${refused[0]}`)
    return false
  }
}

/** A change at the registry, exchanges, and all that was sent before. */
async function use(
  instance: Instance,
  system: ProviderSystem,
  { name, sizes, sent }: { name: string; sizes: number[]; sent: Sent[] },
): Promise<void> {
  const { population, tax } = instance.servers
  const memberCode = `of-${name.replaceAll(' ', '-')}`
  await instance.registryAdmin.send('POST', '/members', { memberClass: 'GOV', memberCode, name })
  await instance.publish()
  const before = system.calls.length
  for (const size of sizes) {
    const one = { id: `${memberCode}-${size}`, body: randomBytes(size) }
    const headers = { 'X-Road-Client': tax.client, 'X-Road-Id': one.id }
    const target = `/r1/${population.client}/echo/persons`
    const { status, body } = await instance.ask('tax', target, { method: 'POST', headers, body: one.body })
    expect(status === 200, `${name}: ${size} octets, ${status} ${status === 200 ? '' : body}`)
    sent.push(one)
  }
  expect(system.calls.length - before === sizes.length, `${name}: each was carried out once`)
  for (const { id, body } of sent)
    expect(await isKept(instance, id, body), `${name}: ${id} is there whole, with its proof`)
  // What this version reads of a log, it reads after its migrations.
  if (name === 'older') return
  for (const server of [tax, population]) {
    const replies = (await readLog(server)).filter(({ kind }) => kind === 'reply').map(({ id }) => id)
    expect(
      sent.every(({ id }) => replies.includes(id)),
      `${name}: ${server.id} has all replies`,
    )
    const problems = await verifyLogOf(server)
    expect(problems.length === 0, `${name}: the log of ${server.id} verifies ${JSON.stringify(problems)}`)
  }
}

/** The container of the request, as an auditor fetches it from the consumer's server. */
async function isKept({ admin }: Instance, id: string, body: Buffer): Promise<boolean> {
  const found = await until(`the record of ${id}, in the index`, async () => {
    const rows = await admin.tax.get<{ index: number; kind: string }[]>(`/message-log/records?queryId=${id}`)
    return rows.find(({ kind }) => kind === 'request')
  })
  const at = `/message-log/records/${found.index}/container?case=1&reason=drill`
  const { attachments } = await readContainer(await admin.tax.bytes(at))
  const digests = attachments.map(({ digest }) => digest('SHA-512').toString('hex'))
  return digests.includes(hash('sha512', body, 'hex'))
}

function expect(holds: boolean, what: string): void {
  say(`${holds ? 'ok   ' : 'WRONG'} ${what}`)
  if (!holds) wrong.push(what)
}

function say(line: string): void {
  process.stdout.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`)
}
