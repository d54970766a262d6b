/**
 * A witness (C2SP tlog-witness): cosigns a checkpoint if the log's key signed it and its tree grew from the
 * last cosigned one. A cosignature is returned only after its content is durable, and the size of a log never
 * decreases.
 */

import { parseSubmission, type Submission } from '#core/merkle/add-checkpoint.ts'
import { addCosignature, addSignature, noteName, verifyNote } from '#core/merkle/checkpoint.ts'
import { judgeSubmission, NOTHING_KNOWN } from '#core/merkle/judge-submission.ts'
import { parseVerifierKey, type VerifierKey } from '#core/merkle/verifier-key.ts'
import type { Clock } from '#platform/clock.ts'
import { Fault } from '#schemas/fault.ts'
import type { Advance, WitnessStore } from './store.ts'
import type { WitnessKey } from './witness-key.ts'

/**
 * The answer to a submission: the witness's line, or the size that it knows: another size, or another root of
 * the same.
 */
type WitnessAnswer = { cosignature: string } | { size: number }

export type Witness = {
  verifierKey: string
  /**
   * Throws `malformed_checkpoint` (400), `untrusted_checkpoint` (403), `unknown_log` (404),
   * `inconsistent_checkpoint` (422).
   */
  addCheckpoint(submission: Buffer): Promise<WitnessAnswer>
  /** Registers the key of a log from its member's signed statement; throws the fault of the statement. */
  addLogKey(statement: Buffer): Promise<void>
  /** The newest cosigned checkpoint, by the hexadecimal SHA-256 of its origin; throws `not_found`. */
  checkpoint(originHash: string): Promise<string>
}

export type WitnessRooms = {
  store: Pick<WitnessStore, 'advance' | 'keys' | 'addKey' | 'noteByHash'>
  key: WitnessKey
  clock: Clock
  /** Whether logs of this origin are accepted now. */
  accepts(origin: string): Promise<boolean>
  /**
   * The origin and verifier key in a verified statement; throws unless its signer may make statements about
   * the log.
   */
  readStatement(statement: Buffer): Promise<{ origin: string; logKey: string }>
  /**
   * Logs whose keys the operator configured, beside those that `accepts` names. The name of such a key is the
   * log's origin.
   */
  logs?: readonly VerifierKey[]
  /** Called when a log contradicts its cosigned checkpoint; `isFork` if that is proven. */
  onContradiction(origin: string, isFork: boolean): void
}

type Decision = { write: Advance; isFork?: boolean } & ({ answer: WitnessAnswer } | { fault: Fault })

export function createWitness(rooms: WitnessRooms): Witness {
  const { store, key, clock } = rooms

  async function keysOf(origin: string): Promise<VerifierKey[]> {
    const configured = (rooms.logs ?? []).filter(({ name }) => name === origin)
    if (configured.length > 0) return configured
    const texts = (await rooms.accepts(origin)) ? await store.keys(origin) : []
    return texts.map((text) => parseVerifierKey(text, 'log'))
  }

  async function checkSigned({ checkpoint }: Submission): Promise<void> {
    const { origin, note } = checkpoint
    const keys = await keysOf(origin)
    if (keys.length === 0) throw new Fault('unknown_log', { what: origin.slice(0, 300) })
    let isSigned = false
    try {
      for (const { name, publicKey } of keys) {
        if (verifyNote(note, name, publicKey)) isSigned = true
      }
    } catch (cause) {
      throw new Fault('untrusted_checkpoint', { what: 'a signature of the log is forged', cause })
    }
    if (!isSigned) throw new Fault('untrusted_checkpoint', { what: 'no known key of the log signed it' })
  }

  /** The checkpoint with the unchanged lines of others, and our new line as the only one with our name. */
  function cosign({ checkpoint }: Submission, time: Date): { note: string; line: string } {
    const { text, signatures } = checkpoint.note
    const others = signatures.filter(({ name }) => name !== key.name)
    const note = addCosignature(others.reduce(addSignature, text), key.name, key.privateKey, time)
    return { note, line: note.slice(note.lastIndexOf('\n', note.length - 2) + 1) }
  }

  return {
    verifierKey: key.verifierKey,
    async addCheckpoint(bytes) {
      const submission = parseSubmission(bytes)
      await checkSigned(submission)
      const { origin, size, root } = submission.checkpoint
      const decided = await store.advance(origin, (known): Decision => {
        const verdict = judgeSubmission(submission, known ?? NOTHING_KNOWN)
        const now = new Date(clock())
        const time = now.toISOString()
        switch (verdict.verdict) {
          case 'accepted': {
            const { note, line } = cosign(submission, now)
            return { write: { tree: { size, root, note, time } }, answer: { cosignature: line } }
          }
          case 'outdated':
            return { write: undefined, answer: { size: verdict.size } }
          case 'senseless':
            return {
              write: undefined,
              fault: new Fault('malformed_checkpoint', { what: 'the old size is larger than the new one' }),
            }
          case 'unproven': {
            const fault = new Fault('inconsistent_checkpoint', { what: origin.slice(0, 300) })
            // A wrong proof for a log without a cosigned checkpoint contradicts nothing.
            if (known === undefined) return { write: undefined, fault }
            const is_fork = verdict.isFork ? 1 : 0
            const refusal = { time, is_fork, known_note: known.note, submission: bytes }
            const { isFork } = verdict
            // C2SP: another root of the known size is a conflict, as another size is.
            if (isFork) return { write: { refusal }, answer: { size: known.size }, isFork }
            return { write: { refusal }, fault, isFork }
          }
        }
      })
      if (decided.isFork !== undefined) rooms.onContradiction(origin, decided.isFork)
      if ('answer' in decided) return decided.answer
      throw decided.fault
    },
    async addLogKey(statement) {
      const { origin, logKey } = await rooms.readStatement(statement)
      const { name } = parseVerifierKey(logKey, 'log')
      if (name !== noteName(origin))
        throw new Fault('invalid_input', { what: 'the key of a log has the name of its origin' })
      if (!(await rooms.accepts(origin))) throw new Fault('unknown_log', { what: origin })
      await store.addKey(origin, logKey, new Date(clock()).toISOString())
    },
    async checkpoint(originHash) {
      const note = await store.noteByHash(originHash)
      if (note === undefined) throw new Fault('not_found', { what: 'no checkpoint of this log was cosigned' })
      return note
    },
  }
}
