/**
 * Writes the shared parameters in every version that is published, with the digests for storing and for
 * signing them.
 */
import { createHash } from 'node:crypto'
import { writeSharedParametersIn } from '#core/configuration/shared-parameters-write.ts'
import { assembleShared, type RegisterRows, type SharedSettings } from './assemble.ts'

export const VERSIONS = [4, 5, 6] as const

/** One version of the shared parameters; without its content when the database already has it. */
export type WrittenShared = {
  version: number
  /** SHA-256 in hex: the key of the content in the database. */
  digest: string
  /** The hash in the signed directories and statements. */
  sha512: Uint8Array
  content?: Buffer | undefined
}

export function writeShared(rows: RegisterRows, settings: SharedSettings): Required<WrittenShared>[] {
  const written = writeSharedParametersIn(assembleShared(rows, settings), VERSIONS)
  return VERSIONS.map((version, at) => {
    const content = written[at]!
    return {
      version,
      digest: createHash('sha256').update(content).digest('hex'),
      sha512: createHash('sha512').update(content).digest(),
      content,
    }
  })
}
