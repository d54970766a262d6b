/**
 * Whose credentials count now: a file, or what the registry of the instance published, as the own security
 * server gives it. What cannot be read changes nothing; a server that says nothing for too long leaves nobody
 * trusted.
 */
import { readFile, stat } from 'node:fs/promises'
import { readPublishedIssuers } from '#core/presentation/published-issuers.ts'
import { readTrustedIssuers, type TrustedIssuer } from '#core/presentation/trusted-issuers.ts'
import { type Clock, hasPassed } from '#platform/clock.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { isLoopback } from '#platform/sessions/settings.ts'
import { asFault, Fault } from '#schemas/fault.ts'

export type Issuers = {
  current(): TrustedIssuer[]
  /** Whether what is believed is what is there now. */
  isRead(): boolean
  look(): Promise<void>
}

/**
 * As long as a server may say nothing. Configurations are fetched every minute, so a withdrawal is obeyed in
 * about that time.
 */
const STALE_MS = 10 * 60_000

/** Throws `invalid_configuration` for a file that cannot be read at the start. */
export async function openIssuersFile(file: string, log: Log): Promise<Issuers> {
  let [issuers, mark, isRead] = [await read(file), await markOf(file), true]
  return {
    current: () => issuers,
    isRead: () => isRead,
    async look() {
      const now = await markOf(file)
      if (now === mark) return
      try {
        issuers = await read(file)
        isRead = true
        log.info({ issuers: issuers.length }, 'the trusted issuers were read again')
      } catch (thrown) {
        isRead = false
        log.error(
          { err: asFault(thrown) },
          'the file of trusted issuers cannot be read; those before still count',
        )
      }
      mark = now
    },
  }
}

/** `ask` is `GET /listTrustedIssuers` of the own security server, which verified who signed the list. */
export function openIssuersOfServer(q: { ask(): Promise<unknown>; clock: Clock; log: Log }): Issuers {
  let [issuers, readAt, isRead]: [TrustedIssuer[], number, boolean] = [[], Number.NEGATIVE_INFINITY, false]
  return {
    current: () => (hasPassed(q.clock(), readAt, STALE_MS) ? [] : issuers),
    isRead: () => isRead,
    async look() {
      try {
        const answer = (await q.ask()) as { issuers?: unknown } | null
        issuers = readTrustedIssuers(readPublishedIssuers(answer?.issuers))
        ;[readAt, isRead] = [q.clock(), true]
      } catch (thrown) {
        if (isRead)
          q.log.warn({ fault: asFault(thrown).code }, 'the own security server named no trusted issuers')
        isRead = false
      }
    },
  }
}

/**
 * An address in a credential leads to hosts of trusted issuers alone, and to this machine only unencrypted.
 */
export function isStatusHost({ protocol, host, hostname }: URL, issuers: Issuers): boolean {
  if (protocol !== 'https:' && !(protocol === 'http:' && isLoopback(hostname))) return false
  return issuers.current().some(({ statusHosts }) => statusHosts.includes(host))
}

async function read(file: string): Promise<TrustedIssuer[]> {
  try {
    return readTrustedIssuers(JSON.parse(await readFile(file, 'utf8')))
  } catch (cause) {
    const why = cause instanceof Fault ? `: ${String(cause.what)}` : ''
    throw new Fault('invalid_configuration', {
      what: `wallets: ${file} is no list of trusted issuers${why}`,
      cause,
    })
  }
}

async function markOf(file: string): Promise<string> {
  const facts = await stat(file).catch(() => undefined)
  return facts === undefined ? '' : `${facts.ino}.${facts.mtimeMs}.${facts.size}`
}
