/**
 * Checks signature documents: stored as the leaf states, cryptographically valid, and covering the whole
 * message.
 */
import { hash } from 'node:crypto'
import type { LeafFields } from '#core/merkle/leaf-form.ts'
import { checkCoverage } from '#core/signature/check-coverage.ts'
import { type CheckedSignature, checkSignature } from '#core/signature/verify-signature.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { PART_NAME } from '#schemas/wire.ts'
import { decodeAttachments, SECTION, type Sections } from '../../../message-log/formats/content.ts'
import type { StoredRecord } from '../../../message-log/records/store.ts'
import type { ContentDigests } from './check-content.ts'
import { inconsistent } from './inconsistent.ts'
import type { LogSource } from './source.ts'

type SignatureChecker = {
  /**
   * The document, after a check that it matches the leaf. Undefined for a record without a signature. Throws
   * `log_inconsistent`.
   */
  document(record: StoredRecord, form: LeafFields): Promise<Buffer | undefined>
  /** Throws the fault of the signature or of its coverage. */
  verify(q: {
    record: StoredRecord
    document: Buffer
    /**
     * Undefined when the content is erased or cannot be opened: then only the signature itself is checked.
     */
    content: { sections: Sections; digests: ContentDigests } | undefined
  }): Promise<void>
}

/**
 * How many documents are remembered. Records of so many batches can alternate, and each document is still
 * read and verified only once.
 */
const REMEMBERED = 64

type Remembered = { document: Buffer; digest: string; signature: CheckedSignature | undefined }

/** Remembers the last documents, because the records of a batch are close to each other. */
export function createSignatureChecker(source: LogSource): SignatureChecker {
  const remembered = new Map<number, Remembered>()

  const read = async (id: number): Promise<Remembered> => {
    const stored = await source.document(id)
    if (stored === undefined) throw inconsistent(say`the signature document is missing`)
    const digest = hash('sha512', stored.document, 'buffer')
    if (!digest.equals(stored.digest)) throw inconsistent(say`the signature document is another one`)
    const { document } = stored
    const one: Remembered = { document, digest: digest.toString('base64'), signature: undefined }
    remembered.set(id, one)
    for (const oldest of remembered.keys()) {
      if (remembered.size <= REMEMBERED) break
      remembered.delete(oldest)
    }
    return one
  }
  return {
    document: async (record, form) => {
      const { signatureId } = record
      if ((signatureId === null) !== (form.signature === '')) throw inconsistent(say`the signature document`)
      if (signatureId === null) return undefined
      if (signatureId > record.idx) throw inconsistent(say`the signature document is that of a later record`)
      const { document, digest } = remembered.get(signatureId) ?? (await read(signatureId))
      if (digest !== form.signature) throw inconsistent(say`the signature document is another one`)
      return document
    },
    verify: async ({ record, document, content }) => {
      const known = remembered.get(record.signatureId as number)
      const signature = known?.signature ?? (await checkSignature(document))
      if (known !== undefined) known.signature = signature
      if (content === undefined || content.digests.message === undefined) return
      const { message, body } = content.digests
      const attachments = content.sections[SECTION.attachments]
      const covered =
        attachments === undefined ? [body] : decodeAttachments(attachments).map(({ sha512 }) => sha512)
      checkCoverage({
        signature,
        parts: [
          part(PART_NAME.message, message),
          ...covered.flatMap((sha512, i) =>
            sha512 === undefined ? [] : [part(PART_NAME.attachment(i + 1), sha512)],
          ),
        ],
        hashChainResult: content.sections[SECTION.hashChainResult],
        hashChain: content.sections[SECTION.hashChain],
      })
    },
  }
}

function part(name: string, sha512: Buffer) {
  const digest = (algorithm: string): Buffer => {
    if (algorithm === 'SHA-512') return sha512
    throw new Fault('invalid_reference', {
      what: `${name} by ${algorithm}, of which the log keeps no digest`,
    })
  }
  return { name, digest }
}
