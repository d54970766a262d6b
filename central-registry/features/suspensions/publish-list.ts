/**
 * Publishes the suspension list. Guarantees that the list names who is suspended at that moment, has the next
 * number and is signed with the key that signs the configuration. It is renewed far more often than the
 * configuration is published.
 */

import { documentSignerOf } from '#core/configuration/signed-document.ts'
import { signSuspensionList } from '#core/configuration/suspension-list.ts'
import type { Within } from '#platform/database/open-database.ts'
import type { Jobs } from '#platform/jobs/create-jobs.ts'
import { Fault } from '#schemas/fault.ts'
import { checkNotRestored, type HighWater } from '../../configuration/high-water.ts'
import type { PrivateKeys } from '../../configuration/signing-keys/private-keys.ts'
import { ESCALATE } from './escalate.ts'
import type { SignedList, SuspensionStore } from './store.ts'

export const RENEW_LIST = 'renew-suspension-list'
export const RENEW_LIST_SECONDS = 30

type SuspensionListPublisher = {
  /**
   * Signs a new list. Undefined before the system is initialised and has a signing key. Throws
   * `global_conf_rollback`, `registry_restored` or `cannot_sign`.
   */
  renew(): Promise<SignedList | undefined>
  /** Renews the list when there is none, or the newest was not renewed in time. */
  ensure(): Promise<SignedList | undefined>
}

export function createSuspensionListPublisher(rooms: {
  store: Pick<SuspensionStore, 'sign' | 'newestList' | 'activeKey'>
  privateKeys: Pick<PrivateKeys, 'open' | 'ready'>
  highWater: HighWater
  remember(): Promise<void>
  now(): Date
  suspensionListSeconds: number
}): SuspensionListPublisher {
  const renew = async (): Promise<SignedList | undefined> => {
    const active = await rooms.store.activeKey()
    if (active !== undefined) await rooms.privateKeys.ready(active.id)
    const mark = await rooms.highWater.read()
    const list = await rooms.store.sign(async ({ suspended, last, instance, signingKey }) => {
      if (instance === undefined || signingKey === undefined) return undefined
      checkNotRestored(last, mark, 'suspension list')
      const number = Math.max(last, mark) + 1
      if (!Number.isSafeInteger(number)) throw new Fault('internal_error', { what: 'no number is left' })
      const now = rooms.now()
      const issuedAt = now.toISOString()
      const expiresAt = new Date(now.getTime() + rooms.suspensionListSeconds * 1000).toISOString()
      const entries = suspended.map(({ kind, subject, suspended_at }) => ({
        ...{ kind, id: subject, since: suspended_at },
      }))
      const signer = documentSignerOf(signingKey.certificate, await rooms.privateKeys.open(signingKey.id))
      const content = await signSuspensionList(
        { instance, number, issuedAt, expiresAt, suspended: entries },
        signer,
      )
      return { number, issuedAt, expiresAt, content }
    })
    if (list !== undefined) {
      await rooms.highWater.raise(list.number)
      await rooms.remember()
    }
    return list
  }
  return {
    renew,
    ensure: async () => {
      const newest = await rooms.store.newestList()
      const age = rooms.now().getTime() - Date.parse(newest?.issuedAt ?? '1970-01-01T00:00:00Z')
      return newest !== undefined && age < 2000 * RENEW_LIST_SECONDS ? newest : renew()
    },
  }
}

/**
 * For `createChange`: has the list signed anew and announces suspensions to those who must confirm, as soon
 * as the change is committed.
 */
export function announceSuspensions(jobs: Pick<Jobs, 'enqueue'>): (transaction: Within) => Promise<void> {
  return async (within) => {
    await jobs.enqueue(RENEW_LIST, null, { key: 'change', within })
    await jobs.enqueue(ESCALATE, null, { key: 'change', within })
  }
}
