/**
 * The document with an instance's own certificate profiles, in canonical JSON, for people who verify evidence
 * offline. It is stored with the shared parameters and is as trusted as they are: the person who chooses the
 * configuration vouches for both.
 */
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import type { CertificateProfile } from '#schemas/certificate-profile.ts'
import { Fault } from '#schemas/fault.ts'
import { checkCode } from '#schemas/identifiers.ts'
import { readOwnProfiles } from './read-own-profiles.ts'

export const PROFILES_FILE = 'certificate-profiles.json'

/** Enough for 20 profiles of 16 KiB each and the members around them. */
const MAX_BYTES = 512 * 1024

type InstanceProfiles = { instance: string; profiles: CertificateProfile[] }

export function writeInstanceProfiles({ instance, profiles }: InstanceProfiles): Buffer {
  return Buffer.from(canonicalJson({ instance, profiles }))
}

/** Distinguishes the document from shared parameters, which are XML. */
export function isInstanceProfiles(bytes: Buffer): boolean {
  return bytes[0] === '{'.charCodeAt(0)
}

/** Throws `malformed_global_conf`. */
export function readInstanceProfiles(bytes: Buffer): InstanceProfiles {
  try {
    if (bytes.length > MAX_BYTES) throw new Fault('invalid_input', { what: 'it is too large' })
    const value = parseStrictJson(bytes) as { instance?: unknown; profiles?: unknown }
    const { instance, profiles, ...more } = value
    if (typeof instance !== 'string' || Object.keys(more).length > 0)
      throw new Fault('invalid_input', { what: 'it has an instance and profiles, and nothing else' })
    return { instance: checkCode(instance), profiles: readOwnProfiles(profiles) }
  } catch (cause) {
    const why = cause instanceof Fault ? cause.what : 'it is no JSON'
    throw new Fault('malformed_global_conf', { what: `${PROFILES_FILE}: ${why}`, cause })
  }
}
