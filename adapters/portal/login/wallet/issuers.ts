/** Whose credentials count now: the file of trusted issuers, read again when it has changed. What cannot be read changes nothing. */
import { readFile, stat } from 'node:fs/promises'
import { readTrustedIssuers, type TrustedIssuer } from '#core/presentation/trusted-issuers.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { asFault, Fault } from '#schemas/fault.ts'

export type Issuers = {
  current(): TrustedIssuer[]
  /** Whether the file is what is believed. */
  isRead(): boolean
  look(): Promise<void>
}

/** Throws `invalid_configuration` for a file that cannot be read at the start. */
export async function openIssuers(file: string, log: Log): Promise<Issuers> {
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
