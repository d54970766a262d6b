/**
 * The suspension lists of our instance and of federated ones. A list is replaced only by a newer one. Lists
 * are stored on disk, so that after a restart during an outage of the registry the last list is still
 * applied.
 */
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { checkListNumber, type HighWaterMark, listMark } from '#core/configuration/high-water.ts'
import {
  indexSuspensions,
  MAX_LIST_LENGTH,
  type SuspensionIndex,
  verifySuspensionList,
} from '#core/configuration/suspension-list.ts'
import type { Clock } from '#platform/clock.ts'
import type { Location } from '#platform/configuration-documents/candidates.ts'
import { createTurn } from '#platform/in-turn.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { divideTimeLimit } from '#platform/time-limits.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import type { SuspensionList } from '#schemas/global-configuration.ts'
import { say } from '#schemas/said.ts'
import type { ConfigurationClient } from './client.ts'
import type { DurableFiles } from './durable-files.ts'
import { folderName } from './generations.ts'

export type KeptSuspensionList = {
  list: SuspensionList
  mark: NonNullable<HighWaterMark['suspensions']>
  index: SuspensionIndex
}

export type KeptSuspensionLists = {
  of(instance: string): KeptSuspensionList | undefined
  /** Takes the list on disk into use when it passes the checks; otherwise leaves it alone and logs why. */
  restore(instance: string, certificates: Buffer[], mark: HighWaterMark | undefined): Promise<void>
  /**
   * Fetches from the first location that has an acceptable list; `withinMs` bounds all locations together.
   * Resolves to false when it is the list already held. Throws when there is no acceptable one.
   */
  fetch(
    instance: string,
    locations: Location[],
    mark: HighWaterMark | undefined,
    withinMs?: number | undefined,
  ): Promise<boolean>
  forget(): void
}

type Found = { held: KeptSuspensionList; text: string }

/** The greatest difference between the clocks of registry and server. */
const AHEAD_MS = 5 * 60_000

export function createKeptSuspensionLists(q: {
  directory: string
  files: DurableFiles
  client: ConfigurationClient
  clock: Clock
  log: Log
}): KeptSuspensionLists {
  const folder = path.join(q.directory, 'suspensions')
  const lists = new Map<string, KeptSuspensionList>()
  const turns = new Map<string, ReturnType<typeof createTurn>>()
  /** Counts changes of trust: a fetch that began before the last change is not used. */
  let era = 0

  function check(
    text: string,
    instance: string,
    certificates: Buffer[],
    mark: HighWaterMark | undefined,
  ): KeptSuspensionList {
    const list = verifySuspensionList(text, certificates)
    if (list.instance !== instance) throw malformed(`it is of the instance ${list.instance.slice(0, 40)}`)
    checkListNumber(mark, listMark(list, text))
    return { list, mark: listMark(list, text), index: indexSuspensions(list.suspended) }
  }

  async function fetchFrom(
    location: Location,
    instance: string,
    mark: HighWaterMark | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Found> {
    const place = new URL(location.url)
    place.pathname += '-suspensions'
    const { status, body } = await q.client.get(place.href, MAX_LIST_LENGTH, signal)
    if (status !== 200)
      throw new Fault('network_error', {
        what: `${place.host} answered ${status} instead of a suspension list`,
      })
    const text = body.toString('latin1').trim()
    const held = check(text, instance, location.documentCertificates, mark)
    const now = q.clock()
    if (Date.parse(held.list.issuedAt) > now + AHEAD_MS) throw malformed('it was issued in the future')
    if (Date.parse(held.list.expiresAt) <= now)
      throw new Fault('suspension_list_outdated', { what: say`since ${held.list.expiresAt}` })
    return { held, text }
  }

  async function fetchFirst(
    locations: Location[],
    instance: string,
    mark: HighWaterMark | undefined,
    withinMs: number | undefined,
  ): Promise<Found> {
    const failures: Fault[] = []
    const nextShare = divideTimeLimit(withinMs)
    for (const location of locations) {
      try {
        return await fetchFrom(location, instance, mark, nextShare())
      } catch (cause) {
        failures.push(asFault(cause))
      }
    }
    const fault = failures.find(({ code }) => code !== 'network_error') ?? failures[0]
    throw fault ?? new Fault('network_error', { what: `no address is known for instance ${instance}` })
  }

  async function take(instance: string, { held, text }: Found): Promise<boolean> {
    const before = lists.get(instance)
    if (before?.mark.digest === held.mark.digest) return false
    // The mark was read before the held list came.
    checkListNumber({ suspensions: before?.mark }, held.mark)
    // First in memory: a full disk must not keep a suspended server connected.
    lists.set(instance, held)
    await q.files.createFolder(folder)
    await q.files.replace(fileOf(folder, instance), Buffer.from(text))
    return true
  }

  return {
    of: (instance) => lists.get(instance),
    restore: async (instance, certificates, mark) => {
      try {
        const text = await readFile(fileOf(folder, instance), 'latin1')
        lists.set(instance, check(text, instance, certificates, mark))
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return
        q.log.warn({ err: asFault(cause), instance }, 'the suspension list on disk is not used')
      }
    },
    fetch: (instance, locations, mark, withinMs) => {
      const inTurn = turns.get(instance) ?? createTurn()
      turns.set(instance, inTurn)
      return inTurn(async () => {
        const begun = era
        const found = await fetchFirst(locations, instance, mark, withinMs)
        if (era !== begun)
          throw new Fault('service_unavailable', { what: 'the anchor was replaced meanwhile' })
        return take(instance, found)
      })
    },
    forget: () => {
      era += 1
      lists.clear()
    },
  }
}

function fileOf(folder: string, instance: string): string {
  return path.join(folder, `${folderName(instance)}.jws`)
}

function malformed(what: string): Fault {
  return new Fault('malformed_global_conf', { what: `suspension list: ${what}` })
}
