/**
 * The consents that another security server of the same subsystem keeps, asked for by ordinary exchanges of
 * the subsystem with itself: signed by its member, logged by both servers. What that server did not say
 * clearly is no consent.
 */
import { buffer } from 'node:stream/consumers'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import type { Clock } from '#platform/clock.ts'
import { CONSENTS, type ConsentCall, type MadeCall } from '#schemas/consents.ts'
import { asFault, Fault, type FaultCode } from '#schemas/fault.ts'
import { idText, type ServerId } from '#schemas/identifiers.ts'
import { HEADER } from '#schemas/wire.ts'
import type { ConsentQuestion } from '../../peer/consents.ts'
import { attestedBy, type ConsentSource, type Found, known, useOf } from './own-source.ts'
import type { ConsentStore } from './store.ts'
import type { UseRow } from './tables.ts'

/** What carries a message of one of our subsystems to another server. */
export type Door = {
  carry(q: { method: 'POST'; url: string; rawHeaders: string[]; body: Buffer }): Promise<{
    status: number
    body?: { size: number; bytes?: Buffer | undefined; open(): NodeJS.ReadableStream } | undefined
  }>
}

const MOST_BYTES = 64 * 1024
const AT_ONCE = 500
/** Each time is an exchange that both servers log. */
const REST_MS = 30_000
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const SHA256 = /^[0-9a-f]{64}$/
const REFUSALS = ['consent_missing', 'consent_ended', 'consent_used_up'] as const satisfies FaultCode[]

/** `subsystem`, in text form, is registered here and at `keeper`. */
export function createKeeperSource({
  keeper,
  subsystem,
  door,
  store,
  clock,
}: {
  keeper: ServerId
  subsystem: string
  door: Door
  store: Pick<ConsentStore, 'noteUses' | 'told' | 'forgetUse'>
  clock: Clock
}): ConsentSource {
  async function tell(
    path: string,
    json: object,
  ): Promise<{ status: number; json: Record<string, unknown> }> {
    const { status, body } = await door.carry({
      ...{ method: 'POST', url: `/r1/${subsystem}/${CONSENTS}${path}` },
      rawHeaders: [
        ...[HEADER.client, subsystem, HEADER.securityServer, idText(keeper)],
        ...['Content-Type', 'application/json'],
      ],
      body: Buffer.from(JSON.stringify(json)),
    })
    if (body === undefined || body.size > MOST_BYTES) throw unclear(keeper)
    const read = parseStrictJson(body.bytes ?? (await buffer(body.open())), { maxLength: MOST_BYTES })
    if (read === null || typeof read !== 'object' || Array.isArray(read)) throw unclear(keeper)
    return { status, json: read as Record<string, unknown> }
  }

  /** For what only has to be done. */
  async function report(path: string, json: object): Promise<void> {
    const { status } = await tell(path, json)
    if (status !== 200) throw unclear(keeper)
  }

  async function find(ask: ConsentQuestion): Promise<Found> {
    const { person, client, service, terms, ids } = ask
    const asked: ConsentCall = {
      ...{ person, client, service, contract: terms.contract, demand: terms.demand },
      ...{ messageId: ids.id, requestId: ids.requestId },
    }
    const { status, json } = await tell('/v1/calls', asked)
    const refusal = REFUSALS.find((code) => status === 403 && code === json['type'])
    if (refusal !== undefined)
      throw new Fault(refusal, {
        what: `${terms.contract}, as ${idText(keeper)} says${refusal === 'consent_missing' ? attestedBy(terms) : ''}`,
      })
    const { number, digest, countedAt, until } = json
    if (status !== 200 || !isText(number, UUID) || !isText(digest, SHA256)) throw unclear(keeper)
    if (until !== undefined) return { number, digest, until: timeIn(until) }
    const use = useOf(ask, number, timeIn(countedAt))
    // The person's tracker here names the consent by it.
    await known(store.noteUses([use]))
    return { number, digest, counted: use }
  }

  /** Throws `consent_unknown`. */
  function timeIn(value: unknown): number {
    const time = typeof value === 'string' ? Date.parse(value) : Number.NaN
    if (!Number.isSafeInteger(time) || Math.abs(time - clock()) > 3700 * 86_400_000) throw unclear(keeper)
    return time
  }

  return {
    async find(ask) {
      try {
        return await find(ask)
      } catch (cause) {
        const { code } = asFault(cause)
        if (code === 'consent_unknown' || (REFUSALS as readonly string[]).includes(code)) throw cause
        throw new Fault('consent_unknown', {
          ...{ what: `${idText(keeper)}, which keeps the consents, could not be asked: ${code}` },
          ...{ cause, retryAfter: 1 },
        })
      }
    },
    async addUses(uses) {
      // Told by whichever node finds them here, should this one not come to it.
      await store.noteUses(uses.map((use) => ({ ...use, to_tell: idText(keeper) })))
      for (let at = 0; at < uses.length; at += AT_ONCE) {
        const some = uses.slice(at, at + AT_ONCE)
        await report('/v1/calls/made', { calls: some.map(madeCall) })
        await store.told(some)
      }
    },
    async giveBack(use) {
      // Whether that is heard or not: it is not told again.
      await store.told([use])
      await report('/v1/calls/back', { call: madeCall(use) })
      await store.forgetUse(use)
    },
    mostRestMs: REST_MS,
  }
}

function madeCall({ number, time, service, request_id, message_id }: UseRow): MadeCall {
  return { number, time, service, requestId: request_id, messageId: message_id }
}

function isText(value: unknown, form: RegExp): value is string {
  return typeof value === 'string' && form.test(value)
}

function unclear(keeper: ServerId): Fault {
  return new Fault('consent_unknown', {
    ...{ what: `the answer of ${idText(keeper)}, which keeps the consents, is none` },
    retryAfter: 1,
  })
}
