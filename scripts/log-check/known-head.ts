/**
 * The state of `log check`: the head of the last time, and the right edge of its tree, from which the next
 * check goes on. Guarantees that a head is signed by the log and that an edge gives its root; a state of only
 * a head is read as well.
 */
import { existsSync, readFileSync } from 'node:fs'
import { type Checkpoint, parseCheckpoint, verifyNote } from '#core/merkle/checkpoint.ts'
import { createCompactRange } from '#core/merkle/compact-range.ts'
import type { VerifierKey } from '#core/merkle/verifier-key.ts'
import { Fault } from '#schemas/fault.ts'

/** `peaks` are undefined when the state has none that give the root. */
export type Known = { size: number; root: Buffer; peaks: Buffer[] | undefined }

type State = { note: string; peaks: string[] }

export function writeKnown(note: string, peaks: readonly Buffer[]): string {
  const state: State = { note, peaks: peaks.map((peak) => peak.toString('base64')) }
  return `${JSON.stringify(state)}\n`
}

/** Undefined before the first time. Throws `malformed_checkpoint` or `untrusted_checkpoint`. */
export function readKnown(file: string, log: VerifierKey): Known | undefined {
  if (!existsSync(file)) return undefined
  const text = readFileSync(file, 'utf8')
  const { note, peaks } = text.startsWith('{') ? stateOf(text) : { note: text, peaks: [] }
  const { size, root } = signedBy(log, parseCheckpoint(note))
  return { size, root, peaks: edgeOf(peaks, size, root) }
}

/** Throws `untrusted_checkpoint` unless this log signed it. */
export function signedBy(log: VerifierKey, checkpoint: Checkpoint): Checkpoint {
  if (checkpoint.origin !== log.name || !verifyNote(checkpoint.note, log.name, log.publicKey))
    throw new Fault('untrusted_checkpoint', { what: `${log.name} did not sign it` })
  return checkpoint
}

function stateOf(text: string): State {
  try {
    const { note, peaks } = JSON.parse(text) as Partial<State>
    if (typeof note === 'string' && Array.isArray(peaks)) return { note, peaks: peaks.map(String) }
  } catch {
    // Said below.
  }
  throw new Fault('malformed_checkpoint', { what: 'the state of the last time cannot be read' })
}

function edgeOf(texts: readonly string[], size: number, root: Buffer): Buffer[] | undefined {
  const peaks = texts.map((text) => Buffer.from(text, 'base64'))
  try {
    return createCompactRange({ size, peaks }).root().equals(root) ? peaks : undefined
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.code === 'log_inconsistent') return undefined
    throw thrown
  }
}
