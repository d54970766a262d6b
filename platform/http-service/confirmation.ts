/**
 * Operations with `x-passkey` are acts of great weight. Where the policy says so, a person confirms each with
 * a passkey: for exactly this act, in this session, once. So neither a stolen session nor a page that
 * somebody left open does one.
 */
import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { Caller } from './caller.ts'
import type { CallInput } from './four-eyes.ts'

/** What passkeys do for it. `act` is the digest of the act. */
export type Confirmation = {
  /** Whether the caller is a person with a passkey that serves. */
  hasOne(caller: Caller): Promise<boolean>
  /**
   * Whether an administrator, who could give others the code for one, has a passkey, or lost one within a
   * day.
   */
  administratorHasOne(): Promise<boolean>
  /** Throws `passkey_needed` for a caller who has none. */
  challengeFor(caller: Caller, act: string): Promise<{ challenge: string; rpId: string }>
  /** The passkey that confirmed it. Throws `passkey_refused`. */
  confirm(caller: Caller, act: string, given: string): Promise<{ id: string; name: string }>
}

/** What the audit log says of a confirmed act. */
export type Confirmed = { confirmedBy: { passkey: { id: string; name: string }; actSha256: string } }

const GIVEN = 'x-passkey-assertion'

/**
 * Confirms the act by the request's assertion. Without one the answer is `passkey_needed` with a challenge
 * for this act in its headers. Throws `passkey_needed`, `passkey_refused`, `invalid_input`.
 */
export async function confirmAct(
  exchange: { headers: IncomingHttpHeaders; setHeader(name: string, value: string): unknown },
  confirmation: Confirmation,
  act: CallInput & { operation: string; caller: Caller },
): Promise<Confirmed> {
  const actSha256 = digestOf(act, exchange.headers['x-reason'])
  const given = exchange.headers[GIVEN]
  if (typeof given === 'string')
    return { confirmedBy: { passkey: await confirmation.confirm(act.caller, actSha256, given), actSha256 } }
  const { challenge, rpId } = await confirmation.challengeFor(act.caller, actSha256)
  exchange.setHeader('x-passkey-challenge', challenge)
  exchange.setHeader('x-passkey-rp-id', rpId)
  throw new Fault('passkey_needed')
}

/** SHA-256 of the act as canonical JSON (RFC 8785), with bytes as their own digest. */
function digestOf(
  { operation, params, query, body }: CallInput & { operation: string },
  reason: unknown,
): string {
  const given = Buffer.isBuffer(body) ? { sha256: sha256(body) } : { json: body ?? null }
  try {
    return sha256(
      canonicalJson({
        operation,
        params: { ...params },
        query: { ...query },
        body: given,
        reason: reason ?? null,
      }),
    )
  } catch (cause) {
    throw new Fault('invalid_input', { what: say`it cannot be kept as canonical JSON`, cause })
  }
}

function sha256(of: string | Buffer): string {
  return createHash('sha256').update(of).digest('hex')
}
