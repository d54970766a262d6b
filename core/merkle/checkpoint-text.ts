/**
 * The text of a checkpoint (C2SP tlog-checkpoint v1): origin, size, root, and extension lines, which we
 * neither write nor interpret.
 */
import { Fault } from '#schemas/fault.ts'
import { HASH_LENGTH } from './hash.ts'
import type { Note } from './signed-note.ts'

/** The content of a checkpoint; `note` is the signed text with its signature lines. */
export type Checkpoint = { origin: string; size: number; root: Buffer; extensions: string[]; note: Note }

const SIZE = /^(?:0|[1-9][0-9]{0,15})$/
const MAX_EXTENSIONS = 16

/** The text of a checkpoint, to be signed by signNote. */
export function writeCheckpoint(q: {
  origin: string
  size: number
  root: Buffer
  extensions?: string[]
}): string {
  const lines = [q.origin, String(q.size), q.root.toString('base64'), ...(q.extensions ?? [])]
  if (
    !Number.isSafeInteger(q.size) ||
    q.size < 0 ||
    q.root.length !== HASH_LENGTH ||
    lines.some((line) => line === '' || /[\u0000-\u001f]/.test(line))
  ) {
    throw new TypeError('not the parts of a checkpoint')
  }
  return `${lines.join('\n')}\n`
}

/** Reads the text without its signatures; throws `malformed_checkpoint`. */
export function readCheckpointText(text: string): Omit<Checkpoint, 'note'> {
  const [origin, size, root, ...extensions] = text.slice(0, -1).split('\n')
  if (origin === undefined || origin === '') throw malformed('no origin')
  if (size === undefined || !SIZE.test(size) || !Number.isSafeInteger(Number(size)))
    throw malformed('the tree size')
  const hash = Buffer.from(root ?? '', 'base64')
  if (hash.length !== HASH_LENGTH || hash.toString('base64') !== root) throw malformed('the root hash')
  if (extensions.length > MAX_EXTENSIONS || extensions.includes('')) throw malformed('an extension line')
  return { origin, size: Number(size), root: hash, extensions }
}

function malformed(what: string): Fault {
  return new Fault('malformed_checkpoint', { what })
}
