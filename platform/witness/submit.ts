/**
 * Brings the newest checkpoint of our log to one witness and stores its cosignature (C2SP tlog-witness). If
 * the witness knows a tree from which ours did not grow, this is stored as a contradiction. With a note that
 * our own log signed, the contradiction proves a rollback or a fork.
 */
import { hash } from 'node:crypto'
import { readCosignature, writeSubmission } from '#core/merkle/add-checkpoint.ts'
import { type Checkpoint, noteName, parseCheckpoint, verifyNote } from '#core/merkle/checkpoint.ts'
import { verifyConsistency } from '#core/merkle/proofs.ts'
import { parseVerifierKey } from '#core/merkle/verifier-key.ts'
import type { PolicyWitness } from '#core/merkle/witness-policy.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { WITNESS_TYPE } from '#schemas/log-key.ts'
import type { AskWitness, WitnessReply } from './ask-witness.ts'

/** What a log gives to its submission. */
export type SubmittedLog = {
  logKey(): Promise<string>
  /**
   * Keys of before that are still accepted: a witness may show a checkpoint that they signed. One that ended
   * proves nothing, since it may be stolen.
   */
  olderKeys?(): Promise<string[]>
  newestCheckpoint(): Promise<string | undefined>
  proveConsistency(first: number, second: number): Promise<Buffer[]>
  putCosignature(q: { size: number; witness: string; time: string; line: string }): Promise<void>
  newestCosigned(names: string[]): Promise<{ witness: string; size: number; time: string }[]>
  putContradiction(q: ContradictionFound): Promise<boolean>
}

/**
 * `rollback`: the witness cosigned a larger tree of our log than there is. `fork`: it cosigned a tree from
 * which ours did not grow. `unproven`: it claims one of these, but shows no note that our log signed.
 * `witness-rollback`: it knows a smaller tree than it has cosigned.
 */
type ContradictionKind = 'rollback' | 'fork' | 'unproven' | 'witness-rollback'

type ContradictionFound = {
  time: string
  witness: string
  kind: ContradictionKind
  own_note: string
  known_note: string
}

type Rooms = {
  log: SubmittedLog
  /**
   * A fresh statement by the member about which key signs our checkpoints. Absent: the witness learns our key
   * from its operator.
   */
  statement?: (() => Promise<Buffer>) | undefined
  now(): Date
}

const ATTEMPTS = 4

type Submitted = { size: number } | { contradiction: ContradictionKind } | undefined

/**
 * Returns the cosigned size or the contradiction, and undefined when there is nothing new. Throws when the
 * witness does not follow the protocol.
 */
export async function submitTo(witness: PolicyWitness, ask: AskWitness, rooms: Rooms): Promise<Submitted> {
  const { log } = rooms
  const [cosigned] = await log.newestCosigned([witness.name])
  let oldSize = cosigned?.size ?? 0
  let introduced = false
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    // Read again each time, because another node may have submitted a larger checkpoint meanwhile.
    const note = await log.newestCheckpoint()
    if (note === undefined) return undefined
    const checkpoint = parseCheckpoint(note)
    const { size } = checkpoint
    if (cosigned?.size === size) return undefined
    if (oldSize > size) return contradict('rollback', note, checkpoint)
    const proof = await log.proveConsistency(oldSize, size)
    const body = Buffer.from(writeSubmission({ oldSize, proof, note }))
    const reply = await ask({ method: 'POST', path: '/add-checkpoint', body })
    if (reply.status === 200) {
      const { line, time } = readCosignature(reply.body.toString('utf8'), checkpoint.note, witness)
      await log.putCosignature({ size, witness: witness.name, time: time.toISOString(), line })
      return { size }
    }
    if (reply.status === 409) {
      // The protocol refuses another root of a size that it knows with this status as well, and promises no
      // size then.
      const told = oldSize === size && !tellsSize(reply) ? size : toldSize(reply)
      if (told === size && oldSize === size) return contradict('fork', note, checkpoint)
      if (told < (cosigned?.size ?? 0)) return contradict('witness-rollback', note, checkpoint)
      oldSize = told
    } else if (
      (reply.status === 404 || reply.status === 403) &&
      rooms.statement !== undefined &&
      !introduced
    ) {
      introduced = true
      await introduce(ask, rooms.statement)
    } else if (reply.status === 422) return contradict('fork', note, checkpoint)
    else throw refusal(reply)
  }
  throw new Fault('conflict', { what: `${witness.name} knows another size each time` })

  async function contradict(kind: ContradictionKind, ownNote: string, own: Checkpoint): Promise<Submitted> {
    const known = await knownNote(ask, own.origin)
    const isProof = known !== undefined && (await isProofOf(kind, known, own, log))
    const found = kind === 'witness-rollback' || isProof ? kind : 'unproven'
    await log.putContradiction({
      time: rooms.now().toISOString(),
      witness: witness.name,
      kind: found,
      own_note: ownNote,
      known_note: known ?? '',
    })
    return { contradiction: found }
  }
}

/** The witness does not know our log's key yet. The member's signature on the statement vouches for it. */
async function introduce(ask: AskWitness, statement: () => Promise<Buffer>): Promise<void> {
  const body = await statement()
  const reply = await ask({ method: 'POST', path: '/log-keys', body, contentType: WITNESS_TYPE.statement })
  if (reply.status >= 300) throw refusal(reply)
}

/** The checkpoint that the witness cosigned last. */
async function knownNote(ask: AskWitness, origin: string): Promise<string | undefined> {
  const reply = await ask({ method: 'GET', path: `/${hash('sha256', origin, 'hex')}/checkpoint` })
  return reply.status === 200 ? reply.body.toString('utf8') : undefined
}

/** Whether our own log signed the witness's note and our tree did not grow from it. */
async function isProofOf(
  kind: ContradictionKind,
  knownText: string,
  own: Checkpoint,
  log: SubmittedLog,
): Promise<boolean> {
  try {
    const known = parseCheckpoint(knownText)
    const texts = [await log.logKey(), ...((await log.olderKeys?.()) ?? [])]
    const keys = texts.map((text) => parseVerifierKey(text, 'log').publicKey)
    const isOurs = keys.some((key) => verifyNote(known.note, noteName(own.origin), key))
    if (known.origin !== own.origin || !isOurs) return false
    if (kind === 'rollback') return known.size > own.size
    if (known.size > own.size) return false
    const proof = await log.proveConsistency(known.size, own.size)
    const sizes = { first: known.size, second: own.size }
    return !grew({ ...sizes, firstRoot: known.root, secondRoot: own.root, proof })
  } catch (thrown) {
    if (thrown instanceof Fault && asFault(thrown).status < 500) return false
    throw thrown
  }
}

function grew(q: Parameters<typeof verifyConsistency>[0]): boolean {
  try {
    verifyConsistency(q)
    return true
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.code === 'invalid_proof') return false
    throw thrown
  }
}

/** Whether an answer has the size that the witness knows. */
export function tellsSize({ contentType }: WitnessReply): boolean {
  return contentType.split(';')[0] === WITNESS_TYPE.size
}

/** The size in a refusal by C2SP tlog-witness. Throws `malformed_checkpoint`. */
export function toldSize(reply: WitnessReply): number {
  const [, digits] = /^(0|[1-9][0-9]{0,15})\n$/.exec(reply.body.subarray(0, 20).toString('latin1')) ?? []
  const size = Number(digits)
  if (!tellsSize(reply) || !Number.isSafeInteger(size))
    throw new Fault('malformed_checkpoint', { what: 'the witness tells no size' })
  return size
}

/** What an answer says that the protocol does not foresee here. */
export function refusal({ status, body }: WitnessReply): Fault {
  const said = body
    .subarray(0, 300)
    .toString('latin1')
    .replace(/[^\x20-\x7e]/g, ' ')
  return new Fault('http_error', { what: `the witness answered ${status}: ${said}` })
}
