/**
 * For tests only: what the provider's server stated of a request that got no reply, with the verdict that
 * each bundle must get.
 */
import { hash, randomUUID } from 'node:crypto'
import { faultStatement } from '#core/transport/fault-statement.ts'
import { writeSoapFault } from '#core/transport/fault-xml.ts'
import { refusalStatement } from '#core/transport/refusal-statement.ts'
import { CLIENT, HOUR, PEER, SERVICE, signed, type VerdictWorld } from './verdict-fixture.ts'

type Stated = {
  kind: 'refusal' | 'outcome-unknown'
  /** `requestHash` is that of the request. */
  statement(named: { requestId: string; requestHash: string }): Buffer
}

/** Logs a request and the statement that closed it, has both time-stamped, and makes their bundle. */
async function state(
  world: VerdictWorld,
  { kind, statement }: Stated,
): Promise<{ bundle: Buffer; at: number }> {
  const ids = { id: randomUUID(), requestId: randomUUID() }
  const request = Buffer.from(
    ['GET', '/r1/DEV/GOV/5678/population/persons', 'X-Road-Client:DEV/GOV/1234/tax']
      .concat(`x-road-request-id:${ids.requestId}`, `x-road-id:${ids.id}`, '')
      .join('\r\n'),
  )
  const common = {
    ...{ ids, client: CLIENT, service: SERVICE, peer: PEER, body: undefined, time: new Date(world.now) },
    keepDays: 365,
  }
  const asked = await world.log.append({
    ...{ ...common, kind: 'request', direction: 'out', outcome: '', message: request },
    signature: signed(world, request, world.owner, world.now),
  })
  const message = statement({ ...ids, requestHash: hash('sha512', request, 'base64') })
  const ended = await world.log.append({
    ...{ ...common, kind, direction: 'in', outcome: 'peer_fault', answers: asked.index, message },
    signature: signed(world, message, world.provider, world.now),
  })
  world.now += 60_000
  await world.log.timeStampNow()
  world.now += HOUR / 2
  return { bundle: await world.bundle(ended.index), at: world.now }
}

const fault = (type: string) => ({ type, message: 'text', detail: 'd-1' })
const refusal =
  (type: string, change: { requestId?: string; requestHash?: string } = {}): Stated['statement'] =>
  (named) =>
    refusalStatement({ ...named, ...change, fault: fault(`server.serverproxy.${type}`) })
const ofSystem =
  (change: { requestId?: string; requestHash?: string; document?: Buffer } = {}): Stated['statement'] =>
  (named) =>
    faultStatement({ document: writeSoapFault(fault('s:Own')), ...named, ...change })

const inEstonian = Buffer.from(
  writeSoapFault(fault('s:Own')).toString().replace('<faultstring>', '<!-- --><faultstring xml:lang="et">'),
)
const OTHER = hash('sha512', 'another request', 'base64')
const CASES: Record<string, Stated & { verdict: string }> = {
  'a signed refusal': {
    ...{ kind: 'refusal', statement: refusal('access_denied') },
    verdict: 'TOTAL-PASSED',
  },
  'a refusal before the body was read': {
    ...{ kind: 'refusal', statement: refusal('access_denied', { requestHash: '' }) },
    verdict: 'TOTAL-PASSED',
  },
  'the refusal of another request of the same id': {
    ...{ kind: 'refusal', statement: refusal('access_denied', { requestHash: OTHER }) },
    verdict: 'TOTAL-FAILED HASH_FAILURE',
  },
  'a signed fault of the system': {
    ...{ kind: 'outcome-unknown', statement: ofSystem() },
    verdict: 'TOTAL-PASSED',
  },
  'a signed fault of the system, with a language and a comment': {
    ...{ kind: 'outcome-unknown', statement: ofSystem({ document: inEstonian }) },
    verdict: 'TOTAL-PASSED',
  },
  'a fault in answer to another request': {
    ...{ kind: 'outcome-unknown', statement: ofSystem({ requestHash: OTHER }) },
    verdict: 'TOTAL-FAILED HASH_FAILURE',
  },
  'a fault in answer to a request of another id': {
    ...{ kind: 'outcome-unknown', statement: ofSystem({ requestId: 'another' }) },
    verdict: 'TOTAL-FAILED HASH_FAILURE',
  },
  'a signed document that is no fault': {
    ...{ kind: 'outcome-unknown', statement: ofSystem({ document: Buffer.from('<a/>') }) },
    verdict: 'TOTAL-FAILED FORMAT_FAILURE',
  },
  'the signed refusal of a copy': {
    ...{ kind: 'outcome-unknown', statement: refusal('replayed_request') },
    verdict: 'TOTAL-PASSED',
  },
  'a signed refusal that the log calls an unknown outcome': {
    ...{ kind: 'outcome-unknown', statement: refusal('access_denied') },
    verdict: 'TOTAL-FAILED FORMAT_FAILURE',
  },
  'a signed fault of the system that the log calls a refusal': {
    ...{ kind: 'refusal', statement: ofSystem() },
    verdict: 'TOTAL-FAILED FORMAT_FAILURE',
  },
}

export const STATEMENTS = Object.fromEntries(
  Object.entries(CASES).map(([name, { verdict, ...stated }]) => [
    name,
    { run: (world: VerdictWorld) => state(world, stated), verdict },
  ]),
)
