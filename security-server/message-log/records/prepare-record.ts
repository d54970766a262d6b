/** Turns what came from the main thread into what is stored: encrypted content, commitments, leaf form, leaf hash. */
import { hash, randomBytes } from 'node:crypto'
import { leafHash } from '#core/merkle/hash.ts'
import { leafForm } from '#core/merkle/leaf-form.ts'
import { encodeBodyFile, encodeContent, SECTION, type Sections } from '../content.ts'
import type { PackedRecord } from '../group-format.ts'
import { type LogKey, sealContent, wrapRecordKey } from '../seal.ts'
import { type CommitmentLabel, committer } from './commitments.ts'
import type { SignatureDocument } from './document-memory.ts'
import type { SideStatement } from './hot-store.ts'

export type PreparedRecord = {
  head: PackedRecord['head']
  metadata: string
  leaf: Buffer
  form: string
  content: Buffer
  wrapped: Buffer
  signature: SignatureDocument | undefined
  replayKey: Buffer | undefined
  /** Further writes of the same commit, once the index is known. */
  beside?: (idx: number) => SideStatement[]
}

/** Per record: 32 octets of data key, then 32 of salt. */
const SECRET = 64

/** Gives nonces for one log key: a random prefix a writer, then a counter, so that none comes twice. */
export function createNonces(): () => Buffer {
  let prefix = randomBytes(8)
  let counter = 0
  return () => {
    if (counter === 0x1_0000_0000) {
      prefix = randomBytes(8)
      counter = 0
    }
    const nonce = Buffer.allocUnsafe(12)
    prefix.copy(nonce)
    nonce.writeUInt32BE(counter++, 8)
    return nonce
  }
}

/** `answered` is the leaf of the record that this one answers. */
export function prepareRecords(q: {
  records: { packed: PackedRecord; answered: Buffer | undefined }[]
  logKey: LogKey
  nextNonce: () => Buffer
}): PreparedRecord[] {
  const secrets = randomBytes(q.records.length * SECRET)
  const digestOf = createDigests()
  return q.records.map(({ packed, answered }, i) => {
    const secret = secrets.subarray(i * SECRET, (i + 1) * SECRET)
    return prepareRecord(packed, answered, secret, wrapRecordKey(q.logKey, q.nextNonce(), secret), digestOf)
  })
}

function prepareRecord(
  packed: PackedRecord,
  answered: Buffer | undefined,
  secret: Buffer,
  wrapped: Buffer,
  digestOf: (document: Buffer) => Buffer,
): PreparedRecord {
  const { head } = packed
  const commit = committer(secret.subarray(32))
  const messageDigest = packed.message === undefined ? undefined : sha512Text(packed.message)
  const signature =
    packed.signatures === undefined
      ? undefined
      : { digest: digestOf(packed.signatures), document: packed.signatures }
  const commitment = (label: CommitmentLabel, digest: string | undefined) =>
    digest === undefined ? '' : commit(label, digest)
  const form = leafForm({
    version: 1,
    kind: head.kind,
    direction: head.direction,
    time: new Date(head.time).toISOString(),
    outcome: head.outcome,
    logLevel: head.logLevel,
    contract: head.contract,
    parties: commitment('parties', sha512Text(packed.metadata)),
    message: commitment('message', messageDigest),
    body: commitment('body', packed.bodySha512?.toString('latin1')),
    signature: signature?.digest.toString('base64') ?? '',
    fields: '',
    answers: answered?.toString('base64') ?? '',
  })
  return {
    head,
    metadata: packed.metadata.toString(),
    form,
    leaf: leafHash(Buffer.from(form)),
    content: sealContent(secret.subarray(0, 32), encodeContent(sectionsOf(packed, messageDigest))),
    wrapped,
    signature,
    replayKey: packed.replayKey,
  }
}

function sectionsOf(packed: PackedRecord, messageDigest: string | undefined): Sections {
  const sections: Sections = []
  sections[SECTION.metadata] = packed.metadata
  sections[SECTION.hashChainResult] = packed.hashChainResult
  sections[SECTION.hashChain] = packed.hashChain
  if (packed.head.logLevel !== 'full') {
    if (messageDigest !== undefined) sections[SECTION.messageDigest] = Buffer.from(messageDigest, 'latin1')
    sections[SECTION.bodyDigest] = packed.bodySha512
    return sections
  }
  sections[SECTION.message] = packed.message
  sections[SECTION.body] = packed.body
  const { body } = packed.head
  if (packed.bodyKey !== undefined && body?.name !== undefined) {
    sections[SECTION.bodyFile] = encodeBodyFile({ dataKey: packed.bodyKey, size: body.size, name: body.name })
    sections[SECTION.bodyDigest] = packed.bodySha512
  }
  return sections
}

/** A signature document that records of this group share is digested once. */
function createDigests(): (document: Buffer) => Buffer {
  const known = new Map<Buffer, Buffer>()
  return (document) => {
    const digest = known.get(document) ?? hash('sha512', document, 'buffer')
    known.set(document, digest)
    return digest
  }
}

/** As text, one character an octet: it goes into the next hash, and a buffer would only be copied. */
function sha512Text(bytes: Buffer): string {
  return hash('sha512', bytes, 'latin1')
}
