/**
 * For tests only: deliveries in a real log, well documented and forged, with the verdict that each bundle
 * must get.
 */
import { hash, randomUUID } from 'node:crypto'
import { type Receipt, writeReceipt } from '#core/delivery/receipt.ts'
import { parseRestRequest } from '#core/transport/rest-request.ts'
import { requestHash, writeRestResponse } from '#core/transport/rest-response.ts'
import { CLIENT, HOUR, PEER, SERVICE, signed, type VerdictWorld } from './verdict-fixture.ts'

type Delivery = {
  /** How far it comes. */
  until?: 'accepted' | 'delivered' | 'consumed' | 'expired'
  /** Attempts before the one that is answered. */
  failed?: number
  /** What the last receipt says instead. */
  forged?: Partial<Receipt>
  /** Who signs the last receipt instead. */
  signer?: VerdictWorld['owner']
  /** What the leaf of the last receipt says instead. */
  outcome?: string
}

const EVENT = Buffer.from('{"id":"A-1","source":"/tax","specversion":"1.0","type":"org.example.assessed"}')

/** Logs a delivery at the sending server, has it time-stamped, and makes the bundle of its last record. */
async function deliver(world: VerdictWorld, o: Delivery = {}): Promise<{ bundle: Buffer; at: number }> {
  const { until = 'consumed', failed = 0 } = o
  const id = `DEV-${randomUUID()}`
  const now = (): Date => new Date(world.now)
  const common = { client: CLIENT, service: SERVICE, body: undefined, keepDays: 365 }
  const said = (kind: Receipt['kind'], more: Partial<Receipt>) => ({
    ...{ kind, delivery: id, client: 'DEV/GOV/1234/tax', service: 'DEV/GOV/5678/population/persons' },
    ...{ server: 'DEV/GOV/1234/ss1', eventSource: '/tax', eventId: 'A-1', time: now().toISOString() },
    ...{ eventDigest: hash('sha512', EVENT, 'base64'), means: '', reason: '', arrived: 'no', ...more },
  })
  const receipt = async (kind: Receipt['kind'], more: Partial<Receipt>, isLast: boolean): Promise<number> => {
    const message = writeReceipt(said(kind, { ...more, ...(isLast && o.forged) }) as Receipt)
    const isTheirs = more.arrived === 'yes'
    const signer = isLast ? o.signer : undefined
    const { index } = await world.log.append({
      ...{ ...common, kind, direction: isTheirs ? 'in' : 'out', ids: { id, requestId: '' }, time: now() },
      ...{ message, peer: isTheirs ? PEER : undefined },
      outcome: (isLast && o.outcome) || (kind === 'consumed' ? 'ok' : (more.reason ?? '')),
      signature: signed(world, message, signer ?? (isTheirs ? world.provider : world.owner), world.now),
    })
    return index
  }
  let last = await receipt('accepted', {}, until === 'accepted')
  if (until !== 'accepted') {
    for (let i = 0; i < failed; i++) await carry(world, { id, isAnswered: false })
    if (until !== 'expired') last = await carry(world, { id, isAnswered: true })
  }
  const theirs = { arrived: 'yes', server: 'DEV/GOV/5678/ss2' } as const
  if (until === 'consumed') last = await receipt('consumed', { ...theirs, means: 'pull' }, true)
  if (until === 'expired')
    last = await receipt('abandoned', { arrived: 'unknown', reason: 'delivery_expired' }, true)
  world.now += 60_000
  await world.log.timeStampNow()
  world.now += HOUR / 2
  return { bundle: await world.bundle(last), at: world.now }
}

/** Logs one exchange with the event as its body; returns the index of its last record. */
async function carry(world: VerdictWorld, q: { id: string; isAnswered: boolean }): Promise<number> {
  const ids = { id: q.id, requestId: randomUUID() }
  const message = Buffer.from(
    ['POST', '/r1/DEV/GOV/5678/population/persons', 'X-Road-Client:DEV/GOV/1234/tax']
      .concat(`x-road-request-id:${ids.requestId}`, `x-road-id:${ids.id}`, '')
      .join('\r\n'),
  )
  const pending = world.log.spool.begin({ maxBytes: 1024 })
  await pending.write(EVENT)
  const body = await pending.end()
  const common = { ids, client: CLIENT, service: SERVICE, peer: PEER, time: new Date(world.now) }
  const asked = await world.log.append({
    ...{ ...common, kind: 'request', direction: 'out', outcome: '', message, body },
    signature: signed(world, message, world.owner, world.now, [EVENT]),
  })
  if (!q.isAnswered) {
    const nothing = { message: undefined, body: undefined, signature: undefined, answers: asked.index }
    const closed = { ...common, ...nothing, outcome: 'peer_timeout' }
    return (await world.log.append({ ...closed, kind: 'outcome-unknown', direction: 'out' })).index
  }
  const [messageSha512, bodySha512] = [hash('sha512', message, 'buffer'), hash('sha512', EVENT, 'buffer')]
  const reply = writeRestResponse({
    ...{ status: 200, reason: 'OK', headers: [], requestId: ids.requestId },
    request: { ...parseRestRequest(message), id: ids.id },
    requestHash: requestHash({ message: messageSha512, body: bodySha512 }),
  })
  const answered = await world.log.append({
    ...{ ...common, kind: 'reply', direction: 'in', outcome: 'ok', answers: asked.index, message: reply },
    ...{ body: undefined, signature: signed(world, reply, world.provider, world.now) },
  })
  return answered.index
}

const OTHER_EVENT = hash('sha512', 'another event', 'base64')

export const DELIVERIES: Record<
  string,
  { run(world: VerdictWorld): ReturnType<typeof deliver>; verdict: string }
> = {
  'a delivery with its receipts': { run: (world) => deliver(world), verdict: 'TOTAL-PASSED' },
  'a delivery that needed three exchanges': {
    run: (world) => deliver(world, { failed: 2 }),
    verdict: 'TOTAL-PASSED',
  },
  'a delivery that was accepted only': {
    run: (world) => deliver(world, { until: 'accepted' }),
    verdict: 'TOTAL-PASSED',
  },
  'the exchange of a delivery, with what was accepted': {
    run: (world) => deliver(world, { until: 'delivered' }),
    verdict: 'TOTAL-PASSED',
  },
  'a delivery that expired while nobody knew whether it had arrived': {
    run: (world) => deliver(world, { until: 'expired', failed: 1 }),
    verdict: 'TOTAL-PASSED',
  },
  'the receipt names another event than the one that was carried': {
    run: (world) => deliver(world, { forged: { eventDigest: OTHER_EVENT } }),
    verdict: 'TOTAL-FAILED HASH_FAILURE',
  },
  'the receipt names another delivery than its record': {
    run: (world) => deliver(world, { forged: { delivery: 'DEV-other' } }),
    verdict: 'TOTAL-FAILED HASH_FAILURE',
  },
  'the receipt names another server than the one that gave it': {
    run: (world) => deliver(world, { forged: { server: 'DEV/GOV/5678/ss9' } }),
    verdict: 'TOTAL-FAILED HASH_FAILURE',
  },
  'the leaf says another outcome than the receipt': {
    run: (world) => deliver(world, { until: 'expired', outcome: 'delivery_discarded' }),
    verdict: 'TOTAL-FAILED HASH_FAILURE',
  },
  'the sender signed that the receiver had consumed it': {
    run: (world) => deliver(world, { signer: world.owner }),
    verdict: 'INDETERMINATE SIG_CONSTRAINTS_FAILURE',
  },
}
