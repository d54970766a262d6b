/**
 * Our token at an OpenBao or Vault: got by the role or from the file of the settings, renewed after half of
 * its life, got anew when it can be renewed no more. It is in memory only.
 */
import { hasPassed } from '#platform/clock.ts'
import { readSecret } from '#platform/configuration/read-secret.ts'
import type { TransitAnswer, TransitCall } from './client.ts'

export type TransitAuth = { tokenFile: string } | { roleId: string; secretIdFile: string; mount: string }

/** `endsAt`: ms; undefined for a token without an end. */
export type Lease = {
  token: string
  from: number
  endsAt: number | undefined
  isRenewable: boolean
}

/** Sends a call, with the token where one is given; throws for what is no answer. */
type Send = (call: TransitCall, token?: string) => Promise<TransitAnswer>

/** A lease, or the answer that refuses it. */
export async function takeLease(auth: TransitAuth, send: Send, now: number): Promise<Lease | TransitAnswer> {
  if ('tokenFile' in auth) {
    const token = await readSecret(auth.tokenFile)
    const answer = await send({ method: 'GET', path: 'auth/token/lookup-self' }, token)
    return answer.status === 200 ? leaseOf(token, answer.json['data'], 'ttl', now) : answer
  }
  const body = { role_id: auth.roleId, secret_id: await readSecret(auth.secretIdFile) }
  const answer = await send({ method: 'POST', path: `auth/${auth.mount}/login`, body })
  const given = (answer.json['auth'] ?? {}) as Record<string, unknown>
  const token = given['client_token']
  return answer.status === 200 && typeof token === 'string'
    ? leaseOf(token, given, 'lease_duration', now)
    : answer
}

/** Whether an answer refuses us, and not only now, or here. */
export function isRefusal({ status }: Pick<TransitAnswer, 'status'>): boolean {
  return status >= 400 && status < 500 && status !== 429
}

/**
 * The longer lease; undefined when it can be renewed no more, and another token has to be got; the answer of
 * a server that is busy.
 */
export async function renewLease(
  lease: Lease,
  send: Send,
  now: number,
): Promise<Lease | TransitAnswer | undefined> {
  const answer = await send({ method: 'POST', path: 'auth/token/renew-self', body: {} }, lease.token)
  if (answer.status !== 200) return isRefusal(answer) ? undefined : answer
  const longer = leaseOf(lease.token, answer.json['auth'], 'lease_duration', now)
  // At the end of its longest life a renewal adds nothing.
  return (longer.endsAt ?? Number.POSITIVE_INFINITY) > (lease.endsAt ?? 0) ? longer : undefined
}

/** Half of its life is over. */
export function isLeaseOld({ from, endsAt }: Lease, now: number): boolean {
  return endsAt !== undefined && hasPassed(now, from, (endsAt - from) / 2)
}

function leaseOf(token: string, given: unknown, name: 'ttl' | 'lease_duration', now: number): Lease {
  const { [name]: seconds, renewable } = (given ?? {}) as Record<string, unknown>
  const life = typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : undefined
  return {
    ...{ token, from: now, endsAt: life === undefined ? undefined : now + life },
    isRenewable: renewable === true,
  }
}
