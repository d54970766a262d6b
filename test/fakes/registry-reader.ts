/**
 * The configuration rooms of security servers with real registries. Tests can change the answers, or let
 * another registry answer.
 */
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Test } from 'tap'
import { createAuthority } from '#certs/authority.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { Fault } from '#schemas/fault.ts'
import type { LogHead, SuspensionList } from '#schemas/global-configuration.ts'
import {
  type ConfigurationClient,
  createConfigurationClient,
} from '#security-server/global-configuration/client.ts'
import {
  createGlobalConfiguration,
  type GlobalConfiguration,
} from '#security-server/global-configuration/global-configuration.ts'
import { until } from '#test/until.ts'
import { anchorOf, publish, setUp } from './registry-sample.ts'
import { type Node, type RegistryWorld, registryWorld } from './registry-world.ts'

const MEMBER = { kind: 'member', subject: 'DEV:GOV:1234', reason: 'r' }

/** A registry with one of everything, and one publication. */
export async function openRegistry(t: Test): Promise<{ world: RegistryWorld; node: Node }> {
  const world = registryWorld(t)
  const node = await world.start()
  await setUp(node, await createAuthority({ clock: Date.now, instance: 'DEV' }))
  await publish(node)
  return { world, node }
}

type Reader = {
  configuration: GlobalConfiguration
  /** Answers in place of the registry when it returns an answer; when it throws, the network fails. */
  intercept: ((url: URL) => { status: number; body: Buffer } | undefined) | undefined
  /** The registry that really receives the requests. */
  node: Node
  restart(): Promise<void>
  directory: string
  log: string[]
}

export async function readerOf(t: Test, world: RegistryWorld, node: Node): Promise<Reader> {
  const real = createConfigurationClient({ timeoutMs: 30_000 })
  const directory = mkdtempSync(path.join(tmpdir(), 'concordat-reader-'))
  t.teardown(async () => {
    await real.close()
    rmSync(directory, { recursive: true, force: true })
  })
  const client: ConfigurationClient = {
    get: async (address, maxBytes, signal) => {
      const url = new URL(address)
      if (url.protocol === 'https:') throw new Fault('network_error')
      const given = reader.intercept?.(url)
      if (given !== undefined) return given
      url.host = new URL(reader.node.settings.publicUrl).host
      return real.get(url.href, maxBytes, signal)
    },
    close: real.close,
  }
  const lines: string[] = []
  const log = createLog({ name: 'test', destination: { write: (line) => lines.push(line) } })
  const open = async (): Promise<GlobalConfiguration> => {
    const configuration = await createGlobalConfiguration({
      ...{ directory, log, client, clock: () => world.clock.now },
    })
    await configuration.restored()
    return configuration
  }
  const reader: Reader = {
    ...{ node, directory, log: lines, intercept: undefined },
    configuration: await open(),
    restart: async () => {
      reader.configuration = await open()
    },
  }
  await reader.configuration.installAnchor(await anchorOf(node))
  return reader
}

export const isList = (url: URL): boolean => url.pathname.endsWith('-suspensions')
export const isSuspended = ({ configuration }: Reader): boolean =>
  configuration.current().suspensionsIn('DEV').ofClient('DEV/GOV/1234') !== undefined

export async function listText(node: Node): Promise<string> {
  return (await node.get('/internalconf-suspensions')).bytes.toString()
}

export async function suspendNow(node: Node): Promise<void> {
  const before = await listText(node)
  await node.must('POST', '/suspensions', MEMBER)
  await until('the suspension on the list', async (saw) => {
    const text = saw(await listText(node))
    return text !== before && payload(text).suspended.length > 0
  })
}

export function payload(text: string): SuspensionList {
  return JSON.parse(Buffer.from(text.split('.')[1]!, 'base64url').toString()) as SuspensionList
}

/**
 * Two registries with the same key and history that publish different things since: a registry that shows two
 * histories.
 */
export async function twoFaces(t: Test): Promise<{ world: RegistryWorld; one: Node; two: Node }> {
  const { world, node: first } = await openRegistry(t)
  await first.stop()
  const copy = mkdtempSync(path.join(tmpdir(), 'concordat-face-'))
  t.teardown(() => rmSync(copy, { recursive: true, force: true }))
  cpSync(world.directory, copy, { recursive: true })
  const { settings } = first
  const one = await world.start({ settings: { public: settings.public, publicUrl: settings.publicUrl } })
  const two = await world.start({
    directory: copy,
    settings: { database: `sqlite:${path.join(copy, 'registry.db')}` },
  })
  await two.must('POST', '/members', { memberClass: 'GOV', memberCode: 'ghost', name: 'Ghost' })
  return { world, one, two }
}

/** Publishes until the newest heads of both have the same size. */
export async function evenOut(one: Node, two: Node): Promise<void> {
  const sizeOf = async (node: Node): Promise<number> => {
    const { body } = await node.get('/internalconf-log-entries?from=0')
    return (body as { size: number }).size
  }
  for (;;) {
    const [a, b] = [await sizeOf(one), await sizeOf(two)]
    if (a === b) return
    await publish(a < b ? one : two)
  }
}

export const headOf = (reader: Reader): string => reader.configuration.current().configurationHead!
export const parsed = (text: string): LogHead =>
  JSON.parse(Buffer.from(text.split('.')[1]!, 'base64url').toString()) as LogHead
