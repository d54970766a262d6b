/** Handlers of the operations on imports: read and compare, add certificates, carry out. */
import { createHash } from 'node:crypto'
import { readCertificate } from '#core/certificate/certificate.ts'
import { writeSource } from '#core/configuration/shared-parameters-write.ts'
import type { Clock } from '#platform/clock.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import { listAnswer } from '#platform/http-service/list-answer.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { Page } from '../../changes/store.ts'
import type { ImportClient } from '../../configuration/other-instances/client.ts'
import {
  type Documents,
  fetchDocuments,
  readSource,
  type Source,
} from '../../configuration/other-instances/read-source.ts'
import type { SigningKeyStore } from '../../configuration/signing-keys/store.ts'
import type { MemberStore } from '../../members/store.ts'
import { collectCertificates } from './collect.ts'
import { type Plan, planHash, planImport, readableTake } from './plan.ts'
import { type Report, rowsOf } from './report.ts'
import type { ImportStore, ImportSummary, Seen } from './store.ts'

type Rooms = {
  store: ImportStore
  members: Pick<MemberStore, 'parameters'>
  keys: Pick<SigningKeyStore, 'list'>
  client: ImportClient
  /** host or host:port at which servers reach this registry. */
  sourceAddress: string
  settings: { ocspFreshnessSeconds: number; timeStampingIntervalSeconds: number }
  clock: Clock
}

/** An older configuration may no longer describe the instance, so its import must be made anew. */
const MAX_AGE_MS = 7 * 86_400_000

/** Entries of each list in an answer; the report has all of them. */
const MOST_SHOWN = 200

export function importHandlers(q: Rooms): Record<string, OperationHandler> {
  const { store, clock } = q
  const numberOf = (params: Record<string, string>): number => Number(params['id'])
  const named = ({ kind, name, id }: Caller): string => `${name} (${kind} ${id})`

  async function checkInstance({ shared }: Pick<Source, 'shared'>): Promise<void> {
    const { instance } = await q.members.parameters()
    if (instance !== undefined && instance !== shared.instance)
      throw new Fault('conflict', {
        what: say`this registry is of the instance ${instance}, the configuration of ${shared.instance}`,
      })
  }

  // Keeps the documents that were read last: they never change, and reading those of a country takes seconds.
  let last: { key: string; source: Source } | undefined

  async function sourceOf(row: Awaited<ReturnType<ImportStore['find']>>): Promise<Source> {
    const key = `${row.id} ${row.examined_at}`
    if (last?.key !== key)
      last = { key, source: await readSource(documentsOf(row), new Date(row.examined_at)) }
    return last.source
  }

  /** An import, with a function that plans it against the register. */
  async function planned(id: number) {
    const row = await store.find(id)
    const source = await sourceOf(row)
    const digests = Object.fromEntries(
      Object.entries(documentsOf(row)).flatMap(([name, bytes]) =>
        bytes === undefined ? [] : [[name, createHash('sha256').update(bytes).digest('hex')]],
      ),
    )
    const plan = (present: Awaited<ReturnType<ImportStore['present']>>) => {
      const made = planImport({ ...present, source, settings: q.settings, now: new Date(clock()) })
      return { plan: made, contentHash: planHash(digests, made.take) }
    }
    return { row, source, plan }
  }

  /** The report of what was carried out, or of what would be carried out now. */
  async function wholeReport(id: number): Promise<Report> {
    const row = await store.find(id)
    if (row.report !== null) return JSON.parse(row.report) as Report
    const { plan } = await planned(id)
    return reportOf(plan(await store.present(id)).plan)
  }

  return {
    getImports: async ({ query }) => {
      const page = query as Page & Seen
      return listAnswer((await store.list(page)).map(summary), page, () => store.count(page))
    },
    addImport: async ({ body, caller }) => {
      const given = body as {
        anchor: string
        directory?: string
        sharedParameters?: string
        privateParameters?: string
      }
      const now = new Date(clock())
      const documents = await documentsFrom(given, q.client, now)
      const isHandedIn = given.directory !== undefined
      const source = await readSource(documents, now).catch((cause: unknown) => {
        throw isHandedIn ? notVerified(cause) : cause
      })
      await checkInstance(source)
      return { id: await store.add(documents, source, named(caller), now.toISOString()) }
    },
    getImport: async ({ params }) => {
      const id = numberOf(params)
      const row = await store.find(id)
      const announced = await announcement(q)
      if (row.report !== null)
        return { ...summary(row), ...shortened(JSON.parse(row.report) as Report), ...announced }
      const { plan, contentHash } = (await planned(id)).plan(await store.present(id))
      return { ...summary(row), contentHash, ...shortened(reportOf(plan)), ...announced }
    },
    getImportReport: ({ params }) => wholeReport(numberOf(params)),
    getImportFindings: async ({ params, query }) => {
      const page = query as Page & { part?: string }
      const found = rowsOf(await wholeReport(numberOf(params)), page)
      const shown = found.slice(page.offset, page.offset + page.limit)
      return listAnswer(shown, page, async () => found.length)
    },
    collectImportCertificates: async ({ params }) => {
      const { row, plan } = await planned(numberOf(params))
      mustBeOpen(row)
      const { missing } = plan(await store.present(row.id)).plan
      const { found, failed, left } = await collectCertificates(missing, q.client)
      await store.addCertificates(row.id, found, 'tls')
      return { found: found.length, failed: failed.slice(0, MOST_SHOWN), left }
    },
    addImportCertificate: async ({ params, body }) => {
      const row = await store.find(numberOf(params))
      mustBeOpen(row)
      const { shared } = await sourceOf(row)
      const { sha256, der } = readCertificate(body as Buffer)
      const server = shared.securityServers.find(({ authCertHashes }) =>
        authCertHashes.some((hash) => hash.toString('hex') === sha256),
      )
      if (server === undefined)
        throw new Fault('incorrect_certificate', {
          what: say`no security server of the configuration has ${sha256}`,
        })
      await store.addCertificates(row.id, [{ sha256, der }], 'file')
      const { instance, memberClass, memberCode, serverCode } = server.id
      return { sha256, server: [instance, memberClass, memberCode, serverCode].join(':') }
    },
    carryOutImport: async ({ params, body, caller, approver }) => {
      const { contentHash } = body as { contentHash: string }
      const { row, source, plan } = await planned(numberOf(params))
      await checkInstance(source)
      if (clock() - Date.parse(row.examined_at) > MAX_AGE_MS)
        throw new Fault('conflict', { what: say`its configuration is more than a week old: add it again` })
      const by = approver === undefined ? named(caller) : `${named(caller)}, approved by ${named(approver)}`
      await store.carryOut(
        row.id,
        (present) => {
          const made = plan(present)
          if (made.contentHash !== contentHash)
            throw new Fault('conflict', { what: say`it would take something else now than when it was read` })
          return { take: made.plan.take, contentHash, report: reportOf(made.plan) }
        },
        { by, at: new Date(clock()).toISOString() },
      )
      return summary(await store.find(row.id))
    },
    discardImport: ({ params }) => store.discard(numberOf(params)),
  }
}

/**
 * For uploaded files, turns a fault of the publisher (status 500 and above) into
 * `configuration_not_verified`, because the caller supplied the files.
 */
function notVerified(cause: unknown): unknown {
  if (!(cause instanceof Fault) || cause.status < 500 || cause.code === 'internal_error') return cause
  return new Fault('configuration_not_verified', { what: cause.what ?? cause.message, cause })
}

function reportOf({ take, notTaken, differs, missing }: Plan): Report {
  const missingCertificates = missing.map(({ server, sha256 }) => ({ server, sha256 }))
  return { taken: readableTake(take), notTaken, differs, missingCertificates }
}

/** The number of entries of each list, and the first ones of the lists that need attention. */
function shortened({ taken, ...lists }: Report) {
  const { notTaken, differs, missingCertificates } = lists
  return {
    takes: Object.fromEntries(Object.entries(taken).map(([name, all]) => [name, (all ?? []).length])),
    counts: {
      ...{ notTaken: notTaken.length, differs: differs.length },
      missingCertificates: missingCertificates.length,
    },
    notTaken: notTaken.slice(0, MOST_SHOWN),
    differs: differs.slice(0, MOST_SHOWN),
    missingCertificates: missingCertificates.slice(0, MOST_SHOWN),
  }
}

async function documentsFrom(
  given: { anchor: string; directory?: string; sharedParameters?: string; privateParameters?: string },
  client: ImportClient,
  now: Date,
): Promise<Documents> {
  const anchor = Buffer.from(given.anchor)
  const { directory, sharedParameters, privateParameters } = given
  if (directory === undefined && sharedParameters === undefined) {
    if (privateParameters !== undefined) throw incomplete()
    return fetchDocuments(anchor, client, now).catch((cause: unknown) => {
      if (!(cause instanceof Fault) || cause.code !== 'network_error') throw cause
      throw new Fault('configuration_not_fetched', { what: cause.what, cause })
    })
  }
  if (directory === undefined || sharedParameters === undefined) throw incomplete()
  return {
    anchor,
    directory: Buffer.from(directory),
    shared: Buffer.from(sharedParameters),
    private: privateParameters === undefined ? undefined : Buffer.from(privateParameters),
  }
}

function incomplete(): Fault {
  return new Fault('invalid_input', {
    what: 'directory and sharedParameters belong together; without them the configuration is fetched from the anchor',
  })
}

function documentsOf(row: Awaited<ReturnType<ImportStore['find']>>): Documents {
  const [anchor, directory, shared] = [row.anchor, row.directory, row.shared].map((one) => Buffer.from(one))
  return {
    ...{ anchor: anchor!, directory: directory!, shared: shared! },
    private: row.private === null ? undefined : Buffer.from(row.private),
  }
}

/**
 * The XML that the old central server has to publish as an additional `source`, so that servers with their
 * old anchor find this registry.
 */
async function announcement({ keys, sourceAddress }: Rooms): Promise<{ announcement?: string }> {
  const certificates = (await keys.list()).map(({ certificate }) => certificate)
  // Without a signing key no server could verify our configuration.
  if (certificates.length === 0) return {}
  const source = {
    address: sourceAddress,
    internalVerificationCerts: certificates,
    externalVerificationCerts: certificates,
  }
  return { announcement: writeSource(source).toString() }
}

function mustBeOpen({ id, state }: Pick<ImportSummary, 'id' | 'state'>): void {
  if (state !== 'OPEN') throw new Fault('conflict', { what: say`the import ${id} was carried out already` })
}

function summary(row: ImportSummary) {
  return {
    id: row.id,
    instance: row.instance,
    anchorHash: row.anchor_hash,
    state: row.state,
    expiresAt: row.expires_at,
    examinedAt: row.examined_at,
    examinedBy: row.examined_by,
    ...(row.carried_out_at === null
      ? { carryOutBefore: new Date(Date.parse(row.examined_at) + MAX_AGE_MS).toISOString() }
      : {
          carriedOutAt: row.carried_out_at,
          carriedOutBy: row.carried_out_by,
          contentHash: row.content_hash,
        }),
  }
}
