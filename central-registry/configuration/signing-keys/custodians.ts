/**
 * The PIN of the signing token in two parts, each known to one custodian. Guarantees that the token is opened
 * only after two different people have each entered their part. The parts are only in memory, for at most a
 * quarter of an hour, and are erased after one attempt to open the token.
 */
import type { Clock } from '#platform/clock.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import { createTurn } from '#platform/in-turn.ts'
import type { HardwareToken, TokenState } from '#platform/pkcs11/hardware-token.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'

export type PartNumber = 1 | 2

type SigningTokenState = TokenState & {
  label: string
  /** The parts that were entered and wait for the other one. */
  parts: { part: PartNumber; by: string; until: string }[]
}

export type Custodians = {
  state(): SigningTokenState
  /**
   * Stores a part in memory. When the other part is there, opens the token with both. Throws
   * `not_second_person` when one person entered both, `key_without_person` for an API key where persons are
   * required, `conflict` while the token is open, and any fault of the login.
   */
  give(
    part: PartNumber,
    pinPart: string,
    by: Pick<Caller, 'kind' | 'id' | 'name'>,
  ): Promise<SigningTokenState>
  /** Locks the token and erases the parts. */
  lock(): Promise<void>
}

type Part = { bytes: Buffer; by: Pick<Caller, 'id' | 'name'>; until: number; timer: NodeJS.Timeout }

const KEPT_MS = 15 * 60_000

export function createCustodians(q: {
  token: HardwareToken
  /** Whether only persons, not API keys, may be custodians now. */
  personsRequired(): Promise<boolean>
  clock: Clock
}): Custodians {
  const parts = new Map<PartNumber, Part>()
  const inTurn = createTurn()

  function forget(part: PartNumber): void {
    const held = parts.get(part)
    clearTimeout(held?.timer)
    held?.bytes.fill(0)
    parts.delete(part)
  }

  function forgetOld(): void {
    for (const [part, { until }] of parts) if (q.clock() >= until) forget(part)
  }

  function state(): SigningTokenState {
    forgetOld()
    return {
      label: q.token.label,
      ...q.token.state(),
      parts: [...parts]
        .sort(([a], [b]) => a - b)
        .map(([part, { by, until }]) => ({ part, by: by.name, until: new Date(until).toISOString() })),
    }
  }

  function keep(part: PartNumber, bytes: Buffer, by: Part['by']): void {
    forget(part)
    const timer = setTimeout(() => forget(part), KEPT_MS)
    timer.unref()
    parts.set(part, { bytes, by: { id: by.id, name: by.name }, until: q.clock() + KEPT_MS, timer })
  }

  async function open(): Promise<void> {
    const pin = Buffer.concat([parts.get(1)!.bytes, parts.get(2)!.bytes])
    try {
      await q.token.login(pin)
    } finally {
      pin.fill(0)
      forget(1)
      forget(2)
    }
  }

  return {
    state,
    give: (part, pinPart, by) =>
      inTurn(async () => {
        if (by.kind !== 'person' && (await q.personsRequired()))
          throw new Fault('key_without_person', { what: say`a custodian gives a part in person` })
        if (q.token.state().state === 'open')
          throw new Fault('conflict', { what: say`the token is open; lock it first to give its PIN anew` })
        forgetOld()
        const other = parts.get(part === 1 ? 2 : 1)
        if (other?.by.id === by.id)
          throw new Fault('not_second_person', { what: say`the other part of the PIN came from you` })
        keep(part, Buffer.from(pinPart.normalize('NFC')), by)
        if (other !== undefined) await open()
        return state()
      }),
    lock: () =>
      inTurn(async () => {
        forget(1)
        forget(2)
        await q.token.logout()
      }),
  }
}
