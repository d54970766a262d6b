/**
 * Judges a message container at the time that its time-stamp proves, in the terms of EN 319 102-1. A bad
 * container leads to a verdict, never to an exception; the verdict has X-Road's code where there is one
 * (AsicVerifierMain).
 *
 * Stricter than X-Road: the signature must cover every entry except the time-stamp's, the manifests, and a
 * hash chain that the signature does not use and that contains nothing else (stray-chains.ts). An entry that
 * is not covered makes the verdict INDETERMINATE, SIG_CONSTRAINTS_FAILURE. Attachments that the signature
 * covers but that are absent, since X-Road leaves them out, do not.
 */
import { createHash } from 'node:crypto'
import type { Certificate } from '#core/certificate/certificate.ts'
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import { CLOCK_TOLERANCE_MS } from '#core/evidence-bundle/validation-policy.ts'
import { nodeDigest } from '#core/signature/algorithms.ts'
import { checkCoverage } from '#core/signature/check-coverage.ts'
import { checkSigner } from '#core/signature/check-signer.ts'
import { readHashChain } from '#core/signature/read-hash-chain.ts'
import { type CheckedSignature, checkSignature } from '#core/signature/verify-signature.ts'
import type { TimeStamp } from '#core/timestamp/verify-token.ts'
import type { ClientId } from '#schemas/identifiers.ts'
import { type Said, say } from '#schemas/said.ts'
import { PART_NAME } from '#schemas/wire.ts'
import { type Container, type ContainerVerdict, ENTRY } from './container.ts'
import { judgeSignatureAge, judgeStampAge } from './judge-age.ts'
import { type Judgement, judgeFault, judgeSignerFault } from './judge-fault.ts'
import { approvingOf, strangeStamper } from './judge-stamper.ts'
import { checkManifest } from './manifests.ts'
import { senderOf } from './message-sender.ts'
import { strayChains } from './stray-chains.ts'
import { verifyTimeStamp } from './verify-time-stamp.ts'

type VerificationQuestion = {
  container: Container
  /** The configuration of the signer's instance, or of several federated instances. */
  configuration: ConfigurationIndex | ReadonlyMap<string, ConfigurationIndex>
  /** The verifier's own instance, whose time-stamps count as those of the signer's do. */
  own?: string | undefined
  now: Date
  /** The expected signer, for a message that does not name its sender (a refusal). */
  sender?: ClientId
  /** Proof that was kept outside the container (in an evidence bundle). */
  kept?: KeptProof
}

export type KeptProof = {
  /** OCSP answers that were fetched for the time-stamp or later. */
  ocspResponses: Buffer[]
  /** The time at which newer evidence proves that the time-stamp existed; absent without such evidence. */
  stampExisted?: Date | undefined
  /**
   * The instances whose time-stamping authorities count; absent: those of `approvingOf`, as the container
   * does not say whose log held it.
   */
  stampers?: readonly ConfigurationIndex[] | undefined
}

/** The verdict on one container. */
export async function verifyContainer(q: VerificationQuestion): Promise<ContainerVerdict> {
  const { container } = q
  const found: Omit<ContainerVerdict, keyof Judgement> = { covers: nothingCovered(container) }
  const judged = (judgement: Judgement): ContainerVerdict => ({ ...judgement, ...found })
  const configurations: readonly ConfigurationIndex[] =
    'shared' in q.configuration ? [q.configuration] : [...q.configuration.values()]

  let signature: CheckedSignature
  try {
    signature = await checkSignature(container.signatures)
  } catch (thrown) {
    return judged(judgeFault(thrown, 'signature'))
  }
  found.signingCertificate = signature.certificate
  found.signingTime = signature.signingTime

  let stamp: TimeStamp
  try {
    const tsaCertificates = (q.kept?.stampers ?? configurations).flatMap((one) => one.tsaCertificates)
    stamp = verifyTimeStamp(container, signature, tsaCertificates)
  } catch (thrown) {
    return judged(judgeFault(thrown, 'time-stamp'))
  }
  const { time, latest, certificate: tsa, keyCountedUntil } = stamp
  found.timeStamp = { time, tsa, ...(keyCountedUntil !== undefined && { keyCountedUntil }) }

  let uncovered: Judgement | undefined
  try {
    found.covers = coverageOf(container, signature)
  } catch (thrown) {
    return judged(lackingData(container, signature) ?? judgeFault(thrown, 'coverage'))
  }
  const stray = strayChains(container, usesChain(signature))
  try {
    checkManifest(container, stray)
  } catch (thrown) {
    return judged(judgeFault(thrown, 'coverage'))
  }
  const left = found.covers.filter(({ covered, name }) => !covered && !stray.includes(name))
  if (left.length > 0) uncovered = notCovered(left.map(({ name }) => name))

  let sender: ClientId
  try {
    sender = q.sender ?? (await senderOf(container.message))
  } catch (thrown) {
    return judged(judgeFault(thrown, 'message'))
  }
  const configuration = configurations.find(({ instance }) => instance === sender.instance)
  if (configuration === undefined) return judged(unknownInstance(sender.instance))
  const stamping = { tsa, signerInstance: sender.instance, own: q.own, configurations }
  const approving = q.kept?.stampers ?? approvingOf(stamping)
  if (approving.length === 0) return judged(strangeStamper(stamping))
  const misdated = wrongOrder(signature, time, q.now)
  if (misdated !== undefined) return judged(misdated)
  const ocspResponses = q.kept?.ocspResponses ?? []
  let chain: Certificate[]
  try {
    const kept = { ocspResponses, now: q.now }
    chain = checkSigner({ signature, configuration, at: latest, member: sender, kept }).chain
  } catch (thrown) {
    const issuer: Certificate | undefined = configuration.caOf(signature.certificate)?.ca
    const responses = [...signature.ocspResponses, ...ocspResponses]
    return judged(
      judgeSignerFault(thrown, { certificate: signature.certificate, issuer, responses, at: latest }),
    )
  }
  found.signer = sender
  const existed = q.kept?.stampExisted ?? q.now
  const aged =
    judgeStampAge({ stamp, existed, approving, ocspResponses, now: q.now }) ??
    judgeSignatureAge({ signature, chain, at: latest })
  return judged(uncovered ?? aged ?? passed(stray, usesChain(signature) && hasUnknownBeside(container)))
}

function passed(stray: string[], hasUnknown: boolean): Judgement {
  const reason =
    stray.length === 0
      ? say`The signature, its time-stamp and the certificates behind them are valid, and cover the whole container.`
      : say`The signature, its time-stamp and the certificates behind them are valid, and cover the message with its attachments; ${stray.join(', ')} (a hash chain) is not signed, is about nothing here and was not used.`
  return { verdict: 'TOTAL-PASSED', reason: String(hasUnknown ? besideUnknown(reason) : reason) }
}

/**
 * A warning for people who rely on a container alone, about what X-Road's hash chains leave open
 * (docs/evidence-bundle.md).
 */
const besideUnknown = (reason: Said): Said =>
  say`${reason} Beside the message, the signature covers a digest of something that is not shown: most often another message that was signed at the same time. A container alone does not tell that from a body that was left out, nor from a message whose body these words were; an evidence bundle does.`

/** Whether a hash step has a bare digest next to the message. */
function hasUnknownBeside({ hashChain }: Container): boolean {
  if (hashChain === undefined) return false
  return [...readHashChain(hashChain).values()].some(
    (items) =>
      items.some((item) => item.kind === 'data' && item.uri === PART_NAME.message) &&
      items.some(({ kind }) => kind === 'value'),
  )
}

function usesChain({ references }: CheckedSignature): boolean {
  return references.some(({ uri }) => uri === PART_NAME.hashChainResult)
}

function nothingCovered(container: Container): ContainerVerdict['covers'] {
  const { attachments, strayChains: chains, unknown } = container
  const present = [ENTRY.message, ...[...attachments, ...chains].map(({ name }) => name), ...unknown]
  return present.map((name) => ({ name, covered: false, present: true }))
}

/** Every data entry, with whether the signature covers it; throws when a digest is wrong. */
function coverageOf(container: Container, signature: CheckedSignature): ContainerVerdict['covers'] {
  const { message, hashChainResult, hashChain } = container
  const chained = usesChain(signature)
  // Attachments that the signature does not mention are reported; they do not stop the verification (as in
  // X-Road).
  const names = chained
    ? (hashChain?.toString('latin1') ?? '')
    : signature.references.map(({ uri }) => `"${uri}"`).join()
  const attachments = container.attachments.map(({ name, digest }) => ({
    name,
    digest,
    covered: [`"/${name}"`, `'/${name}'`].some((quoted) => names.includes(quoted)),
  }))
  const parts = [
    {
      name: PART_NAME.message,
      digest: (name: Parameters<typeof nodeDigest>[0]) =>
        createHash(nodeDigest(name)).update(message).digest(),
    },
    ...attachments.filter(({ covered }) => covered).map(({ name, digest }) => ({ name: `/${name}`, digest })),
  ]
  const { absent } = checkCoverage({
    signature,
    parts,
    ...(chained ? { hashChainResult, hashChain } : {}),
    attachmentsMayBeAbsent: true,
  })
  const unused = chained || hashChain === undefined ? [] : [ENTRY.hashChainResult, ENTRY.hashChain]
  const others = [...unused, ...container.strayChains.map(({ name }) => name), ...container.unknown]
  return [
    { name: ENTRY.message, covered: true, present: true },
    ...attachments.map(({ name, covered }) => ({ name, covered, present: true })),
    ...absent.map((name) => ({ name: name.slice(1), covered: true, present: false })),
    ...others.map((name) => ({ name, covered: false, present: true })),
  ]
}

/**
 * The judgement if a part that the signature refers to directly is absent: then the signed data cannot be
 * seen.
 */
function lackingData(container: Container, { references }: CheckedSignature): Judgement | undefined {
  const present = [PART_NAME.message, ...container.attachments.map(({ name }) => `/${name}`)]
  const lacking = references.find(({ uri }) => uri !== PART_NAME.hashChainResult && !present.includes(uri))
  if (lacking === undefined) return undefined
  return {
    verdict: 'INDETERMINATE',
    subIndication: 'SIGNED_DATA_NOT_FOUND',
    code: 'invalid_reference',
    reason: say`${lacking.uri} is signed but is not in the container.`.toString(),
  }
}

function notCovered(names: string[]): Judgement {
  return {
    verdict: 'INDETERMINATE',
    subIndication: 'SIG_CONSTRAINTS_FAILURE',
    code: 'uncovered_part',
    reason: say`The signature is valid but does not cover ${names.join(', ')}.`.toString(),
  }
}

function unknownInstance(instance: string): Judgement {
  return {
    verdict: 'INDETERMINATE',
    subIndication: 'NO_CERTIFICATE_CHAIN_FOUND',
    code: 'invalid_cert_path',
    reason: say`The configuration does not know the signer's instance ${instance}.`.toString(),
  }
}

/** A time-stamp before the signing time or in the future proves that some clock is wrong. */
function wrongOrder({ signingTime }: CheckedSignature, time: Date, now: Date): Judgement | undefined {
  const early = signingTime !== undefined && signingTime.getTime() > time.getTime() + CLOCK_TOLERANCE_MS
  if (!early && time.getTime() <= now.getTime() + CLOCK_TOLERANCE_MS) return undefined
  return {
    verdict: 'INDETERMINATE',
    subIndication: 'TIMESTAMP_ORDER_FAILURE',
    code: 'timestamp_invalid',
    reason: String(
      early
        ? say`The claimed signing time lies after the time-stamp.`
        : say`The time-stamp lies in the future.`,
    ),
  }
}
