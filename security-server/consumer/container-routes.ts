/**
 * GET /asic and GET /verificationconf, as X-Road has them (pr-meta): the signed containers of an exchange
 * that this client took part in, and the configuration to verify them with.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ContainerParts } from '#core/container/container.ts'
import { writeContainer } from '#core/container/write-container.ts'
import { createZipStream } from '#core/container/zip-stream.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { Fault } from '#schemas/fault.ts'
import { type ClientId, checkCode } from '#schemas/identifiers.ts'
import type { GlobalConfiguration } from '../global-configuration/global-configuration.ts'
import type { LocalSystems } from '../local-systems/local-systems.ts'
import { authenticateClient } from './check-access.ts'
import { arrivalOf, refuseRequest } from './routes.ts'

/** A signed record of an exchange. */
type EvidenceRecord = { index: number; isReply: boolean; stamped: boolean; time: Date }

/** What evidence needs of the message log; main.ts hands the room in. */
export type ContainerLog = {
  /** Records with this query id in which `client` is one of the two parties, oldest first. */
  findExchange(queryId: string, client: ClientId): Promise<{ idx: number; kind: string; time: string }[]>
  read(
    index: number,
  ): Promise<{ signatures?: Buffer | undefined; message?: Buffer | undefined; timeStamp?: unknown }>
  container(index: number): Promise<ContainerParts>
  timeStampNow(): Promise<number>
}

/** A client may use one query id for ever; then it has to ask for one record at a time. */
const MOST_CONTAINERS = 256

type Rooms = {
  globalConfiguration: Pick<GlobalConfiguration, 'current'>
  localSystems: LocalSystems
  evidence: ContainerLog
}
type Query = Record<string, string | undefined>

export function containerRoutes(app: FastifyInstance, rooms: Rooms, log: Log): void {
  app.get('/asic', { exposeHeadRoute: false }, async (request, reply) => {
    try {
      return await sendContainers(request, reply, rooms)
    } catch (cause) {
      return refuseRequest(request, reply, cause, log)
    }
  })
  app.get('/verificationconf', { exposeHeadRoute: false }, async (request, reply) => {
    try {
      const zip = createZipStream()
      for (const file of rooms.globalConfiguration.current().verificationFiles()) {
        zip.addBuffer(`verificationconf/${file.name}`, file.content, {})
      }
      zip.end()
      reply
        .header('content-disposition', 'attachment; filename="verificationconf.zip"')
        .type('application/zip')
      return await reply.send(zip.output)
    } catch (cause) {
      return refuseRequest(request, reply, cause, log)
    }
  })
}

async function sendContainers(
  request: FastifyRequest,
  reply: FastifyReply,
  rooms: Rooms,
): Promise<FastifyReply> {
  const query = singleValues(request.query as Record<string, unknown>)
  const party = partyOf(query)
  authenticateClient(party, arrivalOf(request).tls, rooms.localSystems)
  const queryId = required(query, 'queryId')
  const [requestOnly, responseOnly] = [
    query['requestOnly'] !== undefined,
    query['responseOnly'] !== undefined,
  ]
  if (requestOnly && responseOnly)
    throw new Fault('invalid_request', { what: 'requestOnly and responseOnly exclude each other' })
  const one = requestOnly || responseOnly
  if (query['unique'] !== undefined && !one) {
    throw new Fault('invalid_request', { what: 'unique needs requestOnly or responseOnly' })
  }
  const wanted = (record: EvidenceRecord): boolean => !one || record.isReply === responseOnly
  const records = await stampedRecords(
    { queryId, party, force: query['force'] !== undefined, wanted },
    rooms.evidence,
  )

  if (query['unique'] !== undefined) {
    if (records.length > 1)
      throw new Fault('conflict', { what: `${records.length} records have this query id` })
    const name = containerName(queryId, records[0]!)
    reply
      .header('content-disposition', `attachment; filename="${name}"`)
      .type('application/vnd.etsi.asic-e+zip')
    return reply.send(writeContainer(await rooms.evidence.container(records[0]!.index)))
  }
  if (records.length > MOST_CONTAINERS) {
    throw new Fault('conflict', { what: `more than ${MOST_CONTAINERS} records have this query id` })
  }
  const zip = createZipStream()
  for (const record of records) {
    const parts = await rooms.evidence.container(record.index)
    const options = { compress: false, mtime: record.time }
    zip.addStream(containerName(queryId, record), options, () => writeContainer(parts))
  }
  zip.end()
  const suffix = one ? (responseOnly ? '-response' : '-request') : ''
  reply
    .header('content-disposition', `attachment; filename="${fileNameOf(queryId)}${suffix}.zip"`)
    .type('application/zip')
  return reply.send(zip.output)
}

async function stampedRecords(
  q: { queryId: string; party: ClientId; force: boolean; wanted(record: EvidenceRecord): boolean },
  log: ContainerLog,
): Promise<EvidenceRecord[]> {
  const find = async (): Promise<EvidenceRecord[]> => (await signedRecords(q, log)).filter(q.wanted)
  let records = await find()
  if (records.length === 0) throw new Fault('not_found', { what: 'no signed message with this query id' })
  if (records.every((record) => record.stamped)) return records
  if (!q.force)
    throw new Fault('timestamping_failed', { what: 'not time-stamped yet; add force to stamp now' })
  await log.timeStampNow()
  records = await find()
  if (!records.every((record) => record.stamped)) throw new Fault('timestamping_failed')
  return records
}

async function signedRecords(
  q: { queryId: string; party: ClientId },
  log: ContainerLog,
): Promise<EvidenceRecord[]> {
  const records: EvidenceRecord[] = []
  for (const { idx, kind, time } of await log.findExchange(q.queryId, q.party)) {
    if (kind !== 'request' && kind !== 'reply') continue
    const { message, signatures, timeStamp } = await log.read(idx)
    if (message === undefined || signatures === undefined) continue
    records.push({
      index: idx,
      isReply: kind === 'reply',
      stamped: timeStamp !== undefined,
      time: new Date(time),
    })
  }
  return records
}

function singleValues(query: Record<string, unknown>): Query {
  const values: Query = Object.create(null)
  for (const [name, value] of Object.entries(query)) {
    if (typeof value !== 'string')
      throw new Fault('invalid_request', { what: `${name.slice(0, 40)} has to stand once` })
    values[name] = value
  }
  return values
}

function required(query: Query, name: string): string {
  const value = query[name]
  if (value === undefined || value === '') throw new Fault('invalid_request', { what: `${name} is missing` })
  return value
}

function partyOf(query: Query): ClientId {
  const member = {
    instance: checkCode(required(query, 'xRoadInstance')),
    memberClass: checkCode(required(query, 'memberClass')),
    memberCode: checkCode(required(query, 'memberCode')),
  }
  const subsystem = query['subsystemCode']
  return subsystem === undefined || subsystem === ''
    ? member
    : { ...member, subsystemCode: checkCode(subsystem) }
}

/** X-Road's container name: the query id, the direction, and the record's number (ug-sigdoc). */
function containerName(queryId: string, record: EvidenceRecord): string {
  return `${fileNameOf(queryId)}-${record.isReply ? 'response' : 'request'}-${record.index}.asice`
}

function fileNameOf(queryId: string): string {
  return encodeURIComponent(queryId)
    .replace(/[^A-Za-z0-9%._-]/g, '_')
    .slice(0, 226)
}
