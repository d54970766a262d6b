/**
 * Reports the server's state to the registry about every minute, signed with the owner's signing key. From
 * the answer it takes announced outages and the registry's time, by which it knows the error of its own
 * clock. Exchanges never wait for it.
 */
import { randomUUID } from 'node:crypto'
import { readCertificate } from '#core/certificate/certificate.ts'
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import { integer, isoTime, list, plainText, record, serverId } from '#core/contract/fields.ts'
import { uuid } from '#core/contract/read-content.ts'
import { type Clock, hasPassed } from '#platform/clock.ts'
import type { JobState } from '#platform/jobs/create-jobs.ts'
import {
  FLEET_DOCUMENT,
  MOST_CERTIFICATES,
  MOST_OUTAGES,
  type Outage,
  type ReportAnswer,
  type ReportedCertificate,
  type ServerReport,
} from '#schemas/fleet.ts'
import { idText, memberOf, type ServerId } from '#schemas/identifiers.ts'
import type { GlobalConfiguration } from '../../global-configuration/global-configuration.ts'
import type { PostDocument } from '../../global-configuration/registration/client.ts'
import { takesDocuments, verifyAnswer } from '../../global-configuration/registration/verify-answer.ts'
import type { CertificateInfo, Keys } from '../../keys/keys.ts'

const PATH = '/registration/v1/server-reports'
const MAX_ANSWER_BYTES = 64 * 1024
/**
 * A report is due after 45 to 75 seconds, so that servers that started together do not all report at once.
 */
const LEAST_MS = 45_000
const JITTER_MS = 30_000
const MAX_TEXT = 300

export type RegistryReports = {
  /** For the job: reports if a report is due. */
  reportWhenDue(): Promise<void>
  isReportDue(): boolean
  /** Announced outages that are not over, the earliest first. */
  outages(): Outage[]
  /**
   * How far this server's clock is ahead of the registry's, in milliseconds. Undefined before the first
   * answer.
   */
  clockErrorMs(): number | undefined
}

type Rooms = {
  server: ServerId
  version: string
  clock: Clock
  /** From 0 to below 1. */
  random(): number
  keys: Pick<Keys, 'tokens' | 'certificateDer' | 'signJson'>
  globalConfiguration: Pick<GlobalConfiguration, 'current' | 'state'>
  messageLog: { oldestUnstamped(): Date | undefined }
  jobs: { state(): Promise<JobState[]> }
  /**
   * Is called with the time of each answer that the registry signed. An answer whose time differs from this
   * clock by five minutes or more is refused before.
   */
  heard(q: { by: string; time: Date }): void
  post: PostDocument
}

const readAnswer = record<ReportAnswer>({
  instance: plainText(255),
  server: serverId,
  answers: uuid,
  generatedAt: isoTime,
  outages: list(
    record<Outage>({
      id: integer(1, Number.MAX_SAFE_INTEGER),
      message: plainText(500),
      from: isoTime,
      until: isoTime,
    }),
    0,
    MOST_OUTAGES,
  ),
})

export function createRegistryReports(rooms: Rooms): RegistryReports {
  const { clock, globalConfiguration } = rooms
  const server = idText(rooms.server)
  const owner = memberOf(rooms.server)
  let toldAt = Number.NEGATIVE_INFINITY
  let restMs = 0
  let outages: Outage[] = []
  let clockErrorMs: number | undefined

  async function report(): Promise<void> {
    const snapshot = globalConfiguration.current()
    if (!takesDocuments(snapshot)) return
    const id = randomUUID()
    const document: ServerReport = {
      ...{ id, createdAt: new Date(clock()).toISOString(), signer: idText(owner), server },
      version: rooms.version,
      configuration: configurationOf(globalConfiguration),
      timeStamping: await timeStampingOf(rooms),
      certificates: certificatesOf(rooms.keys, snapshot.index),
      ...(clockErrorMs === undefined ? {} : { clockErrorMs }),
    }
    const signed = await rooms.keys.signJson({ document, type: FLEET_DOCUMENT.report, member: owner })
    const sentAt = clock()
    const bytes = await rooms.post(PATH, signed, MAX_ANSWER_BYTES)
    const form = { type: FLEET_DOCUMENT.answer, what: 'answer to a report', maxBytes: MAX_ANSWER_BYTES }
    const question = { configuration: snapshot.index, server, question: id, now: clock() }
    const answer = verifyAnswer(bytes, { ...form, read: readAnswer }, question)
    outages = answer.outages
    rooms.heard({ by: 'the registry', time: new Date(answer.generatedAt) })
    // The answer is taken to have been signed half-way between sending and receiving. The error of this guess
    // is too small to matter.
    clockErrorMs = Math.round((sentAt + clock()) / 2 - Date.parse(answer.generatedAt))
  }

  const isReportDue = (): boolean => hasPassed(clock(), toldAt, restMs)

  return {
    isReportDue,
    async reportWhenDue() {
      if (!isReportDue()) return
      toldAt = clock()
      restMs = LEAST_MS + Math.floor(rooms.random() * JITTER_MS)
      await report()
    },
    outages: () =>
      outages
        .filter(({ until }) => Date.parse(until) > clock())
        .sort((a, b) => Date.parse(a.from) - Date.parse(b.from)),
    clockErrorMs: () => clockErrorMs,
  }
}

function configurationOf({ state }: Pick<GlobalConfiguration, 'state'>): ServerReport['configuration'] {
  const { attempt, own } = state()
  return {
    ...(own?.statementIndex === undefined ? {} : { index: own.statementIndex }),
    ...(own === undefined ? {} : { expiresAt: own.expiresAt.toISOString() }),
    ...(attempt.lastSuccess === undefined ? {} : { fetchedAt: attempt.lastSuccess.toISOString() }),
    ...failure(attempt.lastError?.message.toString()),
  }
}

async function timeStampingOf({ messageLog, jobs }: Rooms): Promise<ServerReport['timeStamping']> {
  const oldest = messageLog.oldestUnstamped()
  const stamping = (await jobs.state()).find(({ kind }) => kind === 'time-stamp')
  return {
    ...(oldest === undefined ? {} : { oldestUnstamped: oldest.toISOString() }),
    ...failure(stamping?.lastError?.toString()),
  }
}

function certificatesOf(
  keys: Pick<Keys, 'tokens' | 'certificateDer'>,
  configuration: ConfigurationIndex,
): ReportedCertificate[] {
  const active = keys
    .tokens()
    .flatMap((token) => token.keys)
    .flatMap((key) => key.certificates)
    .filter((one) => one.active)
  return active.slice(0, MOST_CERTIFICATES).map((one: CertificateInfo): ReportedCertificate => {
    const authority = configuration.caOf(readCertificate(keys.certificateDer(one.sha256)))
    const why = oneLine(one.ocsp.error)
    return {
      ...{ sha256: one.sha256, usage: one.usage, notAfter: one.notAfter, ocsp: one.ocsp.state },
      ...(one.member === undefined ? {} : { member: one.member }),
      ...(authority === undefined ? {} : { authority: authority.ca.sha256 }),
      ...(why === undefined ? {} : { ocspFailure: why }),
    }
  })
}

function failure(text: string | undefined): { failure?: string } {
  const line = oneLine(text)
  return line === undefined ? {} : { failure: line }
}

/** A text in the form that the registry accepts. Undefined when nothing is left of it. */
function oneLine(text: string | undefined): string | undefined {
  const line = text
    ?.replace(/[\p{C}\u2028\u2029]+/gu, ' ')
    .trim()
    .slice(0, MAX_TEXT)
  return line === undefined || line === '' ? undefined : line.toWellFormed()
}
