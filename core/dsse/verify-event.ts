/** Verifies the extension `dssematerial` of an event: who signed it, and what of it is covered. */
import type { KeyObject } from 'node:crypto'
import type { AttributeValue, CloudEvent } from '#core/events/cloud-event.ts'
import { fromBase64, jsonObject, notHeld, readEnvelope } from './envelope.ts'
import {
  checkSignedNames,
  coreDigest,
  type ExtensionType,
  extensionsDigest,
  MATERIAL,
} from './event-digests.ts'
import { PAYLOAD_TYPE } from './sign-event.ts'
import { type TrustedKey, verifyEnvelope } from './verify-envelope.ts'

type VerifiedEvent = {
  /**
   * What the signature covers and nothing else: all of CloudEvents' own attributes, the data, the verified
   * extensions.
   */
  event: CloudEvent
  /** The extensions of the event that anybody could have added, changed or removed on its way. */
  unverified: ReadonlyMap<string, AttributeValue>
  /**
   * `skipped`: extensions are signed, and the type of one of them is not known here; all of them are
   * unverified.
   */
  extensions: 'none' | 'verified' | 'skipped'
  /** The trusted keys that signed. */
  keys: KeyObject[]
}

/**
 * Throws `invalid_event_signature` where the event is not signed by `threshold` of the trusted keys as it is
 * now. It covers `time` in whole seconds, and does not tell an empty attribute from an absent one (our events
 * have no empty ones of CloudEvents' own).
 */
export function verifyEvent(
  event: CloudEvent,
  trusted: readonly TrustedKey[],
  {
    threshold = 1,
    types = new Map(),
  }: { threshold?: number; types?: ReadonlyMap<string, ExtensionType> } = {},
): VerifiedEvent {
  const material = event.extensions.get(MATERIAL)
  if (material === undefined || material === '') throw notHeld('the event is not signed')
  const envelope = readEnvelope(fromBase64(material, MATERIAL))
  const keys = verifyEnvelope(envelope, PAYLOAD_TYPE, trusted, threshold)
  const { core, ext, names } = readPayload(envelope.payload)
  if (!coreDigest(event).equals(core)) throw notHeld('the event was changed')
  const digest = ext === undefined ? undefined : extensionsDigest(event, names, types)
  if (ext !== undefined && digest !== undefined && !digest.equals(ext))
    throw notHeld('a signed extension was changed')
  const isCovered = (name: string): boolean => digest !== undefined && names.includes(name)
  return {
    event: { ...event, extensions: new Map([...event.extensions].filter(([name]) => isCovered(name))) },
    unverified: new Map([...event.extensions].filter(([name]) => name !== MATERIAL && !isCovered(name))),
    extensions: ext === undefined ? 'none' : digest === undefined ? 'skipped' : 'verified',
    keys,
  }
}

/** Members that are not known are ignored, as the extension asks. */
function readPayload(bytes: Buffer): { core: Buffer; ext: Buffer | undefined; names: string[] } {
  const { core, ext, signedextattrs: names } = jsonObject(bytes, 'the payload')
  if ((ext === undefined) !== (names === undefined)) throw notHeld('ext and signedextattrs go together')
  if (names === undefined) return { core: digestOf(core, 'core'), ext: undefined, names: [] }
  if (!Array.isArray(names) || names.length === 0 || !names.every((name) => typeof name === 'string'))
    throw notHeld('signedextattrs is not a list of names')
  checkSignedNames(names)
  return { core: digestOf(core, 'core'), ext: digestOf(ext, 'ext'), names }
}

function digestOf(text: unknown, what: string): Buffer {
  const digest = fromBase64(text, what)
  if (digest.length !== 32) throw notHeld(`${what} is not a SHA-256`)
  return digest
}
