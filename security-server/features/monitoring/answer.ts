/**
 * Answers the monitoring services of this server: who asks for what, the part of it that they may see, as a
 * message in SOAP.
 */
import { hash, X509Certificate } from 'node:crypto'
import { newBoundary } from '#core/transport/multipart-writer.ts'
import { writeSoap } from '#core/transport/write-soap.ts'
import type { Clock } from '#platform/clock.ts'
import { VERSION } from '#platform/process/version.ts'
import { Fault } from '#schemas/fault.ts'
import { type ClientId, idText, type ServerId, type ServiceId, subsystemOf } from '#schemas/identifiers.ts'
import type { GlobalConfiguration } from '../../global-configuration/global-configuration.ts'
import type { Keys } from '../../keys/keys.ts'
import type { LocalSystems } from '../../local-systems/local-systems.ts'
import type { Body } from '../../message/body.ts'
import type { SystemAnswer } from '../../message/message.ts'
import { soapOf } from '../../message/soap.ts'
import type { MonitoringRequest, MonitoringServices } from '../../peer/monitoring.ts'
import { writeHealthData } from './answer-health-data.ts'
import { type CertificateMetric, writeMetrics } from './answer-metrics.ts'
import { ATTACHMENT, answerOperationalData, LIMITS } from './answer-operational-data.ts'
import type { HealthWindow } from './health-window.ts'
import type { Machine } from './machine.ts'
import { maySeeAll } from './may-see.ts'
import {
  OPERATIONAL,
  readHealthQuestion,
  readMetricsQuestion,
  readOperationalQuestion,
} from './read-question.ts'
import type { OperationalStore } from './store.ts'

export type AnswerRooms = {
  server: ServerId
  clock: Clock
  globalConfiguration: Pick<GlobalConfiguration, 'current'>
  localSystems: Pick<LocalSystems, 'allowedServices'>
  keys: { tokens(): ReturnType<Keys['tokens']> }
  store: Pick<OperationalStore, 'between'>
  health: HealthWindow
  machine: Machine
}

const TYPE = 'text/xml; charset=UTF-8'
/**
 * An answer of ten thousand records is some megabytes before it is compressed. One place is kept for those
 * who see all.
 */
const [AT_ONCE, OF_OTHERS] = [4, 3]

export function createMonitoringServices(rooms: AnswerRooms): MonitoringServices {
  const underWay = new Set<string>()
  return {
    async answer(asked) {
      const { client, service } = asked.request
      const asker = idText(client)
      const places = maySeeAll(client, rooms) ? AT_ONCE : OF_OTHERS
      if (underWay.has(asker) || underWay.size >= places)
        throw new Fault('too_many_requests', { what: 'questions for monitoring data' })
      underWay.add(asker)
      try {
        return await ANSWERS[service.serviceCode]!(asked, rooms)
      } finally {
        underWay.delete(asker)
      }
    },
  }
}

const ANSWERS: Record<string, (asked: MonitoringRequest, rooms: AnswerRooms) => Promise<SystemAnswer>> = {
  getSecurityServerOperationalData: operationalData,
  getSecurityServerHealthData: healthData,
  getSecurityServerMetrics: metrics,
}

async function operationalData(asked: MonitoringRequest, rooms: AnswerRooms): Promise<SystemAnswer> {
  const { client } = asked.request
  const asker = { client, seesAll: maySeeAll(client, rooms) }
  const question = await readOperationalQuestion(asked.message)
  const told = await answerOperationalData(question, asker, { ...rooms, limits: LIMITS })
  const { records, attachment, nextRecordsFrom: next } = told
  const content =
    `<om:getSecurityServerOperationalDataResponse xmlns:om="${OPERATIONAL}">` +
    `<om:recordsCount>${records}</om:recordsCount><om:records>cid:${ATTACHMENT}</om:records>` +
    `${next === undefined ? '' : `<om:nextRecordsFrom>${next}</om:nextRecordsFrom>`}` +
    '</om:getSecurityServerOperationalDataResponse>'
  // X-Road-Metrics looks for a boundary that begins so, and for the id as the last header of the attachment.
  const type = `multipart/related; type="text/xml"; charset=UTF-8; boundary="${newBoundary('xroad')}"`
  const body = await attach(attachment, asked)
  return { ...plain(asked, content), headers: [['Content-Type', type]], body }
}

async function attach(bytes: Buffer, asked: MonitoringRequest): Promise<Body> {
  const writer = asked.spool()
  await writer.write(bytes)
  const headers: [string, string][] = [
    ['content-type', 'application/gzip'],
    ['content-transfer-encoding', 'binary'],
    ['content-id', `<${ATTACHMENT}>`],
  ]
  const attachment = { size: bytes.length, sha512: hash('sha512', bytes, 'buffer'), headers }
  return { ...(await writer.end()), attachments: [attachment] }
}

async function healthData(asked: MonitoringRequest, rooms: AnswerRooms): Promise<SystemAnswer> {
  const provider = await readHealthQuestion(asked.message)
  const { client } = asked.request
  const isShown = maySeeAll(client, rooms) ? () => true : mayCall(client, rooms)
  return plain(asked, writeHealthData(rooms.health, provider, isShown))
}

/** X-Road tells everybody of every service; here one that may not be called is not told of. */
function mayCall(client: ClientId, rooms: AnswerRooms): (service: ServiceId) => boolean {
  const { index } = rooms.globalConfiguration.current()
  const isInGlobalGroup = (code: string): boolean => index.isInGlobalGroup(code, client)
  const known = new Map<string, ReadonlySet<string>>()
  return (service) => {
    const provider = subsystemOf(service)
    const key = idText(provider)
    const allowed =
      known.get(key) ??
      new Set(
        rooms.localSystems.allowedServices({ client, isInGlobalGroup, provider }).map(({ id }) => idText(id)),
      )
    known.set(key, allowed)
    return idText(client) === key || allowed.has(idText(service))
  }
}

async function metrics(asked: MonitoringRequest, rooms: AnswerRooms): Promise<SystemAnswer> {
  const names = await readMetricsQuestion(asked.message)
  const content = writeMetrics({
    ...{ server: idText(rooms.server), version: VERSION, names },
    metrics: await rooms.machine.metrics(),
    certificates: certificatesOf(rooms),
  })
  return plain(asked, content)
}

function certificatesOf({ keys }: AnswerRooms): CertificateMetric[] {
  return keys.tokens().flatMap((token) =>
    token.keys.flatMap((key) =>
      key.certificates.map(({ pem, notBefore, notAfter, active }) => ({
        ...{ sha1: new X509Certificate(pem).fingerprint, type: 'AUTH_OR_SIGN' },
        ...{ notBefore, notAfter, active },
      })),
    ),
  )
}

function plain({ request }: MonitoringRequest, content: string): SystemAnswer {
  const bytes = Buffer.from(writeSoap(soapOf(request), content))
  const message = { contentType: TYPE, headers: [], bytes }
  return { status: 200, reason: 'OK', headers: [['Content-Type', TYPE]], message, body: undefined }
}
