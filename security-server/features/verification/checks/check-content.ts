/** Compares the content of a record with the commitments of its leaf. */
import { createHash, hash } from 'node:crypto'
import { commit, type LeafFields } from '#core/merkle/leaf-form.ts'
import { say } from '#schemas/said.ts'
import {
  decodeAttachments,
  decodeBodyFile,
  SECTION,
  type Sections,
} from '../../../message-log/formats/content.ts'
import { checkCuts } from '../../../message-log/formats/cut-digests.ts'
import type { OpenedRecord, OpenedRemainder } from '../../../message-log/records/open-record.ts'
import { checkCircumstances } from './check-circumstances.ts'
import { inconsistent } from './inconsistent.ts'
import type { LogSource } from './source.ts'

/** SHA-512 of the parts that the record's signature covers. Undefined for a part that is not stored. */
export type ContentDigests = { message: Buffer | undefined; body: Buffer | undefined }

/** Throws `log_inconsistent`. */
export async function checkContent(q: {
  idx: number
  form: LeafFields
  opened: OpenedRecord | OpenedRemainder
  source: LogSource
}): Promise<ContentDigests> {
  const { idx, form, opened, source } = q
  const { key, sections } = opened
  const expect = (label: 'parties' | 'message' | 'body', digest: Buffer | undefined): void => {
    const commitment = digest === undefined ? '' : commit(label, key.salt, digest).toString('base64')
    if (form[label] !== commitment) throw inconsistent(say`the ${label} is not what the leaf commits to`)
  }
  expect('parties', sha512(sections[SECTION.metadata]!))
  checkLevel(form, sections, 'dataKey' in key)
  await checkCircumstances(opened.metadata.circumstances, source)
  const message = sections[SECTION.message]
  const digests = {
    message: message === undefined ? sections[SECTION.messageDigest] : sha512(message),
    body: await bodyDigest(idx, sections, source),
  }
  expect('message', digests.message)
  expect('body', digests.body)
  return digests
}

/**
 * Checks that the stored content matches the log level: a record of level full must not contain only digests,
 * unless it was erased.
 */
function checkLevel(form: LeafFields, sections: Sections, isWhole: boolean): void {
  const holdsContent = [SECTION.message, SECTION.body, SECTION.bodyFile].some(
    (type) => sections[type] !== undefined,
  )
  if ((form.logLevel !== 'full' || !isWhole) && holdsContent)
    throw inconsistent(say`there is more content than the level says`)
  if ((sections[SECTION.salt] === undefined) !== isWhole) throw inconsistent(say`its salt`)
  const isBare = form.message !== '' && sections[SECTION.message] === undefined
  const hasNoBody =
    form.body !== '' && sections[SECTION.body] === undefined && sections[SECTION.bodyFile] === undefined
  if (form.logLevel === 'full' && isWhole && (isBare || hasNoBody))
    throw inconsistent(say`content is missing`)
}

async function bodyDigest(idx: number, sections: Sections, source: LogSource): Promise<Buffer | undefined> {
  const attachments = sections[SECTION.attachments]
  const cuts = attachments === undefined ? undefined : checkCuts(decodeAttachments(attachments))
  const body = sections[SECTION.body]
  if (body !== undefined) {
    cuts?.update(body)
    cuts?.end()
    return sha512(body)
  }
  const stored = sections[SECTION.bodyDigest]
  const reference = sections[SECTION.bodyFile]
  const chunks = reference && source.openBody?.(decodeBodyFile(reference))
  if (chunks === undefined) return stored
  const digest = createHash('sha512')
  try {
    for await (const chunk of chunks) {
      digest.update(chunk)
      cuts?.update(chunk)
    }
    cuts?.end()
    return digest.digest()
  } catch (thrown) {
    // It was erased during this run. The next verification checks that a record documents the erasure.
    if (await source.isErasedNow?.(idx)) return stored
    throw thrown
  }
}

function sha512(bytes: Buffer): Buffer {
  return hash('sha512', bytes, 'buffer')
}
