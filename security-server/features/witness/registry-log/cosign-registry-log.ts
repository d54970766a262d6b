/**
 * This server as a witness of the registry's log: it fetches the newest checkpoint, cosigns it, and brings
 * the cosignature to the registry. Guarantees that it cosigns only a tree that grew from every tree that it
 * cosigned before, also when its database was restored from a backup, and only one that has the configuration
 * that this server follows.
 */
import { randomUUID, sign } from 'node:crypto'
import { parseSubmission, type Submission } from '#core/merkle/add-checkpoint.ts'
import { verifyNote } from '#core/merkle/checkpoint.ts'
import { verifyConsistency } from '#core/merkle/proofs.ts'
import type { Clock } from '#platform/clock.ts'
import type { Finding } from '#platform/health/create-health.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { createWitness } from '#platform/witness/create-witness.ts'
import type { WitnessStore } from '#platform/witness/store.ts'
import type { WitnessKey } from '#platform/witness/witness-key.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { idText, memberOf, parseServerId, type ServerId } from '#schemas/identifiers.ts'
import { LOG_COSIGNATURE_TYPE, type LogCosignature, witnessClaim } from '#schemas/log-cosignature.ts'
import { say } from '#schemas/said.ts'
import type { Time } from '#schemas/sent-values.ts'
import type { PostDocument } from '../../../global-configuration/registration/client.ts'
import type { RegistryLog } from '../../../global-configuration/registry-log.ts'
import type { Keys } from '../../../keys/keys.ts'
import type { CosignedHead, CosignedHeads } from './cosigned-heads.ts'
import { createTellContradiction } from './tell-contradiction.ts'

export type RegistryLogWitness = {
  /** For a job on one node: cosigns the newest checkpoint, and tells the registry until it knows. */
  cosign(): Promise<void>
  /** For a job on each node: notes in this node's file what other nodes cosigned. */
  follow(): Promise<void>
  state(): Promise<RegistryLogState>
  health(): Finding
}

/** `origin` is null until the registry's log was read. */
export type RegistryLogState = {
  origin: string | null
  size: number
  cosignedAt: Time | null
  lastError: string | null
}

type Rooms = {
  server: ServerId
  key: WitnessKey
  store: Pick<WitnessStore, 'advance' | 'log' | 'keys' | 'addKey' | 'noteByHash'>
  heads: CosignedHeads
  registryLog(): Promise<RegistryLog | undefined>
  keys: Pick<Keys, 'signJson'>
  post: PostDocument
  clock: Clock
  log: Pick<Log, 'warn' | 'error'>
}

const PATH = '/registration/v1/log-cosignatures'
const MAX_ANSWER_BYTES = 4096
const ATTEMPTS = 3
/** Several rounds have failed by then. */
const LATE_MS = 600_000

export function createRegistryLogWitness(rooms: Rooms): RegistryLogWitness {
  const { key, store, heads, clock, log: logger } = rooms
  let origin: string | undefined
  /** The size that the registry has our cosignature of. */
  let delivered = 0
  let failure: { fault: Fault; since: number } | undefined
  /** What the registry showed for everybody in place of the log that its configuration is in. */
  let disputed: string | undefined
  const tell = createTellContradiction(rooms)

  /** The larger of what the database and this node's file know. */
  const larger = <H extends CosignedHead>(
    stored: H | undefined,
    of: string,
  ): H | CosignedHead | undefined => {
    const noted = heads.of(of)
    return (noted?.size ?? 0) > (stored?.size ?? 0) ? noted : stored
  }

  /**
   * Throws `inconsistent_checkpoint` unless this is the log that the configuration is in. Two heads of one
   * size are a proof, since the registry signed both: they are kept. Of two sizes there may be a wrong proof
   * only, which proves nothing.
   */
  async function checkSameLog(
    { head, headText, keys, consistency }: RegistryLog,
    submission: Submission,
    bytes: Buffer,
  ): Promise<void> {
    const { size, root } = submission.checkpoint
    const other = { size: head.size, root: Buffer.from(head.root, 'base64') }
    const [first, second] = size <= other.size ? [{ size, root }, other] : [other, { size, root }]
    const sizes = { first: first.size, second: second.size, firstRoot: first.root, secondRoot: second.root }
    try {
      const proof = first.size === second.size ? [] : await consistency(first.size, second.size)
      verifyConsistency({ ...sizes, proof })
    } catch (thrown) {
      if (asFault(thrown).code !== 'invalid_proof') throw thrown
      const { origin: of, note } = submission.checkpoint
      const isProof =
        size === other.size && keys.some(({ name, publicKey }) => isSigned(note, name, publicKey))
      if (isProof) {
        disputed = submission.note
        const refusal = { time: new Date(clock()).toISOString(), is_fork: 1, submission: bytes }
        await store.advance(of, () => ({ write: { refusal: { ...refusal, known_note: headText } } }))
      }
      logger.error(
        { origin: of, size, configurationSize: other.size, isProof },
        "the registry's log for everybody is not the one that its configuration is in, or the registry does not prove it",
      )
      throw new Fault('inconsistent_checkpoint', {
        what: say`the log for everybody and the log of the configuration differ`,
      })
    }
  }

  function witnessOf(log: RegistryLog) {
    return createWitness({
      key,
      clock,
      store: {
        ...store,
        advance: (of, decide) => store.advance(of, (known) => decide(larger(known, of))),
      },
      logs: log.keys,
      accepts: async () => false,
      readStatement: async () => {
        throw new Fault('unknown_log', { what: log.origin })
      },
      onContradiction: (of, isFork) =>
        logger.error(
          { origin: of, isFork },
          "the registry's log contradicts what was cosigned; the proof is kept",
        ),
    })
  }

  async function cosignNewest(attempt = 1): Promise<void> {
    const log = await rooms.registryLog()
    if (log === undefined) {
      origin = undefined
      // Whoever has cosigned a log does not take it for normal that the registry names none any more.
      if (!heads.isEmpty())
        throw new Fault('untrusted_checkpoint', {
          what: say`the configuration names no log of the registry any more, and this server has cosigned one`,
        })
      return
    }
    refuseServersName(log.origin)
    origin = log.origin
    const known = larger(await store.log(log.origin), log.origin)
    const bytes = await log.submission(known?.size ?? 0)
    const submission = parseSubmission(bytes)
    const { checkpoint } = submission
    if (checkpoint.origin !== log.origin)
      throw new Fault('untrusted_checkpoint', { what: say`the checkpoint is of another log` })
    if (checkpoint.size < (known?.size ?? 0))
      throw new Fault('inconsistent_checkpoint', {
        what: say`the registry shows ${checkpoint.size} entries, ${known!.size} were cosigned`,
      })
    const isKnown = checkpoint.size === known?.size && checkpoint.root.equals(known.root)
    if (isKnown && delivered === checkpoint.size) return
    await checkSameLog(log, submission, bytes)
    const answer = await witnessOf(log).addCheckpoint(bytes)
    // Another node of this server cosigned meanwhile.
    if ('size' in answer && answer.size > (known?.size ?? 0) && attempt < ATTEMPTS)
      return cosignNewest(attempt + 1)
    if (!('cosignature' in answer))
      throw new Fault('inconsistent_checkpoint', {
        what: say`the checkpoint does not follow from the one of ${answer.size} entries that was cosigned`,
      })
    await follow()
    await deliver(checkpoint.size, answer.cosignature.trimEnd())
    delivered = checkpoint.size
  }

  /** The registry hears what would prove to everybody that its log was restored, or written anew. */
  async function tellRegistry(): Promise<void> {
    try {
      const known = origin === undefined ? undefined : larger(await store.log(origin), origin)
      await tell([known?.note, disputed].filter((note) => note !== undefined))
    } catch (thrown) {
      logger.warn({ err: asFault(thrown) }, "what was cosigned of the registry's log could not be read")
    }
  }

  async function deliver(size: number, cosignature: string): Promise<void> {
    const member = memberOf(rooms.server)
    const document: LogCosignature = {
      ...{ id: randomUUID(), createdAt: new Date(clock()).toISOString() },
      ...{ signer: idText(member), server: idText(rooms.server) },
      ...{ witnessKey: key.verifierKey, size, cosignature },
      witnessProof: sign(null, Buffer.from(witnessClaim(idText(rooms.server))), key.privateKey).toString(
        'base64',
      ),
    }
    const signed = await rooms.keys.signJson({ document, type: LOG_COSIGNATURE_TYPE, member })
    await rooms.post(PATH, signed, MAX_ANSWER_BYTES)
  }

  async function follow(): Promise<void> {
    if (origin === undefined) return
    const stored = await store.log(origin)
    if (stored !== undefined) await heads.raise(origin, stored)
  }

  return {
    async cosign() {
      try {
        await cosignNewest()
        failure = undefined
      } catch (thrown) {
        const fault = asFault(thrown)
        if (fault.code === 'inconsistent_checkpoint') await tellRegistry()
        // Logged once, and not every minute while it lasts.
        if (failure === undefined) logger.warn({ err: fault }, "the registry's log is not cosigned")
        failure = { fault, since: failure?.since ?? clock() }
      }
    },
    async follow() {
      // A node that does not cosign itself learns the name of the log from the configuration, also when it is
      // another one than before.
      const named = (await rooms.registryLog())?.origin
      if (named !== undefined) refuseServersName(named)
      origin = named
      await follow()
    },
    async state() {
      const known = origin === undefined ? undefined : larger(await store.log(origin), origin)
      return {
        origin: origin ?? null,
        size: known?.size ?? 0,
        cosignedAt: known?.time ?? null,
        lastError: failure?.fault.message ?? null,
      }
    },
    health: () => {
      if (failure === undefined || clock() - failure.since < LATE_MS) return { ok: true }
      return { ok: true, reason: failure.fault.message }
    },
  }
}

/** False for a forged signature too. */
function isSigned(...of: Parameters<typeof verifyNote>): boolean {
  try {
    return verifyNote(...of)
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.status < 500) return false
    throw thrown
  }
}

/** A registry could otherwise advance what this witness knows of the message log of a server. */
function refuseServersName(origin: string): void {
  try {
    parseServerId(origin)
  } catch {
    return
  }
  throw new Fault('untrusted_checkpoint', { what: say`the registry's log has the name of a server` })
}
