/** Handlers of the operations on external anchors: examine, trust, remove. */
import { createHash } from 'node:crypto'
import { certificateFacts } from '#core/certificate/certificate-facts.ts'
import { anchorHash } from '#core/configuration/anchor.ts'
import type { Clock } from '#platform/clock.ts'
import { withParametersReader } from '#platform/configuration-documents/read-parameters.ts'
import { answer } from '#platform/http-service/answer.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import { listAnswer } from '#platform/http-service/list-answer.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { within } from '#platform/time-limits.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import type { ConfigurationAnchor } from '#schemas/global-configuration.ts'
import { say } from '#schemas/said.ts'
import type { Time, Whole } from '#schemas/sent-values.ts'
import type { Page } from '../../changes/store.ts'
import { anchorOfRow } from '../../configuration/assemble.ts'
import type { ImportClient } from '../../configuration/other-instances/client.ts'
import { instanceOf } from '../../members/instance.ts'
import type { MemberStore } from '../../members/store.ts'
import type { ExternalAnchorRow } from '../../register/federation-tables.ts'
import { readFederated, readParameters } from './read-federated.ts'
import { checkApart, refused } from './rules.ts'
import type { AnchorSummary, FederationStore, Filter } from './store.ts'

type Rooms = {
  store: FederationStore
  members: Pick<MemberStore, 'parameters'>
  client: Pick<ImportClient, 'get'>
  /** Reads the instances at once, without waiting for the job. */
  follow(): Promise<void>
  clock: Clock
  /** Set only in tests. */
  examinationMs?: number | undefined
}

/** What stands behind an anchor, for those who decide. */
type Examination = {
  url: string
  version: Whole
  expiresAt: Time
  members: Whole
  index?: Whole
  takesContracts: boolean
  subsystems: Whole
  securityServers: Whole
  memberClasses: string[]
  certificationServices: string[]
  timestampingServices: string[]
}

/** Milliseconds for one examination: all sources of the anchor, including parsing. */
const EXAMINATION_MS = 60_000
/** Each examination may need as much memory as the largest configuration. */
const MOST_UNDER_WAY = 2

export function federationHandlers(q: Rooms): Record<string, OperationHandler> {
  const { store, clock } = q
  const withinMs = q.examinationMs ?? EXAMINATION_MS
  let underWay = 0
  const named = ({ kind, name, id }: Caller): string => `${name} (${kind} ${id})`
  const digestOf = (params: Record<string, string>): string => params['sha256']!.toLowerCase()

  /**
   * Reads the configuration behind an anchor and describes it for those who decide. Throws
   * `anchor_not_verified`, also when that takes too long, and `conflict` when too many examinations run.
   */
  async function examine(anchor: ConfigurationAnchor): Promise<string> {
    if (underWay >= MOST_UNDER_WAY)
      throw new Fault('conflict', { what: say`other anchors are being examined: try again in a minute` })
    underWay++
    // After the time limit the caller gets an answer, but the examination keeps its place until it ends.
    const examination = examineNow(anchor).finally(() => underWay--)
    try {
      return await within(AbortSignal.timeout(withinMs), examination)
    } catch (cause) {
      throw refused(asFault(cause).message, cause)
    }
  }

  async function examineNow(anchor: ConfigurationAnchor): Promise<string> {
    const nothing = { learned: [], index: undefined, shared: undefined }
    const bounds = { client: q.client, now: new Date(clock()), withinMs }
    const read = await readFederated(anchor, nothing, bounds)
    const { parameters, url, version, expiresAt, index, registration, shared } = read
    const found = parameters ?? (await readParameters(shared, anchor.instance))
    const examination: Examination = {
      ...{ url, version, expiresAt: expiresAt.toISOString(), members: found.members.length },
      ...(index === undefined ? {} : { index }),
      takesContracts: registration !== undefined,
      subsystems: found.members.reduce((sum, { subsystems }) => sum + subsystems.length, 0),
      securityServers: found.securityServers.length,
      memberClasses: found.memberClasses.map(({ code }) => code).slice(0, MOST_SHOWN),
      certificationServices: found.approvedCas.map(({ name }) => name).slice(0, MOST_SHOWN),
      timestampingServices: found.approvedTsas.map(({ name }) => name).slice(0, MOST_SHOWN),
    }
    return JSON.stringify(examination)
  }

  async function summaries(rows: AnchorSummary[]) {
    const read = new Map((await store.configurations()).map((one) => [one.instance, one]))
    return rows.map((row) => summary(row, row.state === 'TRUSTED' ? read.get(row.instance) : undefined))
  }

  function summary(
    row: AnchorSummary,
    read?: Awaited<ReturnType<FederationStore['configurations']>>[number],
  ) {
    return {
      ...{ sha256: row.sha256, hash: row.hash, instance: row.instance, generatedAt: row.generated_at },
      ...{ state: row.state, examinedAt: row.examined_at, examinedBy: row.examined_by },
      ...{ decidedAt: row.decided_at, decidedBy: row.decided_by },
      reading:
        read === undefined
          ? null
          : {
              readAt: read.read_at,
              expiresAt: read.expires_at,
              isValid: read.expires_at !== null && Date.parse(read.expires_at) > clock(),
              index: read.configuration_index === null ? null : Number(read.configuration_index),
              version: read.version === null ? null : Number(read.version),
              triedAt: read.tried_at,
              failure: read.failure,
            },
    }
  }

  async function whole(row: ExternalAnchorRow) {
    const { instance } = row
    const history = await store.history(instance)
    const replaces = history.find((one) => one.state === 'TRUSTED' && one.sha256 !== row.sha256)
    return {
      ...(await summaries([row]))[0],
      sources: anchorOfRow(row).sources.map(({ downloadUrl, verificationCerts }) => ({
        downloadUrl,
        certificates: verificationCerts.map(certificateFacts),
      })),
      examination: JSON.parse(row.examination) as Examination,
      replaces: row.state === 'EXAMINED' && replaces !== undefined ? summary(replaces) : null,
      contracts: await store.contractsWith(instance),
      history: history.map((one) => summary(one)),
    }
  }

  return {
    getExternalAnchors: async ({ query }) => {
      const page = query as Page & Filter
      return listAnswer(await summaries(await store.list(page)), page, () => store.count(page))
    },
    getExternalAnchor: async ({ params }) => whole(await store.find(digestOf(params))),
    getExternalAnchorFile: async ({ params }) => {
      const { anchor, hash } = await store.find(digestOf(params))
      return answer(Buffer.from(anchor), { headers: { 'x-anchor-hash': hash } })
    },
    examineExternalAnchor: async ({ body, caller }) => {
      const xml = body as Buffer
      const anchor = await withParametersReader((read) => read('anchor', xml))
      const instance = await instanceOf(q.members)
      const others = (await store.trusted()).map((one) => one.anchor)
      checkApart(anchor, { instance, ownCertificates: await store.ownCertificates(), others })
      const examination = await examine(anchor)
      const sources = anchor.sources.map(({ downloadUrl, verificationCerts }) => ({
        downloadUrl,
        verificationCerts: verificationCerts.map((der) => der.toString('base64')),
      }))
      const row: ExternalAnchorRow = {
        sha256: createHash('sha256').update(xml).digest('hex'),
        ...{ anchor: xml, instance: anchor.instance, hash: anchorHash(xml), state: 'EXAMINED', examination },
        ...{ generated_at: anchor.generatedAt.toISOString(), sources: JSON.stringify(sources) },
        ...{ examined_at: new Date(clock()).toISOString(), examined_by: named(caller) },
        ...{ decided_at: null, decided_by: null },
      }
      await store.keepExamined(row)
      return whole(row)
    },
    trustExternalAnchor: async ({ params, caller, approver }) => {
      const sha256 = digestOf(params)
      const row = await store.find(sha256)
      // The anchor may have been examined long ago.
      const examination = await examine(anchorOfRow(row))
      await store.trust(sha256, examination, await instanceOf(q.members), decision(caller, approver))
      await q.follow()
    },
    readExternalAnchor: async ({ params }) => {
      const row = await store.find(digestOf(params))
      if (row.state !== 'TRUSTED') throw new Fault('conflict', { what: say`the anchor is ${row.state}` })
      await q.follow()
      return whole(row)
    },
    removeExternalAnchor: ({ params, caller, approver }) =>
      store.remove(digestOf(params), decision(caller, approver)),
  }

  function decision(caller: Caller, approver: Caller | undefined) {
    const by = approver === undefined ? named(caller) : `${named(caller)}, approved by ${named(approver)}`
    return { by, at: new Date(clock()).toISOString() }
  }
}

const MOST_SHOWN = 50
