/**
 * Connects the index by person with declarations, contracts and the key holder, whose two credentials are for
 * the job and for searches.
 */
import { readFile } from 'node:fs/promises'
import type { SubjectPlace } from '#core/subject/place.ts'
import { type Clock, hasPassed } from '#platform/clock.ts'
import { readSecret } from '#platform/configuration/read-secret.ts'
import type { Database } from '#platform/database/open-database.ts'
import type { Metrics } from '#platform/metrics/create-metrics.ts'
import { Fault } from '#schemas/fault.ts'
import { FIND_USAGE } from '#schemas/find-usage.ts'
import type { SubjectEvaluation, SubjectQuestion } from '#schemas/subject-keys.ts'
import type { Contracts } from '../../global-configuration/contracts/contracts.ts'
import type { MessageLog } from '../../message-log/message-log.ts'
import { createSubjectKeysClient, type HolderState, type SubjectKeysClient } from './client.ts'
import { contractPlaces } from './log/contract-places.ts'
import { findPastContracts } from './log/past-contracts.ts'
import { createPlacesStore } from './log/places-store.ts'
import { subjectLog } from './log/subject-log.ts'
import type { SubjectKeysSettings } from './settings.ts'
import { createSubjectSearchStore } from './store.ts'

const LOOK_EVERY_MS = 60_000

export type PersonSearch = Awaited<ReturnType<typeof openPersonSearch>>

/** `keys`: in tests, instead of a connection to a key holder. */
export async function openPersonSearch(q: {
  settings: SubjectKeysSettings | undefined
  /** What stands before codes in questions to trackers, here or elsewhere, and is no part of them. */
  countryPrefix: string
  keys?: Omit<SubjectKeysClient, 'close'>
  signedTime?: () => number | undefined
  database: Database
  clock: Clock
  messageLog: Parameters<typeof subjectLog>[0]
  contracts: Pick<Contracts, 'view' | 'contentsInForce'>
}) {
  const { contracts } = q
  const log = subjectLog(q.messageLog)
  const places = createPlacesStore(q.database)
  const searches = createSubjectSearchStore(q.database)
  const client = q.settings && (await clientOf(q.settings, q.signedTime))
  const keys = q.keys ?? client
  const forgotten = new Set<string>()
  const missing = new Set<string>()
  let lookedAt = Number.NEGATIVE_INFINITY

  let holder: HolderState | undefined

  /**
   * Once a minute: reads the state of the key holder, and deletes the entries of months whose key was
   * destroyed. No search finds these entries anyway.
   */
  const look = async (): Promise<void> => {
    if (keys === undefined || !hasPassed(q.clock(), lookedAt, LOOK_EVERY_MS)) return
    lookedAt = q.clock()
    // A missing answer is no failure here: if identifiers must be evaluated, the job itself fails.
    holder = await keys.state().catch(() => undefined)
    const months = holder?.months ?? []
    const gone = months.filter(({ month, destroyedAt }) => destroyedAt !== null && !forgotten.has(month))
    await log.forget(gone.map(({ month }) => month))
    for (const { month } of gone) forgotten.add(month)
  }

  return {
    places,
    searches,
    log,
    keys,
    /** The key holder's state, at most about a minute old. Undefined while it does not answer. */
    holder: (): HolderState | undefined => holder,
    /** Whether there are records for `index` to index, or places from which it does not look yet. */
    isBehind: async (): Promise<boolean> => {
      if (keys === undefined) return false
      return (await log.backlog()) > 0 || (await places.list()).some(({ hasBegun }) => !hasBegun)
    },
    /** For a job. Records wait while the key holder does not answer, and if none is configured. */
    index: async (signal?: AbortSignal): Promise<void> => {
      await searches.expire(new Date(q.clock()).toISOString())
      if (keys === undefined) return
      await look()
      const own = new Map<string, SubjectPlace[]>()
      const listed = await places.list()
      await places.begin(listed, await log.mark())
      for (const { service, ...declaredPlace } of listed) {
        const place = isQuestion(service) ? { ...declaredPlace, prefix: q.countryPrefix } : declaredPlace
        const known = own.get(service)
        if (known === undefined) own.set(service, [place])
        else known.push(place)
      }
      const contents = new Map(
        contracts.view().contracts.map(({ content }) => [`${content.contract}/${content.version}`, content]),
      )
      const past = findPastContracts(contracts.contentsInForce, missing)
      const said = async ({ service, contract }: { service: string; contract: string }) => {
        // A record that stores only its ids does not name its service.
        if (contract === '' || service === '') return undefined
        const content = contents.get(contract) ?? (await past(contract))
        return content === undefined ? 'unknown' : contractPlaces(content, service)
      }
      const declared = async (record: { service: string; contract: string }) => ({
        own: own.get(record.service) ?? [],
        contract: await said(record),
      })
      const evaluate = (records: SubjectQuestion[]): Promise<SubjectEvaluation[]> =>
        keys.evaluateRecords(records)
      await log.index({ declared, evaluate }, signal)
    },
    close: async (): Promise<void> => client?.close(),
  }
}

/** Whether the service, in text form, is the tracker of a subsystem, in REST or SOAP. */
function isQuestion(service: string): boolean {
  return service.split('/')[4] === FIND_USAGE
}

/** Adds no metrics if no key holder is configured: then records wait for ever, which is no fault. */
export function watchSubjects(
  { keys, holder, log }: Pick<PersonSearch, 'keys' | 'holder' | 'log'>,
  messageLog: Pick<MessageLog, 'size'>,
  metrics: Metrics,
): void {
  if (keys === undefined) return
  const help = 'Records of the message log that are not indexed by person yet'
  metrics.watch('concordat_subject_index_behind', help, 'of', async () => [['log', await log.backlog()]])
  const misuse = 'Signs that somebody else has the indexing credential: refused today, and ahead of the log'
  metrics.watch('concordat_subject_keys_misused', misuse, 'by', async () => {
    const state = holder()
    if (state === undefined) return []
    return [
      ['refused', state.today.refused],
      ['ahead', Math.max(0, state.mark - messageLog.size())],
    ]
  })
}

async function clientOf(
  settings: SubjectKeysSettings,
  signedTime: (() => number | undefined) | undefined,
): Promise<SubjectKeysClient> {
  const { socket, url, certificateFile, keyFile, holderCertificateFile } = settings
  const credentials = {
    index: await readSecret(settings.indexKeyFile),
    search: await readSecret(settings.searchKeyFile),
    tracker: settings.trackerKeyFile && (await readSecret(settings.trackerKeyFile)),
  }
  if (socket !== undefined && url === undefined)
    return createSubjectKeysClient({ at: { socket }, credentials, signedTime })
  if (socket !== undefined || !url || !certificateFile || !keyFile || !holderCertificateFile)
    throw new Fault('invalid_configuration', {
      what: 'subjectKeys needs socket, or url with certificateFile, keyFile and holderCertificateFile',
    })
  const [certificate, holderCertificate] = await Promise.all(
    [certificateFile, holderCertificateFile].map((file) => readFile(file, 'utf8')),
  )
  const at = {
    url,
    certificate: certificate!,
    key: await readSecret(keyFile),
    holderCertificate: holderCertificate!,
  }
  return createSubjectKeysClient({ at, credentials, signedTime })
}
