/**
 * Writes the file in which a person keeps a use of their data, with the proofs of its sides (saved-use.ts).
 */
import { buffer } from 'node:stream/consumers'
import { createZipStream } from '#core/container/zip-stream.ts'
import { FORM, proofName, type SavedUse, USE } from './saved-use.ts'

const FIRST_ZIP_DATE = new Date(1980, 0, 1)

export function writeSavedUse({ savedAt, sides }: SavedUse): Promise<Buffer> {
  const zip = createZipStream()
  const told = sides.map(({ said, more, proof }) => ({
    ...said,
    ...more,
    ...(proof !== undefined && { proof: proofName(said) }),
  }))
  const document = JSON.stringify({ form: FORM, savedAt, sides: told }, undefined, 1)
  zip.addBuffer(USE, Buffer.from(document), { mtime: FIRST_ZIP_DATE })
  for (const { said, proof } of sides)
    if (proof !== undefined) zip.addBuffer(proofName(said), proof, { mtime: FIRST_ZIP_DATE, compress: false })
  zip.end()
  return buffer(zip.output)
}
