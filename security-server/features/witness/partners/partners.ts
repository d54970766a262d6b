/**
 * Partners witness each other: every tree head in a reply must be consistent with the newest verified head of
 * that server. The server itself supplies the consistency proof, on request and outside the message path. A
 * head that is not consistent is stored as evidence.
 */
import { type Checkpoint, noteName, parseCheckpoint, verifyNote } from '#core/merkle/checkpoint.ts'
import { verifyConsistency } from '#core/merkle/proofs.ts'
import { parseVerifierKey } from '#core/merkle/verifier-key.ts'
import type { Clock } from '#platform/clock.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { AskWitness } from '#platform/witness/ask-witness.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { createHeardHeads, type HeardHeads } from './heard-heads.ts'
import { parseProof } from './proof-text.ts'
import type { PartnerHead, PartnerStore } from './store.ts'
import type { PartnerContradiction } from './tables.ts'

export type Partners = {
  heard: HeardHeads['heard']
  /** Checks the heads that were heard. For a job that runs every few seconds. */
  check(): Promise<void>
  /** Whether any wait for it. */
  hasHeard(): boolean
  heads(): Promise<PartnerHead[]>
  contradictions(): Promise<PartnerContradiction[]>
  /**
   * Partners whose last head could not be verified against earlier ones, with the time of the first failure
   * and the reason.
   */
  unproven(): { server: string; since: string; reason: string }[]
  /** The number of contradictions at the last check. */
  contradictionCount(): number
}

const MAX_FAILURES = 1000

export function createPartners(q: {
  store: PartnerStore
  /** Asks the witness routes of this server by mutual TLS. */
  ask(server: string): AskWitness
  /** The origin and verifier key that a statement proves. Throws when the statement is invalid. */
  readStatement(statement: Buffer): { origin: string; logKey: string }
  clock: Clock
  logger: Pick<Log, 'error' | 'debug'>
}): Partners {
  const { store, clock, logger } = q
  const heads = createHeardHeads()
  const failures = new Map<string, { since: string; reason: string }>()
  let count = 0

  async function keyOf(server: string): Promise<string> {
    const reply = await q.ask(server)({ method: 'GET', path: '/log-key' })
    if (reply.status !== 200) throw new Fault('http_error', { what: `${server} answered ${reply.status}` })
    const { origin, logKey } = q.readStatement(reply.body)
    if (origin !== server) throw new Fault('invalid_input', { what: say`a statement about ${origin}` })
    return logKey
  }

  /**
   * Verifies the head with the known key of the server's log, or with the key in a newer statement of its
   * member. Returns the key.
   */
  async function verified(server: string, head: Checkpoint, known?: PartnerHead): Promise<string> {
    if (head.origin !== server) throw new Fault('malformed_checkpoint', { what: `it is of ${head.origin}` })
    const isSigned = (key: string): boolean =>
      verifyNote(head.note, noteName(server), parseVerifierKey(key, 'log').publicKey)
    if (known !== undefined && isSigned(known.log_key)) return known.log_key
    const key = await keyOf(server)
    if (!isSigned(key)) throw new Fault('untrusted_checkpoint', { what: server })
    return key
  }

  /** `none`: the server has fewer records, or supplies no proof. */
  async function proofBetween(
    server: string,
    first: Checkpoint,
    second: Checkpoint,
  ): Promise<'grew' | 'forked' | 'none'> {
    if (first.size === second.size) return first.root.equals(second.root) ? 'grew' : 'forked'
    const path = `/consistency-proof?first=${first.size}&second=${second.size}`
    const reply = await q.ask(server)({ method: 'GET', path })
    if (reply.status === 404) return 'none'
    if (reply.status !== 200) throw new Fault('http_error', { what: `${server} answered ${reply.status}` })
    try {
      const proof = parseProof(reply.body)
      const sizes = { first: first.size, second: second.size }
      verifyConsistency({ ...sizes, firstRoot: first.root, secondRoot: second.root, proof })
      return 'grew'
    } catch (thrown) {
      if (thrown instanceof Fault && asFault(thrown).code === 'invalid_proof') return 'forked'
      throw thrown
    }
  }

  async function look(server: string, text: string): Promise<void> {
    const note = Buffer.from(text, 'base64').toString('utf8')
    const head = parseCheckpoint(note)
    const known = await store.head(server)
    const logKey = await verified(server, head, known)
    const time = new Date(clock()).toISOString()
    const row = { server, log_key: logKey, size: head.size, root: head.root, note, time }
    if (known === undefined) return store.putHead(row)
    const before = parseCheckpoint(known.note)
    const [first, second] = head.size < before.size ? [head, before] : [before, head]
    const found = await proofBetween(server, first, second)
    if (found === 'grew') return head.size > before.size ? store.putHead(row) : undefined
    const kind = found === 'forked' ? 'fork' : 'rollback'
    const isNew = await store.putContradiction({
      server,
      time,
      kind,
      known_note: known.note,
      seen_note: note,
    })
    if (isNew)
      logger.error({ server, kind }, 'the message log of a partner contradicts itself; both heads are kept')
  }

  const fail = (server: string, { message }: Fault): void => {
    if (failures.size >= MAX_FAILURES && !failures.has(server)) return
    const since = failures.get(server)?.since ?? new Date(clock()).toISOString()
    failures.set(server, { since, reason: message })
  }

  return {
    heard: heads.heard,
    hasHeard: heads.hasAny,
    check: async () => {
      const taken = heads.take()
      await Promise.all(
        [...taken].map(async ([server, texts]) => {
          for (const text of texts) {
            try {
              await look(server, text)
              failures.delete(server)
            } catch (thrown) {
              // The next reply brings a head again. A partner that supplies no proof has not contradicted
              // itself.
              const fault = asFault(thrown)
              logger.debug({ server, err: fault }, 'the head of a partner could not be verified')
              fail(server, fault)
            }
          }
        }),
      )
      count = (await store.contradictions()).length
    },
    heads: store.heads,
    contradictions: store.contradictions,
    unproven: () => [...failures].map(([server, failure]) => ({ server, ...failure })),
    contradictionCount: () => count,
  }
}
