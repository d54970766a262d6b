/**
 * The configuration room of a security server, with a source of its own, a clock that tests set, and a folder
 * that outlives the room.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Test } from 'tap'
import type { Shuffle } from '#platform/configuration-documents/candidates.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { Fault } from '#schemas/fault.ts'
import {
  type ConfigurationClient,
  createConfigurationClient,
} from '#security-server/global-configuration/client.ts'
import type { DurableFiles } from '#security-server/global-configuration/durable-files.ts'
import {
  createGlobalConfiguration,
  type GlobalConfiguration,
} from '#security-server/global-configuration/global-configuration.ts'
import {
  type ConfigurationSource,
  type Publication,
  startConfigurationSource,
} from './configuration-source.ts'

/** The time at which the tests begin. */
export const START = Date.parse('2026-03-01T12:00:00Z')
export const MINUTE = 60_000

export type World = {
  source: ConfigurationSource
  directory: string
  clock: { now: number }
  open(o?: {
    files?: DurableFiles
    client?: ConfigurationClient
    allowedFederations?: string[] | 'all'
    federatedWithinMs?: number
    shuffle?: Shuffle
  }): Promise<GlobalConfiguration>
  /** Publishes at the world's time, valid for ten minutes. */
  publish(p?: Partial<Publication>): void
  /** The first server, with its anchor installed and refreshed once. */
  ready(p?: Partial<Publication>): Promise<GlobalConfiguration>
}

export async function createWorld(t: Test, instance = 'DEV', timeoutMs = 10_000): Promise<World> {
  const source = await startConfigurationSource(instance)
  const directory = mkdtempSync(path.join(tmpdir(), 'concordat-conf-'))
  const clock = { now: START }
  const client = createConfigurationClient({ timeoutMs, totalTimeoutMs: 3 * timeoutMs })
  t.teardown(async () => {
    await client.close()
    await source.close()
    rmSync(directory, { recursive: true, force: true })
  })
  const log = createLog({ name: 'test', destination: { write: () => undefined } })
  const open: World['open'] = async (o) => {
    const settings = { directory, clock: () => clock.now, log, client, ...o }
    const configuration = await createGlobalConfiguration(settings)
    await configuration.restored()
    return configuration
  }
  const publish: World['publish'] = (p) =>
    source.publish({ at: new Date(clock.now), expireDate: new Date(clock.now + 10 * MINUTE), ...p })
  const ready: World['ready'] = async (p) => {
    publish(p)
    const configuration = await open()
    await configuration.installAnchor(source.anchor())
    await configuration.refresh()
    return configuration
  }
  return { source, directory, clock, open, publish, ready }
}

/** The code of the fault that an act throws, 'accepted' when it throws none. */
export async function codeOf(act: (() => unknown) | Promise<unknown>): Promise<string> {
  try {
    await (typeof act === 'function' ? act() : act)
    return 'accepted'
  } catch (error) {
    return error instanceof Fault ? error.code : `not a fault: ${String(error)}`
  }
}

/** The name of the member whose name a publication changes. */
export const nameIn = (configuration: GlobalConfiguration): string | undefined =>
  configuration.current().index.memberName({ instance: 'DEV', memberClass: 'GOV', memberCode: '1234' })
