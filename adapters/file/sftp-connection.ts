/**
 * One connection to an SFTP server, made when it is needed and again when it was lost. Nothing is sent, and
 * no password shown, to a server whose key is not among those of the settings.
 */
import { createHash } from 'node:crypto'
import ssh2, { type Algorithms, type SFTPWrapper } from 'ssh2'
import { readSecret } from '#platform/configuration/read-secret.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { Fault } from '#schemas/fault.ts'
import type { SourceSettings } from './settings.ts'

type Done<T> = (error: Error | null | undefined, result?: T) => void

export type SftpConnection = {
  /**
   * Runs one operation. Throws what the server or the library says, `source_unavailable` or `source_timeout`.
   */
  call<T>(act: (sftp: SFTPWrapper, done: Done<T>) => void): Promise<T>
  close(): void
}

const PORT = 22
const CONNECT_MS = 10_000
const SESSION_MS = 12_000
/** An operation that takes longer has hung: the connection is given up with all that wait for it. */
const OPERATION_MS = 20_000
const KEEP_ALIVE = { keepaliveInterval: 10_000, keepaliveCountMax: 3 }
/** A server that refuses is not asked at every request: it may lock the account. */
const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 30_000
/** What ssh2 offers of itself, without SHA-1 and compression. */
const ALGORITHMS: Algorithms = {
  serverHostKey: [
    ...(['ssh-ed25519', 'ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521'] as const),
    ...(['rsa-sha2-512', 'rsa-sha2-256'] as const),
  ],
  hmac: [
    ...(['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com'] as const),
    ...(['hmac-sha2-256', 'hmac-sha2-512'] as const),
  ],
  compress: ['none'],
}

/** Throws `invalid_configuration` for a secret that cannot be read. */
export async function openConnection(source: SourceSettings, log: Log): Promise<SftpConnection> {
  const options = {
    ...{ host: source.host!, port: source.port ?? PORT, username: source.user! },
    ...(await secretOf(source)),
    ...{ algorithms: ALGORITHMS, readyTimeout: CONNECT_MS, ...KEEP_ALIVE },
  }
  let current: Promise<SFTPWrapper> | undefined
  let client: ssh2.Client | undefined
  let failures = 0
  let last: Fault | undefined
  let notBefore = 0

  const connect = (): Promise<SFTPWrapper> => {
    const { promise, resolve, reject } = Promise.withResolvers<SFTPWrapper>()
    const mine = new ssh2.Client()
    client = mine
    let shown: string | undefined
    let isLost = false
    // The library's own time ends with the log-in; a server could answer no more after it, and seem alive.
    const late = setTimeout(() => lost(), SESSION_MS)
    const lost = (cause?: Error): void => {
      if (isLost) return
      isLost = true
      clearTimeout(late)
      if (client === mine) [client, current] = [undefined, undefined]
      const isOther = shown !== undefined && !source.hostKeys!.includes(shown)
      const what = isOther ? 'the server shows another key than source.hostKeys' : undefined
      if (isOther) log.error({ shown }, what)
      reject(new Fault('source_unavailable', { what, cause }))
      mine.destroy()
    }
    // Each operation waits for its answer: what it sends must not wait for more.
    mine.on('connect', () => void mine.setNoDelay(true))
    mine.on('ready', () =>
      mine.sftp((error, sftp) => {
        if (error !== undefined) return lost(error)
        sftp.on('error', lost)
        sftp.on('close', () => lost())
        clearTimeout(late)
        resolve(sftp)
      }),
    )
    mine.on('error', lost)
    mine.on('close', () => lost())
    const hostVerifier = (key: Buffer): boolean => {
      shown = `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`
      return source.hostKeys!.includes(shown)
    }
    mine.connect({ ...options, hostVerifier })
    return promise
  }

  const connected = async (): Promise<SFTPWrapper> => {
    if (current === undefined) {
      if (performance.now() < notBefore) throw new Fault('source_unavailable', { what: last?.what })
      current = connect()
      current.then(
        () => {
          failures = 0
        },
        (cause: unknown) => {
          last = cause instanceof Fault ? cause : undefined
          notBefore = performance.now() + Math.min(FIRST_PAUSE_MS * 2 ** failures++, LONGEST_PAUSE_MS)
        },
      )
    }
    return current
  }

  return {
    call: async (act) => {
      const sftp = await connected()
      const mine = client
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          mine?.destroy()
          reject(new Fault('source_timeout'))
        }, OPERATION_MS)
        const done: Done<unknown> = (error, result) => {
          clearTimeout(timer)
          if (error) reject(error)
          else resolve(result as never)
        }
        try {
          act(sftp, done)
        } catch (thrown) {
          // The library throws when the channel was closed a moment ago.
          done(thrown as Error)
        }
      })
    },
    close: () => {
      client?.end()
      client?.destroy()
    },
  }
}

async function secretOf({
  keyFile,
  passwordFile,
}: SourceSettings): Promise<{ privateKey: string } | { password: string }> {
  if (keyFile === undefined) return { password: await readSecret(passwordFile!) }
  const privateKey = await readSecret(keyFile)
  const parsed = ssh2.utils.parseKey(privateKey)
  // Its text may quote the key, so it is not a cause.
  if (parsed instanceof Error)
    throw new Fault('invalid_configuration', { what: `${keyFile} holds no private key without a passphrase` })
  return { privateKey }
}
