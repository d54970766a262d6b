/** What an operator does with a proxy on its machine: keys, anchors, and a look at how it is. */
import { createHash } from 'node:crypto'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { anchorHash, parseAnchor, writeAnchor } from '#core/configuration/anchor.ts'
import type { Clock } from '#platform/clock.ts'
import { certificatesOf } from '#platform/configuration-documents/candidates.ts'
import { printable } from '#platform/plain-text.ts'
import { Fault } from '#schemas/fault.ts'
import type { ConfigurationAnchor } from '#schemas/global-configuration.ts'
import type { KeyAlgorithm } from '../configuration/signing-keys/private-keys.ts'
import { fetchStatus } from './fetch-status.ts'
import { forget, readKept } from './kept-upstream.ts'
import { folderOf, keysOf, openKeys } from './proxy.ts'
import type { ProxyKeys } from './proxy-keys.ts'
import { addressOf, type InstanceSettings, type ProxySettings } from './settings.ts'

export type Act = {
  settings: ProxySettings
  pin: string
  clock: Clock
  /** What stands behind the act's name, such as a key. */
  word: string | undefined
  /** Who carries it out; undefined where the system has no such numbers. */
  user: number | undefined
  options: { name?: string; algorithm?: string; output?: string; beside?: string[] }
  print(text: string): void
}

const ALGORITHMS: KeyAlgorithm[] = ['P-256', 'RSA-2048', 'RSA-3072']

export const ACTS: Record<string, (q: Act) => Promise<void>> = {
  status: async ({ settings, print }) =>
    print(`${JSON.stringify(await fetchStatus(settings.monitoring), undefined, 2)}\n`),
  keys: async (q) => {
    for (const key of await (await openAll(q)).keys.list()) q.print(`${lineOf(key)}\n`)
  },
  'add-key': async (q) => {
    const algorithm = ALGORITHMS.find((one) => one === (q.options.algorithm ?? 'P-256'))
    if (algorithm === undefined)
      throw new Fault('invalid_input', { what: `--algorithm is one of ${ALGORITHMS.join(', ')}` })
    const { keys } = await openAll(q)
    const made = await keys.add(algorithm)
    const next = made.isActive ? 'it signs from now on' : 'give the servers the new anchor, then use-key'
    q.print(`${lineOf(made)}\n${next}\n`)
  },
  'use-key': async (q) => {
    const { keys, id } = await keyNamed(q)
    await keys.use(id)
    q.print(
      `${id} signs from the next round on; servers without an anchor that names it refuse what it signs\n`,
    )
  },
  'remove-key': async (q) => {
    const { keys, id } = await keyNamed(q)
    await keys.remove(id)
    q.print(`${id} is destroyed; write a new anchor, which names it no more\n`)
  },
  'forget-history': async (q) => {
    const one = instanceOf(q)
    await checkUser(q)
    const isRunning = await fetchStatus(q.settings.monitoring).then(
      () => true,
      () => false,
    )
    if (isRunning)
      throw new Fault('conflict', {
        what: 'the proxy runs, and would write its history again: stop it first',
      })
    await forget(folderOf(q.settings, one.name))
    q.print(`${one.name} accepts any configuration that its anchor's keys sign, as at its first start\n`)
  },
  anchor: async (q) => {
    const xml = await writeProxyAnchor(q)
    const { output } = q.options
    if (output === undefined) return q.print(xml.toString())
    await writeFile(output, xml, { flag: 'wx' })
    q.print(`${printable(output)}\nhash ${anchorHash(xml)}\n`)
  },
}

/**
 * The anchor that the servers of the zone install. Besides the proxy's own certificates it names the
 * registry's, which sign what the proxy passes on unchanged.
 */
async function writeProxyAnchor(q: Act): Promise<Buffer> {
  const { keys, one } = await openAll(q)
  const own = (await keys.list()).map(({ certificate }) => certificate)
  if (own.length === 0)
    throw new Fault('cannot_sign', { what: `${one.name} has no signing key yet: add-key makes one` })
  const xml = await readFile(one.anchorFile)
  const source = await parseAnchor(xml)
  const certificates = certificatesOf(source)
  const { learned } = await readKept(folderOf(q.settings, one.name), {
    ...{ anchor: source, anchorHash: anchorHash(xml), warn: () => undefined },
  })
  const downloadUrl = addressOf(q.settings, one.name)
  const anchor: ConfigurationAnchor = {
    generatedAt: new Date(q.clock()),
    instance: source.instance,
    sources: [{ downloadUrl, verificationCerts: distinct([...own, ...certificates, ...learned]) }],
  }
  for (const file of q.options.beside ?? []) {
    const other = await parseAnchor(await readFile(file))
    if (other.instance !== anchor.instance)
      throw new Fault('invalid_input', {
        what: `${file} is an anchor of ${other.instance}, not of ${anchor.instance}`,
      })
    anchor.sources.push(...other.sources)
  }
  return writeAnchor(anchor)
}

async function openAll(q: Act): Promise<{ keys: ProxyKeys; one: InstanceSettings }> {
  const one = instanceOf(q)
  await checkUser(q)
  return { one, keys: keysOf(q, one.name, await openKeys(q)) }
}

/** What another user writes is of mode 0600 as well, so the process could read its keys no more. */
async function checkUser({ settings: { directory, pinFile }, user }: Act): Promise<void> {
  const { uid } = await stat(directory).catch(() => stat(pinFile))
  if (user !== undefined && user !== uid)
    throw new Fault('invalid_input', {
      what: `${directory} is of user ${uid}, and this is user ${user}: sudo -u '#${uid}' does it in the right name`,
    })
}

function instanceOf(q: Act): InstanceSettings {
  const { instances } = q.settings
  const { name } = q.options
  const one =
    name === undefined && instances.length === 1 ? instances[0] : instances.find((two) => two.name === name)
  if (one === undefined)
    throw new Fault('invalid_input', {
      what: `--name is one of ${instances.map((two) => two.name).join(', ')}`,
    })
  return one
}

async function keyNamed(q: Act): Promise<{ keys: ProxyKeys; id: string }> {
  const { keys } = await openAll(q)
  if (q.word === undefined)
    throw new Fault('invalid_input', { what: 'the id of a key is missing: keys lists them' })
  return { keys, id: q.word }
}

function lineOf({
  id,
  createdAt,
  isActive,
  certificate,
}: Awaited<ReturnType<ProxyKeys['list']>>[number]): string {
  const hash = createHash('sha256').update(certificate).digest('hex')
  return `${id} ${createdAt} ${isActive ? 'signs' : 'waits'} SHA-256 ${hash}`
}

function distinct(certificates: Buffer[]): Buffer[] {
  return certificates.filter((one, at) => certificates.findIndex((two) => two.equals(one)) === at)
}
