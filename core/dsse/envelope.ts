/**
 * DSSE 1.0.2 (https://github.com/secure-systems-lab/dsse): the JSON envelope, and the bytes that its
 * signatures cover.
 */
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { Fault } from '#schemas/fault.ts'

export type Envelope = {
  readonly payload: Buffer
  readonly payloadType: string
  readonly signatures: readonly EnvelopeSignature[]
}

/** `keyid` is a hint that nobody signed: it may only narrow which keys are tried. An empty one is none. */
type EnvelopeSignature = { readonly keyid?: string; readonly value: Buffer }

const MAX_BYTES = 65_536
const MAX_DEPTH = 8
const MAX_SIGNATURES = 8
const MAX_TEXT = 1_024

/** PAE: the lengths keep type and payload apart, so that no other pair has the same bytes. */
export function signedBytes({ payloadType, payload }: Pick<Envelope, 'payloadType' | 'payload'>): Buffer {
  const type = Buffer.from(payloadType)
  return Buffer.concat([Buffer.from(`DSSEv1 ${type.length} ${payloadType} ${payload.length} `), payload])
}

/** The text of an envelope. */
export function writeEnvelope({ payload, payloadType, signatures }: Envelope): string {
  return JSON.stringify({
    payloadType,
    payload: payload.toString('base64'),
    signatures: signatures.map(({ keyid, value }) => ({
      ...(keyid === undefined ? {} : { keyid }),
      sig: value.toString('base64'),
    })),
  })
}

/**
 * The envelope in bytes of JSON, of at most 64 KiB and with 1 to 8 signatures, none of which is verified yet.
 * Fields that DSSE does not know are ignored, as it asks. Throws `invalid_event_signature`.
 */
export function readEnvelope(bytes: Buffer): Envelope {
  const { payload, payloadType, signatures } = jsonObject(bytes, 'the envelope')
  if (typeof payloadType !== 'string' || payloadType.length > MAX_TEXT)
    throw notHeld('its payloadType is no text')
  if (!Array.isArray(signatures) || signatures.length === 0 || signatures.length > MAX_SIGNATURES)
    throw notHeld(`its envelope has not 1 to ${MAX_SIGNATURES} signatures`)
  return { payload: fromBase64(payload, 'payload'), payloadType, signatures: signatures.map(readOne) }
}

function readOne(json: unknown): EnvelopeSignature {
  const { keyid = '', sig } = objectOf(json, 'a signature')
  if (typeof keyid !== 'string' || keyid.length > MAX_TEXT) throw notHeld('a keyid is no text')
  return { ...(keyid === '' ? {} : { keyid }), value: fromBase64(sig, 'sig') }
}

/** The object in bytes of strict JSON; `what` names it in the fault. */
export function jsonObject(bytes: Buffer, what: string): Record<string, unknown> {
  let json: unknown
  try {
    json = parseStrictJson(bytes, { maxLength: MAX_BYTES, maxDepth: MAX_DEPTH })
  } catch (cause) {
    throw new Fault('invalid_event_signature', { what: `${what} is not JSON`, cause })
  }
  return objectOf(json, what)
}

/**
 * Bytes in the standard alphabet or in that for URLs, both of which a verifier has to take (protocol,
 * "Protocol"), with padding.
 */
export function fromBase64(text: unknown, what: string): Buffer {
  if (typeof text !== 'string') throw notHeld(`${what} is not base64`)
  const isForUrls = /[-_]/.test(text) && !/[+/]/.test(text)
  const standard = isForUrls ? text.replaceAll('-', '+').replaceAll('_', '/') : text
  const bytes = Buffer.from(standard, 'base64')
  if (bytes.toString('base64') !== standard) throw notHeld(`${what} is not base64`)
  return bytes
}

/** `invalid_event_signature`: `what` says why. */
export function notHeld(what: string): Fault {
  return new Fault('invalid_event_signature', { what })
}

function objectOf(json: unknown, what: string): Record<string, unknown> {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw notHeld(`${what} is not an object`)
  return json as Record<string, unknown>
}
