/**
 * Checks that an archive contains exactly the containers that its linking information names, in the same
 * order.
 */
import { Fault } from '#schemas/fault.ts'
import { say, type Word } from '#schemas/said.ts'
import { chainDigest, containerHash, malformed } from './linking-info.ts'
import { type Archive, CONTAINER_NAME } from './read-archive.ts'

export type Linked = {
  /** Last digest and file name of the preceding archive; both '' in the first archive. */
  previous: { digest: string; file: string }
  /** The digest with which the linking information of the next archive begins. */
  lastDigest: string
}

/**
 * With `previousDigest` (hex, '' for a first archive) it also checks that the archive follows the one that
 * ends with this digest. Throws `malformed_archive`, and `invalid_proof` when the chain is broken.
 */
export function checkLinking({ files, linkingInfo }: Archive, previousDigest?: string): Linked {
  const names = [...files.keys()].filter((name) => CONTAINER_NAME.test(name))
  if (linkingInfo === undefined) throw malformed(say`linkinginfo is missing`)
  if (names.length === 0) throw malformed(say`there are no containers`)
  const { previous, algorithm, entries } = linkingInfo
  if (previousDigest !== undefined && previousDigest.toLowerCase() !== previous.digest)
    throw broken(
      previous.digest === ''
        ? say`it is the first archive, and follows none`
        : say`it follows an archive that ends with ${previous.digest}, not the given one`,
    )
  let digest = previous.digest
  for (const [i, { name, digest: said }] of entries.entries()) {
    if (names[i] !== name) {
      const why = names.includes(name)
        ? say`its containers stand in another order`
        : say`one of its containers is missing`
      throw broken(say`${why}: the linking information names ${name} as number ${i + 1}`)
    }
    digest = chainDigest(algorithm, digest, containerHash(algorithm).update(files.get(name)!).digest())
    if (digest !== said) throw broken(say`the chain does not hold at ${name}`)
  }
  if (names.length > entries.length)
    throw broken(say`${names[entries.length]!} stands in no line of the linking information`)
  return { previous, lastDigest: digest }
}

function broken(what: Word): Fault {
  return new Fault('invalid_proof', { what })
}
