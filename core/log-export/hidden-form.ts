/** What an export has in place of the leaf form of a record that its reader may not see: the leaf hash. */
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { malformed } from '#core/evidence-bundle/parse-manifest.ts'

const LINE = /^\{"leaf":"([A-Za-z0-9+/]{43}=)"\}$/

export function hiddenForm(leaf: Buffer): string {
  return canonicalJson({ leaf: leaf.toString('base64') })
}

/**
 * The leaf hash, if the line is a hidden form; else undefined. Throws `malformed_bundle` for base64 of
 * another form.
 */
export function readHiddenForm(line: string): Buffer | undefined {
  const text = LINE.exec(line)?.[1]
  if (text === undefined) return undefined
  const leaf = Buffer.from(text, 'base64')
  if (leaf.toString('base64') !== text) throw malformed('a leaf that is no base64')
  return leaf
}
