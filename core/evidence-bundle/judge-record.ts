/**
 * Judges one record of a bundle: its position in the log, the openings of its commitments, and its signed
 * message.
 */
import { hash } from 'node:crypto'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { circumstancesEntry, readCircumstances } from '#core/circumstances/read.ts'
import type { Container, ContainerVerdict } from '#core/container/container.ts'
import { readContainer } from '#core/container/read-container.ts'
import { type KeptProof, verifyContainer } from '#core/container/verify-container.ts'
import { isReceiptKind, signerOf } from '#core/delivery/receipt.ts'
import { leafHash } from '#core/merkle/hash.ts'
import type { LeafFields } from '#core/merkle/leaf-form.ts'
import { checkSignature } from '#core/signature/verify-signature.ts'
import type { Circumstances } from '#schemas/circumstances.ts'
import { Fault } from '#schemas/fault.ts'
import { memberOf, parseRecordedServiceId, parseServerId } from '#schemas/identifiers.ts'
import { say, type Word } from '#schemas/said.ts'
import type { BundleQuestion, BundleRecord, RecordVerdict } from './bundle.ts'
import { receiptOf } from './check-receipt.ts'
import { type History, judgeHistory } from './judge-history.ts'
import { judgeTimeStamps, type ProvenStamps } from './judge-time-stamps.ts'
import { malformed } from './parse-manifest.ts'
import { type HeadProofs, proveHeads } from './prove-heads.ts'
import { checkOpening, checkPlace, differs, readForm } from './read-form.ts'
import { readStatement } from './read-statement.ts'
import { stampersOf } from './stampers-of.ts'

/**
 * `leaf`: the record's leaf hash, base64, by which other records refer to it. `shown`: the message, if it is
 * in the bundle, with the digests that a reply must name.
 */
export type ProvenRecord = RecordVerdict & { leaf: string; shown: ShownMessage | undefined }

/**
 * Further proofs in the bundle: since when tree heads exist, the time-stamps with what was stored with them,
 * and that all is of one log.
 */
export type Proofs = { heads: HeadProofs; stamps: ProvenStamps; history: History }

/** Of everything that the bundle shows beside its records. */
export function proofsOf(q: BundleQuestion): Proofs {
  return { heads: proveHeads(q), stamps: judgeTimeStamps(q.bundle), history: judgeHistory(q.bundle) }
}

type ShownMessage = { message: Buffer; hashes: { message: Buffer; body: Buffer | undefined } }

type Shown = {
  metadata: unknown
  circumstances: Circumstances | undefined
  container: Container | undefined
}

const NO_FORM: LeafFields = {
  ...{ version: 1, kind: 'request', direction: '', time: '', outcome: '', logLevel: 'none' },
  ...{ contract: '', parties: '', message: '', body: '', signature: '', fields: '', answers: '' },
}

/** Returns a verdict for every fault of the record; throws only for programming errors. */
export async function judgeRecord(
  record: BundleRecord,
  q: BundleQuestion,
  proofs: Proofs,
): Promise<ProvenRecord> {
  const { index } = record
  const leaf = leafHash(Buffer.from(record.form))
  const found = {
    index,
    leaf: leaf.toString('base64'),
    form: NO_FORM,
    metadata: undefined as unknown,
    circumstances: undefined as Circumstances | undefined,
    shown: undefined,
  }
  try {
    found.form = readForm(record.form)
    checkPlace(record, leaf, q.bundle)
    const { metadata, circumstances, container } = await checkShown(record, found.form, q)
    found.metadata = metadata
    found.circumstances = circumstances
    if (container === undefined)
      return { ...found, ...withoutMessage(record, found.form), container: undefined }
    const verdict = await judgeStamped(container, found, q, proofs)
    const { subIndication, reason } = verdict
    return {
      ...found,
      verdict: verdict.verdict,
      subIndication,
      reason,
      container: verdict,
      shown: shownIn(container),
    }
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown
    const subIndication = thrown.code === 'invalid_proof' ? 'HASH_FAILURE' : 'FORMAT_FAILURE'
    return {
      ...found,
      verdict: 'TOTAL-FAILED',
      subIndication,
      reason: thrown.what ?? thrown.message,
      container: undefined,
    }
  }
}

/**
 * Judges the message together with evidence from the log: the signer's status at the time of the stamp, and
 * since when the stamp has existed.
 */
async function judgeStamped(
  container: Container,
  found: Pick<RecordVerdict, 'form' | 'metadata'>,
  q: BundleQuestion,
  { heads, stamps }: Proofs,
): Promise<ContainerVerdict> {
  const stamp = stamps.of(found.form.signature)
  if (stamp !== undefined && !stamp.token.equals((await tokenOf(container)) ?? Buffer.alloc(0)))
    throw differs(say`The time-stamp in the container is not the one that the log holds.`)
  const head = stamp && heads.of(stamp.checkpoint)
  const { checkpointSigner } = q.bundle.manifest
  const along = checkpointSigner.ocspResponses.map((name) => q.bundle.files.get(name)!)
  const verdict = await judgeMessage(container, found, q, {
    ocspResponses: [...(stamp?.ocspResponses ?? []), ...(head?.ocspResponses ?? []), ...along],
    stampExisted: head?.counts === true ? head.since : undefined,
    stampers: stampersOf(q),
  })
  if (stamp !== undefined || verdict.verdict !== 'TOTAL-PASSED') return verdict
  // If the record of the time-stamp could be left out, a log could hide that the signer was revoked before
  // the stamp.
  return {
    ...verdict,
    ...{ verdict: 'INDETERMINATE', subIndication: 'NO_POE', code: 'timestamp_invalid' },
    reason: say`The message verifies, but the log's own record of its time-stamp is not shown.`.toString(),
  }
}

async function tokenOf({ timestampToken, signatures }: Container): Promise<Buffer | undefined> {
  if (timestampToken !== undefined) return timestampToken
  try {
    return (await checkSignature(signatures)).timeStampToken
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown
    return undefined
  }
}

/**
 * The statement that a refusal or an unknown outcome has as its message does not name its signer. It is the
 * service's member or, if that has no key on the server, the owner of the server that states it. A receipt is
 * signed by the member whose server it is of.
 */
async function judgeMessage(
  container: Container,
  { form, metadata }: Pick<RecordVerdict, 'form' | 'metadata'>,
  { bundle, configuration, now }: BundleQuestion,
  kept: KeptProof,
): Promise<ContainerVerdict> {
  const question = { container, configuration, now, kept }
  if (isReceiptKind(form.kind)) {
    const { message } = container
    const receipt = receiptOf({ message, form, metadata, log: bundle.manifest.log })
    return verifyContainer({ ...question, sender: signerOf(receipt) })
  }
  if (form.kind !== 'refusal' && form.kind !== 'outcome-unknown') return verifyContainer(question)
  const { requestId, service, peer } = (metadata ?? {}) as Record<string, unknown>
  if (readStatement(container.message, form.kind).requestId !== requestId)
    throw differs(say`It is about another request.`)
  const server = form.direction === 'out' ? bundle.manifest.log : peer
  const provider = memberOf(parseRecordedServiceId(String(service)))
  const byService = await verifyContainer({ ...question, sender: provider })
  if (byService.code !== 'incorrect_certificate') return byService
  return verifyContainer({ ...question, sender: memberOf(parseServerId(String(server))) })
}

/** Checks that the record's leaf commits to everything that the bundle shows of the record. */
async function checkShown(
  record: BundleRecord,
  form: LeafFields,
  { bundle }: BundleQuestion,
): Promise<Shown> {
  for (const label of ['parties', 'message', 'body'] as const) {
    const opening = record.openings[label]
    if (opening === undefined) continue
    checkOpening(form, label, opening)
  }
  const metadata = record.metadata === undefined ? undefined : bundle.files.get(record.metadata)!
  if (metadata !== undefined) expect(say`metadata`, sha512(metadata), record.openings.parties?.digest)
  const signatures = record.signatures === undefined ? undefined : bundle.files.get(record.signatures)!
  if (signatures !== undefined) expect(say`signature document`, sha512(signatures), form.signature)
  const said = { metadata: jsonOf(metadata), circumstances: circumstancesOf(jsonOf(metadata), bundle.files) }
  if (record.container === undefined) return { ...said, container: undefined }

  const container = await readContainer(bundle.files.get(record.container)!)
  expect(say`message`, sha512(container.message), record.openings.message?.digest)
  if (form.body !== '' && record.openings.body === undefined)
    throw malformed(say`the body of a message that is shown is not opened`)
  // The signature's hash chain does not tell attachments from other messages of its batch: the leaf does,
  // with one digest of all.
  expect(say`body`, bodyDigest(container)?.toString('base64') ?? '', record.openings.body?.digest ?? '')
  if (signatures === undefined) throw differs(say`The signature document that its leaf names is missing.`)
  await checkSameSignature(signatures, container.signatures)
  return { ...said, container }
}

/**
 * The circumstances, if the bundle shows them. The record proves their hash, and the hash proves the
 * document.
 */
function circumstancesOf(metadata: unknown, files: ReadonlyMap<string, Buffer>): Circumstances | undefined {
  const { circumstances: digest } = (metadata ?? {}) as Record<string, unknown>
  if (typeof digest !== 'string') return undefined
  const document = files.get(circumstancesEntry(digest))
  if (document === undefined) return undefined
  if (hash('sha256', document, 'base64') !== digest)
    throw differs(say`What is said to have held at its time is not what it names.`)
  return readCircumstances(document, digest)
}

/**
 * The container's signature document may contain the time-stamp in addition; the signature value must be the
 * same.
 */
async function checkSameSignature(signed: Buffer, contained: Buffer): Promise<void> {
  if (signed.equals(contained)) return
  const [one, other] = [await checkSignature(signed), await checkSignature(contained)]
  if (!one.signatureValue.equals(other.signatureValue))
    throw differs(say`The container holds another signature than the log.`)
}

function withoutMessage(
  record: BundleRecord,
  form: LeafFields,
): Pick<ContainerVerdict, 'verdict' | 'subIndication' | 'reason'> {
  if (form.signature === '') {
    return {
      verdict: 'TOTAL-PASSED',
      reason: say`It stands in the log; it is the log's own word and no signed message.`.toString(),
    }
  }
  const lacking =
    record.signatures === undefined
      ? say`It stands in the log, but neither its message nor the signature of it is in the bundle.`
      : say`It stands in the log, but its message is not in the bundle.`
  const { erased } = record
  const reason = erased === undefined ? lacking : say`${lacking} It is said to have been erased on ${erased}.`
  return {
    verdict: 'INDETERMINATE',
    subIndication: 'SIGNED_DATA_NOT_FOUND',
    reason: reason.toString(),
  }
}

function shownIn(container: Container): ShownMessage {
  const { message } = container
  return { message, hashes: { message: hash('sha512', message, 'buffer'), body: bodyDigest(container) } }
}

/** Of what stands beside the message: the one attachment, or all of them joined in order. */
function bodyDigest({ attachments, joinedSha512 }: Container): Buffer | undefined {
  return joinedSha512 ?? attachments[0]?.digest('SHA-512')
}

function jsonOf(metadata: Buffer | undefined): unknown {
  return metadata === undefined ? undefined : parseStrictJson(metadata)
}

function sha512(bytes: Buffer): string {
  return hash('sha512', bytes, 'base64')
}

function expect(what: Word, digest: string, expected: string | undefined): void {
  if (digest !== expected) throw differs(say`Its ${what} is not what the leaf commits to.`)
}
