/** Reads the leaf form of a record, and checks its position under the tree head that a bundle names. */
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { parseCheckpoint } from '#core/merkle/checkpoint.ts'
import { LEAF_KINDS, type LeafFields, leafForm, openCommitment } from '#core/merkle/leaf-form.ts'
import { verifyInclusion } from '#core/merkle/proofs.ts'
import { Fault } from '#schemas/fault.ts'
import { say, type Word } from '#schemas/said.ts'
import type { Bundle, BundleOpening, BundleRecord } from './bundle.ts'
import { malformed } from './parse-manifest.ts'

/**
 * The fields of a leaf form. The text must be canonical, so that nobody can read another record in the same
 * leaf.
 */
export function readForm(text: string): LeafFields {
  const fields = parseStrictJson(text) as LeafFields
  let isCanonical = false
  try {
    isCanonical = leafForm(fields) === text
  } catch {
    // A member is absent or not a text.
  }
  if (!isCanonical) throw malformed(say`the leaf form is not canonical`)
  if (!LEAF_KINDS.includes(fields.kind)) throw malformed(say`a record of a kind that is not known`)
  return fields
}

/** Throws `invalid_proof` unless the leaf is at its index under the tree head. */
export function checkPlace(
  record: Pick<BundleRecord, 'index' | 'path' | 'checkpoint'>,
  leaf: Buffer,
  bundle: Bundle,
): void {
  const checkpoint = parseCheckpoint(bundle.files.get(record.checkpoint)!.toString())
  if (checkpoint.origin !== bundle.manifest.log) throw differs(say`The signed state is that of another log.`)
  const proof = record.path.map((node) => Buffer.from(node, 'base64'))
  verifyInclusion({ size: checkpoint.size, index: record.index, leaf, proof, root: checkpoint.root })
}

/** Throws `invalid_proof` unless the form contains the commitment that this opening opens. */
export function checkOpening(
  form: LeafFields,
  label: 'parties' | 'message' | 'body',
  opening: BundleOpening,
): void {
  const [key, digest] = [Buffer.from(opening.key, 'base64'), Buffer.from(opening.digest, 'base64')]
  if (openCommitment(key, digest).toString('base64') !== form[label])
    throw differs(say`The opening of its ${label} is not of this leaf.`)
}

export function differs(what: Word): Fault {
  return new Fault('invalid_proof', { what })
}
