/**
 * Verifies the files that a person passes to the page, with the same function as the command line, within the
 * memory of a browser.
 */
import { isInstanceProfiles } from '#core/certificate/instance-profiles.ts'
import { parseXml } from '#core/configuration/xml-tree.ts'
import { openZip } from '#core/container/open-zip.ts'
import { parseWitnessPolicy } from '#core/merkle/witness-policy.ts'
import { printable } from '#platform/plain-text.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { say, type Word } from '#schemas/said.ts'
import {
  configurationOf,
  configurationOfZip,
  isZip,
  type LoadedConfiguration,
} from '../configuration-files.ts'
import { judgeFile, type Unjudged } from '../judge-file.ts'
import type { Report } from '../report.ts'

export type GivenFile = { name: string; bytes: Uint8Array }

export type Upload = {
  evidence: GivenFile
  /**
   * verificationconf.zip, or the shared parameters of each instance and their certificate profiles. Empty to
   * verify a bundle by its own configuration.
   */
  configuration: GivenFile[]
  /** A C2SP tlog-policy file. */
  witnesses: GivenFile | undefined
  /** For an archive: like --previous of the command line. */
  previous: string | undefined
  /** Milliseconds since 1970. */
  judgedAt: number
}

/** An entry of the evidence that the person can save. */
export type Part = { name: string; size: number }

export type Judgement =
  | { report: Report; parts: Part[] }
  /** Why nothing could be verified. */
  | { refused: Unjudged | { code: string; message: string } }

/**
 * The largest evidence, in octets, that the page accepts. For more it refers to the command line, which has
 * no limit.
 */
export const MAX_EVIDENCE = 1024 * 1024 * 1024
const MAX_ATTACHMENT = 1024 * 1024 * 1024
const MAX_PARTS = 4096

/** Never throws, whatever the files contain. */
export async function judgeUpload(upload: Upload): Promise<Judgement> {
  try {
    if (upload.evidence.bytes.length > MAX_EVIDENCE)
      throw new Fault('invalid_input', {
        what: say`more than 1 GiB: take the command line, concordat verify`,
      })
    const content = bufferOf(upload.evidence)
    const report = await judgeFile({
      file: upload.evidence.name,
      content,
      configuration:
        upload.configuration.length === 0 ? undefined : () => readConfiguration(upload.configuration),
      witnesses: upload.witnesses && parseWitnessPolicy(bufferOf(upload.witnesses).toString('utf8')),
      previousDigest: upload.previous === 'none' ? '' : upload.previous,
      judgedAt: new Date(upload.judgedAt),
      limits: { attachmentBytes: MAX_ATTACHMENT },
    })
    if (typeof report === 'string') return { refused: report }
    // Converts dates and the like to the texts that --json prints.
    const facts = JSON.parse(JSON.stringify(report.facts)) as object
    return { report: { ...report, facts }, parts: await partsOf(content) }
  } catch (thrown) {
    if (!(thrown instanceof Fault)) console.error(thrown)
    const { code, message } = asFault(thrown)
    return { refused: { code, message: printable(message) } }
  }
}

async function readConfiguration(files: GivenFile[]): Promise<LoadedConfiguration> {
  const origin = files.map(({ name }) => name).join(', ')
  const [first, ...more] = files.map(bufferOf)
  if (first !== undefined && more.length === 0 && isZip(first)) return configurationOfZip(first, origin)
  for (const file of [first!, ...more]) {
    if (isInstanceProfiles(file)) continue
    const { name } = await parseXml(file, 'malformed_global_conf')
    if (name === 'configurationAnchor')
      throw new Fault('malformed_global_conf', {
        what: say`an anchor only says where the configuration is fetched, and this page fetches nothing: give it verificationconf.zip, or shared-params.xml`,
      })
  }
  return configurationOf([first!, ...more], origin)
}

/** The entries of the verified file; empty for a file that is not a ZIP file or has too many entries. */
async function partsOf(content: Buffer): Promise<Part[]> {
  try {
    const zip = await openZip(content, malformed)
    if (zip.entryCount > MAX_PARTS) return []
    const parts: Part[] = []
    for await (const { fileName, uncompressedSize } of zip.eachEntry())
      if (!fileName.endsWith('/')) parts.push({ name: fileName, size: uncompressedSize })
    return parts
  } catch {
    return []
  }
}

/** The content of an entry of verified evidence. Throws for an incomplete entry. */
export async function readPart(evidence: GivenFile, name: string): Promise<Uint8Array> {
  const zip = await openZip(bufferOf(evidence), malformed)
  for await (const entry of zip.eachEntry()) {
    if (entry.fileName !== name) continue
    if (entry.uncompressedSize > MAX_ATTACHMENT) throw malformed('an entry that is too large')
    const pieces: Buffer[] = []
    for await (const piece of await zip.openReadStreamPromise(entry)) pieces.push(piece as Buffer)
    return Buffer.concat(pieces)
  }
  throw malformed('no such entry')
}

function malformed(what: Word, cause?: unknown): Fault {
  return new Fault('malformed_container', { what, cause })
}

/** A view of the same octets, without a copy. */
function bufferOf({ bytes }: GivenFile): Buffer {
  return Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength)
}
