/** Signs an event with DSSE: the envelope becomes its extension `dssematerial`. */
import type { CloudEvent } from '#core/events/cloud-event.ts'
import type { SigningKey } from '#core/signature/signing-key.ts'
import { notHeld, signedBytes, writeEnvelope } from './envelope.ts'
import {
  checkSignedNames,
  coreDigest,
  type ExtensionType,
  extensionsDigest,
  MATERIAL,
} from './event-digests.ts'
import { signatureValue } from './key-method.ts'

/** The version of the rules for the payload. */
export const PAYLOAD_TYPE = 'https://cloudevents.io/verifiability/dsse/v0.1'

type EventSigner = { readonly key: SigningKey; readonly keyid: string }

/**
 * The event with its signature, which replaces an earlier one. `extensions` names those that are covered, in
 * the order in which they are hashed; one that the event does not have is covered as absent. Throws
 * `invalid_event_signature` for a name that may not be covered, an empty value, which could not be told from
 * an absent one, and a type that is not known; `cannot_sign` for a key of another kind.
 */
export async function signEvent(
  event: CloudEvent,
  signers: readonly EventSigner[],
  extensions: readonly string[] = [],
  types: ReadonlyMap<string, ExtensionType> = new Map(),
): Promise<CloudEvent> {
  checkSignedNames(extensions)
  if (extensions.some((name) => event.extensions.get(name) === ''))
    throw notHeld('an empty extension is not signed')
  const ext = extensionsDigest(event, extensions, types)
  if (ext === undefined) throw notHeld('an extension whose type is not known is not signed')
  const payload = Buffer.from(
    JSON.stringify({
      core: coreDigest(event).toString('base64'),
      ...(extensions.length === 0 ? {} : { ext: ext.toString('base64'), signedextattrs: extensions }),
    }),
  )
  const data = signedBytes({ payloadType: PAYLOAD_TYPE, payload })
  const signatures = await Promise.all(
    signers.map(async ({ key, keyid }) => ({ keyid, value: await signatureValue(key, data) })),
  )
  const envelope = writeEnvelope({ payloadType: PAYLOAD_TYPE, payload, signatures })
  return {
    ...event,
    extensions: new Map(event.extensions).set(MATERIAL, Buffer.from(envelope).toString('base64')),
  }
}
