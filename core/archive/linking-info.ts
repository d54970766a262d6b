/**
 * X-Road's linking information, a text. Its first line has the last digest and the file name of the preceding
 * archive. Every further line has, for one container in order, H(ascii(previous digest, hex) ‖
 * ascii(hex(H(container)))) in hex (X-Road's LinkingInfoBuilder).
 */
import { createHash, hash } from 'node:crypto'
import { Fault } from '#schemas/fault.ts'
import { say, type Word } from '#schemas/said.ts'

export const LINKING_INFO = 'linkinginfo'

/** X-Road's names of digest algorithms, and Node's. */
const ALGORITHMS = { 'SHA-256': 'sha256', 'SHA-384': 'sha384', 'SHA-512': 'sha512' } as const
type LinkingAlgorithm = keyof typeof ALGORITHMS

export type LinkingInfo = {
  /** Last digest (hex) and name of the preceding archive; both '' in the first one. */
  previous: { digest: string; file: string }
  algorithm: LinkingAlgorithm
  /** In the order of the chain. */
  entries: { digest: string; name: string }[]
}

const MAX_BYTES = 8 * 1024 * 1024
/** X-Road splits lines at white space; the file names that it makes contain none. */
const WORD = /^[^\s\u0000-\u001f\u007f]{1,255}$/
const HEX = /^[0-9a-f]*$/

/** A hash object for the bytes of a container. */
export function containerHash(algorithm: LinkingAlgorithm): ReturnType<typeof createHash> {
  return createHash(ALGORITHMS[algorithm])
}

/** The next digest of the chain; `container` is the container's digest. */
export function chainDigest(algorithm: LinkingAlgorithm, previous: string, container: Buffer): string {
  return hash(ALGORITHMS[algorithm], `${previous}${container.toString('hex')}`, 'hex')
}

export function writeLinkingInfo({ previous, algorithm, entries }: LinkingInfo): Buffer {
  const head = `${previous.digest || '-'} ${previous.file || '-'} ${algorithm}\n`
  return Buffer.from(head + entries.map(({ digest, name }) => `${digest} ${name}\n`).join(''))
}

/**
 * Throws `malformed_archive` if the text is not linking information. It does not compare digests:
 * check-linking.ts does.
 */
export function parseLinkingInfo(bytes: Buffer): LinkingInfo {
  if (bytes.length > MAX_BYTES) throw malformed(say`its linking information is too large`)
  const lines = bytes.toString('utf8').split(/\r?\n/)
  if (lines.at(-1) === '') lines.pop()
  const [digest, file, algorithm, ...more] = (lines[0] ?? '').split(' ')
  if (digest === undefined || file === undefined || more.length > 0 || !isAlgorithm(algorithm))
    throw malformed(say`the first line of its linking information`)
  const previous = { digest: digest === '-' ? '' : digest, file: file === '-' ? '' : file }
  if (!HEX.test(previous.digest) || !(previous.file === '' || WORD.test(previous.file)))
    throw malformed(say`the first line of its linking information`)
  const entries = lines.slice(1).map((line, i) => {
    const words = line.split(' ')
    if (words.length !== 2 || !words.every((word) => WORD.test(word)))
      throw malformed(say`line ${i + 2} of its linking information`)
    return { digest: words[0]!, name: words[1]! }
  })
  if (new Set(entries.map(({ name }) => name)).size !== entries.length)
    throw malformed(say`its linking information names a container twice`)
  return { previous, algorithm, entries }
}

function isAlgorithm(text: string | undefined): text is LinkingAlgorithm {
  return text !== undefined && Object.hasOwn(ALGORITHMS, text)
}

/** Creates a `malformed_archive` fault. */
export function malformed(what: Word, cause?: unknown): Fault {
  return new Fault('malformed_archive', { what, cause })
}
