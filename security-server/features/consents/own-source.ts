/** The consents that this server keeps, as calls take them: from the database, which all nodes share. */
import type { Clock } from '#platform/clock.ts'
import { Fault } from '#schemas/fault.ts'
import type { ConsentQuestion } from '../../peer/consents.ts'
import type { NameOf } from './people-names.ts'
import { stateOf } from './state-of.ts'
import type { ConsentStore } from './store.ts'
import { nextStretch, stretchOf } from './stretches.ts'
import type { ConsentRow, UseRow } from './tables.ts'
import type { CallToTake } from './take-store.ts'

/**
 * A consent for a call: `counted` for this one alone, else good for calls until then (ms), each of which is
 * told afterwards.
 */
export type Found = { number: string; digest: string } & ({ counted: UseRow } | { until: number })

/** Where the consents of calls come from. */
export type ConsentSource = {
  /** Throws as `Consents.take` does. */
  find(ask: ConsentQuestion): Promise<Found>
  /**
   * Calls that were made and not counted. What is told twice counts once. Throws while it cannot be written.
   */
  addUses(uses: readonly UseRow[]): Promise<void>
  /** For a call that was not made after all. Throws while it cannot be written: then it stays counted. */
  giveBack(use: UseRow, ask: ConsentQuestion): Promise<void>
  /** The longest rest before it is told again what it did not take. */
  readonly mostRestMs: number
}

const REST_MS = 500

export function createOwnSource({
  store,
  nameOf,
  clock,
}: {
  store: Pick<ConsentStore, 'newest' | 'take' | 'giveBack' | 'addUses'>
  nameOf: NameOf
  clock: Clock
}): ConsentSource {
  /** Throws why there is none. */
  async function refuse(
    key: Pick<CallToTake, 'person' | 'client' | 'contract'>,
    ask: ConsentQuestion,
  ): Promise<never> {
    const now = clock()
    const { contract, demand, rule } = ask.terms
    const row = await known(store.newest(key))
    if (row === undefined || row.demand !== demand) throw missing(ask)
    refuseEnded(row, ask, now)
    // Given, or given back, meanwhile; or its row is locked.
    if (rule.frequency === undefined || !isFull(row, rule.frequency, now))
      throw new Fault('consent_unknown', { what: contract, retryAfter: 1 })
    const again = nextStretch(now, rule.frequency.per)
    throw new Fault('consent_used_up', { what: `${contract}, again at ${again}` })
  }

  return {
    async find(ask) {
      const { client, terms } = ask
      const { contract, demand, rule } = terms
      const key = { person: await known(nameOf(ask.person)), client, contract }
      if (rule.frequency === undefined && !rule.kinds.includes('once')) {
        const row = await known(store.newest(key))
        if (row === undefined || row.demand !== demand) throw missing(ask)
        refuseEnded(row, ask, clock())
        return { number: row.number, digest: row.digest, until: Date.parse(row.valid_until) }
      }
      const { frequency } = rule
      const found = await known(store.take({ ...key, demand, frequency, use: hereOf(callOf(ask)) }, clock))
      if (found === undefined) return await refuse(key, ask)
      const { number, digest, counted, valid_until } = found
      return counted ? { number, digest, counted } : { number, digest, until: Date.parse(valid_until) }
    },
    addUses: (uses) => store.addUses(uses.map(hereOf)),
    giveBack(use, { terms }) {
      const { frequency } = terms.rule
      const stretch = frequency === undefined ? '' : stretchOf(Date.parse(use.time), frequency.per)
      return store.giveBack(use, stretch)
    },
    mostRestMs: REST_MS,
  }
}

export function useOf(ask: ConsentQuestion, number: string, now: number): UseRow {
  return { number, time: new Date(now).toISOString(), ...callOf(ask) }
}

function callOf({ client, service, ids }: ConsentQuestion): Omit<UseRow, 'number' | 'time'> {
  return { service, client, request_id: ids.requestId, message_id: ids.id, to_tell: null }
}

/** Its client is that of its consent, which is here. */
function hereOf<T extends Pick<UseRow, 'client'>>(use: T): T {
  return { ...use, client: null }
}

/** Whether no call more is allowed in this stretch of time. */
function isFull(
  { stretch, stretch_uses: inIt }: Pick<ConsentRow, 'stretch' | 'stretch_uses'>,
  { times, per }: NonNullable<CallToTake['frequency']>,
  now: number,
): boolean {
  const present = stretchOf(now, per)
  // A later one: the clock of this node is behind.
  return stretch > present || (stretch === present && inIt >= times)
}

/** Throws `consent_ended` and `consent_used_up`. Which of the two ends it was is the person's to tell. */
function refuseEnded(row: Parameters<typeof stateOf>[0], { terms }: ConsentQuestion, now: number): void {
  const state = stateOf(row, now)
  if (state === 'ACTIVE') return
  if (state === 'USED_UP')
    throw new Fault('consent_used_up', { what: `${terms.contract}: it was for one call` })
  throw new Fault('consent_ended', { what: terms.contract })
}

function missing({ terms, client }: ConsentQuestion): Fault {
  return new Fault('consent_missing', { what: `${terms.contract}, ${client}${attestedBy(terms)}` })
}

/** What a wallet has to attest with the consent, for whoever is refused without one. */
export function attestedBy({ rule: { attributes } }: ConsentQuestion['terms']): string {
  if (attributes === undefined) return ''
  return `; with the consent their wallet has to attest ${attributes.map(({ name }) => name).join(', ')}`
}

export async function known<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked
  } catch (cause) {
    throw new Fault('consent_unknown', { cause, retryAfter: 1 })
  }
}
