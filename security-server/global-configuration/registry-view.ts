/**
 * Compares the log heads that the registry signs for us with those that it signs for other servers, which
 * send us theirs. Two contradicting heads are kept as a proof. A head that we cannot reach means that our
 * view is frozen.
 */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { checkNoContradiction, type SignedHead, verifyLogHead } from '#core/configuration/log-head.ts'
import type { Clock } from '#platform/clock.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import type { LogHead } from '#schemas/global-configuration.ts'
import type { Time } from '#schemas/sent-values.ts'
import type { ConfigurationClient } from './client.ts'
import type { DurableFiles } from './durable-files.ts'
import { checkSameLog } from './fetch-log-proof.ts'

type Fork = {
  /**
   * `contradiction`: the two heads prove it; `unproven`: the registry gave no proof that one log contains the
   * other.
   */
  kind: 'contradiction' | 'unproven'
  what: string
  at: Time
  /** The signed heads. */
  heads: string[]
}

export type RegistryViewState = {
  fork: Fork | undefined
  /** A newer index that other servers know and we cannot fetch, and since when. */
  behind: { index: number; since: Date; isFrozen: boolean } | undefined
}

export type RegistryView = {
  /** Takes a log head from a peer; true when the registry has a newer configuration than ours. */
  hear(text: string | undefined, own: OwnView | undefined): boolean
  /**
   * To be called after a configuration was accepted: checks that the heads heard meanwhile belong to the same
   * log.
   */
  settle(own: OwnView, url: string): Promise<void>
  /** Keeps a head that the registry showed us and that does not follow from the known one. */
  report(fault: Fault, known: SignedHead | undefined, shown: SignedHead): Promise<void>
  forget(): Promise<void>
  state(): RegistryViewState
}

/** Our own instance: its newest head, and the certificates whose signatures count. */
export type OwnView = { newest: SignedHead; certificates: Buffer[] }

const FILE = 'fork.json'
const FROZEN_MS = 3 * 60_000
/** How many heard heads, and how many heads of our own past, are remembered. */
const REMEMBERED = 512
const MOST_PENDING = 8
/** For unknown heads: peers are authenticated, but each head costs a verification. */
const VERIFIED_PER_SECOND = 10

export function createRegistryView(q: {
  directory: string
  files: DurableFiles
  client: ConfigurationClient
  clock: Clock
  log: Log
}): RegistryView {
  const file = path.join(q.directory, FILE)
  const heard = new Set<string>()
  /** By size: heads of our own past, and heads of others that were proved to belong to the same log. */
  const known = new Map<number, SignedHead>()
  let fork = readFork(file)
  // The proof that was missing before a restart is requested again.
  let pending: SignedHead[] = fork?.kind === 'unproven' ? fork.heads.map(readHead) : []
  let ahead: { newest: SignedHead; since: number } | undefined
  let second = { at: 0, verified: 0 }

  const mayVerify = (): boolean => {
    const at = Math.floor(q.clock() / 1000)
    if (second.at !== at) second = { at, verified: 0 }
    second.verified += 1
    return second.verified <= VERIFIED_PER_SECOND
  }

  const keep = async (fault: Fault, heads: string[]): Promise<void> => {
    const kind = fault.code === 'registry_fork' ? 'contradiction' : 'unproven'
    q.log.error({ err: fault, heads }, 'the registry shows two histories')
    if (fork?.kind === 'contradiction' || (fork !== undefined && kind === 'unproven')) return
    fork = { kind, what: fault.what ?? '', at: new Date(q.clock()).toISOString(), heads }
    await q.files.replace(file, Buffer.from(`${JSON.stringify(fork, undefined, 2)}\n`))
  }

  const checkLater = (other: SignedHead): void => {
    pending = [...pending.filter(({ text }) => text !== other.text), other].slice(-MOST_PENDING)
  }

  /** Whether the head may belong to our log; a contradiction is reported. */
  const fits = (other: SignedHead, own: OwnView): boolean => {
    const before = known.get(other.head.size)
    for (const one of [...(before === undefined ? [] : [before]), own.newest, ...pending]) {
      try {
        checkNoContradiction(one.head, other.head)
      } catch (cause) {
        keep(asFault(cause), [one.text, other.text]).catch((err: unknown) =>
          q.log.error({ err: asFault(err) }, 'the proof of a fork could not be kept'),
        )
        return false
      }
    }
    return true
  }

  return {
    hear: (text, own) => {
      if (text === undefined || own === undefined || text === own.newest.text || heard.has(text)) return false
      if (!mayVerify()) return false
      remember(heard, text)
      let other: SignedHead
      try {
        other = { text, head: verifyLogHead(text, own.certificates) }
      } catch {
        // Any text; or signed with a key that we do not know yet, which the next configuration will name.
        return false
      }
      if (other.head.instance !== own.newest.head.instance || !fits(other, own)) return false
      if (known.has(other.head.size) || other.head.size === own.newest.head.size) return false
      checkLater(other)
      if (other.head.size < own.newest.head.size) return false
      if (ahead === undefined) ahead = { newest: other, since: q.clock() }
      else if (other.head.size > ahead.newest.head.size) ahead.newest = other
      return true
    },
    settle: async (own, url) => {
      heard.clear()
      if (known.size >= REMEMBERED) known.clear()
      known.set(own.newest.head.size, own.newest)
      if (ahead !== undefined && ahead.newest.head.size <= own.newest.head.size) ahead = undefined
      const [due, later] = [
        pending.filter(({ head }) => head.size <= own.newest.head.size),
        pending.filter(({ head }) => head.size > own.newest.head.size),
      ]
      pending = later
      let failed = false
      for (const other of due) {
        try {
          await checkSameLog({ client: q.client, url }, other.head, own.newest.head)
          known.set(other.head.size, other)
        } catch (cause) {
          const fault = asFault(cause)
          failed = true
          checkLater(other)
          // A missing answer proves nothing; the proof is requested again.
          if (fault.code === 'registry_fork' || fault.code === 'invalid_proof')
            await keep(fault, [other.text, own.newest.text])
        }
      }
      if (failed || fork?.kind !== 'unproven') return
      fork = undefined
      await q.files.remove(file)
    },
    report: async (fault, before, shown) => {
      if (fault.code === 'invalid_proof') checkLater(shown)
      await keep(fault, [...(before === undefined ? [] : [before.text]), shown.text])
    },
    forget: async () => {
      heard.clear()
      known.clear()
      pending = []
      ahead = undefined
      fork = undefined
      await q.files.remove(file)
    },
    state: () => ({
      fork,
      behind: ahead && {
        index: ahead.newest.head.index,
        since: new Date(ahead.since),
        isFrozen: q.clock() - ahead.since >= FROZEN_MS,
      },
    }),
  }
}

function remember(texts: Set<string>, text: string): void {
  if (texts.size >= REMEMBERED) texts.clear()
  texts.add(text)
}

/**
 * Reads what an earlier run found. Throws `io_error` for a damaged file: a proof must not get lost unnoticed.
 */
function readFork(file: string): Fork | undefined {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new Fault('io_error', { what: file, cause })
  }
  try {
    const { kind, what, at, heads } = JSON.parse(text) as Fork
    heads.map(readHead)
    return { kind: kind === 'unproven' ? 'unproven' : 'contradiction', what, at, heads }
  } catch (cause) {
    throw new Fault('io_error', { what: `${file} is damaged`, cause })
  }
}

/** A head from our own file, which was verified before it was written. */
function readHead(text: string): SignedHead {
  const payload = Buffer.from(text.split('.')[1] ?? '', 'base64url').toString()
  return { text, head: JSON.parse(payload) as LogHead }
}
