/** Asks a witness how much it knows of a log of ours, without a new signature. */
import { hash } from 'node:crypto'
import { writeSubmission } from '#core/merkle/add-checkpoint.ts'
import { parseCheckpoint } from '#core/merkle/checkpoint.ts'
import type { AskWitness } from './ask-witness.ts'
import { refusal, tellsSize, toldSize } from './submit.ts'

/**
 * `root` is undefined when the witness tells only a size. `another root`: it refuses that of the submitted
 * checkpoint.
 */
type KnownTree = { size: number; root: Buffer | undefined } | 'another root'

const NOTHING: KnownTree = { size: 0, root: undefined }

/**
 * Submits `note`, the newest checkpoint that is signed already: the protocol answers with the size that the
 * witness knows, if that is another. The root is in the checkpoint that witnesses of ours show, and others
 * may. Throws `http_error` for an answer that the protocol does not have.
 */
export async function askKnownTree(
  ask: AskWitness,
  { origin, note }: { origin: string; note: string | undefined },
): Promise<KnownTree> {
  if (note === undefined) return readKnownTree(ask, origin)
  const { size, root } = parseCheckpoint(note)
  const body = Buffer.from(writeSubmission({ oldSize: size, proof: [], note }))
  const reply = await ask({ method: 'POST', path: '/add-checkpoint', body })
  if (reply.status === 404) return NOTHING
  if (reply.status === 200) return { size, root }
  if (reply.status !== 409) throw refusal(reply)
  if (!tellsSize(reply)) return 'another root'
  const told = toldSize(reply)
  if (told === size) return 'another root'
  const shown = await readKnownTree(ask, origin).catch(() => NOTHING)
  return shown !== 'another root' && shown.size >= told ? shown : { size: told, root: undefined }
}

async function readKnownTree(ask: AskWitness, origin: string): Promise<KnownTree> {
  const reply = await ask({ method: 'GET', path: `/${hash('sha256', origin, 'hex')}/checkpoint` })
  if (reply.status === 404) return NOTHING
  if (reply.status !== 200) throw refusal(reply)
  const { size, root } = parseCheckpoint(reply.body.toString('utf8'))
  return { size, root }
}
